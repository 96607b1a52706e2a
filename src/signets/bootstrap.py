"""The one place where adapters are wired to what the use cases need."""

from __future__ import annotations

import asyncio
import hashlib
import json
import traceback
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import procrastinate
import structlog
from typeid.base32 import encode
from uuid_utils import uuid7

from signets.app.known_merchants import MerchantCache
from signets.app.policy_in_force import PolicyCache
from signets.app.ports import Issuer, IssuerSecrets
from signets.app.records import Connection
from signets.app.services import Services, Vault
from signets.app.standing import Standings
from signets.core.errors import Refusal, RefusalKind
from signets.core.ids import Prefix
from signets.core.merchant.directory import Directory
from signets.issuers.bodies import read_any
from signets.issuers.profile import ClosableIssuer, ConnectionSettings, NormalForm
from signets.issuers.registry import ADAPTERS
from signets.jobs import ProcrastinateJobs, open_app
from signets.settings import Settings
from signets.storage.postgres import migrate
from signets.storage.postgres.database import open_database
from signets.storage.postgres.unit_of_work import PostgresStore, open_pool
from signets.vault import LocalVault, load_secret
from signets.vendors import load_directory

_log = structlog.get_logger("signets")


class ConnectedIssuers:
    """Clients of issuer connections, one per connection and what it is set up with."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._clients: dict[tuple[str, str, bytes], ClosableIssuer] = {}

    def client(self, connection: Connection) -> Issuer:
        """The adapter of the connection's issuer, from the registry.

        Raises:
            Refusal: ``issuer_unknown`` for a connection of an issuer without an adapter.
            ValueError: Key, mode, address and options do not belong together.
        """
        adapter = ADAPTERS.get(connection.issuer)
        if adapter is None:
            raise Refusal(
                RefusalKind.CONFLICT,
                "issuer_unknown",
                f"`{connection.issuer}` is not an issuer; there are: {', '.join(ADAPTERS)}",
                param="issuer",
            )
        api_key = self._vault.open(connection.org_id, connection.api_key_sealed)
        options = b"{}"
        if connection.options_sealed is not None:
            options = self._vault.open(connection.org_id, connection.options_sealed)
        # Another key or other options: another client. The digest keeps both out of the table.
        digest = hashlib.sha256(api_key + b"\0" + options).digest()
        key = (connection.id, connection.base_url, digest)
        if key not in self._clients:
            self._clients[key] = adapter(
                ConnectionSettings(
                    api_key=api_key.decode(),
                    base_url=connection.base_url,
                    mode=connection.mode,
                    options=json.loads(options),
                )
            )
        return self._clients[key]

    def secrets(self, connection: Connection) -> IssuerSecrets:
        """The live signing secrets; none before enrolment, so nothing verifies."""
        if connection.secrets_sealed is None:
            return IssuerSecrets(authorization=(), events=())
        stored = json.loads(self._vault.open(connection.org_id, connection.secrets_sealed))
        return IssuerSecrets(
            authorization=tuple(stored["authorization"]), events=tuple(stored["events"])
        )

    def seal_secrets(self, org_id: str, secrets: IssuerSecrets) -> bytes:
        """Encrypted, for the connection's row."""
        plain = {"authorization": list(secrets.authorization), "events": list(secrets.events)}
        return self._vault.seal(org_id, json.dumps(plain).encode())

    def seal_options(self, org_id: str, options: Mapping[str, str]) -> bytes | None:
        """Encrypted, for the connection's row; ``None`` where there are none."""
        return self._vault.seal(org_id, json.dumps(dict(options)).encode()) if options else None

    async def aclose(self) -> None:
        """Close the clients' connections."""
        for client in self._clients.values():
            await client.aclose()


def read_issuer_body(issuer: str, raw: bytes) -> NormalForm:
    """One body of an issuer in our normal form; no signature is asked for.

    Raises:
        BodyUnreadable: naming the field.
    """
    return read_any(issuer, raw)


def new_id(prefix: Prefix) -> str:
    """A fresh TypeID (UUIDv7).

    From the parts that the library makes it of; the object around them costs twice as much again.
    """
    return f"{prefix}_{encode(uuid7().bytes)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Services, and what only entry points use."""

    services: Services
    store: PostgresStore
    jobs: procrastinate.App
    database_url: str


@asynccontextmanager
async def open_runtime(
    settings: Settings,
    *,
    pool_size: int = 10,
    shift: Callable[[], timedelta] = timedelta,
    upgrade: bool = True,
    directory: Directory | None = None,
) -> AsyncIterator[Runtime]:
    """Open database, pool and adapters; close them in turn.

    Args:
        settings: As read at the entry point.
        pool_size: Most database connections of this process.
        shift: Added to the database's clock; tests travel in time with it.
        upgrade: Bring the schema up to date first.
        directory: Vendors; read from the package's files where not given.

    Raises:
        Refusal: The database cannot be used, or the secret is malformed.
    """
    url = settings.database_url.get_secret_value() if settings.database_url else None
    opened = open_database(url=url, data_dir=settings.data_dir)
    database = await asyncio.to_thread(opened.__enter__)
    try:
        if upgrade:
            await asyncio.to_thread(migrate.upgrade, database.url)
        secret = load_secret(
            settings.secret_key.get_secret_value() if settings.secret_key else None,
            settings.data_dir,
        )
        vault = LocalVault(secret)
        issuers = ConnectedIssuers(vault)
        jobs = open_app(database.url)
        pool = await open_pool(database.url, size=pool_size, timeout=settings.database_seconds)
        locks = await open_pool(database.url, size=4, timeout=settings.database_seconds)
        store = PostgresStore(pool, locks=locks, shift=shift)
        try:
            async with jobs.open_async():
                policies = PolicyCache()
                services = Services(
                    store=store,
                    new_id=new_id,
                    vault=vault,
                    issuers=issuers,
                    jobs=ProcrastinateJobs(jobs),
                    merchants=MerchantCache(directory or load_directory(), policies),
                    policies=policies,
                    standings=Standings(),
                )
                yield Runtime(services=services, store=store, jobs=jobs, database_url=database.url)
        finally:
            await issuers.aclose()
            await locks.close()
            await pool.close()
    finally:
        await asyncio.to_thread(opened.__exit__, None, None, None)


class LoggingObserver:
    """Counts decisions and writes failures to the log, never with a secret."""

    def __init__(self, count: Callable[[str, str | None, float], None] | None = None) -> None:
        self._count = count

    def decided(self, outcome: str, reason: str, seconds: float) -> None:
        """One answered authorization request."""
        if self._count is not None:
            self._count(outcome, reason or None, seconds)

    def failed(self, what: str, error: BaseException) -> None:
        """Something went wrong and was contained."""
        # The type and the innermost place only: a message may hold values or addresses.
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else ""
        _log.error("failed", what=what, error=type(error).__name__, where=where)
