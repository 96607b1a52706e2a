"""`/_sim/checkout`: a shop's bank, which knows a card only by what was typed into a form."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from tests.contract.sandbox_kit import OPENAI, Network
from tests.contract.sandbox_stripe_kit import DECLINE, enrolled

ADDRESS = {"line1": "1 Sandbox Street", "postal_code": "94105"}


async def form(sandbox: Network, amount: int = 2000, **more: Any) -> dict[str, Any]:
    """What is sent for a fresh card of Lithic's face."""
    card = await sandbox.card()
    return {
        **OPENAI,
        "amount": amount,
        "pan": card.pan,
        "cvc": card.cvv,
        "exp_month": int(card.exp_month or 0),
        "exp_year": int(card.exp_year or 0),
        **more,
    }


async def test_an_approval_is_asked_for_and_can_be_cleared(sandbox: Network) -> None:
    """Code 00 with a token and an authorization code; Signets was asked; the money can be taken."""
    answer = await sandbox.post("checkout", **await form(sandbox, **ADDRESS))
    assert answer["response_code"] == "00"
    assert (answer["avs_result"], answer["cvv2_result"]) == ("Y", "M")
    assert len(answer["authorization_code"]) == 6
    [asked] = sandbox.receiver.asked
    assert asked.json["token"] == answer["token"]
    assert asked.json["avs"] == {
        "address": "1 Sandbox Street",
        "address_on_file_match": "MATCH",
        "zipcode": "94105",
    }
    await sandbox.post("clear", token=answer["token"], final=True)
    found = await sandbox.lithic.transactions.retrieve(answer["token"])
    assert (found.status, found.settled_amount) == ("SETTLED", -2000)
    assert found.avs is not None and found.avs.zipcode == "94105"


@pytest.mark.parametrize(
    ("given", "letter", "word"),
    [
        ({}, "U", "NOT_PRESENT"),
        ({"line1": "1 Sandbox Str.", "postal_code": "94 105"}, "Y", "MATCH"),
        ({"line1": "1 Sandbox Street", "postal_code": "10001"}, "A", "MATCH_ADDRESS_ONLY"),
        ({"line1": "7 Elsewhere", "postal_code": "94105"}, "Z", "MATCH_ZIP_ONLY"),
        ({"line1": "7 Elsewhere", "postal_code": "10001"}, "N", "MISMATCH"),
    ],
)
async def test_an_address_is_told_and_declines_nothing(
    sandbox: Network, given: dict[str, str], letter: str, word: str
) -> None:
    """House number and postal code are compared as address verification does, and passed on."""
    answer = await sandbox.post("checkout", **await form(sandbox, **given))
    assert (answer["response_code"], answer["avs_result"]) == ("00", letter)
    assert sandbox.receiver.asked[0].json["avs"]["address_on_file_match"] == word


async def test_a_wrong_code_or_expiry_is_the_issuers_decline(sandbox: Network) -> None:
    """N7 and 54 without a question; Lithic's transaction says what was wrong with the card."""
    good = await form(sandbox)
    other = f"{(int(good['cvc']) + 1) % 1000:03d}"
    for changes, code, detail in (
        ({"cvc": other}, "N7", "CARD_SECURITY_CODE_INCORRECT"),
        ({"exp_year": good["exp_year"] + 1}, "54", "CARD_EXPIRY_DATE_INCORRECT"),
        ({"exp_month": good["exp_month"] % 12 + 1}, "54", "CARD_EXPIRY_DATE_INCORRECT"),
    ):
        answer = await sandbox.post("checkout", **{**good, **changes})
        assert answer["response_code"] == code
        found = await sandbox.lithic.transactions.retrieve(answer["token"])
        assert (found.status, found.events[0].result) == ("DECLINED", "INVALID_CARD_DETAILS")
        assert found.events[0].detailed_results == [detail]
    assert sandbox.receiver.asked == []
    without = {name: value for name, value in good.items() if name != "cvc"}
    answer = await sandbox.post("checkout", **without)
    assert (answer["response_code"], answer["cvv2_result"]) == ("00", "P")


async def test_a_card_is_good_to_the_end_of_its_month(sandbox: Network) -> None:
    """In its last month it pays; 32 days later the network calls it expired."""
    now = (await sandbox.sim.get("/_sim/clock")).json()["now"]
    year, month = now[:4], now[5:7]
    card = await sandbox.lithic.cards.create(type="VIRTUAL", exp_year=year, exp_month=month)
    typed = {"pan": card.pan, "cvc": card.cvv, "exp_year": int(year), "exp_month": int(month)}
    given = {**await form(sandbox), **typed}
    assert (await sandbox.post("checkout", **given))["response_code"] == "00"
    await sandbox.post("clock", advance_seconds=32 * 86_400)
    answer = await sandbox.post("checkout", **given)
    assert answer["response_code"] == "54"
    found = await sandbox.lithic.transactions.retrieve(answer["token"])
    assert found.events[0].detailed_results == ["CARD_EXPIRED"]


