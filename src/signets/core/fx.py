"""Foreign exchange: which of two amounts is compared with an intent, and conversion by a rate.

Everything is integer arithmetic on minor units; a rate is a fraction, never a float.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from signets.core.money import EXPONENTS


def comparable(
    intent_currency: str,
    billing_amount: int,
    billing_currency: str,
    merchant_amount: int | None,
    merchant_currency: str | None,
) -> int | None:
    """The charged amount in the intent's currency, in minor units, or ``None``.

    The merchant's amount where its currency is the intent's, else the billing amount where *its*
    currency is. ``None`` means that neither is: ``currency_mismatch``.
    """
    if merchant_amount is not None and merchant_currency == intent_currency:
        return merchant_amount
    if billing_currency == intent_currency:
        return billing_amount
    return None


@dataclass(frozen=True, slots=True)
class Rate:
    """``numerator / denominator`` minor units of one currency for one minor unit of another.

    It is taken between *minor* units, so differing decimals are already inside: at 150 yen for a
    dollar, JPY to USD is ``Rate(100, 150)`` (150 yen make 100 cents).
    """

    numerator: int
    denominator: int

    def __post_init__(self) -> None:
        if self.numerator <= 0 or self.denominator <= 0:
            raise ValueError("a rate is a fraction of two positive integers")

    def convert(self, minor: int) -> int:
        """``minor`` converted, rounded half up (away from zero)."""
        sign = -1 if minor < 0 else 1
        doubled = 2 * abs(minor) * self.numerator + self.denominator
        return sign * (doubled // (2 * self.denominator))


_RATE = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?")


def parse_rate(text: str, source: str, target: str) -> Rate:
    """``"1.08", "EUR", "USD"``: one *major* unit of ``source`` is 1.08 of ``target``.

    Raises:
        ValueError: Not a positive decimal number of at most nine decimals.
    """
    found = _RATE.fullmatch(text)
    if found is None or not int(found.group(1) + (found.group(2) or "")):
        raise ValueError(f"{text!r} is not a positive decimal number")
    decimals = found.group(2) or ""
    numerator: int = int(found.group(1) + decimals) * 10 ** EXPONENTS[target]
    denominator: int = 10 ** (len(decimals) + EXPONENTS[source])
    return Rate(numerator, denominator)


#: Default room for the rate to move between an approval and its clearing: 5 %.
FX_TOLERANCE_BASIS_POINTS = 500


def billing_maximum(
    maximum: int, rate: Rate, *, tolerance_basis_points: int = FX_TOLERANCE_BASIS_POINTS
) -> int:
    """Billing-currency minor units that an intent of ``maximum`` in another currency reserves.

    ``rate`` converts the intent's currency to the billing currency. Rounded up, so that a charge
    of exactly ``maximum`` at exactly the tolerated rate still fits.
    """
    numerator = maximum * rate.numerator * (10_000 + tolerance_basis_points)
    return -(-numerator // (rate.denominator * 10_000))
