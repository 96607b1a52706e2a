"""Who is calling: the answer of authentication, which every use case takes."""

from __future__ import annotations

from dataclasses import dataclass

from signets.app.records import KeyOwner
from signets.core.access import Scope
from signets.core.approval import Role
from signets.core.errors import Refusal, RefusalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An authenticated API key and what it may do."""

    org_id: str
    key_id: str
    owner: KeyOwner
    member_id: str | None
    role: Role | None
    agent_id: str | None
    scopes: frozenset[Scope]

    @property
    def actor(self) -> str:
        """As evidence names it: the agent, the member, or the organization's key."""
        if self.agent_id is not None:
            return f"agent:{self.agent_id}"
        if self.member_id is not None:
            return f"member:{self.member_id}"
        return f"key:{self.key_id}"

    def require(self, scope: Scope) -> None:
        """Refuse a caller without the scope.

        Raises:
            Refusal: ``scope_missing`` (forbidden), naming the scope.
        """
        if scope not in self.scopes:
            raise Refusal(
                RefusalKind.FORBIDDEN,
                "scope_missing",
                f"this key lacks the scope `{scope}`; use a key that has it",
            )

    def sees(self, agent_id: str | None) -> bool:
        """Whether an object of that agent exists for this caller."""
        return self.agent_id is None or self.agent_id == agent_id


def not_found(kind: str, text: str) -> Refusal:
    """An object that is not there, or not this caller's: the two look the same."""
    return Refusal(RefusalKind.NOT_FOUND, f"{kind}_not_found", f"no {kind} `{text}`")
