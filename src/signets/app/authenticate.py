"""From a bearer token to a caller.

A key is ``sgn_`` + the organization's 26-character suffix + the key's own + ``_`` + a secret of
256 random bits. Only the secret's SHA-256 is stored: it has full entropy, so a slow hash would
add nothing (NIST SP 800-63B-4, 3.2.2 asks for slow hashes for *guessable* secrets).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from signets.app.caller import Caller
from signets.app.records import KeyOwner
from signets.app.services import Services
from signets.core.access import Scope, most_scopes
from signets.core.errors import Refusal, RefusalKind
from signets.core.ids import Prefix

_TOKEN = re.compile(r"sgn_([0-9a-z]{26})([0-9a-z]{26})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A freshly made token: shown once, stored as a digest. ``repr`` shows nothing."""

    token: str
    sha256: bytes

    def __repr__(self) -> str:
        return "NewSecret(…)"


def make_token(org_id: str, key_id: str) -> NewSecret:
    """A new bearer token for this key."""
    secret = secrets.token_urlsafe(32)
    head = org_id.removeprefix(f"{Prefix.ORGANIZATION}_") + key_id.removeprefix(f"{Prefix.KEY}_")
    return NewSecret(f"sgn_{head}_{secret}", hashlib.sha256(secret.encode()).digest())


async def authenticate(services: Services, token: str) -> Caller:
    """Who the token belongs to.

    Raises:
        Refusal: ``key_invalid``, ``key_expired`` or ``key_revoked`` (unauthenticated).
    """
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise _no(
            "key_invalid", "the API key is not one of ours; send `Authorization: Bearer sgn_…`"
        )
    org_suffix, key_suffix, secret = found.groups()
    org_id, key_id = f"{Prefix.ORGANIZATION}_{org_suffix}", f"{Prefix.KEY}_{key_suffix}"
    digest = hashlib.sha256(secret.encode()).digest()
    try:
        async with services.store.unlocked(org_id) as uow:
            key = await uow.identity.key(key_id)
            # An unknown key costs the same comparison as a wrong secret.
            right = hmac.compare_digest(key.secret_sha256 if key else b"\0" * 32, digest)
            if key is None or not right:
                raise _no("key_invalid", "no such API key")
            if key.revoked_at is not None:
                raise _no("key_revoked", "this API key was revoked; ask an admin for another")
            if key.expires_at is not None and key.expires_at <= uow.now:
                raise _no("key_expired", "this API key has expired; ask an admin for another")
            member = await uow.identity.member(key.member_id) if key.member_id else None
            if key.owner is KeyOwner.MEMBER and (member is None or member.disabled_at):
                raise _no("key_revoked", "this key's member is disabled")
            await uow.identity.touch_key(key.id, uow.now)
    except Refusal as refusal:
        if refusal.code == "organization_unknown":
            raise _no("key_invalid", "no such API key") from None
        raise
    role = member.role if member else None
    most = most_scopes(key.owner, role)
    return Caller(
        org_id=org_id,
        key_id=key.id,
        owner=key.owner,
        member_id=key.member_id,
        role=role,
        agent_id=key.agent_id,
        scopes=frozenset(Scope(scope) for scope in key.scopes) & most,
    )


def _no(code: str, message: str) -> Refusal:
    return Refusal(RefusalKind.UNAUTHENTICATED, code, message)
