"""What the adapters send is held against hand-written schemas, in every test; here: by what."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from lithic import AsyncLithic, DefaultAsyncHttpxClient
from tests.conformance.recording import DRIVER, taken
from tests.conformance.request_schemas import Sent, operation_of, operations, problems
from tests.contract.claim_kit import claim
from tests.contract.sandbox_kit import KEY, Network, network
from tests.contract.sandbox_stripe_kit import enrolled

from signets.app.ports import ControlsChange, IssuerCardState
from signets.core.issuer_controls import CardControls
from signets.issuers.lithic.adapter import LithicIssuer
from signets.issuers.stripe.adapter import StripeIssuer
from signets.issuers.stripe.options import StripeOptions

ROOT = Path(__file__).resolve().parents[2]
LITHIC = Sent(
    issuer="lithic",
    method="POST",
    url="http://127.0.0.1:1/v1/cards",
    headers={
        "authorization": "sandbox_key",
        "content-type": "application/json",
        "idempotency-key": str(uuid.UUID(int=7)),
    },
    body=b'{"type":"VIRTUAL","state":"PAUSED","memo":"card_1"}',
)
STRIPE = Sent(
    issuer="stripe",
    method="POST",
    url="http://127.0.0.1:1/v1/issuing/cards",
    headers={
        "authorization": "Bearer sandbox_key",
        "content-type": "application/x-www-form-urlencoded",
        "idempotency-key": str(uuid.UUID(int=7)),
        "stripe-version": "2026-10-28.endive",
    },
    body=b"cardholder=ich_1&currency=usd&type=virtual&status=inactive&metadata[signets]=card_1",
)
LIMIT = b"&spending_controls[spending_limits][0][amount]=%s"
LIFE = b"&spending_controls[spending_limits][0][interval]=all_time"
BLOCKED = b"&spending_controls[blocked_categories]"
OPENED = replace(
    LITHIC,
    method="PATCH",
    url=LITHIC.url + "/x",
    headers={
        "authorization": "sandbox_key",
        "content-type": "application/json",
        "x-stainless-retry-count": "0",
    },
    body=b'{"state":"OPEN"}',
)
CHANGED = replace(STRIPE, url=STRIPE.url + "/ic_1", body=b"status=active")


def without(sent: Sent, header: str) -> Sent:
    return replace(sent, headers={k: v for k, v in sent.headers.items() if k != header})


def test_what_is_right_passes() -> None:
    """With and without a limit or blocked categories, at both issuers."""
    limited = b'{"state":"OPEN","spend_limit":1,"spend_limit_duration":"FOREVER"}'
    both = replace(CHANGED, body=CHANGED.body + LIMIT % b"5000" + LIFE)
    for sent in (
        LITHIC,
        replace(OPENED, body=limited),
        STRIPE,
        both,
        replace(both, body=both.body + BLOCKED + b"[0]=pawn_shops"),
        replace(both, body=both.body + BLOCKED + b"="),
    ):
        assert problems(sent) == []


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (replace(LITHIC, url="http://127.0.0.1:1/v1/accounts"), "no schema for POST /v1/accounts"),
        (replace(LITHIC, method="PUT"), "no schema for PUT"),
        (without(LITHIC, "idempotency-key"), "'idempotency-key' is a required property"),
        (without(LITHIC, "authorization"), "'authorization' is a required property"),
        (replace(LITHIC, url=LITHIC.url + "?x=1"), "query: Additional properties"),
        (replace(LITHIC, body=LITHIC.body.replace(b"PAUSED", b"OPEN")), "body.state"),
        (replace(LITHIC, body=LITHIC.body[:-1] + b',"pin":"1"}'), "body: Additional properties"),
        (replace(LITHIC, body=LITHIC.body[:-1] + b',"spend_limit":5}'), "body: Additional"),
        (replace(OPENED, body=OPENED.body[:-1] + b',"spend_limit":0}'), "body.spend_limit"),
        (replace(OPENED, body=OPENED.body[:-1] + b',"spend_limit":5}'), "is a dependency of"),
        (replace(LITHIC, body=b""), "body: there is none"),
        (replace(LITHIC, method="GET", url=LITHIC.url + "/x"), "body: there is to be none"),
        (without(STRIPE, "stripe-version"), "'stripe-version' is a required property"),
        (without(STRIPE, "idempotency-key"), "'idempotency-key' is a required property"),
        (
            replace(STRIPE, headers={**STRIPE.headers, "authorization": "sandbox_key"}),
            "headers.authorization",
        ),
        (replace(STRIPE, body=STRIPE.body.replace(b"ich_1", b"")), "body.cardholder"),
        (replace(STRIPE, body=STRIPE.body.replace(b"inactive", b"active")), "body.status"),
        (replace(STRIPE, body=STRIPE.body + LIMIT % b"5" + LIFE), "body: Additional"),
        (replace(CHANGED, body=CHANGED.body + LIMIT % b"0" + LIFE), "spending_limits.0.amount"),
        (replace(CHANGED, body=CHANGED.body + LIMIT % b"5"), "'interval' is a required property"),
        (replace(CHANGED, body=CHANGED.body + BLOCKED + b"[0]=bakeries"), "blocked_categories"),
        (replace(STRIPE, body=STRIPE.body + b"&status=active"), "comes twice"),
    ],
)
def test_what_is_wrong_is_named(sent: Sent, says: str) -> None:
    """An unknown call, a missing key or version, a field too many, too few or of another value."""
    assert any(says in one for one in problems(sent)), problems(sent)


def test_a_write_without_a_key_is_never_sent_again() -> None:
    """The SDK would repeat it: the header that counts repeats must say 0."""
    update = replace(
        without(LITHIC, "idempotency-key"),
        method="PATCH",
        url=LITHIC.url + "/x",
        body=b'{"state":"OPEN"}',
    )
    for count, right in (("0", True), ("1", False)):
        headers = {**update.headers, "x-stainless-retry-count": count}
        assert (problems(replace(update, headers=headers)) == []) is right


@pytest.mark.parametrize("issuer", ["lithic", "stripe"])
def test_schemas_are_schemas(issuer: str) -> None:
    """Each is one, allows nothing that it does not name, and asks for the key of the account."""
    assert operations(issuer)
    for one in operations(issuer):
        assert one.schema.keys() == {"says", "method", "path", "headers", "query", "body"}
        assert "authorization" in one.schema["headers"]["required"]
        for part in ("headers", "query", "body"):
            if one.schema[part] is not None:
                Draft202012Validator.check_schema(one.schema[part])
        for part in ("query", "body"):
            assert one.schema[part] is None or one.schema[part]["additionalProperties"] is False


@pytest.fixture
async def lithic(sandbox_url: str) -> AsyncIterator[Network]:
    async with network(sandbox_url, retry_seconds=(0.0, 0.05)) as running:
        yield running


async def test_what_an_sdk_sends_is_seen_and_a_drivers_is_not(lithic: Network) -> None:
    """A card without a key, sent by the SDK itself, would fail the test that sent it."""
    for headers, seen in ((None, 1), (DRIVER, 0)):
        async with AsyncLithic(
            api_key=KEY,
            base_url=lithic.url,
            default_headers=headers,
            http_client=DefaultAsyncHttpxClient(trust_env=False),
        ) as client:
            await client.cards.create(type="VIRTUAL")
        sent = taken()
        assert len(sent) == seen
        assert all("idempotency-key" in " ".join(problems(one)) for one in sent)


_SENDS = """
from tests.conformance.recording import pytest_pyfunc_call, pytest_sessionstart
"""
_WRONG = """
import asyncio, lithic

