"""The Stripe adapter: what it sends through the official SDK, and what it makes of what comes."""

from __future__ import annotations

import inspect
import json
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe
from stripe.params.issuing import _card_update_params
from tests.contract.stripe_kit import (
    AUTH,
    CARD,
    T0,
    Recorder,
    asked,
    authorization,
    card,
    cardholder,
    event,
    listed,
    moved,
    recorder,
    request,
)

from signets.app.ports import (
    BodyUnreadable,
    ControlsChange,
    IssuerCardState,
    IssuerRefused,
    IssuerSecrets,
    IssuerUnavailable,
    OtherEvent,
    SignatureInvalid,
    TransactionUpdated,
)
from signets.core.issuer_controls import CardControls
from signets.core.reasons import Reason
from signets.issuers.profile import ConnectionSettings
from signets.issuers.registry import ADAPTERS
from signets.issuers.stripe.adapter import PRODUCTION_URL, StripeIssuer
from signets.issuers.stripe.controls import NAMES
from signets.issuers.stripe.options import StripeOptions

KEY = "sandbox_stripe_0123456789abcdef"
SECRETS = IssuerSecrets(("whsec_old", "whsec_new"), ("whsec_events",))
HOLDER = {
    "name": "Acme",
    "email": "ops@example.com",
    "line1": "1 Main St",
    "city": "Dublin",
    "postal_code": "D01",
    "country": "IE",
}
CREATE = "POST /v1/issuing/cards"
Make = Callable[..., StripeIssuer]


@pytest.fixture
def wire() -> Iterator[Recorder]:
    """Where the SDK's requests arrive."""
    with recorder() as recording:
        yield recording


@pytest.fixture
async def make(wire: Recorder) -> AsyncIterator[Make]:
    """Makes adapters that talk to the recorder."""
    made: list[StripeIssuer] = []

    def adapter(url: str = "", **options: str) -> StripeIssuer:
        parsed = StripeOptions.parse({"cardholder": "ich_1", **options})
        made.append(StripeIssuer(api_key=KEY, base_url=url or wire.url, options=parsed))
        return made[-1]

    yield adapter
    for one in made:
        await one.aclose()


def signed(
    content: object, secret: str = "whsec_new", at: int | None = None
) -> tuple[bytes, dict[str, str]]:
    """A body and the header that Stripe's own code makes for it."""
    body = content if isinstance(content, str) else json.dumps(content)
    header = stripe.WebhookSignature.generate_signature_header(body, secret, at)
    return body.encode(), {"Stripe-Signature": header}


def asking(**more: Any) -> dict[str, Any]:
    return event("issuing_authorization.request", request(1200), **more)


async def test_a_card_is_made_inactive_under_its_key(wire: Recorder, make: Make) -> None:
    """Virtual, inactive, in the connection's currency, our id in its metadata, one key."""
    wire.answer(CREATE, card())
    key = str(uuid.uuid4())
    made = await make(currency="EUR").create_card(
        idempotency_key=key, memo="card_1", tags={"agent": "agt_1"}
    )
    assert (made.token, made.last_four, made.state) == (CARD, "4242", IssuerCardState.PAUSED)
    [sent] = wire.sent
    assert sent.fields == {
        "cardholder": "ich_1",
        "currency": "eur",
        "type": "virtual",
        "status": "inactive",
        "metadata[agent]": "agt_1",
        "metadata[signets]": "card_1",
    }
    assert sent.headers["idempotency-key"] == key
    assert sent.headers["stripe-version"] == "2026-10-28.endive"


async def test_a_lost_answer_is_asked_for_again_under_the_same_key(
    wire: Recorder, make: Make
) -> None:
    """A 500 is repeated with the same key, so that there is one card."""
    wire.answer(CREATE, {"error": {"message": "oops"}}, 500)
    wire.answer(CREATE, card())
    key = str(uuid.uuid4())
    await make().create_card(idempotency_key=key, memo="card_1")
    assert [sent.headers["idempotency-key"] for sent in wire.sent] == [key, key]


