"""How Lithic is to reach us, and what a look at the account finds wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from lithic import AsyncLithic
from lithic.types import EventSubscription

from signets.app.ports import Finding, IssuerSecrets, Severity
from signets.issuers.lithic.transport import PAGE
from signets.issuers.set_up import SetUpWords, worst_first

TRANSACTION_UPDATED: Literal["card_transaction.updated"] = "card_transaction.updated"
CARD_UPDATED: Literal["card.updated"] = "card.updated"
DISPUTE_UPDATED: Literal["dispute.updated"] = "dispute.updated"
#: Of claims that Lithic manages: provisional credits are told here.
DISPUTE_CREDITED: tuple[
    Literal["dispute_transaction.created"], Literal["dispute_transaction.updated"]
] = ("dispute_transaction.created", "dispute_transaction.updated")
#: What we act on.
EVENT_TYPES: tuple[
    Literal["card_transaction.updated"],
    Literal["card.updated"],
    Literal["dispute.updated"],
    Literal["dispute_transaction.created"],
    Literal["dispute_transaction.updated"],
] = (TRANSACTION_UPDATED, CARD_UPDATED, DISPUTE_UPDATED, *DISPUTE_CREDITED)

_AGAIN = "connect again: `signets issuers connect lithic` (our sandbox: restart `signets serve`)"
WORDS = SetUpWords(
    issuer="Lithic", key="LITHIC_API_KEY", status_page="status.lithic.com", again=_AGAIN
)


def missing_types(subscription: EventSubscription) -> list[str]:
    """Event types that we act on and the subscription leaves out. No list means every type."""
    listed = subscription.event_types
    return [one for one in EVENT_TYPES if listed and one not in listed]


async def find_subscription(client: AsyncLithic, url: str) -> EventSubscription | None:
    """The subscription at ``url``, a live one before a disabled one."""
    found = None
    async for known in client.events.subscriptions.list(page_size=PAGE):
        if known.url == url and (found is None or found.disabled):
            found = known
    return found


async def look_at_set_up(
    client: AsyncLithic,
    *,
    authorize_url: str,
    events_url: str,
    secrets: IssuerSecrets,
    now: Callable[[], datetime],
) -> list[Finding]:
    """Everything that can be read of the set-up, worst first."""
    asked = now()
    raw = await client.responder_endpoints.with_raw_response.check_status(type="AUTH_STREAM_ACCESS")
    middle = asked + (now() - asked) / 2
    status = raw.parse()
    found = _endpoint(enrolled=status.enrolled is True, url=status.url, wanted=authorize_url)
    if secrets.authorization:
        secret = (await client.auth_stream_enrollment.retrieve_secret()).secret
        found += _authorization_secret(secret, secrets.authorization)
    else:
        # Lithic makes a secret when it is first read, and a look changes nothing.
        found.append(_no_secret())
    subscription = await find_subscription(client, events_url)
    found += _subscription(subscription, events_url)
    if subscription is not None:
        signed = await client.events.subscriptions.retrieve_secret(subscription.token)
        found += _events_secret(signed.secret, secrets.events)
    found += WORDS.clock_skew(raw.headers.get("date"), middle)
    return worst_first(found)


def _endpoint(*, enrolled: bool, url: str | None, wanted: str) -> list[Finding]:
    if not enrolled:
        return [
            Finding(
                code="endpoint_missing",
                severity=Severity.CRITICAL,
                sentence="no endpoint is enrolled for authorization requests: Lithic approves by "
                "itself whatever an open card is charged",
                remedy=_AGAIN,
            )
        ]
    if url != wanted:
        return [
            Finding(
                code="endpoint_elsewhere",
                severity=Severity.CRITICAL,
                sentence=f"authorization requests go to {url or 'an address that is not told'}, "
                f"not to {wanted}: somebody else decides, or nobody does",
                remedy=_AGAIN,
            )
        ]
    return []


def _authorization_secret(secret: str | None, ours: tuple[str, ...]) -> list[Finding]:
    if not secret:
        return [
            Finding(
                code="unsigned",
                severity=Severity.CRITICAL,
                sentence="Lithic has no signing secret: it sends authorization requests unsigned, "
                "and each is refused here",
                remedy=_AGAIN,
            )
        ]
    return [] if secret in ours else [_no_secret(" (somebody rotated it)")]


def _no_secret(because: str = "") -> Finding:
    return Finding(
        code="secret_unknown",
        severity=Severity.CRITICAL,
        sentence="the secret that signs authorization requests is not stored here"
        f"{because}: each will be refused as forged",
        remedy=_AGAIN,
    )


def _subscription(known: EventSubscription | None, wanted: str) -> list[Finding]:
    where = f"the event subscription to {wanted}"
    if known is None or known.disabled:
        return [WORDS.subscription_lost(where, exists=known is not None)]
    missing = missing_types(known)
    if missing:
        return [WORDS.types_missing(where, missing, money=(TRANSACTION_UPDATED,))]
    return []


def _events_secret(secret: str | None, ours: tuple[str, ...]) -> list[Finding]:
    if secret and secret in ours:
        return []
    return [
        Finding(
            code="events_secret_unknown",
            severity=Severity.CRITICAL,
            sentence="events are signed with a secret that is not stored here (somebody rotated "
            "it): each will be refused as forged",
            remedy=_AGAIN,
        )
    ]
