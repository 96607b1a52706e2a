-- The whole schema of the purchase loop. Every tenant table is keyed by organization first, so that
-- it can be distributed by org_id; ids are TypeIDs, compared bytewise (COLLATE "C").
-- Money is bigint minor units. Time is timestamptz. Runs on PostgreSQL 15 to 18.

CREATE TYPE member_role AS ENUM ('admin', 'approver', 'viewer');
CREATE TYPE key_owner AS ENUM ('organization', 'member', 'agent');
CREATE TYPE card_state AS ENUM ('locked', 'open', 'closed');
CREATE TYPE issuer_card_state AS ENUM ('open', 'paused', 'closed');
CREATE TYPE limit_period AS ENUM ('lifetime', 'month');
CREATE TYPE intent_usage AS ENUM ('single', 'window', 'recurring');
CREATE TYPE intent_state AS ENUM (
    'declared',          -- -> approved, pending_approval, denied
    'pending_approval',  -- -> approved, denied, expired, canceled
    'approved',          -- -> authorized, expired, canceled, superseded
    'authorized',        -- -> settled, voided, approved (fully reversed in its window, twice)
    'settled', 'voided', 'denied', 'expired', 'canceled', 'superseded'
);
CREATE TYPE approval_state AS ENUM ('waiting', 'approved', 'denied', 'expired', 'canceled');
CREATE TYPE approval_vote_kind AS ENUM ('approve', 'deny');
CREATE TYPE decision_kind AS ENUM ('purchase', 'increment', 'verification', 'credit');
CREATE TYPE decision_state AS ENUM ('sent', 'unknown', 'void');
CREATE TYPE verdict_status AS ENUM ('pending', 'verified', 'flagged');

-- ── who ────────────────────────────────────────────────────────────────────────────────────────

-- The row every money-affecting transaction locks first (FOR NO KEY UPDATE): one writer per
-- organization at a time makes limits, caps and budgets exact, and deadlock impossible.
CREATE TABLE organization (
    org_id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    currency char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    frozen_at timestamptz,
    created_at timestamptz NOT NULL
);

CREATE TABLE member (
    org_id text COLLATE "C" NOT NULL REFERENCES organization,
    id text COLLATE "C" NOT NULL,
    email text NOT NULL CHECK (position('@' IN email) > 1),
    name text NOT NULL,
    role member_role NOT NULL,
    disabled_at timestamptz,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX member_email ON member (org_id, lower(email)) WHERE disabled_at IS NULL;

CREATE TABLE agent (
    org_id text COLLATE "C" NOT NULL REFERENCES organization,
    id text COLLATE "C" NOT NULL,
    handle text NOT NULL CHECK (handle ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name text NOT NULL,
    frozen_at timestamptz,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, handle)
);

CREATE TABLE api_key (
    org_id text COLLATE "C" NOT NULL REFERENCES organization,
    id text COLLATE "C" NOT NULL,
    owner key_owner NOT NULL,
    member_id text COLLATE "C",
    agent_id text COLLATE "C",
    name text NOT NULL,
    secret_sha256 bytea NOT NULL CHECK (length(secret_sha256) = 32),
    scopes text[] NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, member_id) REFERENCES member,
    FOREIGN KEY (org_id, agent_id) REFERENCES agent,
    CHECK ((owner = 'member') = (member_id IS NOT NULL)),
    CHECK ((owner = 'agent') = (agent_id IS NOT NULL))
);

CREATE TABLE issuer_connection (
    org_id text COLLATE "C" NOT NULL REFERENCES organization,
    id text COLLATE "C" NOT NULL,
    issuer text NOT NULL CHECK (issuer IN ('sandbox', 'lithic', 'stripe')),
    mode text NOT NULL CHECK (mode IN ('sandbox', 'test', 'live')),
    base_url text NOT NULL,
    api_key_sealed bytea NOT NULL,   -- encrypted with the instance's secret
    secrets_sealed bytea,            -- encrypted webhook secrets; NULL until enrolled
    enrolled_at timestamptz,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX issuer_connection_id ON issuer_connection (id);

CREATE TABLE policy_version (
    org_id text COLLATE "C" NOT NULL REFERENCES organization,
    version integer NOT NULL CHECK (version > 0),
    document jsonb NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, version)
);

