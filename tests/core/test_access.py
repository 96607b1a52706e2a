"""Who may do what, at most."""

from __future__ import annotations

import pytest

from signets.core.access import Scope, most_scopes
from signets.core.approval import Role

EVERYBODY = [("agent", None), ("organization", None), *(("member", role) for role in Role)]
CHANGES = {scope for scope in Scope if not scope.value.endswith(":read")}


def test_an_agent_never_approves_changes_policy_or_unlocks():
    """What an agent's key can change: its own cards and intents; and it reveals its own card."""
    assert most_scopes("agent", None) & CHANGES == {
        Scope.CARDS_WRITE,
        Scope.CARDS_REVEAL,
        Scope.INTENTS_WRITE,
    }
    assert Scope.POLICY_READ not in most_scopes("agent", None)
    assert Scope.IDENTITY_READ not in most_scopes("agent", None)


@pytest.mark.parametrize(("owner", "role"), EVERYBODY)
def test_only_agents_reveal_and_only_members_decide(owner: str, role: Role | None):
    """A card's number is for its agent alone; approving is for people alone."""
    scopes = most_scopes(owner, role)
    assert (Scope.CARDS_REVEAL in scopes) is (owner == "agent")
    assert (Scope.INTENTS_DECIDE in scopes) is (role in (Role.ADMIN, Role.APPROVER))


def test_roles_of_members():
    """A viewer reads, an approver also decides and stops cards, an admin does everything else."""
    assert most_scopes("member", Role.VIEWER) & CHANGES == set()
    assert most_scopes("member", Role.APPROVER) & CHANGES == {
        Scope.INTENTS_DECIDE,
        Scope.CARDS_CONTROL,
    }
    assert set(Scope) - most_scopes("member", Role.ADMIN) == {Scope.CARDS_REVEAL}


@pytest.mark.parametrize("owner", ["member", "somebody", ""])
def test_nobody_known_may_do_nothing(owner: str):
    """Without a role or with an owner that is none, a key can do nothing."""
    assert most_scopes(owner, None) == frozenset()
