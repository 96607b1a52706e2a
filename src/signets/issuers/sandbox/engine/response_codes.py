"""What a merchant's bank hears of a decision: a response code, and nothing of who said no or why.

Source: ISO 8583, field 39, with the codes of Visa's network; ``N7`` (CVV2 failure) is Visa's own.
"""

from __future__ import annotations

from signets.issuers.sandbox.engine.purchase import Cause, Verdict

APPROVED = "00"
NO_SUCH_CARD = "14"
_DO_NOT_HONOR = "05"

#: The responder's own words, where it has any (Lithic's ten results).
_ANSWERED = {
    "CARD_PAUSED": "62",
    "INSUFFICIENT_FUNDS": "51",
    "SUSPECTED_FRAUD": "59",
    "UNAUTHORIZED_MERCHANT": "57",
    "VELOCITY_EXCEEDED": "65",
}
_CAUSES = {
    Cause.CARD_CLOSED: "46",
    Cause.SINGLE_USE_CARD: "46",
    Cause.CARD_PAUSED: "62",
    Cause.MERCHANT_LOCK: "57",
    Cause.SPEND_LIMIT: "61",
    Cause.RULE: "57",
    Cause.CARD_EXPIRED: "54",
    Cause.EXPIRY_MISMATCH: "54",
    Cause.CVC_MISMATCH: "N7",
    Cause.MALFORMED: "91",
    Cause.TIMEOUT: "91",
}


def response_code(verdict: Verdict) -> str:
    """The code of a decision; ``00`` also where the network approved on its own."""
    if verdict.approved or verdict.cause is Cause.STAND_IN:
        return APPROVED
    if verdict.cause is Cause.ANSWERED:
        return _ANSWERED.get(verdict.words, _DO_NOT_HONOR)
    return _CAUSES.get(verdict.cause, _DO_NOT_HONOR)
