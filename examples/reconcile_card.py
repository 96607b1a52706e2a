"""Add up one card: what was declared, what is held, what cleared, and what nobody can explain.

Run it with any key that may read the card:

    export SIGNETS_API_KEY=sgn_…
    python examples/reconcile_card.py card_…

Exit code 0 only if every transaction that moved money is verified. This compares Signets with
itself; comparing with the issuer's own statement is a feature still to come.
"""

from __future__ import annotations

import sys
from collections import Counter

from signets import Signets


def main() -> int:
    """Print one line a transaction, the sums, and what needs a look."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    sums: Counter[str] = Counter()
    unexplained: list[str] = []
    with Signets() as signets:
        card = signets.cards.get(sys.argv[1])
        print(
            f"{card.id} at {', '.join(card.merchant_lock)}, amounts in {card.currency} minor units"
        )
        print(f"{'held':>9} {'cleared':>9} {'refunded':>9}  verdict   descriptor")
        for transaction in signets.transactions.list_for_card(card):
            sums["held"] += transaction.held
            sums["cleared"] += transaction.cleared
            sums["refunded"] += transaction.refunded
            print(
                f"{transaction.held:>9} {transaction.cleared:>9} {transaction.refunded:>9}  "
                f"{transaction.verdict:<9} {transaction.descriptor}"
            )
            moved = transaction.cleared or transaction.refunded
            if moved and transaction.verdict != "verified":
                why = "; ".join(transaction.explanation) or transaction.verdict
                unexplained.append(f"{transaction.id}: {why}")
    print(f"{sums['held']:>9} {sums['cleared']:>9} {sums['refunded']:>9}  in all")
    print(f"left of the limit: {card.spending_limit - sums['held'] - sums['cleared']} at most")
    for line in unexplained:
        print(f"look at {line}")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
