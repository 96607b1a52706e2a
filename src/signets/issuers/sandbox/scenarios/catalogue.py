"""All scenarios, in the order of docs/reference/scenarios.md."""

from __future__ import annotations

from signets.issuers.sandbox.scenarios.claims import CARDS, DISPUTES, END
from signets.issuers.sandbox.scenarios.messages import DECISIONS, WEBHOOKS
from signets.issuers.sandbox.scenarios.model import Scenario
from signets.issuers.sandbox.scenarios.purchases import CLOCK, LIFE, REFUNDS, SPECIFIC

SCENARIOS: tuple[Scenario, ...] = (
    *LIFE,
    *REFUNDS,
    *DECISIONS,
    *WEBHOOKS,
    *SPECIFIC,
    *DISPUTES,
    *CARDS,
    *CLOCK,
    *END,
)
