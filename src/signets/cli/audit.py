"""``audit``: does what was decided still follow from what it was decided on?"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from signets.cli.configuration import DataDirOption, load_settings
from signets.cli.output import REFUSED, USAGE, CommandError, JsonFlag, print_lines, say

if TYPE_CHECKING:
    from signets.app.replay_decisions import Replayed, Wanted
    from signets.settings import Settings

audit = typer.Typer(no_args_is_help=True, help="Stored decisions, held against their own record.")

#: Differing decisions that the JSON document names; more are only counted.
MOST_NAMED = 1000


@dataclass(slots=True)
class _Tally:
    """What was seen so far."""

    as_json: bool
    begun: float = field(default_factory=time.monotonic)
    told: float = field(default_factory=time.monotonic)
    organizations: int = 0
    replayed: int = 0
    differing: int = 0
    named: list[dict[str, Any]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begun

    @property
    def per_second(self) -> int:
        return round(self.replayed / max(self.seconds, 0.001))

    def add(self, org_id: str, one: Replayed) -> None:
        """Count it; say what differs, and once a second how far this is."""
        self.replayed += 1
        if one.differences:
            self.differing += 1
            self._name(org_id, one)
        if time.monotonic() - self.told >= 1:
            self.told = time.monotonic()
            say(
                f"{self.replayed:,} replayed, back to {one.decided_at:%Y-%m-%d %H:%M:%S}Z,"
                f" {self.per_second:,}/s, {self.differing:,} differ"
            )

    def _name(self, org_id: str, one: Replayed) -> None:
        parts = [
            {"field": each.field, "recorded": each.recorded, "replayed": each.replayed}
            for each in one.differences
        ]
        if not self.as_json:
            print_lines(
                f"{one.decision_id} {each['field']}: recorded {each['recorded']},"
                f" replay gives {each['replayed']}"
                for each in parts
            )
        elif len(self.named) < MOST_NAMED:
            self.named.append(
                {"organization": org_id, "decision": one.decision_id, "differences": parts}
            )

    def close(self) -> None:
        """The last line."""
        if self.as_json:
            print(
                json.dumps(
                    {
                        "ok": self.differing == 0,
                        "organizations": self.organizations,
                        "replayed": self.replayed,
                        "differing": self.differing,
                        "seconds": round(self.seconds, 3),
                        "per_second": self.per_second,
                        "decisions": self.named,
                    }
                )
            )
            return
        found = f"{self.differing:,} DIFFER" if self.differing else "no difference"
        print_lines(
            [
                f"replayed {self.replayed:,} decisions of {self.organizations} organization(s)"
                f" in {self.seconds:.1f} s ({self.per_second:,}/s): {found}"
            ]
        )


@audit.command("replay")
def replay(
    *,
    organization: Annotated[
        str | None, typer.Option(help="One organization's id; without it, all of them.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Only decisions from then on: `2026-03-01` or `2026-03-01T09:00Z`, UTC."),
    ] = None,
    card: Annotated[str | None, typer.Option(help="Only this card's, by our id.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the newest of each organization.")
    ] = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Decide every stored decision again, newest first; exit code 1 where any differs.

    Each is decided on the inputs that were stored with it, and what it took from policy is held
    against the policy version that it names. A difference is named by decision and field, and
    means: the record was changed, or this version of Signets decides otherwise. Reads only, with
    the server's database settings, beside a running server.

    Example: signets audit replay --since 2026-03-01
    """
    from signets.app.replay_decisions import Wanted

    settings = load_settings(data_dir=data_dir)
    wanted = Wanted(since=_moment(since), card_id=card, limit=limit)
    tally = _Tally(as_json)
    asyncio.run(_replay(settings, organization, wanted, tally))
    tally.close()
    if tally.differing:
        raise typer.Exit(REFUSED)


async def _replay(
    settings: Settings, organization: str | None, wanted: Wanted, tally: _Tally
) -> None:
    from signets.app.replay_decisions import replay_decisions
    from signets.bootstrap import open_runtime
    from signets.storage.postgres import migrate

    # An audit changes nothing, the schema included.
    async with open_runtime(settings, pool_size=1, upgrade=False) as runtime:
        if await asyncio.to_thread(migrate.current, runtime.database_url) != migrate.head():
            raise CommandError(
                "the database is not at this version's schema: `signets db status` shows it,"
                " `signets db upgrade` brings it there"
            )
        known = [organization] if organization else await runtime.store.organization_ids()
        for org_id in known:
            tally.organizations += 1
            async for one in replay_decisions(runtime.services, org_id, wanted):
                tally.add(org_id, one)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            f"`{text}` is not a time; write `2026-03-01` or `2026-03-01T09:00Z` (field: since)",
            USAGE,
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
