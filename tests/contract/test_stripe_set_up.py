"""What a look at a Stripe account finds, and what it cannot: that is said every time."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.contract.sandbox_kit import KEY
from tests.contract.sandbox_stripe_kit import StripeNetwork, enrolled

from signets.app.ports import Finding, IssuerSecrets, Severity
from signets.issuers.stripe import StripeIssuer
from signets.issuers.stripe.options import StripeOptions

NOTICES = ["timeout_not_readable", "default_daily_limit"]


@pytest.fixture
async def network(sandbox_url: str) -> AsyncIterator[StripeNetwork]:
    async with enrolled(sandbox_url) as running:
        yield running


async def look(
    network: StripeNetwork, secrets: IssuerSecrets, key: str = KEY, path: str = "events"
) -> list[Finding]:
    issuer = StripeIssuer(api_key=key, base_url=network.url, options=StripeOptions())
    found = await issuer.check_set_up(
        authorize_url="https://x.y/authorize",
        events_url=f"{network.receiver.url}/{path}",
        secrets=secrets,
    )
    await issuer.aclose()
    return found


async def test_all_that_can_be_read_is_well(network: StripeNetwork) -> None:
    """Notices alone: the timeout setting and the daily limit are a person's to look at."""
    secrets = IssuerSecrets((network.secrets["realtime"],), (network.secrets["events"],))
    found = await look(network, secrets)
    assert [one.code for one in found] == NOTICES
    assert {one.severity for one in found} == {Severity.NOTICE}
    assert "decline" in found[0].remedy and "https://x.y/authorize" in found[0].remedy


async def test_what_is_missing_is_named(network: StripeNetwork) -> None:
    """No secrets, no endpoint at our address, a refused key."""
    found = await look(network, IssuerSecrets((), ()), path="elsewhere")
    assert [one.code for one in found if one.severity is Severity.CRITICAL] == [
        "unsigned",
        "events_secret_unknown",
        "subscription_missing",
    ]
    [refused] = await look(network, IssuerSecrets((), ()), key="sandbox_wrong")
    assert (refused.code, refused.severity) == ("key_refused", Severity.CRITICAL)


async def test_an_endpoint_that_leaves_types_out(network: StripeNetwork) -> None:
    """Narrowed or disabled at Stripe: both are critical."""
    secrets = IssuerSecrets((network.secrets["realtime"],), (network.secrets["events"],))
    endpoints = network.stripe.v1.webhook_endpoints
    [known] = (await endpoints.list_async()).data
    await endpoints.update_async(known.id, {"enabled_events": ["issuing_authorization.created"]})
    narrowed = await look(network, secrets)
    assert narrowed[0].code == "event_types_missing"
    assert "issuing_transaction.created" in narrowed[0].sentence
    await endpoints.update_async(known.id, {"disabled": True})
    assert (await look(network, secrets))[0].code == "subscription_disabled"
