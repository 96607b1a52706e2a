"""What a Stripe connection needs beyond its key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import stripe

#: The key of our entry in the metadata of cards and cardholders.
MARK = "signets"


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeOptions:
    """Options of one connection; ``repr`` shows no secret.

    Attributes:
        authorization_secrets: Of the real-time endpoint; several while one is rotated.
        events_secrets: Of the events endpoint, where it was made by hand.
        cardholder: ``ich_…`` whose cards all of them are. Without it, the active cardholder that
            carries our ``mark`` in its metadata is used, and made from the fields below where
            there is none.
        mark: Tells cardholders apart where several connections share an account.
        currency: ISO 4217 in lower case, of every card.
        type: ``company`` or ``individual``. A US individual must accept terms at Stripe first.
    """

    authorization_secrets: tuple[str, ...] = field(default=(), repr=False)
    events_secrets: tuple[str, ...] = field(default=(), repr=False)
    cardholder: str = ""
    mark: str = "organization"
    currency: str = "usd"
    type: str = "company"
    name: str = ""
    email: str = ""
    phone_number: str = ""
    line1: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""

    @classmethod
    def parse(cls, options: Mapping[str, str]) -> StripeOptions:
        """From plain text: ``authorization_secret`` and ``events_secret`` take several, spaced.

        Raises:
            ValueError: Naming an option that does not exist.
        """
        known = {one.name for one in fields(cls)} - {"authorization_secrets", "events_secrets"}
        secrets = ("authorization_secret", "events_secret")
        for name in options:
            if name not in known and name not in secrets:
                raise ValueError(f"`{name}` is not an option of a Stripe connection")
        authorization, events = (tuple(options.get(name, "").split()) for name in secrets)
        plain = {name: value for name, value in options.items() if name in known}
        if "currency" in plain:
            plain["currency"] = plain["currency"].lower()
        return cls(authorization_secrets=authorization, events_secrets=events, **plain)

    def new_cardholder(self) -> stripe.params.issuing.CardholderCreateParams | None:
        """A cardholder as Stripe takes it; ``None`` where something required is missing."""
        if not all((self.name, self.line1, self.city, self.postal_code, self.country)):
            return None
        address: stripe.params.issuing.CardholderCreateParamsBillingAddress = {
            "line1": self.line1,
            "city": self.city,
            "postal_code": self.postal_code,
            "country": self.country,
        }
        if self.state:
            address["state"] = self.state
        made: stripe.params.issuing.CardholderCreateParams = {
            "name": self.name,
            "type": self.type,
            "billing": {"address": address},
        }
        if self.email:
            made["email"] = self.email
        if self.phone_number:
            made["phone_number"] = self.phone_number
        return made

    def cardholder_key(self) -> str:
        """The idempotency key of making it: the same details, the same cardholder."""
        said = json.dumps([self.mark, self.new_cardholder()], sort_keys=True)
        return f"signets-cardholder-{hashlib.sha256(said.encode()).hexdigest()}"
