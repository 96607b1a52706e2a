"""What every issuer's set-up check has to say in the same way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from signets.app.ports import Finding, Severity

#: A signature is good for five minutes at both issuers; half of it is too near.
_SKEW_WARNS = timedelta(seconds=30)
_SKEW_BREAKS = timedelta(minutes=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUpWords:
    """How one issuer is named to a person.

    Attributes:
        again: What to do where connecting once more mends it.
    """

    issuer: str
    key: str
    status_page: str
    again: str

    def key_refused(self, said: str) -> Finding:
        """The key is not taken."""
        return Finding(
            code="key_refused",
            severity=Severity.CRITICAL,
            sentence=f"{self.issuer} does not take the API key ({said}): cards cannot be paused "
            "or looked up",
            remedy=f"set {self.key} to a key of this account and {self.again}",
        )

    def unreachable(self, said: str) -> Finding:
        """Nobody answers."""
        return Finding(
            code="unreachable",
            severity=Severity.WARNING,
            sentence=f"{self.issuer} cannot be reached ({said}): nothing of the set-up can be "
            "checked",
            remedy=f"look at {self.status_page} and at this machine's way to the internet",
        )

    def subscription_lost(self, where: str, *, exists: bool) -> Finding:
        """No live subscription brings events."""
        state = "is disabled" if exists else "does not exist"
        return Finding(
            code="subscription_disabled" if exists else "subscription_missing",
            severity=Severity.CRITICAL,
            sentence=f"{where} {state}: clearings, reversals and refunds come to nobody's ears "
            "until the next pull",
            remedy=self.again,
        )

    def types_missing(self, where: str, missing: Sequence[str], *, money: Iterable[str]) -> Finding:
        """A subscription leaves out what we act on; critical where ``money`` moves unseen."""
        lost = any(one in missing for one in money)
        return Finding(
            code="event_types_missing",
            severity=Severity.CRITICAL if lost else Severity.WARNING,
            sentence=f"{where} leaves out {', '.join(missing)}",
            remedy=self.again,
        )

    def clock_skew(self, date: str | None, ours: datetime) -> list[Finding]:
        """Between the issuer's ``Date`` (whole seconds) and our clock at that moment."""
        try:
            skew = abs(parsedate_to_datetime(date or "") - ours)
        except (TypeError, ValueError):
            return []  # no readable date, nothing to say
        if skew < _SKEW_WARNS:
            return []
        return [
            Finding(
                code="clock_skew",
                severity=Severity.CRITICAL if skew >= _SKEW_BREAKS else Severity.WARNING,
                sentence=f"this machine's clock and {self.issuer}'s are "
                f"{skew.total_seconds():.0f} s apart; at 300 s every signature is refused",
                remedy="set the clock (NTP) on this machine",
            )
        ]


def worst_first(found: Iterable[Finding]) -> list[Finding]:
    """Findings by severity."""
    return sorted(found, key=lambda one: list(Severity).index(one.severity))
