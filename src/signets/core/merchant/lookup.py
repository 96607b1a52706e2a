"""Which patterns may explain a name, by the letters that it begins with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter

from signets.core.merchant.grammar import SHORTEST, Compiled, bare, begins_with

_LONGEST_START = 12  # letters that patterns are looked up by


@dataclass(frozen=True, slots=True)
class Alike:
    """Patterns that begin alike, by all the letters that a name must begin with, numbered in their
    order; ``sizes``: how many letters those are."""

    patterns: Mapping[str, tuple[tuple[int, Compiled], ...]]
    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """What a vendor's patterns begin with: whole heads, each with whether it is ambiguous in every
    pattern that begins so, and their first words."""

    heads: tuple[tuple[str, bool], ...]
    words: tuple[str, ...]

    def of(self, name: str) -> list[tuple[str, bool]]:
        """Those that the name begins with."""
        return [one for one in self.heads if begins_with(name, one[0])]


def heads_of(patterns: Iterable[Compiled]) -> Heads:
    """What these patterns of one vendor begin with."""
    heads: dict[str, bool] = {}
    for compiled in patterns:
        if compiled.head:
            ambiguous = compiled.pattern.ambiguous
            heads[compiled.head] = heads.get(compiled.head, True) and ambiguous
    return Heads(
        heads=tuple(heads.items()),
        words=tuple(dict.fromkeys(head.split(" ", 1)[0] for head in heads)),
    )


def by_letters(starts: Mapping[str, list[Compiled]]) -> dict[str, Alike]:
    """Patterns by :func:`start_of` their heads, made ready to be looked up."""
    index: dict[str, Alike] = {}
    for start, patterns in starts.items():
        alike: dict[str, list[tuple[int, Compiled]]] = {}
        for number, compiled in enumerate(patterns):
            alike.setdefault(compiled.start[:_LONGEST_START], []).append((number, compiled))
        index[start] = Alike(
            {letters: tuple(found) for letters, found in alike.items()},
            tuple(sorted({len(letters) for letters in alike})),
        )
    return index


def start_of(name: str) -> str:
    """The first characters of a name, whatever separators it lost or gained."""
    return name[: 2 * SHORTEST].replace(" ", "").replace("_", "").replace("/", ".")[:SHORTEST]


def patterns_near(index: Mapping[str, Alike], name: str) -> list[Compiled]:
    """The patterns that begin as the name does, in their order."""
    alike = index.get(start_of(name))
    if alike is None:
        return []
    letters = bare(name)
    found = [
        numbered
        for size in alike.sizes
        for numbered in alike.patterns.get(letters[:size], ())
        if letters.startswith(numbered[1].start)
    ]
    found.sort(key=itemgetter(0))
    return [compiled for _, compiled in found]
