"""An organization straight on the database, and an audit of its raw rows by SQL of its own.

No HTTP and no issuer: cards are issued by a row, requests are values, so that what is under test
is the engine on the real database, in one process or in many.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from signets.app.authenticate import authenticate
from signets.app.caller import Caller
from signets.app.decide_authorization import Answered
from signets.app.decide_batch import decide_batch
from signets.app.declaration import SubmitIntent
from signets.app.make_card import NewCard, make_card
from signets.app.manage_identity import add_agent, add_member, write_key
from signets.app.ports import IssuerCard, IssuerCardState, IssuerSecrets
from signets.app.records import Card, Connection, Intent, KeyOwner
from signets.app.services import Services
from signets.app.set_policy import set_policy
from signets.app.set_up_organization import set_up_organization
from signets.app.submit_intent import declare
from signets.bootstrap import Runtime, open_runtime
from signets.core.approval import Role
from signets.core.authorization.request import AuthorizationRequest, RequestKind
from signets.core.card import LimitPeriod
from signets.core.ids import Prefix
from signets.core.merchant.directory import Directory
from signets.core.merchant.model import Merchant
from signets.issuers.sandbox.signing import signed_headers
from signets.settings import Settings

OPENAI = Merchant(
    descriptor="OPENAI *CHATGPT SUBSCR", mcc="5734", country="US", city="SAN FRANCISCO"
)
AWS = Merchant(descriptor="AMAZON WEB SERVICES", mcc="7372", country="US", city="AWS.AMAZON.CO")
PIZZA = Merchant(descriptor="JOES PIZZA 42", mcc="5812", country="US", city="NEW YORK")
VENDORS = {"openai.com": OPENAI, "aws.amazon.com": AWS}

#: Any secret key in Standard Webhooks' form; both ends of a test sign and verify with it.
SECRET = "whsec_" + "QUFB" * 10 + "QUE="
#: Where nothing listens: whoever calls the issuer is refused at once.
NOWHERE = "http://127.0.0.1:9"


def policy_document(**changes: Any) -> dict[str, Any]:
    """A policy that stands in nobody's way, with what a test sets."""
    return {
        "version": 1,
        "time_zone": "UTC",
        "default": "escalate",
        "tolerance": {"percent": 0, "absolute": 0},
        "window": "12h",
        "grace": "10m",
        "duplicates": {"action": "escalate", "within": "10s"},
        "split_window": "10s",
        "breaker": {"declines": 1000, "within": "10m"},
        "verification": {"per_day": 100},
        "rules": [{"name": "all", "then": "approve"}],
        **changes,
    }


def charge(
    token: str,
    card_token: str,
    amount: int,
    *,
    merchant: Merchant = OPENAI,
    created: datetime | None = None,
    kind: RequestKind = RequestKind.PURCHASE,
) -> AuthorizationRequest:
    """A request as the issuer's adapter would read it, in US dollars."""
    created = created or datetime(2026, 1, 1, tzinfo=UTC)
    said = f"{kind} {amount} {created.isoformat()}"
    return AuthorizationRequest(
        request_id=token,
        kind=kind,
        card_token=card_token,
        amount=amount,
        currency="USD",
        merchant_amount=amount,
        merchant_currency="USD",
        merchant=merchant,
        created=created,
        fingerprint=hashlib.sha256(said.encode()).hexdigest(),
    )


