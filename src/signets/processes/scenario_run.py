"""``signets sandbox run``: scenarios through a whole Signets, held against what they promise.

A scenario says what the network must show and what Signets must say of it. Each one gets an agent
and a card of its own; common ones are played at both issuers and must leave the same behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from signets.app.export_evidence import export_log
from signets.app.records import Card, DecisionState, Transaction
from signets.app.store import UnitOfWork
from signets.client.errors import SignetsError
from signets.core.card import CardState
from signets.issuers.sandbox.scenarios import (
    Books,
    DriverRefused,
    PurchaseTrace,
    Reach,
    Scenario,
    ScenarioTrace,
    run_scenario,
)
from signets.processes.sandbox_account import Face
from signets.processes.scenario_claims import SignetsClaims
from signets.processes.scenario_system import Account, open_accounts
from signets.processes.surprises import Facts, untold
from signets.settings import Settings
from signets.verifier import verify_bundle, verify_log

#: The same amounts in every run.
SEED = 7
_VENDOR = "openai.com"
_CARD_LIMIT = 50_000
_MISSED = "issuer_missed_event"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What Signets says of one purchase, in words that every issuer shares. Minor units.

    ``exposure``: reserved, held, cleared and refunded, as budgets count them.
    """

    status: str
    kind: str
    decided_by: str
    reason: str | None
    authorized: int
    held: int
    unconfirmed: int
    reversed: int
    cleared: int
    refunded: int
    disputed: int
    recovered: int
    provisional: int
    dispute: str
    exposure: tuple[int, ...]
    verdict: str
    flags: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One scenario at one issuer.

    Attributes:
        purchases: What Signets says, by purchase; ``None`` where it knows nothing of one.
        intents: State, use and charges of each.
        problems: Where the end is not what the scenario promises, in words.
        unflagged: Surprises that nobody was told about: what was promised and is not said, and
            what the issuer's own objects show and no flag or note says.
        evidence_verified: Whether all of the organization's evidence is sealed and holds, offline,
            against the key noted down before, and so does every intent's bundle.
    """

    scenario: Scenario
    purchases: dict[str, Seen | None]
    intents: tuple[tuple[str, int, int], ...]
    problems: tuple[str, ...]
    unflagged: int
    evidence_verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run.

    Attributes:
        compared: The common scenarios at the other issuer, where there are any.
        different: The common scenarios that did not end alike.
    """

    issuer: Face
    played: tuple[Played, ...]
    compared: tuple[Played, ...]
    different: tuple[str, ...]
    ledger_balanced: bool
    failures: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether everything is as promised, at both issuers."""
        return (
            all(
                said["identical"] is said["ledger_balanced"] is said["evidence_verified"] is True
                and said["unflagged_surprises"] == 0
                for said in self.documents()
            )
            and not self.failures
            and not any(one.problems for one in (*self.played, *self.compared))
        )

    def as_dict(self) -> dict[str, object]:
        """The document of ``--json``: of the issuer that was asked for."""
        return self._document(self.issuer, self.played)

    def documents(self) -> list[dict[str, object]]:
        """The same, and before it the other issuer's, where it was compared."""
        other = next(face for face in Face if face is not self.issuer)
        compared = [self._document(other, self.compared)] if self.compared else []
        return [*compared, self.as_dict()]

    def _document(self, issuer: Face, played: tuple[Played, ...]) -> dict[str, object]:
        common = sum(one.scenario.reach is Reach.COMMON for one in played)
        return {
            "issuer": issuer.value,
            "scenarios": [one.scenario.name for one in played],
            "common": common,
            "specific": len(played) - common,
            "identical": not self.different,
            "ledger_balanced": self.ledger_balanced,
            "evidence_verified": all(one.evidence_verified for one in played),
            "unflagged_surprises": sum(one.unflagged for one in played),
        }


async def run(settings: Settings, issuer: Face, scenarios: Sequence[Scenario], say: Say) -> Report:
    """Play ``scenarios`` at ``issuer``, and the common ones at the other issuer too.

    ``settings`` name a folder and a free port of this run alone.

    Raises:
        Refusal: The system could not be started.
    """
    is_common = any(one.reach is Reach.COMMON for one in scenarios)
    faces = (issuer, *(face for face in Face if face is not issuer and is_common))
    say("starting Signets and its sandboxes in a temporary folder")
    async with open_accounts(settings, faces) as accounts:
        played = await asyncio.gather(
            *(_play_all(accounts[face], face, issuer, scenarios, say) for face in faces)
        )
        ledgers = [(await accounts[face].admin.ledger.check()).balanced for face in faces]
        failures = [one for face in faces for one in accounts[face].failures.seen]
    return Report(
        issuer=issuer,
        played=tuple(played[0]),
        compared=tuple(played[1]) if is_common else (),
        different=_different(played[0], played[1]) if is_common else (),
        ledger_balanced=all(ledgers),
        failures=tuple(failures),
    )


