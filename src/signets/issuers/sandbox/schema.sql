-- The sandbox's own database. No card number is stored: numbers are derived from `account.seed`
-- and the card's token; `pan_digest` finds a card by number without holding the number.
-- `face` says whose wire format an object is told in: a card belongs to the face that made it.
CREATE TABLE IF NOT EXISTS account (
    only_row                 boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    account_token            uuid NOT NULL,
    card_program_token       uuid NOT NULL,
    seed                     bytea NOT NULL CHECK (length(seed) = 32),
    clock_offset_seconds     bigint NOT NULL DEFAULT 0
);

-- Who decides in real time, one per face. `on_timeout` matters to Stripe only.
CREATE TABLE IF NOT EXISTS responders (
    face                     text PRIMARY KEY CHECK (face IN ('lithic', 'stripe')),
    url                      text,
    secret                   text,
    previous_secret          text,
    previous_until           timestamptz,
    on_timeout               text NOT NULL DEFAULT 'decline'
        CHECK (on_timeout IN ('approve', 'decline'))
);

CREATE TABLE IF NOT EXISTS cardholders (
    token                    uuid PRIMARY KEY,
    seq                      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    created                  timestamptz NOT NULL,
    status                   text NOT NULL CHECK (status IN ('active', 'inactive', 'blocked')),
    details                  jsonb NOT NULL
);

-- `memo` and the spend limit are Lithic's; `cardholder_token`, `currency` and `controls` Stripe's.
CREATE TABLE IF NOT EXISTS cards (
    token                    uuid PRIMARY KEY,
    seq                      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    face                     text NOT NULL CHECK (face IN ('lithic', 'stripe')),
    created                  timestamptz NOT NULL,
    type                     text NOT NULL,
    state                    text NOT NULL CHECK (state IN ('OPEN', 'PAUSED', 'CLOSED')),
    memo                     text NOT NULL DEFAULT '',
    spend_limit              bigint NOT NULL DEFAULT 0 CHECK (spend_limit >= 0),
    spend_limit_duration     text NOT NULL DEFAULT 'TRANSACTION'
        CHECK (spend_limit_duration IN ('ANNUALLY', 'FOREVER', 'MONTHLY', 'TRANSACTION')),
    exp_month                smallint NOT NULL CHECK (exp_month BETWEEN 1 AND 12),
    exp_year                 smallint NOT NULL,
    tags                     jsonb NOT NULL DEFAULT '{}',
    last_four                text NOT NULL CHECK (last_four ~ '^[0-9]{4}$'),
    pan_digest               bytea NOT NULL UNIQUE,
    locked_merchant          text,
    cardholder_token         uuid REFERENCES cardholders,
    currency                 text NOT NULL DEFAULT 'USD',
    controls                 jsonb NOT NULL DEFAULT '{}',
    cancellation_reason      text,
    idempotency_key          text UNIQUE,
    request_digest           bytea NOT NULL DEFAULT ''
);

CREATE TABLE IF NOT EXISTS auth_rules (
    token                    uuid PRIMARY KEY,
    seq                      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    created                  timestamptz NOT NULL,
    name                     text,
    type                     text NOT NULL,
    state                    text NOT NULL CHECK (state IN ('ACTIVE', 'INACTIVE')),
    program_level            boolean NOT NULL,
    card_tokens              uuid[] NOT NULL,
    excluded_card_tokens     uuid[] NOT NULL,
    parameters               jsonb NOT NULL
);

