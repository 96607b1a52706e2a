-- Every writing transaction of an organization counts itself and leaves its time, under the lock.
--
-- `moves` tells whether anything changed since a moment: facts that were read without the lock are
-- those under the lock, where it has not risen. `moved_at` keeps time from running backwards when the
-- database's clock is set back. Neither is in an index, so that a move is a heap-only update.
ALTER TABLE organization
    ADD COLUMN moves bigint NOT NULL DEFAULT 0,
    ADD COLUMN moved_at timestamptz;