-- ── what is wanted, and the card that opens for it ─────────────────────────────────────────────

CREATE TABLE card (
    org_id text COLLATE "C" NOT NULL REFERENCES organization,
    id text COLLATE "C" NOT NULL,
    agent_id text COLLATE "C" NOT NULL,
    connection_id text COLLATE "C" NOT NULL,
    issuer_token text COLLATE "C",   -- NULL until the issuer has made the card
    last_four char(4),
    exp_month smallint CHECK (exp_month BETWEEN 1 AND 12),
    exp_year smallint,
    state card_state NOT NULL,
    issuer_state issuer_card_state NOT NULL,  -- as last confirmed by the issuer
    frozen_at timestamptz,
    breaker_tripped_at timestamptz,
    breaker_reset_at timestamptz,
    merchant_lock text[] NOT NULL CHECK (cardinality(merchant_lock) BETWEEN 1 AND 20),
    allow_facilitators boolean NOT NULL,
    currency char(3) NOT NULL,
    spending_limit bigint NOT NULL CHECK (spending_limit > 0),
    limit_period limit_period NOT NULL,
    per_authorization_limit bigint CHECK (per_authorization_limit > 0),
    recurring boolean NOT NULL,
    workflow text,
    memo text NOT NULL,
    created_by text NOT NULL,
    evidence_seq integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    closed_at timestamptz,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, agent_id) REFERENCES agent,
    FOREIGN KEY (org_id, connection_id) REFERENCES issuer_connection,
    CHECK ((state = 'closed') = (closed_at IS NOT NULL)),
    CHECK (state <> 'open' OR breaker_tripped_at IS NULL)
);
CREATE UNIQUE INDEX card_issuer_token ON card (org_id, connection_id, issuer_token);
CREATE INDEX card_agent ON card (org_id, agent_id);
-- Cards whose issuer state lags behind ours: what the worker has to push.
CREATE INDEX card_lag ON card (org_id, id)
    WHERE (state = 'open') <> (issuer_state = 'open') OR issuer_token IS NULL;

