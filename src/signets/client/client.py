"""The two clients. They differ only in waiting or awaiting."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Generic, Self

import httpx

from signets.client.cards import Cards
from signets.client.evidence import Evidence
from signets.client.exchange import Connection, connection, is_loopback
from signets.client.identity import Agents, Alerts, Keys, Members, OrganizationResource
from signets.client.intents import AsyncIntents, Intents
from signets.client.issuers import Disputes, IssuerEvents, Issuers
from signets.client.merchants import MerchantReviews, Merchants
from signets.client.operation import RunnerT
from signets.client.policy import PolicyResource
from signets.client.runner import AsyncRunner, Runner
from signets.client.transactions import Decisions, Ledger, Transactions

DEFAULT_BASE_URL = "http://127.0.0.1:8420"
DEFAULT_TIMEOUT = 30.0  # seconds, for each attempt


class _Client(Generic[RunnerT]):
    def __init__(self, runner: RunnerT, base_url: str) -> None:
        self._base_url = base_url
        self.cards = Cards(runner)
        self.transactions = Transactions(runner)
        self.decisions = Decisions(runner)
        self.agents = Agents(runner)
        self.members = Members(runner)
        self.keys = Keys(runner)
        self.policy = PolicyResource(runner)
        self.evidence = Evidence(runner)
        self.organization = OrganizationResource(runner)
        self.alerts = Alerts(runner)
        self.ledger = Ledger(runner)
        self.issuers = Issuers(runner)
        self.issuer_events = IssuerEvents(runner)
        self.disputes = Disputes(runner)
        self.merchants = Merchants(runner)
        self.merchant_reviews = MerchantReviews(runner)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._base_url!r})"


class Signets(_Client[Runner]):
    """A client of one Signets server.

    Args:
        api_key: ``sgn_…``; the environment's SIGNETS_API_KEY if left out.
        base_url: The server's address; SIGNETS_BASE_URL, else http://127.0.0.1:8420.
        timeout: Seconds for each attempt, or an ``httpx.Timeout``.
        max_retries: Further attempts after a passing failure.
        http_client: Your own client (proxies, certificates); you close it. Its timeout, redirects
            and base URL are not used.

    Raises:
        SignetsError: no key, or a setting that cannot work.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        max_retries: int = 2,
        http_client: httpx.Client | None = None,
    ) -> None:
        settings = _connection(api_key, base_url, timeout, max_retries)
        self._own = http_client is None
        self._http = http_client or httpx.Client(trust_env=not is_loopback(settings.base_url))
        runner = Runner(self._http, settings)
        super().__init__(runner, settings.base_url)
        self.intents = Intents(runner)

    def close(self) -> None:
        """Close the connections, unless the ``http_client`` is yours."""
        if self._own:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncSignets(_Client[AsyncRunner]):
    """The same for asyncio: every method's result is awaited, lists also by ``async for``.

    Args and errors: see :class:`Signets`.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        max_retries: int = 2,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        settings = _connection(api_key, base_url, timeout, max_retries)
        self._own = http_client is None
        self._http = http_client or httpx.AsyncClient(trust_env=not is_loopback(settings.base_url))
        runner = AsyncRunner(self._http, settings)
        super().__init__(runner, settings.base_url)
        self.intents = AsyncIntents(runner)

    async def aclose(self) -> None:
        """Close the connections, unless the ``http_client`` is yours."""
        if self._own:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


def _connection(
    api_key: str | None,
    base_url: str | None,
    timeout: float | httpx.Timeout,
    max_retries: int,
) -> Connection:
    environment = os.environ
    return connection(
        api_key=api_key if api_key is not None else environment.get("SIGNETS_API_KEY"),
        base_url=base_url or environment.get("SIGNETS_BASE_URL") or DEFAULT_BASE_URL,
        timeout=timeout,
        max_retries=max_retries,
    )
