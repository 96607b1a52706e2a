"""``LithicIssuer``: the port :class:`signets.app.ports.Issuer` over ``AsyncLithic``."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import lithic
from lithic import AsyncLithic
from standardwebhooks import WebhookVerificationError

from signets.app.ports import (
    Answer,
    BodyUnreadable,
    CardCredentials,
    IssuerCard,
    IssuerCardState,
    IssuerEvent,
    IssuerRefused,
    IssuerSecrets,
    IssuerUnavailable,
    OtherEvent,
    SignatureInvalid,
    TransactionUpdated,
)
from signets.core.authorization.request import AuthorizationRequest
from signets.core.settlement.model import Snapshot
from signets.issuers.lithic.answers import DECLINE_RESULTS, OTHER_DECLINE
from signets.issuers.lithic.fields import Json, find
from signets.issuers.lithic.reading import read_request, read_snapshot

PRODUCTION_URL = "https://api.lithic.com"
SANDBOX_URL = "https://sandbox.lithic.com"

_APPROVAL_REQUEST: Literal["card_authorization.approval_request"] = (
    "card_authorization.approval_request"
)
_TRANSACTION_UPDATED: Literal["card_transaction.updated"] = "card_transaction.updated"
_LOCAL_KEY_PREFIX = "sandbox_"
_TO_LITHIC: dict[IssuerCardState, Literal["OPEN", "PAUSED", "CLOSED"]] = {
    IssuerCardState.OPEN: "OPEN",
    IssuerCardState.PAUSED: "PAUSED",
    IssuerCardState.CLOSED: "CLOSED",
}
_PAGE_SIZE = 100


class LithicIssuer:
    """One Lithic account.

    Args:
        api_key: The account's key. Never printed.
        base_url: :data:`PRODUCTION_URL`, :data:`SANDBOX_URL`, or where the local sandbox listens.
        timeout_seconds: For each management call; the SDK repeats reads, never unkeyed writes.

    Raises:
        ValueError: Where the key and the address do not belong together: a real key over plain
            HTTP, a local sandbox's key to Lithic.
    """

    def __init__(self, *, api_key: str, base_url: str, timeout_seconds: float = 10.0) -> None:
        address = urlsplit(base_url)
        host = address.hostname or ""
        is_local_key = api_key.startswith(_LOCAL_KEY_PREFIX)
        if address.scheme != "https" and not is_local_key:
            raise ValueError("an issuer's key is sent over https only")
        if is_local_key and (host == "lithic.com" or host.endswith(".lithic.com")):
            raise ValueError("this key belongs to a local sandbox, and the address to Lithic")
        self._client = AsyncLithic(
            api_key=api_key,
            base_url=base_url,
            timeout=timeout_seconds,
            # A proxy set for the internet cannot reach this machine's own ports.
            http_client=(
                lithic.DefaultAsyncHttpxClient(trust_env=False) if _is_loopback(host) else None
            ),
        )
        # The SDK repeats failed POSTs and sends no idempotency key: one retry too many would
        # act twice. Only card creation carries a key of its own.
        self._once = self._client.with_options(max_retries=0)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def create_card(
        self, *, idempotency_key: str, memo: str, lifetime_backstop: int | None
    ) -> IssuerCard:
        """A virtual card, paused. See the port."""
        limits: dict[str, Any] = {}
        if lifetime_backstop is not None:
            if lifetime_backstop < 1:
                # At Lithic 0 means "no limit at all".
                raise ValueError("a backstop must be at least one minor unit")
            limits = {"spend_limit": lifetime_backstop, "spend_limit_duration": "FOREVER"}
        with _translated():
            card = await self._client.cards.create(
                type="VIRTUAL",
                state="PAUSED",
                memo=memo,
                extra_headers={"Idempotency-Key": idempotency_key},
                **limits,
            )
        return _card(card)

    async def get_card(self, token: str) -> IssuerCard:
        """The card as Lithic knows it."""
        with _translated():
            return _card(await self._client.cards.retrieve(token))

    async def set_card_state(self, token: str, state: IssuerCardState) -> IssuerCard:
        """Open, pause or close (final). Sent once: a late repeat could undo a newer change."""
        with _translated():
            return _card(await self._once.cards.update(token, state=_TO_LITHIC[state]))

    async def reveal(self, token: str) -> CardCredentials:
        """Number and CVC, passed through.

        Raises:
            IssuerRefused: Where the programme may not see numbers (production without PCI).
        """
        with _translated():
            card = await self._client.cards.retrieve(token)
        if not card.pan or not card.cvv or not card.exp_month or not card.exp_year:
            raise IssuerRefused("the issuer gives this programme no card numbers")
        return CardCredentials(
            number=card.pan,
            cvc=card.cvv,
            exp_month=int(card.exp_month),
            exp_year=int(card.exp_year),
        )

    async def get_transaction(self, token: str) -> Snapshot | None:
        """The transaction, ``None`` where Lithic knows none."""
        with _translated():
            try:
                found = await self._client.transactions.retrieve(token)
            except lithic.NotFoundError:
                return None
        return read_snapshot(found.to_dict(mode="json", warnings=False))

    async def list_transactions(self, *, begin: datetime, end: datetime) -> list[Snapshot]:
        """All transactions that began in ``[begin, end)``."""
        found: list[Snapshot] = []
        with _translated():
            pages = self._client.transactions.list(begin=begin, end=end, page_size=_PAGE_SIZE)
            async for transaction in pages:
                found.append(read_snapshot(transaction.to_dict(mode="json", warnings=False)))
        return found

    async def enroll(self, *, authorize_url: str, events_url: str) -> IssuerSecrets:
        """Point Auth Stream Access and ``card_transaction.updated`` at us; idempotent."""
        with _translated():
            # The secret first: until its first read, Lithic sends requests unsigned.
            authorization = (await self._once.auth_stream_enrollment.retrieve_secret()).secret
            now = await self._client.responder_endpoints.check_status(type="AUTH_STREAM_ACCESS")
            if not now.enrolled or now.url != authorize_url:
                await self._once.responder_endpoints.create(
                    type="AUTH_STREAM_ACCESS", url=authorize_url
                )
            subscription = await self._subscription(events_url)
            events = (await self._client.events.subscriptions.retrieve_secret(subscription)).secret
        if not authorization or not events:
            raise IssuerUnavailable("the issuer gave no signing secret")
        return IssuerSecrets((authorization,), (events,))

    async def _subscription(self, url: str) -> str:
        """The token of a live subscription to transactions at ``url``, made where needed."""
        subscriptions = self._client.events.subscriptions
        async for known in subscriptions.list(page_size=_PAGE_SIZE):
            if known.url != url:
                continue
            if known.disabled or (
                known.event_types and _TRANSACTION_UPDATED not in known.event_types
            ):
                await self._once.events.subscriptions.update(
                    known.token, url=url, disabled=False, event_types=[_TRANSACTION_UPDATED]
                )
            return known.token
        made = await self._once.events.subscriptions.create(
            url=url, description="Signets", event_types=[_TRANSACTION_UPDATED]
        )
        return made.token

    def read_authorization(
        self, body: bytes, headers: Mapping[str, str], secrets: IssuerSecrets
    ) -> AuthorizationRequest:
        """A signed Auth Stream Access request."""
        content = self._unwrap(body, headers, secrets.authorization)
        kind = find(content, "event_type")
        if kind not in (None, _APPROVAL_REQUEST):
            raise BodyUnreadable("event_type", f"`event_type` must be {_APPROVAL_REQUEST}")
        return read_request(content)

    def read_event(
        self, body: bytes, headers: Mapping[str, str], secrets: IssuerSecrets
    ) -> IssuerEvent:
        """A signed webhook; kinds that we do not act on come back as :class:`OtherEvent`."""
        content = self._unwrap(body, headers, secrets.events)
        event_id = next(v for k, v in headers.items() if k.lower() == "webhook-id")
        return _event(event_id, content)

    def parse_event(self, event_id: str, body: bytes) -> IssuerEvent:
        """A webhook that was verified before it was stored."""
        try:
            content = json.loads(body)
        except ValueError as error:
            raise BodyUnreadable("body", "the body is not JSON") from error
        if not isinstance(content, dict):
            raise BodyUnreadable("body", "the body is not a JSON object")
        return _event(event_id, content)

    def _unwrap(self, body: bytes, headers: Mapping[str, str], live: tuple[str, ...]) -> Json:
        for secret in live:
            try:
                content = self._client.webhooks.unwrap(body, headers, secret=secret)
            except json.JSONDecodeError as error:
                # Raised only after the signature matched.
                raise BodyUnreadable("body", "the signed body is not JSON") from error
            except (WebhookVerificationError, ValueError):
                continue  # a missing or malformed header, an old timestamp, another secret
            if not isinstance(content, dict):
                raise BodyUnreadable("body", "the signed body is not a JSON object")
            return content
        raise SignatureInvalid("no live secret made this signature, or it is too old")

    def answer_approved(self, request: AuthorizationRequest) -> Answer:
        """Approved in full: ``approved_amount`` would make it a partial approval."""
        return _answer({"result": "APPROVED", "token": request.request_id})

    def answer_declined(self, reason: str, request_id: str | None) -> Answer:
        """Declined, in the nearest of Lithic's words."""
        content = {"result": DECLINE_RESULTS.get(reason, OTHER_DECLINE)}
        return _answer(content if request_id is None else {**content, "token": request_id})


