"""One seeded stream of purchases, judged by our engine and by the peer's pure function.

Ours runs for real: an intent is declared, its card is charged, time is moved. Each charge is then
put to the peer at the very instant at which ours decided, with the same spending before it, so that
one difference does not lead to others. Every difference has to have a known cause.
"""

from __future__ import annotations

import random
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.postgres.process_kit import AWS, Tenant, charge, new_tenant, tenant_runtime

from bench.peer_theirs import judge, policy
from signets.app.caller import Caller
from signets.app.make_card import NewCard, make_card
from signets.app.ports import IssuerCard, IssuerCardState
from signets.core.authorization.request import AuthorizationRequest
from signets.core.intent import IntentState
from signets.core.merchant.directory import Directory
from signets.core.policy.model import Cap, Scope, Window
from signets.core.velocity import Usage, check_cap, used_since

PURCHASES = 120
CAP, CEILING, THRESHOLD, SECONDS = 5000, 4500, 2000, 60
_RULES = policy(window=f"{SECONDS}s", ceiling="45.00", cap="50.00", threshold="20.00")

_SMALL = {"name": "small", "when": {"up_to": THRESHOLD, "currency": "USD"}, "then": "approve"}

#: What each of the peer's codes is called here.
_SAME = {
    "WITHIN_POLICY": "approved",
    "MERCHANT_NOT_ALLOWED": "merchant_mismatch",
    "OVER_PER_TXN_CAP": "spending_limit_exceeded",
    "OVER_ROLLING_WINDOW": "velocity_exceeded",
    "APPROVAL_REQUIRED": "approval",
}

#: (what was asked, ours, theirs): why they differ.
CAUSES = {
    ("again", "approved", "OVER_ROLLING_WINDOW"): (
        "the network repeats a request: ours is the stored answer and holds nothing twice; the "
        "peer knows no repeats and counts it as another payment"
    ),
    ("zero", "approved", "INVALID_AMOUNT"): (
        "amount 0 is how merchants verify a card: allowed a few times a day; the peer refuses it"
    ),
    ("buy", "approval", "OVER_PER_TXN_CAP"): (
        "precedence: ours asks when the intent is declared, before any charge, and checks the "
        "limit at the charge; the peer checks the cap before it asks"
    ),
    ("buy", "approval", "OVER_ROLLING_WINDOW"): (
        "precedence: a rolling cap that is full now may be open when the charge comes, so ours "
        "asks first; the peer refuses before it asks"
    ),
}
_ALL = (*_SAME, "INVALID_AMOUNT")
CAUSES |= {
    ("buy", "denied", code): (
        "both refuse; ours when the intent is declared, because its maximum is above what the cap "
        "leaves, so that no card is opened for it"
    )
    for code in ("OVER_ROLLING_WINDOW", "OVER_PER_TXN_CAP")
}
CAUSES[("elsewhere", "denied", "MERCHANT_NOT_ALLOWED")] = (
    "both refuse; ours already the intent, before it is known where the card will be charged"
)
CAUSES |= {
    ("split", "approval", code): (
        "splitting: with others of the last seconds it is above the threshold, so ours asks; the "
        "peer judges each payment alone"
    )
    for code in _ALL
}
CAUSES |= {
    ("more", "amount_exceeds_intent", code): (
        "the charge is above what was declared: the peer has no declared amount to hold it against"
    )
    for code in _ALL
}


@dataclass
class Comparison:
    """What the two said."""

    agreed: Counter[str] = field(default_factory=Counter)
    explained: Counter[str] = field(default_factory=Counter)
    unexplained: list[str] = field(default_factory=list)
    edges: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Judged:
    """One purchase, and what ours said at ``at``."""

    what: str
    cents: int
    merchant: str
    at: datetime
    ours: str
    history: tuple[tuple[str, int], ...]


async def compare(data_dir: Path, directory: Directory, seed: int) -> Comparison:
    """Play the stream, ask the peer, and sort what differs by its cause."""
    shift = {"by": timedelta()}
    async with tenant_runtime(data_dir, directory, shift=shift) as runtime:
        tenant = await new_tenant(
            runtime,
            "oracle",
            rules=[
                {
                    "name": "small",
                    "when": {"up_to": THRESHOLD, "currency": "USD"},
                    "then": "approve",
                }
            ],
            caps=[
                {
                    "name": "minute",
                    "scope": "agent",
                    "window": f"{SECONDS}s",
                    "max_amount": CEILING,
                    "currency": "USD",
                }
            ],
        )
        judged = await _play(tenant, random.Random(seed), shift)
    theirs = judge(
        _RULES,
        [
            {
                "merchant": one.merchant,
                "cents": one.cents,
                "at": one.at.isoformat(),
                "history": one.history,
            }
            for one in judged
        ],
    )
    found = Comparison()
    for one, code in zip(judged, theirs, strict=True):
        if _SAME.get(code) == one.ours:
            found.agreed[one.ours] += 1
        elif cause := CAUSES.get((one.what, one.ours, code)):
            found.explained[f"ours {one.ours}, theirs {code}: {cause}"] += 1
        else:
            found.unexplained.append(f"{one.what} of {one.cents}: ours {one.ours}, theirs {code}")
    found.edges = _edges()
    return found


