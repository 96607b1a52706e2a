"""``LithicIssuer``: the port :class:`signets.app.ports.Issuer` over ``AsyncLithic``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlsplit

import lithic
import msgspec
from lithic import AsyncLithic

from signets.app.ports import (
    Answer,
    BillingAddress,
    CardCredentials,
    Claim,
    ControlsChange,
    Finding,
    IssuerCard,
    IssuerCardState,
    IssuerDispute,
    IssuerEvent,
    IssuerRefused,
    IssuerSecrets,
    IssuerUnavailable,
)
from signets.core.authorization.request import AuthorizationRequest
from signets.core.issuer_controls import CardControls
from signets.core.settlement.model import Snapshot
from signets.issuers.addresses import checked_host, is_loopback
from signets.issuers.lithic.answers import DECLINE_RESULTS, OTHER_DECLINE
from signets.issuers.lithic.disputes import DISPUTE_REASONS, marked, read_dispute
from signets.issuers.lithic.enrolment import enroll, plan_enrolment
from signets.issuers.lithic.events import read_approval_request, read_event
from signets.issuers.lithic.reading import read_card, read_snapshot
from signets.issuers.lithic.set_up import WORDS, find_subscription, look_at_set_up
from signets.issuers.lithic.signatures import content_of, verified
from signets.issuers.lithic.transport import PAGE, plainly, translated

PRODUCTION_URL = "https://api.lithic.com"
SANDBOX_URL = "https://sandbox.lithic.com"

_TO_LITHIC: dict[IssuerCardState, Literal["OPEN", "PAUSED", "CLOSED"]] = {
    IssuerCardState.OPEN: "OPEN",
    IssuerCardState.PAUSED: "PAUSED",
    IssuerCardState.CLOSED: "CLOSED",
}


class LithicIssuer:
    """One Lithic account.

    Args:
        api_key: The account's key. Never printed.
        base_url: :data:`PRODUCTION_URL`, :data:`SANDBOX_URL`, or where the local sandbox listens.
        mode: ``live`` for production; ``test`` or ``sandbox`` for anything else.
        timeout_seconds: For each management call; the SDK repeats reads, never unkeyed writes.

    Raises:
        ValueError: Where key, address and mode do not belong together: a real key over plain
            HTTP, a local sandbox's key to Lithic, production in test mode or the other way.
    """

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        mode: str = "sandbox",
        billing_address: BillingAddress | None = None,
        timeout_seconds: float = 10.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._billing_address = billing_address
        host = checked_host(api_key, base_url, issuer="Lithic", domain="lithic.com")
        if (host == urlsplit(PRODUCTION_URL).hostname) is not (mode == "live"):
            # Lithic's keys do not say which of the two they are for; its addresses do.
            raise ValueError(
                f"test and live do not mix: mode `live` belongs to {PRODUCTION_URL} alone, and "
                f"mode is `{mode}`"
            )
        self._now = now
        self._client = AsyncLithic(
            api_key=api_key,
            base_url=base_url,
            timeout=timeout_seconds,
            # A proxy set for the internet cannot reach this machine's own ports.
            http_client=(
                lithic.DefaultAsyncHttpxClient(trust_env=False) if is_loopback(host) else None
            ),
        )
        # The SDK repeats failed POSTs and sends no idempotency key: one retry too many would
        # act twice. Only card creation carries a key of its own.
        self._once = self._client.with_options(max_retries=0)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def create_card(
        self,
        *,
        idempotency_key: str,
        memo: str,
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> IssuerCard:
        """A virtual card, paused. See the port."""
        with translated():
            card = await self._client.cards.create(
                type="VIRTUAL",
                state="PAUSED",
                memo=memo,
                tags=dict(tags),
                extra_headers={"Idempotency-Key": idempotency_key},
            )
        return _card(card)

    async def get_card(self, token: str) -> IssuerCard:
        """The card as Lithic knows it."""
        with translated():
            return _card(await self._client.cards.retrieve(token))

    def enforceable(self, controls: CardControls) -> CardControls:
        """The backstop. Lithic blocks categories by auth rules, which are no part of a card."""
        return replace(controls, blocked_categories=())

    async def set_card_state(
        self, token: str, state: IssuerCardState, controls: ControlsChange | None = None
    ) -> IssuerCard:
        """Open, pause or close (final). Sent once: a late repeat could undo a newer change."""
        limits: dict[str, Any] = {}
        backstop = controls.after.backstop if controls is not None else None
        if backstop is not None:
            if backstop < 1:
                # At Lithic 0 means "no limit at all".
                raise ValueError("a backstop must be at least one minor unit")
            limits = {"spend_limit": backstop, "spend_limit_duration": "FOREVER"}
        with translated():
            return _card(await self._once.cards.update(token, state=_TO_LITHIC[state], **limits))

    async def reveal(self, token: str) -> CardCredentials:
        """Number and CVC, passed through.

        Raises:
            IssuerRefused: Where the programme may not see numbers (production without PCI).
        """
        with translated():
            card = await self._client.cards.retrieve(token)
        if not card.pan or not card.cvv or not card.exp_month or not card.exp_year:
            raise IssuerRefused("the issuer gives this programme no card numbers")
        return CardCredentials(
            number=card.pan,
            cvc=card.cvv,
            exp_month=int(card.exp_month),
            exp_year=int(card.exp_year),
            # Lithic's card object carries none: it is the account holder's, as configured.
            billing_address=self._billing_address,
        )

    async def get_transaction(self, token: str) -> Snapshot | None:
        """The transaction, ``None`` where Lithic knows none."""
        with translated():
            try:
                found = await self._client.transactions.retrieve(token)
            except lithic.NotFoundError:
                return None
        return plainly(read_snapshot, found)

    async def list_transactions(self, *, begin: datetime, end: datetime) -> list[Snapshot]:
        """All transactions that began in ``[begin, end)``."""
        found: list[Snapshot] = []
        with translated():
            pages = self._client.transactions.list(begin=begin, end=end, page_size=PAGE)
            async for transaction in pages:
                found.append(plainly(read_snapshot, transaction))
        return found

    async def enroll(self, *, authorize_url: str, events_url: str) -> IssuerSecrets:
        """Point Auth Stream Access and the events that we act on at us; idempotent."""
        with translated():
            return await enroll(
                self._client, self._once, authorize_url=authorize_url, events_url=events_url
            )

    async def check_set_up(
        self, *, authorize_url: str, events_url: str, secrets: IssuerSecrets
    ) -> list[Finding]:
        """Enrolment, secrets, subscription and clock. See the port."""
        try:
            with translated():
                return await look_at_set_up(
                    self._client,
                    authorize_url=authorize_url,
                    events_url=events_url,
                    secrets=secrets,
                    now=self._now,
                )
        except IssuerRefused as error:
            return [WORDS.key_refused(str(error))]
        except IssuerUnavailable as error:
            return [WORDS.unreachable(str(error))]

    async def plan_enrolment(self, *, authorize_url: str, events_url: str) -> list[str]:
        """What enrolling would do. See the port."""
        with translated():
            return await plan_enrolment(
                self._client, authorize_url=authorize_url, events_url=events_url
            )

    async def rotate_secret(self) -> str:
        """A new Auth Stream secret; the old one signs too for 24 hours."""
        with translated():
            await self._once.auth_stream_enrollment.rotate_secret()
            secret = (await self._client.auth_stream_enrollment.retrieve_secret()).secret
        if not secret:
            raise IssuerUnavailable("the issuer gave no signing secret")
        return secret

    async def replay_missed(self, *, events_url: str, begin: datetime) -> None:
        """Have every event since ``begin`` sent again that our subscription has not taken.

        Those that were tried and failed are recovered; those never tried are replayed.
        """
        with translated():
            known = await find_subscription(self._client, events_url)
            if known is not None:
                subscriptions = self._once.events.subscriptions
                await subscriptions.recover(known.token, begin=begin)
                await subscriptions.replay_missing(known.token, begin=begin)

    def missing_evidence(self, claim: Claim) -> str | None:
        """Nothing: Lithic takes a claim with a reason and a note."""
        return None

    async def open_dispute(self, claim: Claim) -> IssuerDispute:
        """A claim. Lithic has no idempotency here: ours carries our id in its note."""
        with translated():
            async for known in self._client.disputes.list(
                transaction_tokens=[claim.transaction_token], page_size=PAGE
            ):
                told = plainly(read_dispute, known)
                if told.dispute_id == claim.dispute_id:
                    return told
            made = await self._once.disputes.create(
                amount=claim.amount,
                reason=DISPUTE_REASONS[claim.reason],
                transaction_token=claim.transaction_token,
                customer_filed_date=self._now(),
                customer_note=marked(claim.note, claim.dispute_id),
            )
        return plainly(read_dispute, made)

    async def withdraw_dispute(self, token: str) -> IssuerDispute:
        """Take a claim back; one that is decided stays as it is."""
        with translated():
            return plainly(read_dispute, await self._once.disputes.delete(token))

    async def get_dispute(self, token: str) -> IssuerDispute:
        """The claim as Lithic has it."""
        with translated():
            return plainly(read_dispute, await self._client.disputes.retrieve(token))

    def read_authorization(
        self, body: bytes, headers: Mapping[str, str], secrets: IssuerSecrets
    ) -> AuthorizationRequest:
        """A signed Auth Stream Access request."""
        content = verified(body, headers, secrets.authorization)
        return read_approval_request(content)

    def read_event(
        self, body: bytes, headers: Mapping[str, str], secrets: IssuerSecrets
    ) -> IssuerEvent:
        """A signed webhook; kinds that we do not act on come back as :class:`OtherEvent`."""
        content = verified(body, headers, secrets.events)
        event_id = next(v for k, v in headers.items() if k.lower() == "webhook-id")
        return read_event(event_id, content)

    def parse_event(self, event_id: str, body: bytes) -> IssuerEvent:
        """A webhook that was verified before it was stored."""
        return read_event(event_id, content_of(body))

    def answer_approved(self, request: AuthorizationRequest) -> Answer:
        """Approved in full: ``approved_amount`` would make it a partial approval."""
        return _answer({"result": "APPROVED", "token": request.request_id})

    def answer_declined(self, reason: str, request_id: str | None) -> Answer:
        """Declined, in the nearest of Lithic's words."""
        content = {"result": DECLINE_RESULTS.get(reason, OTHER_DECLINE)}
        return _answer(content if request_id is None else {**content, "token": request_id})


def _answer(content: dict[str, str]) -> Answer:
    return Answer(status=200, body=msgspec.json.encode(content))


def _card(card: lithic.types.Card) -> IssuerCard:
    return plainly(read_card, card)
