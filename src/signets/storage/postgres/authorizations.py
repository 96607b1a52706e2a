"""What the authorization path reads and writes: one statement for each, whatever the batch's size.

Each statement costs both sides far more than a row of it does, so all tables are read by one
``SELECT`` and written by one statement. Rows travel as JSON, which is decoded straight into the
records. Plain ``$1`` placeholders: rewriting ``%s`` in texts of this size costs more than sending
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from psycopg import AsyncConnection, AsyncRawCursor
from psycopg.rows import DictRow, scalar_row

from signets.app.authorization_records import ALL_COUNTED, ALL_LIVE, Gathered, LiveSearch, Writes
from signets.core.authorization.facts import LiveAuthorization
from signets.storage.postgres.evidence import ENTRY
from signets.storage.postgres.ledger import EXPOSURE, POSTING, PUT_EXPOSURES, VELOCITY
from signets.storage.postgres.transactions import DECISION, PUT_TRANSACTIONS, TRANSACTION

# $1 organization, $2 connection, $3 card tokens, $4 request ids, $5 time.
# Plan: an index probe for each card, request and what hangs on them. The CTEs are read more than
# once and so computed once; arrays are taken for ten rows, which keeps every join on its index.
_GATHER = f"""
WITH today AS (
    SELECT date_trunc('day', moved_at, 'UTC') AS midnight FROM organization WHERE org_id = $1
), asked AS (
    SELECT card, agent.handle, agent.frozen_at, issuer_connection.held_at
      FROM card
      JOIN agent ON agent.org_id = card.org_id AND agent.id = card.agent_id
      JOIN issuer_connection ON issuer_connection.org_id = card.org_id
       AND issuer_connection.id = card.connection_id
     WHERE card.org_id = $1 AND card.connection_id = $2 AND card.issuer_token = ANY ($3::text[])
), opened AS (
    SELECT unlock_window.* FROM asked
      JOIN unlock_window ON unlock_window.org_id = $1
       AND unlock_window.card_id = (asked.card).id AND unlock_window.ended_at IS NULL
), named AS (
    SELECT * FROM transaction
     WHERE org_id = $1 AND connection_id = $2 AND issuer_token = ANY ($4::text[])
), wanted AS (
    SELECT intent_id AS id FROM opened
    UNION SELECT intent_id FROM named WHERE intent_id IS NOT NULL
), answered AS (
    SELECT {
    ", ".join(
        f"'' AS {column}"
        if column == "inputs"
        else f"'{{}}'::jsonb AS {column}"
        if column == "answer"
        else column
        for column in DECISION.columns.split(", ")
    )
}
      FROM decision
     WHERE org_id = $1 AND connection_id = $2 AND request_id = ANY ($4::text[])
     ORDER BY decided_at, id
)
SELECT json_build_object(
    'policy_version',
    (SELECT coalesce(max(version), 0) FROM policy_version WHERE org_id = $1),
    'shapes', (SELECT coalesce(json_agg(shape), '[]') FROM subtotal_shape WHERE org_id = $1),
    'cards', (SELECT coalesce(json_agg(json_build_object(
        'card', asked.card, 'agent_handle', handle, 'agent_frozen_at', frozen_at,
        'held_at', held_at,
        'verifications', (
            SELECT count(*) FROM velocity_event
             WHERE org_id = $1 AND card_id = (asked.card).id AND at >= (SELECT midnight FROM today)
               AND verification AND approved),
        'live', (
            SELECT coalesce(json_agg(one), '[]') FROM (
                SELECT issuer_token AS request_id, vendor, held AS amount, currency, intent_id
                  FROM transaction
                 WHERE org_id = $1 AND card_id = (asked.card).id AND held > 0
                 LIMIT {ALL_LIVE}) one)
        )), '[]') FROM asked),
    'windows', (SELECT coalesce(json_agg(opened), '[]') FROM opened),
    'intents', (SELECT coalesce(json_agg(intent), '[]') FROM wanted
                  JOIN intent ON intent.org_id = $1 AND intent.id = wanted.id),
    'decisions', (SELECT coalesce(json_agg(answered), '[]') FROM answered),
    'transactions', (SELECT coalesce(json_agg(named), '[]') FROM named),
    'events', (SELECT coalesce(json_agg(json_build_object('transaction_id', transaction_id,
                                                          'event', event)), '[]')
                 FROM named
                 JOIN transaction_event ON transaction_event.org_id = $1
                  AND transaction_event.transaction_id = named.id),
    'exposures', (SELECT coalesce(json_agg(exposure), '[]')
                    FROM (SELECT id FROM wanted UNION SELECT id FROM named) subject
                    JOIN exposure ON exposure.org_id = $1 AND exposure.subject_id = subject.id),
    'counted', (SELECT coalesce(json_agg(event), '[]') FROM (
                    SELECT * FROM velocity_event WHERE org_id = $1 AND at > $5
                     LIMIT {ALL_COUNTED}) event)
)::text
"""

# $1 organization; then one set of rows for each table. Updates take arrays, not JSON: the planner
# takes an array for ten rows and probes the index; it takes a JSON set for a hundred and reads
# the whole table.
_WRITE = f"""
WITH decided AS (
    {DECISION.inserting("$1", "$2")}
), held AS (
    {TRANSACTION.inserting("$1", "$3")} {PUT_TRANSACTIONS}
), at_stake AS (
    {EXPOSURE.inserting("$1", "$4")} {PUT_EXPOSURES}
), posted AS (
    {POSTING.inserting("$1", "$5")}
), counted AS (
    {VELOCITY.inserting("$1", "$6")}
), recorded AS (
    {ENTRY.inserting("$1", "$7")}
), used AS (
    UPDATE intent SET state = new.state, charges = new.charges, used = new.used,
           evidence_seq = new.evidence_seq
      FROM unnest($8::text[], $9::intent_state[], $10::integer[], $11::bigint[], $12::integer[])
           AS new (id, state, charges, used, evidence_seq)
     WHERE intent.org_id = $1 AND intent.id = new.id
), numbered AS (
    UPDATE card SET evidence_seq = new.evidence_seq
      FROM unnest($13::text[], $14::integer[]) AS new (id, evidence_seq)
     WHERE card.org_id = $1 AND card.id = new.id
)
UPDATE unlock_window SET consumed_at = new.consumed_at, ends_at = new.ends_at
  FROM unnest($15::text[], $16::timestamptz[], $17::timestamptz[]) AS new (id, consumed_at, ends_at)
 WHERE unlock_window.org_id = $1 AND unlock_window.id = new.id
