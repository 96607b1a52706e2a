"""The labelled corpus, and the rule that splits it.

Development: ``corpus.tsv``, looked at while the matcher was built; ``corpus_first_look.tsv``, after
it had been scored once; the seven of ``corpus_blind_*.tsv``, which other hands wrote without seeing
vendors or rules, after each had been scored as rows that nobody had looked at. A row of
``corpus_grown.tsv`` is development where the first byte of the SHA-256 of its text divides by four,
else test. All of ``corpus_fresh.tsv``, written down after vendors and rules were finished, is test.

Rows from elsewhere (:func:`read_rows`) are scored alike; whoever scores them says whether they were
looked at.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from signets.core.merchant.model import Merchant

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "core" / "merchant"
FILES = (
    "corpus.tsv",
    "corpus_first_look.tsv",
    "corpus_blind_dev.tsv",
    "corpus_blind_second.tsv",
    "corpus_blind_third.tsv",
    "corpus_blind_fourth.tsv",
    "corpus_blind_fifth.tsv",
    "corpus_blind_sixth.tsv",
    "corpus_blind_seventh.tsv",
    "corpus_blind_eighth.tsv",
    "corpus_grown.tsv",
    "corpus_fresh.tsv",
)
SPOOFS = frozenset(
    {
        "edit", "homoglyph", "superstring", "lookalike", "mention", "facilitator",
        "foreign-id", "foreign-mcc", "foreign-country",
    }
)  # fmt: skip
_SOURCE_END = re.compile("[:,;(]")  # behind the class of a source, its particulars
_TEXT = ("lock", "descriptor", "mcc", "country", "city", "acceptor_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A lock, a merchant, and whether the one is the other: ``expected`` says a person's label.

    ``kind`` says what sort of row it is (``name``, ``sibling``, ``edit``, …), ``source`` where the
    form is known from; ``spoof``: somebody who passes for the vendor; ``unseen``: from elsewhere,
    and never looked at.
    """

    lock: str
    merchant: Merchant
    expected: bool
    kind: str
    source: str
    file: str
    text: str
    spoof: bool
    unseen: bool = False

    @property
    def held_out(self) -> bool:
        """Whether it belongs to the test part."""
        if self.file != "corpus_grown.tsv":
            return self.file == "corpus_fresh.tsv"
        return hashlib.sha256(self.text.encode()).digest()[0] % 4 != 0

    @property
    def split(self) -> str:
        """Its file, and whether anybody looked at it while vendors and rules were changed."""
        if self.unseen:
            return f"{self.file}, held out"
        return f"{self.file}, {'test' if self.held_out else 'development (looked at)'}"


def read_corpus() -> list[Row]:
    """Every row of every file.

    Raises:
        ValueError: A label is neither ``match`` nor ``refuse``.
    """
    return [row for name in FILES for row in _read(FOLDER / name)]


def read_rows(path: Path, *, unseen: bool = False) -> list[Row]:
    """Labelled rows from elsewhere, JSON, one a line; ``unseen``: nobody looked at them.

    Each has ``lock``, ``descriptor`` and ``expect`` (``match`` or anything else), and may have
    ``mcc, country, city, acceptor_id, network_id, kind, spoof``.
    """
    lines = path.read_text("utf-8").splitlines()
    return [_labelled(path.name, json.loads(line), unseen) for line in lines if line.strip()]


def _labelled(file: str, line: Mapping[str, Any], unseen: bool) -> Row:
    return Row(
        lock=line["lock"],
        merchant=_merchant(line),
        expected=line["expect"] == "match",
        kind=line.get("kind", "none"),
        source=_SOURCE_END.split(line.get("source", "none"))[0],
        file=file,
        text="\t".join(line.get(name) or "" for name in _TEXT),
        spoof=bool(line.get("spoof", line.get("kind") in SPOOFS)),
        unseen=unseen,
    )


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return [_row(path.name, line) for line in csv.DictReader(file, delimiter="\t")]


def _row(file: str, line: dict[str, str]) -> Row:
    if line["label"] not in ("match", "refuse"):
        raise ValueError(f"{file}: label `{line['label']}` of `{line['descriptor']}`")
    return Row(
        lock=line["lock"],
        merchant=_merchant(line),
        expected=line["label"] == "match",
        kind=line["kind"],
        source=line["source"],
        file=file,
        text="\t".join(line[name] for name in _TEXT),
        spoof=line["kind"] in SPOOFS,
    )


def _merchant(line: Mapping[str, Any]) -> Merchant:
    return Merchant(
        descriptor=line["descriptor"],
        mcc=line.get("mcc") or None,
        country=line.get("country") or None,
        city=line.get("city") or None,
        acceptor_id=line.get("acceptor_id") or None,
        network_id=line.get("network_id") or None,
    )
