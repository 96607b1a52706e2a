"""Verify an evidence bundle without database, network or trust in who exported it.

The checks run in the order in which each rests on the one before; the first that fails ends the
run, and the rest are reported as not reached. What a pass proves is part of the report.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from signets.core.evidence.bundle import (
    BadEntry,
    Bundle,
    BundleInvalid,
    parse_bundle,
    require_inclusion,
    require_sequence,
)
from signets.core.evidence.checkpoint import CheckpointInvalid, parse_verifier_key

PROVEN = (
    "Each entry in the file is, byte for byte, in the log that the checkpoint seals: "
    "none was changed after the seal.",
    "The intent's entries are complete from its first to the last one in the file, and in order: "
    "none was dropped or reordered.",
    "The checkpoint was signed with the private key of the key named above.",
)
NOT_PROVEN = (
    "That the intent has no entries after the last one in the file.",
    "That everything that happened was logged: compare with the issuer's statement.",
    "That entries were true when written, or that `at` is right: the log's owner wrote them.",
    "That the owner shows everyone the same log: compare checkpoints with a witness or an earlier "
    "one (consistency proof).",
    "When the file was made: its `created` is information, not signed.",
)
_NOT_PINNED = (
    "WARNING: KEY NOT PINNED. Checked against the key inside the file itself, so anyone could have "
    "made this file. Get the public key another way and pass it."
)


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its stable name, whether it held, and a sentence for a person."""

    name: str
    ok: bool
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The outcome. ``ok`` only if every check held; ``key_pinned`` says against whose key."""

    ok: bool
    key_pinned: bool
    key: str | None
    organization: str | None
    intent: str | None
    entries: int
    tree_size: int | None
    root: str | None
    checks: tuple[Check, ...]
    bad_entry: BadEntry | None
    proven: tuple[str, ...]
    not_proven: tuple[str, ...]

    def lines(self) -> tuple[str, ...]:
        """The report in plain English, one sentence a line."""
        marks = tuple(f"{'ok  ' if check.ok else 'FAIL'}  {check.line}" for check in self.checks)
        if not self.ok:
            return (*marks, "REFUSED: this file is not whole evidence.")
        warning = () if self.key_pinned else (_NOT_PINNED,)
        proven = tuple(f"proven: {line}" for line in self.proven)
        limits = tuple(f"not proven: {line}" for line in self.not_proven)
        return (*marks, *warning, *proven, *limits)

    def as_dict(self) -> dict[str, object]:
        """Plain JSON data for programs."""
        bad = self.bad_entry
        return {
            "ok": self.ok,
            "key_pinned": self.key_pinned,
            "key": self.key,
            "organization": self.organization,
            "intent": self.intent,
            "entries": self.entries,
            "tree_size": self.tree_size,
            "root": self.root,
            "checks": [{"name": c.name, "ok": c.ok, "line": c.line} for c in self.checks],
            "bad_entry": bad and {"position": bad.position, "index": bad.index, "id": bad.id},
            "proven": list(self.proven),
            "not_proven": list(self.not_proven),
        }


def verify_bundle(data: bytes, expected_key: str | None = None) -> Report:
    """Check a bundle; never raises on its content, however broken.

    Args:
        data: The whole file.
        expected_key: The log's verifier key (``signets/org_…+hash+base64``) from a source other
            than the file. Without it the file's own key is used, and the report says so loudly.
    """
    checks: list[Check] = []
    pinned = expected_key is not None
    try:
        bundle = parse_bundle(data)
    except BundleInvalid as problem:
        checks.append(Check("format", False, f"Format: {problem}."))
        return _report(None, pinned, checks, problem.entry)
    count = len(bundle.entries)
    checks.append(Check("format", True, f"Format: a bundle of {count} entries, strictly written."))
    steps: tuple[tuple[str, Callable[[], str]], ...] = (
        ("key", lambda: _check_key(bundle, expected_key)),
        ("signature", lambda: _check_signature(bundle)),
        ("inclusion", lambda: _check_inclusion(bundle)),
        ("sequence", lambda: _check_sequence(bundle)),
        ("digest", lambda: _check_digest(bundle)),
    )
    for name, step in steps:
        try:
            checks.append(Check(name, True, f"{name.capitalize()}: {step()}."))
        except BundleInvalid as problem:
            checks.append(Check(name, False, f"{name.capitalize()}: {problem}."))
            return _report(bundle, pinned, checks, problem.entry)
    return _report(bundle, pinned, checks, None)


def _check_key(bundle: Bundle, expected_key: str | None) -> str:
    if expected_key is None:
        return f"not pinned; the file brings its own, {bundle.key.text()}"
    try:
        expected = parse_verifier_key(expected_key.strip())
    except CheckpointInvalid as problem:
        raise BundleInvalid(f"the expected key is not a verifier key: {problem}") from problem
    if expected != bundle.key:
        raise BundleInvalid(f"sealed under {bundle.key.text()}, not under the expected key")
    return f"the expected one, {expected.text()}"


def _check_signature(bundle: Bundle) -> str:
    key = bundle.key
    public_key = Ed25519PublicKey.from_public_bytes(key.public_key)
    ours = [s for s in bundle.signed.signatures if (s.name, s.key_id) == (key.name, key.key_id)]
    if not ours:
        raise BundleInvalid("the checkpoint carries no signature by this key")
    for signature in ours:
        try:
            public_key.verify(signature.signature, bundle.signed.body)
        except InvalidSignature as problem:
            raise BundleInvalid("the checkpoint's signature does not verify") from problem
    return f"the checkpoint over {bundle.signed.checkpoint.size} entries is signed by this key"


def _check_inclusion(bundle: Bundle) -> str:
    require_inclusion(bundle)
    return f"all {len(bundle.entries)} entries are in the tree, byte for byte"


def _check_sequence(bundle: Bundle) -> str:
    require_sequence(bundle)
    cards: dict[str, list[int]] = {}
    for entry in bundle.parsed:
        if entry.card is not None and entry.card_seq is not None:
            cards.setdefault(entry.card, []).append(entry.card_seq)
    statements = [f"the intent's entries are 1 to {len(bundle.entries)} without a gap"]
    for card, numbers in cards.items():
        missing = numbers[-1] - numbers[0] + 1 - len(numbers)
        statements.append(
            f"of {card} it holds {len(numbers)} from {numbers[0]} to {numbers[-1]}"
            + (f" ({missing} between are not this intent's)" if missing else "")
        )
    return "; ".join(statements)


def _check_digest(bundle: Bundle) -> str:
    if not bundle.digest_matches:
        raise BundleInvalid(
            "the file's SHA-256 is not that of its bytes: something outside the entries changed"
        )
    return "the file's own SHA-256 matches"


def _report(
    bundle: Bundle | None, pinned: bool, checks: list[Check], bad_entry: BadEntry | None
) -> Report:
    ok = all(check.ok for check in checks)
    head = bundle.signed.checkpoint if bundle else None
    return Report(
        ok=ok,
        key_pinned=pinned,
        key=bundle.key.text() if bundle else None,
        organization=bundle.organization if bundle else None,
        intent=bundle.intent if bundle else None,
        entries=len(bundle.entries) if bundle else 0,
        tree_size=head.size if head else None,
        root=head.root.hex() if head else None,
        checks=tuple(checks),
        bad_entry=bad_entry,
        proven=PROVEN if ok else (),
        not_proven=NOT_PROVEN if ok else (),
    )
