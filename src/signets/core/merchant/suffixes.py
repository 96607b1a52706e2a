"""Public suffixes: names under which different owners register theirs (``co.uk``, ``vercel.app``).

The rules are those of https://publicsuffix.org/list/, both the registries' part and the private
part: an application on a platform is never the platform. The list comes from the edge as text
(:mod:`signets.vendors`); nothing here reads a file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Suffixes:
    """The rules by kind. Empty, a name's last label alone is its suffix."""

    plain: frozenset[str] = frozenset()
    wildcards: frozenset[str] = frozenset()  # `*.ck` as `ck`
    exceptions: frozenset[str] = frozenset()  # `!www.ck` as `www.ck`

    def length(self, labels: list[str]) -> int:
        """How many labels at the end of the name are its public suffix: at least one."""
        for start in range(len(labels)):
            name = ".".join(labels[start:])
            if name in self.exceptions:
                return len(labels) - start - 1
            parent = ".".join(labels[start + 1 :])
            if name in self.plain or parent in self.wildcards:
                return len(labels) - start
        return 1


def parse_suffixes(lines: Iterable[str]) -> Suffixes:
    """Read the published list: one rule a line, ``//`` comments, letters outside ASCII allowed."""
    rules = [line.split()[0] for line in lines if line.strip() and not line.startswith("//")]
    ascii_rules = [".".join(map(_ascii, rule.split("."))) for rule in rules]
    return Suffixes(
        plain=frozenset(rule for rule in ascii_rules if rule[0] not in "*!"),
        wildcards=frozenset(rule[2:] for rule in ascii_rules if rule.startswith("*.")),
        exceptions=frozenset(rule[1:] for rule in ascii_rules if rule.startswith("!")),
    )


def _ascii(label: str) -> str:
    return label if label.isascii() else f"xn--{label.encode('punycode').decode('ascii')}"
