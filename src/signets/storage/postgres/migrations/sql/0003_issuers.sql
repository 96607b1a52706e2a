-- Issuer connections that are watched, events that are never lost, disputes.

ALTER TABLE issuer_connection
    ADD COLUMN options_sealed bytea,            -- what one issuer needs besides; encrypted
    ADD COLUMN public_url text,                 -- where the issuer was told to reach us
    ADD COLUMN checked_at timestamptz,
    ADD COLUMN findings jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN held_at timestamptz,             -- nothing passes on its cards until it is healthy
    ADD COLUMN held_because text,
    ADD COLUMN pulled_until timestamptz,        -- up to when missed events were looked for
    ADD COLUMN pulled_deep_at timestamptz,
    ADD CONSTRAINT issuer_connection_held CHECK ((held_at IS NULL) = (held_because IS NULL));

ALTER TABLE issuer_inbox
    ADD COLUMN attempts smallint NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    ADD COLUMN next_attempt_at timestamptz,     -- NULL: at once
    ADD COLUMN outcome text CHECK (outcome IN ('folded', 'unknown_kind', 'problem'));
UPDATE issuer_inbox SET outcome = CASE WHEN problem IS NULL THEN 'folded' ELSE 'problem' END
    WHERE processed_at IS NOT NULL;
ALTER TABLE issuer_inbox
    ADD CONSTRAINT issuer_inbox_outcome CHECK ((outcome IS NULL) = (processed_at IS NULL));
-- What a person has to look at.
CREATE INDEX issuer_inbox_problem ON issuer_inbox (org_id, id) WHERE outcome = 'problem';

CREATE TYPE dispute_state AS ENUM (
    'opened',      -- -> submitted, withdrawn
    'submitted',   -- -> won, lost, withdrawn
    'won', 'lost', 'withdrawn'
);

CREATE TABLE dispute (
    org_id text COLLATE "C" NOT NULL REFERENCES organization,
    id text COLLATE "C" NOT NULL,
    transaction_id text COLLATE "C" NOT NULL,
    connection_id text COLLATE "C" NOT NULL,
    issuer_token text COLLATE "C",              -- NULL until the issuer has taken it
    state dispute_state NOT NULL,
    reason text NOT NULL,
    note text NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),  -- claimed, billing currency
    currency char(3) NOT NULL,
    recovered bigint NOT NULL DEFAULT 0 CHECK (recovered >= 0),  -- what a won one brought back
    problem text,                               -- why the issuer did not take it
    opened_by text NOT NULL,
    opened_at timestamptz NOT NULL,
    submitted_at timestamptz,
    ended_at timestamptz,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, transaction_id) REFERENCES transaction,
    FOREIGN KEY (org_id, connection_id) REFERENCES issuer_connection,
    CHECK ((ended_at IS NOT NULL) = (state IN ('won', 'lost', 'withdrawn'))),
    CHECK (state NOT IN ('submitted', 'won', 'lost') OR issuer_token IS NOT NULL),
    CHECK (recovered = 0 OR state = 'won')
);
CREATE UNIQUE INDEX dispute_issuer_token ON dispute (org_id, connection_id, issuer_token);
-- One claim at a time on one transaction.
CREATE UNIQUE INDEX dispute_live ON dispute (org_id, transaction_id)
    WHERE state IN ('opened', 'submitted');
CREATE INDEX dispute_waiting ON dispute (org_id, opened_at) WHERE state = 'opened';

CREATE FUNCTION guard_dispute_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.state, NEW.state) IN (
        ('opened', 'submitted'), ('opened', 'withdrawn'),
        ('submitted', 'won'), ('submitted', 'lost'), ('submitted', 'withdrawn')
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a dispute that is % cannot become %', OLD.state, NEW.state
        USING ERRCODE = 'check_violation', CONSTRAINT = 'dispute_state';
END $$;
CREATE TRIGGER dispute_state BEFORE UPDATE OF state ON dispute
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
    EXECUTE FUNCTION guard_dispute_state();

-- A provisional credit stands in an account of its own until the claim is decided.
ALTER TABLE transaction ADD COLUMN provisional bigint NOT NULL DEFAULT 0 CHECK (provisional >= 0);
