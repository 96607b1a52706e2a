-- Subtotals: a stretch of one key's rows, added up once (docs/decisions/0013-subtotals.md).
--
-- A key is what one cap or budget counts by: an organization, a card, an agent and a vendor, …, with
-- what its `when` names. Of a key that was read often and long, the finished past is cut into
-- stretches of time without a gap between them; rows before the first stretch and after the last are
-- added up as they are. Whoever reads a long rest leaves the stretches behind
-- (storage/postgres/subtotals.py), under the organization's lock. Rows that come or change later, in
-- a stretch that is added up already, change its subtotal in the same statement: the triggers below.

CREATE TABLE subtotal_shape (
    org_id text COLLATE "C" NOT NULL REFERENCES organization,
    shape text COLLATE "C" NOT NULL,        -- names the rest of the row
    source text NOT NULL CHECK (source IN ('velocity', 'exposure')),
    columns text[] NOT NULL,                -- what a key is made of
    agents text[] NOT NULL,                 -- what `when` names; empty: any
    vendors text[] NOT NULL,
    categories text[] NOT NULL,
    workflows text[] NOT NULL,
    until_at timestamptz NOT NULL,          -- no stretch of any of its keys ends later
    PRIMARY KEY (org_id, shape)
);

-- Level 1 adds up rows, level 2 stretches of level 1. The sums are in no
-- index, so that changing them is a heap-only update.
CREATE TABLE velocity_subtotal (
    org_id text COLLATE "C" NOT NULL,
    shape text COLLATE "C" NOT NULL,
    key text[] COLLATE "C" NOT NULL,
    level smallint NOT NULL CHECK (level IN (1, 2)),
    from_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL CHECK (until_at > from_at),   -- exclusive
    currency char(3) NOT NULL,
    capped_by text[] COLLATE "C" NOT NULL,
    approved_counts bigint NOT NULL,
    approved_amount bigint NOT NULL,
    approved_oldest timestamptz,            -- the first that counts
    declined_counts bigint NOT NULL,
    declined_amount bigint NOT NULL,
    declined_oldest timestamptz,
    PRIMARY KEY (org_id, shape, key, level, from_at, currency, capped_by),
    FOREIGN KEY (org_id, shape) REFERENCES subtotal_shape
) WITH (fillfactor = 80);

CREATE TABLE exposure_subtotal (
    org_id text COLLATE "C" NOT NULL,
    shape text COLLATE "C" NOT NULL,
    key text[] COLLATE "C" NOT NULL,
    level smallint NOT NULL CHECK (level IN (1, 2)),
    from_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL CHECK (until_at > from_at),
    currency char(3) NOT NULL,
    reserved bigint NOT NULL,
    held bigint NOT NULL,
    cleared bigint NOT NULL,
    refunded bigint NOT NULL,
    PRIMARY KEY (org_id, shape, key, level, from_at, currency),
    FOREIGN KEY (org_id, shape) REFERENCES subtotal_shape
) WITH (fillfactor = 60);

-- ── rows that come or change in a stretch that is added up ─────────────────────────────────────

