"""Pages of a list that go on by themselves: iterate, and the next ones are fetched as needed."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from typing import Any, Generic, TypeVar

from signets.client.call import Call, Part
from signets.client.errors import APIResponseError

T = TypeVar("T")


def following(call: Call[Part[T]], part: Part[T]) -> Call[Part[T]] | None:
    """The call for the page after this one, or None at the end.

    Raises:
        APIResponseError: the server says there is more but its cursor does not move.
    """
    if not part.has_more:
        return None
    if part.next_after is None or part.next_after == call.params.get("after"):
        raise APIResponseError("the server announces another page but not where it starts")
    return dataclasses.replace(call, params={**call.params, "after": part.next_after})


class _Shown(Generic[T]):
    def __init__(self, call: Call[Part[T]], part: Part[T]) -> None:
        self._call = call
        self._part = part

    @property
    def data(self) -> tuple[T, ...]:
        """The objects of this page alone, newest first."""
        return self._part.data

    @property
    def has_more(self) -> bool:
        """Whether another page follows."""
        return self._part.has_more

    @property
    def next_after(self) -> str | None:
        """The cursor of the next page: ``list(after=…)`` starts there."""
        return self._part.next_after

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self.data)}, has_more={self.has_more}>"


class Page(_Shown[T]):
    """One page; iterating it goes through this page and all that follow."""

    def __init__(
        self,
        call: Call[Part[T]],
        part: Part[T],
        fetch: Callable[[Call[Part[T]]], Part[T]],
    ) -> None:
        super().__init__(call, part)
        self._fetch = fetch

    def next_page(self) -> Page[T] | None:
        """The next page, or None at the end."""
        call = following(self._call, self._part)
        return None if call is None else Page(call, self._fetch(call), self._fetch)

    def __iter__(self) -> Iterator[T]:
        page: Page[T] | None = self
        while page is not None:
            yield from page.data
            page = page.next_page()


class AsyncPage(_Shown[T]):
    """One page; ``async for`` goes through this page and all that follow."""

    def __init__(
        self,
        call: Call[Part[T]],
        part: Part[T],
        fetch: Callable[[Call[Part[T]]], Coroutine[Any, Any, Part[T]]],
    ) -> None:
        super().__init__(call, part)
        self._fetch = fetch

    async def next_page(self) -> AsyncPage[T] | None:
        """The next page, or None at the end."""
        call = following(self._call, self._part)
        return None if call is None else AsyncPage(call, await self._fetch(call), self._fetch)

    async def __aiter__(self) -> AsyncIterator[T]:
        page: AsyncPage[T] | None = self
        while page is not None:
            for item in page.data:
                yield item
            page = await page.next_page()


class AsyncPages(Generic[T]):
    """A list not fetched yet: ``await`` its first page, or ``async for`` all its items."""

    def __init__(
        self,
        call: Call[Part[T]],
        fetch: Callable[[Call[Part[T]]], Coroutine[Any, Any, Part[T]]],
    ) -> None:
        self._call = call
        self._fetch = fetch

    def __await__(self) -> Generator[Any, Any, AsyncPage[T]]:
        return self._first().__await__()

    async def _first(self) -> AsyncPage[T]:
        return AsyncPage(self._call, await self._fetch(self._call), self._fetch)

    async def __aiter__(self) -> AsyncIterator[T]:
        async for item in await self._first():
            yield item
