"""A member's script approves what waits, up to an amount, and leaves the rest to a person.

Run it with a member's key (approver or admin):

    export SIGNETS_API_KEY=sgn_…
    python examples/approve_from_code.py --up-to 25000

Who asked can never approve; that is checked by Signets, not here.
"""

from __future__ import annotations

import argparse
import sys

from signets import Signets, errors


def main() -> int:
    """Approve what waits and costs at most ``--up-to``. Exit code 1 if one was refused."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--up-to", type=int, required=True, help="minor units; 25000 is $250.00")
    parser.add_argument("--currency", default="USD", help="other currencies are left alone")
    parser.add_argument("--comment", default="within the team's standing agreement")
    options = parser.parse_args()

    failed = 0
    with Signets() as signets:
        for intent in signets.intents.list(state="pending_approval"):
            amount = f"{intent.maximum} {intent.currency} minor units"
            if intent.currency != options.currency or intent.maximum > options.up_to:
                print(f"left to a person: {intent.id}, {amount}: {intent.purpose}")
                continue
            try:
                decided = signets.intents.approve(intent, comment=options.comment)
            except errors.APIStatusError as refused:
                failed += 1
                print(f"not approved: {intent.id}: {refused.code}: {refused.message}")
                continue
            print(f"{decided.state}: {intent.id}, {amount} at {intent.expected_merchant}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