def _different(here: Sequence[Played], there: Sequence[Played]) -> tuple[str, ...]:
    others = {one.scenario.name: one for one in there}
    return tuple(
        one.scenario.name
        for one in here
        if one.scenario.reach is Reach.COMMON
        and (one.purchases, one.intents)
        != (others[one.scenario.name].purchases, others[one.scenario.name].intents)
    )


async def _play_all(
    account: Account, face: Face, issuer: Face, scenarios: Sequence[Scenario], say: Say
) -> list[Played]:
    """In turn: faults and clock belong to the whole sandbox."""
    log_key = (await account.admin.evidence.key()).vkey
    played = []
    for scenario in scenarios:
        if face is not issuer and scenario.reach is not Reach.COMMON:
            continue
        one = await _play(account, scenario, log_key)
        if face is issuer or one.problems:
            say(f"{face.value} {scenario.name}: {'; '.join(one.problems) or 'as it should be'}")
        played.append(one)
    return played


async def _play(account: Account, scenario: Scenario, log_key: str) -> Played:
    try:
        return await _Run(account, scenario, []).play(log_key)
    except (SignetsError, DriverRefused, httpx.HTTPError) as error:
        return Played(
            scenario=scenario,
            purchases={},
            intents=(),
            problems=(f"broke off: {error}",),
            unflagged=0,
            evidence_verified=False,
        )


@dataclass(slots=True)
class _Run:
    """One scenario under way at one issuer."""

    account: Account
    scenario: Scenario
    intents: list[str]

    async def play(self, log_key: str) -> Played:
        account, scenario, driver = self.account, self.scenario, self.account.driver
        handle = scenario.name.replace("_", "-")
        agent = await account.admin.agents.create(handle=handle)
        key = await account.admin.keys.create(owner="agent", agent_id=agent, name=handle)
        client = await account.client(key.secret)

        async def make_card() -> str:
            made = await client.cards.create(
                agent_id=handle,
                spending_limit=_CARD_LIMIT,
                merchant_lock=_VENDOR,
                recurring=False,
            )
            return made.id

        async def open_intent(maximum: int) -> None:
            made = await client.intents.create(
                purpose=scenario.says, expected_amount=maximum, expected_merchant=_VENDOR
            )
            self.intents.append(made.id)

        card = await self._card(await make_card())
        at_issuer = card.issuer_token or ""
        if all(step.intent is None for step in scenario.steps):
            # Somebody opened it in the issuer's dashboard; else the issuer would not ask us.
            await driver.set_card_open(at_issuer, is_open=True)
        before = {one.id for one in (await account.admin.alerts.list(limit=100)).data}
        trace = await run_scenario(
            scenario,
            driver,
            at_issuer,
            SEED,
            open_intent=open_intent,
            make_card=make_card,
            claims=SignetsClaims(account),
            arrive=account.arrive,
        )
        await account.settle()
        new = (await account.admin.alerts.list(limit=100)).data
        alerts = [one.kind for one in new if one.id not in before]
        bundles = [await client.evidence.bundle(one) for one in self.intents]
        log = await export_log(account.services, account.org_id, card.id)
        whole = verify_log(log.entries, log.checkpoint, log_key, log.proofs)
        verified = whole.ok and all(verify_bundle(one, log_key).ok for one in bundles)
        async with account.services.store.unlocked(account.org_id) as uow:
            return await self._judge(uow, card, trace, alerts, verified=verified)

    async def _card(self, card_id: str) -> Card:
        async with self.account.services.store.unlocked(self.account.org_id) as uow:
            found = await uow.cards.get(card_id)
        if found is None or found.issuer_token is None:
            raise DriverRefused("the issuer did not make the card", httpx.codes.BAD_GATEWAY)
        return found

    async def _judge(
        self,
        uow: UnitOfWork,
        card: Card,
        trace: ScenarioTrace,
        alerts: Sequence[str],
        *,
        verified: bool,
    ) -> Played:
        """Hold what Signets has now against the scenario."""
        scenario = self.scenario
        problems = [
            f"{step.do.value}: {step.outcome}" for step in trace.steps if not step.as_expected
        ]
        missing = [f"no alert {one}" for one in scenario.alerts if one not in alerts]
        purchases: dict[str, Seen | None] = {}
        for label, purchase in trace.purchases.items():
            row = await uow.transactions.by_token(self.account.connection.id, purchase.token)
            seen = purchases[label] = None if row is None else await _seen(uow, row)
            problems += _books_problems(label, purchase, seen)
            if row is None or seen is None:
                continue
            missing += _untold(label, scenario, seen)
            missing += [f"{label}: {one}" for one in untold(await _facts(uow, row, purchase))]
            if seen.dispute != scenario.disputes.get(label, ""):
                problems.append(f"{label}: the dispute is {seen.dispute or 'not there'}")
            if set(seen.flags) - set(scenario.flags.get(label, ())):
                problems.append(f"{label}: flagged {', '.join(seen.flags)}")
            if seen.verdict != ("flagged" if scenario.flags.get(label) else "verified"):
                problems.append(f"{label}: {seen.verdict}")
        if _MISSED in alerts and not any("webhook" in step.fault for step in scenario.steps):
            problems.append("the webhooks did not bring everything")
        problems += _card_problems(scenario, await uow.cards.get(card.id))
        known = await uow.transactions.page(agent_id=None, card_id=card.id)
        if len(known) != len(trace.purchases):
            problems.append(f"{len(known)} transactions, not {len(trace.purchases)}")
        if not verified:
            problems.append("the evidence does not verify")
        return Played(
            scenario=scenario,
            purchases=purchases,
            intents=tuple([await _intent(uow, one) for one in self.intents]),
            problems=(*problems, *missing),
            unflagged=len(missing),
            evidence_verified=verified,
        )


