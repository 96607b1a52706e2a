"""Card numbers where they do not belong: in the free text of people and agents.

Digits in groups, apart by at most two spaces, dashes or dots, are read together: any run of whole
groups with 13 to 19 digits in all that starts like a payment card's and passes the Luhn check is
taken for a primary account number. So a number is found also where its expiry or security code
stands beside it. Sources: ISO/IEC 7812-1 (length, check digit; first digit 2 to 6: the networks
Mastercard, American Express, Diners, JCB, Visa, Discover, UnionPay, Maestro); PCI DSS 4.0.1,
requirement 3.5 (a PAN is never stored in the clear).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from signets.core.errors import invalid

_GAP = r"[\s.\-\u2010-\u2015]{1,2}"
_RUN = re.compile(rf"\d+(?:{_GAP}\d+)*")
_SHORTEST, _LONGEST = 13, 19


def luhn_valid(digits: str) -> bool:
    """Whether the last digit checks the others (ISO/IEC 7812-1, annex B)."""
    total = 0
    for position, char in enumerate(reversed(digits)):
        value = int(char)
        if position % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def holds_pan(text: str) -> bool:
    """Whether the text holds something that looks like a card number."""
    return any(_pan_in_groups(re.findall(r"\d+", found.group())) for found in _RUN.finditer(text))


def _pan_in_groups(groups: list[str]) -> bool:
    for first in range(len(groups)):
        digits = ""
        for group in groups[first:]:
            digits += group
            if len(digits) > _LONGEST:
                break
            if len(digits) >= _SHORTEST and int(digits[0]) in range(2, 7) and luhn_valid(digits):
                return True
    return False


def refuse_pan(value: object, *, param: str) -> None:
    """Refuse free text, or a JSON value full of it, that holds a card number (as a number, too).

    Raises:
        Refusal: ``pan_in_text``, naming the field (never the number).
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, (str, int)):
        if holds_pan(str(value)):
            raise invalid(
                "pan_in_text",
                f"`{param}` holds what looks like a card number; leave it out: card numbers are "
                "never stored here",
                param=param,
            )
    elif isinstance(value, Mapping):
        for key, part in value.items():
            refuse_pan(key, param=param)
            refuse_pan(part, param=f"{param}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, part in enumerate(value):
            refuse_pan(part, param=f"{param}[{index}]")
