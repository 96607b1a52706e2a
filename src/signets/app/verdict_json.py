"""Policy's verdict as it is stored beside an intent."""

from __future__ import annotations

from typing import Any

from signets.core.policy.evaluate import PolicyVerdict


def verdict_json(verdict: PolicyVerdict) -> dict[str, Any]:
    """Plain JSON: outcome, reasons and the whole trace."""
    return {
        "outcome": verdict.outcome.value,
        "maximum": verdict.maximum,
        "approvals_required": verdict.approvals_required,
        "reasons": list(verdict.reasons),
        "decided_by": list(verdict.decided_by),
        "trace": list(verdict.trace),
    }
