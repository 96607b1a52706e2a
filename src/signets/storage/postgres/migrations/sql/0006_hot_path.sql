-- What one authorization costs the database (docs/engine.md).

-- Updated for each charge, and no index holds what changes: with room on the page the new version
-- stays on it and no index is touched (HOT).
ALTER TABLE card SET (fillfactor = 75);
ALTER TABLE intent SET (fillfactor = 75);
ALTER TABLE unlock_window SET (fillfactor = 75);
ALTER TABLE exposure SET (fillfactor = 75);
ALTER TABLE transaction SET (fillfactor = 85);

-- A connection's row refers to its organization, so what refers to the connection needs no second
-- check of that.
ALTER TABLE decision DROP CONSTRAINT decision_org_id_fkey;
ALTER TABLE transaction DROP CONSTRAINT transaction_org_id_fkey;

-- Written once and read by people, never searched in: text that is checked to be JSON.
ALTER TABLE decision ALTER COLUMN answer TYPE json;
