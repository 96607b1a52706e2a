"""Reads ``scenarios.txt``: the decision table, one line a case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests.core.authorization import builders

from signets.core.authorization.facts import Facts
from signets.core.authorization.request import AuthorizationRequest
from signets.core.card import CardState
from signets.core.intent import IntentState
from signets.core.merchant.model import MerchantLock
from signets.core.policy.model import Measure, Period, Tolerance, Verification
from signets.core.velocity import Exposure

DONE = builders.single(state=IntentState.AUTHORIZED, used=2000, charges=1, reserved=200)
#: The words that the table is written with.
WORDS = {
    **vars(builders),
    **CardState.__members__,
    **IntentState.__members__,
    "ATTEMPTS": Measure.ATTEMPTS,
    "DONE": DONE,
    "SPENT": builders.card(exposure=Exposure(reserved=200, held=2000)),
    "TEN_PERCENT": Tolerance(basis_points=1000),
    "TWO": MerchantLock(vendors=("openai.com", "anthropic.com")),
    "Exposure": Exposure,
    "Period": Period,
    "Verification": Verification,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One case of the table."""

    title: str
    answer: str
    request: AuthorizationRequest
    facts: Facts
    now: datetime


def read_table() -> list[Line]:
    """The cases in the file's order."""
    text = Path(__file__).with_name("scenarios.txt").read_text()
    rows = [row for row in text.splitlines() if row and not row.startswith("#")]
    return [_line(*(part.strip() for part in row.split(" | "))) for row in rows]


def _line(title: str, answer: str, request: str, facts: str, when: str = "at(5)") -> Line:
    return Line(title, answer, eval(request, WORDS), eval(facts, WORDS), eval(when, WORDS))
