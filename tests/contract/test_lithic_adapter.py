"""The Lithic adapter against the running sandbox: management calls, wire, errors."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.contract.sandbox_kit import KEY, Network

from signets.app.ports import (
    BodyUnreadable,
    ControlsChange,
    Issuer,
    IssuerCardState,
    IssuerEvent,
    IssuerRefused,
    IssuerSecrets,
    IssuerUnavailable,
    OtherEvent,
    SignatureInvalid,
    TransactionUpdated,
)
from signets.core.issuer_controls import CardControls
from signets.core.reasons import Reason
from signets.core.settlement.model import DecidedBy, EventKind, EventResult, Snapshot
from signets.issuers.lithic.adapter import LithicIssuer
from signets.issuers.lithic.answers import DECLINE_RESULTS
from signets.issuers.sandbox.signing import signed_headers

SECRET = "whsec_c2VjcmV0IGZvciB0ZXN0cyBvbmx5LCBub3QgcmVhbA=="


@pytest.fixture
async def issuer(sandbox: Network) -> AsyncIterator[LithicIssuer]:
    """The adapter, pointed at the sandbox by its base URL alone."""
    adapter = LithicIssuer(api_key=KEY, base_url=sandbox.url)
    yield adapter
    await adapter.aclose()


async def secrets_of(sandbox: Network, issuer: Issuer) -> IssuerSecrets:
    return await issuer.enroll(
        authorize_url=sandbox.receiver.authorize_url, events_url=sandbox.receiver.events_url
    )


def snapshot(event: IssuerEvent) -> Snapshot:
    assert isinstance(event, TransactionUpdated)
    return event.snapshot


def signed(content: object, secret: str = SECRET) -> tuple[bytes, dict[str, str]]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return body, signed_headers("msg_1", body, [secret])


async def test_cards_are_born_paused_and_a_repeat_finds_the_same(
    sandbox: Network, issuer: Issuer
) -> None:
    """One key, one card; it is paused, and without a limit, which comes with its opening."""
    key = str(uuid.uuid4())
    given = {"memo": "infra", "tags": {"agent": "agt_1"}}
    card = await issuer.create_card(idempotency_key=key, **given)
    again = await issuer.create_card(idempotency_key=key, **given)
    assert (again, card.state) == (card, IssuerCardState.PAUSED)
    wire = await sandbox.lithic.cards.retrieve(card.token)
    assert wire.tags == {"agent": "agt_1"}
    assert (wire.spend_limit, wire.memo, card.controls) == (0, "infra", CardControls())


async def test_a_backstop_is_a_limit_over_the_cards_life(sandbox: Network, issuer: Issuer) -> None:
    """Sent with the state and read back; no categories, never 0; another duration is not ours."""
    card = await issuer.create_card(idempotency_key=str(uuid.uuid4()), memo="x")
    asked = CardControls(backstop=5000, blocked_categories=("7995",))
    change = ControlsChange(before=CardControls(), after=issuer.enforceable(asked))
    opened = await issuer.set_card_state(card.token, IssuerCardState.OPEN, change)
    wire = await sandbox.lithic.cards.retrieve(card.token)
    assert (wire.state, wire.spend_limit, wire.spend_limit_duration) == ("OPEN", 5000, "FOREVER")
    assert opened.controls == issuer.enforceable(asked) == CardControls(backstop=5000)
    assert (await issuer.set_card_state(card.token, IssuerCardState.PAUSED)).controls == (
        opened.controls
    )
    none = ControlsChange(before=CardControls(), after=CardControls(backstop=0))
    with pytest.raises(ValueError, match="backstop"):
        await issuer.set_card_state(card.token, IssuerCardState.OPEN, none)
    await sandbox.lithic.cards.update(card.token, spend_limit_duration="MONTHLY")
    assert (await issuer.get_card(card.token)).controls == CardControls()


async def test_create_survives_an_answer_lost_after_commit(
    sandbox: Network, issuer: Issuer
) -> None:
    """The issuer answers 500 after making the card: the caller still gets that one card."""
    await sandbox.faults(create_card_500_after_commit={"count": 1})
    card = await issuer.create_card(idempotency_key=str(uuid.uuid4()), memo="x")
    assert [c.token for c in (await sandbox.lithic.cards.list()).data] == [card.token]


async def test_states_reveal_and_closing_for_good(sandbox: Network, issuer: Issuer) -> None:
    """Open, pause, close; the number passes through and no repr shows it."""
    card = await issuer.create_card(idempotency_key=str(uuid.uuid4()), memo="x")
    opened = await issuer.set_card_state(card.token, IssuerCardState.OPEN)
    assert opened.state is IssuerCardState.OPEN
    revealed = await issuer.reveal(card.token)
    assert revealed.number == (await sandbox.lithic.cards.retrieve(card.token)).pan
    assert revealed.number not in repr(revealed)
    assert (await issuer.get_card(card.token)).last_four == revealed.number[-4:]
    await issuer.set_card_state(card.token, IssuerCardState.CLOSED)
    with pytest.raises(IssuerRefused, match="400"):
        await issuer.set_card_state(card.token, IssuerCardState.OPEN)


async def test_enrolment_is_idempotent(sandbox: Network, issuer: Issuer) -> None:
    """Twice enrolled is one subscription and the same secrets; a disabled one is revived."""
    first = await secrets_of(sandbox, issuer)
    [known] = (await sandbox.lithic.events.subscriptions.list()).data
    await sandbox.lithic.events.subscriptions.update(known.token, url=known.url, disabled=True)
    assert await secrets_of(sandbox, issuer) == first
    [revived] = (await sandbox.lithic.events.subscriptions.list()).data
    assert (revived.token, revived.disabled) == (known.token, False)
    assert "whsec_" not in repr(first)


async def test_authorization_in_our_words(sandbox: Network, issuer: LithicIssuer) -> None:
    """Amounts, merchant with a two-letter country, ids and flags are read off the signed body."""
    secrets = await secrets_of(sandbox, issuer)
    card = await sandbox.card()
    token = await sandbox.authorize(
        card, 2160, merchant_amount=2000, merchant_currency="EUR", partial_approval_capable=True
    )
    [asked] = sandbox.receiver.asked
    request = issuer.read_authorization(asked.body, asked.headers, secrets)
    assert (request.request_id, request.card_token) == (token, card.token)
    assert (request.amount, request.currency) == (2160, "USD")
    assert (request.merchant_amount, request.merchant_currency) == (2000, "EUR")
    assert request.merchant.descriptor == "OPENAI *CHATGPT SUBSCR"
    assert (request.merchant.country, request.merchant.mcc) == ("US", "5734")
    assert request.partial_approval
    assert not request.amount_is_additional


async def test_repeat_has_the_same_fingerprint_and_an_increment_another(
    sandbox: Network, issuer: LithicIssuer
) -> None:
    """The issuer's own retry is recognised; an increment is told apart and names the whole."""
    secrets = await secrets_of(sandbox, issuer)
    sandbox.receiver.answers = [(500, b"")]
    token = await sandbox.authorize(await sandbox.card(), 1000)
    await sandbox.post("increment", token=token, amount=250)
    first, retry, more = (
        issuer.read_authorization(asked.body, asked.headers, secrets)
        for asked in sandbox.receiver.asked
    )
    assert first == retry
    assert (more.request_id, more.amount) == (token, 1250)
    assert more.fingerprint != first.fingerprint


