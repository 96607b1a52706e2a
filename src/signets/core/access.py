"""Who may do what: scopes, and the scopes that each kind of caller can have at most.

An agent sees and uses only its own cards and intents and never approves, changes policy or
unlocks; revealing a card belongs to its owning agent alone. Approving belongs to members alone.
"""

from __future__ import annotations

from enum import StrEnum

from signets.core.approval import Role


class Scope(StrEnum):
    """One permission of an API key."""

    CARDS_READ = "cards:read"
    CARDS_WRITE = "cards:write"  # create
    CARDS_REVEAL = "cards:reveal"  # agents only
    CARDS_CONTROL = "cards:control"  # freeze, unfreeze, close, reset the breaker
    INTENTS_READ = "intents:read"
    INTENTS_WRITE = "intents:write"  # create, amend, cancel
    INTENTS_DECIDE = "intents:decide"  # approve and deny: members only
    TRANSACTIONS_READ = "transactions:read"
    POLICY_READ = "policy:read"
    POLICY_WRITE = "policy:write"
    EVIDENCE_READ = "evidence:read"
    IDENTITY_READ = "identity:read"  # members, agents, keys, alerts
    IDENTITY_WRITE = "identity:write"  # and the kill switches of agent and organization


_READ = frozenset(scope for scope in Scope if scope.value.endswith(":read"))
_AGENT = frozenset(
    {
        Scope.CARDS_READ,
        Scope.CARDS_WRITE,
        Scope.CARDS_REVEAL,
        Scope.INTENTS_READ,
        Scope.INTENTS_WRITE,
        Scope.TRANSACTIONS_READ,
        Scope.EVIDENCE_READ,
    }
)
_ORGANIZATION = frozenset(Scope) - {Scope.CARDS_REVEAL, Scope.INTENTS_DECIDE}
_MEMBER: dict[Role, frozenset[Scope]] = {
    Role.VIEWER: _READ,
    Role.APPROVER: _READ | {Scope.INTENTS_DECIDE, Scope.CARDS_CONTROL},
    Role.ADMIN: frozenset(Scope) - {Scope.CARDS_REVEAL},
}


def most_scopes(owner: str, role: Role | None) -> frozenset[Scope]:
    """The most that a key of this owner may ever do. ``owner``: organization, member or agent."""
    if owner == "agent":
        return _AGENT
    if owner == "organization":
        return _ORGANIZATION
    return _MEMBER[role] if role is not None else frozenset()