CREATE FUNCTION subtotal_late_velocity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Nearly always nothing: what happens now is later than every stretch.
    PERFORM FROM added JOIN subtotal_shape shape ON shape.org_id = added.org_id
        AND shape.source = 'velocity' AND added.at < shape.until_at LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO velocity_subtotal AS known (
        org_id, shape, key, level, from_at, until_at, currency, capped_by,
        approved_counts, approved_amount, approved_oldest,
        declined_counts, declined_amount, declined_oldest)
    SELECT added.org_id, shape.shape, keyed.key, span.level, span.from_at, span.until_at,
           added.currency, added.capped_by,
           coalesce(sum(counts) FILTER (WHERE approved), 0),
           coalesce(sum(amount) FILTER (WHERE approved), 0),
           min(at) FILTER (WHERE approved AND counts = 1),
           coalesce(sum(counts) FILTER (WHERE NOT approved), 0),
           coalesce(sum(amount) FILTER (WHERE NOT approved), 0),
           min(at) FILTER (WHERE NOT approved AND counts = 1)
      FROM added
      JOIN subtotal_shape shape ON shape.org_id = added.org_id
           AND shape.source = 'velocity' AND added.at < shape.until_at
           AND (shape.agents = '{}' OR added.agent_id = ANY (shape.agents))
           AND (shape.vendors = '{}' OR added.vendor = ANY (shape.vendors))
           AND (shape.categories = '{}' OR added.category = ANY (shape.categories))
     CROSS JOIN LATERAL (
           SELECT coalesce(array_agg(CASE part.name
                      WHEN 'card_id' THEN added.card_id
                      WHEN 'agent_id' THEN added.agent_id
                      WHEN 'vendor' THEN added.vendor
                  END ORDER BY part.n), '{}') AS key
             FROM unnest(shape.columns) WITH ORDINALITY AS part (name, n)) keyed
     CROSS JOIN LATERAL (
           SELECT level.level, found.* FROM (VALUES (1), (2)) AS level (level)
            CROSS JOIN LATERAL (
                  SELECT from_at, until_at FROM velocity_subtotal one
                   WHERE one.org_id = added.org_id AND one.shape = shape.shape
                     AND one.key = keyed.key COLLATE "C" AND one.level = level.level
                     AND one.from_at <= added.at
                   ORDER BY one.from_at DESC LIMIT 1) found) span
     WHERE added.at < span.until_at
     GROUP BY added.org_id, shape.shape, keyed.key, span.level, span.from_at, span.until_at,
              added.currency, added.capped_by
    ON CONFLICT (org_id, shape, key, level, from_at, currency, capped_by) DO UPDATE SET
        approved_counts = known.approved_counts + excluded.approved_counts,
        approved_amount = known.approved_amount + excluded.approved_amount,
        approved_oldest = least(known.approved_oldest, excluded.approved_oldest),
        declined_counts = known.declined_counts + excluded.declined_counts,
        declined_amount = known.declined_amount + excluded.declined_amount,
        declined_oldest = least(known.declined_oldest, excluded.declined_oldest);
    RETURN NULL;
END $$;
CREATE TRIGGER velocity_event_late AFTER INSERT ON velocity_event
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION subtotal_late_velocity();

-- Both triggers of `exposure` end here: ``sign`` is -1 for what a row was and 1 for what it is.
CREATE TYPE exposure_change AS (
    org_id text, card_id text, agent_id text, vendor text, category text, workflow text,
    currency char(3), counts_at timestamptz,
    reserved bigint, held bigint, cleared bigint, refunded bigint
);

