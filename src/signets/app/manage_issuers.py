"""Issuer connections for people: list, check, rotate the signing secret."""

from __future__ import annotations

from dataclasses import dataclass

from signets.app.caller import Caller, not_found
from signets.app.check_issuer import Checked, check_issuer
from signets.app.connect_issuer import merged, set_up_lock
from signets.app.journal import record
from signets.app.ports import IssuerSecrets, RotatesSecrets
from signets.app.records import Connection
from signets.app.services import Services
from signets.core.access import Scope
from signets.core.errors import Refusal, RefusalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionView:
    """A connection and how many of its events came to what."""

    connection: Connection
    events: dict[str, int]


async def list_issuers(services: Services, caller: Caller) -> list[ConnectionView]:
    """All connections, oldest first."""
    caller.require(Scope.IDENTITY_READ)
    async with services.store.unlocked(caller.org_id) as uow:
        counts = await uow.issuers.event_counts()
        return [
            ConnectionView(connection=one, events=counts.get(one.id, {}))
            for one in await uow.identity.connections()
        ]


async def check_now(services: Services, caller: Caller, connection_id: str) -> Checked:
    """What the worker does every minute, at once.

    Raises:
        Refusal: ``issuer_not_found``.
    """
    caller.require(Scope.IDENTITY_WRITE)
    return await check_issuer(services, await _require(services, caller, connection_id))


async def rotate_secret(services: Services, caller: Caller, connection_id: str) -> Connection:
    """A new signing secret for authorization requests; the old one stays live beside it.

    Raises:
        Refusal: ``issuer_not_found``, or ``rotation_unsupported`` by API at this issuer.
        IssuerUnavailable, IssuerRefused: Nothing has changed, or only at the issuer: then the
            check says so, and connecting again mends it.
    """
    caller.require(Scope.IDENTITY_WRITE)
    connection = await _require(services, caller, connection_id)
    client = services.issuers.client(connection)
    if not isinstance(client, RotatesSecrets):
        raise Refusal(
            RefusalKind.CONFLICT,
            "rotation_unsupported",
            f"{connection.issuer} rotates its signing secret in its dashboard only: roll it there, "
            "and connect again with the new one beside the old",
        )
    async with services.store.exclusive(set_up_lock(connection.id)):
        fresh = await client.rotate_secret()
        async with services.store.transaction(caller.org_id) as uow:
            known = await uow.identity.connection(connection.id) or connection
            before = services.issuers.secrets(known)
            live = merged(IssuerSecrets((fresh,), before.events), before)
            sealed = services.issuers.seal_secrets(caller.org_id, live)
            await uow.issuers.set_secrets(connection.id, sealed)
            await record(
                services,
                uow,
                "issuer.secret_rotated",
                actor=caller.actor,
                subject=connection.id,
                data={"live": len(live.authorization)},
            )
            return await uow.identity.connection(connection.id) or known


async def _require(services: Services, caller: Caller, connection_id: str) -> Connection:
    async with services.store.unlocked(caller.org_id) as uow:
        found = await uow.identity.connection(connection_id)
    if found is None:
        raise not_found("issuer", connection_id)
    return found
