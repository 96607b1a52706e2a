"""The linter of the directory: descriptors that two vendors would both explain."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from signets.core.merchant.directory import Directory
from signets.core.merchant.grammar import CUT_LETTERS, Compiled, Pattern, normalize, read
from signets.core.merchant.lookup import start_of
from signets.core.merchant.tails import CUT_MIN

_SAMPLES = {
    "{ref}": "A1B2C3D4E5",
    "{code6}": "Q7W8E9",
    "{code7}": "KQ7WXZ2",
    "{token6}": "K7Q2X9",
    "{month}": "OCT",
    "{num}": "4055512345",
    "{hexid}": "01A2B3 C4D",
    "{site}": "EXAMPLE.DEV",
    "{any}": "SOMETHING",
    "{word}": "NORTHWIND",
}


def spelled_out(pattern: Pattern) -> str:
    """A descriptor that the pattern describes."""
    text = pattern.text.replace("|", "")
    return re.sub(r"\{\w+\}", lambda found: _SAMPLES[found.group()], text)


def collisions(directory: Directory, domains: Iterable[str] | None = None) -> list[str]:
    """Descriptors that two vendors explain equally well, or that belong to another vendor.

    ``domains`` looks only at these vendors and at those whose names start alike.
    """
    if domains is None:
        looked_at: set[str] = set(directory.compiled)
    else:
        heads = {start_of(c.head) for domain in domains for c in directory.compiled[domain]}
        looked_at = {c.domain for head in heads for c in directory.by_start[head]}
    return [
        line
        for domain in sorted(looked_at)
        for compiled in directory.compiled[domain]
        for line in _collisions(directory, domain, compiled)
    ]


def _collisions(directory: Directory, domain: str, compiled: Compiled) -> Iterator[str]:
    text = spelled_out(compiled.pattern)
    name = normalize(text)
    if not directory.alone(domain, name) or read(compiled, name, len(text)) is None:
        readings = directory.readings(name, len(text))
        if not readings or not (
            readings[0].compiled.domain == domain
            or directory.shared(readings[0].compiled, compiled)
        ):
            best = readings[0].compiled.domain if readings else "nobody"
            yield f"`{text}` of {domain} reads as {best}'s"
            return
        top = readings[0].compiled
        for other in {r.compiled for r in readings if r.compiled.domain != domain}:
            if directory.shared(top, other):
                continue
            if (other.open, other.weight) == (top.open, top.weight):
                yield f"`{text}` is both {domain}'s and {other.domain}'s"
    for size in range(CUT_LETTERS, len(text)):
        if directory.alone(domain, normalize(text[:size])):
            continue
        owners = _cut_short(directory, text[:size])
        if domain in owners:
            for other_domain in sorted(owners - {domain}):
                yield f"`{text[:size]}`, cut from {domain}'s `{text}`, is {other_domain}'s too"


def _cut_short(directory: Directory, text: str) -> set[str]:
    """The vendors that a cut name may belong to."""
    readings = directory.readings(normalize(text), max(len(text), CUT_MIN))
    return {r.compiled.domain for r in readings if r.cut and not r.compiled.open}