async def _facts(uow: UnitOfWork, row: Transaction, purchase: PurchaseTrace) -> Facts:
    return Facts(
        books=purchase.books,
        events=await uow.transactions.events(row.id),
        maximum=await _covered(uow, row),
        said=frozenset((*row.flags, *row.notes)),
    )


def _card_problems(scenario: Scenario, card: Card | None) -> list[str]:
    """What became of the card at Signets; flags freeze cards too, and are held against theirs."""
    if not scenario.card or card is None:
        return []
    frozen = "frozen" if card.frozen_at is not None else card.state.value
    found = "closed" if card.state is CardState.CLOSED else frozen
    return [] if found == scenario.card else [f"the card is {found}"]


async def _seen(uow: UnitOfWork, row: Transaction) -> Seen:
    subject = row.intent_id or row.id
    claims = await uow.issuers.disputes(transaction_id=row.id, after=None, limit=1)
    exposure = (await uow.ledger.exposures([subject])).get(subject)
    return Seen(
        status=row.status,
        kind=row.kind.value,
        decided_by=row.decided_by,
        reason=row.reason,
        authorized=row.authorized,
        held=row.held,
        unconfirmed=row.unconfirmed,
        reversed=row.reversed,
        cleared=row.cleared,
        refunded=row.refunded,
        disputed=row.disputed,
        recovered=row.recovered,
        provisional=row.provisional,
        dispute=claims[0].state.value if claims else "",
        exposure=(exposure.reserved, exposure.held, exposure.cleared, exposure.refunded)
        if exposure
        else (),
        verdict=row.verdict,
        flags=row.flags,
        notes=row.notes,
    )


async def _intent(uow: UnitOfWork, intent_id: str) -> tuple[str, int, int]:
    found = await uow.intents.get(intent_id)
    return (found.state.value, found.used, found.charges) if found else ("", 0, 0)


async def _covered(uow: UnitOfWork, row: Transaction) -> int:
    """What our approvals allow of this purchase: its intent's maximum, or nothing."""
    intent = await uow.intents.get(row.intent_id) if row.intent_id else None
    decisions = await uow.transactions.decisions_of(row.connection_id, row.issuer_token)
    approved = any(one.approved and one.state is not DecisionState.VOID for one in decisions)
    return intent.maximum if intent is not None and approved else 0


def _books_problems(label: str, purchase: PurchaseTrace, seen: Seen | None) -> list[str]:
    """Network against scenario, and Signets against both; nothing may be left unconfirmed."""
    found = []
    if purchase.books != purchase.expected:
        found.append(f"{label}: the network shows {_words(purchase.books)}")
    if seen is None:
        return [*found, f"{label}: Signets knows nothing of it"]
    expected = purchase.expected
    # A correction in our favour is less cleared with one issuer, and money back with another.
    if (seen.held, seen.cleared - seen.refunded, seen.unconfirmed) != (
        expected.held,
        expected.cleared - expected.refunded,
        0,
    ):
        mine = Books(held=seen.held, cleared=seen.cleared, refunded=seen.refunded)
        found.append(f"{label}: Signets has {_words(mine)}, {seen.unconfirmed} unconfirmed")
    return found


def _untold(label: str, scenario: Scenario, seen: Seen) -> list[str]:
    flags = [one for one in scenario.flags.get(label, ()) if one not in seen.flags]
    notes = [one for one in scenario.notes.get(label, ()) if one not in seen.notes]
    return [f"{label}: not flagged {one}" for one in flags] + [
        f"{label}: not noted {one}" for one in notes
    ]


def _words(books: Books) -> str:
    return f"held {books.held}, cleared {books.cleared}, refunded {books.refunded}"
