"""A decline as a shop tells it: by the network's response code, which says little on purpose."""

from __future__ import annotations

from dataclasses import dataclass

from signets.issuers.sandbox.shop.acquirer import APPROVED


@dataclass(frozen=True, slots=True)
class Decline:
    """``field`` is the one of the form to look at, where the network names one."""

    message: str
    field: str | None = None


_BY_CODE = {
    "14": Decline("The card network knows no card with this number.", "number"),
    "46": Decline("The card is closed."),
    "51": Decline("The card does not have enough funds for this amount."),
    "54": Decline("The card has expired, or this is not its expiry date.", "expiry"),
    "57": Decline("The card may not be used at this shop."),
    "59": Decline("The card's issuer suspects fraud."),
    "61": Decline("The amount is above the card's limit."),
    "62": Decline("The card is restricted right now."),
    "65": Decline("The card was used too often, or for too much, in a short time."),
    "91": Decline("The card's issuer did not answer in time."),
    "N7": Decline("The security code is not this card's.", "cvc"),
}
_OTHER = Decline("The card's issuer said no.")


def decline_of(response_code: str | None) -> Decline:
    """What the shop says of a code; other codes, and those to come, are a plain no."""
    if response_code == APPROVED:
        raise ValueError("an approval is no decline")
    return _BY_CODE.get(response_code or "", _OTHER)