CREATE TABLE intent (
    org_id text COLLATE "C" NOT NULL REFERENCES organization,
    id text COLLATE "C" NOT NULL,
    agent_id text COLLATE "C" NOT NULL,
    card_id text COLLATE "C",
    parent_id text COLLATE "C",          -- a period of this recurring intent
    period_index integer,
    state intent_state NOT NULL,
    usage intent_usage NOT NULL,
    purpose text NOT NULL CHECK (purpose <> ''),
    expected_amount bigint NOT NULL CHECK (expected_amount > 0),
    maximum bigint NOT NULL CHECK (maximum >= expected_amount),
    currency char(3) NOT NULL,
    vendor text NOT NULL,
    category text,
    max_total bigint NOT NULL CHECK (max_total > 0),
    max_per_charge bigint NOT NULL CHECK (max_per_charge BETWEEN 1 AND max_total),
    max_count integer NOT NULL CHECK (max_count > 0),
    reserve bigint NOT NULL CHECK (reserve > 0),  -- what approval sets aside, card's currency
    window_seconds integer NOT NULL CHECK (window_seconds > 0),
    period text CHECK (period IN ('month', 'year')),
    workflow text,
    line_items jsonb NOT NULL,
    quote_url text,
    metadata jsonb NOT NULL,
    declared_by text NOT NULL,
    allow_duplicate_reason text,
    supersedes text COLLATE "C",
    policy_version integer NOT NULL,
    verdict jsonb NOT NULL,              -- policy's outcome, reasons and trace, as last evaluated
    charges integer NOT NULL DEFAULT 0 CHECK (charges >= 0),
    used bigint NOT NULL DEFAULT 0 CHECK (used >= 0),  -- held + cleared, intent's currency
    reopens smallint NOT NULL DEFAULT 0 CHECK (reopens BETWEEN 0 AND 2),
    evidence_seq integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    approved_at timestamptz,
    next_period_at timestamptz,          -- recurring parents: when the next window opens
    ended_at timestamptz,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, agent_id) REFERENCES agent,
    FOREIGN KEY (org_id, card_id) REFERENCES card,
    FOREIGN KEY (org_id, parent_id) REFERENCES intent,
    FOREIGN KEY (org_id, supersedes) REFERENCES intent,
    FOREIGN KEY (org_id, policy_version) REFERENCES policy_version,
    CHECK ((usage = 'recurring') = (period IS NOT NULL)),
    CHECK ((parent_id IS NULL) = (period_index IS NULL)),
    CHECK (usage <> 'single' OR (max_count = 1 AND charges <= 1)),
    CHECK (state NOT IN ('approved', 'authorized', 'settled', 'voided')
           OR (approved_at IS NOT NULL AND card_id IS NOT NULL)),
    CHECK ((ended_at IS NOT NULL)
           = (state IN ('settled', 'voided', 'denied', 'expired', 'canceled', 'superseded')))
);
CREATE UNIQUE INDEX intent_period ON intent (org_id, parent_id, period_index)
    WHERE parent_id IS NOT NULL;
CREATE INDEX intent_agent_vendor ON intent (org_id, agent_id, vendor, created_at);
CREATE INDEX intent_card ON intent (org_id, card_id);
CREATE INDEX intent_due ON intent (org_id, next_period_at)
    WHERE next_period_at IS NOT NULL AND state = 'approved';

CREATE TABLE approval_request (
    org_id text COLLATE "C" NOT NULL REFERENCES organization,
    id text COLLATE "C" NOT NULL,
    intent_id text COLLATE "C" NOT NULL,
    state approval_state NOT NULL,
    required smallint NOT NULL CHECK (required BETWEEN 1 AND 10),
    approvers jsonb NOT NULL,            -- one list per rule that names approvers; all must allow
    requested_by text NOT NULL,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    decided_at timestamptz,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, intent_id) REFERENCES intent,
    CHECK ((state = 'waiting') = (decided_at IS NULL))
);
CREATE UNIQUE INDEX approval_request_waiting ON approval_request (org_id, intent_id)
    WHERE state = 'waiting';

CREATE TABLE approval_vote (
    org_id text COLLATE "C" NOT NULL,
    request_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    vote approval_vote_kind NOT NULL,
    comment text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (org_id, request_id, member_id),  -- one vote a member
    FOREIGN KEY (org_id, request_id) REFERENCES approval_request,
    FOREIGN KEY (org_id, member_id) REFERENCES member
);

CREATE TABLE unlock_window (
    org_id text COLLATE "C" NOT NULL REFERENCES organization,
    id text COLLATE "C" NOT NULL,
    card_id text COLLATE "C" NOT NULL,
    intent_id text COLLATE "C" NOT NULL,
    opens_at timestamptz NOT NULL,
    closes_at timestamptz NOT NULL,
    consumed_at timestamptz,
    ends_at timestamptz NOT NULL,        -- closes_at, or earlier by the grace once consumed
    ended_at timestamptz,                -- when it was really closed
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, card_id) REFERENCES card,
    FOREIGN KEY (org_id, intent_id) REFERENCES intent,
    CHECK (opens_at < closes_at),
    CHECK (ends_at <= closes_at)
);
-- One intent is open on a card at a time.
CREATE UNIQUE INDEX unlock_window_open ON unlock_window (org_id, card_id) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX unlock_window_intent ON unlock_window (org_id, intent_id)
    WHERE ended_at IS NULL;
