"""``StripeIssuer``: the port :class:`signets.app.ports.Issuer` over ``stripe.StripeClient``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal

import stripe

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
from signets.issuers.fields import Json, find
from signets.issuers.stripe.answers import API_VERSION, APPROVED, DECLINED
from signets.issuers.stripe.bodies import read_card
from signets.issuers.stripe.cardholder import find_or_make_cardholder
from signets.issuers.stripe.controls import nameable, spending_controls
from signets.issuers.stripe.disputes import Disputes, missing_evidence
from signets.issuers.stripe.enrolment import enroll, plan_enrolment
from signets.issuers.stripe.events import read_approval_request, read_event
from signets.issuers.stripe.keys import is_live
from signets.issuers.stripe.options import MARK, StripeOptions
from signets.issuers.stripe.reading import read_authorization, read_transaction
from signets.issuers.stripe.set_up import WORDS, look_at_set_up
from signets.issuers.stripe.signatures import content_of, verified
from signets.issuers.stripe.transport import PAGE, Transport, plain, plainly, translated

PRODUCTION_URL = "https://api.stripe.com"

_TO_STRIPE: dict[IssuerCardState, Literal["active", "inactive", "canceled"]] = {
    IssuerCardState.OPEN: "active",
    IssuerCardState.PAUSED: "inactive",
    IssuerCardState.CLOSED: "canceled",
}


class StripeIssuer:
    """One Stripe account's Issuing, in test or in live mode as its key says.

    Args:
        api_key: A secret or restricted key. Never printed.
        base_url: :data:`PRODUCTION_URL` (also for test mode), or where a local double listens.
        options: Cardholder, currency and the endpoints' signing secrets.
        timeout_seconds: For each management call. The SDK repeats failed ones twice under one
            idempotency key.

    Raises:
        ValueError: Where the key and the address do not belong together: a real key over plain
            HTTP, a local double's key to Stripe.
    """

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        options: StripeOptions,
        timeout_seconds: float = 10.0,
    ) -> None:
        host = checked_host(api_key, base_url, issuer="Stripe", domain="stripe.com")
        self._options = options
        self._live = is_live(api_key)
        self._http = Transport(timeout=timeout_seconds, is_local=is_loopback(host))
        self._client = stripe.StripeClient(
            api_key,
            stripe_version=API_VERSION,
            base_addresses={"api": base_url.rstrip("/")},
            max_network_retries=2,
            http_client=self._http,
        )
        self._disputes = Disputes(self._client)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def create_card(
        self,
        *,
        idempotency_key: str,
        memo: str,
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> IssuerCard:
        """A virtual card, inactive. See the port.

        Stripe remembers an idempotency key for at least 24 hours.

        Raises:
            IssuerRefused: Also where there is no cardholder, and too little to make one.
        """
        with translated():
            cardholder = await find_or_make_cardholder(self._client, self._options)
        params: stripe.params.issuing.CardCreateParams = {
            "cardholder": cardholder,
            "currency": self._options.currency,
            "type": "virtual",
            "status": "inactive",
            "metadata": {**tags, MARK: memo},
        }
        with translated():
            card = await self._client.v1.issuing.cards.create_async(
                params, {"idempotency_key": idempotency_key}
            )
        return plainly(read_card, card)

    async def get_card(self, token: str) -> IssuerCard:
        """The card as Stripe knows it."""
        with translated():
            return plainly(read_card, await self._client.v1.issuing.cards.retrieve_async(token))

    def enforceable(self, controls: CardControls) -> CardControls:
        """All of it but categories that Stripe has no name of their own for."""
        return replace(controls, blocked_categories=nameable(controls.blocked_categories))

    async def set_card_state(
        self, token: str, state: IssuerCardState, controls: ControlsChange | None = None
    ) -> IssuerCard:
        """Activate, deactivate or cancel (final). Sent once: a late repeat could undo a newer."""
        params: stripe.params.issuing.CardUpdateParams = {"status": _TO_STRIPE[state]}
        if controls is not None:
            params["spending_controls"] = spending_controls(controls)
        with translated():
            card = await self._client.v1.issuing.cards.update_async(
                token, params, {"max_network_retries": 0}
            )
        return plainly(read_card, card)

    async def reveal(self, token: str) -> CardCredentials:
        """Number and CVC, passed through. Stripe gives them for virtual cards only.

        Raises:
            IssuerRefused: Where the account may not see numbers.
        """
        with translated():
            card = await self._client.v1.issuing.cards.retrieve_async(
                token, {"expand": ["number", "cvc"]}
            )
        shown = plain(card)
        number, cvc = find(shown, "number"), find(shown, "cvc")
        if not isinstance(number, str) or not isinstance(cvc, str):
            raise IssuerRefused("the issuer gives this account no card numbers")
        return CardCredentials(
            number=number,
            cvc=cvc,
            exp_month=card.exp_month,
            exp_year=card.exp_year,
            billing_address=_billing_address(shown),
        )

    async def get_transaction(self, token: str) -> Snapshot | None:
        """The authorization with its transactions, or (``ipi_…``) a transaction without one."""
        issuing = self._client.v1.issuing
        with translated():
            try:
                if token.startswith("ipi_"):
                    movement = await issuing.transactions.retrieve_async(token)
                    return plainly(read_transaction, movement)
                return plainly(
                    read_authorization, await issuing.authorizations.retrieve_async(token)
                )
            except stripe.InvalidRequestError as error:
                if error.http_status == 404:
                    return None
                raise

    async def list_transactions(self, *, begin: datetime, end: datetime) -> list[Snapshot]:
        """All authorizations that began, and all money that moved, in ``[begin, end)``.

        Stripe's times are whole seconds: the seconds of both ends are included.
        """
        during = {"gte": math.floor(begin.timestamp()), "lt": math.ceil(end.timestamp())}
        found: dict[str, Snapshot] = {}
        issuing = self._client.v1.issuing
        with translated():
            authorizations = await issuing.authorizations.list_async(
                {"created": {"gte": during["gte"], "lt": during["lt"]}, "limit": PAGE}
            )
            async for authorization in authorizations.auto_paging_iter():
                _merge(found, plainly(read_authorization, authorization))
            movements = await issuing.transactions.list_async(
                {"created": {"gte": during["gte"], "lt": during["lt"]}, "limit": PAGE}
            )
            async for movement in movements.auto_paging_iter():
                _merge(found, plainly(read_transaction, movement))
        return list(found.values())

    async def enroll(self, *, authorize_url: str, events_url: str) -> IssuerSecrets:
        """Subscribe ``events_url``; ``authorize_url`` is a person's to enter. See the port."""
        with translated():
            return await enroll(self._client, events_url=events_url, options=self._options)

    async def check_set_up(
        self, *, authorize_url: str, events_url: str, secrets: IssuerSecrets
    ) -> list[Finding]:
        """Endpoint, secrets, clock, and what only a person can look at. See the port."""
        try:
            with translated():
                return await look_at_set_up(
                    self._client,
                    options=self._options,
                    authorize_url=authorize_url,
                    events_url=events_url,
                    secrets=secrets,
                    now=lambda: datetime.now(UTC),
                )
        except IssuerRefused as error:
            return [WORDS.key_refused(str(error))]
        except IssuerUnavailable as error:
            return [WORDS.unreachable(str(error))]

    def missing_evidence(self, claim: Claim) -> str | None:
        """By Stripe's list for the claim's reason. See the port."""
        return missing_evidence(claim)

    async def open_dispute(self, claim: Claim) -> IssuerDispute:
        """A draft, submitted. See the port."""
        return await self._disputes.open(claim)

    async def withdraw_dispute(self, token: str) -> IssuerDispute:
        """Stripe takes none by API. See the port."""
        return await self._disputes.withdraw(token)

    async def get_dispute(self, token: str) -> IssuerDispute:
        """The claim as Stripe has it."""
        return await self._disputes.get(token)

    async def plan_enrolment(self, *, authorize_url: str, events_url: str) -> list[str]:
        """What enrolling would do, and what is a person's. See the port."""
        with translated():
            return await plan_enrolment(
                self._client,
                authorize_url=authorize_url,
                events_url=events_url,
                options=self._options,
            )

    def read_authorization(
        self, body: bytes, headers: Mapping[str, str], secrets: IssuerSecrets
    ) -> AuthorizationRequest:
        """A signed ``issuing_authorization.request``."""
        event = verified(body, headers, secrets.authorization)
        return read_approval_request(event, live=self._live)

    def read_event(
        self, body: bytes, headers: Mapping[str, str], secrets: IssuerSecrets
    ) -> IssuerEvent:
        """A signed webhook; kinds that we do not act on come back as :class:`OtherEvent`."""
        return read_event(verified(body, headers, secrets.events), live=self._live)

    def parse_event(self, event_id: str, body: bytes) -> IssuerEvent:
        """A webhook that was verified before it was stored. It carries its own id."""
        return read_event(content_of(body), live=self._live)

    def answer_approved(self, request: AuthorizationRequest) -> Answer:
        """Approved in full."""
        return APPROVED

    def answer_declined(self, reason: str, request_id: str | None) -> Answer:
        """Declined: Stripe takes no reason."""
        return DECLINED


def _merge(found: dict[str, Snapshot], snapshot: Snapshot) -> None:
    """Add what a snapshot tells to what is known of its transaction."""
    known = found.setdefault(snapshot.transaction_token, snapshot)
    seen = {event.token for event in known.events}
    more = tuple(event for event in snapshot.events if event.token not in seen)
    updated = max(known.updated, snapshot.updated)
    found[snapshot.transaction_token] = replace(
        known, events=(*known.events, *more), updated=updated
    )


def _billing_address(card: Json) -> BillingAddress | None:
    """The cardholder's, which the card object carries whole."""
    parts = {
        name: value
        for name in ("line1", "city", "state", "postal_code", "country")
        if isinstance(value := find(card, f"cardholder.billing.address.{name}"), str) and value
    }
    try:
        return BillingAddress.parse(parts)
    except ValueError:
        return None  # an address with a hole in it does not help a checkout
