"""The Lithic adapter: Lithic's wire <-> Signets' words, over the official SDK alone.

Pointing it at the local sandbox, at Lithic's sandbox or at production is one setting: the base
URL.
"""

from __future__ import annotations

from signets.issuers.lithic.adapter import LithicIssuer

__all__ = ["LithicIssuer"]
