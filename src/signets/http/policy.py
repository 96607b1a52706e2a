"""Policy: ``/v1/policy``."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import BeforeValidator

from signets.app import set_policy
from signets.core.access import Scope
from signets.core.errors import Refusal, RefusalKind
from signets.http.inputs import PolicyInput
from signets.http.outputs.books import PolicyOut
from signets.http.routing import Ask, Endpoint


def _version(text: str) -> int:
    """A version's number; anything else is a version that is not there."""
    if text.isascii() and text.isdecimal() and len(text) < 10 and int(text) > 0:
        return int(text)
    raise Refusal(RefusalKind.NOT_FOUND, "policy_not_found", "policy versions are numbered from 1")


Version = Annotated[int, BeforeValidator(_version), Path(ge=1, le=999_999_999)]


async def get_current(ask: Ask) -> PolicyOut:
    """The version in force."""
    return PolicyOut.of(await set_policy.get_policy(ask.services, ask.caller))


async def get_version(ask: Ask, version: Version) -> PolicyOut:
    """A certain version; none is ever changed."""
    return PolicyOut.of(await set_policy.get_policy(ask.services, ask.caller, version))


async def put(ask: Ask, body: PolicyInput) -> PolicyOut:
    """Checks the document and puts it in force as the next version.

    Intents that wait for approval are evaluated against it when the last vote is cast.
    """
    return PolicyOut.of(await set_policy.set_policy(ask.services, ask.caller, body.document))


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/v1/policy",
        operation="policy_get",
        call=get_current,
        summary="Get the policy in force",
        scope=Scope.POLICY_READ,
        refuses=(404,),
    ),
    Endpoint(
        method="GET",
        path="/v1/policy/{version}",
        operation="policy_get_version",
        call=get_version,
        summary="Get a version of the policy",
        scope=Scope.POLICY_READ,
        refuses=(404,),
    ),
    Endpoint(
        method="PUT",
        path="/v1/policy",
        operation="policy_set",
        call=put,
        summary="Put a policy in force",
        scope=Scope.POLICY_WRITE,
    ),
)