async def send():
    client = lithic.AsyncLithic(api_key="k", base_url="http://127.0.0.1:9", max_retries=0)
    try:
        await client.cards.{call}
    except lithic.APIConnectionError:
        pass
    await client.close()

def test_sends():
    asyncio.run(send())
"""


@pytest.mark.parametrize(
    ("call", "code"), [('retrieve("x")', 0), ('create(type="VIRTUAL")', 1), ('reissue("x")', 1)]
)
def test_a_test_that_sends_what_no_schema_allows_fails(
    tmp_path: Path, call: str, code: int
) -> None:
    """The hook of the whole run, in a run of its own."""
    (tmp_path / "conftest.py").write_text(_SENDS)
    (tmp_path / "test_it.py").write_text(_WRONG.format(call=call))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stdout
    assert ("sent what no schema allows" in done.stdout) is (code == 1)


async def test_every_operation_of_lithic_is_used(lithic: Network) -> None:
    """All that the adapter can do, once, at the running sandbox: no schema is left over."""
    issuer = LithicIssuer(api_key=KEY, base_url=lithic.url)
    urls = {
        "authorize_url": lithic.receiver.authorize_url,
        "events_url": lithic.receiver.events_url,
    }
    await issuer.enroll(**urls)
    [known] = (await lithic.lithic.events.subscriptions.list()).data
    await lithic.lithic.events.subscriptions.update(known.token, url=known.url, disabled=True)
    secrets = await issuer.enroll(**urls)
    assert await issuer.check_set_up(**urls, secrets=secrets) == []
    await issuer.rotate_secret()
    begin = datetime.now(UTC) - timedelta(hours=1)
    await issuer.replay_missed(events_url=urls["events_url"], begin=begin)
    card = await issuer.create_card(idempotency_key=str(uuid.uuid4()), memo="x")
    limited = ControlsChange(before=CardControls(), after=CardControls(backstop=5000))
    await issuer.set_card_state(card.token, IssuerCardState.OPEN, limited)
    assert (await issuer.get_card(card.token)).state is IssuerCardState.OPEN
    token = await lithic.authorize(await lithic.lithic.cards.retrieve(card.token), 900)
    await lithic.lithic.transactions.simulate_clearing(token=token)
    assert await issuer.get_transaction(token)
    assert await issuer.list_transactions(begin=begin, end=begin + timedelta(hours=2))
    opened = await issuer.open_dispute(claim(token, 900))
    await issuer.get_dispute(opened.token)
    await issuer.withdraw_dispute(opened.token)
    await issuer.aclose()
    assert used() == {one.name for one in operations("lithic")}


async def test_every_operation_of_stripe_is_used(sandbox_url: str) -> None:
    """All that the adapter can do, once, at the running sandbox: no schema is left over."""
    options = {"name": "A", "line1": "1", "city": "Reno", "postal_code": "1", "country": "US"}
    async with enrolled(sandbox_url) as running:
        first = StripeIssuer(
            api_key=KEY, base_url=running.url, options=StripeOptions.parse(options)
        )
        urls = {"authorize_url": "https://x.y/a", "events_url": f"{running.receiver.url}/events"}
        secrets = await first.enroll(**urls)  # one of that address is there: made anew
        options["events_secret"] = secrets.events[0]
        issuer = StripeIssuer(
            api_key=KEY, base_url=running.url, options=StripeOptions.parse(options)
        )
        await issuer.enroll(**urls)
        await issuer.check_set_up(**urls, secrets=secrets)
        card = await issuer.create_card(idempotency_key=str(uuid.uuid4()), memo="x")
        cash = CardControls(backstop=500_000, blocked_categories=("6010",))
        limited = ControlsChange(before=CardControls(), after=cash)
        opened = await issuer.set_card_state(card.token, IssuerCardState.OPEN, limited)
        assert opened.controls == cash
        assert (await issuer.get_card(card.token)).state is IssuerCardState.OPEN
        assert (await issuer.reveal(card.token)).number
        made = await running.authorize(await running.issuing.cards.retrieve_async(card.token), 900)
        taken_of = await running.helpers.authorizations.capture_async(made.id)
        assert await issuer.get_transaction(made.id)
        assert await issuer.get_transaction(taken_of.transactions[0].id)
        begin = datetime.now(UTC) - timedelta(hours=1)
        assert await issuer.list_transactions(begin=begin, end=begin + timedelta(hours=2))
        disputed = await issuer.open_dispute(claim(made.id, 900))
        assert (await issuer.get_dispute(disputed.token)).raw_status == "submitted"
        named = StripeIssuer(
            api_key=KEY,
            base_url=running.url,
            options=StripeOptions(cardholder=(await running.cardholder()).id),
        )
        await named.check_set_up(**urls, secrets=secrets)
        await named.aclose()
        await first.aclose()
        await issuer.aclose()
    assert used() == {one.name for one in operations("stripe")}


def used() -> set[str]:
    """The operations of what was sent, all of it as it has to be."""
    sent = taken()
    assert not [problem for one in sent for problem in problems(one)]
    return {found.name for one in sent if (found := operation_of(one))}


def test_a_form_is_decoded_as_it_was_written() -> None:
    """Bracket names become objects, numbered ones lists; a second value is no silent winner."""
    body = b"a[b][0][c]=1&a[b][1][c]=2&d[]=3&e=%20"
    sent = replace(STRIPE, body=body)
    told = " ".join(problems(sent))
    assert "'a', 'd', 'e'" in told
    assert json.loads(LITHIC.body)["memo"] == "card_1"
