"""What a look at a Lithic account finds: all of it by name, and nothing where all is well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.contract.sandbox_kit import KEY, Network, network

from signets.app.ports import (
    BodyUnreadable,
    Claim,
    DisputeEvidence,
    DisputeOutcome,
    DisputeReason,
    Finding,
    IssuerRefused,
    IssuerSecrets,
    ProvisionalStep,
    Severity,
)
from signets.issuers.lithic.adapter import LithicIssuer
from signets.issuers.lithic.disputes import DISPUTE_REASONS, read_credits, read_dispute
from signets.issuers.lithic.set_up import EVENT_TYPES, WORDS


def adapter(sandbox: Network, ahead: timedelta = timedelta(), key: str = KEY) -> LithicIssuer:
    """Whose machine's clock is ``ahead``."""
    return LithicIssuer(api_key=key, base_url=sandbox.url, now=lambda: datetime.now(UTC) + ahead)


async def enrolled(sandbox: Network) -> IssuerSecrets:
    issuer = adapter(sandbox)
    secrets = await issuer.enroll(
        authorize_url=sandbox.receiver.authorize_url, events_url=sandbox.receiver.events_url
    )
    await issuer.aclose()
    return secrets


async def look(sandbox: Network, issuer: LithicIssuer, secrets: IssuerSecrets) -> list[Finding]:
    found = await issuer.check_set_up(
        authorize_url=sandbox.receiver.authorize_url,
        events_url=sandbox.receiver.events_url,
        secrets=secrets,
    )
    await issuer.aclose()
    return found


async def test_all_is_well(sandbox: Network) -> None:
    """Enrolled, subscribed and in time: nothing to say; and looking changed nothing."""
    secrets = await enrolled(sandbox)
    before = (await sandbox.sim.get("/v1/event_subscriptions")).json()
    assert await look(sandbox, adapter(sandbox), secrets) == []
    assert (await sandbox.sim.get("/v1/event_subscriptions")).json() == before


async def test_a_plan_says_what_enrolling_would_do_and_touches_nothing(sandbox_url: str) -> None:
    """Nothing there, then all there, then moved and narrowed; no secret is made by looking."""
    async with network(sandbox_url) as sandbox:
        issuer = adapter(sandbox)

        async def planned(path: str = "") -> list[str]:
            receiver = sandbox.receiver
            steps = await issuer.plan_enrolment(
                authorize_url=receiver.authorize_url + path, events_url=receiver.events_url
            )
            return [step.split()[0] for step in steps]

        assert await planned() == ["enrol", "create", "read"]
        await look(sandbox, adapter(sandbox), IssuerSecrets((), ()))
        # Requests are unsigned until a secret is first read: neither look has read one.
        await sandbox.sim.post(
            "/v1/responder_endpoints",
            json={"type": "AUTH_STREAM_ACCESS", "url": sandbox.receiver.authorize_url},
        )
        await sandbox.authorize(await sandbox.card(), 100)
        assert "webhook-signature" not in sandbox.receiver.asked[-1].headers

        await enrolled(sandbox)
        assert await planned() == ["leave", "leave", "read"]
        [known] = (await sandbox.sim.get("/v1/event_subscriptions")).json()["data"]
        where = f"/v1/event_subscriptions/{known['token']}"
        only = {"url": known["url"], "event_types": ["card.created"]}
        await sandbox.sim.patch(where, json=only)
        assert await planned("/else") == ["move", "mend", "read"]
        await issuer.aclose()


async def test_our_own_secrets_missing(sandbox: Network) -> None:
    """Signed with what is not stored here: both kinds are named, and both are critical."""
    await enrolled(sandbox)
    found = await look(sandbox, adapter(sandbox), IssuerSecrets((), ()))
    assert [one.code for one in found] == ["secret_unknown", "events_secret_unknown"]
    assert {one.severity for one in found} == {Severity.CRITICAL}
    assert all(one.sentence and one.remedy for one in found)


@pytest.mark.parametrize(
    ("ahead", "severity"),
    [(60, Severity.WARNING), (600, Severity.CRITICAL), (-600, Severity.CRITICAL)],
)
def test_the_clock(ahead: int, severity: Severity) -> None:
    """A minute warns; where signatures are about to fail it is critical; no date says nothing."""
    date = "Tue, 24 Nov 2026 05:00:00 GMT"
    there = datetime(2026, 11, 24, 5, tzinfo=UTC)
    [found] = WORDS.clock_skew(date, there + timedelta(seconds=ahead))
    assert (found.code, found.severity) == ("clock_skew", severity)
    assert f"{abs(ahead)} s" in found.sentence
    assert WORDS.clock_skew(date, there + timedelta(seconds=2)) == []
    assert WORDS.clock_skew(None, there) == WORDS.clock_skew("yesterday", there) == []


async def test_a_wrong_key_and_nobody_there(sandbox: Network) -> None:
    """Neither raises: both are findings, one critical, one a warning."""
    secrets = IssuerSecrets((), ())
    [refused] = await look(sandbox, adapter(sandbox, key="sandbox_wrong"), secrets)
    assert (refused.code, refused.severity) == ("key_refused", Severity.CRITICAL)
    gone = LithicIssuer(api_key=KEY, base_url="http://127.0.0.1:9", timeout_seconds=1)
    [found] = await look(sandbox, gone, secrets)
    assert (found.code, found.severity) == ("unreachable", Severity.WARNING)