-- `status`, `held`, `settled` and `approved` are what the moves amount to.
CREATE TABLE IF NOT EXISTS purchases (
    token                    uuid PRIMARY KEY,
    seq                      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    face                     text NOT NULL,
    card_token               uuid NOT NULL REFERENCES cards,
    created                  timestamptz NOT NULL,
    authorized               boolean NOT NULL,
    status                   text NOT NULL,
    approved                 boolean NOT NULL,
    held                     bigint NOT NULL,
    settled                  bigint NOT NULL,
    head                     jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS purchases_by_card ON purchases (card_token, created);

CREATE TABLE IF NOT EXISTS moves (
    token                    uuid PRIMARY KEY,
    seq                      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    purchase_token           uuid NOT NULL REFERENCES purchases,
    card_token               uuid NOT NULL REFERENCES cards,
    face                     text NOT NULL,
    created                  timestamptz NOT NULL,
    is_money                 boolean NOT NULL,
    credit                   boolean NOT NULL,
    move                     jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS moves_by_purchase ON moves (purchase_token, seq);

CREATE TABLE IF NOT EXISTS subscriptions (
    token                    text PRIMARY KEY,
    seq                      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    face                     text NOT NULL,
    created                  timestamptz NOT NULL,
    url                      text NOT NULL,
    description              text NOT NULL,
    event_types              text[],
    disabled                 boolean NOT NULL,
    secret                   text NOT NULL,
    previous_secret          text,
    previous_until           timestamptz,
    metadata                 jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE IF NOT EXISTS events (
    token                    text PRIMARY KEY,
    seq                      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    face                     text NOT NULL,
    created                  timestamptz NOT NULL,
    event_type               text NOT NULL,
    transaction_token        uuid NOT NULL,
    body                     bytea NOT NULL
);

-- One message for one receiver: a webhook of a subscription, or a real-time request.
CREATE TABLE IF NOT EXISTS deliveries (
    token                    uuid PRIMARY KEY,
    seq                      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    face                     text NOT NULL,
    kind                     text NOT NULL CHECK (kind IN ('asa', 'event')),
    created                  timestamptz NOT NULL DEFAULT now(),
    message_id               text NOT NULL,
    transaction_token        uuid NOT NULL,
    subscription_token       text REFERENCES subscriptions ON DELETE CASCADE,
    url                      text NOT NULL,
    body                     bytea NOT NULL,
    position                 numeric NOT NULL DEFAULT 0,
    state                    text NOT NULL
        CHECK (state IN ('PENDING', 'HELD', 'SUCCESS', 'FAILED', 'DROPPED')),
    fault                    text,
    attempt_count            integer NOT NULL DEFAULT 0,
    next_attempt             timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (next_attempt) WHERE state = 'PENDING';

CREATE TABLE IF NOT EXISTS attempts (
    token                    uuid PRIMARY KEY,
    seq                      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    delivery_token           uuid NOT NULL REFERENCES deliveries ON DELETE CASCADE,
    created                  timestamptz NOT NULL DEFAULT now(),
    why                      text NOT NULL,
    headers                  jsonb NOT NULL,
    status_code              integer,
    response_body            text,
    error                    text
);
CREATE INDEX IF NOT EXISTS attempts_by_delivery ON attempts (delivery_token, seq);

CREATE TABLE IF NOT EXISTS faults (
    name                     text PRIMARY KEY,
    remaining                integer NOT NULL CHECK (remaining >= 0),
    delay_ms                 integer NOT NULL DEFAULT 0,
    part                     text NOT NULL DEFAULT ''
);

-- Stripe's memory of `Idempotency-Key`; a row without an answer is a request under way.
CREATE TABLE IF NOT EXISTS idempotency (
    key                      text PRIMARY KEY,
    created                  timestamptz NOT NULL DEFAULT now(),
    digest                   bytea NOT NULL,
    body                     bytea
);

-- An event is about a purchase or a card.
ALTER TABLE events DROP CONSTRAINT IF EXISTS events_transaction_token_fkey;

-- Claims on Stripe's face, each on one movement of money; `funds` are its balance transactions.
CREATE TABLE IF NOT EXISTS stripe_disputes (
    token                    uuid PRIMARY KEY,
    seq                      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    purchase_token           uuid NOT NULL REFERENCES purchases,
    move_token               uuid NOT NULL REFERENCES moves,
    created                  timestamptz NOT NULL,
    status                   text NOT NULL
        CHECK (status IN ('unsubmitted', 'submitted', 'won', 'lost', 'expired')),
    amount                   bigint NOT NULL CHECK (amount > 0),
    currency                 text NOT NULL,
    evidence                 jsonb NOT NULL,
    metadata                 jsonb NOT NULL,
    loss_reason              text,
    funds                    jsonb NOT NULL DEFAULT '[]'
);

-- Claims on Lithic's face. They move no money here.
CREATE TABLE IF NOT EXISTS disputes (
    token                    uuid PRIMARY KEY,
    seq                      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    transaction_token        uuid NOT NULL REFERENCES purchases,
    created                  timestamptz NOT NULL,
    status                   text NOT NULL,
    amount                   bigint NOT NULL CHECK (amount > 0),
    reason                   text NOT NULL,
    customer_filed_date      text,
    customer_note            text,
    resolution_reason        text,
    resolved                 timestamptz
);

-- What Lithic did about the cardholder's liability, as events of the claim.
ALTER TABLE disputes ADD COLUMN IF NOT EXISTS credits jsonb NOT NULL DEFAULT '[]';
