"""The sandbox's shop: an agent buys API credits with a revealed card, as at any shop."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.behaviour.kit import buy, card_for, decision, whole_database
from tests.contract.sandbox_kit import served
from tests.shop_kit import JSON, shop_at, shop_on, typed
from tests.world import World, free_port, open_world

from signets import AsyncSignets
from signets.client.types import CardDetails
from signets.core.merchant.directory import Directory

_JS = ("<script", "javascript:", "onclick", "onsubmit", "style=")


async def revealed(world: World) -> tuple[AsyncSignets, CardDetails, str]:
    """An agent with an approved intent of $20, its card's details, and the intent's id."""
    agent = await world.agent()
    card = await card_for(world, "infra-agent")
    intent = await buy(agent, 2000)
    return agent, await agent.cards.reveal(card.id), intent.id


@asynccontextmanager
async def _world(
    new_database: Callable[..., str], folder: Path, directory: Directory, issuer: str
) -> AsyncIterator[World]:
    face: Literal["lithic", "stripe"] = "stripe" if issuer == "stripe" else "lithic"
    async with open_world(new_database, folder, directory, issuer=face) as world:
        yield world


@pytest.mark.parametrize("issuer", ["lithic", "stripe"])
async def test_from_the_intent_to_the_receipt(
    issuer: str,
    new_database: Callable[..., str],
    tmp_path: Path,
    directory: Directory,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A form like any other ends in a real authorization that clears and is verified.

    The receipt names order, amount, date and the last four; number and code are on no page, in no
    log line, and nowhere in Signets' database.
    """
    caplog.set_level(logging.INFO)
    async with _world(new_database, tmp_path, directory, issuer) as world, shop_at(world) as shop:
        agent, card, intent_id = await revealed(world)
        paid = await shop.buy(typed(card))
        assert paid.status_code == 303
        receipt = await shop.http.get(paid.headers["location"])
        file = await shop.http.get(f"{paid.headers['location']}/receipt.html")
        number = paid.headers["location"].rpartition("/")[2]
        for page in (receipt.text, file.text):
            for fact in (number, "$20.00", f"ending in {card.number[-4:]}", "OPENAI"):
                assert fact in page
            assert card.number not in page and f">{card.cvc}<" not in page
            assert not [sign for sign in _JS if sign in page]
        assert "attachment" in file.headers["content-disposition"]
        assert "<link" not in file.text

        await world.settle()
        [bought] = [one async for one in agent.transactions.list(intent_id=intent_id)]
        assert (bought.cleared, bought.held, bought.verdict) == (2000, 0, "verified")
        assert (await decision(world)).approved
        assert card.number not in whole_database(world.runtime.database_url)
    said = capfd.readouterr()
    assert card.number not in said.out + said.err + caplog.text


async def test_a_program_asks_for_json(world: World) -> None:
    """The same form with `Accept: application/json` answers a program, from list to order."""
    async with shop_at(world) as shop:
        _, card, _ = await revealed(world)
        shop.http.headers.update(JSON)
        products = (await shop.http.get("/")).json()["products"]
        chosen = next(one for one in products if one["amount"] == 2000)
        checkout = (await shop.http.get(chosen["checkout"])).json()
        fields = typed(card)
        assert set(checkout["fields"]) == set(fields)
        paid = await shop.http.post(
            chosen["checkout"], data={**fields, "order_token": checkout["order_token"]}
        )
        assert paid.status_code == 201, paid.text
        order = paid.json()["order"]
        assert (order["state"], order["amount"], order["currency"]) == ("paid", 2000, "USD")
        assert order["card_last_four"] == card.number[-4:]
        again = await shop.http.get(paid.headers["location"])
        assert again.json() == paid.json()
        assert card.number not in paid.text


async def test_what_signets_declines_the_shop_hears_as_a_code(world: World) -> None:
    """Too much, another vendor's card, a locked card: each declined, and the shop learns little."""
    agent, card, intent_id = await revealed(world)
    async with shop_at(world) as shop, shop_at(world, "anthropic.com") as other:
        dear = await shop.buy(typed(card), "credits-50")
        assert dear.status_code == 402 and "enough funds" in dear.text
        assert (await decision(world)).reason == "amount_exceeds_intent"

        elsewhere = await other.buy(typed(card))
        assert elsewhere.status_code == 402 and "may not be used at this shop" in elsewhere.text
        assert (await decision(world)).reason == "merchant_mismatch"

        await agent.intents.cancel(intent_id)
        locked = await shop.buy(typed(card))
        assert locked.status_code == 402 and "restricted" in locked.text
        for page in (dear, elsewhere, locked):
            assert "Nothing was charged" in page.text
            for secret in ("intent", "merchant_mismatch", "Signets", card.number):
                assert secret not in page.text
        await world.settle()
        seen = [one async for one in agent.transactions.list()]
        assert [(one.held, one.cleared) for one in seen] == [(0, 0)] * 3


