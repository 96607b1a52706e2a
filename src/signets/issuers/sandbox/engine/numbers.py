"""Card numbers, derived and never stored.

A number is ``411111`` (the test BIN that Lithic's own documents use in their examples), nine
digits from HMAC-SHA256 of the card's token under the sandbox's seed, and the Luhn check digit.
"""

from __future__ import annotations

import hashlib
import hmac

TEST_BIN = "411111"


def _digits(seed: bytes, purpose: str, token: str, count: int) -> str:
    digest = hmac.new(seed, f"{purpose}:{token}".encode(), hashlib.sha256).digest()
    return f"{int.from_bytes(digest, 'big') % 10**count:0{count}d}"


def luhn_digit(payload: str) -> str:
    """The check digit for ``payload`` (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, char in enumerate(reversed(payload)):
        digit = int(char) * (2 if place % 2 == 0 else 1)
        total += digit - 9 if digit > 9 else digit
    return str(-total % 10)


def card_number(seed: bytes, card_token: str) -> str:
    """The 16-digit number of a card."""
    payload = TEST_BIN + _digits(seed, "pan", card_token, 9)
    return payload + luhn_digit(payload)


def security_code(seed: bytes, card_token: str) -> str:
    """The three-digit CVV of a card."""
    return _digits(seed, "cvv", card_token, 3)


def number_digest(seed: bytes, number: str) -> bytes:
    """What is stored to find a card by its number."""
    return hmac.new(seed, b"digest:" + number.encode(), hashlib.sha256).digest()
