"""A small shop that sells API credits for a revealed card, as any shop on the internet would.

It is no part of Signets and none of the issuer: an application of its own that knows a card only by
what is typed into its form, and asks the card network for the money. What it sells is nothing.

- ``storefront``: whose shop it is, and what it sells
- ``form``: what was typed, checked before anybody is asked
- ``acquirer``: the shop's bank, which speaks to the network
- ``orders``: each checkout is charged at most once
- ``html``, ``pages``: what a person sees; ``app``: addresses, limits, answers
"""

from __future__ import annotations

from signets.issuers.sandbox.shop.app import ShopConfig, create_shop
from signets.issuers.sandbox.shop.storefront import Storefront, open_storefront

__all__ = ["ShopConfig", "Storefront", "create_shop", "open_storefront"]