CREATE FUNCTION subtotal_exposure_changes(changes exposure_change[]) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO exposure_subtotal AS known (
        org_id, shape, key, level, from_at, until_at, currency,
        reserved, held, cleared, refunded)
    SELECT changed.org_id, shape.shape, keyed.key, span.level, span.from_at, span.until_at,
           changed.currency, sum(reserved), sum(held), sum(cleared), sum(refunded)
      FROM unnest(changes) changed
      JOIN subtotal_shape shape ON shape.org_id = changed.org_id
           AND shape.source = 'exposure' AND changed.counts_at < shape.until_at
           AND (shape.agents = '{}' OR changed.agent_id = ANY (shape.agents))
           AND (shape.vendors = '{}' OR changed.vendor = ANY (shape.vendors))
           AND (shape.categories = '{}' OR changed.category = ANY (shape.categories))
           AND (shape.workflows = '{}' OR changed.workflow = ANY (shape.workflows))
     CROSS JOIN LATERAL (
           SELECT coalesce(array_agg(CASE part.name
                      WHEN 'card_id' THEN changed.card_id
                      WHEN 'agent_id' THEN changed.agent_id
                      WHEN 'vendor' THEN changed.vendor
                      WHEN 'workflow' THEN changed.workflow
                  END ORDER BY part.n), '{}') AS key
             FROM unnest(shape.columns) WITH ORDINALITY AS part (name, n)) keyed
     CROSS JOIN LATERAL (
           SELECT level.level, found.* FROM (VALUES (1), (2)) AS level (level)
            CROSS JOIN LATERAL (
                  SELECT from_at, until_at FROM exposure_subtotal one
                   WHERE one.org_id = changed.org_id AND one.shape = shape.shape
                     AND one.key = keyed.key COLLATE "C" AND one.level = level.level
                     AND one.from_at <= changed.counts_at
                   ORDER BY one.from_at DESC LIMIT 1) found) span
     WHERE changed.counts_at < span.until_at
     GROUP BY changed.org_id, shape.shape, keyed.key, span.level, span.from_at, span.until_at,
              changed.currency
    ON CONFLICT (org_id, shape, key, level, from_at, currency) DO UPDATE SET
        reserved = known.reserved + excluded.reserved,
        held = known.held + excluded.held,
        cleared = known.cleared + excluded.cleared,
        refunded = known.refunded + excluded.refunded
$$;

CREATE FUNCTION subtotal_late_exposure() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changes exposure_change[];
BEGIN
    SELECT array_agg((org_id, card_id, agent_id, vendor, category, workflow, currency, counts_at,
                      reserved, held, cleared, refunded)::exposure_change)
      INTO changes FROM added
     WHERE EXISTS (SELECT FROM subtotal_shape shape WHERE shape.org_id = added.org_id
                      AND shape.source = 'exposure' AND added.counts_at < shape.until_at);
    IF changes IS NOT NULL THEN
        PERFORM subtotal_exposure_changes(changes);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER exposure_late AFTER INSERT ON exposure
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION subtotal_late_exposure();

CREATE FUNCTION subtotal_changed_exposure() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changes exposure_change[];
BEGIN
    SELECT array_agg((org_id, card_id, agent_id, vendor, category, workflow, currency, counts_at,
                      reserved, held, cleared, refunded)::exposure_change)
      INTO changes
      FROM (SELECT org_id, card_id, agent_id, vendor, category, workflow, currency, counts_at,
                   reserved, held, cleared, refunded FROM after
            UNION ALL
            SELECT org_id, card_id, agent_id, vendor, category, workflow, currency, counts_at,
                   -reserved, -held, -cleared, -refunded FROM before) changed
     WHERE EXISTS (SELECT FROM subtotal_shape shape WHERE shape.org_id = changed.org_id
                      AND shape.source = 'exposure' AND changed.counts_at < shape.until_at);
    IF changes IS NOT NULL THEN
        PERFORM subtotal_exposure_changes(changes);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER exposure_changed AFTER UPDATE ON exposure
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION subtotal_changed_exposure();

-- Nothing deletes exposure; were it done by hand, subtotals would go on counting it.
CREATE TRIGGER exposure_kept BEFORE DELETE ON exposure
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- ── the other counts of a busy card ────────────────────────────────────────────────────────────

-- The circuit breaker counts declines, and verifications have a bound a day: both few, among many.
CREATE INDEX velocity_event_declined ON velocity_event (org_id, card_id, at) WHERE NOT approved;
CREATE INDEX velocity_event_verification ON velocity_event (org_id, card_id, at)
    WHERE verification AND approved;
-- What one transaction counts, for a message that comes when the card has done much more.
CREATE INDEX velocity_event_transaction ON velocity_event (org_id, transaction_id);

-- Live authorizations by amount: a duplicate is the nearest one (core/authorization/duplicate.py).
DROP INDEX transaction_live;
CREATE INDEX transaction_live ON transaction (org_id, card_id, vendor, currency, held)
    WHERE held > 0;
