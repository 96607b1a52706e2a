"""What a face lets its caller write on a purchase; it moves nothing."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from psycopg.types.json import Jsonb

from signets.issuers.sandbox.engine.base import Connection
from signets.issuers.sandbox.engine.purchase import Purchase


async def set_metadata(
    connection: Connection, purchase: Purchase, metadata: dict[str, str]
) -> Purchase:
    """Replace the metadata of ``purchase``."""
    changed = replace(purchase, metadata=metadata)
    await connection.execute(
        "UPDATE purchases SET head = jsonb_set(head, '{metadata}', %s) WHERE token = %s",
        (Jsonb(msgspec.to_builtins(metadata)), purchase.token),
    )
    return changed
