"""How a resource's operation, written once, becomes a method of both clients with exact types.

An operation is a function that builds a :class:`~signets.client.call.Call`. Reached through a
resource of :class:`~signets.client.client.Signets` it sends the call and returns the result;
through one of :class:`~signets.client.client.AsyncSignets` it returns an awaitable of it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import (
    Any,
    Concatenate,
    Generic,
    ParamSpec,
    Protocol,
    Self,
    TypeVar,
    overload,
)

from signets.client.call import Call, Part
from signets.client.pages import AsyncPages, Page
from signets.client.runner import AsyncRunner, Runner
from signets.client.spelling import accepts_camel

P = ParamSpec("P")
Q = ParamSpec("Q")
T = TypeVar("T")
S = TypeVar("S")  # what the synchronous client returns
A = TypeVar("A")  # what the asynchronous client returns
S_co = TypeVar("S_co", covariant=True)
RunnerT = TypeVar("RunnerT", bound=Runner | AsyncRunner)


class Resource(Generic[RunnerT]):
    """A group of operations on one kind of object."""

    def __init__(self, runner: RunnerT) -> None:
        self._runner = runner


class Operation(Generic[P, S, A]):
    """A method of a resource in waiting; :func:`operation` and :func:`listing` make it."""

    def __init__(self, build: Callable[..., Call[Any]], send: Callable[[Any, Any], Any]) -> None:
        self._build = accepts_camel(build)
        self._send = send
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, resource: None, owner: type) -> Self: ...
    @overload
    def __get__(self, resource: Resource[Runner], owner: type) -> Callable[P, S]: ...
    @overload
    def __get__(self, resource: Resource[AsyncRunner], owner: type) -> Callable[P, A]: ...
    def __get__(self, resource: Resource[Any] | None, owner: type) -> Any:
        if resource is None:
            return self

        @functools.wraps(self._build)
        def method(*args: Any, **kwargs: Any) -> Any:
            return self._send(resource._runner, self._build(resource, *args, **kwargs))

        return method


class Either(Protocol[P, Q, S_co]):
    """A method whose two spellings are both known to type checkers."""

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> S_co: ...
    @overload
    def __call__(self, *args: Q.args, **kwargs: Q.kwargs) -> S_co: ...


class Spelled(Generic[P, Q, S, A]):
    """An operation with the types of its camelCase spelling beside those of the first."""

    def __init__(self, operation: Operation[P, S, A]) -> None:
        self._operation = operation
        self.__doc__ = operation.__doc__

    @overload
    def __get__(self, resource: None, owner: type) -> Self: ...
    @overload
    def __get__(self, resource: Resource[Runner], owner: type) -> Either[P, Q, S]: ...
    @overload
    def __get__(self, resource: Resource[AsyncRunner], owner: type) -> Either[P, Q, A]: ...
    def __get__(self, resource: Resource[Any] | None, owner: type) -> Any:
        return self if resource is None else self._operation.__get__(resource, owner)


class also(Generic[Q]):
    """Declare the camelCase spelling of an operation to type checkers.

    Every operation takes both spellings when called; this is for those whose camelCase call is
    promised, so that it also passes ``mypy --strict``.
    """

    def __init__(self, camel: Callable[Q, None]) -> None:
        self._camel = camel

    def __call__(self, operation: Operation[P, S, A]) -> Spelled[P, Q, S, A]:
        return Spelled(operation)


def operation(
    build: Callable[Concatenate[Any, P], Call[T]],
) -> Operation[P, T, Coroutine[Any, Any, T]]:
    """An operation that answers with one result."""
    return Operation(build, lambda runner, call: runner.run(call))


def listing(
    build: Callable[Concatenate[Any, P], Call[Part[T]]],
) -> Operation[P, Page[T], AsyncPages[T]]:
    """An operation that answers with pages."""
    return Operation(build, lambda runner, call: runner.pages(call))
