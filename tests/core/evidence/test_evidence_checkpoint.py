"""Checkpoints and keys in the form that C2SP specifies."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from signets.core.errors import Refusal
from signets.core.evidence.checkpoint import (
    Checkpoint,
    CheckpointInvalid,
    VerifierKey,
    log_origin,
    parse_checkpoint,
    parse_verifier_key,
    sign_checkpoint,
)

ORGANIZATION = "org_01m8613tcce609bb7kkadmk5wh"
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = VerifierKey(log_origin(ORGANIZATION), PRIVATE.public_key().public_bytes_raw())
HEAD = Checkpoint(log_origin(ORGANIZATION), 8, bytes(range(32)))
NOTE = sign_checkpoint(HEAD, key=KEY, sign=PRIVATE.sign)


def test_the_key_form_is_that_of_go_sumdb_note() -> None:
    """The example key of golang.org/x/mod/sumdb/note has the id that its text claims."""
    key = parse_verifier_key("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    assert (key.name, key.key_id.hex()) == ("PeterNeumann", "c74f20a3")


def test_the_signature_form_is_that_of_go_sumdb_note() -> None:
    """That package's example signature is four bytes of key id, then Ed25519 over the text."""
    text = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
    )
    key = parse_verifier_key("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    line = (
        "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqd"
        "ngotpRZb6KE6RyyBwJnAM="
    )
    root = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    (signature,) = parse_checkpoint(f"log\n0\n{root}\n\n{line}\n".encode()).signatures
    assert (signature.name, signature.key_id) == (key.name, key.key_id)
    Ed25519PublicKey.from_public_bytes(key.public_key).verify(signature.signature, text.encode())


def test_a_signed_checkpoint_reads_back_and_verifies() -> None:
    """Origin, size and root survive, and the signature is over exactly the three lines."""
    signed = parse_checkpoint(NOTE)
    assert signed.checkpoint == HEAD
    assert signed.body == NOTE.split(b"\n\n")[0] + b"\n"
    PRIVATE.public_key().verify(signed.signatures[0].signature, signed.body)
    assert signed.signatures[0].key_id == KEY.key_id


def test_cosignatures_of_unknown_kinds_are_carried() -> None:
    """A witness may add a line of another length; it is read, not refused."""
    cosigned = NOTE + "\u2014 witness.example/w AAAAAQIDBAUG\n".encode()
    assert [s.name for s in parse_checkpoint(cosigned).signatures] == [
        KEY.name,
        "witness.example/w",
    ]


@given(st.integers(0, len(NOTE) - 1), st.integers(1, 255))
def test_a_flipped_byte_never_reads_as_the_same_checkpoint(place: int, flip: int) -> None:
    """There is one spelling: any changed byte is refused or changes what is read."""
    changed = bytearray(NOTE)
    changed[place] ^= flip
    try:
        signed = parse_checkpoint(bytes(changed))
    except CheckpointInvalid:
        return
    assert signed != parse_checkpoint(NOTE)


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"\n\n\n\n\n\n",
        NOTE[:-1],
        NOTE + b"\n",
        NOTE.replace(b"\n8\n", b"\n08\n"),
        NOTE.replace(b"\n8\n", b"\n+8\n"),
        NOTE.replace(b"\n8\n", b"\n" + b"9" * 40 + b"\n"),
        NOTE.replace(b"\n\n", b"\nextension\n\n"),
        NOTE.replace(b"\n", b"\r\n"),
        NOTE.replace(b"Hh8=\n", b"Hh9=\n"),  # the same root, spelled with unused bits set
        NOTE.split(b"\n\n")[0] + b"\n\n",
        NOTE + NOTE.split(b"\n\n")[1] * 16,
        b"\xff" + NOTE,
    ],
)
def test_malformed_checkpoints_are_refused(note: bytes) -> None:
    """Other sizes, extensions, line ends, no signature or too many."""
    with pytest.raises(CheckpointInvalid):
        parse_checkpoint(note)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a+b",
        KEY.text() + " ",
        KEY.text().replace("signets/", "other/"),
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2Q==",
    ],
)
def test_malformed_keys_are_refused(text: str) -> None:
    """A key whose hash, type, length or spelling is off is no key."""
    with pytest.raises(CheckpointInvalid):
        parse_verifier_key(text)


def test_a_key_signs_only_for_its_own_log() -> None:
    """A checkpoint of one organization's log cannot be signed under another's key name."""
    other = VerifierKey("signets/org_other", KEY.public_key)
    with pytest.raises(CheckpointInvalid, match="does not sign"):
        sign_checkpoint(HEAD, key=other, sign=PRIVATE.sign)
    with pytest.raises(Refusal):
        log_origin("acme")


def test_a_signer_that_returns_no_signature_is_noticed() -> None:
    """A broken signer is found when signing, not by the auditor."""
    with pytest.raises(CheckpointInvalid, match="64 bytes"):
        sign_checkpoint(HEAD, key=KEY, sign=lambda body: b"")
