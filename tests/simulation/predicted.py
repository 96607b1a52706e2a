"""A world beside its model: what the model is told after each step, and what both must agree on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.simulation.history import Event, Intent, Plastic
from tests.simulation.invariants import VENDOR_OF, Watched
from tests.simulation.model import Asked, Model
from tests.simulation.network import plainly

from signets.app.decide_authorization import Answered
from signets.core.authorization.request import AuthorizationRequest
from signets.core.settlement.model import Snapshot


class Predicted(Watched):
    """The model is told what agents, members, network and time did; the rest it must know."""

    model: Model
    clock: datetime

    def begin_model(self) -> None:
        """The organization as it was made."""
        self.model = Model(self.policy, self.clock)
        for card in self.cards:
            self.model.cards[card.issuer_token or ""] = Plastic(
                card.id, card.agent_id, card.merchant_lock, card.spending_limit
            )

    def foretell(self, request: AuthorizationRequest, answer: Answered) -> None:
        """The engine's answer is the model's."""
        row = answer.decision
        said = self.model.answer(
            Asked(
                request.request_id,
                request.fingerprint,
                request.card_token,
                request.amount,
                VENDOR_OF.get(request.merchant.descriptor),
            ),
            row.decided_at,
            row.id,
        )
        got = (row.approved, row.reason, row.kind.value, row.hold, row.intent_id)
        wanted = (said.approved, said.reason, said.kind, said.hold, said.intent)
        self.check(got == wanted, "the model answers otherwise", wanted, "and the engine", got)

    def hear(self, snapshot: Snapshot) -> None:
        """The issuer's message has been folded."""
        model, token = self.model, snapshot.transaction_token
        card = model.cards[snapshot.card_token]
        row = self._one("SELECT * FROM transaction WHERE org_id = %s AND issuer_token = %s", token)
        vendor = VENDOR_OF.get(snapshot.merchant.descriptor)
        charge = model.charge(
            token, card, vendor if vendor in card.lock else None, row["created_at"]
        )
        intent = model.intents.get(row["intent_id"] or "")
        model.hear(charge, plainly(snapshot.events), intent)

    def tell(self) -> None:
        """What the model cannot know: members' and policy's doings, and late velocity."""
        model, org = self.model, self.tenant.org_id
        model.policy = self.policy
        for row in self._rows("SELECT * FROM card WHERE org_id = %s", org):
            card = model.cards.get(row["issuer_token"])
            if card is None:
                continue  # made on approval, and the issuer could not be reached
            card.limit, card.reset = row["spending_limit"], row["breaker_reset_at"]
            card.frozen = row["frozen_at"] is not None
        for row in self._rows(
            "SELECT * FROM intent WHERE org_id = %s AND approved_at IS NOT NULL ORDER BY id", org
        ):
            if row["id"] not in model.intents:
                model.intents[row["id"]] = _intent(row)
            elif row["state"] == "canceled" and not model.intents[row["id"]].ended:
                model.end_window(model.intents[row["id"]], canceled=True)
        open_now = {
            row["intent_id"]
            for row in self._rows(
                "SELECT intent_id FROM unlock_window WHERE org_id = %s AND ended_at IS NULL", org
            )
        }
        for one in model.intents.values():
            if not one.ended and one.id not in open_now:
                model.end_window(one)
        model.late = [
            Event(
                *(row["at"], row["card_id"], row["agent_id"], row["vendor"], row["approved"]),
                *(bool(row["counts"]), row["amount"]),
                verification=row["verification"],
                full=frozenset(row["capped_by"]),
            )
            for row in self._rows(
                "SELECT * FROM velocity_event v WHERE org_id = %s AND NOT EXISTS"
                " (SELECT 1 FROM decision d WHERE d.org_id = v.org_id AND d.id = v.id)",
                org,
            )
        ]

    def compare(self) -> None:
        """Every balance: of transactions, intents, windows and accounts."""
        model, org = self.model, self.tenant.org_id
        for row in self._rows(
            "SELECT * FROM transaction WHERE org_id = %s AND card_id IS NOT NULL", org
        ):
            charge = model.charges.get(row["issuer_token"])
            got = tuple(row[name] for name in ("held", "cleared", "refunded", "unconfirmed"))
            wanted = (
                (charge.held, charge.cleared, charge.refunded, charge.unconfirmed)
                if charge
                else (0, 0, 0, 0)
            )
            self.check(
                got == wanted, "a transaction's amounts", row["issuer_token"], got, wanted, charge
            )
        reserved = Counter(
            {
                row["subject_id"]: row["reserved"]
                for row in self._rows("SELECT * FROM exposure WHERE org_id = %s", org)
            }
        )
        for row in self._rows(
            "SELECT * FROM intent WHERE org_id = %s AND approved_at IS NOT NULL", org
        ):
            intent = model.intents[row["id"]]
            got = (row["state"], row["used"], row["charges"], reserved[row["id"]])
            wanted = (
                *(intent.state, model.used(intent)),
                *(model.made(intent), model.reserved(intent)),
            )
            self.check(got == wanted, "an intent's balance", row["id"], got, wanted, intent)
        self._compare_accounts()

    def _compare_accounts(self) -> None:
        got = {
            row["account"]: row["amount"]
            for row in self._rows(
                "SELECT account, sum(amount)::bigint AS amount FROM ("
                " SELECT debit AS account, amount FROM posting WHERE org_id = %s"
                " UNION ALL SELECT credit, -amount FROM posting WHERE org_id = %s) lines"
                " GROUP BY account HAVING sum(amount) <> 0",
                self.tenant.org_id,
                self.tenant.org_id,
            )
        }
        wanted = dict(self.model.accounts())
        self.check(got == wanted, "the accounts", got, wanted)

    def _rows(self, sql: str, *parameters: Any) -> Sequence[dict[str, Any]]:
        return self.db.execute(sql, parameters).fetchall()

    def _one(self, sql: str, token: str) -> dict[str, Any]:
        [row] = self._rows(sql, self.tenant.org_id, token)
        return row


def _intent(row: dict[str, Any]) -> Intent:
    """As it was approved."""
    return Intent(
        id=row["id"],
        card=row["card_id"],
        agent=row["agent_id"],
        vendor=row["vendor"],
        single=row["usage"] == "single",
        expected=row["expected_amount"],
        total=row["max_total"],
        each=row["max_per_charge"],
        count=row["max_count"],
        approved=row["approved_at"],
        closes=row["approved_at"] + timedelta(seconds=row["window_seconds"]),
    )
