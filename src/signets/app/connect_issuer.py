"""Connect an issuer account: store its key sealed, and point its requests and events at us."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from signets.app.journal import SYSTEM, record
from signets.app.ports import (
    ChecksSetUp,
    Finding,
    IssuerRefused,
    IssuerSecrets,
    IssuerUnavailable,
    PlansEnrolment,
)
from signets.app.records import Connection
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.core.errors import Refusal, RefusalKind
from signets.core.ids import Prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account at an issuer. ``repr`` shows neither key nor options.

    Attributes:
        mode: ``sandbox`` (ours), ``test`` or ``live``.
        base_url: Where the issuer's API listens.
        public_url: How the issuer reaches us.
        options: What this one issuer needs besides.
    """

    issuer: str
    mode: str
    base_url: str
    public_url: str
    api_key: str = field(repr=False)
    options: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What connecting would do, and what the issuer has now.

    Attributes:
        connection_id: ``None`` where it would be a new one: its id is made when it is connected,
            and both addresses hold :data:`ID_TO_BE` in its place.
    """

    connection_id: str | None
    authorize_url: str
    events_url: str
    steps: tuple[str, ...]
    findings: tuple[Finding, ...]


#: Stands for the id of a connection that is only planned.
ID_TO_BE = "{new id}"


def addresses(connection: Connection) -> tuple[str, str]:
    """Where the issuer is to send requests and events, once ``public_url`` is known."""
    root = f"{(connection.public_url or '').rstrip('/')}/v1/issuers/{connection.id}"
    return f"{root}/authorize", f"{root}/events"


async def connect_issuer(services: Services, org_id: str, account: Account) -> Connection:
    """Enrol the account, then store the connection; repeatable.

    A connection of the same issuer and mode is enrolled again: its key, address or options may
    have changed. Nothing is stored where the issuer does not take the key.

    Raises:
        Refusal: ``issuer_unknown``, or ``issuer_settings_invalid`` where key, mode, address and
            options do not belong together (a live key in test mode).
        IssuerUnavailable, IssuerRefused: The issuer could not be reached, or said no.
    """
    async with services.store.exclusive(f"connect:{org_id}:{account.issuer}:{account.mode}"):
        async with services.store.unlocked(org_id) as uow:
            known = await _known(uow, account)
            draft = _draft(services, uow, known, account)
        async with services.store.exclusive(set_up_lock(draft.id)):
            return await _enroll(services, account, known, draft)


def set_up_lock(connection_id: str) -> str:
    """Who changes a connection's set-up, here or at the issuer, or looks at both, holds this."""
    return f"set_up:{connection_id}"


async def _enroll(
    services: Services, account: Account, known: Connection | None, draft: Connection
) -> Connection:
    org_id = draft.org_id
    authorize_url, events_url = addresses(draft)
    client = services.issuers.client(draft)
    secrets = await client.enroll(authorize_url=authorize_url, events_url=events_url)
    before = services.issuers.secrets(known) if known is not None else IssuerSecrets((), ())
    sealed = services.issuers.seal_secrets(org_id, merged(secrets, before))
    async with services.store.transaction(org_id) as uow:
        await uow.issuers.save_connection(
            replace(draft, secrets_sealed=sealed, enrolled_at=uow.now)
        )
        if known is None or _changed(services, known, account):
            await record(
                services,
                uow,
                "issuer.connected",
                actor=SYSTEM,
                subject=draft.id,
                data={
                    "issuer": draft.issuer,
                    "mode": draft.mode,
                    "base_url": draft.base_url,
                    "public_url": draft.public_url,
                    "again": known is not None,
                },
            )
        return await uow.identity.connection(draft.id) or draft


async def plan_connection(services: Services, org_id: str, account: Account) -> Plan:
    """What :func:`connect_issuer` would do; changes nothing, here or at the issuer.

    Raises:
        Refusal: As there.
    """
    async with services.store.unlocked(org_id) as uow:
        known = await _known(uow, account)
        draft = _draft(services, uow, known, account)
    client = services.issuers.client(draft)
    shown = draft if known is not None else replace(draft, id=ID_TO_BE)
    authorize_url, events_url = addresses(shown)
    findings: list[Finding] = []
    if isinstance(client, ChecksSetUp):
        findings = await client.check_set_up(
            authorize_url=authorize_url,
            events_url=events_url,
            secrets=services.issuers.secrets(draft),
        )
    there = [f"send authorization requests to {authorize_url}, events to {events_url}"]
    if isinstance(client, PlansEnrolment):
        try:
            there = await client.plan_enrolment(authorize_url=authorize_url, events_url=events_url)
        except (IssuerRefused, IssuerUnavailable) as error:
            there = [f"fail at the issuer: {error}"]
    verb = "store a new connection" if known is None else f"update connection {known.id}"
    where = f"of {account.issuer} ({account.mode}) at {account.base_url}"
    return Plan(
        connection_id=known.id if known else None,
        authorize_url=authorize_url,
        events_url=events_url,
        steps=(f"{verb} {where}, its key sealed", *there),
        findings=tuple(findings),
    )


def merged(new: IssuerSecrets, before: IssuerSecrets) -> IssuerSecrets:
    """The new secrets first; the one before stays live while the issuer rotates."""
    return IssuerSecrets(
        authorization=_two(new.authorization, before.authorization),
        events=_two(new.events, before.events),
    )


def _two(new: tuple[str, ...], before: tuple[str, ...]) -> tuple[str, ...]:
    kept = [one for one in before if one not in new]
    return (*new, *kept)[:2]


async def _known(uow: UnitOfWork, account: Account) -> Connection | None:
    for one in await uow.identity.connections():
        if (one.issuer, one.mode) == (account.issuer, account.mode):
            return one
    return None


def _draft(
    services: Services, uow: UnitOfWork, known: Connection | None, account: Account
) -> Connection:
    """The connection as it is to be; not stored yet."""
    org_id = uow.org_id
    draft = Connection(
        org_id=org_id,
        id=known.id if known else services.new_id(Prefix.CONNECTION),
        issuer=account.issuer,
        mode=account.mode,
        base_url=account.base_url,
        api_key_sealed=services.vault.seal(org_id, account.api_key.encode()),
        options_sealed=services.issuers.seal_options(org_id, account.options),
        secrets_sealed=known.secrets_sealed if known else None,
        public_url=account.public_url.rstrip("/"),
        enrolled_at=None,
        created_at=known.created_at if known else uow.now,
    )
    try:
        services.issuers.client(draft)
    except ValueError as error:
        raise Refusal(
            RefusalKind.INVALID, "issuer_settings_invalid", str(error), param="issuer"
        ) from None
    return draft


def _changed(services: Services, known: Connection, account: Account) -> bool:
    """Whether anything but the time of enrolment is new."""
    key = services.vault.open(known.org_id, known.api_key_sealed).decode()
    options: dict[str, str] = {}
    if known.options_sealed is not None:
        options = json.loads(services.vault.open(known.org_id, known.options_sealed))
    return (known.base_url, known.public_url, key, options) != (
        account.base_url,
        account.public_url.rstrip("/"),
        account.api_key,
        dict(account.options),
    )
