"""Writes two reference pages from the code: ``python -m tests.core.reference_pages``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from signets.core import card, intent
from signets.core.intent import MAX_REOPENS
from signets.core.reasons import CATALOGUE, ISSUER_DECLINED, Reason

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"

#: What each move of the tables means. A move without a meaning here cannot be written.
INTENT_MOVES = {
    ("declared", "approved"): "policy approves; the window opens at once",
    ("declared", "pending_approval"): "policy escalates to members",
    ("declared", "denied"): "policy denies",
    ("pending_approval", "approved"): "enough members approve, and policy still does not deny",
    ("pending_approval", "denied"): "one member denies",
    ("pending_approval", "expired"): "nobody decided in time",
    ("pending_approval", "canceled"): "withdrawn by its agent or a member",
    ("approved", "authorized"): "a charge was authorized under it",
    ("approved", "expired"): "its window ended unused",
    ("approved", "canceled"): "withdrawn, or the card was frozen, closed or locked by the breaker",
    ("approved", "superseded"): "amended: another intent has taken over its reservation",
    ("authorized", "settled"): "everything under it cleared, and no further charge can come",
    ("authorized", "voided"): "everything under it was reversed, and it cannot be used again",
    ("authorized", "approved"): "its only charge was reversed in full inside its window "
    f"(at most {MAX_REOPENS} times)",
}
CARD_MOVES = {
    ("locked", "open"): "an approved intent's window begins; nothing else opens a card",
    ("locked", "closed"): "closed by a member, for good",
    ("open", "locked"): "the window ended, the intent was canceled, or freeze or breaker locked it",
    ("open", "closed"): "closed by a member, for good",
}
APPROVAL_MOVES = {
    ("waiting", "approved"): "the last approval that the rule requires",
    ("waiting", "denied"): "one denial is enough",
    ("waiting", "expired"): "its time was up; the intent expires with it",
    ("waiting", "canceled"): "the intent was withdrawn",
}


def decline_reasons() -> str:
    """docs/reference/decline-reasons.md"""
    lines = [
        "# Decline reasons",
        "",
        "Written from `signets.core.reasons` by `python -m tests.core.reference_pages`; a test",
        "holds this page against the code.",
        "",
        "Every authorization runs every check below and stores each result. Of those that fail,",
        "the first in this order names the reason. *Retryable*: a purchase like it can pass later",
        "without a member changing anything. A decline also says the level that decided and what",
        'would pass ("at most $18.20 now", "after 2026-11-24 14:05:00Z") wherever that is known.',
        "",
        "| # | Reason | What it says | Retryable | What would make it pass | Example |",
        "|---|---|---|---|---|---|",
    ]
    for number, reason in enumerate(Reason, start=1):
        entry = CATALOGUE[reason]
        retryable = "yes" if entry.retryable else "no"
        lines.append(
            f"| {number} | `{reason}` | {entry.sentence} | {retryable} | {entry.remedy} "
            f"| {entry.example} |"
        )
    lines += [
        "",
        "## Declined by the issuer",
        "",
        "A decline that the issuer made by itself has the nearest of these reasons, and counts as",
        f"an attempt. What none of them comes near is `{ISSUER_DECLINED}`: a wrong PIN or CVC, its",
        "own fraud rules, its own outage, or that no answer of ours was in time. `decided_by` says",
        "who it was, `explanation` the issuer's own word; [declines](declines.md) lists them all.",
        "",
        "## Which checks apply",
        "",
        "| Request | Exempt from |",
        "|---|---|",
        "| purchase | nothing; `duplicate_charge` only for an intent for several charges, and for "
        "the first charge of an intent of its own |",
        "| increment (same request id, more money) | `duplicate_charge`, the count of caps, and "
        "`card_locked` within the grace after the first approval |",
        "| verification (nothing, or up to about one US dollar) | `duplicate_charge`, "
        "`no_open_intent`, `amount_exceeds_intent`; instead a few a day and card |",
        "| credit (asks for no money) | everything but `card_unknown`, `card_closed`, `frozen` |",
        "",
    ]
    return "\n".join(lines)


def states() -> str:
    """docs/reference/states.md"""
    lines = [
        "# States",
        "",
        "Written from the transition tables in `signets.core` by",
        "`python -m tests.core.reference_pages`; a test holds this page against the code and",
        "against the triggers of the database, which refuse every other move as well.",
        "",
        "## Intent",
        "",
        *_table(_moves(intent.TRANSITIONS), INTENT_MOVES),
        "",
        f"Final: {_final(intent.TRANSITIONS)}.",
        "",
        "## Card",
        "",
        *_table(_moves(card.TRANSITIONS), CARD_MOVES),
        "",
        f"Final: {_final(card.TRANSITIONS)}. Frozen is a switch beside the state: a frozen card, "
        "agent or organization declines whatever the state is.",
        "",
        "## Approval request",
        "",
        *_table(list(APPROVAL_MOVES), APPROVAL_MOVES),
        "",
        "Final: every state but `waiting`.",
        "",
    ]
    return "\n".join(lines)


def _moves(table: Mapping[str, Iterable[str]]) -> list[tuple[str, str]]:
    """The table as pairs, in the order of its states."""
    order = list(table)
    return [(str(old), str(new)) for old in order for new in order if new in table[old]]


def _table(moves: list[tuple[str, str]], meaning: Mapping[tuple[str, str], str]) -> list[str]:
    rows = [f"| `{old}` | `{new}` | {meaning[old, new]} |" for old, new in moves]
    return ["| From | To | When |", "|---|---|---|", *rows]


def _final(table: Mapping[str, Iterable[str]]) -> str:
    return ", ".join(f"`{state}`" for state, after in table.items() if not after)


PAGES = {"decline-reasons.md": decline_reasons, "states.md": states}

if __name__ == "__main__":
    for name, write in PAGES.items():
        (REFERENCE / name).write_text(write(), encoding="utf-8")