CREATE INDEX unlock_window_due ON unlock_window (org_id, ends_at) WHERE ended_at IS NULL;

-- ── the real-time decision ─────────────────────────────────────────────────────────────────────

CREATE TABLE transaction (
    org_id text COLLATE "C" NOT NULL REFERENCES organization,
    id text COLLATE "C" NOT NULL,
    connection_id text COLLATE "C" NOT NULL,
    issuer_token text COLLATE "C" NOT NULL,  -- the issuer's request id
    card_id text COLLATE "C",                -- NULL: a card we do not know
    agent_id text COLLATE "C",
    intent_id text COLLATE "C",
    kind decision_kind NOT NULL,
    status text NOT NULL,
    currency char(3) NOT NULL,
    authorized bigint NOT NULL CHECK (authorized >= 0),
    held bigint NOT NULL CHECK (held >= 0),
    unconfirmed bigint NOT NULL CHECK (unconfirmed BETWEEN 0 AND held),
    reversed bigint NOT NULL CHECK (reversed >= 0),
    cleared bigint NOT NULL CHECK (cleared >= 0),
    refunded bigint NOT NULL CHECK (refunded >= 0),
    disputed bigint NOT NULL CHECK (disputed >= 0),
    recovered bigint NOT NULL CHECK (recovered >= 0),
    fees bigint NOT NULL,                    -- fees and currency difference inside cleared
    intent_use bigint NOT NULL CHECK (intent_use >= 0),  -- held + cleared, intent's currency
    merchant_amount bigint NOT NULL,
    merchant_currency char(3) NOT NULL,
    descriptor text NOT NULL,
    merchant jsonb NOT NULL,
    match jsonb NOT NULL,
    vendor text,                             -- only where the lock matched
    decided_by text NOT NULL,
    reason text,                             -- our reason, or the issuer's mapped to ours
    verdict verdict_status NOT NULL,
    flags text[] NOT NULL,
    notes text[] NOT NULL,
    explanation jsonb NOT NULL,
    totals jsonb,                            -- the issuer's newest totals, and how new
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, connection_id, issuer_token),
    FOREIGN KEY (org_id, connection_id) REFERENCES issuer_connection,
    FOREIGN KEY (org_id, card_id) REFERENCES card,
    FOREIGN KEY (org_id, intent_id) REFERENCES intent
);
CREATE INDEX transaction_card ON transaction (org_id, card_id, created_at);
CREATE INDEX transaction_intent ON transaction (org_id, intent_id);
CREATE INDEX transaction_live ON transaction (org_id, card_id) WHERE held > 0;
CREATE INDEX transaction_unconfirmed ON transaction (org_id, created_at) WHERE unconfirmed > 0;

CREATE TABLE decision (
    org_id text COLLATE "C" NOT NULL REFERENCES organization,
    id text COLLATE "C" NOT NULL,
    connection_id text COLLATE "C" NOT NULL,
    request_id text COLLATE "C" NOT NULL,
    fingerprint text COLLATE "C" NOT NULL,
    card_id text COLLATE "C",
    intent_id text COLLATE "C",
    transaction_id text COLLATE "C",
    kind decision_kind NOT NULL,
    approved boolean NOT NULL,
    reason text,
    state decision_state NOT NULL,
    amount bigint NOT NULL,                  -- as asked, billing currency
    currency char(3) NOT NULL,
    hold bigint NOT NULL CHECK (hold >= 0),  -- what it added to the hold
    intent_amount bigint NOT NULL CHECK (intent_amount >= 0),
    policy_version integer,
    answer jsonb NOT NULL,                   -- sentence, level, what would pass, every check
    inputs bytea NOT NULL,                   -- request and facts: what replay decides on again
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, connection_id) REFERENCES issuer_connection,
    CHECK (approved = (reason IS NULL)),
    CHECK (approved OR (hold = 0 AND intent_amount = 0))
);
-- A row is about 3 kB: kept whole on its page, its insert costs half of what compressing it does.
ALTER TABLE decision SET (toast_tuple_target = 8160);
-- A repeat of one request finds its stored answer here; two answers are impossible.
CREATE UNIQUE INDEX decision_request
    ON decision (org_id, connection_id, request_id, fingerprint);
