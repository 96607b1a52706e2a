-- Each decision wrote an entry into these at a random place, and with millions of rows every such
-- place is a page of its own to read, to write and to log. Nobody looked decisions up by intent; those
-- of a card are found through its transactions.
DROP INDEX decision_intent;
DROP INDEX decision_card;
