"""Any single body of any issuer in our normal form, for people who hold one in a file.

No signature is asked for: nothing that comes from here is acted upon.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from signets.app.ports import BodyUnreadable
from signets.issuers.profile import NormalForm
from signets.issuers.registry import READERS


def read_any(issuer: str, raw: bytes) -> NormalForm:
    """An authorization request, a transaction or a card.

    Raises:
        BodyUnreadable: naming the field; ``body`` where it is no JSON object at all.
    """
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise BodyUnreadable("body", "the body is not JSON") from None
    if not isinstance(body, dict):
        raise BodyUnreadable("body", "the body is not a JSON object")
    for path, value in _texts(body):
        if "\0" in value or not _encodable(value):
            # A name can hold what no terminal shows, too.
            path = path.encode(errors="backslashreplace").decode()
            raise BodyUnreadable(path, f"`{path}` holds NUL or half a surrogate pair")
    return READERS[issuer](body)


def _texts(body: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Every string in the body with its dotted path."""
    waiting: list[tuple[str, object]] = list(body.items())
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            waiting += [(f"{path}.{name}", inner) for name, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{path}.{index}", inner) for index, inner in enumerate(value)]


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
