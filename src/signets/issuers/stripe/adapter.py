"""``StripeIssuer``: the port :class:`signets.app.ports.Issuer` over ``stripe.StripeClient``."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlsplit

import stripe

from signets.app.ports import (
    Answer,
    BillingAddress,
    BodyUnreadable,
    CardCredentials,
    Claim,
    Finding,
    IssuerCard,
    IssuerCardState,
    IssuerDispute,
    IssuerEvent,
    IssuerRefused,
    IssuerSecrets,
    IssuerUnavailable,
    SignatureInvalid,
)
from signets.core.authorization.request import AuthorizationRequest
from signets.core.settlement.model import Snapshot
from signets.issuers.fields import Json, find
from signets.issuers.stripe.answers import API_VERSION, APPROVED, DECLINED
from signets.issuers.stripe.bodies import card_state
from signets.issuers.stripe.disputes import Disputes, missing_evidence
from signets.issuers.stripe.events import EVENT_TYPES, read_approval_request, read_event
from signets.issuers.stripe.options import MARK, StripeOptions
from signets.issuers.stripe.plan import find_cardholder, plan_enrolment
from signets.issuers.stripe.reading import read_authorization, read_transaction
from signets.issuers.stripe.set_up import WORDS, look_at_set_up
from signets.issuers.stripe.transport import Transport, is_loopback, plain, translated

PRODUCTION_URL = "https://api.stripe.com"

_LOCAL_KEY_PREFIX = "sandbox_"
#: Secret and restricted keys, of an account or an organization.
_KEY = re.compile(r"(sk|rk)(_org)?_(?P<mode>live|test)_")
_TO_STRIPE: dict[IssuerCardState, Literal["active", "inactive", "canceled"]] = {
    IssuerCardState.OPEN: "active",
    IssuerCardState.PAUSED: "inactive",
    IssuerCardState.CLOSED: "canceled",
}
_TOLERANCE = stripe.Webhook.DEFAULT_TOLERANCE
_PAGE = 100


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
        address = urlsplit(base_url)
        host = address.hostname or ""
        is_local_key = api_key.startswith(_LOCAL_KEY_PREFIX)
        if address.scheme != "https" and not is_local_key:
            raise ValueError("an issuer's key is sent over https only")
        if is_local_key and (host == "stripe.com" or host.endswith(".stripe.com")):
            raise ValueError("this key belongs to a local sandbox, and the address to Stripe")
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
        self, *, idempotency_key: str, memo: str, lifetime_backstop: int | None
    ) -> IssuerCard:
        """A virtual card, inactive. See the port.

        Stripe remembers an idempotency key for at least 24 hours.

        Raises:
            IssuerRefused: Also where there is no cardholder, and too little to make one.
        """
        if lifetime_backstop is not None and lifetime_backstop < 1:
            raise ValueError("a backstop must be at least one minor unit")
        cardholder = await self._cardholder()
        params: stripe.params.issuing.CardCreateParams = {
            "cardholder": cardholder,
            "currency": self._options.currency,
            "type": "virtual",
            "status": "inactive",
            "metadata": {MARK: memo},
        }
        if lifetime_backstop is not None:
            params["spending_controls"] = {
                "spending_limits": [{"amount": lifetime_backstop, "interval": "all_time"}]
            }
        with translated():
            card = await self._client.v1.issuing.cards.create_async(
                params, {"idempotency_key": idempotency_key}
            )
        return _card(card)

    async def _cardholder(self) -> str:
        """The id of the connection's one cardholder: configured, found by our mark, or made."""
        if self._options.cardholder:
            return self._options.cardholder
        with translated():
            known = await find_cardholder(self._client, self._options)
            if known is not None:
                return known
            details = self._options.new_cardholder()
            if details is None:
                raise IssuerRefused(
                    "Stripe gives cards to cardholders only: name one in `cardholder`, or give"
                    " `name` and `line1`, `city`, `postal_code`, `country` of its address"
                )
            made = await self._client.v1.issuing.cardholders.create_async(
                {**details, "metadata": {MARK: self._options.mark}},
                {"idempotency_key": self._options.cardholder_key()},
            )
        return made.id

    async def get_card(self, token: str) -> IssuerCard:
        """The card as Stripe knows it."""
        with translated():
            return _card(await self._client.v1.issuing.cards.retrieve_async(token))

    async def set_card_state(self, token: str, state: IssuerCardState) -> IssuerCard:
        """Activate, deactivate or cancel (final). Sent once: a late repeat could undo a newer."""
        with translated():
            card = await self._client.v1.issuing.cards.update_async(
                token, {"status": _TO_STRIPE[state]}, {"max_network_retries": 0}
            )
        return _card(card)

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
                    return read_transaction(plain(movement))
                return read_authorization(plain(await issuing.authorizations.retrieve_async(token)))
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
                {"created": {"gte": during["gte"], "lt": during["lt"]}, "limit": _PAGE}
            )
            async for authorization in authorizations.auto_paging_iter():
                _merge(found, read_authorization(plain(authorization)))
            movements = await issuing.transactions.list_async(
                {"created": {"gte": during["gte"], "lt": during["lt"]}, "limit": _PAGE}
            )
            async for movement in movements.auto_paging_iter():
                _merge(found, read_transaction(plain(movement)))
        return list(found.values())

    async def enroll(self, *, authorize_url: str, events_url: str) -> IssuerSecrets:
        """Subscribe ``events_url``; idempotent.

        The real-time endpoint is not in Stripe's API: a person enters ``authorize_url`` at
        dashboard.stripe.com/settings/issuing, sets the timeout there to *decline*, and gives us
        the signing secret it shows (option ``authorization_secret``). Until then no request
        verifies, and Stripe approves by itself whatever an active card is charged.

        Stripe shows an events endpoint's secret once, when it is made. Where we have none (option
        ``events_secret``), an endpoint of that address is made anew and the old one deleted after
        it; what the old one had still to deliver is found by the pull.
        """
        endpoints = self._client.v1.webhook_endpoints
        with translated():
            listed = await endpoints.list_async({"limit": _PAGE})
            same = [one async for one in listed.auto_paging_iter() if one.url == events_url]
            if same and self._options.events_secrets:
                await endpoints.update_async(
                    same[0].id, {"enabled_events": list(EVENT_TYPES), "disabled": False}
                )
                return IssuerSecrets(
                    self._options.authorization_secrets, self._options.events_secrets
                )
            made = await endpoints.create_async(
                {
                    "url": events_url,
                    "enabled_events": list(EVENT_TYPES),
                    "api_version": API_VERSION,
                    "description": "Signets",
                }
            )
            if not made.secret:
                raise IssuerUnavailable("the issuer gave no signing secret")
            for old in same:
                await endpoints.delete_async(old.id)
        return IssuerSecrets(
            self._options.authorization_secrets, (made.secret, *self._options.events_secrets)
        )

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
                event_types=EVENT_TYPES,
                authorize_url=authorize_url,
                events_url=events_url,
                options=self._options,
            )

    def read_authorization(
        self, body: bytes, headers: Mapping[str, str], secrets: IssuerSecrets
    ) -> AuthorizationRequest:
        """A signed ``issuing_authorization.request``."""
        event = self._verified(body, headers, secrets.authorization)
        return read_approval_request(event, live=self._live)

    def read_event(
        self, body: bytes, headers: Mapping[str, str], secrets: IssuerSecrets
    ) -> IssuerEvent:
        """A signed webhook; kinds that we do not act on come back as :class:`OtherEvent`."""
        return read_event(self._verified(body, headers, secrets.events), live=self._live)

    def parse_event(self, event_id: str, body: bytes) -> IssuerEvent:
        """A webhook that was verified before it was stored. It carries its own id."""
        return read_event(_json(body), live=self._live)

    def _verified(self, body: bytes, headers: Mapping[str, str], live: tuple[str, ...]) -> Json:
        header = next((v for k, v in headers.items() if k.lower() == "stripe-signature"), None)
        for secret in live:
            try:
                stripe.WebhookSignature.verify_header(body, header, secret, _TOLERANCE)
            except (stripe.SignatureVerificationError, ValueError):
                continue  # a missing or malformed header, an old timestamp, another secret
            return _json(body)
        raise SignatureInvalid("no live secret made this signature, or it is too old")

    def answer_approved(self, request: AuthorizationRequest) -> Answer:
        """Approved in full."""
        return APPROVED

    def answer_declined(self, reason: str, request_id: str | None) -> Answer:
        """Declined: Stripe takes no reason."""
        return DECLINED