CREATE INDEX decision_card ON decision (org_id, card_id, decided_at);
CREATE INDEX decision_intent ON decision (org_id, intent_id);

-- What caps count. Append-only; a reversal gives amount back by a negative row at the time of what
-- it reverses, so that both leave a rolling window together.
CREATE TABLE velocity_event (
    org_id text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    id text COLLATE "C" NOT NULL,            -- decision or issuer event
    transaction_id text COLLATE "C",
    card_id text COLLATE "C" NOT NULL,
    agent_id text COLLATE "C" NOT NULL,
    vendor text,
    category text,
    approved boolean NOT NULL,
    counts smallint NOT NULL CHECK (counts IN (0, 1)),
    amount bigint NOT NULL,
    currency char(3) NOT NULL,
    verification boolean NOT NULL,
    capped_by text[] NOT NULL,               -- caps that declined it: it does not feed those
    PRIMARY KEY (org_id, at, id)
);
CREATE INDEX velocity_event_card ON velocity_event (org_id, card_id, at);
CREATE INDEX velocity_event_agent ON velocity_event (org_id, agent_id, at);
CREATE INDEX velocity_event_vendor ON velocity_event (org_id, vendor, at);

-- Money at stake: one row per approved intent, and one per transaction that no intent covers.
CREATE TABLE exposure (
    org_id text COLLATE "C" NOT NULL,
    subject_id text COLLATE "C" NOT NULL,    -- intent or transaction
    card_id text COLLATE "C" NOT NULL,
    agent_id text COLLATE "C" NOT NULL,
    vendor text,
    category text,
    workflow text,
    currency char(3) NOT NULL,
    counts_at timestamptz NOT NULL,          -- the calendar period it counts in
    reserved bigint NOT NULL CHECK (reserved >= 0),
    held bigint NOT NULL CHECK (held >= 0),
    cleared bigint NOT NULL CHECK (cleared >= 0),
    refunded bigint NOT NULL CHECK (refunded >= 0),
    PRIMARY KEY (org_id, subject_id),
    FOREIGN KEY (org_id, card_id) REFERENCES card
);
CREATE INDEX exposure_card ON exposure (org_id, card_id, counts_at);
CREATE INDEX exposure_agent ON exposure (org_id, agent_id, counts_at);
CREATE INDEX exposure_vendor ON exposure (org_id, vendor, counts_at);
CREATE INDEX exposure_time ON exposure (org_id, counts_at);

-- ── what the issuer says ───────────────────────────────────────────────────────────────────────

-- Raw bodies, encrypted, erased after 30 days; the evidence log keeps their SHA-256.
CREATE TABLE issuer_inbox (
    org_id text COLLATE "C" NOT NULL REFERENCES organization,
    id text COLLATE "C" NOT NULL,
    connection_id text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    event_type text NOT NULL,
    body_sha256 bytea NOT NULL,
    body_sealed bytea,
    received_at timestamptz NOT NULL,
    processed_at timestamptz,
    problem text,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, connection_id, event_id),
    FOREIGN KEY (org_id, connection_id) REFERENCES issuer_connection
);
CREATE INDEX issuer_inbox_waiting ON issuer_inbox (org_id, received_at)
    WHERE processed_at IS NULL;

CREATE TABLE transaction_event (
    org_id text COLLATE "C" NOT NULL,
    transaction_id text COLLATE "C" NOT NULL,
    token text COLLATE "C" NOT NULL,
    event jsonb NOT NULL,                    -- in our normal form
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, transaction_id, token),
    FOREIGN KEY (org_id, transaction_id) REFERENCES transaction
);