async def test_every_type_that_we_act_on_is_subscribed(sandbox: Network) -> None:
    """Enrolling mends a subscription that leaves out a type, and adds no second one."""
    await enrolled(sandbox)
    [known] = (await sandbox.sim.get("/v1/event_subscriptions")).json()["data"]
    where = f"/v1/event_subscriptions/{known['token']}"
    only = {"url": known["url"], "event_types": ["card_transaction.updated"]}
    await sandbox.sim.patch(where, json=only)
    secrets = await enrolled(sandbox)
    [mended] = (await sandbox.sim.get("/v1/event_subscriptions")).json()["data"]
    assert set(mended["event_types"]) == set(EVENT_TYPES)
    assert await look(sandbox, adapter(sandbox), secrets) == []


async def test_a_dispute_is_opened_once_and_withdrawn(sandbox: Network) -> None:
    """The same id finds the first claim; Lithic's refusal is the port's."""
    secrets = await enrolled(sandbox)
    assert secrets.events
    card = await sandbox.card(state="OPEN")
    token = await sandbox.authorize(card, 2000)
    issuer = adapter(sandbox)
    claim = Claim(
        dispute_id="dsp_01h455vb4pex5vsknk084sn02q",
        transaction_token=token,
        amount=1500,
        currency="USD",
        reason=DisputeReason.DUPLICATE,
        note="twice",
        evidence=DisputeEvidence(),
        bought="OPENAI",
        bought_at=datetime.now(UTC),
    )
    assert issuer.missing_evidence(claim) is None
    with pytest.raises(IssuerRefused, match="settled"):
        await issuer.open_dispute(claim)
    await sandbox.lithic.transactions.simulate_clearing(token=token)
    made = await issuer.open_dispute(claim)
    assert (made.transaction_token, made.outcome) == (token, DisputeOutcome.WAITING)
    assert made.dispute_id == claim.dispute_id
    assert (await issuer.open_dispute(claim)).token == made.token
    raw = await sandbox.lithic.disputes.retrieve(made.token)
    note = f"twice [{claim.dispute_id}]"
    assert (raw.amount, raw.reason, raw.customer_note) == (1500, "DUPLICATED", note)
    assert (await issuer.withdraw_dispute(made.token)).outcome is DisputeOutcome.WITHDRAWN
    with pytest.raises(IssuerRefused):
        await issuer.withdraw_dispute(made.token)
    await issuer.aclose()


DISPUTE: dict[str, Any] = {
    "token": "d-1",
    "transaction_token": "t-1",
    "amount": 2000,
    "created": "2026-11-24T05:00:00Z",
    "status": "NEW",
}


@pytest.mark.parametrize(
    ("status", "resolution", "outcome"),
    [
        ("NEW", None, DisputeOutcome.WAITING),
        ("REPRESENTMENT", None, DisputeOutcome.WAITING),
        ("A_NEWER_WORD", None, DisputeOutcome.WAITING),
        ("CASE_WON", None, DisputeOutcome.WON),
        ("CASE_CLOSED", None, DisputeOutcome.LOST),
        ("CASE_CLOSED", "CASE_LOST", DisputeOutcome.LOST),
        ("CASE_CLOSED", "A_NEWER_WORD", DisputeOutcome.LOST),
        ("CASE_CLOSED", "WITHDRAWN", DisputeOutcome.WITHDRAWN),
        ("CASE_CLOSED", "WON_ARBITRATION", DisputeOutcome.WON),
    ],
)
def test_what_a_dispute_came_to(
    status: str, resolution: str | None, outcome: DisputeOutcome
) -> None:
    """Lithic's status and resolution in our words; an unknown one waits, and is never money."""
    told = read_dispute({**DISPUTE, "status": status, "resolution_reason": resolution})
    assert (told.outcome, told.amount, told.raw_status) == (outcome, 2000, status)


def test_every_reason_has_a_word() -> None:
    """No reason of ours is without one of Lithic's."""
    assert set(DISPUTE_REASONS) == set(DisputeReason)


def test_provisional_credits_are_read_step_by_step() -> None:
    """Granted and taken back, by Lithic's own tokens; other events of a claim say nothing."""
    steps = [
        {"token": "1", "type": "WORKFLOW", "data": {"action": "OPENED", "amount": 9}},
        *(
            {
                "token": token,
                "type": "CARDHOLDER_LIABILITY",
                "data": {"action": f"PROVISIONAL_CREDIT_{word}", "amount": 500},
            }
            for token, word in (("2", "GRANTED"), ("3", "REVERSED"))
        ),
    ]
    body = {"transaction_series": {"related_transaction_token": "t-1"}, "events": steps}
    read = (ProvisionalStep(token="2", amount=500), ProvisionalStep(token="3", amount=-500))
    assert read_credits(body) == ("t-1", read)
    with pytest.raises(BodyUnreadable):
        read_credits({"events": "none"})
