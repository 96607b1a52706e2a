"""Bundles: what verifies, what is refused and by which name, and that no byte can change."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from signets.core.evidence.bundle import BundledEntry, BundleInvalid, parse_bundle
from signets.core.evidence.checkpoint import VerifierKey
from signets.core.evidence.entry import encode_entry
from signets.verifier import Report, verify_bundle

from .conftest import CARD, INTENT, OTHER_INTENT, Log


def resealed(data: bytes) -> bytes:
    """The file with its trailing SHA-256 made anew, as a forger would."""
    body = b"".join(line + b"\n" for line in data.split(b"\n")[:-2])
    return body + b'{"sha256":"' + sha256(body).hexdigest().encode() + b'"}\n'


def failed(report: Report) -> str:
    """The name of the one check that failed."""
    (check,) = [check for check in report.checks if not check.ok]
    assert not report.ok
    assert report.proven == ()
    return check.name


def test_a_whole_bundle_verifies_against_the_pinned_key(log: Log) -> None:
    """Every check passes, in order, and the report says what is and is not proven."""
    report = verify_bundle(log.export(), log.key.text() + "\n")
    assert report.ok and report.key_pinned
    assert [check.name for check in report.checks] == [
        "format",
        "key",
        "signature",
        "inclusion",
        "sequence",
        "digest",
    ]
    assert (report.entries, report.tree_size, report.intent) == (4, 8, INTENT)
    assert report.proven and report.not_proven
    assert "3 between are not this intent's" in "\n".join(report.lines())
    assert json.loads(json.dumps(report.as_dict()))["ok"] is True


def test_without_a_pinned_key_the_report_warns(log: Log) -> None:
    """The file's own key only shows that the file agrees with itself, and the report says so."""
    forged = Log(b"somebody else").export()
    report = verify_bundle(forged)
    assert report.ok and not report.key_pinned
    assert any("KEY NOT PINNED" in line for line in report.lines())
    assert failed(verify_bundle(forged, log.key.text())) == "key"


def test_a_malformed_expected_key_fails_the_check(log: Log) -> None:
    """A mistyped key refuses the file instead of falling back to the one inside."""
    assert failed(verify_bundle(log.export(), "signets/org_x+00000000+AAAA")) == "key"
    assert failed(verify_bundle(log.export(), "")) == "key"


def test_every_flipped_byte_is_refused(log: Log) -> None:
    """Exhaustively: each byte of the file, each of eight bits, is noticed and never raises."""
    data, key = log.export(), log.key.text()
    assert verify_bundle(data, key).ok
    for place in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            assert not verify_bundle(bytes(changed), key).ok, (place, bit)


def test_a_flip_in_an_entry_names_that_entry(log: Log) -> None:
    """Wherever in an entry's line a byte changes, that entry is the one named, by its place."""
    data, key = log.export(), log.key.text()
    offset = 0
    for number, line in enumerate(data.split(b"\n")[:-2], -1):
        for place in range(0, len(line) if number > 0 else 0, 3):
            changed = bytearray(data)
            changed[offset + place] ^= 0x01
            bad = verify_bundle(bytes(changed), key).bad_entry
            assert bad is not None and bad.position == number, (number, place)
        offset += len(line) + 1


def test_a_changed_amount_is_named_by_id_and_index(log: Log) -> None:
    """The classic fraud, $20.04 to $90.04, with the file's own SHA-256 made anew."""
    data = log.export()
    forged = resealed(data.replace(b'"amount":2004', b'"amount":9004'))
    report = verify_bundle(forged, log.key.text())
    assert failed(report) == "inclusion"
    assert report.bad_entry is not None
    assert (report.bad_entry.index, report.bad_entry.id) == (4, log.entries[4].id)


@pytest.mark.parametrize("drop", [0, 1, 2])
def test_a_dropped_entry_is_refused(log: Log, drop: int) -> None:
    """An entry left out of the middle or the front leaves a gap, even in a well-made file."""
    lines = log.export().split(b"\n")
    del lines[2 + drop]
    lines[0] = lines[0].replace(b'"entries":4', b'"entries":3')
    report = verify_bundle(resealed(b"\n".join(lines)), log.key.text())
    assert failed(report) == "sequence"
    assert report.bad_entry is not None and report.bad_entry.position == drop + 1


def test_reordered_or_repeated_entries_are_refused(log: Log) -> None:
    """Each entry is proven, but their order is not that of the log."""
    lines = log.export().split(b"\n")
    lines[3], lines[4] = lines[4], lines[3]
    assert failed(verify_bundle(resealed(b"\n".join(lines)), log.key.text())) == "sequence"
    lines = log.export().split(b"\n")
    lines[3] = lines[2]
    assert failed(verify_bundle(resealed(b"\n".join(lines)), log.key.text())) == "sequence"


def test_an_entry_that_was_never_logged_is_refused(log: Log) -> None:
    """A fifth entry, perfect in form, has no proof to the signed root."""
    extra = encode_entry(replace(log.entries[7], id=log.entries[0].id, intent_seq=5))
    lines = log.export().split(b"\n")
    lines[6:6] = [b'{"entry":' + extra + b',"index":7,"proof":' + lines[5].split(b'"proof":')[1]]
    lines[0] = lines[0].replace(b'"entries":4', b'"entries":5')
    report = verify_bundle(resealed(b"\n".join(lines)), log.key.text())
    assert failed(report) == "inclusion"
    assert report.bad_entry is not None and report.bad_entry.position == 5


