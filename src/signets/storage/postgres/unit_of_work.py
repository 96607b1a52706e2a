"""One database transaction of one organization, with its lock and its time.

A writing unit of work first locks the organization's row. So of all transactions that move money
in one organization only one runs at a time, in any number of processes: checks see everything
that was committed before, limits are exact, and no two transactions can wait for each other.
``now`` is the database's clock, read *after* the lock is held: each transaction's is later than the
one before in its organization, whatever the clocks of the API machines say. Where the database's
own clock is set back by up to a minute, time all but stands still meanwhile; where by more, it was
wrong before and time follows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool

from signets.app.authorization_records import Gathered
from signets.app.records import Connection, LastMove, Organization
from signets.core.errors import Refusal, RefusalKind
from signets.storage.postgres.authorizations import Authorizations
from signets.storage.postgres.cards import Cards
from signets.storage.postgres.evidence import Evidence
from signets.storage.postgres.housekeeping import Housekeeping
from signets.storage.postgres.identity import CONNECTION, ORGANIZATION, Identity
from signets.storage.postgres.intents import Intents
from signets.storage.postgres.issuers import Issuers
from signets.storage.postgres.ledger import Ledger
from signets.storage.postgres.merchants import MerchantFacts
from signets.storage.postgres.policies import Policies
from signets.storage.postgres.replay import ReplayRecords
from signets.storage.postgres.transactions import Transactions

# The clock, but always after what an earlier transaction was told: where it was set back, time all
# but stands still until it has caught up. Set back by more than a minute it was wrong before, and
# waiting for it would last as long as the mistake was large.
_CLOCK = "clock_timestamp() + %(shift)s::interval"
_GOES_ON = f"moved_at < {_CLOCK} + interval '1 minute'"
_NOW = (
    f"CASE WHEN {_GOES_ON}"
    f" THEN greatest(moved_at + interval '1 microsecond', {_CLOCK}) ELSE {_CLOCK} END"
)
# Where time went back, nobody follows: what was counted before is not all before what comes after.
# The lock is taken by the subquery, so the clock is read while it is held. Where that had to wait,
# PostgreSQL computes the row anew from what the one before has left.
_MOVE = (
    f"UPDATE organization SET moved_at = {_NOW}, mark = gen_random_uuid(),"
    f" followed = CASE WHEN {_GOES_ON} THEN mark END, touched = NULL"
    " FROM (SELECT org_id AS id, mark AS last, followed AS before, touched AS by_last,"
    " moved_at AS last_at FROM organization WHERE org_id = %(org)s FOR NO KEY UPDATE) held"
    f" WHERE org_id = held.id RETURNING {ORGANIZATION.columns}, moved_at AS now,"
    " last::text, before::text, by_last, last_at, mark::text"
)
_MOVE_SAME_PLANS = f"{_MOVE}, set_config('plan_cache_mode', 'force_generic_plan', true)"
_LOOK = (
    f"SELECT {ORGANIZATION.columns}, {_NOW} AS now, mark::text AS last, followed::text AS before,"
    " touched AS by_last, moved_at AS last_at, mark::text FROM organization WHERE org_id = %(org)s"
)


class PostgresUnitOfWork:
    """The tables of one organization, inside one transaction."""

    def __init__(
        self,
        connection: AsyncConnection[DictRow],
        organization: Organization,
        now: datetime,
        *,
        last: LastMove,
        mark: str,
    ) -> None:
        org_id = organization.org_id
        self.connection = connection
        self.org_id = org_id
        self.organization = organization
        self.now = now
        self.last = last
        self.mark = mark
        self.identity = Identity(connection, org_id)
        self.policies = Policies(connection, org_id)
        self.cards = Cards(connection, org_id)
        self.intents = Intents(connection, org_id)
        self.authorizations = Authorizations(connection, org_id)
        self.transactions = Transactions(connection, org_id)
        self.ledger = Ledger(connection, org_id, now)
        self.evidence = Evidence(connection, org_id)
        self.issuers = Issuers(connection, org_id)
        self.merchants = MerchantFacts(connection, org_id)
        self.replay = ReplayRecords(connection, org_id)
        self.housekeeping = Housekeeping(connection, org_id)

    async def touched(self, connection_id: str, tokens: Iterable[str]) -> None:
        """Say that this transaction touches nothing but these cards, by issuer token."""
        await self.connection.execute(
            "UPDATE organization SET touched = %s WHERE org_id = %s",
            ([connection_id, *tokens], self.org_id),
        )

    async def commit(self) -> None:
        """End the transaction: here, with what travels, not at the end of the unit's block.

        Nothing may be asked of the unit afterwards.
        """
        await self.connection.commit()

    @asynccontextmanager
    async def together(self) -> AsyncIterator[asyncio.TaskGroup]:
        """Statements started in the group travel together, without waiting for each other.

        They run on the one connection, in the order in which they were started. The first error
        of any of them is raised at the end of the block.
        """
        try:
            async with self.connection.pipeline(), asyncio.TaskGroup() as group:
                yield group
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from several


class PostgresStore:
    """Opens units of work on a pool of connections.

    Args:
        pool: Connections with ``dict_row`` rows.
        locks: Connections that hold named locks while others work; of their own, so that waiting
            for the network can never use up those that decide.
        shift: Added to the database's clock; zero except where a test travels in time.
    """

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[DictRow]],
        *,
        locks: AsyncConnectionPool[AsyncConnection[DictRow]] | None = None,
        shift: Callable[[], timedelta] = timedelta,
    ) -> None:
        self._pool = pool
        self._locks = locks or pool
        self._shift = shift

    @asynccontextmanager
    async def transaction(self, org_id: str) -> AsyncIterator[PostgresUnitOfWork]:
        """A writing transaction that holds the organization's lock until it ends."""
        async with self._unit(org_id, _MOVE) as unit:
            yield unit

    @asynccontextmanager
    async def deciding(
        self,
        org_id: str,
        connection_id: str,
        tokens: Sequence[str],
        request_ids: Sequence[str],
        *,
        since: datetime | None,
    ) -> AsyncIterator[tuple[PostgresUnitOfWork, Gathered]]:
        """A :meth:`transaction`, and the rows that a batch of requests names; both travel together.

        ``since``: also what was counted after that.

        Its statements are run again and again and are all point reads and writes, so that one plan
        serves for all values. Planning them anew takes longer than running them.
        """
        given = {"org": org_id, "shift": self._shift()}
        async with self._connection() as connection:
            async with connection.pipeline():
                moved = await connection.execute(_MOVE_SAME_PLANS, given, prepare=True)
                rows = await Authorizations(connection, org_id).gather(
                    connection_id, tokens, request_ids, since=since
                )
                unit = _unit_of(connection, org_id, await moved.fetchone())
            unit.ledger.know_shapes(rows.shapes)
            yield unit, rows

    @asynccontextmanager
    async def unlocked(self, org_id: str) -> AsyncIterator[PostgresUnitOfWork]:
        """A transaction without the lock: for looking, and for what moves no money."""
        async with self._unit(org_id, _LOOK) as unit:
            yield unit

    @asynccontextmanager
    async def _unit(self, org_id: str, first: str) -> AsyncIterator[PostgresUnitOfWork]:
        # The pool's block is the transaction: it begins with the first statement, and ends with
        # COMMIT, or ROLLBACK where an exception leaves it.
        given = {"org": org_id, "shift": self._shift()}
        async with self._connection() as connection:
            found = await (await connection.execute(first, given)).fetchone()
            yield _unit_of(connection, org_id, found)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[DictRow]]:
        async with self._pool.connection() as connection:
            yield connection

    async def create_organization(self, organization: Organization) -> None:
        """Insert the row that every other row of the tenant hangs on."""
        async with self._connection() as connection:
            await connection.execute(
                ORGANIZATION.insert, ORGANIZATION.params(organization.org_id, organization)
            )

    async def now(self) -> datetime:
        """The database's clock."""
        async with self._connection() as connection:
            row = await (await connection.execute("SELECT clock_timestamp() AS now")).fetchone()
            assert row is not None  # noqa: S101 - a SELECT without FROM gives one row
            moment: datetime = row["now"]
            return moment + self._shift()

    async def organization_ids(self) -> list[str]:
        """Every organization, for workers that go round."""
        async with self._connection() as connection:
            cursor = await connection.execute("SELECT org_id FROM organization ORDER BY org_id")
            return [row["org_id"] for row in await cursor.fetchall()]

    async def find_connection(self, connection_id: str | None) -> Connection | None:
        """An issuer connection by its id alone; without an id, the only one there is."""
        async with self._connection() as connection:
            if connection_id is None:
                cursor = await connection.execute(CONNECTION.select + "LIMIT 2")
            else:
                cursor = await connection.execute(
                    CONNECTION.select + "WHERE id = %s", (connection_id,)
                )
            rows = await cursor.fetchall()
            return CONNECTION.read(rows[0]) if len(rows) == 1 else None

    async def reject_webhook(
        self, *, id: str, connection_id: str, path: str, problem: str, body_sha256: bytes
    ) -> None:
        """Journal a forged or unreadable request outside any tenant."""
        async with self._connection() as connection:
            await connection.execute(
                "INSERT INTO rejected_webhook"
                " (id, connection_id, path, problem, body_sha256, received_at)"
                " VALUES (%(id)s, %(connection_id)s, %(path)s, %(problem)s, %(body_sha256)s,"
                " clock_timestamp())",
                {
                    "id": id,
                    "connection_id": connection_id,
                    "path": path,
                    "problem": problem,
                    "body_sha256": body_sha256,
                },
            )

    @asynccontextmanager
    async def exclusive(self, name: str) -> AsyncIterator[None]:
        """Only one holder of ``name`` at a time, in all processes, until the block ends.

        For work that talks to the network and so must not hold the organization's lock.
        """
        async with self._locks.connection() as connection, connection.transaction():
            await connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (name,)
            )
            yield

    async def ping(self) -> None:
        """Raise where the database does not answer."""
        async with self._connection() as connection:
            await connection.execute("SELECT 1")