async def test_forged_replayed_late_and_unsigned_bodies_are_refused(
    sandbox: Network, issuer: LithicIssuer
) -> None:
    """A changed byte, another secret, no header, a broken header: all SignatureInvalid."""
    secrets = await secrets_of(sandbox, issuer)
    await sandbox.authorize(await sandbox.card(), 1000)
    [asked] = sandbox.receiver.asked
    changed = asked.body.replace(b"1000", b"1001")
    old = {**asked.headers, "webhook-timestamp": "1700000000"}
    broken = {**asked.headers, "webhook-signature": "v1"}
    for body, headers, live in (
        (changed, asked.headers, secrets),
        (asked.body + b"\xff", asked.headers, secrets),
        (asked.body, old, secrets),
        (asked.body, broken, secrets),
        (asked.body, {}, secrets),
        (asked.body, asked.headers, IssuerSecrets((SECRET,), secrets.events)),
        (asked.body, asked.headers, IssuerSecrets((), ())),
    ):
        with pytest.raises(SignatureInvalid):
            issuer.read_authorization(body, headers, live)


async def test_both_secrets_verify_during_a_rotation(
    sandbox: Network, issuer: LithicIssuer
) -> None:
    """A request signed before we learn the new secret is still read, and so after."""
    old = await secrets_of(sandbox, issuer)
    await sandbox.lithic.auth_stream_enrollment.rotate_secret()
    new = await secrets_of(sandbox, issuer)
    assert old.authorization != new.authorization
    await sandbox.authorize(await sandbox.card(), 1000)
    [asked] = sandbox.receiver.asked
    both = IssuerSecrets(new.authorization + old.authorization, new.events)
    for live in (old, new, both):
        assert issuer.read_authorization(asked.body, asked.headers, live).amount == 1000