def _event(event_id: str, content: Json) -> IssuerEvent:
    kind = find(content, "event_type")
    if not isinstance(kind, str) or not kind:
        raise BodyUnreadable("event_type", "`event_type` must be a non-empty string")
    if kind != _TRANSACTION_UPDATED:
        return OtherEvent(event_id=event_id, event_type=kind)
    return TransactionUpdated(event_id=event_id, snapshot=read_snapshot(content))


def _answer(content: dict[str, str]) -> Answer:
    return Answer(status=200, body=json.dumps(content, separators=(",", ":")).encode())


def _card(card: lithic.types.Card) -> IssuerCard:
    try:
        state = IssuerCardState(card.state.lower())
    except ValueError:
        # PENDING_ACTIVATION, PENDING_FULFILLMENT or newer: not usable, like a paused card.
        state = IssuerCardState.PAUSED
    if not card.exp_month or not card.exp_year:
        raise IssuerUnavailable("the issuer sent a card without an expiry date")
    return IssuerCard(
        token=card.token,
        last_four=card.last_four,
        exp_month=int(card.exp_month),
        exp_year=int(card.exp_year),
        state=state,
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def _translated() -> Iterator[None]:
    """SDK errors as the port's. The text holds status and message, no request, no key."""
    try:
        yield
    except lithic.APIStatusError as error:
        said = error.body.get("message") if isinstance(error.body, dict) else None
        message = f"the issuer answered {error.status_code}: {said or 'no message'}"
        if error.status_code >= 500 or error.status_code in (408, 409, 429):
            raise IssuerUnavailable(message) from None
        raise IssuerRefused(message) from None
    except lithic.APIError as error:
        raise IssuerUnavailable(f"the issuer did not answer: {type(error).__name__}") from None
