"""The last scene: (j) evidence, checked from a file alone, and what one changed byte does."""

from __future__ import annotations

import json
from pathlib import Path

from signets.demo.scene import Scene
from signets.demo.stage import NotSeen, Stage
from signets.verifier import Report, verify_bundle


def evidence(stage: Stage, scene: Scene) -> None:
    """Export the first purchase's evidence, verify the file, change one byte, verify again."""
    oldest = [one.id for one in stage.admin.intents.list(agent_id="infra-agent")][-1:]
    if not oldest:
        raise NotSeen("there is no intent to export")
    intent_id = oldest[0]
    file = stage.folder / f"{intent_id}.evidence.jsonl"
    file.write_bytes(stage.admin.evidence.bundle(intent_id))
    report = verify_bundle(file.read_bytes(), stage.log_key)
    scene.check(
        "auditor",
        "verifies the exported file offline, with the key noted at the start",
        (report.ok, report.key_pinned, report.intent),
        (True, True, intent_id),
        f"whole: {report.entries} entries, in the tree of {report.tree_size}, signed",
    )
    scene.end("evidence_verified", "verified" if report.ok else "refused", None, report.intent)
    altered, entry_id = _alter(file)
    report = verify_bundle(altered.read_bytes(), stage.log_key)
    named = report.bad_entry.id if report.bad_entry else None
    scene.check(
        "somebody",
        "changes one byte of one entry",
        (report.ok, named),
        (False, entry_id),
        f"refused, naming {report.bad_entry}",
    )
    scene.end(
        "evidence_altered", "verified" if report.ok else "refused", _failed(report), intent_id
    )


def _alter(file: Path) -> tuple[Path, str]:
    """A copy in which the declared amount of $20.00 reads $90.00, and that entry's id."""
    lines = file.read_bytes().split(b"\n")
    for number, line in enumerate(lines):
        if b'"expected_amount":2000' in line:
            entry_id = str(json.loads(line)["entry"]["id"])
            lines[number] = line.replace(b'"expected_amount":2000', b'"expected_amount":9000', 1)
            altered = file.with_suffix(".altered.jsonl")
            altered.write_bytes(b"\n".join(lines))
            return altered, entry_id
    raise NotSeen("the evidence does not hold the declared amount")


def _failed(report: Report) -> str | None:
    return next((check.name for check in report.checks if not check.ok), None)