def _unit_of(
    connection: AsyncConnection[DictRow], org_id: str, found: DictRow | None
) -> PostgresUnitOfWork:
    if found is None:
        raise Refusal(RefusalKind.NOT_FOUND, "organization_unknown", f"no organization `{org_id}`")
    return PostgresUnitOfWork(
        connection,
        ORGANIZATION.read(found),
        found["now"],
        last=LastMove(found["last"], found["last_at"], found["before"], found["by_last"]),
        mark=found["mark"],
    )


async def _read_json_fast(connection: AsyncConnection[DictRow]) -> None:
    set_json_loads(msgspec.json.decode, connection)


async def open_pool(
    url: str, *, size: int, timeout: float
) -> AsyncConnectionPool[AsyncConnection[DictRow]]:
    """A pool whose connections give dict rows and read times as UTC.

    ``timeout`` seconds is the longest wait for a free connection. Over a network, a machine that
    vanished is noticed within a minute by both ends: here, so that a decision waits for the new
    server and not for the old one; there, so that a dead API machine's lock on its organization
    does not outlive it by hours. (On the embedded server's socket these settings mean nothing.)

    Plans are kept, and every query has its index: without sequential scans, a plan that was made
    while a table was small is still the right one when it has grown. Nor is any worth compiling.
    """
    pool: AsyncConnectionPool[AsyncConnection[DictRow]] = AsyncConnectionPool(
        url,
        min_size=min(2, size),
        max_size=size,
        timeout=timeout,
        open=False,
        kwargs={
            "row_factory": dict_row,
            "options": "-c timezone=UTC -c synchronous_commit=on -c enable_seqscan=off -c jit=off"
            " -c tcp_keepalives_idle=20 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3",
            "keepalives_idle": 20,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": int(timeout * 1000),
            "prepare_threshold": 2,
        },
        connection_class=psycopg.AsyncConnection[DictRow],
        configure=_read_json_fast,
    )
    await pool.open(wait=True, timeout=timeout)
    return pool
