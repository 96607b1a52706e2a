"""Plays one scenario through one driver."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from signets.issuers.sandbox.scenarios.driver import (
    Asked,
    Claims,
    DriverRefused,
    Foreign,
    ScenarioDriver,
)
from signets.issuers.sandbox.scenarios.model import (
    ASKING,
    Books,
    Do,
    Place,
    PurchaseTrace,
    Scenario,
    ScenarioTrace,
    Step,
    StepTrace,
)

#: Approves an intent with this maximum (minor units), so that the next purchase may pass.
OpenIntent = Callable[[int], Awaitable[None]]
#: Does everything that a webhook brings.
Arrive = Callable[[], Awaitable[None]]
#: Makes a card; returns what its memo or metadata says at the issuer.
MakeCard = Callable[[], Awaitable[str]]

#: The amounts that a seed chooses from: whole hundreds, so that every percentage is exact.
_HUNDREDS = range(10, 40)


async def run_scenario(
    scenario: Scenario,
    driver: ScenarioDriver,
    card_ref: str,
    seed: int,
    *,
    open_intent: OpenIntent,
    make_card: MakeCard | None = None,
    claims: Claims | None = None,
    arrive: Arrive | None = None,
    place: Place | None = None,
) -> ScenarioTrace:
    """Play ``scenario`` on the card that the issuer knows as ``card_ref``.

    The same seed gives the same amounts. Faults are off before and after; every webhook has been
    tried once when this returns.

    Args:
        open_intent: Called before a purchase that Signets is meant to approve.
        make_card: What makes a card where a step does; without it, the issuer's API.
        claims: What opens and withdraws disputes; without it, the issuer's API.
        arrive: What works off all events; without it, they are only sent.
        place: Where the card is used; it must match the card's vendor.

    Raises:
        DriverRefused: The network refused a step.
    """
    amount = 100 * random.Random(f"{scenario.name}:{seed}").choice(_HUNDREDS)  # noqa: S311
    key = f"{scenario.name}-{seed}"
    run = _Run(
        driver,
        card_ref,
        amount,
        place or Place(),
        key,
        make_card,
        claims or driver,
        arrive or driver.drain,
    )
    await driver.clear_faults()
    try:
        steps = []
        for step in scenario.steps:
            if step.intent is not None:
                await open_intent(run.of(step.intent))
            steps.append(await run.play(step))
    finally:
        await driver.clear_faults()
        await driver.drain()
    purchases = {
        label: PurchaseTrace(
            token=run.tokens[label],
            books=await driver.books(run.tokens[label]),
            expected=_scaled(expected, run),
        )
        for label, expected in scenario.expected_at(driver.issuer).items()
    }
    return ScenarioTrace(
        scenario=scenario.name,
        issuer=driver.issuer,
        seed=seed,
        amount=amount,
        steps=tuple(steps),
        purchases=purchases,
    )


@dataclass(slots=True)
class _Run:
    """One run under way: the tokens of its purchases by label."""

    driver: ScenarioDriver
    card: str
    amount: int
    place: Place
    key: str
    make_card: MakeCard | None
    claims: Claims
    arrive: Arrive
    disputes: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def of(self, percent: int) -> int:
        """``percent`` of the run's amount; exact, since that is a whole hundred."""
        return self.amount * percent // 100

    async def play(self, step: Step) -> StepTrace:
        amount = None if step.percent is None else self.of(step.percent)
        if step.do in ASKING:
            approved = await self._ask(step, amount or 0)
            outcome = "approved" if approved else "declined"
        else:
            outcome = "done"
            await self._act(step, amount)
        return StepTrace(
            do=step.do,
            purchase=step.purchase,
            amount=amount,
            outcome=outcome,
            as_expected=outcome == (step.expect if step.do in ASKING else "done"),
        )

    async def _ask(self, step: Step, amount: int) -> bool:
        if step.do is Do.INCREMENT:
            return await self.driver.increment(self.tokens[step.purchase], amount)
        if step.do is Do.WITHDRAW_DISPUTE:
            return await self.claims.withdraw_dispute(self.disputes[step.purchase])
        asked: Asked
        if step.do is Do.INCREMENT_ANEW:
            original = self.tokens[step.of]
            asked = await self.driver.increment_anew(self.card, original, amount, self.place)
        elif step.do is Do.SINGLE_MESSAGE:
            asked = await self.driver.single_message(self.card, amount, self.place)
        else:
            asked = await self.driver.authorize(self.card, amount, self.place, self._foreign(step))
        self.tokens[step.purchase] = asked.token
        return asked.approved

    async def _act(self, step: Step, amount: int | None) -> None:
        driver, label = self.driver, step.purchase
        match step.do:
            case Do.FORCE_POST:
                self.tokens[label] = await driver.force_post(self.card, amount or 0, self.place)
            case Do.OFFLINE_ADVICE:
                self.tokens[label] = await driver.offline_advice(self.card, amount or 0, self.place)
            case Do.REFUND_UNLINKED:
                self.tokens[label] = await driver.refund_unlinked(
                    self.card, amount or 0, self.place
                )
            case Do.REFUND_DECLINED:
                self.tokens[label] = await driver.refund_declined(
                    self.card, amount or 0, self.place
                )
            case Do.CLOSE_AT_ISSUER:
                await driver.close_card(self.card)
            case Do.BLOCK_CARDHOLDER | Do.ACTIVATE_CARDHOLDER:
                blocked = step.do is Do.BLOCK_CARDHOLDER
                await driver.set_cardholder_blocked(self.card, blocked=blocked)
            case Do.LET_ARRIVE:
                await self.arrive()
            case Do.PAUSE_AT_ISSUER | Do.OPEN_AT_ISSUER:
                is_open = step.do is Do.OPEN_AT_ISSUER
                await driver.set_card_open(self.card, is_open=is_open)
            case Do.MAKE_CARD:
                await self._make_card()
            case Do.FAULT:
                await driver.set_fault(
                    step.fault, step.count, delay_ms=step.delay_ms, part=step.part
                )
            case Do.ADVANCE_CLOCK:
                await driver.advance_clock(step.seconds)
            case Do.RESET_CLOCK:
                await driver.reset_clock()
            case _:
                await self._move(step, self.tokens[label], amount)

    async def _make_card(self) -> None:
        """One card, whatever the issuer answered."""
        if self.make_card is None:
            await self.driver.make_card(self.key)
            return
        mark = await self.make_card()
        made = await self.driver.cards_marked(mark)
        if len(made) != 1:
            raise DriverRefused(f"{len(made)} cards were made where one was asked for", 500)

    async def _move(self, step: Step, token: str, amount: int | None) -> None:
        driver = self.driver
        match step.do:
            case Do.CLEAR:
                foreign = self._foreign(step)
                await driver.clear(token, amount, foreign=foreign, final=step.final)
            case Do.CLEAR_ANYWAY:
                await driver.clear_anyway(token, amount or 0)
            case Do.REVERSE:
                await driver.reverse(token, amount)
            case Do.EXPIRE:
                await driver.expire(token)
            case Do.ADVISE:
                await driver.advise(token, amount or 0)
            case Do.REFUND:
                await driver.refund(token, amount or 0)
            case Do.TAKE_BACK_REFUND:
                await driver.take_back_refund(token)
            case Do.CORRECT_CREDIT | Do.CORRECT_DEBIT:
                credit = step.do is Do.CORRECT_CREDIT
                await driver.correct(token, amount or 0, credit=credit)
            case Do.UNDO:
                await driver.undo(token)
            case Do.REFUND_MISPLACED:
                await driver.refund_misplaced(token, amount or 0)
            case _:
                await self._claim(step, token, amount)

    async def _claim(self, step: Step, token: str, amount: int | None) -> None:
        driver = self.driver
        match step.do:
            case Do.DISPUTE:
                await self.arrive()
                opened = await self.claims.open_dispute(token, amount or 0)
                self.disputes[step.purchase] = opened
            case Do.DRAFT_DISPUTE:
                self.disputes[step.purchase] = await driver.draft_dispute(token, amount or 0)
            case Do.CREDIT_DISPUTE | Do.CLAW_BACK:
                back = step.do is Do.CLAW_BACK
                await driver.credit_dispute(self.disputes[step.purchase], amount or 0, reverse=back)
            case Do.DECIDE_DISPUTE:
                await driver.decide_dispute(self.disputes[step.purchase], step.outcome)

    def _foreign(self, step: Step) -> Foreign | None:
        if step.merchant_percent is None:
            return None
        return Foreign(amount=self.of(step.merchant_percent))


def _scaled(books: Books, run: _Run) -> Books:
    return Books(
        held=run.of(books.held), cleared=run.of(books.cleared), refunded=run.of(books.refunded)
    )
