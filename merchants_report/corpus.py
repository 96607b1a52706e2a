"""The labelled corpus, and the rule that splits it.

``corpus.tsv`` was looked at while the matcher was built, and ``corpus_first_look.tsv`` after it had
been scored once: both are the development part. A row of ``corpus_grown.tsv`` belongs to the
development part where the first byte of the SHA-256 of its text divides by four, else to the test
part. All of ``corpus_fresh.tsv``, written down after vendors and rules were finished, is the test
part.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

from signets.core.merchant.model import Merchant

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "core" / "merchant"
FILES = ("corpus.tsv", "corpus_first_look.tsv", "corpus_grown.tsv", "corpus_fresh.tsv")
SPOOFS = frozenset(
    {
        "edit", "homoglyph", "superstring", "lookalike", "mention", "facilitator",
        "foreign-id", "foreign-mcc", "foreign-country",
    }
)  # fmt: skip
_TEXT = ("lock", "descriptor", "mcc", "country", "city", "acceptor_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A lock, a merchant, and whether the one is the other: ``expected`` says a person's label.

    ``kind`` says what sort of row it is (``name``, ``sibling``, ``edit``, …), ``source`` where the
    form is known from.
    """

    lock: str
    merchant: Merchant
    expected: bool
    kind: str
    source: str
    file: str
    text: str

    @property
    def held_out(self) -> bool:
        """Whether it belongs to the test part."""
        if self.file != "corpus_grown.tsv":
            return self.file == "corpus_fresh.tsv"
        return hashlib.sha256(self.text.encode()).digest()[0] % 4 != 0


def read_corpus() -> list[Row]:
    """Every row of every file.

    Raises:
        ValueError: A label is neither ``match`` nor ``refuse``.
    """
    return [row for name in FILES for row in _read(FOLDER / name)]


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return [_row(path.name, line) for line in csv.DictReader(file, delimiter="\t")]


def _row(file: str, line: dict[str, str]) -> Row:
    if line["label"] not in ("match", "refuse"):
        raise ValueError(f"{file}: label `{line['label']}` of `{line['descriptor']}`")
    return Row(
        lock=line["lock"],
        merchant=Merchant(
            descriptor=line["descriptor"],
            mcc=line["mcc"] or None,
            country=line["country"] or None,
            city=line["city"] or None,
            acceptor_id=line["acceptor_id"] or None,
        ),
        expected=line["label"] == "match",
        kind=line["kind"],
        source=line["source"],
        file=file,
        text="\t".join(line[name] for name in _TEXT),
    )
