"""Stripe's wire API over the network: Issuing, its test helpers, webhook endpoints, events."""

from __future__ import annotations
