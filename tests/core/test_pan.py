"""Card numbers in free text are found; other numbers are let through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signets.core.errors import Refusal
from signets.core.pan import holds_pan, luhn_valid, refuse_pan

VISA = "4111111111111111"  # test numbers that the networks publish
AMEX = "378282246310005"


@pytest.mark.parametrize(
    "text",
    [
        VISA,
        AMEX,
        "30569309025904",
        "5555555555554444",
        "2223003122003222",
        "6011111111111117",
        "4222222222222",
        f"pay with {VISA}, please",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111.1111.1111.1111",
        "4111  1111  1111  1111",
        "4111\u00a01111\u20131111\n1111",
        "3782 822463 10005",
        "4111 1111 1111 1111 123",  # with its security code
        "12 28 4111 1111 1111 1111",  # with its expiry
        "4111 1111 1111 1111 12 28 123",
        "\uff14\uff11\uff11\uff11 1111 1111 1111",  # full-width digits
        f"card={VISA};cvc=123",
    ],
)
def test_card_numbers_are_found(text: str):
    """However it is grouped, and with its expiry or security code beside it."""
    assert holds_pan(text)
    with pytest.raises(Refusal) as refused:
        refuse_pan(text, param="purpose")
    assert (refused.value.code, refused.value.param) == ("pan_in_text", "purpose")
    assert "1111" not in refused.value.message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Buy $20 of API credits",
        "411111111111",  # 12 digits
        "4111111111111112",  # the check digit is wrong
        "1732449600000",  # milliseconds since 1970, which pass the check by chance
        "1732449600008",
        "41111111111111110000",  # 20 digits in one run
        "+1 415 555 2671",
        "2026-11-24 12:00:00",
        "order 12345678",
        "0000000000000000",
    ],
)
def test_other_numbers_are_let_through(text: str):
    """Times, telephone and order numbers are no card numbers."""
    assert not holds_pan(text)
    refuse_pan(text, param="purpose")


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ({"note": VISA}, "metadata.note"),
        ({VISA: "x"}, "metadata"),
        ({"a": [{"b": ("ok", VISA)}]}, "metadata.a[0].b[1]"),
        ({"card": int(VISA)}, "metadata.card"),
        ({"card": float(VISA)}, "metadata.card"),
    ],
)
def test_json_is_searched_whole(value: object, param: str):
    """Keys, lists, nested objects and plain numbers are searched, and the place is named."""
    with pytest.raises(Refusal) as refused:
        refuse_pan(value, param="metadata")
    assert refused.value.param == param
    assert VISA not in refused.value.message


def test_what_is_no_text_or_number_is_let_through():
    """Truth values, nothing, and fractions hold no card number."""
    refuse_pan({"a": True, "b": None, "c": 4.5, "d": 20}, param="metadata")


@given(st.text("0123456789", min_size=1, max_size=18))
def test_exactly_one_check_digit_is_right(digits: str):
    """Of the ten possible last digits one passes, whatever stands before it."""
    assert sum(luhn_valid(digits + last) for last in "0123456789") == 1


@given(
    st.text("0123456789", min_size=11, max_size=17),
    st.sampled_from("23456"),
    st.sampled_from(["", " ", "-"]),
    st.text("abc XYZ,;:", max_size=9),
)
def test_every_number_of_a_card_is_found(middle: str, first: str, gap: str, words: str):
    """Any number of 13 to 19 digits that checks is found in any text, grouped by four or not."""
    body = first + middle
    number = next(body + last for last in "0123456789" if luhn_valid(body + last))
    grouped = gap.join(number[at : at + 4] for at in range(0, len(number), 4))
    assert holds_pan(f"{words}{grouped}{words}")
