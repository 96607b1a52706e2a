"""Look at an issuer connection's set-up, hold it while it is unsafe, and let it go again.

A held connection declines every request (``frozen``), opens no card, and has its cards paused at
the issuer by the sweep. Windows and intents stay: they go on when the hold is lifted.
"""

from __future__ import annotations

from dataclasses import dataclass

from signets.app.connect_issuer import addresses, set_up_lock
from signets.app.journal import SYSTEM, alert, record
from signets.app.ports import ChecksSetUp, Finding, ReplaysEvents, Severity
from signets.app.records import Connection, JsonObject
from signets.app.services import Services
from signets.app.store import UnitOfWork

#: A warning is told to a person when so many checks in a row have found it (a minute each).
_LASTING = 3
#: Found without having seen the set-up: neither a reason to hold, nor to let go.
_BLIND = "unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A connection after a check, and what the check found."""

    connection: Connection
    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """Nothing critical, and nothing that will be."""
        return all(one.severity is Severity.NOTICE for one in self.findings)


async def check_issuers(services: Services, org_id: str) -> list[Checked]:
    """Check every enrolled connection of the organization and act on what is found."""
    async with services.store.unlocked(org_id) as uow:
        connections = [one for one in await uow.identity.connections() if one.enrolled_at]
    return [await check_issuer(services, one) for one in connections]


async def check_issuer(services: Services, connection: Connection) -> Checked:
    """Check one connection; hold it or let it go."""
    async with services.store.exclusive(set_up_lock(connection.id)):
        async with services.store.unlocked(connection.org_id) as uow:
            connection = await uow.identity.connection(connection.id) or connection
        findings = await _look(services, connection)
        async with services.store.transaction(connection.org_id) as uow:
            known = await uow.identity.connection(connection.id) or connection
            rows = _counted(findings, known.findings)
            await uow.issuers.set_checked(known.id, uow.now, rows)
            await _alert_lasting(services, uow, known, rows)
            lifted = await _hold_or_lift(services, uow, known, findings)
            after = await uow.identity.connection(known.id) or known
        if lifted:
            await _recover(services, known)
    return Checked(connection=after, findings=tuple(findings))


async def _look(services: Services, connection: Connection) -> list[Finding]:
    client = services.issuers.client(connection)
    if not isinstance(client, ChecksSetUp):
        return []
    if connection.public_url is None:
        return [
            Finding(
                code="connected_by_older_version",
                severity=Severity.WARNING,
                sentence="where the issuer was told to reach us is not stored: it cannot be "
                "compared with what the issuer has",
                remedy=f"connect again: `signets issuers connect {connection.issuer}`",
            )
        ]
    authorize_url, events_url = addresses(connection)
    return await client.check_set_up(
        authorize_url=authorize_url,
        events_url=events_url,
        secrets=services.issuers.secrets(connection),
    )


def _counted(findings: list[Finding], before: list[JsonObject]) -> list[JsonObject]:
    """The findings as stored, each with how many checks in a row found it."""
    times = {one["code"]: one.get("times", 1) for one in before}
    return [
        {
            "code": one.code,
            "severity": one.severity.value,
            "sentence": one.sentence,
            "remedy": one.remedy,
            "times": times.get(one.code, 0) + 1,
        }
        for one in findings
    ]


async def _alert_lasting(
    services: Services, uow: UnitOfWork, connection: Connection, rows: list[JsonObject]
) -> None:
    for one in rows:
        if one["severity"] == Severity.WARNING.value and one["times"] == _LASTING:
            await alert(
                services,
                uow,
                "issuer_check",
                subject=connection.id,
                message=f"{connection.issuer}: {one['sentence']}; {one['remedy']}",
            )


async def _hold_or_lift(
    services: Services, uow: UnitOfWork, connection: Connection, findings: list[Finding]
) -> bool:
    """Whether a hold was lifted."""
    critical = [one for one in findings if one.severity is Severity.CRITICAL]
    if critical and connection.held_at is None:
        because = "; ".join(one.sentence for one in critical)
        await uow.issuers.hold(connection.id, uow.now, because)
        codes = [one.code for one in critical]
        await _tell(services, uow, connection, "issuer.held", codes, f"cards are paused: {because}")
        return False
    seen = all(one.code != _BLIND for one in findings)
    if not critical and seen and connection.held_at is not None:
        await uow.issuers.hold(connection.id, None, None)
        healthy = "the connection is healthy again; cards open as their intents say"
        await _tell(services, uow, connection, "issuer.resumed", [], healthy)
        return True
    return False


async def _tell(
    services: Services,
    uow: UnitOfWork,
    connection: Connection,
    kind: str,
    codes: list[str],
    message: str,
) -> None:
    await record(services, uow, kind, actor=SYSTEM, subject=connection.id, data={"findings": codes})
    await alert(
        services,
        uow,
        kind.replace(".", "_"),
        subject=connection.id,
        message=f"{connection.issuer}: {message}",
    )


async def _recover(services: Services, connection: Connection) -> None:
    """Have the issuer send again what it could not deliver meanwhile; the pull is the net."""
    client = services.issuers.client(connection)
    if isinstance(client, ReplaysEvents) and connection.held_at is not None:
        _, events_url = addresses(connection)
        await client.replay_missed(events_url=events_url, begin=connection.held_at)
