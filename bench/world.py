"""An organization with many open cards, loaded set-wise through the schema's own constraints."""

from __future__ import annotations

import base64
import hashlib
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from bench.policy import BLOCKED_COUNTRY, CURRENCY, Role, policy_document
from signets.app.booking import reserve
from signets.app.journal import posting_rows
from signets.app.ports import IssuerCardState, IssuerSecrets
from signets.app.records import (
    Agent,
    Card,
    Connection,
    ExposureRow,
    Intent,
    PostingRow,
    WindowRow,
)
from signets.app.services import Services
from signets.app.set_policy import write_policy
from signets.app.set_up_organization import set_up_organization
from signets.bootstrap import Runtime
from signets.core.card import CardState, LimitPeriod
from signets.core.ids import Prefix
from signets.core.intent import IntentState, Usage
from signets.core.ledger import EntryKind
from signets.core.merchant.match import match_lock
from signets.core.merchant.model import Learned, MatchResult, Merchant, MerchantLock
from signets.storage.postgres.cards import CARD, WINDOW
from signets.storage.postgres.intents import INTENT
from signets.storage.postgres.unit_of_work import PostgresUnitOfWork
from signets.vendors import read_vendor_files

MCC = "5734"
AGENTS = 50
VENDORS = 30
#: The intents' bounds, minor units; the hot card's lets it take all the traffic.
MAX_PER_CHARGE = 5_000
MAX_TOTAL = 50_000_000
HOT_TOTAL = 100_000_000_000
MAX_COUNT = 10_000_000
#: Longer than the longest section.
WINDOW_SECONDS = 86_400
#: The most that a `thrifty` card lets pass at once, minor units.
THRIFTY = 100
_CHUNK = 2_000