def test_another_tree_under_an_old_signature_is_refused(log: Log) -> None:
    """A rewritten log with proofs that fit it fails at the signature."""
    honest = log.checkpoint().decode().split("\n")
    log.replace_entry(4, data={"amount": 9004})
    forged = log.export()
    rewritten = log.checkpoint().decode().split("\n")
    assert honest[:2] == rewritten[:2] and honest[2] != rewritten[2]
    mixed = resealed(forged.replace(rewritten[-2].encode(), honest[-2].encode()))
    assert failed(verify_bundle(mixed, log.key.text())) == "signature"


def test_the_export_date_is_covered_by_the_digest_only(log: Log) -> None:
    """A changed `created` is noticed, but not against a forger: the report says it is unproven."""
    changed = log.export().replace(b'"created":"2026', b'"created":"2027')
    assert failed(verify_bundle(changed, log.key.text())) == "digest"
    report = verify_bundle(resealed(changed), log.key.text())
    assert report.ok and any("`created`" in line for line in report.not_proven)


@pytest.mark.parametrize("line", range(6))
def test_another_spelling_of_a_line_is_refused(log: Log, line: int) -> None:
    """White space and key order are fixed even where the file's SHA-256 is made anew."""
    lines = log.export().split(b"\n")
    lines[line] = lines[line].replace(b'":', b'": ', 1)
    assert failed(verify_bundle(resealed(b"\n".join(lines)), log.key.text())) == "format"
    lines = log.export().split(b"\n")
    lines[line] = lines[line][:-1] + b" }"
    assert failed(verify_bundle(resealed(b"\n".join(lines)), log.key.text())) == "format"


def test_another_spelling_of_a_hash_is_refused(log: Log) -> None:
    """Base64 whose unused bits are set decodes to the same hash, and is refused all the same."""
    lines = log.export().split(b"\n")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    place = lines[2].rindex(b'="]}') - 1
    respelled = alphabet[alphabet.index(chr(lines[2][place])) + 1].encode()
    lines[2] = lines[2][:place] + respelled + lines[2][place + 1 :]
    assert failed(verify_bundle(resealed(b"\n".join(lines)), log.key.text())) == "format"


def test_tree_order_must_be_the_intents_order(log: Log) -> None:
    """Entries that the log placed in another order than their numbers tell no proven order."""
    log.replace_entry(3, intent_seq=3, card_seq=4)
    log.replace_entry(4, intent_seq=2, card_seq=3)
    log.chosen = [1, 4, 3, 7]
    with pytest.raises(BundleInvalid, match="tree index is not above 4"):
        log.export()


@given(st.binary(max_size=300))
def test_garbage_is_refused_and_never_raises(data: bytes) -> None:
    """Any bytes give a report."""
    assert not verify_bundle(data).ok


@given(st.data())
def test_a_spliced_bundle_is_refused_and_never_raises(data: st.DataObject) -> None:
    """Cut, doubled or overwritten stretches of a real bundle give a report, not an exception."""
    whole = Log().export()
    start = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(start, len(whole)))
    middle = data.draw(st.binary(max_size=20) | st.just(whole[start:end] * 2))
    spliced = whole[:start] + middle + whole[end:]
    assert verify_bundle(spliced).ok == (spliced == whole)


@pytest.mark.parametrize(
    "hostile",
    [
        b"[" * 200_000 + b"\n" * 4,
        b'{"created":' + b"1" * 5000 + b"}\n\n\n",
        b"\n\n\n\n\n",
        b"\xff\xfe\n\n\n",
        b'{"entry":' * 5000 + b"\n\n\n\n",
    ],
)
def test_hostile_shapes_are_refused(hostile: bytes) -> None:
    """Bottomless nesting, huge numbers, empty lines and foreign encodings give a report."""
    assert not verify_bundle(hostile).ok
    lines = Log().export().split(b"\n")
    lines[3] = hostile.split(b"\n")[0]
    assert not verify_bundle(b"\n".join(lines)).ok


def test_a_bundle_cannot_be_built_with_a_gap_or_a_wrong_proof(log: Log) -> None:
    """What would not verify is not exported."""
    entries = log.bundled()
    with pytest.raises(BundleInvalid, match="intent_seq 3 where 2"):
        log.export(entries=[entries[0], *entries[2:]])
    with pytest.raises(BundleInvalid, match="do not lead"):
        log.export(entries=[BundledEntry(entries[0].raw, 0, entries[0].proof), *entries[1:]])
    with pytest.raises(BundleInvalid, match="0 entries"):
        log.export(entries=[])
    with pytest.raises(BundleInvalid, match="no entry is of it"):
        log.export(intent=OTHER_INTENT)
    with pytest.raises(BundleInvalid, match="another organization"):
        log.export(organization="org_01m8613tcce609bb7kkadmk5ww")
    with pytest.raises(BundleInvalid, match="not named after"):
        log.export(key=VerifierKey("signets/other", log.key.public_key).text())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"intent": OTHER_INTENT}, "of another intent"),
        ({"organization": "org_01m8613tcce609bb7kkadmk5ww"}, "of another organization"),
        ({"id": "evi_01m8613tcce609bb7kkadm0001"}, "id occurs twice"),
        ({"card_seq": 2}, "card_seq does not rise"),
        ({"intent_seq": 4}, "intent_seq 4 where 3"),
    ],
)
def test_a_log_that_numbers_wrongly_cannot_be_exported(
    log: Log, changes: dict[str, object], message: str
) -> None:
    """Entries that were really logged still must tell one consistent story."""
    log.replace_entry(4, **changes)
    with pytest.raises(BundleInvalid, match=message):
        log.export()


def test_parsing_gives_the_entries_back(log: Log) -> None:
    """A program can read the entries out of a bundle, bytes and values."""
    bundle = parse_bundle(log.export())
    assert bundle.parsed == tuple(log.entries[n] for n in log.chosen)
    assert list(bundle.entries) == log.bundled()
    assert bundle.parsed[0].card == CARD