async def test_the_one_cardholder_is_found_by_our_mark_or_made(wire: Recorder, make: Make) -> None:
    """Made once, with a key that depends on its details alone; found the next time."""
    people = "/v1/issuing/cardholders"
    wire.answer(CREATE, card())
    wire.answer(f"GET {people}", listed(cardholder(id="ich_else")))
    wire.answer(f"POST {people}", cardholder(id="ich_new"))
    for _ in range(2):
        issuer = make(**{**HOLDER, "cardholder": ""})
        await issuer.create_card(idempotency_key=str(uuid.uuid4()), memo="card_1")
    first, second = (s for s in wire.sent if (s.method, s.path) == ("POST", people))
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.fields == {
        "name": "Acme",
        "type": "company",
        "email": "ops@example.com",
        "billing[address][line1]": "1 Main St",
        "billing[address][city]": "Dublin",
        "billing[address][postal_code]": "D01",
        "billing[address][country]": "IE",
        "metadata[signets]": "organization",
    }
    assert wire.sent[-1].fields["cardholder"] == "ich_new"
    mine = cardholder(id="ich_mine", metadata={"signets": "organization"})
    wire.answers[f"GET {people}"] = [(200, listed(cardholder(id="ich_else"), mine))]
    await make(cardholder="").create_card(idempotency_key=str(uuid.uuid4()), memo="card_1")
    assert wire.sent[-1].fields["cardholder"] == "ich_mine"


async def test_without_a_cardholder_the_refusal_says_what_is_needed(
    wire: Recorder, make: Make
) -> None:
    """Nothing is made from half an address."""
    wire.answer("GET /v1/issuing/cardholders", listed())
    with pytest.raises(IssuerRefused, match="postal_code"):
        await make(cardholder="", name="Acme").create_card(idempotency_key="k", memo="card_1")
    assert {sent.method for sent in wire.sent} == {"GET"}


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (IssuerCardState.OPEN, "active"),
        (IssuerCardState.PAUSED, "inactive"),
        (IssuerCardState.CLOSED, "canceled"),
    ],
)
async def test_states_are_sent_once(
    wire: Recorder, make: Make, state: IssuerCardState, word: str
) -> None:
    """Each state in Stripe's word and back; a failed change is not repeated by the SDK."""
    path = f"POST /v1/issuing/cards/{CARD}"
    wire.answer(path, card(status=word))
    assert (await make().set_card_state(CARD, state)).state is state
    assert wire.sent[-1].fields == {"status": word}
    wire.answers[path] = [(500, {"error": {"message": "oops"}})]
    with pytest.raises(IssuerUnavailable, match="500"):
        await make().set_card_state(CARD, state)
    assert len(wire.sent) == 2


async def test_spending_controls_are_sent_whole_with_the_state(wire: Recorder, make: Make) -> None:
    """One limit over all time, categories by the names that mean one code; an empty text unsets."""
    path = f"POST /v1/issuing/cards/{CARD}"
    wire.answer(path, card(status="active"))
    asked = CardControls(backstop=5000, blocked_categories=("4511", "6010", "7995"))
    issuer = make()
    told = issuer.enforceable(asked)
    assert told.blocked_categories == ("6010", "7995")  # airlines have a range of codes
    opened = IssuerCardState.OPEN
    await issuer.set_card_state(CARD, opened, ControlsChange(before=CardControls(), after=told))
    limit = {
        "status": "active",
        "spending_controls[spending_limits][0][amount]": "5000",
        "spending_controls[spending_limits][0][interval]": "all_time",
    }
    assert wire.sent[-1].fields == {
        **limit,
        "spending_controls[blocked_categories][0]": "manual_cash_disburse",
        "spending_controls[blocked_categories][1]": "betting_casino_gambling",
    }
    none = CardControls(backstop=5000)
    await issuer.set_card_state(CARD, opened, ControlsChange(before=told, after=none))
    assert wire.sent[-1].fields == {**limit, "spending_controls[blocked_categories]": ""}
    await issuer.set_card_state(CARD, opened, ControlsChange(before=none, after=none))
    assert wire.sent[-1].fields == limit
    zero = ControlsChange(before=none, after=CardControls(backstop=0))
    with pytest.raises(ValueError, match="backstop"):
        await issuer.set_card_state(CARD, opened, zero)


