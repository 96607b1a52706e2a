"""Money: an integer count of minor units and an ISO 4217 currency. Never a float.

The number of decimals is the currency's own (JPY 0, USD 2, KWD 3); it matters only where an
amount is shown to a person, because everything else is integer arithmetic on minor units.

Source: ISO 4217 (List One, active national currencies), exponent column.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from signets.core.errors import invalid

#: Largest amount accepted anywhere, in minor units: keeps sums of millions of rows inside a
#: signed 64-bit integer and every number inside JSON's safe range (2^53).
MAX_MINOR = 1_000_000_000_000

_ZERO = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"
_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD "
    "CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS "
    "GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD "
    "LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB "
    "PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP "
    "SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)

#: Currency code -> number of decimals.
EXPONENTS: dict[str, int] = {
    **dict.fromkeys(_ZERO.split(), 0),
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(_THREE.split(), 3),
    **dict.fromkeys(_FOUR.split(), 4),
}

_MAJOR = re.compile(r"^(\d{1,13})(?:\.(\d{1,4}))?$")


def parse_currency(code: str, *, param: str = "currency") -> str:
    """The upper-case ISO 4217 code.

    Raises:
        Refusal: ``currency_unknown`` where ``code`` is no active ISO 4217 currency.
    """
    upper = code.upper()
    if upper not in EXPONENTS:
        raise invalid(
            "currency_unknown",
            f"`{code}` is not an ISO 4217 currency code; use one like `USD`, `EUR` or `JPY`",
            param=param,
        )
    return upper


def parse_amount(minor: object, *, param: str, minimum: int = 0) -> int:
    """An amount in minor units, checked.

    Raises:
        Refusal: ``amount_invalid`` where it is no integer (``True`` and ``20.0`` are not) or out
            of ``minimum … MAX_MINOR``.
    """
    if isinstance(minor, bool) or not isinstance(minor, int):
        raise invalid(
            "amount_invalid",
            f"`{param}` must be an integer of minor units (`2000` for $20.00)",
            param=param,
        )
    if not minimum <= minor <= MAX_MINOR:
        raise invalid(
            "amount_invalid",
            f"`{param}` must be between {minimum} and {MAX_MINOR} minor units, and is {minor}",
            param=param,
        )
    return minor


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of one currency. May be negative (a difference, a credit)."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if isinstance(self.minor, bool) or not isinstance(self.minor, int):
            raise TypeError("Money.minor must be an int of minor units")
        if self.currency not in EXPONENTS:
            raise ValueError(f"unknown currency {self.currency!r}")

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise ValueError(f"cannot mix {self.currency} and {other.currency}")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __str__(self) -> str:
        return format_minor(self.minor, self.currency)


def format_minor(minor: int, currency: str) -> str:
    """``2165, "USD"`` -> ``"$21.65"``; ``500, "JPY"`` -> ``"500 JPY"``. For people only."""
    decimals = EXPONENTS[currency]
    sign = "-" if minor < 0 else ""
    whole, part = divmod(abs(minor), 10**decimals)
    digits = f"{whole:,}" + (f".{part:0{decimals}d}" if decimals else "")
    return f"{sign}${digits}" if currency == "USD" else f"{sign}{digits} {currency}"


def parse_major(text: str, currency: str, *, param: str = "amount") -> int:
    """``"21.65", "USD"`` -> ``2165``: what a person types at a terminal.

    Raises:
        Refusal: ``amount_invalid`` where it is no decimal number with at most the currency's
            own count of decimals.
    """
    decimals = EXPONENTS[parse_currency(currency)]
    found = _MAJOR.match(text.strip().removeprefix("$").replace(",", ""))
    if found is None or len(found.group(2) or "") > decimals:
        raise invalid(
            "amount_invalid",
            f"`{text}` is not an amount in {currency}; write it like "
            f"`{format_minor(2050 if decimals else 20, currency)}`",
            param=param,
        )
    part = (found.group(2) or "").ljust(decimals, "0")
    scale: int = 10**decimals
    return int(found.group(1)) * scale + int(part or "0")