async def test_a_checkout_is_charged_once(world: World) -> None:
    """Two submissions at once and a third later give one order, one authorization, one hold."""
    _, card, _ = await revealed(world)
    async with shop_at(world) as shop:
        token = await shop.token()
        both = await asyncio.gather(*(shop.buy(typed(card), token=token) for _ in range(2)))
        later = await shop.buy(typed(card, cvc="", number=""), token=token)
        places = {answer.headers["location"] for answer in (*both, later)}
        assert len(places) == 1
        await world.settle()
        asked = [one async for one in world.signets.decisions.list()]
        assert [one.approved for one in asked] == [True]


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"cvc": "000"}, "cvc", "N7"),
        ({"expiry": "01/39"}, "expiry", "54"),
        ({"number": "4111 1111 1111 1111"}, "number", "14"),
    ],
)
async def test_what_the_issuer_refuses_is_told_at_the_field(
    world: World, changes: dict[str, str], field: str, code: str
) -> None:
    """A wrong code, another expiry, a number nobody has: an error there, Signets is not asked.

    The other fields stay filled in; number and code do not. A fresh form pays then. Where there is
    a card, the agent sees the issuer's decline and its word for it.
    """
    agent, card, _ = await revealed(world)
    if changes.get("cvc") == card.cvc:
        changes = {"cvc": "001"}
    async with shop_at(world) as shop:
        wrong = typed(card, **changes)
        answer = await shop.buy(wrong)
        assert answer.status_code == 402
        assert f'id="{field}-error"' in answer.text
        assert 'value="1 Sandbox Street"' in answer.text
        assert 'value="infra-agent"' in answer.text
        for secret in (card.number, wrong["number"], f'"{wrong["cvc"]}"'):
            assert secret not in answer.text
        await world.settle()
        assert [one async for one in world.signets.decisions.list()] == []
        listed = [one async for one in agent.transactions.list()]
        seen = [(one.decided_by, one.reason) for one in listed]
        assert seen == ([] if code == "14" else [("issuer", "issuer_declined")])
        assert all("INVALID_CARD_DETAILS" in " ".join(one.explanation) for one in listed)

        program = await shop.http.post(
            "/checkout/credits-20",
            data={**wrong, "order_token": await shop.token()},
            headers=JSON,
        )
        error = program.json()["error"]
        assert (error["code"], error["response_code"]) == ("card_declined", code)
        assert list(error["fields"]) == [field]
        assert (await shop.buy(typed(card))).status_code == 303


async def test_what_cannot_be_a_card_is_not_sent(world: World) -> None:
    """A mistyped digit, a past month, nothing at all: told in the form, and the network unasked.

    A card number in another field is refused there and not shown again.
    """
    _, card, _ = await revealed(world)
    broken = card.number[:-1] + str((int(card.number[-1]) + 1) % 10)
    async with shop_at(world) as shop:
        token = await shop.token()
        for changes, field in (
            ({"number": broken}, "number"),
            ({"number": "4111"}, "number"),
            ({"expiry": "01/20"}, "expiry"),
            ({"expiry": "13/31"}, "expiry"),
            ({"cvc": "12"}, "cvc"),
            ({"cvc": "\u0661\u0662\u0663"}, "cvc"),
            ({"country": "Utopia"}, "country"),
            ({"country": "UU"}, "country"),
            ({"name": card.number}, "name"),
            ({"line1": f"Main St {card.number[:8]}-{card.number[8:]}"}, "line1"),
            ({"city": "x" * 100}, "city"),
            ({"name": " "}, "name"),
        ):
            answer = await shop.buy(typed(card, **changes), token=token)
            assert answer.status_code == 422, changes
            assert f'id="{field}-error"' in answer.text, changes
            assert answer.text.count('aria-invalid="true"') == 1, changes
            assert card.number not in answer.text and broken not in answer.text
        empty = await shop.buy({}, token=token)
        assert empty.text.count('aria-invalid="true"') == 8
        spiced = await shop.buy(typed(card, name='"><b>x', cvc=""), token=token)
        assert "<b>" not in spiced.text and "&quot;&gt;&lt;b&gt;x" in spiced.text
        listed = await world.network._http.get("/v1/transactions")
        assert listed.json()["data"] == []
        spaced = f"{card.number[:4]} {card.number[4:8]}-{card.number[8:]}"
        year_in_full = f"{card.exp_month} / {card.exp_year}"
        paid = await shop.buy(typed(card, number=spaced, expiry=year_in_full), token=token)
        assert paid.status_code == 303


