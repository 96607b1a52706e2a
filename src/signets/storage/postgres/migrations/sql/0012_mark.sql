-- Every writing transaction of an organization leaves a mark of its own, under the lock. A process
-- that finds the mark which it left itself knows that nobody wrote since, and need not read again
-- what it remembers. Random, and not a count: a count could come to the same again after a backup
-- was restored, or on a replica that took over without the last commits. In no index: a heap-only
-- update.
ALTER TABLE organization ADD COLUMN mark uuid NOT NULL DEFAULT gen_random_uuid();
