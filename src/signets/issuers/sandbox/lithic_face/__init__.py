"""Lithic's wire API over the network: cards, auth rules, simulations, ASA, event subscriptions."""

from __future__ import annotations
