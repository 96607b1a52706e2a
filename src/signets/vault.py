"""The instance's one secret, and what is derived from it.

``SIGNETS_SECRET_KEY`` (32 bytes, base64) or a file in the data folder. Keys for encryption at rest
and for the evidence signature are derived per organization (HKDF-SHA256, RFC 5869), so one secret
is to be backed up, and no derived key is ever stored.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from signets.core.errors import Refusal, RefusalKind

_NONCE = 12


class LocalVault:
    """AES-256-GCM at rest and Ed25519 signatures, by keys derived from one secret."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != 32:
            raise ValueError("the secret key is 32 bytes")
        self._secret = secret
        self._aead: dict[str, AESGCM] = {}
        self._signers: dict[str, Ed25519PrivateKey] = {}

    def __repr__(self) -> str:
        return "LocalVault(…)"

    def seal(self, org_id: str, plain: bytes) -> bytes:
        """Nonce and ciphertext, bound to the organization."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher(org_id).encrypt(nonce, plain, org_id.encode())

    def open(self, org_id: str, sealed: bytes) -> bytes:
        """The plain bytes. Raises cryptography's InvalidTag where they were changed."""
        return self._cipher(org_id).decrypt(sealed[:_NONCE], sealed[_NONCE:], org_id.encode())

    def sign(self, org_id: str, message: bytes) -> bytes:
        """Ed25519 (RFC 8032) by the organization's evidence key."""
        return self._signer(org_id).sign(message)

    def public_key(self, org_id: str) -> bytes:
        """The 32 raw bytes."""
        return self._signer(org_id).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def _cipher(self, org_id: str) -> AESGCM:
        if org_id not in self._aead:
            self._aead[org_id] = AESGCM(self._derive(f"seal/1/{org_id}"))
        return self._aead[org_id]

    def _signer(self, org_id: str) -> Ed25519PrivateKey:
        if org_id not in self._signers:
            seed = self._derive(f"evidence/1/{org_id}")
            self._signers[org_id] = Ed25519PrivateKey.from_private_bytes(seed)
        return self._signers[org_id]

    def _derive(self, info: str) -> bytes:
        return HKDF(
            algorithm=SHA256(), length=32, salt=None, info=f"signets/{info}".encode()
        ).derive(self._secret)


def load_secret(configured: str | None, data_dir: Path) -> bytes:
    """The secret from the setting, else from ``secret.key`` in the data folder, made if missing.

    Raises:
        Refusal: ``secret_invalid`` where it is not 32 bytes in base64.
    """
    if configured is not None:
        return _decode(configured, "SIGNETS_SECRET_KEY")
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / "secret.key"
    if not path.exists():
        _make(path)
    return _decode(path.read_text(), str(path))


def _make(path: Path) -> None:
    """A fresh secret under its name, whole from the first moment: processes start together."""
    # mkstemp makes a file that its owner alone can read.
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".secret-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(32)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was first: its secret counts
            os.link(draft, path)
    finally:
        os.unlink(draft)


def _decode(text: str, where: str) -> bytes:
    try:
        secret = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        secret = b""
    if len(secret) != 32:
        raise Refusal(
            RefusalKind.UNAVAILABLE,
            "secret_invalid",
            f"{where} must hold 32 bytes in base64 (make one with `openssl rand -base64 32`)",
        )
    return secret
