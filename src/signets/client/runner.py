"""The two runners that send calls: one waits, one awaits. All else is shared."""

from __future__ import annotations

import asyncio
import time
from typing import TypeVar

import httpx

from signets.client.call import Call, Part
from signets.client.exchange import Connection, Exchange
from signets.client.pages import AsyncPages, Page

T = TypeVar("T")


class Runner:
    """Sends calls and waits for their answers."""

    def __init__(self, http: httpx.Client, connection: Connection) -> None:
        self._http = http
        self._connection = connection

    def run(self, call: Call[T]) -> T:
        """Send until there is an answer to return or an error to raise."""
        exchange = Exchange(self._connection, call)
        while True:  # bounded by the exchange: at most max_retries waits
            try:
                response = self._http.request(**exchange.request)
            except httpx.RequestError as error:
                pause = exchange.failed(error)
            else:
                wait = exchange.answered(response)
                if wait is None:
                    return exchange.result(response)
                pause = wait
            time.sleep(pause)

    def pages(self, call: Call[Part[T]]) -> Page[T]:
        """The first page of a list."""
        return Page(call, self.run(call), self.run)


class AsyncRunner:
    """Sends calls and awaits their answers."""

    def __init__(self, http: httpx.AsyncClient, connection: Connection) -> None:
        self._http = http
        self._connection = connection

    async def run(self, call: Call[T]) -> T:
        """Send until there is an answer to return or an error to raise."""
        exchange = Exchange(self._connection, call)
        while True:  # bounded by the exchange: at most max_retries waits
            try:
                response = await self._http.request(**exchange.request)
            except httpx.RequestError as error:
                pause = exchange.failed(error)
            else:
                wait = exchange.answered(response)
                if wait is None:
                    return exchange.result(response)
                pause = wait
            await asyncio.sleep(pause)

    def pages(self, call: Call[Part[T]]) -> AsyncPages[T]:
        """A list, not fetched until awaited or iterated."""
        return AsyncPages(call, self.run)