def is_live(api_key: str) -> bool:
    """Whether a key moves real money (``sk_live_…``, ``rk_live_…``, ``sk_org_live_…``).

    Raises:
        ValueError: The key does not say, so nobody knows whose money it moves.
    """
    if api_key.startswith(_LOCAL_KEY_PREFIX):
        return False
    said = _KEY.match(api_key)
    if said is None:
        raise ValueError(
            "a Stripe key begins with `sk_test_`, `rk_test_`, `sk_live_` or `rk_live_`, and this "
            "one does not: test and live cannot be told apart"
        )
    return said["mode"] == "live"


def _json(body: bytes) -> Json:
    try:
        content = json.loads(body)
    except ValueError as error:
        raise BodyUnreadable("body", "the body is not JSON") from error
    if not isinstance(content, dict):
        raise BodyUnreadable("body", "the body is not a JSON object")
    return content


def _merge(found: dict[str, Snapshot], snapshot: Snapshot) -> None:
    """Add what a snapshot tells to what is known of its transaction."""
    known = found.setdefault(snapshot.transaction_token, snapshot)
    seen = {event.token for event in known.events}
    more = tuple(event for event in snapshot.events if event.token not in seen)
    updated = max(known.updated, snapshot.updated)
    found[snapshot.transaction_token] = replace(
        known, events=(*known.events, *more), updated=updated
    )


def _card(card: stripe.issuing.Card) -> IssuerCard:
    return IssuerCard(
        token=card.id,
        last_four=card.last4,
        exp_month=card.exp_month,
        exp_year=card.exp_year,
        state=card_state(card.status),
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
