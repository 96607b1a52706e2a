"""Whether Stripe signed a body, and what is in it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import stripe

from signets.app.ports import BodyUnreadable, SignatureInvalid
from signets.issuers.fields import Json

_TOLERANCE = stripe.Webhook.DEFAULT_TOLERANCE


def verified(body: bytes, headers: Mapping[str, str], live: tuple[str, ...]) -> Json:
    """The content of a body that one of the live secrets signed.

    Raises:
        SignatureInvalid: None of them did, or too long ago.
        BodyUnreadable: It is no JSON object.
    """
    header = next((v for k, v in headers.items() if k.lower() == "stripe-signature"), None)
    for secret in live:
        try:
            stripe.WebhookSignature.verify_header(body, header, secret, _TOLERANCE)
        except (stripe.SignatureVerificationError, ValueError):
            continue  # a missing or malformed header, an old timestamp, another secret
        return content_of(body)
    raise SignatureInvalid("no live secret made this signature, or it is too old")


def content_of(body: bytes) -> Json:
    """The JSON object of a body.

    Raises:
        BodyUnreadable: It is none.
    """
    try:
        content = json.loads(body)
    except ValueError as error:
        raise BodyUnreadable("body", "the body is not JSON") from error
    if not isinstance(content, dict):
        raise BodyUnreadable("body", "the body is not a JSON object")
    return content
