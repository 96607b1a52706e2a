"""Cards, their unlock windows and reveals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from signets.app.ports import IssuerCard, IssuerCardState
from signets.app.records import Card, WindowRow
from signets.core.card import CardState
from signets.core.issuer_controls import CardControls
from signets.storage.postgres.rows import Table

CARD = Table("card", Card)
WINDOW = Table("unlock_window", WindowRow)


class Cards:
    """Virtual cards of one organization."""

    def __init__(self, connection: AsyncConnection[DictRow], org_id: str) -> None:
        self._db = connection
        self._org = org_id

    async def add(self, card: Card) -> None:
        await self._db.execute(CARD.insert, CARD.params(self._org, card))

    async def get(self, card_id: str) -> Card | None:
        cursor = await self._db.execute(
            CARD.select + "WHERE org_id = %s AND id = %s", (self._org, card_id)
        )
        row = await cursor.fetchone()
        return CARD.read(row) if row else None

    async def by_token(self, connection_id: str, issuer_token: str) -> Card | None:
        """The card that an issuer's event is about."""
        cursor = await self._db.execute(
            CARD.select + "WHERE org_id = %s AND connection_id = %s AND issuer_token = %s",
            (self._org, connection_id, issuer_token),
        )
        row = await cursor.fetchone()
        return CARD.read(row) if row else None

    async def page(
        self,
        *,
        agent_id: str | None,
        vendor: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> list[Card]:
        """Newest first; ``after`` is the last id of the page before."""
        cursor = await self._db.execute(
            CARD.select + "WHERE org_id = %(org)s"
            " AND (%(agent)s::text IS NULL OR agent_id = %(agent)s)"
            " AND (%(vendor)s::text IS NULL OR %(vendor)s = ANY (merchant_lock))"
            " AND (%(after)s::text IS NULL OR id < %(after)s)"
            " ORDER BY id DESC LIMIT %(limit)s",
            {
                "org": self._org,
                "agent": agent_id,
                "vendor": vendor,
                "after": after,
                "limit": limit,
            },
        )
        return [CARD.read(row) for row in await cursor.fetchall()]

    async def open_cards(self, agent_id: str | None) -> list[Card]:
        """Cards whose lock is open: of one agent, or of everybody."""
        cursor = await self._db.execute(
            CARD.select + "WHERE org_id = %(org)s AND state = 'open'"
            " AND (%(agent)s::text IS NULL OR agent_id = %(agent)s)",
            {"org": self._org, "agent": agent_id},
        )
        return [CARD.read(row) for row in await cursor.fetchall()]

    async def set_state(self, card_id: str, state: CardState, at: datetime) -> None:
        await self._db.execute(
            "UPDATE card SET state = %(state)s::text::card_state,"
            " closed_at = CASE WHEN %(state)s::text = 'closed' THEN %(at)s::timestamptz END"
            " WHERE org_id = %(org)s AND id = %(id)s",
            {"state": state, "at": at, "org": self._org, "id": card_id},
        )

    async def set_frozen(self, card_id: str, at: datetime | None) -> None:
        await self._db.execute(
            "UPDATE card SET frozen_at = %s WHERE org_id = %s AND id = %s",
            (at, self._org, card_id),
        )

    async def set_spending_limit(self, card_id: str, spending_limit: int) -> None:
        await self._db.execute(
            "UPDATE card SET spending_limit = %s WHERE org_id = %s AND id = %s",
            (spending_limit, self._org, card_id),
        )

    async def trip_breaker(self, card_id: str, at: datetime) -> None:
        """The caller locks the card in the same transaction."""
        await self._db.execute(
            "UPDATE card SET breaker_tripped_at = %s WHERE org_id = %s AND id = %s",
            (at, self._org, card_id),
        )

    async def reset_breaker(self, card_id: str, at: datetime) -> None:
        await self._db.execute(
            "UPDATE card SET breaker_tripped_at = NULL, breaker_reset_at = %s"
            " WHERE org_id = %s AND id = %s",
            (at, self._org, card_id),
        )

    async def set_issued(self, card_id: str, made: IssuerCard) -> None:
        """What the issuer said of the card it made. A card is issued once."""
        await self._db.execute(
            "UPDATE card SET issuer_token = %s, last_four = %s, exp_month = %s, exp_year = %s,"
            " issuer_state = %s WHERE org_id = %s AND id = %s AND issuer_token IS NULL",
            (
                made.token,
                made.last_four,
                made.exp_month,
                made.exp_year,
                made.state,
                self._org,
                card_id,
            ),
        )

    async def set_issuer_state(self, card_id: str, state: IssuerCardState) -> None:
        await self._db.execute(
            "UPDATE card SET issuer_state = %s WHERE org_id = %s AND id = %s",
            (state, self._org, card_id),
        )

    async def set_controls(self, card_id: str, controls: CardControls) -> None:
        """What the issuer is to hold the card to."""
        await self._db.execute(
            "UPDATE card SET backstop = %s, blocked_categories = %s WHERE org_id = %s AND id = %s",
            (controls.backstop, list(controls.blocked_categories), self._org, card_id),
        )

    async def block_categories(self, ids: Sequence[str], categories: Sequence[str]) -> None:
        """The part of it that policy says, for many cards at once."""
        await self._db.execute(
            "UPDATE card SET blocked_categories = %s WHERE org_id = %s AND id = ANY (%s)",
            (list(categories), self._org, list(ids)),
        )

    async def set_issuer_controls(self, card_id: str, controls: CardControls) -> None:
        """What the issuer holds the card to, as it said."""
        await self._db.execute(
            "UPDATE card SET issuer_backstop = %s, issuer_blocked_categories = %s"
            " WHERE org_id = %s AND id = %s",
            (controls.backstop, list(controls.blocked_categories), self._org, card_id),
        )

    async def count_for_issuer(self, card_id: str, transaction_id: str, counted: int) -> None:
        """What the issuer may count of a transaction, which never becomes less."""
        await self._db.execute(
            "WITH known AS (SELECT issuer_counted FROM transaction"
            "   WHERE org_id = %(org)s AND id = %(transaction)s AND issuer_counted < %(counted)s),"
            " more AS (UPDATE transaction SET issuer_counted = %(counted)s"
            "   WHERE org_id = %(org)s AND id = %(transaction)s AND issuer_counted < %(counted)s)"
            " UPDATE card SET issuer_counted = card.issuer_counted + %(counted)s"
            "   - known.issuer_counted FROM known"
            " WHERE card.org_id = %(org)s AND card.id = %(card)s",
            {
                "org": self._org,
                "card": card_id,
                "transaction": transaction_id,
                "counted": counted,
            },
        )

    async def lagging(self, limit: int) -> list[str]:
        """Cards that the issuer does not have, or has in another state than ours.

        Or holds, while they are open, to something else. While a connection is held, all its
        cards are to be paused there.
        """
        cursor = await self._db.execute(
            "SELECT card.id FROM card JOIN issuer_connection AS held"
            " ON held.org_id = card.org_id AND held.id = card.connection_id"
            " WHERE card.org_id = %s"
            " AND ((state = 'open' AND held_at IS NULL) <> (issuer_state = 'open')"
            "      OR (state = 'closed') <> (issuer_state = 'closed') OR issuer_token IS NULL"
            "      OR (state = 'open' AND held_at IS NULL AND backstop IS NOT NULL"
            "          AND (issuer_backstop IS DISTINCT FROM backstop"
            "               OR issuer_blocked_categories <> blocked_categories)))"
            " ORDER BY card.id LIMIT %s",
            (self._org, limit),
        )
        return [row["id"] for row in await cursor.fetchall()]

    async def add_window(self, window: WindowRow) -> None:
        await self._db.execute(WINDOW.insert, WINDOW.params(self._org, window))

    async def window_of_card(self, card_id: str) -> WindowRow | None:
        """The window that has not been closed yet."""
        cursor = await self._db.execute(
            WINDOW.select + "WHERE org_id = %s AND card_id = %s AND ended_at IS NULL",
            (self._org, card_id),
        )
        row = await cursor.fetchone()
        return WINDOW.read(row) if row else None

    async def windows_of_intent(self, intent_id: str) -> list[WindowRow]:
        """All windows that the intent ever had, oldest first."""
        cursor = await self._db.execute(
            WINDOW.select + "WHERE org_id = %s AND intent_id = %s ORDER BY id",
            (self._org, intent_id),
        )
        return [WINDOW.read(row) for row in await cursor.fetchall()]

    async def windows_due(self, now: datetime, limit: int) -> list[WindowRow]:
        """Windows that should have been closed by now."""
        cursor = await self._db.execute(
            WINDOW.select
            + "WHERE org_id = %s AND ended_at IS NULL AND ends_at <= %s ORDER BY ends_at LIMIT %s",
            (self._org, now, limit),
        )
        return [WINDOW.read(row) for row in await cursor.fetchall()]

    async def consume_window(
        self, window_id: str, consumed_at: datetime | None, ends_at: datetime
    ) -> None:
        """Shorten the window to its grace (or restore it, when the intent is reopened)."""
        await self._db.execute(
            "UPDATE unlock_window SET consumed_at = %s, ends_at = %s WHERE org_id = %s AND id = %s",
            (consumed_at, ends_at, self._org, window_id),
        )

    async def end_window(self, window_id: str, at: datetime) -> None:
        await self._db.execute(
            "UPDATE unlock_window SET ended_at = %s"
            " WHERE org_id = %s AND id = %s AND ended_at IS NULL",
            (at, self._org, window_id),
        )

    async def add_reveal(self, card_id: str, at: datetime, revealed_by: str) -> None:
        await self._db.execute(
            "INSERT INTO card_reveal (org_id, card_id, at, revealed_by) VALUES (%s, %s, %s, %s)",
            (self._org, card_id, at, revealed_by),
        )

    async def reveals_since(self, card_id: str, since: datetime) -> int:
        cursor = await self._db.execute(
            "SELECT count(*) AS n FROM card_reveal WHERE org_id = %s AND card_id = %s AND at > %s",
            (self._org, card_id, since),
        )
        row = await cursor.fetchone()
        return int(row["n"]) if row else 0
