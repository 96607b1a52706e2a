"""Every scenario through both faces: what the network does, and what our adapters read of it."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import pytest
from tests.contract.sandbox_kit import KEY
from tests.contract.scenario_kit import Stage, issuer

from signets.app.ports import TransactionUpdated
from signets.core.settlement.fold import fold_snapshots
from signets.core.settlement.model import Snapshot
from signets.issuers.profile import ClosableIssuer, ConnectionSettings
from signets.issuers.registry import ADAPTERS
from signets.issuers.sandbox.scenarios import (
    SCENARIOS,
    Books,
    Reach,
    Scenario,
    ScenarioTrace,
    run_scenario,
)
from signets.issuers.sandbox.scenarios.page import scenarios_page

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "scenarios.md"
#: Of so many messages of one transaction all orders are tried; of more, as many shuffles.
ALL_ORDERS = 5


async def _run_all(name: str, url: str) -> dict[str, ScenarioTrace]:
    async with issuer(name, url) as stage:
        found = {}
        for scenario in SCENARIOS:
            if name in scenario.issuers:
                found[scenario.name] = await _run(stage, scenario)
    return found


async def _run(stage: Stage, scenario: Scenario) -> ScenarioTrace:
    stage.owner.left = 0
    stage.owner.events.clear()
    return await run_scenario(
        scenario, stage.driver, stage.card, 7, open_intent=stage.owner.open_intent
    )


@pytest.mark.parametrize("name", ["lithic", "stripe"])
async def test_every_scenario_ends_as_it_says(sandbox_url: str, name: str) -> None:
    """Each step is answered as expected, and the issuer's own objects show the expected books."""
    found = await _run_all(name, sandbox_url)
    wrong = {scenario: trace for scenario, trace in found.items() if not trace.as_expected}
    assert wrong == {}
    assert len(found) == sum(name in scenario.issuers for scenario in SCENARIOS)


@pytest.mark.parametrize("name", ["lithic", "stripe"])
async def test_our_adapters_read_the_same_books(sandbox_url: str, name: str) -> None:
    """Read by API, every purchase folds to what the network holds and has moved."""
    wrong = {}
    async with issuer(name, sandbox_url) as stage:
        adapter = _adapter(name, stage.url)
        for scenario in SCENARIOS:
            if name not in scenario.issuers:
                continue
            trace = await _run(stage, scenario)
            for label, purchase in trace.purchases.items():
                snapshot = await adapter.get_transaction(purchase.token)
                assert snapshot is not None
                if _net([snapshot]) != _of(purchase.books):
                    wrong[scenario.name, label] = (_net([snapshot]), purchase.books)
        await adapter.aclose()
    assert wrong == {}


@pytest.mark.parametrize("name", ["lithic", "stripe"])
async def test_any_order_of_webhooks_folds_to_the_same(sandbox_url: str, name: str) -> None:
    """What was delivered, in all orders and twice, folds to the books; what was dropped cannot.

    And to one and the same transaction, down to its last field: the verdict is made of that.
    """
    wrong = {}
    async with issuer(name, sandbox_url) as stage:
        adapter = _adapter(name, stage.url)
        for scenario in SCENARIOS:
            if name not in scenario.issuers or "webhook_drop" in _faults(scenario):
                continue
            trace = await _run(stage, scenario)
            told: dict[str, list[Snapshot]] = defaultdict(list)
            for body in stage.owner.events:
                event = adapter.parse_event("msg_1", body)
                if not isinstance(event, TransactionUpdated):
                    continue  # of a claim or a card
                told[event.snapshot.transaction_token].append(event.snapshot)
            for label, purchase in trace.purchases.items():
                snapshots = told[purchase.token]
                states = {fold_snapshots([*order, *order]) for order in orders(snapshots)}
                if len(states) != 1 or _net(snapshots) != _of(purchase.books):
                    wrong[scenario.name, label] = (states, purchase.books)
        await adapter.aclose()
    assert wrong == {}


def orders(snapshots: list[Snapshot]) -> list[Sequence[Snapshot]]:
    """All orders up to :data:`ALL_ORDERS` messages; of more, as many as those have."""
    if len(snapshots) <= ALL_ORDERS:
        return list(permutations(snapshots))
    shuffled = random.Random(7)
    return [shuffled.sample(snapshots, len(snapshots)) for _ in range(math.factorial(ALL_ORDERS))]


def _adapter(name: str, url: str) -> ClosableIssuer:
    mode = "sandbox" if name == "lithic" else "test"
    return ADAPTERS[name](ConnectionSettings(api_key=KEY, base_url=url, mode=mode))


def _faults(scenario: Scenario) -> set[str]:
    return {step.fault for step in scenario.steps}


def _net(snapshots: list[Snapshot] | tuple[Snapshot, ...]) -> tuple[int, int]:
    state = fold_snapshots(snapshots)
    return state.held, state.cleared - state.refunded


def _of(books: Books) -> tuple[int, int]:
    return books.held, books.cleared - books.refunded


def test_common_scenarios_are_for_every_issuer_and_expect_the_same() -> None:
    """Reach is no matter of opinion: common means both issuers and one expectation."""
    for scenario in SCENARIOS:
        is_common = len(scenario.issuers) == 2 and not scenario.per_issuer
        assert (scenario.reach is Reach.COMMON) == is_common, scenario.name
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)


def test_the_page_of_scenarios_is_written_from_the_code() -> None:
    """docs/reference/scenarios.md says what the catalogue says."""
    assert PAGE.read_text() == scenarios_page()
