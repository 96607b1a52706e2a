-- What the issuer holds a card to by itself: a limit over its whole life, and blocked categories.
-- NULL: the card has not been unlocked since this version came; it gets one when it is.
ALTER TABLE card
    ADD COLUMN issuer_counted bigint NOT NULL DEFAULT 0 CHECK (issuer_counted >= 0),
    ADD COLUMN backstop bigint CHECK (backstop > 0),
    ADD COLUMN blocked_categories text[] NOT NULL DEFAULT '{}',
    ADD COLUMN issuer_backstop bigint,  -- this and the next: as last confirmed by the issuer
    ADD COLUMN issuer_blocked_categories text[] NOT NULL DEFAULT '{}';

-- The most that the issuer can count of it; the card's is the sum.
ALTER TABLE transaction ADD COLUMN issuer_counted bigint NOT NULL DEFAULT 0;
UPDATE transaction SET issuer_counted = greatest(authorized, held + reversed + cleared);
UPDATE card SET issuer_counted = one.counted
    FROM (SELECT org_id, card_id, sum(issuer_counted) AS counted
            FROM transaction WHERE card_id IS NOT NULL GROUP BY org_id, card_id) AS one
    WHERE one.org_id = card.org_id AND one.card_id = card.id;

-- Which issuers there are is known by the code that has their adapters, and refused there.
ALTER TABLE issuer_connection DROP CONSTRAINT issuer_connection_issuer_check,
    ADD CONSTRAINT issuer_connection_issuer_check CHECK (issuer ~ '^[a-z][a-z0-9_]*$');
