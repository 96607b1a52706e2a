"""Stripe's wire habits: keys, forms, errors, lists, idempotency; cards and cardholders."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.sandbox_stripe_kit import StripeNetwork, driver_transport, enrolled

from signets.issuers.sandbox.stripe_face.categories import CODES
from signets.issuers.sandbox.stripe_face.wire import read_form


@pytest.fixture
async def network(sandbox_url: str) -> AsyncIterator[StripeNetwork]:
    async with enrolled(sandbox_url) as running:
        yield running


_NAMES = st.sampled_from(["amount", "b_c", "x1", "é"])
_TEXTS = st.sampled_from(["", "1", "a b", "&=[]", "ü%2B+", "true"])


def _inside(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(
        inner,
        st.lists(inner, min_size=1, max_size=3),
        st.dictionaries(_NAMES, inner, min_size=1, max_size=2),
    )


def _written(value: object, name: str) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [pair for key, one in value.items() for pair in _written(one, f"{name}[{key}]")]
    if isinstance(value, list):
        return [pair for i, one in enumerate(value) for pair in _written(one, f"{name}[{i}]")]
    return [(name, str(value))]


@given(st.dictionaries(_NAMES, _inside(_inside(_TEXTS)), max_size=3))
def test_a_bracket_form_is_read_as_the_object_it_was_written_from(tree: dict[str, object]) -> None:
    """Objects and lists of any depth survive the form."""
    pairs = [pair for key, value in tree.items() for pair in _written(value, key)]
    assert read_form(str(httpx.QueryParams(pairs))) == tree


@pytest.mark.parametrize(
    "key", ["sk_test_1234567890123456789012", "sandbox_another_key_0123456789"]
)
async def test_another_key_is_refused_in_stripes_words(network: StripeNetwork, key: str) -> None:
    """A live key, or another sandbox's, is an AuthenticationError."""
    transport = driver_transport()
    client = stripe.StripeClient(key, base_addresses={"api": network.url}, http_client=transport)
    with pytest.raises(stripe.AuthenticationError, match=r"sandbox"):
        await client.v1.issuing.cards.list_async()
    await transport.close()


async def test_the_faces_do_not_see_each_others_cards(network: StripeNetwork) -> None:
    """A card belongs to the face that made it, although both live in one network."""
    card = await network.card()
    lithic = await network.sim.post("/v1/cards", json={"type": "VIRTUAL"})
    listed = await network.issuing.cards.list_async()
    assert [one.id for one in listed.data] == [card.id]
    with pytest.raises(stripe.InvalidRequestError, match="No such issuing card"):
        await network.issuing.cards.retrieve_async(lithic.json()["token"])
    assert len((await network.sim.get("/v1/cards")).json()["data"]) == 1


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"currency": "usd", "type": "virtual"}, "cardholder"),
        ({"cardholder": "HOLDER", "currency": "usd", "type": "virtual", "colour": "red"}, "colour"),
        ({"cardholder": "HOLDER", "currency": "zzz", "type": "virtual"}, "currency"),
        ({"cardholder": "ich_0", "currency": "usd", "type": "virtual"}, "id"),
        (
            {
                "cardholder": "HOLDER",
                "currency": "usd",
                "type": "virtual",
                "spending_controls": {
                    "allowed_categories": ["computer_programming"],
                    "blocked_categories": ["advertising_services"],
                },
            },
            "spending_controls[allowed_categories]",
        ),
    ],
)
async def test_a_bad_parameter_is_named(network: StripeNetwork, params, param: str) -> None:
    """An error names the parameter, as Stripe's does."""
    holder = await network.cardholder()
    given_params = {k: holder.id if v == "HOLDER" else v for k, v in params.items()}
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await network.issuing.cards.create_async(given_params)
    assert caught.value.param == param


async def test_a_number_is_shown_only_where_a_retrieve_asks(network: StripeNetwork) -> None:
    """Number and CVC come with `expand` on a retrieve and with nothing else."""
    card = await network.card(expand=["number"])
    plain = await network.issuing.cards.retrieve_async(card.id)
    shown = await network.issuing.cards.retrieve_async(card.id, {"expand": ["number", "cvc"]})
    assert "number" not in card and "number" not in plain
    assert shown.number.startswith("411111") and shown.number[-4:] == card.last4
    assert len(shown.cvc) == 3


async def test_a_card_lives_inactive_active_canceled(network: StripeNetwork) -> None:
    """A card is inactive unless asked, and canceled for good."""
    holder = await network.cardholder()
    made = await network.issuing.cards.create_async(
        {"cardholder": holder.id, "currency": "usd", "type": "virtual", "metadata": {"a": "1"}}
    )
    assert made.status == "inactive"
    update = network.issuing.cards.update_async
    assert (await update(made.id, {"status": "active"})).status == "active"
    changed = await update(made.id, {"status": "canceled", "metadata": {"a": "", "b": "2"}})
    assert (changed.status, changed.metadata.to_dict()) == ("canceled", {"b": "2"})
    with pytest.raises(stripe.InvalidRequestError, match="canceled"):
        await update(made.id, {"status": "active"})


