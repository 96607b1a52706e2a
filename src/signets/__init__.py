"""Signets: a self-hosted spend-control plane between AI agents and a card issuer.

The few public names are the SDK's. They are imported at first use, so that importing a part of
the product (``signets.core.money``) does not import an HTTP client.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from signets.client import errors as errors
    from signets.client import types as types
    from signets.client.client import AsyncSignets as AsyncSignets
    from signets.client.client import Signets as Signets
    from signets.client.errors import SignetsError as SignetsError

__all__ = ["AsyncSignets", "Signets", "SignetsError", "errors", "types"]

_HOMES = {
    "AsyncSignets": "signets.client.client",
    "Signets": "signets.client.client",
    "SignetsError": "signets.client.errors",
}


def __getattr__(name: str) -> Any:
    if name in {"errors", "types"}:
        return importlib.import_module(f"signets.client.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