CREATE TABLE rejected_webhook (
    -- Forged or unreadable requests: outside any tenant's counts, kept for the operator.
    id text COLLATE "C" PRIMARY KEY,
    connection_id text NOT NULL,
    path text NOT NULL,
    problem text NOT NULL,
    body_sha256 bytea NOT NULL,
    received_at timestamptz NOT NULL
);

-- ── ledger and evidence ────────────────────────────────────────────────────────────────────────

-- One row is one posting: one debit, one credit, one positive amount. The unbalanced cannot exist.
CREATE TABLE posting (
    org_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,            -- ledger entry
    line smallint NOT NULL,
    kind text NOT NULL,
    debit text NOT NULL,
    credit text NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    currency char(3) NOT NULL,
    card_id text COLLATE "C",
    intent_id text COLLATE "C",
    transaction_id text COLLATE "C",
    at timestamptz NOT NULL,
    PRIMARY KEY (org_id, id, line),
    CHECK (debit <> credit)
);
CREATE INDEX posting_transaction ON posting (org_id, transaction_id);

CREATE TABLE evidence_entry (
    org_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    card_id text COLLATE "C",
    card_seq integer,
    intent_id text COLLATE "C",
    intent_seq integer,
    raw bytea NOT NULL,                      -- canonical JSON, docs/formats/evidence-entry.md
    at timestamptz NOT NULL,
    -- Order of insertion, which is the order of commits (the organization's lock): what the
    -- sequencer follows. It is not part of the entry.
    position bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (org_id, id),
    CHECK ((card_id IS NULL) = (card_seq IS NULL)),
    CHECK ((intent_id IS NULL) = (intent_seq IS NULL))
);
CREATE UNIQUE INDEX evidence_entry_card ON evidence_entry (org_id, card_id, card_seq)
    WHERE card_id IS NOT NULL;
CREATE UNIQUE INDEX evidence_entry_intent ON evidence_entry (org_id, intent_id, intent_seq)
    WHERE intent_id IS NOT NULL;

CREATE UNIQUE INDEX evidence_entry_position ON evidence_entry (org_id, position);

-- Tree positions: assigned by the sequencer alone.
CREATE TABLE evidence_leaf (
    org_id text COLLATE "C" NOT NULL,
    index bigint NOT NULL CHECK (index >= 0),
    entry_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (org_id, index),
    UNIQUE (org_id, entry_id),
    FOREIGN KEY (org_id, entry_id) REFERENCES evidence_entry
);

-- Hashes of perfect subtrees (RFC 6962): what proofs are read from.
CREATE TABLE evidence_node (
    org_id text COLLATE "C" NOT NULL,
    level smallint NOT NULL,
    index bigint NOT NULL,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (org_id, level, index)
);

CREATE TABLE evidence_checkpoint (
    org_id text COLLATE "C" NOT NULL REFERENCES organization,
    size bigint NOT NULL CHECK (size >= 0),
    root bytea NOT NULL CHECK (length(root) = 32),
    peaks bytea[] NOT NULL,                  -- what is needed to append: roots of perfect subtrees
    note bytea NOT NULL,                     -- signed C2SP checkpoint
    at timestamptz NOT NULL,
    PRIMARY KEY (org_id, size)
);

-- ── housekeeping ───────────────────────────────────────────────────────────────────────────────

CREATE TABLE idempotency (
    org_id text COLLATE "C" NOT NULL REFERENCES organization,
    principal text COLLATE "C" NOT NULL,
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    body_sha256 bytea NOT NULL,
    result_id text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, principal, key)
);

CREATE TABLE card_reveal (
    org_id text COLLATE "C" NOT NULL,
    card_id text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    revealed_by text NOT NULL,
    PRIMARY KEY (org_id, card_id, at),
    FOREIGN KEY (org_id, card_id) REFERENCES card
);

