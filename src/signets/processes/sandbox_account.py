"""The account that an organization has at the sandbox issuer, through either of its faces."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from signets.app.records import Connection
    from signets.app.services import Services

#: A cardholder that the sandbox's Stripe face accepts without terms of service.
_HOLDER = {
    "type": "company",
    "name": "Example Inc",
    "line1": "510 Townsend St",
    "city": "San Francisco",
    "state": "CA",
    "postal_code": "94103",
    "country": "US",
}


class Face(StrEnum):
    """Whose wire API the sandbox speaks to Signets."""

    LITHIC = "lithic"
    STRIPE = "stripe"


async def connect_account(
    services: Services, org_id: str, face: Face, *, base_url: str, api_key: str, public_url: str
) -> Connection:
    """Connect the organization to the sandbox at ``base_url``; repeatable.

    Raises:
        IssuerUnavailable, IssuerRefused, httpx.HTTPError: The sandbox was not reached, or said no.
    """
    # Heavy, and not needed by the processes that only have the sandbox listen.
    from signets.app.connect_issuer import Account, addresses, connect_issuer

    account = Account(
        issuer="sandbox" if face is Face.LITHIC else "stripe",
        mode="sandbox" if face is Face.LITHIC else "test",
        base_url=base_url,
        public_url=public_url,
        api_key=api_key,
        options={} if face is Face.LITHIC else _HOLDER,
    )
    made = await connect_issuer(services, org_id, account)
    if face is Face.LITHIC:
        return made
    # The real-time endpoint is not in Stripe's API: what a person does in the dashboard, who then
    # gives us the secret it shows. The address has the connection's id in it, so this comes second.
    authorize_url, _ = addresses(made)
    options = {
        **_HOLDER,
        "authorization_secret": await _set_realtime(base_url, api_key, authorize_url),
        "events_secret": " ".join(services.issuers.secrets(made).events),
    }
    again = Account(
        issuer=account.issuer,
        mode=account.mode,
        base_url=base_url,
        public_url=public_url,
        api_key=api_key,
        options=options,
    )
    return await connect_issuer(services, org_id, again)


async def _set_realtime(base_url: str, api_key: str, url: str) -> str:
    """Where requests are sent, and that silence declines; the secret that signs them."""
    # Heavy: the command line names the faces without it.
    import httpx

    headers = {"Authorization": api_key}
    async with httpx.AsyncClient(base_url=base_url, headers=headers, trust_env=False) as http:
        answer = await http.post(
            "/_sim/stripe/realtime_endpoint", json={"url": url, "on_timeout": "decline"}
        )
        answer.raise_for_status()
        secret: str = answer.json()["secret"]
        return secret
