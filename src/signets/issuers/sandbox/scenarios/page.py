"""docs/reference/scenarios.md, written from the catalogue."""

from __future__ import annotations

from collections.abc import Mapping

from signets.issuers.sandbox.scenarios.catalogue import SCENARIOS
from signets.issuers.sandbox.scenarios.model import Books, Do, Scenario, Step

_HEAD = """# Scenarios of the sandbox

Written from `signets.issuers.sandbox.scenarios`; a test fails when the two differ.

Each scenario is played through Lithic's face and through Stripe's, over one network. A seed
chooses the amount; all amounts here are percentages of it. *Common* scenarios must leave the same
transactions, balances and verdicts with both issuers. *Issuer-specific* ones have their own
expected result. An intent of the stated maximum is approved beforehand where a step says so.

`signets sandbox run --all --issuer lithic` (or `stripe`) plays them through a whole Signets of its
own: it starts a database, the API and a sandbox for each issuer in a temporary folder, gives every
scenario an agent and a card, and holds what Signets then says against this page. Where no step
has an intent, the card is opened at the issuer behind Signets' back, so that Signets is asked.

After each scenario the organization's whole evidence log is sealed and verified offline, and so is
every intent's bundle: `evidence_verified`. `unflagged_surprises` counts what this page promises to
be flagged, noted or alerted and is not, and every excess that the issuer's own objects and raw
events show (more than was approved, money nobody asked for, another's approval, more back than was
taken, a late clearing, an unknown event) and no flag or note says.

Whatever webhooks a scenario sends fold to the same transaction in any order: of up to five messages
of one transaction all orders are tried, each with every message twice; of more, 120 shuffles.

**Issuer-specific in disputes**: Lithic takes a claim as it is made, and lets it be withdrawn and
made again; Stripe has drafts that expire, takes one claim on a capture for good, and no withdrawal
by API.
"""


def scenarios_page() -> str:
    """The whole page."""
    rows = [
        "| Scenario | Reach | What happens | Steps | At the end | Signets says |",
        "|---|---|---|---|---|---|",
        *(_row(scenario) for scenario in SCENARIOS),
    ]
    return _HEAD + "\n" + "\n".join(rows) + "\n"


def _row(scenario: Scenario) -> str:
    steps = "; ".join(_step(step) for step in scenario.steps)
    cells = (
        f"`{scenario.name}`",
        scenario.reach.value,
        scenario.says,
        steps,
        _end(scenario),
        _verdict(scenario),
    )
    return f"| {' | '.join(cells)} |"


def _verdict(scenario: Scenario) -> str:
    said = [f"`{flag}`" for flags in scenario.flags.values() for flag in flags]
    words = f"flagged: {', '.join(said)}" if said else "verified" if scenario.expected_any() else ""
    notes = [f"`{note}`" for notes in scenario.notes.values() for note in notes]
    if notes:
        words += f"; notes {', '.join(notes)}"
    if scenario.disputes:
        words += f"; dispute {', '.join(scenario.disputes.values())}"
    if scenario.card:
        words += f"; card {scenario.card}"
    if scenario.alerts:
        words += f"; alert {', '.join(f'`{alert}`' for alert in scenario.alerts)}"
    return words


def _step(step: Step) -> str:
    words = [step.do.value]
    if step.fault:
        words.append(f"`{step.fault}`")
        if step.count > 1:
            words.append(f"({step.count} times)")
        if step.fault == "asa_drop":
            words.append(f"({step.part})")
        if step.delay_ms:
            words.append(f"({step.delay_ms} ms)")
    if step.percent is not None:
        words.append(f"{step.percent} %")
    if step.merchant_percent is not None:
        words.append(f"({step.merchant_percent} % in EUR)")
    if step.seconds:
        words.append(f"{step.seconds // 86_400} days")
    if step.intent is not None:
        words.append(f"[intent {step.intent} %]")
    if step.outcome:
        words.append(step.outcome)
    if step.do is Do.INCREMENT_ANEW:
        words.append(f"({step.purchase} for {step.of})")
    if step.expect == "declined" and step.do is Do.WITHDRAW_DISPUTE:
        words.append("→ refused")
    elif step.expect == "declined":
        words.append("→ declined")
    return " ".join(words)


def _end(scenario: Scenario) -> str:
    if scenario.per_issuer:
        return "; ".join(
            f"{issuer}: {_books(books)}" for issuer, books in scenario.per_issuer.items()
        )
    only = "" if len(scenario.issuers) > 1 else f"{next(iter(scenario.issuers))}: "
    return only + (_books(scenario.expected) or "one card")


def _books(expected: Mapping[str, Books]) -> str:
    several = len(expected) > 1
    return ", ".join(
        (f"{label}: " if several else "") + _one(books) for label, books in expected.items()
    )


def _one(books: Books) -> str:
    said = [
        f"{name} {value} %"
        for name, value in (
            ("held", books.held),
            ("cleared", books.cleared),
            ("refunded", books.refunded),
        )
        if value
    ]
    return " + ".join(said) or "nothing"
