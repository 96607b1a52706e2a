"""Connect an account at Lithic (or its sandbox) to one organization. Runs where the server runs.

It reads the same SIGNETS_* settings as the server, and besides:

    export LITHIC_API_KEY=…
    export SIGNETS_PUBLIC_URL=https://signets.example.com    # where Lithic reaches the API
    python examples/connect_issuer.py org_… --base-url https://sandbox.lithic.com

It stores the key sealed, points Auth Stream Access and the transaction events at the API, and reads
the signing secrets. Doing it again is harmless. New cards are made at the connection added last.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from signets.app.connect_issuer import Account, connect_issuer
from signets.app.records import Connection
from signets.bootstrap import open_runtime
from signets.settings import Settings


async def connect(organization: str, base_url: str, api_key: str, mode: str) -> Connection:
    """Enrol the account; the API has to be reachable for charges, not for this."""
    settings = Settings()
    if settings.public_url is None:
        raise SystemExit("set SIGNETS_PUBLIC_URL: the issuer has to know where to ask")
    async with open_runtime(settings, pool_size=3, upgrade=False) as runtime:
        return await connect_issuer(
            runtime.services,
            organization,
            Account(
                issuer="lithic",
                mode=mode,
                base_url=base_url,
                api_key=api_key,
                public_url=settings.public_url,
            ),
        )


def main() -> int:
    """Connect, and say what was connected; never prints a key or secret."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("organization", help="the organization's id")
    parser.add_argument("--base-url", default="https://sandbox.lithic.com")
    parser.add_argument("--mode", default="test", choices=["test", "live"])
    options = parser.parse_args()
    made = asyncio.run(
        connect(options.organization, options.base_url, os.environ["LITHIC_API_KEY"], options.mode)
    )
    print(f"{made.id}: {made.issuer} ({made.mode}) at {made.base_url}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