"""
_NEVER = datetime.max.replace(tzinfo=UTC)
_DECODER = msgspec.json.Decoder(Gathered)


class Authorizations:
    """Gathers for, and writes, a batch of decisions."""

    def __init__(self, connection: AsyncConnection[DictRow], org_id: str) -> None:
        self._db = connection
        self._org = org_id

    async def gather(
        self,
        connection_id: str,
        tokens: Sequence[str],
        request_ids: Sequence[str],
        *,
        since: datetime | None = None,
    ) -> Gathered:
        """All rows that cards (by issuer token) and requests name; what was counted ``since``."""
        cursor = AsyncRawCursor(self._db, row_factory=scalar_row)
        await cursor.execute(
            _GATHER,
            (self._org, connection_id, list(tokens), list(request_ids), since or _NEVER),
            prepare=True,
        )
        gathered = await cursor.fetchone()
        assert gathered is not None  # noqa: S101 - a SELECT without FROM gives one row
        return _DECODER.decode(gathered)

    async def live(
        self, sought: Sequence[LiveSearch], intent_ids: Sequence[str], but: Sequence[str]
    ) -> list[tuple[str, LiveAuthorization]]:
        """``(card, authorization)`` of what still holds money and could be a duplicate.

        Of each search the nearest amounts below and above (of one without an amount, all), and all
        of these intents; ``but`` are request ids to leave out. Plan: two probes a search of the
        partial index, which is sorted by amount.
        """
        columns = "card_id, issuer_token, vendor, held, currency, intent_id"
        near = (
            f"SELECT {columns} FROM transaction one WHERE one.org_id = %(org)s"
            " AND one.card_id = sought.card_id AND one.vendor = sought.vendor"
            " AND one.currency = sought.currency AND held > 0 AND issuer_token <> ALL (%(but)s)"
        )
        cursor = await self._db.execute(
            "SELECT found.* FROM unnest(%(cards)s::text[], %(vendors)s::text[],"
            " %(currencies)s::char(3)[], %(amounts)s::bigint[])"
            " AS sought (card_id, vendor, currency, amount) CROSS JOIN LATERAL ("
            f"({near} AND held <= amount ORDER BY held DESC LIMIT 1)"
            f" UNION ALL ({near} AND held > amount ORDER BY held LIMIT 1)"
            f" UNION ALL ({near} AND amount IS NULL)) found"
            f" UNION SELECT {columns} FROM transaction WHERE org_id = %(org)s"
            " AND intent_id = ANY (%(intents)s) AND held > 0 AND issuer_token <> ALL (%(but)s)",
            {
                "org": self._org,
                "cards": [one.card_id for one in sought],
                "vendors": [one.vendor for one in sought],
                "currencies": [one.currency for one in sought],
                "amounts": [one.amount for one in sought],
                "intents": list(intent_ids),
                "but": list(but),
            },
        )
        return [
            (
                row["card_id"],
                LiveAuthorization(
                    request_id=row["issuer_token"],
                    vendor=row["vendor"],
                    amount=row["held"],
                    currency=row["currency"],
                    intent_id=row["intent_id"],
                ),
            )
            for row in await cursor.fetchall()
            if row["card_id"] is not None
        ]

    async def write(self, writes: Writes) -> None:
        """Every row of a batch.

        Numbers and times of arrays travel as texts: the driver would name the types of what is in
        them, which differ from batch to batch, and each mixture would be planned for itself.
        """
        intents, windows = writes.intents.values(), writes.windows.values()
        await AsyncRawCursor(self._db).execute(
            _WRITE,
            (
                self._org,
                DECISION.rows(writes.decisions),
                TRANSACTION.rows(writes.transactions.values()),
                EXPOSURE.rows(writes.exposures.values()),
                POSTING.rows(writes.postings),
                VELOCITY.rows(writes.velocity),
                ENTRY.rows(writes.evidence),
                [intent.id for intent in intents],
                [intent.state.value for intent in intents],
                [str(intent.charges) for intent in intents],
                [str(intent.used) for intent in intents],
                [str(intent.evidence_seq) for intent in intents],
                list(writes.card_seqs),
                [str(seq) for seq in writes.card_seqs.values()],
                [window.id for window in windows],
                [_text(window.consumed_at) for window in windows],
                [_text(window.ends_at) for window in windows],
            ),
            prepare=True,
        )


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()