#: Cards of each role, per hundred.
SHARES = {
    Role.BUYS: 62,
    Role.BUYS_ONCE: 20,
    Role.THRIFTY: 2,
    Role.HASTY: 1,
    Role.POOR: 1,
    Role.LOCKED: 8,
    Role.FROZEN: 4,
    Role.CLOSED: 2,
}
_OPEN = frozenset(Role) - {Role.LOCKED, Role.CLOSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A vendor and a descriptor that is known to be its."""

    vendor: str
    descriptor: str

    @property
    def acceptor_id(self) -> str:
        """The same for each of the shop's charges, as on the network."""
        return hashlib.sha256(self.vendor.encode()).hexdigest()[:15].upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plastic:
    """A card as the network sees it."""

    token: str
    shop: Shop
    last_four: str
    card_id: str = ""
    agent_id: str = ""
    agent_handle: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the traffic is made of."""

    org_id: str
    connection_id: str
    secret: str
    shops: tuple[Shop, ...]
    cards: dict[Role, list[Plastic]]


async def build_world(
    runtime: Runtime, cards: int | None, shares: Mapping[Role, int] = SHARES
) -> World:
    """Set everything up; what the product has a use case for is made by it.

    Args:
        cards: How many; ``None``: as many as shops. The hot card comes on top.
    """
    services = runtime.services
    new = await set_up_organization(
        services, name="Bench", currency=CURRENCY, admin_email="bench@example.com", admin_name="B"
    )
    org_id = new.organization.org_id
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    shops = find_shops(services)
    cards = cards or len(shops)
    made: dict[Role, list[Plastic]] = {role: [] for role in Role}
    async with runtime.store.transaction(org_id) as uow:
        version = await write_policy(services, uow, policy_document(), actor="system")
        connection_id = await _connect(services, uow, secret)
        agents = await _add_agents(services, uow)
        roles = [role for role, share in shares.items() for _ in range(share)]
        for begin in range(0, cards, _CHUNK):
            chunk = _Chunk(services, uow, version.version, connection_id)
            for number in range(begin, min(begin + _CHUNK, cards)):
                role = roles[number % len(roles)]
                shop = shops[number // len(roles) % len(shops)]
                own = role if role in agents else f"agent-{number % AGENTS:02}"
                made[role].append(chunk.add(number, role, shop, agents[own]))
            if begin + _CHUNK >= cards:
                made[Role.HOT].append(chunk.add(cards, Role.HOT, shops[0], agents["agent-00"]))
            await chunk.write()
    return World(org_id=org_id, connection_id=connection_id, secret=secret, shops=shops, cards=made)


def find_shops(services: Services) -> tuple[Shop, ...]:
    """Vendors of the directory with a descriptor that the match accepts, here and abroad."""
    shops = []
    for vendor in read_vendor_files():
        for pattern in vendor["lines"][0]["patterns"]:
            shop = Shop(vendor=vendor["domain"], descriptor=pattern["text"].replace("|", ""))
            if len(shop.descriptor) <= 25 and all(
                _matches(services, shop, country) for country in ("US", BLOCKED_COUNTRY[0])
            ):
                shops.append(shop)
                break
    return tuple(shops[:VENDORS])


def _matches(services: Services, shop: Shop, country: str) -> bool:
    found = match_lock(
        MerchantLock(vendors=(shop.vendor,)),
        Merchant(descriptor=shop.descriptor, mcc=MCC, country=country),
        services.merchants.shipped,
        Learned(),
    )
    return found.result is MatchResult.MATCH


async def _connect(services: Services, uow: PostgresUnitOfWork, secret: str) -> str:
    connection = Connection(
        org_id=uow.org_id,
        id=services.new_id(Prefix.CONNECTION),
        issuer="sandbox",
        mode="sandbox",
        base_url="http://127.0.0.1:9",
        api_key_sealed=services.vault.seal(uow.org_id, b"sandbox_bench"),
        secrets_sealed=services.issuers.seal_secrets(
            uow.org_id, IssuerSecrets((secret,), (secret,))
        ),
        enrolled_at=uow.now,
        created_at=uow.now,
    )
    await uow.issuers.save_connection(connection)
    return connection.id


async def _add_agents(services: Services, uow: PostgresUnitOfWork) -> dict[str, Agent]:
    """By handle: the many, and the two whose limits bite."""
    handles = [*(f"agent-{number:02}" for number in range(AGENTS)), Role.HASTY, Role.POOR]
    agents = {
        handle: Agent(
            id=services.new_id(Prefix.AGENT),
            handle=handle,
            name=handle,
            frozen_at=None,
            created_at=uow.now,
        )
        for handle in handles
    }
    for agent in agents.values():
        await uow.identity.add_agent(agent)
    return agents


class _Chunk:
    """Rows of some thousand cards, written by one statement a table."""

    def __init__(
        self, services: Services, uow: PostgresUnitOfWork, version: int, connection_id: str
    ) -> None:
        self._services = services
        self._uow = uow
        self._version = version
        self._connection_id = connection_id
        self._cards: list[Card] = []
        self._intents: list[Intent] = []
        self._windows: list[WindowRow] = []
        self._exposures: list[ExposureRow] = []
        self._postings: list[PostingRow] = []

    def add(self, number: int, role: Role, shop: Shop, agent: Agent) -> Plastic:
        now = self._uow.now
        token = str(uuid.uuid4())
        last_four = f"{number % 10_000:04}"
        state = CardState.OPEN if role in _OPEN else CardState.LOCKED
        card = Card(
            id=self._services.new_id(Prefix.CARD),
            agent_id=agent.id,
            connection_id=self._connection_id,
            issuer_token=token,
            last_four=last_four,
            exp_month=12,
            exp_year=now.year + 3,
            state=CardState.CLOSED if role is Role.CLOSED else state,
            issuer_state=IssuerCardState.OPEN if role in _OPEN else IssuerCardState.PAUSED,
            frozen_at=now if role is Role.FROZEN else None,
            breaker_tripped_at=None,
            breaker_reset_at=None,
            merchant_lock=(shop.vendor,),
            allow_facilitators=False,
            currency=CURRENCY,
            spending_limit=2 * HOT_TOTAL,
            limit_period=LimitPeriod.LIFETIME,
            per_authorization_limit=THRIFTY if role is Role.THRIFTY else None,
            recurring=False,
            workflow=None,
            memo="",
            created_by="system",
            evidence_seq=0,
            created_at=now,
            closed_at=now if role is Role.CLOSED else None,
        )
        self._cards.append(card)
        if role in _OPEN:
            usage = Usage.SINGLE if role is Role.BUYS_ONCE else Usage.WINDOW
            self._approve(card, shop, usage, HOT_TOTAL if role is Role.HOT else MAX_TOTAL)
        return Plastic(
            token=token,
            shop=shop,
            last_four=last_four,
            card_id=card.id,
            agent_id=agent.id,
            agent_handle=agent.handle,
        )

    def _approve(self, card: Card, shop: Shop, usage: Usage, most: int) -> None:
        now = self._uow.now
        total = MAX_PER_CHARGE if usage is Usage.SINGLE else most
        intent = self._intent(card, shop, usage, total)
        self._intents.append(intent)
        closes_at = now + timedelta(seconds=WINDOW_SECONDS)
        self._windows.append(
            WindowRow(
                id=self._services.new_id(Prefix.WINDOW),
                card_id=card.id,
                intent_id=intent.id,
                opens_at=now,
                closes_at=closes_at,
                consumed_at=None,
                ends_at=closes_at,
                ended_at=None,
            )
        )
        exposure = ExposureRow(
            subject_id=intent.id,
            card_id=card.id,
            agent_id=card.agent_id,
            vendor=shop.vendor,
            category=None,
            workflow=None,
            currency=CURRENCY,
            counts_at=now,
            reserved=0,
            held=0,
            cleared=0,
            refunded=0,
        )
        booking = reserve(exposure, reserved=total, intent_id=intent.id)
        self._exposures.append(booking.exposure)
        self._postings += posting_rows(
            self._services, self._uow, EntryKind.INTENT_APPROVED, booking.postings
        )

    def _intent(self, card: Card, shop: Shop, usage: Usage, total: int) -> Intent:
        now = self._uow.now
        return Intent(
            id=self._services.new_id(Prefix.INTENT),
            agent_id=card.agent_id,
            card_id=card.id,
            parent_id=None,
            period_index=None,
            state=IntentState.APPROVED,
            usage=usage,
            purpose="Recharge credits",
            expected_amount=2_000,
            maximum=total,
            currency=CURRENCY,
            vendor=shop.vendor,
            category=None,
            max_total=total,
            reserve=total,
            max_per_charge=MAX_PER_CHARGE,
            max_count=1 if usage is Usage.SINGLE else MAX_COUNT,
            window_seconds=WINDOW_SECONDS,
            period=None,
            workflow=None,
            line_items=[],
            quote_url=None,
            metadata={},
            declared_by=f"agent:{card.agent_id}",
            allow_duplicate_reason=None,
            supersedes=None,
            policy_version=self._version,
            verdict={"outcome": "approve", "reasons": [], "decided_by": "small"},
            charges=0,
            used=0,
            reopens=0,
            evidence_seq=0,
            created_at=now,
            approved_at=now,
            next_period_at=None,
            ended_at=None,
        )

    async def write(self) -> None:
        org_id, connection = self._uow.org_id, self._uow.connection
        await connection.execute(CARD.insert_many, CARD.many(org_id, self._cards))
        await connection.execute(INTENT.insert_many, INTENT.many(org_id, self._intents))
        await connection.execute(WINDOW.insert_many, WINDOW.many(org_id, self._windows))
        await self._uow.ledger.put_exposures(self._exposures)
        await self._uow.ledger.post(self._postings)