@dataclass
class Tenant:
    """One organization with its admin, on one runtime."""

    runtime: Runtime
    admin: Caller
    connection_id: str

    @property
    def services(self) -> Services:
        return self.runtime.services

    @property
    def org_id(self) -> str:
        return self.admin.org_id

    async def policy(self, **changes: Any) -> None:
        """Put another policy in force."""
        await set_policy(self.services, self.admin, policy_document(**changes))

    async def token(self, *, agent: str | None = None, member_id: str | None = None) -> str:
        """An API key of an agent or a member."""
        owner = KeyOwner.AGENT if agent else KeyOwner.MEMBER
        async with self.services.store.transaction(self.org_id) as uow:
            _, token = await write_key(
                self.services,
                uow,
                actor="system",
                owner=owner,
                name="test",
                agent=agent,
                member_id=member_id,
            )
        return token

    async def agent(self, handle: str) -> Caller:
        """A new agent, as a caller."""
        await add_agent(self.services, self.admin, handle=handle)
        return await authenticate(self.services, await self.token(agent=handle))

    async def approver(self, email: str) -> str:
        """A new approver's API key."""
        member = await add_member(
            self.services, self.admin, email=email, name=email, role=Role.APPROVER
        )
        return await self.token(member_id=member.id)

    async def card(
        self,
        agent: Caller,
        *,
        limit: int,
        lock: Sequence[str] = ("openai.com",),
        period: LimitPeriod = LimitPeriod.LIFETIME,
    ) -> Card:
        """A card that the issuer has made, without an issuer."""
        async with self.services.store.transaction(self.org_id) as uow:
            found = await uow.identity.agent(agent.agent_id or "")
            assert found is not None
            new = NewCard(
                merchant_lock=tuple(lock),
                spending_limit=limit,
                currency="USD",
                recurring=False,
                limit_period=period,
            )
            card = await make_card(self.services, uow, found, new, actor="system")
            issued = IssuerCard(
                token=str(uuid.uuid4()),
                last_four="4242",
                exp_month=1,
                exp_year=2030,
                state=IssuerCardState.PAUSED,
            )
            await uow.cards.set_issued(card.id, issued)
            made = await uow.cards.get(card.id)
            assert made is not None
            return made

    async def intent(self, caller: Caller, amount: int, **fields: Any) -> Intent:
        """Declare an intent; what became of it."""
        vendor = fields.pop("vendor", "openai.com")
        command = SubmitIntent(
            purpose="test", expected_amount=amount, expected_merchant=vendor, **fields
        )
        async with self.services.store.transaction(self.org_id) as uow:
            declared = await declare(self.services, uow, caller, command)
            found = await uow.intents.get(declared.intent_id)
            assert found is not None
            return found

    async def decide(self, *requests: AuthorizationRequest) -> list[Answered]:
        """All requests in one batch."""
        return await decide_batch(self.services, self.org_id, self.connection_id, requests)


async def new_tenant(runtime: Runtime, name: str, **policy: Any) -> Tenant:
    """An organization with an enrolled issuer connection that leads nowhere."""
    services = runtime.services
    made = await set_up_organization(
        services,
        name=name,
        currency="USD",
        admin_email=f"ada@{name}.test",
        admin_name="Ada",
    )
    org_id = made.organization.org_id
    async with services.store.transaction(org_id) as uow:
        connection = Connection(
            org_id=org_id,
            id=services.new_id(Prefix.CONNECTION),
            issuer="sandbox",
            mode="sandbox",
            base_url=NOWHERE,
            api_key_sealed=services.vault.seal(org_id, b"sandbox_test"),
            secrets_sealed=services.issuers.seal_secrets(
                org_id, IssuerSecrets(authorization=(SECRET,), events=(SECRET,))
            ),
            enrolled_at=uow.now,
            created_at=uow.now,
        )
        await uow.issuers.save_connection(connection)
    admin = await authenticate(services, made.admin_token)
    tenant = Tenant(runtime, admin, connection.id)
    await tenant.policy(**policy)
    return tenant


@asynccontextmanager
async def tenant_runtime(
    data_dir: Path,
    directory: Directory | None,
    *,
    url: str | None = None,
    shift: dict[str, timedelta] | None = None,
) -> AsyncIterator[Runtime]:
    """A runtime on a migrated database (without a URL: on the data folder's own)."""
    settings = Settings(database_url=url, data_dir=data_dir)
    moved = shift if shift is not None else {"by": timedelta()}
    async with open_runtime(
        settings,
        shift=lambda: moved["by"],
        upgrade=url is None,
        directory=directory,
    ) as runtime:
        yield runtime


def asa_request(
    token: str, card_token: str, amount: int, *, merchant: Merchant = OPENAI
) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a signed Auth Stream Access request, as Lithic sends it."""
    money = {"amount": amount, "currency": "USD"}
    body = json.dumps(
        {
            "token": token,
            "status": "AUTHORIZATION",
            "created": "2026-01-01T00:00:00Z",
            "amount": amount,
            "amounts": {
                "cardholder": {**money, "conversion_rate": "1.000000"},
                "hold": money,
                "merchant": money,
                "settlement": None,
            },
            "card": {"token": card_token},
            "event_type": "card_authorization.approval_request",
            "merchant": {
                "descriptor": merchant.descriptor,
                "acceptor_id": "123456",
                "mcc": merchant.mcc,
                "country": "USA",
                "city": merchant.city,
            },
        }
    ).encode()
    return body, signed_headers(f"msg_{token}", body, [SECRET])


# ── the audit ──────────────────────────────────────────────────────────────────────────────────


def rows(url: str, sql: str, *parameters: Any) -> list[dict[str, Any]]:
    """What a query of the test's own finds."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(sql, parameters).fetchall()


