-- Every writing transaction of an organization leaves its time, under the lock, so that time does not
-- run backwards when the database's clock is set back. In no index: a heap-only update.
ALTER TABLE organization ADD COLUMN moved_at timestamptz;
