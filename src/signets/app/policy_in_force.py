"""The organization's policy in force, parsed once per version."""

from __future__ import annotations

from signets.app.store import UnitOfWork
from signets.core.errors import Refusal, RefusalKind
from signets.core.policy.model import Policy
from signets.core.policy.parse import parse_policy

#: A handful of organizations and versions per process; parsing again costs a millisecond.
_MOST = 256


class PolicyCache:
    """Parsed policies by organization and version. A version never changes, so none goes stale."""

    def __init__(self) -> None:
        self._parsed: dict[tuple[str, int], Policy] = {}

    async def in_force(self, uow: UnitOfWork) -> tuple[int, Policy]:
        """``(version, policy)`` that decisions of this transaction are made by.

        Raises:
            Refusal: ``policy_missing`` where the organization has none.
        """
        return await self.version(uow, await uow.policies.current_version())

    async def version(self, uow: UnitOfWork, version: int) -> tuple[int, Policy]:
        """A certain version."""
        key = (uow.org_id, version)
        if key not in self._parsed:
            stored = await uow.policies.get(version)
            if stored is None:
                raise Refusal(
                    RefusalKind.CONFLICT,
                    "policy_missing",
                    "this organization has no policy; apply one with `signets policy apply FILE`",
                )
            if len(self._parsed) >= _MOST:
                self._parsed.clear()
            self._parsed[key] = parse_policy(stored.document)
        return version, self._parsed[key]
