"""The evidence of a claim: the fields of each reason, and those that a submission requires.

Source: ``issuing.Dispute`` of the SDK 16.1. Which of them Stripe requires is in no copy of its
documents that says it field by field: ``_REQUIRED`` is this sandbox's strict reading.
"""

from __future__ import annotations

from signets.issuers.sandbox.engine.base import Json
from signets.issuers.sandbox.stripe_face.wire import StripeError

_FILES = frozenset({"additional_documentation"})
_REQUIRED: dict[str, frozenset[str]] = {
    "canceled": frozenset(
        {
            "canceled_at",
            "cancellation_policy_provided",
            "cancellation_reason",
            "expected_at",
            "explanation",
            "product_description",
            "product_type",
        }
    ),
    "duplicate": frozenset({"explanation"}),
    "fraudulent": frozenset({"explanation"}),
    "merchandise_not_as_described": frozenset({"explanation", "received_at", "return_description"}),
    "no_valid_authorization": frozenset({"explanation"}),
    "not_received": frozenset(
        {"expected_at", "explanation", "product_description", "product_type"}
    ),
    "other": frozenset({"explanation", "product_description", "product_type"}),
    "service_not_as_described": frozenset(
        {"canceled_at", "cancellation_reason", "explanation", "received_at"}
    ),
}
_OPTIONAL: dict[str, frozenset[str]] = {
    "canceled": frozenset({"return_status", "returned_at"}),
    "duplicate": frozenset(
        {"card_statement", "cash_receipt", "check_image", "original_transaction"}
    ),
    "merchandise_not_as_described": frozenset({"return_status", "returned_at"}),
}
_ENUMS = {
    "product_type": frozenset({"merchandise", "service"}),
    "return_status": frozenset({"merchant_rejected", "successful"}),
}


def with_evidence(known: Json, given: Json) -> Json:
    """``given`` over ``known``; an empty value unsets.

    Raises:
        StripeError: 400 naming the parameter.
    """
    reason = given.get("reason", known.get("reason"))
    if reason is not None and reason not in _REQUIRED:
        raise StripeError(400, f"Invalid reason: {reason}", param="evidence[reason]")
    found: Json = {**known, **({"reason": reason} if reason else {})}
    for name, fields in given.items():
        if name == "reason":
            continue
        if name not in _REQUIRED:
            raise _unknown(f"evidence[{name}]")
        found[name] = {} if fields == "" else _fields(name, {**known.get(name, {}), **fields})
    return found


def _fields(reason: str, given: Json) -> Json:
    found: Json = {}
    for name, value in given.items():
        place = f"evidence[{reason}][{name}]"
        if name not in known_fields(reason):
            raise _unknown(place)
        if value in ("", None):
            continue
        if name in _ENUMS and value not in _ENUMS[name]:
            raise StripeError(400, f"Invalid {place}", param=place)
        found[name] = _typed(name, value, place)
    return found


def known_fields(reason: str) -> frozenset[str]:
    """Every field of a reason's evidence."""
    return _REQUIRED[reason] | _OPTIONAL.get(reason, frozenset()) | _FILES


def _typed(name: str, value: object, place: str) -> object:
    if name.endswith("_at"):
        if not str(value).isdigit():
            raise StripeError(400, f"Invalid timestamp: {place}", param=place)
        return int(str(value))
    if name == "cancellation_policy_provided":
        return value in ("true", True)
    return value


def _unknown(place: str) -> StripeError:
    return StripeError(
        400, f"Received unknown parameter: {place}", code="parameter_unknown", param=place
    )


def require_whole(evidence: Json) -> None:
    """Nothing, where all is there that the reason requires.

    Raises:
        StripeError: 400 naming what lacks.
    """
    reason = evidence.get("reason")
    if reason is None:
        raise _lacks("evidence[reason]")
    given = evidence.get(reason, {})
    for name in sorted(_REQUIRED[reason]):
        if name not in given:
            raise _lacks(f"evidence[{reason}][{name}]")


def _lacks(place: str) -> StripeError:
    return StripeError(
        400, f"Missing required evidence: {place}.", code="parameter_missing", param=place
    )
