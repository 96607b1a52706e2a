"""A local card network that speaks Lithic's wire API: a separate service with its own database.

Signets talks to it only over HTTP, through the official ``lithic`` SDK, exactly as it talks to
Lithic. What Lithic does not offer (force posts, a clock, faults) lies under ``/_sim``.
"""

from __future__ import annotations

from signets.issuers.sandbox.app import create_app
from signets.issuers.sandbox.config import SandboxConfig

__all__ = ["SandboxConfig", "create_app"]
