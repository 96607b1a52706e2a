"""What a look at a Stripe account finds, and what it cannot: that is said every time."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.contract.sandbox_kit import KEY
from tests.contract.sandbox_stripe_kit import StripeNetwork, enrolled

from signets.app.ports import Finding, IssuerSecrets, Severity
from signets.issuers.stripe.adapter import StripeIssuer
from signets.issuers.stripe.events import EVENT_TYPES
from signets.issuers.stripe.options import StripeOptions

NOTICES = ["timeout_not_readable", "default_daily_limit"]


@pytest.fixture
async def network(sandbox_url: str) -> AsyncIterator[StripeNetwork]:
    """An account whose endpoint is told everything that we act on."""
    async with enrolled(sandbox_url) as running:
        endpoints = running.stripe.v1.webhook_endpoints
        [known] = (await endpoints.list_async()).data
        await endpoints.update_async(known.id, {"enabled_events": list(EVENT_TYPES)})
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


async def test_a_plan_says_what_enrolling_would_do(network: StripeNetwork) -> None:
    """Created, made anew or brought up to date; for whom cards are made; and nothing is touched."""
    url = f"{network.receiver.url}/events"

    async def planned(events_url: str = url, **options: str) -> list[str]:
        issuer = StripeIssuer(
            api_key=KEY, base_url=network.url, options=StripeOptions.parse(options)
        )
        steps = await issuer.plan_enrolment(
            authorize_url="https://x.y/authorize", events_url=events_url
        )
        await issuer.aclose()
        assert "https://x.y/authorize" in steps[1]
        return steps

    endpoints, holders = network.stripe.v1.webhook_endpoints, network.issuing.cardholders
    before = [one.id for one in (await endpoints.list_async()).data]
    new = await planned("https://x.y/events")
    assert new[0].startswith("create") and "hold the connection" in new[2]
    assert "to nobody yet" in new[3]
    assert "anew" in (await planned())[0]
    full = await planned(
        events_secret="whsec_1", authorization_secret="whsec_2", cardholder="ich_1"
    )
    assert "up to date" in full[0] and full[2].startswith("take") and "ich_1" in full[3]
    details = {"name": "Acme", "line1": "1", "city": "Reno", "postal_code": "1", "country": "US"}
    assert "new cardholder (company) Acme" in (await planned(**details))[3]
    await network.cardholder(metadata={"signets": "organization"})
    assert "carries our mark" in (await planned(**details))[3]
    assert [one.id for one in (await endpoints.list_async()).data] == before
    assert len((await holders.list_async()).data) == 1
