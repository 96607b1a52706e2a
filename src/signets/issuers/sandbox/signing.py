"""Signatures of outgoing messages: Standard Webhooks for Lithic, Stripe's own for Stripe.

The timestamp is always real time, whatever the sandbox's clock says: receivers refuse messages
more than five minutes off. Sources: https://github.com/standard-webhooks/standard-webhooks;
docs.stripe.com/webhooks/signature (``v1`` is HMAC-SHA256 of ``{t}.{body}`` under the secret text).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook

#: How long a rotated secret goes on signing (Lithic: 24 hours).
ROTATION_OVERLAP = timedelta(hours=24)


def new_secret() -> str:
    """A fresh signing secret, ``whsec_…``."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def signed_headers(message_id: str, body: bytes, live: Sequence[str]) -> dict[str, str]:
    """The headers of one attempt, signed with every secret in ``live`` (none: unsigned)."""
    now = datetime.now(UTC)
    headers = {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
    }
    if live:
        headers["webhook-signature"] = " ".join(
            Webhook(secret).sign(message_id, now, body.decode()) for secret in live
        )
    return headers


def stripe_headers(body: bytes, live: Sequence[str]) -> dict[str, str]:
    """The headers of one attempt at Stripe: one ``v1`` for every secret in ``live``."""
    moment = int(datetime.now(UTC).timestamp())
    signed = str(moment).encode() + b"." + body
    versions = [
        f"v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}" for secret in live
    ]
    return {
        "content-type": "application/json; charset=utf-8",
        "stripe-signature": ",".join([f"t={moment}", *versions]),
    }


def is_signed(headers: Mapping[str, str]) -> bool:
    """Whether a message carried a signature."""
    return "webhook-signature" in headers or "v1=" in headers.get("stripe-signature", "")


def forged(headers: dict[str, str]) -> dict[str, str]:
    """The same headers under a signature that no live secret made."""
    noise = secrets.token_bytes(32)
    if "stripe-signature" in headers:
        moment = headers["stripe-signature"].split(",")[0]
        return {**headers, "stripe-signature": f"{moment},v1={noise.hex()}"}
    return {**headers, "webhook-signature": f"v1,{base64.b64encode(noise).decode()}"}
