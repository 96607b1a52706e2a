"""A person buys in the sandbox's shop, on a phone, with a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.behaviour.kit import buy, card_for, decision
from tests.browser.conftest import CheckAccess
from tests.shop_kit import shop_at, typed
from tests.world import World

from signets import AsyncSignets

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = pytest.mark.browser

LABELS = {
    "name": "Name on the card",
    "number": "Card number",
    "expiry": "Expiry date",
    "cvc": "Security code",
    "line1": "Street and number",
    "city": "City",
    "state": "State or region",
    "postal_code": "Postal code",
    "country": "Country",
}
#: By which a browser or a password manager fills the form in (HTML, "autofill detail tokens").
TOKENS = [
    "cc-name",
    "cc-number",
    "cc-exp",
    "cc-csc",
    "billing address-line1",
    "billing address-level2",
    "billing address-level1",
    "billing postal-code",
    "billing country",
]


async def ready(world: World) -> tuple[AsyncSignets, str, dict[str, str]]:
    """An agent with $20 approved, the intent, and what a person copies into the form."""
    agent = await world.agent()
    card = await card_for(world, "infra-agent")
    intent = await buy(agent, 2000)
    return agent, intent.id, typed(await agent.cards.reveal(card.id))


async def fill(page: Page, fields: dict[str, str]) -> None:
    """As a person does: by the words beside the fields."""
    for name, label in LABELS.items():
        if name in fields:
            await page.get_by_label(label, exact=True).fill(fields[name])


async def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways."""
    return bool(
        await page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        )
    )


async def test_a_person_buys_credits(
    world: World, phone: Page, access: CheckAccess, tmp_path: Path
) -> None:
    """From the products to a receipt that can be kept; the money moves and is verified.

    Every page passes the accessibility checker, fits a small phone, and breaks no policy of its
    own; every field has its label and the standard autofill token.
    """
    complaints: list[str] = []
    phone.on("console", lambda said: complaints.append(said.text))
    phone.on("pageerror", lambda error: complaints.append(str(error)))
    agent, intent_id, fields = await ready(world)
    async with shop_at(world) as shop:
        await phone.goto(shop.url)
        assert (await access(phone), await fits(phone)) == ([], True)
        await phone.get_by_role("link", name="Buy for $20.00").click()

        await phone.get_by_role("heading", name="Checkout").wait_for()
        assert (await access(phone), await fits(phone)) == ([], True)
        inputs = phone.locator("form input:not([type=hidden])")
        tokens = await inputs.evaluate_all("all => all.map(one => one.autocomplete)")
        labelled = await inputs.evaluate_all("all => all.map(one => one.labels.length)")
        assert (tokens, labelled) == (TOKENS, [1] * len(TOKENS))
        await fill(phone, fields)
        await phone.get_by_role("button", name="Pay $20.00").click()

        await phone.get_by_role("heading", name="Thank you").wait_for()
        assert (await access(phone), await fits(phone)) == ([], True)
        assert fields["number"] not in await phone.content()
        async with phone.expect_download() as download:
            await phone.get_by_role("link", name="Download the receipt").click()
        kept = tmp_path / "receipt.html"
        await (await download.value).save_as(kept)
        await phone.goto(kept.as_uri())
        assert (await access(phone), await fits(phone)) == ([], True)
        text = await phone.inner_text("main")
        assert "$20.00" in text and f"ending in {fields['number'][-4:]}" in text

        await world.settle()
        [bought] = [one async for one in agent.transactions.list(intent_id=intent_id)]
        assert (bought.cleared, bought.verdict) == (2000, "verified")
    assert complaints == []


async def test_a_wrong_code_then_too_much_then_a_double_click(
    world: World, phone: Page, access: CheckAccess
) -> None:
    """A mistake is told at its field, with all else kept but number and code; a decline on a page.

    Whoever clicks twice on "Pay" pays once.
    """
    agent, _, fields = await ready(world)
    wrong = f"{(int(fields['cvc']) + 1) % 1000:03d}"
    async with shop_at(world) as shop:
        await phone.goto(f"{shop.url}/checkout/credits-20")
        await fill(phone, {**fields, "cvc": wrong})
        await phone.get_by_role("button", name="Pay").click()
        problem = phone.get_by_role("link", name="The security code is not this card's.")
        await problem.click()
        code = phone.get_by_label(LABELS["cvc"], exact=True)
        assert await code.evaluate("field => field === document.activeElement")
        assert (await access(phone), await fits(phone)) == ([], True)
        for name, label in LABELS.items():
            shown = await phone.get_by_label(label, exact=True).input_value()
            assert shown == ("" if name in ("number", "cvc") else fields[name]), name

        await phone.goto(f"{shop.url}/checkout/credits-50")
        await fill(phone, fields)
        await phone.get_by_role("button", name="Pay $50.00").click()
        await phone.get_by_role("heading", name="Payment declined").wait_for()
        assert (await access(phone), await fits(phone)) == ([], True)
        assert "enough funds" in await phone.get_by_role("alert").inner_text()
        assert (await decision(world)).reason == "amount_exceeds_intent"

        await phone.goto(f"{shop.url}/checkout/credits-20")
        await fill(phone, fields)
        await phone.get_by_role("button", name="Pay $20.00").dblclick()
        await phone.get_by_role("heading", name="Thank you").wait_for()
        await world.settle()
        approved = [one async for one in world.signets.decisions.list() if one.approved]
        assert len(approved) == 1
        cleared = [one.cleared async for one in agent.transactions.list()]
        assert sum(cleared) == 2000


async def test_the_checker_fires(phone: Page, access: CheckAccess) -> None:
    """On a page without language, label and contrast, axe names all three."""
    await phone.set_content(
        "<html><head><title>Bad</title></head><body><main><h1>Pay</h1>"
        '<p style="color:#bbb;background:#fff">Terms apply</p><input></main></body></html>'
    )
    assert {"color-contrast", "html-has-lang", "label"} <= set(await access(phone))
    await phone.set_content('<div style="width:2000px">wide</div>')
    assert not await fits(phone)