async def test_events_in_our_words(sandbox: Network, issuer: LithicIssuer) -> None:
    """A webhook and an API read give the same snapshot; totals are positive for our money."""
    secrets = await secrets_of(sandbox, issuer)
    token = await sandbox.authorize(await sandbox.card(), 1000)
    await sandbox.lithic.transactions.simulate_clearing(token=token, amount=400)
    await sandbox.drain()
    received = sandbox.receiver.events[-1]
    event = issuer.read_event(received.body, received.headers, secrets)
    assert isinstance(event, TransactionUpdated)
    assert event.event_id == received.headers["webhook-id"]
    assert event.snapshot == await issuer.get_transaction(token)
    assert event.snapshot.totals is not None
    assert (event.snapshot.totals.held, event.snapshot.totals.settled) == (600, 400)
    assert [(e.kind, e.result, e.amount, e.decided_by) for e in event.snapshot.events] == [
        (EventKind.AUTHORIZATION, EventResult.APPROVED, 1000, DecidedBy.US),
        (EventKind.CLEARING, EventResult.APPROVED, 400, DecidedBy.NOBODY),
    ]


async def test_who_decided(sandbox: Network, issuer: LithicIssuer) -> None:
    """Our decline, the issuer's, a timeout and a stand-in are told apart."""
    await secrets_of(sandbox, issuer)
    card = await sandbox.card()

    async def deciders(**more: object) -> list[DecidedBy]:
        await sandbox.sim.post(
            "/v1/simulate/authorize",
            json={"pan": card.pan, "amount": 100, "descriptor": "OPENAI", **more},
        )
        [newest, *_] = (await sandbox.lithic.transactions.list(page_size=1)).data
        found = await issuer.get_transaction(newest.token)
        assert found is not None
        return [event.decided_by for event in found.events]

    sandbox.receiver.answers = [(200, b'{"result":"UNAUTHORIZED_MERCHANT"}')]
    assert await deciders() == [DecidedBy.US]
    await sandbox.faults(asa_drop={"count": 1})
    assert await deciders() == [DecidedBy.TIMEOUT]
    await sandbox.faults(stand_in={"count": 1})
    assert await deciders() == [DecidedBy.TIMEOUT, DecidedBy.STAND_IN]
    await sandbox.lithic.cards.update(card.token, spend_limit=50)
    assert await deciders() == [DecidedBy.ISSUER]
    await sandbox.lithic.cards.update(card.token, state="PAUSED")
    assert await deciders() == [DecidedBy.ISSUER]


async def test_transactions_are_listed_over_pages(sandbox: Network, issuer: Issuer) -> None:
    """Every transaction of a period comes back once, however many pages that takes."""
    card = await sandbox.card()
    before = datetime.now(UTC) - timedelta(minutes=1)
    made = {
        (await sandbox.post("force_post", card_token=card.token, amount=n, descriptor="X"))["token"]
        for n in range(1, 104)
    }
    found = await issuer.list_transactions(begin=before, end=before + timedelta(hours=1))
    assert {s.transaction_token for s in found} == made
    assert len(found) == len(made)
    assert await issuer.list_transactions(begin=before - timedelta(days=1), end=before) == []


