"""Standard Webhooks signatures, as Lithic makes them.

The timestamp is always real time, whatever the sandbox's clock says: receivers refuse messages
more than five minutes off. Source: https://github.com/standard-webhooks/standard-webhooks.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
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


def forged(headers: dict[str, str]) -> dict[str, str]:
    """The same headers under a signature that no live secret made."""
    digest = base64.b64encode(secrets.token_bytes(32)).decode()
    return {**headers, "webhook-signature": f"v1,{digest}"}
