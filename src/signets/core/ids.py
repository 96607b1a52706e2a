"""Identifiers: a prefix that tells the kind, and a sortable 26-character suffix (TypeID).

``card_01m8613tcce609bb7kkadmk5wh`` is a UUIDv7 in Crockford base32 behind its prefix, so ids of
one kind sort by creation time. The core never *makes* an id (that needs a clock and randomness);
it only checks them. Source: the TypeID specification 0.3.
"""

from __future__ import annotations

import re
from enum import StrEnum

from signets.core.errors import invalid


class Prefix(StrEnum):
    """Every kind of object that has an id."""

    ORGANIZATION = "org"
    MEMBER = "mem"
    AGENT = "agt"
    KEY = "key"
    CONNECTION = "conn"  # issuer connection
    CARD = "card"
    INTENT = "int"
    APPROVAL = "apr"  # approval request
    WINDOW = "win"  # unlock window
    DECISION = "dec"  # one answered authorization request
    TRANSACTION = "txn"
    EVENT = "evt"  # issuer event received
    LEDGER = "led"  # ledger entry
    EVIDENCE = "evi"  # evidence entry
    REQUEST = "req"  # HTTP request
    ALERT = "alr"
    DISPUTE = "dsp"
    REVIEW = "mrv"  # of a merchant
    RULING = "mrl"


_FORMS = {
    prefix: re.compile(prefix.value + "_[0-7][0-9abcdefghjkmnpqrstvwxyz]{25}") for prefix in Prefix
}


def is_id(text: str, prefix: Prefix) -> bool:
    """Whether ``text`` is a well-formed id of this kind."""
    return _FORMS[prefix].fullmatch(text) is not None


def parse_id(text: str, prefix: Prefix, *, param: str) -> str:
    """``text`` itself, checked.

    Raises:
        Refusal: ``id_invalid``, naming the field and the expected form.
    """
    if not is_id(text, prefix):
        raise invalid(
            "id_invalid",
            f"`{param}` must be an id like `{prefix.value}_01h455vb4pex5vsknk084sn02q`",
            param=param,
        )
    return text