async def test_a_number_that_nobody_has(sandbox: Network) -> None:
    """Code 14 and no transaction: there is no card to tell of."""
    given = {**await form(sandbox), "pan": "4111111111111111"}
    answer = await sandbox.post("checkout", **given)
    assert answer == {"response_code": "14", "token": None}
    assert [one async for one in sandbox.lithic.transactions.list()] == []


@pytest.mark.parametrize(
    ("result", "code"),
    [
        ("CARD_PAUSED", "62"),
        ("INSUFFICIENT_FUNDS", "51"),
        ("SUSPECTED_FRAUD", "59"),
        ("UNAUTHORIZED_MERCHANT", "57"),
        ("VELOCITY_EXCEEDED", "65"),
        ("AVS_INVALID", "05"),
    ],
)
async def test_an_answer_becomes_a_code(sandbox: Network, result: str, code: str) -> None:
    """Lithic's word for a decline reaches the shop as the network's code and nothing else."""
    sandbox.receiver.answers.append((200, json.dumps({"result": result}).encode()))
    answer = await sandbox.post("checkout", **await form(sandbox))
    assert (answer["response_code"], answer["authorization_code"]) == (code, None)


async def test_the_issuers_own_declines_become_codes(sandbox: Network) -> None:
    """Paused 62, closed 46, above its limit 61, no answer 91: and a stand-in approves."""
    given = await form(sandbox)
    [card] = [one async for one in sandbox.lithic.cards.list()]
    await sandbox.faults(asa_drop={"part": "request"})
    assert (await sandbox.post("checkout", **given))["response_code"] == "91"
    await sandbox.faults(stand_in={"count": 1})
    assert (await sandbox.post("checkout", **given))["response_code"] == "00"
    for change, code in (
        ({"spend_limit": 100, "spend_limit_duration": "TRANSACTION"}, "61"),
        ({"state": "PAUSED"}, "62"),
        ({"state": "CLOSED"}, "46"),
    ):
        await sandbox.lithic.cards.update(card.token, **change)
        assert (await sandbox.post("checkout", **given))["response_code"] == code


async def test_number_and_code_are_kept_nowhere(sandbox: Network, sandbox_url: str) -> None:
    """No column of the network's own database holds them; an address that does is refused."""
    given = await form(sandbox, **ADDRESS)
    await sandbox.post("checkout", **given)
    await sandbox.drain()
    refused = await sandbox.sim.post("/_sim/checkout", json={**given, "line1": given["pan"]})
    assert refused.status_code == 422 and given["pan"] not in refused.text
    with psycopg.connect(sandbox_url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        everything = [
            row
            for (table,) in tables
            for row in connection.execute(f"SELECT t::text FROM {table} t")
        ]
    assert given["pan"] not in str(everything)


async def test_the_same_through_stripes_face(sandbox_url: str) -> None:
    """A card of Stripe's face pays too; its checks are told as Stripe tells them."""
    async with enrolled(sandbox_url) as sandbox:
        card = await sandbox.card()
        shown = await sandbox.issuing.cards.retrieve_async(card.id, {"expand": ["number", "cvc"]})
        given = {
            **OPENAI,
            "amount": 2000,
            "merchant_acceptor_country": "IRL",
            "pan": shown.number,
            "cvc": shown.cvc,
            "exp_month": shown.exp_month,
            "exp_year": shown.exp_year,
            "line1": "9 Main",
            "postal_code": "89501",
        }
        approved = await sandbox.post("checkout", **given)
        assert (approved["response_code"], approved["avs_result"]) == ("00", "Z")
        found = await sandbox.issuing.authorizations.retrieve_async(f"iauth_{_bare(approved)}")
        assert found.merchant_data.country == "IE"
        checks = found.verification_data
        assert (checks.cvc_check, checks.expiry_check) == ("match", "match")
        assert checks.address_line1_check == "mismatch"
        assert (checks.address_postal_code_check, checks.postal_code) == ("match", "89501")

        sandbox.receiver.answers.append(DECLINE)
        assert (await sandbox.post("checkout", **given))["response_code"] == "05"
        wrong = f"{(int(shown.cvc) + 1) % 1000:03d}"
        declined = await sandbox.post("checkout", **{**given, "cvc": wrong})
        assert declined["response_code"] == "N7"
        found = await sandbox.issuing.authorizations.retrieve_async(f"iauth_{_bare(declined)}")
        assert found.request_history[0].reason == "verification_failed"
        assert found.verification_data.cvc_check == "mismatch"


def _bare(answer: dict[str, Any]) -> str:
    return str(answer["token"]).replace("-", "")
