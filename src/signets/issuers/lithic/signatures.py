"""Whether Lithic signed a body, and what is in it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import msgspec
from standardwebhooks import Webhook, WebhookVerificationError

from signets.app.ports import BodyUnreadable, SignatureInvalid
from signets.issuers.fields import Json


def verified(body: bytes, headers: Mapping[str, str], live: tuple[str, ...]) -> Json:
    """The content of a body that one of the live secrets signed.

    Raises:
        SignatureInvalid: None of them did, or too long ago.
        BodyUnreadable: It is no JSON object.
    """
    given = dict(headers)
    for secret in live:
        try:
            _verifier(secret).verify(body, given, json_parse=False)
        except (WebhookVerificationError, ValueError):
            continue  # a missing or malformed header, an old timestamp, another secret
        return content_of(body)
    raise SignatureInvalid("no live secret made this signature, or it is too old")


@lru_cache(maxsize=64)
def _verifier(secret: str) -> Webhook:
    """Lithic signs as Standard Webhooks says; this is what the SDK's ``unwrap`` calls."""
    return Webhook(secret)


def content_of(body: bytes) -> Json:
    """The JSON object of a body.

    Raises:
        BodyUnreadable: It is none.
    """
    try:
        content = msgspec.json.decode(body)
    except ValueError as error:
        raise BodyUnreadable("body", "the body is not JSON") from error
    if not isinstance(content, dict):
        raise BodyUnreadable("body", "the body is not a JSON object")
    return content