CREATE TABLE alert (
    org_id text COLLATE "C" NOT NULL REFERENCES organization,
    id text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    subject_id text NOT NULL,
    message text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (org_id, id)
);

-- ── guards: illegal moves are refused here too ─────────────────────────────────────────────────

CREATE FUNCTION guard_intent_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.state, NEW.state) IN (
        ('declared', 'approved'), ('declared', 'pending_approval'), ('declared', 'denied'),
        ('pending_approval', 'approved'), ('pending_approval', 'denied'),
        ('pending_approval', 'expired'), ('pending_approval', 'canceled'),
        ('approved', 'authorized'), ('approved', 'expired'), ('approved', 'canceled'),
        ('approved', 'superseded'),
        ('authorized', 'settled'), ('authorized', 'voided'), ('authorized', 'approved')
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an intent that is % cannot become %', OLD.state, NEW.state
        USING ERRCODE = 'check_violation', CONSTRAINT = 'intent_state';
END $$;
CREATE TRIGGER intent_state BEFORE UPDATE OF state ON intent
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION guard_intent_state();

CREATE FUNCTION guard_card_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.state, NEW.state) IN (
        ('locked', 'open'), ('locked', 'closed'), ('open', 'locked'), ('open', 'closed')
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a card that is % cannot become %', OLD.state, NEW.state
        USING ERRCODE = 'check_violation', CONSTRAINT = 'card_state';
END $$;
CREATE TRIGGER card_state BEFORE UPDATE OF state ON card
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION guard_card_state();

CREATE FUNCTION guard_approval_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'waiting' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an approval request that is % is final', OLD.state
        USING ERRCODE = 'check_violation', CONSTRAINT = 'approval_state';
END $$;
CREATE TRIGGER approval_state BEFORE UPDATE OF state ON approval_request
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
    EXECUTE FUNCTION guard_approval_state();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% rows are never changed or deleted', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER posting_immutable BEFORE UPDATE OR DELETE ON posting
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER evidence_entry_immutable BEFORE UPDATE OR DELETE ON evidence_entry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER evidence_leaf_immutable BEFORE UPDATE OR DELETE ON evidence_leaf
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER evidence_node_immutable BEFORE UPDATE OR DELETE ON evidence_node
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER evidence_checkpoint_immutable BEFORE UPDATE OR DELETE ON evidence_checkpoint
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER velocity_event_immutable BEFORE UPDATE OR DELETE ON velocity_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER approval_vote_immutable BEFORE UPDATE OR DELETE ON approval_vote
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER policy_version_immutable BEFORE UPDATE OR DELETE ON policy_version
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION guard_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Only the delivery state of a decision may change, never the decision.
    IF to_jsonb(NEW) - 'state' IS DISTINCT FROM to_jsonb(OLD) - 'state' THEN
        RAISE EXCEPTION 'a decision is never changed' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER decision_immutable BEFORE UPDATE ON decision
    FOR EACH ROW EXECUTE FUNCTION guard_decision();
CREATE TRIGGER decision_kept BEFORE DELETE ON decision
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- TRUNCATE fires no row triggers.
CREATE TRIGGER posting_kept BEFORE TRUNCATE ON posting EXECUTE FUNCTION refuse_change();
CREATE TRIGGER evidence_entry_kept BEFORE TRUNCATE ON evidence_entry
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER evidence_leaf_kept BEFORE TRUNCATE ON evidence_leaf
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER evidence_node_kept BEFORE TRUNCATE ON evidence_node
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER evidence_checkpoint_kept BEFORE TRUNCATE ON evidence_checkpoint
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER velocity_event_kept BEFORE TRUNCATE ON velocity_event
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER approval_vote_kept BEFORE TRUNCATE ON approval_vote
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER policy_version_kept BEFORE TRUNCATE ON policy_version
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER decision_not_emptied BEFORE TRUNCATE ON decision EXECUTE FUNCTION refuse_change();