async def _play(tenant: Tenant, rng: random.Random, shift: dict[str, timedelta]) -> list[_Judged]:
    agent = await tenant.agent("bot")
    judged: list[_Judged] = []
    history: list[tuple[str, int]] = []
    last: AuthorizationRequest | None = None
    for _ in range(PURCHASES):
        # Often just before or just after a payment leaves the window.
        shift["by"] += timedelta(seconds=rng.choice((5, 10.6, 10.6, 10.6, 14, 29.8, 59.7, 60.2)))
        what = rng.choice(("buy",) * 7 + ("elsewhere", "again", "zero", "more"))
        merchant = "openai.com"
        if what == "again":
            if last is None:
                continue
            request = last
        else:
            cents = 0 if what == "zero" else rng.choice((150, 800, 1999, 2000, 2001, 4999, 5001))
            if what == "elsewhere":
                cents, merchant = min(cents, THRESHOLD), "aws.amazon.com"
            if what == "more":
                cents = rng.choice((900, 2500, 5001))
            request = await _declared(tenant, agent, cents, merchant, more=what == "more")
        before = tuple(history)
        if isinstance(request, str):
            at = await tenant.services.store.now()
            why = "split" if request == "approval" and cents <= THRESHOLD else what
            judged.append(_Judged(why, cents, merchant, at, request, before))
            continue
        [answer] = await tenant.decide(request)
        row = answer.decision
        at = row.decided_at if answer.fresh else await tenant.services.store.now()
        ours = "approved" if row.approved else row.reason or ""
        judged.append(_Judged(what, request.amount, merchant, at, ours, before))
        if answer.fresh and row.approved and row.hold:
            history.append((row.decided_at.isoformat(), row.hold))
            last = request
    return judged


async def _declared(
    tenant: Tenant, agent: Caller, cents: int, merchant: str, *, more: bool
) -> AuthorizationRequest | str:
    """The charge of an intent on a card of its own, or what became of the intent before any.

    ``more``: less was declared than is charged.
    """
    async with tenant.services.store.transaction(tenant.org_id) as uow:
        owner = await uow.identity.agent(agent.agent_id or "")
        assert owner is not None
        card = await make_card(
            tenant.services,
            uow,
            owner,
            NewCard(
                merchant_lock=("openai.com",),
                spending_limit=10_000,
                currency="USD",
                recurring=False,
                per_authorization_limit=CAP,
            ),
            actor="system",
        )
        token = str(uuid.uuid4())
        issued = IssuerCard(
            token=token,
            last_four="4242",
            exp_month=1,
            exp_year=2030,
            state=IssuerCardState.PAUSED,
        )
        await uow.cards.set_issued(card.id, issued)
    intent = await tenant.intent(
        agent, 500 if more else max(cents, 101), card_id=card.id, workflow=str(uuid.uuid4())
    )
    if intent.state == IntentState.PENDING_APPROVAL:
        split = any("split" in str(one) for one in intent.verdict["reasons"])
        assert split or cents > THRESHOLD, intent.verdict
        return "approval"
    if intent.state == IntentState.DENIED:
        return "denied"
    extra: dict[str, Any] = {"merchant": AWS} if merchant != "openai.com" else {}
    return charge(str(uuid.uuid4()), token, cents, **extra)


def _edges() -> list[str]:
    """The edge itself, to the microsecond: the pure functions of both, on one payment of $10.00.

    Returns sentences; one that begins with ``DIFFERENT`` is a difference.
    """
    now = datetime.fromisoformat("2026-03-08T06:59:59.999999+00:00")
    cap = Cap(
        name="minute",
        scope=(Scope.AGENT,),
        window=Window(seconds=SECONDS),
        max_amount=CEILING,
        currency="USD",
    )
    tick = timedelta(microseconds=1)
    probes = [("one microsecond inside", tick), ("exactly at", timedelta()), ("past", -tick)]
    stream = [
        {
            "merchant": "openai.com",
            "cents": 1000,
            "at": now.isoformat(),
            "history": [
                ((now - timedelta(seconds=SECONDS) + off).isoformat(), 2500),
                (now.isoformat(), 1500),
            ],
        }
        for _, off in probes
    ]
    said = []
    for (name, off), code in zip(probes, judge(_RULES, stream), strict=True):
        inside = now - timedelta(seconds=SECONDS) + off > used_since(cap.window, now, "UTC")
        result = check_cap(
            cap,
            Usage(count=2, amount=4000 if inside else 1500),
            amount=1000,
            currency="USD",
            counts=True,
            now=now,
            zone="UTC",
        )
        ours = "lets it through" if result.fits else "declines"
        theirs = "lets it through" if code == "WITHIN_POLICY" else "declines"
        verdict = "agree" if ours == theirs else "DIFFERENT"
        said.append(f"{verdict}: a payment {name} the window's edge: ours {ours}, theirs {theirs}")
    return said
