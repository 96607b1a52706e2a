-- Every writing transaction of an organization leaves a mark of its own, under the lock. A process
-- that finds the mark which it left itself knows that nobody wrote since, and need not read again
-- what it remembers. Random, and not a count: a count could come to the same again after a backup
-- was restored, or on a replica that took over without the last commits.
--
-- `followed` is the mark that it found, and `touched`, where it was a batch of authorizations, the
-- connection and the cards that it touched (NULL: anything). So another process that left the mark
-- before can follow it without reading all again. None of them is in an index: heap-only updates.
ALTER TABLE organization
    ADD COLUMN mark uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN followed uuid,
    ADD COLUMN touched text[];