def test_every_name_of_a_category_is_one_that_stripe_knows() -> None:
    """By the official SDK's own list."""
    known = inspect.getsource(_card_update_params)
    assert not [name for name in NAMES.values() if f'"{name}"' not in known]


@pytest.mark.parametrize(
    ("limits", "backstop"),
    [
        ([{"amount": 5000, "interval": "all_time", "categories": None}], 5000),
        ([{"amount": 5000, "interval": "daily", "categories": None}], None),
        ([{"amount": 5000, "interval": "all_time", "categories": ["bakeries"]}], None),
        ([{"amount": 5000, "interval": "all_time"}, {"amount": 1, "interval": "daily"}], None),
        ([], None),
    ],
)
async def test_only_our_own_kind_of_limit_is_a_backstop(
    wire: Recorder, make: Make, limits: list[Any], backstop: int | None
) -> None:
    """One, over all time, of all categories; categories that we never set are not looked at."""
    blocked = ["bakeries", "betting_casino_gambling", "manual_cash_disburse"]
    controls = {"spending_limits": limits, "blocked_categories": blocked}
    wire.answer(f"GET /v1/issuing/cards/{CARD}", card(spending_controls=controls))
    assert (await make().get_card(CARD)).controls == CardControls(
        backstop=backstop, blocked_categories=("6010", "7995")
    )


async def test_reveal_expands_and_shows_no_number_in_repr(wire: Recorder, make: Make) -> None:
    """Number and CVC are asked for by name; an account that may not see them is told so."""
    path = f"GET /v1/issuing/cards/{CARD}"
    wire.answer(path, card(number="4000009990000005", cvc="123"))
    wire.answer(path, card())
    shown = await make().reveal(CARD)
    assert (shown.number, shown.cvc) == ("4000009990000005", "123")
    assert (shown.exp_month, shown.exp_year) == (11, 2029)
    assert "4000" not in repr(shown)
    assert wire.sent[0].fields == {"expand[0]": "number", "expand[1]": "cvc"}
    with pytest.raises(IssuerRefused, match="card numbers"):
        await make().reveal(CARD)
    assert (await make().get_card(CARD)).state is IssuerCardState.PAUSED


async def test_transactions_are_pulled_and_merged(wire: Recorder, make: Make) -> None:
    """One snapshot per transaction: an authorization with its captures, and what stands alone."""
    taken, forced = moved(-700, 50), moved(-5, 60, "ipi_9", None)
    late = moved(-3, 70, "ipi_8", "iauth_older")
    whole = authorization(asked(1000), amount=1000, status="closed", transactions=(taken,))
    wire.answer("GET /v1/issuing/authorizations", listed(whole))
    wire.answer("GET /v1/issuing/transactions", listed(taken, forced, late))
    wire.answer(f"GET /v1/issuing/authorizations/{AUTH}", whole)
    wire.answer("GET /v1/issuing/transactions/ipi_9", forced)
    begin = datetime.fromtimestamp(T0, UTC) + timedelta(milliseconds=500)
    found = await make().list_transactions(begin=begin, end=begin + timedelta(minutes=5))
    assert {one.transaction_token: [e.token for e in one.events] for one in found} == {
        AUTH: [f"{AUTH}#1", "ipi_1", f"{AUTH}#closed"],
        "ipi_9": ["ipi_9"],
        "iauth_older": ["ipi_8"],
    }
    bounds = {"created[gte]": str(T0), "created[lt]": str(T0 + 301), "limit": "100"}
    assert [sent.fields for sent in wire.sent] == [bounds, bounds]
    by_token = {one.transaction_token: one for one in found}
    assert await make().get_transaction(AUTH) == by_token[AUTH]
    assert await make().get_transaction("ipi_9") == by_token["ipi_9"]
    assert await make().get_transaction("iauth_unknown") is None


