"""Strict reading of a policy document's fields: each refusal names the field and the remedy.

Every function raises :class:`signets.core.errors.Refusal` with code ``policy_invalid`` and the
dotted path of the field (``caps[1].window``) as ``param``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from signets.core.errors import Refusal, invalid
from signets.core.money import EXPONENTS, MAX_MINOR

Kind = TypeVar("Kind", bound=StrEnum)

MINUTE, HOUR, DAY = 60, 3_600, 86_400

#: Bounds of every rolling window, in seconds: 10 s to 90 days.
SHORTEST_WINDOW, LONGEST_WINDOW = 10, 90 * DAY

_UNITS = {"s": 1, "m": MINUTE, "h": HOUR, "d": DAY}
_DURATION = re.compile(r"([0-9]{1,9})([smhd])")
_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?")


def refuse(path: str, message: str) -> Refusal:
    """The refusal of the field at ``path`` (empty: the document itself)."""
    where = f"`{path}` " if path else "the policy "
    return invalid("policy_invalid", where + message, param=path or None)


def show(value: object) -> str:
    """``value`` as a short text for a message."""
    text = repr(value)
    return f"`{text}`" if len(text) <= 60 else f"`{text[:57]}…`"


def read_duration(value: object, path: str, low: int, high: int) -> int:
    """Seconds, from ``90s``, ``30m``, ``24h``, ``7d`` or an integer count of seconds."""
    if isinstance(value, int) and not isinstance(value, bool):
        seconds = value
    else:
        found = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise refuse(
                path,
                "must be a duration like `90s`, `30m`, `24h`, `7d` or an integer of seconds, "
                f"and is {show(value)}",
            )
        seconds = int(found.group(1)) * _UNITS[found.group(2)]
    if not low <= seconds <= high:
        raise refuse(
            path,
            f"must be between {format_duration(low)} and {format_duration(high)}, "
            f"and is {format_duration(seconds)}",
        )
    return seconds


def format_duration(seconds: int) -> str:
    """The shortest text that :func:`read_duration` reads back: ``1800`` -> ``30m``."""
    for unit, size, least in (("d", DAY, 2 * DAY), ("h", HOUR, HOUR), ("m", MINUTE, MINUTE)):
        if seconds >= least and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def read_percent(value: object, path: str) -> int:
    """Basis points from a percentage of at most two decimals: ``10``, ``"7.5"`` or ``7.5``.

    A float is read through its shortest decimal text, so that no binary fraction is computed
    with: 7.35 is 735 basis points.
    """
    readable = isinstance(value, int | float | str) and not isinstance(value, bool)
    found = _PERCENT.fullmatch(str(value)) if readable else None
    if found is not None:
        basis_points = int(found.group(1)) * 100 + int((found.group(2) or "").ljust(2, "0"))
        if basis_points <= 10_000:
            return basis_points
    raise refuse(
        path,
        "must be a percentage from 0 to 100 with at most two decimals, like `10` or `7.5`, "
        f"and is {show(value)}",
    )


def format_percent(basis_points: int) -> int | str:
    """``1000`` -> ``10``; ``750`` -> ``"7.5"``."""
    whole, part = divmod(basis_points, 100)
    return whole if part == 0 else f"{whole}.{part:02d}".rstrip("0")


def read_list(value: object, path: str, most: int) -> list[tuple[object, str]]:
    """The list's items, each with its own path."""
    if not isinstance(value, list | tuple):
        raise refuse(path, f"must be a list, and is {show(value)}")
    if len(value) > most:
        raise refuse(path, f"may hold at most {most} entries, and holds {len(value)}")
    return [(item, f"{path}[{number}]") for number, item in enumerate(value)]


