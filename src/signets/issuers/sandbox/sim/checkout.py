"""``POST /_sim/checkout``: what a shop's bank sends, knowing only what was typed into a form.

The number finds the card (numbers are derived, see ``engine.numbers``), expiry and security code
are held against it and forgotten; the results, and the address, stay with the purchase.
"""

from __future__ import annotations

import hmac
import re
from datetime import datetime
from typing import Annotated

from msgspec import Meta
from psycopg.rows import DictRow
from starlette.requests import Request
from starlette.responses import Response

from signets.core.pan import holds_pan
from signets.issuers.countries import alpha_2
from signets.issuers.sandbox.engine.authorize import authorize
from signets.issuers.sandbox.engine.base import Connection, Json, Missing
from signets.issuers.sandbox.engine.cards import find_by_number
from signets.issuers.sandbox.engine.faces import Presented
from signets.issuers.sandbox.engine.numbers import security_code
from signets.issuers.sandbox.engine.purchase import Check, Kind, Merchant, Verification
from signets.issuers.sandbox.engine.response_codes import APPROVED, NO_SUCH_CARD, response_code
from signets.issuers.sandbox.engine.store import Account, read_account, sandbox_of
from signets.issuers.sandbox.lithic_face.simulate import Positive, PricedForm
from signets.issuers.sandbox.lithic_face.wire import LithicError, answer, read_body
from signets.issuers.sandbox_address import SANDBOX_ADDRESS

#: AVS and CVV2 results as a merchant's bank gets them (Visa).
_CVV2 = {Check.MATCH: "M", Check.MISMATCH: "N", Check.NOT_PROVIDED: "P"}


class CheckoutForm(PricedForm, frozen=True, kw_only=True):
    """A card as a person types it. Amounts are in the merchant's currency and the card's alike."""

    pan: Annotated[str, Meta(pattern="^[0-9]{12,19}$")]
    exp_month: Annotated[int, Meta(ge=1, le=12)]
    exp_year: Annotated[int, Meta(ge=2000, le=2099)]
    cvc: Annotated[str, Meta(pattern="^[0-9]{3,4}$")] | None = None
    amount: Positive
    line1: Annotated[str, Meta(max_length=200)] = ""
    postal_code: Annotated[str, Meta(max_length=20)] = ""


async def checkout(request: Request) -> Response:
    """Authorize; the answer is a response code, whether or not it says yes."""
    sandbox = sandbox_of(request)
    form = await read_body(request, CheckoutForm)
    if holds_pan(f"{form.line1} / {form.postal_code}"):
        raise LithicError(422, "Invalid parameter(s): an address holds a card number")
    async with sandbox.transaction() as connection:
        account = await read_account(connection)
        try:
            card = await find_by_number(connection, account, form.pan)
        except Missing:
            return answer({"response_code": NO_SUCH_CARD, "token": None})
        verification = await _verify(connection, account, card, form)
    presented = Presented(
        kind=Kind.AUTHORIZATION,
        amount=form.amount,
        rate=form.rate(),
        merchant=_merchant(form, card["face"]),
        verification=verification,
    )
    purchase, verdict = await authorize(sandbox, card["face"], str(card["token"]), presented)
    code = response_code(verdict)
    told: Json = {
        "response_code": code,
        "token": purchase.token,
        "authorization_code": purchase.authorization_code if code == APPROVED else None,
        "avs_result": _avs(verification),
        "cvv2_result": _CVV2[verification.cvc],
    }
    return answer(told)


def _merchant(form: CheckoutForm, face: str) -> Merchant:
    """As the card's face writes it: Stripe has two letters for a country, Lithic three."""
    merchant = form.merchant()
    if face != "stripe":
        return merchant
    return Merchant(
        name=merchant.name,
        network_id=merchant.network_id,
        mcc=merchant.mcc,
        city=merchant.city,
        state=merchant.state,
        country=alpha_2(merchant.country) or merchant.country,
    )


async def _verify(
    connection: Connection, account: Account, card: DictRow, form: CheckoutForm
) -> Verification:
    cvc = Check.NOT_PROVIDED
    if form.cvc is not None:
        wanted = security_code(account.seed, str(card["token"]))
        cvc = _check(hmac.compare_digest(form.cvc, wanted))
    line1, postal_code = await _on_file(connection, card)
    return Verification(
        cvc=cvc,
        expiry=_check((form.exp_month, form.exp_year) == (card["exp_month"], card["exp_year"])),
        expired=_is_over(card, account.now),
        address_line1=_address_check(_house(form.line1), _house(line1)),
        address_postal_code=_address_check(_plain(form.postal_code), _plain(postal_code)),
        line1=form.line1,
        postal_code=form.postal_code,
    )


async def _on_file(connection: Connection, card: DictRow) -> tuple[str, str]:
    """First line and postal code where the card is billed."""
    if card["cardholder_token"] is None:
        return SANDBOX_ADDRESS.line1, SANDBOX_ADDRESS.postal_code
    cursor = await connection.execute(
        "SELECT details -> 'billing' -> 'address' AS address FROM cardholders WHERE token = %s",
        (card["cardholder_token"],),
    )
    row = await cursor.fetchone()
    address = (row and row["address"]) or {}
    return str(address.get("line1", "")), str(address.get("postal_code", ""))


def _is_over(card: DictRow, now: datetime) -> bool:
    """Whether the card's last month is over. A card is good to the end of it."""
    return (now.year, now.month) > (card["exp_year"], card["exp_month"])


def _check(same: bool) -> Check:
    return Check.MATCH if same else Check.MISMATCH


def _address_check(given: str, wanted: str) -> Check:
    return _check(given == wanted) if given else Check.NOT_PROVIDED


def _house(line1: str) -> str:
    """What address verification compares of a street: its numbers (Visa), else its letters."""
    return "".join(re.findall(r"\d", line1)) or _plain(line1)


def _plain(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def _avs(found: Verification) -> str:
    """Visa's letter: both match, postal code only, street only, neither, not asked."""
    line1, postal_code = found.address_line1, found.address_postal_code
    if line1 is postal_code is Check.NOT_PROVIDED:
        return "U"
    if postal_code is Check.MATCH:
        return "Y" if line1 is Check.MATCH else "Z"
    return "A" if line1 is Check.MATCH else "N"
