"""The database itself refuses what must not be, whatever the code above it does."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace
from psycopg import errors, sql
from tests.postgres.process_kit import OPENAI, charge, new_tenant, tenant_runtime

from signets.app.decide_approval import decide_approval
from signets.app.merchant_records import MerchantSettlement, Ruling
from signets.app.records import ApprovalState
from signets.app.rule_on_merchant import rule_on_merchant
from signets.app.seal_evidence import seal_all
from signets.app.vendors import put_vendor
from signets.core.approval import Vote
from signets.core.card import TRANSITIONS as CARD_MOVES
from signets.core.card import CardState
from signets.core.intent import TRANSITIONS as INTENT_MOVES
from signets.core.intent import IntentState
from signets.core.merchant.directory import Directory
from signets.core.merchant.model import Merchant
from signets.storage.postgres import embedded

#: Tables that belong to no tenant: what no organization is known for, and the migrations' own.
NOT_TENANTS = {"rejected_webhook", "alembic_version"}
VENDOR: dict[str, Any] = {
    "brand": "Acme Search",
    "category": "developer_tools",
    "lines": [{"name": "api", "patterns": [{"text": "ACME SEARCH LABS", "source": "observed"}]}],
}


@pytest.fixture(scope="module")
def url(
    postgres: embedded.EmbeddedServer,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
    directory: Directory,
) -> Iterator[str]:
    """A database with one row, at least, in every guarded table; every test rolls back."""
    name = f"test_{os.getpid()}_999999"
    made = sql.Identifier(name)
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as server:
        server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                made, sql.Identifier(template_database)
            )
        )
        asyncio.run(fill(postgres.url(name), tmp_path_factory.mktemp("guards"), directory))
        yield postgres.url(name)
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(made))


async def fill(url: str, data_dir: Path, directory: Directory) -> None:
    """Two organizations; the first has bought something and waits for a second approval."""
    async with tenant_runtime(data_dir, directory, url=url) as runtime:
        made = await new_tenant(runtime, "guards")
        agent = await made.agent("bot")
        card = await made.card(agent, limit=10_000)
        await made.intent(agent, 2000, card_id=card.id)
        await made.decide(charge("request", card.issuer_token or "", 2000))
        await made.policy(rules=[{"name": "ask", "then": "escalate", "approvals": 2}])
        asked = await made.intent(agent, 3000, vendor="aws.amazon.com")
        await decide_approval(made.services, made.admin, asked.id, Vote.APPROVE, "first of two")
        doubtful = replace(OPENAI, country="BR")
        [asked_about] = await made.decide(
            charge("doubt", card.issuer_token or "", 2000, merchant=doubtful)
        )
        assert asked_about.decision.transaction_id is not None
        async with made.services.store.transaction(made.org_id) as uow:
            await uow.merchants.add_settlement(
                MerchantSettlement(
                    transaction_id=asked_about.decision.transaction_id,
                    vendor="openai.com",
                    merchant={"descriptor": "OPENAI"},
                    at=uow.now,
                )
            )
        merchant = Merchant(descriptor="OPENAI", acceptor_id="AC1")
        await rule_on_merchant(made.services, made.admin, "openai.com", merchant, Ruling.ALWAYS)
        await put_vendor(made.services, made.admin, "acmesearch.dev", VENDOR)
        await seal_all(made.services, made.org_id)
        await new_tenant(runtime, "other")


@pytest.fixture
def db(url: str) -> Iterator[psycopg.Connection]:
    """A connection of the owner of the tables; every change is rolled back."""
    with psycopg.connect(url) as connection:
        yield connection
        connection.rollback()


def refused(db: psycopg.Connection, statement: str, *values: Any) -> errors.Error:
    """The database's refusal of a statement; the transaction goes on."""
    with pytest.raises(psycopg.Error) as caught, db.transaction():
        assert db.execute(statement, values).rowcount != 0, "the statement met no row"
    return caught.value