@dataclass(frozen=True, slots=True)
class Section:
    """One mapping of the document, of which only the named keys are allowed.

    The readers below return ``None`` where the key is absent, and refuse an empty value.
    """

    values: Mapping[str, object]
    path: str

    @classmethod
    def open(cls, value: object, path: str, allowed: frozenset[str]) -> Section:
        """``value`` as a section; refuses anything but a mapping, and unknown keys."""
        section = cls.open_map(value, path)
        for key in section.values:
            if key not in allowed:
                keys = ", ".join(f"`{name}`" for name in sorted(allowed))
                raise refuse(section.at(key), f"is not a known key here; known are {keys}")
        return section

    @classmethod
    def open_map(cls, value: object, path: str) -> Section:
        """``value`` as a mapping whose keys the caller checks."""
        if not isinstance(value, Mapping):
            raise refuse(path, f"must be a mapping of keys to values, and is {show(value)}")
        values: dict[str, object] = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise refuse(
                    path, f"has the key {show(key)}; put keys that are not words in quotes"
                )
            values[key] = item
        return cls(values, path)

    def at(self, key: str) -> str:
        """The dotted path of ``key``."""
        return f"{self.path}.{key}" if self.path else key

    def has(self, key: str) -> bool:
        """Whether the document states ``key``."""
        return key in self.values

    def get(self, key: str) -> object:
        """The raw value; refuses where the key is missing or empty."""
        value = self.values.get(key)
        if value is None:
            what = "is empty" if key in self.values else "is missing"
            raise refuse(self.at(key), f"{what}; give it a value")
        return value

    def text(self, key: str, check: Callable[[object, str], str]) -> str | None:
        """A text, checked and normalised by ``check``."""
        return check(self.get(key), self.at(key)) if self.has(key) else None

    def texts(self, key: str, check: Callable[[object, str], str], most: int) -> tuple[str, ...]:
        """One text or a list of different ones, as a tuple; empty where the key is absent."""
        if not self.has(key):
            return ()
        value = self.get(key)
        if isinstance(value, str):
            return (check(value, self.at(key)),)
        found: list[str] = []
        for item, path in read_list(value, self.at(key), most):
            text = check(item, path)
            if text in found:
                raise refuse(path, f"repeats `{text}`; name it once")
            found.append(text)
        if not found:
            raise refuse(self.at(key), "is an empty list; name something or leave the key out")
        return tuple(found)

    def integer(self, key: str, low: int, high: int) -> int | None:
        """A whole number in ``low … high``; floats and booleans are none."""
        if not self.has(key):
            return None
        value = self.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise refuse(
                self.at(key),
                f"must be a whole number from {low} to {high}, and is {show(value)}",
            )
        return value

    def amount(self, key: str, minimum: int = 0) -> int | None:
        """An amount in minor units."""
        if not self.has(key):
            return None
        value = self.get(key)
        if (
            isinstance(value, bool)
            or not isinstance(value, int)
            or not minimum <= value <= MAX_MINOR
        ):
            raise refuse(
                self.at(key),
                f"must be an integer of minor units from {minimum} to {MAX_MINOR} "
                f"(`2000` for $20.00), and is {show(value)}",
            )
        return value

    def currency(self, key: str = "currency") -> str | None:
        """An upper-case ISO 4217 code."""
        return self.text(key, read_currency)

    def duration(self, key: str, low: int, high: int) -> int | None:
        """A duration in seconds."""
        return read_duration(self.get(key), self.at(key), low, high) if self.has(key) else None

    def boolean(self, key: str) -> bool | None:
        """``true`` or ``false``."""
        if not self.has(key):
            return None
        value = self.get(key)
        if not isinstance(value, bool):
            raise refuse(self.at(key), f"must be `true` or `false`, and is {show(value)}")
        return value

    def choice(self, key: str, kind: type[Kind], only: tuple[Kind, ...] = ()) -> Kind | None:
        """One word of a closed set (of ``only``, where given)."""
        if not self.has(key):
            return None
        return read_choice(self.get(key), self.at(key), kind, only)

    def section(self, key: str, allowed: frozenset[str]) -> Section:
        """The mapping under ``key``; an absent key is an empty section."""
        if not self.has(key):
            return Section({}, self.at(key))
        return Section.open(self.get(key), self.at(key), allowed)

    def items(self, key: str, most: int) -> list[tuple[object, str]]:
        """The list under ``key`` with paths; empty where the key is absent."""
        return read_list(self.get(key), self.at(key), most) if self.has(key) else []


def read_choice(value: object, path: str, kind: type[Kind], only: tuple[Kind, ...] = ()) -> Kind:
    """The member of ``kind`` that ``value`` names."""
    for member in only or tuple(kind):
        if value == member.value:
            return member
    words = ", ".join(f"`{member.value}`" for member in only or tuple(kind))
    raise refuse(path, f"must be one of {words}, and is {show(value)}")


def read_currency(value: object, path: str) -> str:
    """An upper-case ISO 4217 code, as written."""
    if isinstance(value, str) and value in EXPONENTS:
        return value
    raise refuse(
        path, f"must be an ISO 4217 code in capitals like `USD` or `JPY`, and is {show(value)}"
    )
