"""A local card network that speaks Lithic's and Stripe's wire APIs, with its own database.

Signets talks to it only over HTTP, through the official SDKs, exactly as it talks to an issuer.

- ``engine``: cards, purchases and their moves, faults, clock, deliveries; no wire format
- ``lithic_face``, ``stripe_face``: requests, objects, signed messages, each as its issuer's
- ``sim``: what no issuer offers (force posts, a clock, faults), under ``/_sim``
- ``scenarios``: named life cycles with a fixed seed, played through either face
"""

from __future__ import annotations

from signets.issuers.sandbox.app import create_app
from signets.issuers.sandbox.config import SandboxConfig

__all__ = ["SandboxConfig", "create_app"]
