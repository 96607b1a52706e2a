"""What the matcher answered against what a person said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from merchants_report.corpus import Row
from signets.core.merchant.directory import Directory
from signets.core.merchant.domains import canonical_vendor
from signets.core.merchant.match import match_lock
from signets.core.merchant.model import Learned, MatchResult, MerchantLock, MerchantMatch

BINS = ((0, 5), (20, 30), (31, 50), (51, 70), (80, 87), (88, 92), (93, 99))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A row and the matcher's answer."""

    row: Row
    answer: MerchantMatch

    @property
    def matched(self) -> bool:
        """Whether the lock let it through."""
        return self.answer.result is MatchResult.MATCH


def ask(rows: Sequence[Row], directory: Directory) -> list[Answered]:
    """Hold every row's merchant against its lock, knowing nothing beyond the directory."""
    nothing = Learned()
    return [
        Answered(
            row=row,
            answer=match_lock(
                MerchantLock(vendors=(canonical_vendor(row.lock, directory),)),
                row.merchant,
                directory,
                nothing,
            ),
        )
        for row in rows
    ]


def contains_main_word(row: Row) -> bool:
    """The baseline: the domain's main word stands anywhere in the name."""
    labels = row.lock.split(".")
    word = labels[-2] if len(labels) > 1 else labels[0]
    return word.lower() in row.merchant.descriptor.lower()


def rates(rows: Sequence[Row], matched: Callable[[int], bool]) -> dict[str, float | int]:
    """Recall over the rows to match, false accepts over the others; both as fractions."""
    good = [i for i, row in enumerate(rows) if row.expected]
    bad = [i for i, row in enumerate(rows) if not row.expected]
    spoofs = [i for i in bad if rows[i].spoof]
    return {
        "rows": len(rows),
        "positives": len(good),
        "negatives": len(bad),
        "recall": _share(sum(map(matched, good)), len(good)),
        "false_accepts": _share(sum(map(matched, bad)), len(bad)),
        "false_accept_count": sum(map(matched, bad)),
        "spoofs": len(spoofs),
        "spoofs_accepted": sum(map(matched, spoofs)),
    }


def measure(answers: Sequence[Answered]) -> dict[str, object]:
    """Everything that the report says of one part of the corpus."""
    rows = [one.row for one in answers]
    unsure = [one for one in answers if one.answer.result is MatchResult.UNVERIFIED]
    good = [one for one in answers if one.row.expected]
    return {
        **rates(rows, lambda index: answers[index].matched),
        "unverified": _share(len(unsure), len(answers)),
        "unverified_of_positives": _share(sum(one.row.expected for one in unsure), len(good)),
        "by_kind": _by(answers, lambda one: one.row.kind),
        "by_file": _by(answers, lambda one: one.row.file),
        "by_source": _by(answers, lambda one: one.row.source),
        "calibration": _calibration(answers),
        "baseline": rates(rows, lambda index: contains_main_word(rows[index])),
        "misses": [_miss(one) for one in answers if one.matched != one.row.expected],
    }


def by_split(answers: Sequence[Answered]) -> dict[str, dict[str, float | int]]:
    """The rates of each file's part, in the files' order."""
    splits: dict[str, list[Answered]] = {}
    for one in answers:
        splits.setdefault(one.row.split, []).append(one)
    return {
        name: rates([one.row for one in found], lambda index, found=found: found[index].matched)
        for name, found in splits.items()
    }


def _by(answers: Sequence[Answered], key: Callable[[Answered], str]) -> dict[str, dict[str, int]]:
    table: dict[str, dict[str, int]] = {}
    for one in answers:
        counts = table.setdefault(
            f"{key(one)}, {'match' if one.row.expected else 'refuse'}",
            {"rows": 0, **{str(result): 0 for result in MatchResult}},
        )
        counts["rows"] += 1
        counts[str(one.answer.result)] += 1
    return dict(sorted(table.items()))


def _calibration(answers: Sequence[Answered]) -> list[dict[str, float | int | str]]:
    """Stated confidence against how often it was right, bin by bin."""
    table: list[dict[str, float | int | str]] = []
    for low, high in BINS:
        found = [one for one in answers if low <= one.answer.confidence <= high]
        if found:
            stated = sum(one.answer.confidence for one in found) / len(found)
            true = 100 * sum(one.row.expected for one in found) / len(found)
            table.append(
                {
                    "confidence": f"{low} to {high}",
                    "rows": len(found),
                    "stated": round(stated, 1),
                    "true": round(true, 1),
                }
            )
    return table


def _miss(one: Answered) -> dict[str, object]:
    merchant = one.row.merchant
    return {
        "lock": one.row.lock,
        "descriptor": merchant.descriptor,
        "mcc": merchant.mcc,
        "country": merchant.country,
        "city": merchant.city,
        "acceptor_id": merchant.acceptor_id,
        "expected": "match" if one.row.expected else "refuse",
        "result": str(one.answer.result),
        "kind": one.row.kind,
        "source": one.row.source,
        "reason": one.answer.rule,
    }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