async def test_unknown_transaction_and_unreachable_issuer(issuer: Issuer) -> None:
    """Unknown is None; a wrong key is refused; nobody listening is unavailable. No key leaks."""
    assert await issuer.get_transaction(str(uuid.uuid4())) is None
    away = LithicIssuer(api_key=KEY, base_url="http://127.0.0.1:9")
    with pytest.raises(IssuerUnavailable) as unavailable:
        await away.set_card_state("x", IssuerCardState.OPEN)
    assert KEY not in str(unavailable.value)
    assert KEY not in repr(away)
    await away.aclose()


async def test_wrong_key_is_refused(sandbox: Network) -> None:
    """A 401 is a refusal: trying again does not help."""
    wrong = LithicIssuer(api_key="sandbox_another_key_0123456789", base_url=sandbox.url)
    with pytest.raises(IssuerRefused, match="401"):
        await wrong.get_card("x")
    await wrong.aclose()


@pytest.mark.parametrize(
    ("key", "url"),
    [
        ("live_key", "http://127.0.0.1:1234"),
        ("sandbox_key", "https://api.lithic.com"),
        ("sandbox_key", "https://sandbox.lithic.com"),
    ],
)
def test_key_and_address_must_belong_together(key: str, url: str) -> None:
    """A real key never travels over plain HTTP, and a local one never to Lithic."""
    with pytest.raises(ValueError, match=r"https|local sandbox"):
        LithicIssuer(api_key=key, base_url=url)


@pytest.mark.parametrize("reason", [*DECLINE_RESULTS, "a_code_of_tomorrow"])
async def test_every_reason_declines_at_the_issuer(
    sandbox: Network, issuer: LithicIssuer, reason: str
) -> None:
    """Each decline answer is one of Lithic's own results, bound to the request, and declines."""
    secrets = await secrets_of(sandbox, issuer)
    token = await sandbox.authorize(await sandbox.card(), 100)
    answer = issuer.answer_declined(reason, token)
    known = {
        *("AVS_INVALID", "CARD_PAUSED", "INSUFFICIENT_FUNDS", "SUSPECTED_FRAUD"),
        *("UNAUTHORIZED_MERCHANT", "VELOCITY_EXCEEDED"),
    }
    content = json.loads(answer.body)
    assert answer.status == 200
    assert content["token"] == token
    assert content["result"] in known
    [asked] = sandbox.receiver.asked
    request = issuer.read_authorization(asked.body, asked.headers, secrets)
    approved = json.loads(issuer.answer_approved(request).body)
    assert approved == {"result": "APPROVED", "token": token}
    assert json.loads(issuer.answer_declined(reason, None).body) == {"result": content["result"]}


def test_every_decline_code_has_a_word_at_lithic() -> None:
    """The table covers the catalogue of reasons, and nothing else but the two fail-closed ones."""
    assert set(DECLINE_RESULTS) == {*Reason, "unreadable", "unavailable"}


async def test_other_events_and_unreadable_bodies(issuer: LithicIssuer) -> None:
    """An unknown event is kept by name; signed nonsense names what is wrong with it."""
    live = IssuerSecrets((SECRET,), (SECRET,))
    event = issuer.read_event(*signed({"event_type": "card.renewed"}), live)
    assert event == OtherEvent(event_id="msg_1", event_type="card.renewed")
    for content, field in (
        (b"{", "body"),
        ([1], "body"),
        ({"no": "type"}, "event_type"),
        ({"event_type": "card_transaction.updated"}, "events"),
    ):
        with pytest.raises(BodyUnreadable) as unreadable:
            issuer.read_event(*signed(content), live)
        assert unreadable.value.field == field
    body, headers = signed({"event_type": "card_transaction.updated"})
    with pytest.raises(BodyUnreadable, match="event_type"):
        issuer.read_authorization(body, headers, live)