def value(url: str, sql: str, *parameters: Any) -> Any:
    """The one value of the one row."""
    [row] = rows(url, sql, *parameters)
    [found] = row.values()
    return found


#: Each query finds what must not exist; its name says what that is. %(org)s is the organization.
_WRONG = {
    "accounts do not sum to zero": """
        SELECT currency, sum(amount) FROM (
            SELECT currency, amount FROM posting WHERE org_id = %(org)s
            UNION ALL SELECT currency, -amount FROM posting WHERE org_id = %(org)s) lines
        GROUP BY currency HAVING sum(amount) <> 0""",
    "a transaction's hold is not in the ledger": """
        SELECT t.id, t.held, l.amount FROM transaction t LEFT JOIN LATERAL (
            SELECT coalesce(sum(CASE WHEN debit = 'auth_held' THEN amount ELSE -amount END), 0)
                AS amount FROM posting p WHERE p.org_id = t.org_id AND p.transaction_id = t.id
                AND 'auth_held' IN (p.debit, p.credit)) l ON true
        WHERE t.org_id = %(org)s AND t.card_id IS NOT NULL AND t.held <> l.amount""",
    "a transaction's spend is not in the ledger": """
        SELECT t.id, t.cleared, t.refunded, t.recovered, l.amount FROM transaction t
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(CASE WHEN debit = 'issuer_payable' THEN amount ELSE -amount END),
                0) AS amount FROM posting p WHERE p.org_id = t.org_id
                AND p.transaction_id = t.id AND 'issuer_payable' IN (p.debit, p.credit)) l ON true
        WHERE t.org_id = %(org)s AND t.card_id IS NOT NULL
          AND t.refunded + t.recovered - t.cleared <> l.amount""",
    "a reservation is not in the ledger": """
        SELECT e.subject_id, e.reserved, l.amount FROM exposure e JOIN LATERAL (
            SELECT coalesce(sum(CASE WHEN debit = 'intent_reserved' THEN amount ELSE -amount END),
                0) AS amount FROM posting p WHERE p.org_id = e.org_id
                AND p.intent_id = e.subject_id
                AND 'intent_reserved' IN (p.debit, p.credit)) l ON true
        WHERE e.org_id = %(org)s AND e.reserved <> l.amount""",
    "a reservation is not what its intent has left": """
        SELECT i.id, e.reserved FROM intent i JOIN exposure e
            ON e.org_id = i.org_id AND e.subject_id = i.id
        WHERE i.org_id = %(org)s AND e.reserved <> CASE
            WHEN i.state IN ('approved', 'authorized') AND EXISTS (
                SELECT 1 FROM unlock_window w WHERE w.org_id = i.org_id AND w.intent_id = i.id
                AND w.ended_at IS NULL)
            THEN greatest(0, i.max_total - e.held - e.cleared) ELSE 0 END""",
    "exposure is not what its transactions come to": """
        SELECT e.subject_id, e.held, e.cleared, t.held, t.cleared FROM exposure e JOIN LATERAL (
            SELECT coalesce(sum(held), 0) AS held, coalesce(sum(cleared), 0) AS cleared,
                coalesce(sum(least(cleared, refunded + recovered)), 0) AS refunded
            FROM transaction t WHERE t.org_id = e.org_id
                AND coalesce(t.intent_id, t.id) = e.subject_id) t ON true
        WHERE e.org_id = %(org)s
          AND (e.held, e.cleared, e.refunded) IS DISTINCT FROM (t.held, t.cleared, t.refunded)""",
    "money of a card of ours is exposed nowhere": """
        SELECT t.id FROM transaction t WHERE t.org_id = %(org)s AND t.card_id IS NOT NULL
          AND t.held + t.cleared > 0 AND NOT EXISTS (SELECT 1 FROM exposure e
            WHERE e.org_id = t.org_id AND e.subject_id = coalesce(t.intent_id, t.id))""",
    "velocity is not what a transaction holds and cleared": """
        SELECT t.id, t.held + t.cleared AS money, v.amount FROM transaction t JOIN LATERAL (
            SELECT coalesce(sum(amount) FILTER (WHERE approved), 0) AS amount
            FROM velocity_event v WHERE v.org_id = t.org_id AND v.transaction_id = t.id) v ON true
        WHERE t.org_id = %(org)s AND t.card_id IS NOT NULL AND t.held + t.cleared <> v.amount""",
    "an approved decision is not whole": """
        SELECT d.id FROM decision d WHERE d.org_id = %(org)s AND d.approved AND NOT (
            EXISTS (SELECT 1 FROM transaction t WHERE t.org_id = d.org_id
                AND t.id = d.transaction_id AND t.issuer_token = d.request_id)
            AND EXISTS (SELECT 1 FROM velocity_event v WHERE v.org_id = d.org_id AND v.id = d.id
                AND v.approved AND v.at = d.decided_at AND (v.amount = d.hold
                    -- The network stood in before: what it let through was counted then.
                    OR v.amount < d.hold AND EXISTS (SELECT 1 FROM transaction_event e
                        WHERE e.org_id = d.org_id AND e.transaction_id = d.transaction_id
                        AND e.recorded_at < d.decided_at)))
            AND (d.hold = 0
                 -- The network stood in before: what it let through already is the hold.
                 OR EXISTS (SELECT 1 FROM transaction_event v WHERE v.org_id = d.org_id
                    AND v.transaction_id = d.transaction_id AND v.recorded_at < d.decided_at)
                 OR EXISTS (SELECT 1 FROM posting p WHERE p.org_id = d.org_id
                    AND p.transaction_id = d.transaction_id AND p.debit = 'auth_held'
                    AND p.at = d.decided_at)))""",
    "a decision has no evidence of its own": """
        SELECT d.id, count(e.subject) FROM decision d LEFT JOIN (
            SELECT kind, convert_from(raw, 'UTF8')::jsonb ->> 'subject' AS subject
            FROM evidence_entry WHERE org_id = %(org)s) e
            ON e.subject = d.id AND e.kind =
                CASE WHEN d.approved THEN 'decision.approved' ELSE 'decision.declined' END
        WHERE d.org_id = %(org)s GROUP BY d.id HAVING count(e.subject) <> 1""",
    "a card's evidence has a gap": """
        SELECT c.id, c.evidence_seq, count(e.id), max(e.card_seq) FROM card c
        LEFT JOIN evidence_entry e ON e.org_id = c.org_id AND e.card_id = c.id
        WHERE c.org_id = %(org)s GROUP BY c.id, c.evidence_seq
        HAVING count(e.id) <> c.evidence_seq OR coalesce(max(e.card_seq), 0) <> c.evidence_seq""",
    "an intent's evidence has a gap": """
        SELECT i.id, i.evidence_seq, count(e.id), max(e.intent_seq) FROM intent i
        LEFT JOIN evidence_entry e ON e.org_id = i.org_id AND e.intent_id = i.id
        WHERE i.org_id = %(org)s GROUP BY i.id, i.evidence_seq
        HAVING count(e.id) <> i.evidence_seq OR coalesce(max(e.intent_seq), 0) <> i.evidence_seq""",
    "a card is open without a window, or the other way round": """
        SELECT c.id, c.state FROM card c WHERE c.org_id = %(org)s AND (c.state = 'open')
        <> EXISTS (SELECT 1 FROM unlock_window w WHERE w.org_id = c.org_id AND w.card_id = c.id
            AND w.ended_at IS NULL)""",
    "one intent is used for more than its transactions come to": """
        SELECT i.id, i.used, sum(t.intent_use) FROM intent i LEFT JOIN transaction t
            ON t.org_id = i.org_id AND t.intent_id = i.id
        WHERE i.org_id = %(org)s GROUP BY i.id, i.used
        HAVING i.used <> coalesce(sum(t.intent_use), 0)""",
}


def wrong_in(url: str, org_id: str) -> dict[str, list[dict[str, Any]]]:
    """Everything that is wrong with an organization's rows, by what it is."""
    found: dict[str, list[dict[str, Any]]] = {}
    with psycopg.connect(url, row_factory=dict_row) as connection:
        for name, sql in _WRONG.items():
            bad = connection.execute(sql, {"org": org_id}).fetchall()
            if bad:
                found[name] = bad[:3]
    return found


async def audit(tenant: Tenant) -> None:
    """The books of one organization are whole: by SQL of the test's own, and by the ledger's."""
    wrong = wrong_in(tenant.runtime.database_url, tenant.org_id)
    assert not wrong, wrong
    async with tenant.services.store.unlocked(tenant.org_id) as uow:
        problems = await uow.ledger.imbalance()
    assert not problems, problems
