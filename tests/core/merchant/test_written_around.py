"""What banks, processors and buyers write around a vendor's name, and what others write there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signets.core.merchant.match import match_lock
from signets.core.merchant.model import Learned, MatchResult, Merchant, MerchantLock
from signets.vendors import load_directory

DIRECTORY = load_directory()
MATCH, UNVERIFIED, NO_MATCH = MatchResult.MATCH, MatchResult.UNVERIFIED, MatchResult.NO_MATCH


def answer(lock: str, descriptor: str, **merchant: str) -> MatchResult:
    """What a lock on the vendor says of this merchant."""
    given_merchant = Merchant(descriptor=descriptor, **merchant)
    return match_lock(MerchantLock(vendors=(lock,)), given_merchant, DIRECTORY, Learned()).result


@pytest.mark.parametrize(
    ("lock", "descriptor", "more", "result"),
    [
        ("plaid.com", "PST Plaid Inc. 415-7991354 CA", {"country": "US"}, MATCH),
        ("anthropic.com", "MISCELLANEOUS DEBIT ANTHROPIC ANTHROPIC.COM CA C#3310", {}, MATCH),
        ("twilio.com", "V4410 09/06 TWILIO TWILIO.COM 24011346000", {}, MATCH),
        ("openai.com", "*1234 01.07 USD 215.00 OPENAI Kurs: 1.0000", {}, MATCH),
        ("openai.com", "OPENAI, SAN FRANCISCO, 20.00 USD @ 0.79", {}, MATCH),
        ("openai.com", "OPENAI XX1234 USD 20.00 VALUE DATE: 06 SEP 2026", {}, MATCH),
        ("atlassian.com", "ATLASSIAN AU 24011300192", {}, MATCH),
        ("digitalocean.com", "DIGITALOCEAN.COM6463978051USD", {}, MATCH),
        ("railway.com", "RAILWAY HTTPSRAILWAY. CA", {}, MATCH),
        ("stackblitz.com", "BOLT.NEW BY STACKBLITZ", {}, MATCH),
        ("plivo.com", "PLIVO INC. DBA PLIVO", {}, MATCH),
        ("appwrite.io", "APPWRITE.IOTEL AVIVIL", {}, MATCH),
        ("workspace.google.com", "GOOGLE*GSUITE acmelabs.", {"city": "CC@GOOGLE.COM"}, MATCH),
        ("workspace.google.com", "GOOGLE*GSUITE acmelabs.", {}, UNVERIFIED),
        ("windsurf.com", "EXAFUNCTION", {"mcc": "7372", "country": "US"}, MATCH),
        ("windsurf.com", "EXAFUNCTION", {"mcc": "7372"}, UNVERIFIED),
        ("suno.com", "CHECKCARD 0412 SUNOCO 24011346000", {}, NO_MATCH),
        ("suno.com", "SUNOCO USD 20.00 VALUE DATE: 06/09", {}, NO_MATCH),
        ("copy.ai", "COPY.AI HELP", {"mcc": "7372", "country": "US"}, UNVERIFIED),
        (
            "elastic.co",
            "ELASTIC.CO CLUB9172923916CA",
            {"mcc": "7372", "country": "US"},
            UNVERIFIED,
        ),
    ],
)
def test_what_banks_and_processors_write(
    lock: str, descriptor: str, more: dict[str, str], result: MatchResult
) -> None:
    """What is written around a name is dropped, two names of one company make one; what a shop or a
    swindler writes is not, and no longer line makes a cut name of a short one."""
    assert answer(lock, descriptor, **more) is result


@given(
    st.sampled_from(
        ["REFUNDS", "SUPPORT", "SHOP", "STORE", "GIFT", "CARDS", "HELPDESK", "OFFICIAL", "VERIFY",
         "RESELLER", "TRAINING", "APPS", "TOOLS", "ADDON", "BACKUP", "GAMES", "STUDIO"]
    )
)  # fmt: skip
def test_an_application_for_workspace_is_not_workspace(word: str) -> None:
    """`GOOGLE *{developer}` is open: what applications are named with is no buyer's name."""
    workspace = "workspace.google.com"
    for city in ("CC@GOOGLE.COM", "DUBLIN", "G.CO/HELPPAY#"):
        sent = {"mcc": "5817", "country": "US", "city": city}
        assert answer(workspace, f"GOOGLE *WORKSPACE {word}", **sent) is not MATCH
    assert answer(workspace, "GOOGLE *WORKSPACE NORTHWIND") is not MATCH
    longer = f"GOOGLE *WORKSPACE NORTHWIND {word}"
    assert answer(workspace, longer, city="DUBLIN") is not MATCH