async def test_enrolment_subscribes_once_its_secret_is_known(wire: Recorder, make: Make) -> None:
    """The first time an endpoint is made; with its secret configured it is only kept in order."""
    url, hooks = "https://signets.example/events", "/v1/webhook_endpoints"
    other = {"id": "we_2", "object": "webhook_endpoint", "url": "https://else.example"}
    made = {"id": "we_1", "object": "webhook_endpoint", "url": url, "secret": "whsec_made"}
    wire.answer(f"GET {hooks}", listed(other))
    wire.answer(f"GET {hooks}", listed(other, made))
    wire.answer(f"POST {hooks}", made)
    wire.answer(f"POST {hooks}/we_1", made)
    wire.answer(f"DELETE {hooks}/we_1", {"id": "we_1", "deleted": True})
    real_time = {"authorization_secret": "whsec_a whsec_b"}
    secrets = await make(**real_time).enroll(authorize_url="https://x.example", events_url=url)
    assert (secrets.authorization, secrets.events) == (("whsec_a", "whsec_b"), ("whsec_made",))
    assert wire.sent[-1].fields["url"] == url
    assert {v for k, v in wire.sent[-1].fields.items() if k.startswith("enabled_events")} == {
        *("issuing_authorization.created", "issuing_authorization.updated"),
        *("issuing_transaction.created", "issuing_transaction.updated"),
        *("issuing_dispute.created", "issuing_dispute.updated", "issuing_dispute.submitted"),
        *("issuing_dispute.funds_reinstated", "issuing_dispute.funds_rescinded"),
        *("issuing_dispute.closed", "issuing_card.updated", "issuing_cardholder.updated"),
    }
    known = {**real_time, "events_secret": "whsec_made"}
    again = await make(**known).enroll(authorize_url="https://x.example", events_url=url)
    assert (again.authorization, again.events) == (secrets.authorization, secrets.events)
    assert (wire.sent[-1].path, wire.sent[-1].fields["disabled"]) == (f"{hooks}/we_1", "false")
    await make().enroll(authorize_url="https://x.example", events_url=url)
    assert [f"{s.method} {s.path}" for s in wire.sent[-2:]] == [
        f"POST {hooks}",
        f"DELETE {hooks}/we_1",
    ]


def test_any_live_secret_verifies_and_nothing_else_does(make: Make) -> None:
    """Old and new secret; not another one, not a changed body, an old time or no header."""
    issuer = make()
    for secret in SECRETS.authorization:
        body, headers = signed(asking(), secret)
        assert issuer.read_authorization(body, headers, SECRETS).request_id == AUTH
        lower = {name.lower(): value for name, value in headers.items()}
        assert issuer.read_authorization(body, lower, SECRETS).amount == 1200
    body, headers = signed(asking())
    for wrong_body, wrong_headers in (
        signed(asking(), "whsec_events"),
        signed(asking(), at=int(time.time()) - 301),
        (body + b" ", headers),
        (body, {}),
        (body, {"Stripe-Signature": "nonsense"}),
        (b"\xff\xfe", headers),
    ):
        with pytest.raises(SignatureInvalid):
            issuer.read_authorization(wrong_body, wrong_headers, SECRETS)
    with pytest.raises(SignatureInvalid):
        issuer.read_authorization(body, headers, IssuerSecrets((), ()))


def test_events_become_snapshots_or_are_kept_by_name(make: Make) -> None:
    """Dispatch is on the plain type; a stored body reads the same as the one that came."""
    issuer = make()
    for kind, content in (
        ("issuing_authorization.created", authorization(asked(5), amount=5)),
        ("issuing_authorization.updated", authorization(asked(5), amount=5)),
        ("issuing_transaction.created", moved(-5, 1)),
        ("issuing_transaction.updated", moved(-5, 1)),
    ):
        body, headers = signed(event(kind, content), "whsec_events")
        read = issuer.read_event(body, headers, SECRETS)
        assert isinstance(read, TransactionUpdated)
        assert (read.event_id, read.snapshot.transaction_token) == ("evt_1", AUTH)
        assert issuer.parse_event("evt_1", body) == read
    for kind in ("issuing_authorization.request", "issuing_card.created", "a.new_kind"):
        body, headers = signed(event(kind, {"object": "whatever"}), "whsec_events")
        assert issuer.read_event(body, headers, SECRETS) == OtherEvent(
            event_id="evt_1", event_type=kind
        )


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ("{", "body"),
        ([1], "body"),
        ({"id": "evt_1"}, "type"),
        ({"type": "issuing_transaction.created"}, "id"),
        (event("issuing_transaction.created", {}) | {"data": None}, "data.object"),
        (event("issuing_transaction.created", moved(-5, 1) | {"card": 7}), "data.object.card.id"),
        (event("issuing_transaction.created", moved(-5, 1), livemode=True), "livemode"),
    ],
)
def test_signed_nonsense_is_named(make: Make, content: object, field: str) -> None:
    """The error says which field of the event could not be read."""
    with pytest.raises(BodyUnreadable) as unreadable:
        make().read_event(*signed(content, "whsec_events"), SECRETS)
    assert unreadable.value.field == field