def clone(db: psycopg.Connection, table: str, **changes: Any) -> tuple[str, list[Any]]:
    """An INSERT of an existing row of ``table`` with some columns changed."""
    columns = [
        row[0]
        for row in db.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " AND attidentity = '' AND NOT attisdropped ORDER BY attnum",
            (f'"{table}"',),
        ).fetchall()
    ]
    assert set(changes) <= set(columns)
    chosen = ", ".join("%s" if name in changes else f'"{name}"' for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    statement = f'INSERT INTO "{table}" ({names}) SELECT {chosen} FROM "{table}" LIMIT 1'
    return statement, [changes[name] for name in columns if name in changes]


# ── transitions ────────────────────────────────────────────────────────────────────────────────


def put_intent(db: psycopg.Connection, state: IntentState) -> None:
    """Set the first intent's state past the trigger, which only guards changes by others."""
    db.execute("ALTER TABLE intent DISABLE TRIGGER intent_state")
    move_intent(db, state)
    db.execute("ALTER TABLE intent ENABLE TRIGGER intent_state")


def move_intent(db: psycopg.Connection, state: IntentState) -> None:
    ended = not INTENT_MOVES[state]
    db.execute(
        "UPDATE intent SET state = %s::text::intent_state,"
        " ended_at = CASE WHEN %s THEN created_at END WHERE card_id IS NOT NULL",
        (state, ended),
    )


def test_intents_move_as_the_one_table_says(db: psycopg.Connection) -> None:
    """Of all pairs of states, exactly those of core's table pass the trigger."""
    for before, after in itertools.permutations(IntentState, 2):
        with db.transaction(force_rollback=True):
            put_intent(db, before)
            if after in INTENT_MOVES[before]:
                move_intent(db, after)
                continue
            with pytest.raises(errors.CheckViolation) as caught:
                move_intent(db, after)
            assert caught.value.diag.constraint_name == "intent_state", (before, after)


def test_cards_move_as_the_one_table_says(db: psycopg.Connection) -> None:
    """Of all pairs of states, exactly those of core's table pass the trigger."""
    move = (
        "UPDATE card SET state = %s::text::card_state,"
        " closed_at = CASE WHEN %s = 'closed' THEN created_at END"
    )
    for before, after in itertools.permutations(CardState, 2):
        with db.transaction(force_rollback=True):
            db.execute("ALTER TABLE card DISABLE TRIGGER card_state")
            db.execute(move, (before, before))
            db.execute("ALTER TABLE card ENABLE TRIGGER card_state")
            if after in CARD_MOVES[before]:
                db.execute(move, (after, after))
                continue
            with pytest.raises(errors.CheckViolation) as caught:
                db.execute(move, (after, after))
            assert caught.value.diag.constraint_name == "card_state", (before, after)


def test_a_decided_approval_request_is_final(db: psycopg.Connection) -> None:
    """A waiting request may go anywhere; nothing that was decided ever changes."""
    move = (
        "UPDATE approval_request SET state = %s::text::approval_state,"
        " decided_at = CASE WHEN %s <> 'waiting' THEN created_at END"
    )
    for before, after in itertools.permutations(ApprovalState, 2):
        with db.transaction(force_rollback=True):
            if before is not ApprovalState.WAITING:
                db.execute(move, (before, before))
                with pytest.raises(errors.CheckViolation) as caught:
                    db.execute(move, (after, after))
                assert caught.value.diag.constraint_name == "approval_state"
            else:
                db.execute(move, (after, after))


# ── what exists once ───────────────────────────────────────────────────────────────────────────

ONCE = (
    ("unlock_window", {"id": "win_other"}, "unlock_window_open"),
    ("decision", {"id": "dec_other"}, "decision_request"),
    ("approval_vote", {}, "approval_vote_pkey"),
    ("approval_request", {"id": "apr_other"}, "approval_request_waiting"),
    ("transaction", {"id": "txn_other"}, "transaction_org_id_connection_id_issuer_token_key"),
    ("card", {"id": "card_other"}, "card_issuer_token"),
    ("agent", {"id": "agt_other"}, "agent_org_id_handle_key"),
    ("member", {"id": "mem_other"}, "member_email"),
    ("evidence_leaf", {"index": 9999}, "evidence_leaf_org_id_entry_id_key"),
    ("policy_version", {}, "policy_version_pkey"),
)


@pytest.mark.parametrize(("table", "changes", "constraint"), ONCE, ids=[one[0] for one in ONCE])
def test_no_second_one(
    db: psycopg.Connection, table: str, changes: dict[str, Any], constraint: str
) -> None:
    """A second window, answer, vote, open request, card, handle or leaf cannot be written."""
    statement, values = clone(db, table, **changes)
    error = refused(db, statement, *values)
    assert isinstance(error, errors.UniqueViolation)
    assert error.diag.constraint_name == constraint


# ── what is never changed ──────────────────────────────────────────────────────────────────────

FIXED = (
    ("posting", "amount = amount + 1"),
    ("evidence_entry", "raw = raw || '\\x00'"),
    ("evidence_leaf", "index = index + 1000"),
    ("evidence_node", "hash = sha256(hash)"),
    ("evidence_checkpoint", "note = note || '\\x00'"),
    ("velocity_event", "amount = amount - 1"),
    ("approval_vote", "vote = 'deny'"),
    ("policy_version", "document = '{}'"),
    ("custom_vendor", "document = '{}'"),
    ("merchant_ruling", "ruling = 'other'"),
    ("merchant_settlement", "vendor = 'x.dev'"),
    ("merchant_review", "rule = 'x'"),
    ("merchant_review", "vendor = 'x.dev', merchant = '{}'"),
    ("decision", "approved = NOT approved, reason = 'frozen', hold = 0, intent_amount = 0"),
    ("decision", "hold = hold + 1"),
    ("decision", "inputs = '\\x00'"),
    ("decision", "decided_at = now()"),
)


@pytest.mark.parametrize(("table", "change"), FIXED)
def test_history_is_not_rewritten(db: psycopg.Connection, table: str, change: str) -> None:
    """No update changes what was booked, logged, counted, voted or decided."""
    error = refused(db, f"UPDATE {table} SET {change}")
    assert isinstance(error, errors.RestrictViolation)


@pytest.mark.parametrize("table", sorted({table for table, _ in FIXED}))
def test_history_is_not_deleted(db: psycopg.Connection, table: str) -> None:
    """Nor does anything delete it."""
    error = refused(db, f"DELETE FROM {table}")
    assert isinstance(error, errors.RestrictViolation | errors.ForeignKeyViolation)


@pytest.mark.parametrize("table", sorted({table for table, _ in FIXED}))
def test_history_is_not_truncated(db: psycopg.Connection, table: str) -> None:
    """Nor empties its table, which row triggers alone would not notice."""
    with pytest.raises(errors.RestrictViolation), db.transaction():
        db.execute(f"TRUNCATE {table} CASCADE")


def test_a_decisions_delivery_state_may_change(db: psycopg.Connection) -> None:
    """What may change on a decision is whether the issuer got it."""
    assert db.execute("UPDATE decision SET state = 'void'").rowcount > 0


# ── what cannot be written at all ──────────────────────────────────────────────────────────────

INVALID: tuple[tuple[str, dict[str, Any], type[psycopg.Error]], ...] = (
    ("posting", {"line": 99, "amount": 0}, errors.CheckViolation),
    ("posting", {"line": 99, "amount": -5}, errors.CheckViolation),
    ("posting", {"line": 99, "debit": "auth_held", "credit": "auth_held"}, errors.CheckViolation),
    ("posting", {"line": 99, "credit": None}, errors.NotNullViolation),
    ("intent", {"id": "x", "expected_amount": 0}, errors.CheckViolation),
    ("intent", {"id": "x", "maximum": 1}, errors.CheckViolation),
    ("intent", {"id": "x", "max_count": 2}, errors.CheckViolation),  # single
    ("intent", {"id": "x", "charges": 2}, errors.CheckViolation),  # single
    ("intent", {"id": "x", "reopens": 3}, errors.CheckViolation),
    ("intent", {"id": "x", "used": -1}, errors.CheckViolation),
    ("intent", {"id": "x", "policy_version": 99}, errors.ForeignKeyViolation),
    ("intent", {"id": "x", "agent_id": "agt_none"}, errors.ForeignKeyViolation),
    ("intent", {"id": "x", "usage": "often"}, errors.InvalidTextRepresentation),
    ("intent", {"id": "x", "usage": "recurring"}, errors.CheckViolation),  # without a period
    ("card", {"id": "x", "issuer_token": "x", "spending_limit": 0}, errors.CheckViolation),
    ("card", {"id": "x", "issuer_token": "x", "merchant_lock": []}, errors.CheckViolation),
    ("card", {"id": "x", "issuer_token": "x", "state": "ajar"}, errors.InvalidTextRepresentation),
    ("card", {"id": "x", "issuer_token": "x", "state": "closed"}, errors.CheckViolation),
    ("card", {"id": "x", "issuer_token": "x", "agent_id": "agt_none"}, errors.ForeignKeyViolation),
    ("decision", {"id": "x", "fingerprint": "x", "reason": "frozen"}, errors.CheckViolation),
    ("decision", {"id": "x", "fingerprint": "x", "hold": -1}, errors.CheckViolation),
    ("decision", {"id": "x", "fingerprint": "x", "state": "?"}, errors.InvalidTextRepresentation),
    ("decision", {"id": "x", "connection_id": "conn_none"}, errors.ForeignKeyViolation),
    ("transaction", {"id": "x", "issuer_token": "x", "held": -1}, errors.CheckViolation),
    ("transaction", {"id": "x", "issuer_token": "x", "unconfirmed": 9999}, errors.CheckViolation),
    ("exposure", {"subject_id": "x", "reserved": -1}, errors.CheckViolation),
    ("velocity_event", {"id": "x", "counts": 2}, errors.CheckViolation),
    ("unlock_window", {"id": "x", "intent_id": "int_none"}, errors.UniqueViolation),
    ("member", {"id": "x", "email": "nobody"}, errors.CheckViolation),
    ("api_key", {"id": "x", "secret_sha256": b"short"}, errors.CheckViolation),
    ("api_key", {"id": "x", "owner": "agent", "agent_id": None}, errors.CheckViolation),
    ("policy_version", {"version": 0}, errors.CheckViolation),
    ("evidence_entry", {"id": "x", "card_id": "card_x", "card_seq": None}, errors.CheckViolation),
    ("organization", {"org_id": "x", "currency": "usd"}, errors.CheckViolation),
)


@pytest.mark.parametrize(("table", "changes", "kind"), INVALID)
def test_nonsense_is_refused(
    db: psycopg.Connection, table: str, changes: dict[str, Any], kind: type[psycopg.Error]
) -> None:
    """Checks, foreign keys and enums hold by themselves."""
    statement, values = clone(db, table, **changes)
    assert isinstance(refused(db, statement, *values), kind)


def test_two_tenants_never_meet(db: psycopg.Connection) -> None:
    """A row cannot point at another organization's card, agent or intent."""
    [other] = db.execute("SELECT org_id FROM organization ORDER BY org_id DESC LIMIT 1").fetchone()
    statement, values = clone(db, "card", org_id=other, id="x")
    assert isinstance(refused(db, statement, *values), errors.ForeignKeyViolation)


# ── how it is keyed ────────────────────────────────────────────────────────────────────────────


def test_every_tenant_table_is_keyed_by_organization_first(db: psycopg.Connection) -> None:
    """Every key and unique index of a tenant's table starts with org_id, so the schema shards."""
    found = db.execute(
        "SELECT c.relname, i.indexrelid::regclass::text, a.attname"
        " FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]"
        " WHERE i.indisunique AND c.relkind IN ('r', 'p')"
    ).fetchall()
    tables = {
        row[0]
        for row in db.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
    }
    assert {table for table, _, _ in found} == tables, "a table has no key"
    wrong = {
        (table, index)
        for table, index, column in found
        if column != "org_id" and table not in NOT_TENANTS
    }
    assert wrong == set()
    assert len(tables - NOT_TENANTS) > 20


def test_every_foreign_key_stays_within_its_organization(db: psycopg.Connection) -> None:
    """Foreign keys between tenants' tables carry org_id on both sides."""
    crossing = db.execute(
        sql.SQL(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint k"
            " JOIN pg_class c ON c.oid = k.conrelid"
            " JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'"
            " WHERE contype = 'f' AND NOT EXISTS (SELECT 1 FROM"
            " unnest(conkey, confkey) AS pair (own, other)"
            " JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = own"
            " JOIN pg_attribute b ON b.attrelid = confrelid AND b.attnum = other"
            " WHERE a.attname = 'org_id' AND b.attname = 'org_id')"
        )
    ).fetchall()
    assert crossing == []
