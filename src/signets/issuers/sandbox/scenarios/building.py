"""What the catalogue is written with. Amounts are percentages."""

from __future__ import annotations

from collections.abc import Mapping

from signets.issuers.sandbox.scenarios.model import Books, Do, Reach, Scenario, Step

DAY = 86_400
APPROVED = Step(do=Do.AUTHORIZE, percent=100, intent=100)
UNPREPARED = Step(do=Do.AUTHORIZE, percent=100)
CLEARED = Books(cleared=100)
NOTHING = Books()


def declined(intent: int | None = 100) -> Step:
    """A request that the network must see declined."""
    return Step(do=Do.AUTHORIZE, percent=100, intent=intent, expect="declined")


def clear(percent: int | None = None, *, purchase: str = "a", final: bool = True) -> Step:
    """Money to the merchant; without a percentage, all that is left."""
    return Step(do=Do.CLEAR, percent=percent, purchase=purchase, final=final)


def fault(name: str, count: int = 1, *, delay_ms: int = 0) -> Step:
    """Something goes wrong the next ``count`` times."""
    return Step(do=Do.FAULT, fault=name, count=count, delay_ms=delay_ms)


def common(
    name: str,
    says: str,
    *steps: Step,
    flags: tuple[str, ...] = (),
    notes: Mapping[str, tuple[str, ...]] | None = None,
    alerts: tuple[str, ...] = (),
    dispute: str = "",
    card: str = "",
    **expected: Books,
) -> Scenario:
    """A scenario that must end alike at every issuer."""
    return Scenario(
        name=name,
        says=says,
        reach=Reach.COMMON,
        steps=steps,
        expected=expected,
        flags={"a": flags} if flags else {},
        notes=notes or {},
        alerts=alerts,
        disputes={"a": dispute} if dispute else {},
        card=card,
    )


def at_one(
    issuer: str,
    name: str,
    says: str,
    *steps: Step,
    flags: tuple[str, ...] = (),
    notes: Mapping[str, tuple[str, ...]] | None = None,
    alerts: tuple[str, ...] = (),
    dispute: str = "",
    **expected: Books,
) -> Scenario:
    """A scenario that only ``issuer`` knows."""
    return Scenario(
        name=name,
        says=says,
        reach=Reach.ISSUER_SPECIFIC,
        steps=steps,
        expected=expected,
        issuers=frozenset({issuer}),
        flags={"a": flags} if flags else {},
        notes=notes or {},
        alerts=alerts,
        disputes={"a": dispute} if dispute else {},
    )
