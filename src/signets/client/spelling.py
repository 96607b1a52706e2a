"""Both spellings of an argument's name: ``expected_amount`` and ``expectedAmount``."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")


def snake(name: str) -> str:
    """``expectedAmount`` → ``expected_amount``."""
    return _HUMP.sub(lambda hump: f"_{hump.group().lower()}", name)


def accepts_camel(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function's keyword arguments be written in camelCase too.

    Raises (when called):
        TypeError: a name that is none of the function's, or one given in both spellings.
    """
    parameters = inspect.signature(function).parameters
    names = [name for name in parameters if name != "self"]

    @functools.wraps(function)
    def either(*args: P.args, **kwargs: P.kwargs) -> R:
        if all(name in parameters for name in kwargs):
            return function(*args, **kwargs)
        return function(*args, **_respelled(function.__qualname__, names, kwargs))

    return either


def _respelled(where: str, names: list[str], kwargs: dict[str, Any]) -> dict[str, Any]:
    respelled: dict[str, Any] = {}
    for written, value in kwargs.items():
        name = written if written in names else snake(written)
        if name not in names:
            raise TypeError(
                f"{where}() has no argument {written!r}; it takes {', '.join(names)}"
                " (camelCase works too)"
            )
        if name in respelled or (name != written and name in kwargs):
            raise TypeError(f"{where}() got {name!r} in both spellings")
        respelled[name] = value
    return respelled
