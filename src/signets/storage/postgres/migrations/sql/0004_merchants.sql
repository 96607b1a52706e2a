-- What an organization knows about merchants beyond the directory.

-- Rise with every change of what the matcher is told, so that a process that has it in memory
-- knows so from the row that every transaction reads first.
ALTER TABLE organization
    ADD COLUMN merchants_version integer NOT NULL DEFAULT 0 CHECK (merchants_version >= 0),
    ADD COLUMN vendors_version integer NOT NULL DEFAULT 0 CHECK (vendors_version >= 0);

-- One purchase that was verified and settled, with its merchant as the network sent it.
CREATE TABLE merchant_settlement (
    org_id text COLLATE "C" NOT NULL,
    transaction_id text COLLATE "C" NOT NULL,
    vendor text NOT NULL,
    merchant jsonb NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (org_id, transaction_id),
    FOREIGN KEY (org_id, transaction_id) REFERENCES transaction
);

-- The fold of those: an id or a name, on how many of them and on how many days.
CREATE TABLE merchant_sighting (
    org_id text COLLATE "C" NOT NULL REFERENCES organization,
    vendor text COLLATE "C" NOT NULL,
    kind text NOT NULL CHECK (kind IN ('id', 'descriptor')),
    value text COLLATE "C" NOT NULL,
    settlements integer NOT NULL CHECK (settlements > 0),
    days integer NOT NULL CHECK (days BETWEEN 1 AND settlements),
    last_day date NOT NULL,
    mcc text,                                   -- NULL: not always the same one, or none
    country text,
    PRIMARY KEY (org_id, vendor, kind, value)
);
CREATE INDEX merchant_sighting_value ON merchant_sighting (org_id, kind, value);

-- `unverified` charges that were declined, for a member to look at.
CREATE TABLE merchant_review (
    org_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    vendor text NOT NULL,                       -- who it may be
    merchant jsonb NOT NULL,                    -- everything that was observed
    seen_as text COLLATE "C" NOT NULL,          -- digest of the merchant
    confidence smallint NOT NULL CHECK (confidence BETWEEN 0 AND 100),
    rule text NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0),
    currency char(3) NOT NULL,
    decision_id text COLLATE "C" NOT NULL,      -- the first; later ones are counted
    transaction_id text COLLATE "C" NOT NULL,
    card_id text COLLATE "C" NOT NULL,
    agent_id text COLLATE "C" NOT NULL,
    intent_id text COLLATE "C",                 -- whose window was open
    attempts integer NOT NULL CHECK (attempts > 0),
    state text NOT NULL CHECK (state IN ('waiting', 'ruled')),
    created_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, decision_id) REFERENCES decision,
    FOREIGN KEY (org_id, transaction_id) REFERENCES transaction,
    FOREIGN KEY (org_id, card_id) REFERENCES card,
    FOREIGN KEY (org_id, intent_id) REFERENCES intent
);
-- A retry is the same question.
CREATE UNIQUE INDEX merchant_review_waiting
    ON merchant_review (org_id, card_id, seen_as, coalesce(intent_id, ''))
    WHERE state = 'waiting';

CREATE FUNCTION guard_merchant_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'ruled'
       OR to_jsonb(NEW) - '{state,attempts,last_at}'::text[]
          IS DISTINCT FROM to_jsonb(OLD) - '{state,attempts,last_at}'::text[] THEN
        RAISE EXCEPTION 'what was observed of a merchant is never changed'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER merchant_review_immutable BEFORE UPDATE ON merchant_review
    FOR EACH ROW EXECUTE FUNCTION guard_merchant_review();

-- A member's word on a merchant. The last one stands.
CREATE TABLE merchant_ruling (
    org_id text COLLATE "C" NOT NULL REFERENCES organization,
    id text COLLATE "C" NOT NULL,
    review_id text COLLATE "C",                 -- NULL: said of a merchant that was not asked about
    vendor text NOT NULL,
    merchant jsonb NOT NULL,
    ruling text NOT NULL CHECK (ruling IN ('once', 'always', 'other')),
    intent_id text COLLATE "C",
    comment text NOT NULL,
    ruled_by text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, review_id) REFERENCES merchant_review,
    FOREIGN KEY (org_id, intent_id) REFERENCES intent,
    CHECK ((ruling = 'once') = (intent_id IS NOT NULL))
);
CREATE UNIQUE INDEX merchant_ruling_review ON merchant_ruling (org_id, review_id);

-- An organization's own vendors: documents like the directory's files. The highest version counts.
CREATE TABLE custom_vendor (
    org_id text COLLATE "C" NOT NULL REFERENCES organization,
    domain text COLLATE "C" NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    document jsonb NOT NULL,
    put_by text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (org_id, domain, version)
);

CREATE TRIGGER merchant_settlement_immutable BEFORE UPDATE OR DELETE ON merchant_settlement
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER merchant_review_kept BEFORE DELETE ON merchant_review
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER merchant_ruling_immutable BEFORE UPDATE OR DELETE ON merchant_ruling
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER custom_vendor_immutable BEFORE UPDATE OR DELETE ON custom_vendor
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER merchant_settlement_kept BEFORE TRUNCATE ON merchant_settlement
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER merchant_review_not_emptied BEFORE TRUNCATE ON merchant_review
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER merchant_ruling_kept BEFORE TRUNCATE ON merchant_ruling
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER custom_vendor_kept BEFORE TRUNCATE ON custom_vendor
    EXECUTE FUNCTION refuse_change();
