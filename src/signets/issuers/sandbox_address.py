"""The one address of all cards on the sandbox's Lithic face.

The sandbox checks against it what a checkout was given, and Signets gives it at reveal: Lithic's
card object carries no address, so the two have to know the same.
"""

from __future__ import annotations

from signets.app.ports import BillingAddress

SANDBOX_ADDRESS = BillingAddress(
    line1="1 Sandbox Street",
    city="San Francisco",
    state="CA",
    postal_code="94105",
    country="US",
)