def test_requests_of_another_kind_or_mode_are_unreadable(make: Make) -> None:
    """Only a request is decided, and only one of the connection's own mode."""
    for content, field in (
        (event("issuing_authorization.created", request(5)), "type"),
        (asking(livemode=True), "livemode"),
    ):
        with pytest.raises(BodyUnreadable) as unreadable:
            make().read_authorization(*signed(content), SECRETS)
        assert unreadable.value.field == field


def test_answers_are_yes_or_no_and_name_a_version(make: Make) -> None:
    """Every code of ours is a plain no; a yes is in full; both carry the required header."""
    issuer = make()
    body, headers = signed(asking())
    yes = issuer.answer_approved(issuer.read_authorization(body, headers, SECRETS))
    assert json.loads(yes.body) == {"approved": True}
    for reason in (*Reason, "unreadable", "unavailable", "a_code_of_tomorrow"):
        for request_id in (AUTH, None):
            no = issuer.answer_declined(reason, request_id)
            assert (no.status, json.loads(no.body)) == (200, {"approved": False})
            assert dict(no.headers)["stripe-version"]
    assert (yes.status, dict(yes.headers)) == (200, dict(no.headers))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d(\.\w+)?", dict(yes.headers)["stripe-version"])


async def test_errors_are_the_ports_and_tell_no_secret(wire: Recorder, make: Make) -> None:
    """4xx refuses, 429 and silence are for later; no text or repr holds a key or a secret."""
    path = f"GET /v1/issuing/cards/{CARD}"
    wire.answer(path, {"error": {"message": "Your card is odd"}}, 400)
    wire.answer(path, {"error": {"message": "Invalid API Key"}}, 401)
    wire.answer(path, {"error": {"message": "slow down"}}, 429)
    hidden = make(authorization_secret="whsec_hidden")
    for wanted in (IssuerRefused, IssuerRefused, IssuerUnavailable):
        with pytest.raises(wanted) as raised:
            await hidden.get_card(CARD)
        assert KEY not in str(raised.value)
    with pytest.raises(IssuerUnavailable):
        await make("http://127.0.0.1:9").set_card_state(CARD, IssuerCardState.OPEN)
    settings = ConnectionSettings(
        api_key=KEY,
        base_url=wire.url,
        mode="sandbox",
        options={"authorization_secret": "whsec_hidden"},
    )
    options = StripeOptions.parse(settings.options)
    for shown in (hidden, settings, options):
        assert "whsec_hidden" not in repr(shown)
        assert KEY not in repr(shown)


@pytest.mark.parametrize(
    ("key", "url", "mode"),
    [
        ("sk_test_1", "http://127.0.0.1:1234", "test"),
        ("sandbox_key", PRODUCTION_URL, "sandbox"),
        ("sk_live_1", PRODUCTION_URL, "test"),
        ("rk_test_1", PRODUCTION_URL, "live"),
    ],
)
def test_key_address_and_mode_must_belong_together(key: str, url: str, mode: str) -> None:
    """A real key never travels over plain HTTP, a local one never to Stripe; modes never mix."""
    with pytest.raises(ValueError, match=r"https|local sandbox|mix"):
        ADAPTERS["stripe"](ConnectionSettings(api_key=key, base_url=url, mode=mode))


async def test_the_registry_makes_every_adapter() -> None:
    """Each name gives an adapter that closes; a mistyped option is named."""
    for name in ADAPTERS:
        settings = ConnectionSettings(
            api_key="sandbox_key", base_url="http://127.0.0.1:9", mode="sandbox"
        )
        await ADAPTERS[name](settings).aclose()
    with pytest.raises(ValueError, match="card_holder"):
        StripeOptions.parse({"card_holder": "ich_1"})
