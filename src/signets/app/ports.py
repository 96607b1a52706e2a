"""What the use cases need from the outside, as small protocols owned by their consumer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from signets.core.authorization.request import AuthorizationRequest
from signets.core.issuer_controls import CardControls
from signets.core.settlement.model import Snapshot


class IssuerCardState(StrEnum):
    """A card's state at the issuer."""

    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerCard:
    """A card as the issuer knows it. Never holds a PAN. Some bodies leave the expiry out.

    ``controls``: what it is held to there, as far as we could have said it; a limit of any other
    kind is no backstop. ``None``: the body does not tell.
    """

    token: str
    last_four: str
    exp_month: int | None
    exp_year: int | None
    state: IssuerCardState
    controls: CardControls | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlsChange:
    """What an issuer holds a card to until now, as it was last told, and from now on."""

    before: CardControls
    after: CardControls


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingAddress:
    """Where the card is billed: what a checkout asks for and the issuer checks (AVS).

    ``country`` is ISO 3166-1 alpha-2.
    """

    line1: str
    city: str
    postal_code: str
    country: str
    state: str | None = None

    @classmethod
    def parse(cls, options: Mapping[str, str]) -> BillingAddress | None:
        """From a connection's options of the same names; ``None`` where none is given.

        Raises:
            ValueError: Naming the part that is missing.
        """
        given = {name: options[name] for name in cls.__slots__ if options.get(name)}
        if not given:
            return None
        missing = [
            name for name in ("line1", "city", "postal_code", "country") if name not in given
        ]
        if missing:
            raise ValueError(f"the billing address lacks `{missing[0]}`")
        return cls(**given)


@dataclass(frozen=True, slots=True)
class CardCredentials:
    """What a checkout needs. Passed through once, never stored, never printed by ``repr``.

    ``billing_address`` is ``None`` where neither the issuer nor the connection's options tell it.
    """

    number: str
    cvc: str
    exp_month: int
    exp_year: int
    billing_address: BillingAddress | None = None

    def __repr__(self) -> str:
        return "CardCredentials(…)"


@dataclass(frozen=True, slots=True)
class IssuerSecrets:
    """Signing secrets; several may be live while one is rotated. ``repr`` shows none."""

    authorization: tuple[str, ...]
    events: tuple[str, ...]

    def __repr__(self) -> str:
        return "IssuerSecrets(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer in the issuer's own words."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)


class SignatureInvalid(Exception):
    """The body does not carry a signature made with a live secret (or is too old)."""


class BodyUnreadable(Exception):
    """Signed, but not readable as what it claims to be. ``field`` names what is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class IssuerUnavailable(Exception):
    """The issuer did not answer, or answered with a server error: try again later."""


class IssuerRefused(Exception):
    """The issuer said no (4xx): trying again does not help."""


class WithdrawalUnsupported(Exception):
    """The issuer takes no withdrawal of a submitted claim by API; the text says what to do."""


class IssuerEvent:
    """Marker base for what a webhook can carry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionUpdated(IssuerEvent):
    """A transaction changed; the snapshot is whole."""

    event_id: str  # dedupe key (Lithic: webhook-id)
    snapshot: Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherEvent(IssuerEvent):
    """An event of a kind we do not act on: stored and counted, never dropped."""

    event_id: str
    event_type: str


class DisputeReason(StrEnum):
    """Why a member claims money back; adapters have each in their issuer's words."""

    NOT_RECEIVED = "not_received"
    NOT_AS_DESCRIBED = "not_as_described"
    DUPLICATE = "duplicate"
    CANCELED = "canceled"
    FRAUDULENT = "fraudulent"
    INCORRECT_AMOUNT = "incorrect_amount"
    REFUND_MISSING = "refund_missing"
    NO_AUTHORIZATION = "no_authorization"
    OTHER = "other"


class ProductType(StrEnum):
    """What was bought: something to hold, or anything else."""

    MERCHANDISE = "merchandise"
    SERVICE = "service"


