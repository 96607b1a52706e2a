"""Which amount compares with an intent, and conversion by exact rates."""

from __future__ import annotations

from typing import Any

import pytest

from signets.core.fx import Rate, billing_maximum, comparable, parse_rate


@pytest.mark.parametrize(
    ("arguments", "amount"),
    [
        (("EUR", 2200, "USD", 2000, "EUR"), 2000),
        (("USD", 2200, "USD", 2000, "EUR"), 2200),
        (("USD", 2200, "USD", 2150, "USD"), 2150),
        (("USD", 2200, "USD", None, None), 2200),
        (("EUR", 2200, "USD", None, "EUR"), None),
        (("GBP", 2200, "USD", 2000, "EUR"), None),
    ],
)
def test_comparable(arguments: Any, amount: int | None) -> None:
    """The merchant's amount first, else the billing amount, else nothing compares."""
    assert comparable(*arguments) == amount


def test_rates_are_exact() -> None:
    """Half up, symmetric about zero; a billing maximum is rounded up."""
    half = Rate(1, 2)
    assert [half.convert(n) for n in (0, 1, 2, 3, -1)] == [0, 1, 1, 2, -1]
    assert Rate(100, 150).convert(3000) == 2000  # 3,000 yen at 150 to the dollar
    assert billing_maximum(2000, Rate(11, 10)) == 2310
    assert billing_maximum(1, Rate(1, 1), tolerance_basis_points=0) == 1
    assert billing_maximum(1, Rate(1, 1), tolerance_basis_points=1) == 2
    for wrong in ((0, 1), (1, 0), (-1, 1)):
        with pytest.raises(ValueError, match="positive"):
            Rate(*wrong)


def test_a_rate_is_read_between_minor_units() -> None:
    """Decimals of both currencies are inside the rate: 150 yen make 100 cents."""
    assert parse_rate("1.08", "EUR", "USD").convert(2000) == 2160
    assert parse_rate("0.0067", "JPY", "USD").convert(1000) == 670
    assert parse_rate("3.25", "KWD", "USD").convert(1000) == 325
    for text in ("0", "-1", "1e3", "", "1.0000000001"):
        with pytest.raises(ValueError, match="positive decimal"):
            parse_rate(text, "EUR", "USD")
