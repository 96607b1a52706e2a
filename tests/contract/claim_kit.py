"""A claim as the application hands it to an adapter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from signets.app.ports import Claim, DisputeEvidence, DisputeReason

WHEN = datetime(2026, 11, 1, tzinfo=UTC)


def claim(token: str, amount: int = 1500, **more: Any) -> Claim:
    """On a whole transaction or one movement; ``more`` replaces what is told."""
    told: dict[str, Any] = {
        "dispute_id": "dsp_01h455vb4pex5vsknk084sn02q",
        "transaction_token": token,
        "amount": amount,
        "currency": "USD",
        "reason": DisputeReason.NOT_RECEIVED,
        "note": "no credits came",
        "evidence": DisputeEvidence(),
        "bought": "OPENAI *CHATGPT SUBSCR",
        "bought_at": WHEN,
        **more,
    }
    return Claim(**told)