class ReturnStatus(StrEnum):
    """What came of a return."""

    MERCHANT_REJECTED = "merchant_rejected"
    SUCCESSFUL = "successful"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeEvidence:
    """What a member can say besides reason and note; issuers ask for different parts of it."""

    product_type: ProductType | None = None
    product_description: str | None = None
    expected_at: datetime | None = None
    received_at: datetime | None = None
    canceled_at: datetime | None = None
    cancellation_reason: str | None = None
    cancellation_policy_provided: bool | None = None
    returned_at: datetime | None = None
    return_status: ReturnStatus | None = None
    return_description: str | None = None
    original_transaction: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is claimed back, for the issuer. Amounts in minor units of the billing currency.

    Attributes:
        dispute_id: Ours. A repeat with the same one finds the first claim.
        bought: What, as far as we know it: the merchant's descriptor.
        bought_at: When the purchase began.
    """

    dispute_id: str
    transaction_token: str
    amount: int
    currency: str
    reason: DisputeReason
    note: str
    evidence: DisputeEvidence
    bought: str
    bought_at: datetime


class DisputeOutcome(StrEnum):
    """What an issuer says of a claim."""

    DRAFT = "draft"  # kept there, and not submitted
    WAITING = "waiting"
    WON = "won"
    LOST = "lost"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionalStep:
    """A provisional credit, or (negative) its being taken back. ``token``: the issuer's own."""

    token: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerDispute:
    """A claim as the issuer has it. Amounts in minor units of the billing currency.

    Attributes:
        transaction_token: The issuer's own: of the transaction, or of one movement of it.
        dispute_id: Ours, where the issuer's claim carries it.
        amount: What is claimed; what came back, where it was won.
        steps: Its provisional credits so far; ``None`` where the body does not say.
    """

    token: str
    transaction_token: str
    outcome: DisputeOutcome
    amount: int
    updated: datetime
    dispute_id: str | None = None
    raw_status: str = ""
    steps: tuple[ProvisionalStep, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeUpdated(IssuerEvent):
    """A claim changed.

    Attributes:
        money_moved: Whether the issuer's money moved on it; where the body does not say how, the
            claim is read again.
    """

    event_id: str
    dispute: IssuerDispute
    money_moved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeCredited(IssuerEvent):
    """What the issuer credited on a claim before its outcome; all steps so far."""

    event_id: str
    transaction_token: str
    steps: tuple[ProvisionalStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardUpdated(IssuerEvent):
    """A card changed at the issuer; what it is now is read from there.

    ``controls_changed``: also, or only, what the issuer declines on it by itself.
    """

    event_id: str
    card_token: str
    state: IssuerCardState
    because: str = ""
    controls_changed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChanged(IssuerEvent):
    """Something that all cards of the connection hang on changed: its set-up is checked."""

    event_id: str


class Severity(StrEnum):
    """How bad what a set-up check found is."""

    CRITICAL = "critical"  # money could be spent without us, or we cannot answer: cards are paused
    WARNING = "warning"  # works now, and will not for long
    NOTICE = "notice"  # cannot be read from here, or worth knowing


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a set-up check has to say.

    Attributes:
        code: Stable and machine-readable, like ``endpoint_missing``.
        sentence: What is wrong and what comes of it, for a person.
        remedy: What to do.
    """

    code: str
    severity: Severity
    sentence: str
    remedy: str


class Issuer(Protocol):
    """One issuer connection: the management side (network) and the wire side (pure)."""

    async def create_card(
        self,
        *,
        idempotency_key: str,
        memo: str,
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> IssuerCard:
        """Create a virtual card, *paused*. ``idempotency_key`` is a UUID: repeats are safe.

        ``tags`` are for people who look at the card at the issuer (Stripe: metadata). What can
        change later is not said here: a repeat has to ask for the same.
        """
        ...

    async def get_card(self, token: str) -> IssuerCard: ...

    def enforceable(self, controls: CardControls) -> CardControls:
        """The part of ``controls`` that the issuer can hold a card to, to the letter. Pure."""
        ...

    async def set_card_state(
        self, token: str, state: IssuerCardState, controls: ControlsChange | None = None
    ) -> IssuerCard:
        """The state, and in the same request what the card is held to; ``None``: as it is."""
        ...

    async def reveal(self, token: str) -> CardCredentials: ...

    async def get_transaction(self, token: str) -> Snapshot | None:
        """``None`` where the issuer knows no such transaction."""
        ...

    async def list_transactions(self, *, begin: datetime, end: datetime) -> list[Snapshot]: ...

    async def enroll(self, *, authorize_url: str, events_url: str) -> IssuerSecrets:
        """Point the issuer's real-time requests and events at us; idempotent."""
        ...

    def read_authorization(
        self, body: bytes, headers: Mapping[str, str], secrets: IssuerSecrets
    ) -> AuthorizationRequest:
        """Raises SignatureInvalid, BodyUnreadable."""
        ...

    def read_event(
        self, body: bytes, headers: Mapping[str, str], secrets: IssuerSecrets
    ) -> IssuerEvent:
        """Raises SignatureInvalid, BodyUnreadable."""
        ...

    def parse_event(self, event_id: str, body: bytes) -> IssuerEvent:
        """Read a body that was verified before it was stored. Raises BodyUnreadable."""
        ...

    def answer_approved(self, request: AuthorizationRequest) -> Answer: ...

    def answer_declined(self, reason: str, request_id: str | None) -> Answer:
        """``reason`` is one of our decline codes (or ``unreadable``, ``unavailable``)."""
        ...


@runtime_checkable
class ChecksSetUp(Protocol):
    """An issuer whose set-up can be looked at from here."""

    async def check_set_up(
        self, *, authorize_url: str, events_url: str, secrets: IssuerSecrets
    ) -> list[Finding]:
        """What is wrong with how the issuer reaches us; empty where all is well.

        Changes nothing. That the issuer does not answer, or refuses the key, is a finding too.
        """
        ...


@runtime_checkable
class PlansEnrolment(Protocol):
    """An issuer that can say beforehand what enrolling would do there."""

    async def plan_enrolment(self, *, authorize_url: str, events_url: str) -> list[str]:
        """What ``enroll`` would make, change or leave, and what is left to a person; one a line.

        Changes nothing.

        Raises:
            IssuerUnavailable, IssuerRefused: It could not be looked at.
        """
        ...


@runtime_checkable
class RotatesSecrets(Protocol):
    """An issuer whose signing secret of authorization requests can be renewed by API."""

    async def rotate_secret(self) -> str:
        """The new secret. The issuer signs with both for a while."""
        ...


@runtime_checkable
class ReplaysEvents(Protocol):
    """An issuer that sends again what it could not deliver."""

    async def replay_missed(self, *, events_url: str, begin: datetime) -> None:
        """Ask for every event since ``begin`` that ``events_url`` has not taken."""
        ...


@runtime_checkable
class TakesDisputes(Protocol):
    """An issuer that takes claims by API."""

    def missing_evidence(self, claim: Claim) -> str | None:
        """The part of the evidence that the issuer asks for and that nobody but a person knows."""
        ...

    async def open_dispute(self, claim: Claim) -> IssuerDispute:
        """Open and submit a claim; a repeat with the same ``dispute_id`` finds the first one.

        Raises:
            IssuerRefused: Also where the claim is more than the issuer takes at once.
        """
        ...

    async def withdraw_dispute(self, token: str) -> IssuerDispute:
        """Take a claim back.

        Raises:
            WithdrawalUnsupported: The issuer takes none by API; what to do instead.
        """
        ...

    async def get_dispute(self, token: str) -> IssuerDispute: ...
