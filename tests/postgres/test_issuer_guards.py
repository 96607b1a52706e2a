"""What the database itself refuses about disputes, issuer events and held connections."""

from __future__ import annotations

from itertools import product
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from signets.core.settlement.dispute import TRANSITIONS, DisputeState

AT = "2026-11-24T05:00:00Z"
ENDED = {DisputeState.WON, DisputeState.LOST, DisputeState.WITHDRAWN}


@pytest.fixture
def database(database_url: str) -> Any:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO organization VALUES ('org_1', 'Acme', 'USD', NULL, %s)", (AT,)
        )
        connection.execute(
            "INSERT INTO issuer_connection (org_id, id, issuer, mode, base_url, api_key_sealed,"
            " created_at) VALUES ('org_1', 'conn_1', 'lithic', 'test', 'x', '', %s)",
            (AT,),
        )
        connection.execute(
            "INSERT INTO transaction (org_id, id, connection_id, issuer_token, kind, status,"
            " currency, authorized, held, unconfirmed, reversed, cleared, refunded, disputed,"
            " recovered, fees, intent_use, merchant_amount, merchant_currency, descriptor,"
            " merchant, match, decided_by, verdict, flags, notes, explanation, created_at,"
            " updated_at)"
            " VALUES ('org_1', 'txn_1', 'conn_1', 't', 'purchase', 'settled', 'USD', 0, 0, 0, 0,"
            " 2000, 0, 0, 0, 0, 0, 2000, 'USD', 'X', %(o)s, %(o)s, 'us', 'verified', '{}', '{}',"
            " '[]', %(at)s, %(at)s)",
            {"o": Jsonb({}), "at": AT},
        )
        yield connection


def add(database: Any, id: str, state: DisputeState, **more: Any) -> None:
    """A dispute in this state, whole."""
    values = {
        "id": id,
        "state": state.value,
        "token": None if state is DisputeState.OPENED else id,
        "ended": AT if state in ENDED else None,
        "at": AT,
        "recovered": 0,
        **more,
    }
    database.execute(
        "INSERT INTO dispute (org_id, id, transaction_id, connection_id, issuer_token, state,"
        " reason, note, amount, currency, recovered, opened_by, opened_at, ended_at) VALUES"
        " ('org_1', %(id)s, 'txn_1', 'conn_1', %(token)s, %(state)s, 'other', '', 2000, 'USD',"
        " %(recovered)s, 'm', %(at)s, %(ended)s)",
        values,
    )


def test_the_database_guards_the_same_table(database: Any) -> None:
    """Every move that the code refuses, the database refuses too; the others it lets."""
    refused = {
        (before, after): refusal(database, before, after)
        for before, after in product(DisputeState, DisputeState)
    }
    assert refused == {
        (before, after): None
        if after is before or after in TRANSITIONS[before]
        else "dispute_state"
        for before, after in refused
    }


def refusal(database: Any, before: DisputeState, after: DisputeState) -> str | None:
    """The constraint that forbids this move of a new dispute, if any; nothing of it stays."""
    with database.transaction(force_rollback=True):
        add(database, "dsp_1", before)
        try:
            with database.transaction():
                database.execute(
                    "UPDATE dispute SET state = %s, issuer_token = 'd', ended_at = %s::timestamptz"
                    " WHERE id = 'dsp_1'",
                    (after.value, AT if after in ENDED else None),
                )
        except psycopg.errors.CheckViolation as error:
            return error.diag.constraint_name
    return None


def test_one_claim_at_a_time_and_money_only_when_won(database: Any) -> None:
    """A second live claim, and a recovery of a claim that was not won, cannot be written."""
    add(database, "dsp_1", DisputeState.SUBMITTED)
    with pytest.raises(psycopg.errors.UniqueViolation):
        add(database, "dsp_2", DisputeState.OPENED)
    with pytest.raises(psycopg.errors.CheckViolation):
        add(database, "dsp_3", DisputeState.LOST, recovered=1)
    add(database, "dsp_4", DisputeState.WON, recovered=2000)


def test_an_event_has_an_outcome_exactly_when_it_is_processed(database: Any) -> None:
    """No event can leave the queue without a word of what became of it."""
    insert = (
        "INSERT INTO issuer_inbox (org_id, id, connection_id, event_id, event_type, body_sha256,"
        " received_at, processed_at, outcome) VALUES ('org_1', %(id)s, 'conn_1', %(id)s, 'x', '',"
        f" '{AT}', %(done)s, %(outcome)s)"
    )
    database.execute(insert, {"id": "1", "done": None, "outcome": None})
    database.execute(insert, {"id": "2", "done": AT, "outcome": "problem"})
    for done, outcome in ((AT, None), (None, "folded"), (AT, "lost")):
        with pytest.raises(psycopg.errors.CheckViolation):
            database.execute(insert, {"id": "3", "done": done, "outcome": outcome})


def test_a_hold_has_its_reason(database: Any) -> None:
    """Held without saying why, or a reason without a hold, cannot be written."""
    for held, because in ((AT, None), (None, "x")):
        with pytest.raises(psycopg.errors.CheckViolation):
            database.execute(
                "UPDATE issuer_connection SET held_at = %s, held_because = %s", (held, because)
            )
    database.execute("UPDATE issuer_connection SET held_at = %s, held_because = 'x'", (AT,))
