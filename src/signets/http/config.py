"""What the edge is told at start."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    """Settings of the HTTP edge.

    Attributes:
        version: Version of Signets, shown in the OpenAPI document.
        public_url: How the outside reaches the API (no trailing slash); ``None`` if not known.
        max_body: Most bytes of a request's body.
        check_seconds: Longest that one readiness check may take.
    """

    version: str
    public_url: str | None = None
    max_body: int = 1 << 20
    check_seconds: float = 2.0
