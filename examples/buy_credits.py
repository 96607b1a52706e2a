"""An agent buys API credits: declare the intent, wait for the answer, pay, look at the result.

Run it against `signets serve` with an agent's key:

    export SIGNETS_API_KEY=sgn_…              # made with `signets keys`
    export SANDBOX_API_KEY=sandbox_…          # from sandbox.key in the data folder
    python examples/buy_credits.py

The checkout here is the sandbox network's; a real agent types the same details into the vendor's
checkout form and never stores them.
"""

from __future__ import annotations

import os
import sys

import httpx

from signets import Signets, types

VENDOR = "openai.com"
PRICE = 2000  # minor units: $20.00


def check_out(details: types.CardDetails, amount: int) -> bool:
    """Pay with the card at the sandbox's idea of the vendor; whether it was approved."""
    answer = httpx.post(
        os.environ.get("SANDBOX_URL", "http://127.0.0.1:8421") + "/v1/simulate/authorize",
        headers={"Authorization": os.environ["SANDBOX_API_KEY"]},
        json={
            "pan": details.number,
            "amount": amount,
            "descriptor": "OPENAI *CHATGPT SUBSCR",
            "mcc": "5734",
            "merchant_acceptor_country": "USA",
            "merchant_acceptor_city": "SAN FRANCISCO",
        },
        timeout=30,
        trust_env=False,
    )
    return answer.is_success


def main() -> int:
    """Buy once. Exit code 0 only if the charge was approved."""
    with Signets() as signets:
        intent = signets.intents.create(
            purpose="API credits for the nightly evaluation",
            expected_amount=PRICE,
            expected_merchant=VENDOR,
            workflow="nightly-evaluation",
        )
        if intent.duplicate_of:
            print(f"already asked for: {intent.duplicate_of} is {intent.state}")
        intent = signets.intents.wait(intent)
        if intent.state != "approved" or intent.card_id is None:
            reasons = "; ".join(intent.policy.reasons) if intent.policy else "no reason stored"
            print(f"{intent.id} is {intent.state}: {reasons}")
            return 1
        print(f"approved: at most {intent.maximum} {intent.currency} minor units at {VENDOR}")

        approved = check_out(signets.cards.reveal(intent.card_id), PRICE)
        for transaction in signets.transactions.list_for_card(intent.card_id):
            print(
                f"{transaction.descriptor}: held {transaction.held}, cleared "
                f"{transaction.cleared}, {transaction.status}, {transaction.verdict}"
            )
            if transaction.reason:
                print(f"  declined: {transaction.reason}")
        return 0 if approved else 1


if __name__ == "__main__":
    sys.exit(main())
