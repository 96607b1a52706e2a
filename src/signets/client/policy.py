"""``client.policy``: the organization's policy document, version by version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from signets.client.call import Call, get, one
from signets.client.operation import Resource, RunnerT, operation
from signets.client.types import Policy


class PolicyResource(Resource[RunnerT]):
    """The policy document."""

    @operation
    def get(self, version: int | None = None) -> Call[Policy]:
        """The policy in force, or one stored version."""
        return get("/v1/policy" if version is None else f"/v1/policy/{version:d}", one(Policy))

    @operation
    def put(self, document: Mapping[str, Any]) -> Call[Policy]:
        """Store a new version; it is in force from the answer on."""
        return Call(method="PUT", path="/v1/policy", read=one(Policy), body={"document": document})
