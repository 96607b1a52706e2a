"""Card numbers where they do not belong: in the free text of people and agents.

A run of 13 to 19 digits (spaces and dashes between them allowed) that passes the Luhn check is
taken for a primary account number. Sources: ISO/IEC 7812-1 (length, check digit); PCI DSS 4.0.1,
requirement 3.5 (a PAN is never stored in the clear).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from signets.core.errors import invalid

_DIGITS = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")


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
    return any(
        luhn_valid(re.sub(r"[ -]", "", found.group())) for found in _DIGITS.finditer(text)
    )


def refuse_pan(value: object, *, param: str) -> None:
    """Refuse free text, or a JSON value full of it, that holds a card number.

    Raises:
        Refusal: ``pan_in_text``, naming the field (never the number).
    """
    if isinstance(value, str):
        if holds_pan(value):
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
