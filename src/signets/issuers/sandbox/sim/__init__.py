"""``/_sim``: what no issuer has an endpoint for, so that tests and demonstrations can ask."""

from __future__ import annotations
