"""What was typed into the checkout form, checked before the network is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from signets.core.pan import holds_pan, luhn_valid
from signets.issuers.countries import alpha_3

#: Never shown again and never kept.
SECRET_FIELDS = frozenset({"number", "cvc"})
#: Of the form, in its order; all but ``state`` are needed.
FIELDS = (
    "name",
    "number",
    "expiry",
    "cvc",
    "line1",
    "city",
    "state",
    "postal_code",
    "country",
)
_OPTIONAL = frozenset({"state"})
_LONGEST = {"name": 60, "line1": 100, "city": 60, "state": 40, "postal_code": 16, "country": 2}
_MISSING = {
    "name": "Enter the name on the card.",
    "number": "Enter the card number.",
    "expiry": "Enter the expiry date, like 04/31.",
    "cvc": "Enter the security code.",
    "line1": "Enter the street and house number.",
    "city": "Enter the city.",
    "postal_code": "Enter the postal code.",
    "country": "Enter the country's two letters, like US.",
}
_CVC_DIGITS = "A security code has three or four digits."
_EXPIRY = re.compile(r"(0?[1-9]|1[0-2])\s*[/.-]?\s*(20\d\d|\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedCard:
    """What the shop's bank gets. ``repr`` shows none of it."""

    number: str = field(repr=False)
    cvc: str = field(repr=False)
    exp_month: int = field(repr=False)
    exp_year: int = field(repr=False)
    line1: str = field(repr=False)
    postal_code: str = field(repr=False)

    @property
    def last_four(self) -> str:
        """All that a receipt says of the number."""
        return self.number[-4:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A form as it was sent.

    Attributes:
        kept: What may be shown again: no number, no security code, nothing that holds a number.
        errors: Field -> what is wrong with it, for a person.
        card: Only where there is no error.
    """

    kept: Mapping[str, str] = field(repr=False)
    errors: Mapping[str, str]
    card: TypedCard | None


def read_entry(sent: Mapping[str, str], today: date) -> Entry:
    """Check every field; an error in one does not hide the others."""
    given = {name: " ".join(sent.get(name, "").split()) for name in FIELDS}
    errors = {
        name: _MISSING[name] for name, value in given.items() if not value and name not in _OPTIONAL
    }
    kept = {}
    for name, value in given.items():
        if name in SECRET_FIELDS:
            continue
        if holds_pan(value):
            errors[name] = "This looks like a card number. It belongs in the field for it."
        elif len(value) > _LONGEST.get(name, 20):
            errors[name] = f"At most {_LONGEST.get(name, 20)} characters."
        else:
            kept[name] = value
    expiry = _expiry(given["expiry"])
    number = re.sub(r"[ -]", "", given["number"])
    found = {
        "number": _number_error(number),
        "expiry": _expiry_error(expiry, today),
        "cvc": None if re.fullmatch(r"\d{3,4}", given["cvc"], re.ASCII) else _CVC_DIGITS,
        "country": None if alpha_3(given["country"]) else _MISSING["country"],
    }
    errors = {**{name: text for name, text in found.items() if text is not None}, **errors}
    in_order = {name: errors[name] for name in FIELDS if name in errors}
    if in_order or expiry is None:
        return Entry(kept=kept, errors=in_order, card=None)
    card = TypedCard(
        number=number,
        cvc=given["cvc"],
        exp_month=expiry[0],
        exp_year=expiry[1],
        line1=given["line1"],
        postal_code=given["postal_code"],
    )
    return Entry(kept=kept, errors={}, card=card)


def _number_error(number: str) -> str | None:
    if not re.fullmatch(r"\d{12,19}", number, re.ASCII):
        return "A card number has 12 to 19 digits."
    return None if luhn_valid(number) else "This is not a card number: a digit is wrong."


def _expiry(text: str) -> tuple[int, int] | None:
    found = _EXPIRY.fullmatch(text)
    if found is None:
        return None
    year = int(found[2])
    return int(found[1]), year if year > 99 else 2000 + year


def _expiry_error(expiry: tuple[int, int] | None, today: date) -> str | None:
    """A card is good to the end of its month."""
    if expiry is None:
        return _MISSING["expiry"]
    month, year = expiry
    return "This card has expired." if (year, month) < (today.year, today.month) else None