async def test_what_the_shop_refuses_to_read(world: World) -> None:
    """Other sites, other names, foreign tokens, huge or doubled or unreadable forms: no charge."""
    _, card, _ = await revealed(world)
    fields = typed(card)
    form = "application/x-www-form-urlencoded"
    async with shop_at(world) as shop:
        token = await shop.token()
        sent = {**fields, "order_token": token}
        place = "/checkout/credits-20"

        async def status(data: object = None, **more: object) -> int:
            given = {"data": sent} if data is None else {"content": data}
            return (await shop.http.post(place, **given, **more)).status_code  # type: ignore[arg-type]

        assert await status(headers={"sec-fetch-site": "cross-site"}) == 403
        assert await status(headers={"sec-fetch-site": "same-site"}) == 403
        assert await status(headers={"origin": "http://evil.test"}) == 403
        assert await status(headers={"origin": "null"}) == 403
        assert await status(headers={"host": "evil.test"}) == 421
        assert await status(json.dumps(sent), headers={"content-type": "application/json"}) == 415
        assert await status(b"a=" + b"x" * 20_000, headers={"content-type": form}) == 413
        assert await status(b"cvc=1&cvc=2", headers={"content-type": form}) == 400
        assert await status(b"name=%ff", headers={"content-type": form}) == 400
        assert (await shop.buy(fields, token="made up")).status_code == 410
        assert (await shop.buy(fields, "credits-50", token=token)).status_code == 410
        assert (await shop.http.get("/checkout/yacht")).status_code == 404
        assert (await shop.http.get("/orders/SO-1")).status_code == 404
        assert (await shop.http.put(place)).status_code == 405
        assert [one async for one in world.signets.decisions.list()] == []

        own = {"origin": shop.url, "sec-fetch-site": "same-origin"}
        paid = await shop.http.post(place, data=sent, headers=own)
        assert paid.status_code == 303


async def test_every_answer_forbids_scripts_frames_and_caches(world: World) -> None:
    """The strict headers stand on pages, on errors and on the style sheet."""
    async with shop_at(world) as shop:
        for place in ("/", "/checkout/credits-5", "/style.css", "/orders/none", "/nowhere"):
            headers = (await shop.http.get(place)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy and "form-action 'self'" in policy
            assert "frame-ancestors 'none'" in policy and "unsafe" not in policy
            assert headers["cache-control"] == "no-store"
            assert headers["x-content-type-options"] == "nosniff"


async def test_without_the_network_nothing_is_charged(world: World) -> None:
    """Where nobody listens the form stays good: the same token pays once the network is back."""
    _, card, _ = await revealed(world)
    async with shop_on(f"http://127.0.0.1:{free_port()}") as shop:
        token = await shop.token()
        for _ in range(2):
            answer = await shop.buy(typed(card), token=token)
            assert answer.status_code == 503
            assert "Nothing was charged" in answer.text and f'value="{token}"' in answer.text
            assert card.number not in answer.text


async def test_an_unclear_answer_is_never_asked_again(world: World) -> None:
    """A network that fails after it was asked: the shop says so, and asks no second time."""
    asked: list[Request] = []

    async def fail(request: Request) -> Response:
        asked.append(request)
        return Response(status_code=500)

    _, card, _ = await revealed(world)
    network = Starlette(routes=[Route("/_sim/checkout", fail, methods=["POST"])])
    async with served(network) as url, shop_on(url) as shop:
        token = await shop.token()
        for _ in range(2):
            answer = await shop.buy(typed(card), token=token)
            assert answer.status_code == 502 and "Do not pay again" in answer.text
        assert len(asked) == 1


async def test_a_failed_capture_is_told(world: World) -> None:
    """Where the money cannot be taken after the approval, the order says that it is reserved."""
    _, card, _ = await revealed(world)
    network = Starlette(
        routes=[Route("/_sim/checkout", _approve, methods=["POST"])],
    )
    async with served(network) as url, shop_on(url) as shop:
        paid = await shop.buy(typed(card))
        receipt = await shop.http.get(paid.headers["location"])
        assert "reserved on your card" in receipt.text
        shown = await shop.http.get(paid.headers["location"], headers=JSON)
        assert shown.json()["order"]["state"] == "authorized"


async def _approve(_: Request) -> Response:
    content = {"response_code": "00", "token": "t", "authorization_code": "1"}
    return Response(json.dumps(content), media_type="application/json")
