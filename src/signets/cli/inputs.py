"""What people type: amounts in major units, durations, pairs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from signets.cli.output import USAGE, CommandError
from signets.core.errors import Refusal
from signets.core.money import EXPONENTS, format_minor, parse_major

if TYPE_CHECKING:
    from signets import Signets

LimitOption = Annotated[int, typer.Option(min=1, max=100, help="Most rows.")]
AfterOption = Annotated[str | None, typer.Option(help="Go on after this id.")]

_DURATION = re.compile(r"^(\d{1,9})([smhd]?)$")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def one_of(names: Iterable[str]) -> Callable[[str], str]:
    """For ``parser=``: takes one of these names and refuses all others, naming them."""
    known = tuple(names)

    def read(text: str) -> str:
        if text not in known:
            raise typer.BadParameter(f"`{text}` is not one of: {', '.join(known)}")
        return text

    return read


def read_amount(text: str, currency: str, *, param: str) -> int:
    """``20.00`` as minor units.

    Raises:
        CommandError: It is no amount in this currency.
    """
    try:
        return parse_major(text, currency, param=param)
    except Refusal as refusal:
        raise CommandError(f"{refusal.message} (field: {refusal.param})", USAGE) from None


def optional_amount(text: str | None, currency: str, *, param: str) -> int | None:
    """As :func:`read_amount`, where it may be left out."""
    return None if text is None else read_amount(text, currency, param=param)


def read_duration(text: str, *, param: str) -> int:
    """``90s``, ``30m``, ``24h``, ``7d`` or plain seconds.

    Raises:
        CommandError: It is none of these.
    """
    found = _DURATION.match(text)
    if found is None:
        raise CommandError(
            f"`{text}` is not a duration; write `90s`, `30m`, `24h` or `7d` (field: {param})", USAGE
        )
    return int(found.group(1)) * _SECONDS[found.group(2)]


def read_pairs(pairs: Sequence[str], *, param: str) -> dict[str, str]:
    """``NAME=VALUE`` pairs.

    Raises:
        CommandError: One has no ``=``.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise CommandError(f"`{pair}` is not NAME=VALUE (field: {param})", USAGE)
        found[name] = value
    return found


def currency_of(client: Signets, given: str | None) -> str:
    """The currency that amounts are typed in: the given one, else the organization's."""
    return given.upper() if given else client.organization.get().currency


def money(minor: int | None, currency: str) -> str | None:
    """An amount for a table: ``$20.00``."""
    if minor is None:
        return None
    return format_minor(minor, currency) if currency in EXPONENTS else f"{minor} {currency}"


def both(minor: int | None, currency: str) -> str | None:
    """An amount for one object's lines, also as the API has it: ``$20.00 (2000)``."""
    return None if minor is None else f"{money(minor, currency)} ({minor})"