async def test_a_person_must_accept_terms_before_a_card_is_active(network: StripeNetwork) -> None:
    """A US individual without accepted terms has requirements, and no active card."""
    person = {"first_name": "Ada", "last_name": "Byron"}
    holder = await network.cardholder(type="individual", individual=person)
    assert holder.requirements.disabled_reason == "requirements.past_due"
    with pytest.raises(stripe.InvalidRequestError, match="requirements"):
        await network.issuing.cards.create_async(
            {"cardholder": holder.id, "currency": "usd", "type": "virtual", "status": "active"}
        )
    accepted = {"user_terms_acceptance": {"date": 1_700_000_000, "ip": "192.0.2.1"}}
    await network.issuing.cardholders.update_async(
        holder.id, {"individual": {**person, "card_issuing": accepted}}
    )
    made = await network.issuing.cards.create_async(
        {"cardholder": holder.id, "currency": "usd", "type": "virtual", "status": "active"}
    )
    assert made.status == "active"


async def test_an_idempotency_key_makes_one_card(network: StripeNetwork) -> None:
    """The same key gives the same card; with other parameters it is an IdempotencyError."""
    holder = await network.cardholder()
    params = {"cardholder": holder.id, "currency": "usd", "type": "virtual"}
    create = network.issuing.cards.create_async
    first = await create(params, {"idempotency_key": "k1"})
    again = await create(params, {"idempotency_key": "k1"})
    assert again.id == first.id
    with pytest.raises(stripe.IdempotencyError):
        await create({**params, "status": "active"}, {"idempotency_key": "k1"})
    assert len((await network.issuing.cards.list_async()).data) == 1


async def test_a_refused_request_frees_its_key(network: StripeNetwork) -> None:
    """A key whose request was refused can be used for the corrected one."""
    holder = await network.cardholder()
    create = network.issuing.cards.create_async
    with pytest.raises(stripe.InvalidRequestError):
        await create({"cardholder": holder.id, "currency": "usd"}, {"idempotency_key": "k"})
    params = {"cardholder": holder.id, "currency": "usd", "type": "virtual"}
    assert (await create(params, {"idempotency_key": "k"})).id


async def test_a_500_after_the_commit_is_healed_by_the_key(network: StripeNetwork) -> None:
    """The card was made although the answer was a 500; the same key finds it."""
    holder = await network.cardholder()
    params = {"cardholder": holder.id, "currency": "usd", "type": "virtual"}
    await network.post("faults", create_card_500_after_commit={"count": 1})
    with pytest.raises(stripe.APIError):
        await network.issuing.cards.create_async(
            params, {"idempotency_key": "k", "max_network_retries": 0}
        )
    made = await network.issuing.cards.create_async(params, {"idempotency_key": "k"})
    assert [one.id for one in (await network.issuing.cards.list_async()).data] == [made.id]


async def test_lists_page_both_ways(network: StripeNetwork) -> None:
    """Automatic paging visits every object once, newest first; `ending_before` goes back."""
    made = [(await network.cardholder(name=f"Acme {n}")).id for n in range(5)]
    listed = await network.issuing.cardholders.list_async({"limit": 2})
    assert listed.has_more
    assert [one.id async for one in listed.auto_paging_iter()] == made[::-1]
    before = await network.issuing.cardholders.list_async({"ending_before": made[1], "limit": 2})
    assert [one.id for one in before.data] == [made[3], made[2]]


async def test_an_endpoint_shows_its_secret_once(network: StripeNetwork) -> None:
    """The secret comes with the create alone; a deleted endpoint is gone."""
    endpoints = network.stripe.v1.webhook_endpoints
    made = await endpoints.create_async(
        {"url": "http://127.0.0.1:9/x", "enabled_events": ["issuing_authorization.created"]}
    )
    assert made.secret and made.secret.startswith("whsec_")
    assert "secret" not in await endpoints.retrieve_async(made.id)
    changed = await endpoints.update_async(made.id, {"disabled": True})
    assert changed.status == "disabled"
    assert (await endpoints.delete_async(made.id)).deleted
    with pytest.raises(stripe.InvalidRequestError, match="No such webhook endpoint"):
        await endpoints.retrieve_async(made.id)


def test_categories_are_stripes_own() -> None:
    """Every category name here is one that the SDK knows."""
    source = stripe.params.test_helpers.issuing.AuthorizationCreateParamsMerchantData
    assert all(f"'{name}'" in str(source.__annotations__["category"]) for name in CODES)
