"""Writes docs/reference/declines.md from the adapters: ``python -m tests.contract.declines_page``.

The ways back are read by giving each adapter a declined event of each of the issuer's words, so
the page says what the adapters do.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import stripe
from lithic.types.transaction import Event
from tests.contract import stripe_kit

from signets.core.reasons import Reason
from signets.core.settlement.model import DecidedBy, LifecycleEvent
from signets.issuers.lithic.answers import DECLINE_RESULTS
from signets.issuers.lithic.declines import DETAILS
from signets.issuers.lithic.reading import read_snapshot
from signets.issuers.stripe.answers import DECLINED
from signets.issuers.stripe.reading import read_object

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "declines.md"
#: Beside the catalogue: the two that end a request which was never judged.
UNJUDGED = ("unreadable", "unavailable")

_NAMED = (*UNJUDGED, "card_unknown")

_WHO = {
    DecidedBy.US: "we did",
    DecidedBy.ISSUER: "the issuer",
    DecidedBy.TIMEOUT: "nobody: no answer of ours was in time, or readable",
    DecidedBy.STAND_IN: "the network, for everybody",
}
_HEAD = """\
# Declines at the issuers

Written from the adapters by `python -m tests.contract.declines_page`; a test holds this page
against them. What our reasons mean is in [decline reasons](decline-reasons.md).

## Fail closed

| What happens | Lithic is answered | Stripe is answered | What the issuer makes of it |
|---|---|---|---|
| a request is judged and declined | 200, a result of the next table | 200, `{stripe}` | declined |
| a signed body that cannot be read | 200, `{unreadable}` | 200, `{stripe}` | declined |
| the database is down, or our time is up | 200, `{unavailable}` | 200, `{stripe}` | declined |
| the card is not ours | 200, `{card_unknown}` | 200, `{stripe}` | declined |
| the signature is forged, old or missing | 401 | 401 | the sender was not the issuer |
| the connection is unknown | 404 | 404 | as if nobody had answered |
| the database is down before the connection is known | 503 | 503 | as if nobody had answered |
| our server is down | nothing | nothing | as if nobody had answered |

"As if nobody had answered": Lithic declines. Stripe does what is set as timeout behaviour at
dashboard.stripe.com/settings/issuing, which has to be *decline*; with no real-time endpoint at all
it approves. Cards are inactive there outside their windows, whatever is set.

## Our reason in their words

Stripe's answer has no place for a reason. It carries the header `Stripe-Version`, and Stripe
records `webhook_declined`.

| Our reason | Lithic's `result` | Stripe's body |
|---|---|---|
"""
_LITHIC = """
## Lithic's words in ours

`result` of an event. Where we have a decision that declined, its own reason stands, whatever came
back. `issuer_declined` is what none of our checks comes near; the transaction's explanation holds
the issuer's own word. A word that is newer than this table is stored and decides nothing.

| `result` | Who decided | Our reason |
|---|---|---|
"""
_DETAILS = """
A word of `detailed_results` that says more than its `result` goes first. Any other leaves it to
`result`.

| `detailed_results` | Who decided | Our reason |
|---|---|---|
"""
_STRIPE = """
## Stripe's words in ours

`reason` of an entry in `request_history` that was not approved. An approval that carries
`webhook_timeout`, `webhook_error` or `network_fallback` is money held without our answer, and
is flagged (`stand_in`).

A word that is newer than this table is `issuer_declined`.

| `reason` | Who decided | Our reason |
|---|---|---|
"""


def render() -> str:
    """The page."""
    body = DECLINED.body.decode()
    head = _HEAD.format(stripe=body, **{word: DECLINE_RESULTS[word] for word in _NAMED})
    rows = (
        *_out(body),
        _LITHIC,
        *(_row(word, read) for word, read in lithic_results().items()),
        _DETAILS,
        *(_row(word, lithic_event("DECLINED", word)) for word in sorted(DETAILS)),
        _STRIPE,
        *(_row(word, read) for word, read in stripe_reasons().items()),
    )
    return "".join((head, *rows))


def _out(body: str) -> Iterator[str]:
    for reason in (*Reason, *UNJUDGED):
        yield f"| `{reason}` | `{DECLINE_RESULTS[reason]}` | `{body}` |\n"


def lithic_event(result: str, detail: str) -> LifecycleEvent:
    """A request at Lithic that came to ``result``, as the adapter reads it."""
    amounts = {"amount": 1, "currency": "USD"}
    event = {
        "token": "event",
        "type": "AUTHORIZATION",
        "result": result,
        "detailed_results": [detail],
        "amounts": {"cardholder": amounts},
        "created": "2026-11-24T05:00:00Z",
    }
    transaction = {
        "token": "transaction",
        "card_token": "card",
        "amounts": dict.fromkeys(("cardholder", "hold", "settlement"), amounts),
        "merchant": {"descriptor": "X"},
        "created": event["created"],
        "updated": event["created"],
        "events": [event],
    }
    [read] = read_snapshot(transaction).events
    return read


def lithic_results() -> dict[str, LifecycleEvent]:
    """Every ``result`` that the SDK knows, but the one that says yes."""
    words = sorted(get_args(Event.model_fields["result"].annotation))
    return {word: lithic_event(word, word) for word in words if word != "APPROVED"}


def lithic_details() -> set[str]:
    """Every detail that the SDK knows."""
    [word] = get_args(Event.model_fields["detailed_results"].annotation)
    return set(get_args(word))


def stripe_event(reason: str) -> LifecycleEvent:
    """A request at Stripe that was not approved, as the adapter reads it."""
    body = stripe_kit.authorization(
        stripe_kit.asked(1, reason=reason, approved=False), amount=1, status="closed"
    )
    [read] = read_object(body).events
    return read


def stripe_reasons() -> dict[str, LifecycleEvent]:
    """Every ``reason`` that the SDK knows, but the two that say yes."""
    words = get_args(stripe.issuing.Authorization.RequestHistory.__annotations__["reason"])[0]
    said = sorted(set(get_args(words)) - {"webhook_approved", "card_active"})
    return {word: stripe_event(word) for word in said}


def _row(word: str, read: LifecycleEvent) -> str:
    ours = f"`{read.reason}`" if read.reason else "none: nothing was decided"
    return f"| `{word}` | {_WHO[read.decided_by]} | {ours} |\n"


if __name__ == "__main__":
    PAGE.write_text(render())
