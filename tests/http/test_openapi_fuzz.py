"""Requests generated from the OpenAPI document, valid and not: never a server error.

And each answer is one that the document announces: its status, its type, its schema, its headers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.http.world import Tenant, World

EXAMPLES = 12
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


async def test_generated_requests_find_no_server_error(running: World):
    """Examples of every documented operation, on unknown and on existing objects."""
    found = await asyncio.to_thread(_fuzz, str(running.client.base_url), running.ours)
    assert found == []


def _fuzz(url: str, tenant: Tenant) -> list[str]:
    """What is wrong, a few lines per operation."""
    schema = schemathesis.openapi.from_url(f"{url.rstrip('/')}/openapi.json")
    found: list[str] = []
    with requests.Session() as session:
        session.trust_env = False
        for result in schema.get_all_operations():
            operation = result.ok()
            try:
                _examples(operation, session, tenant)
            except (Exception, BaseExceptionGroup) as error:
                told = " | ".join(_told(error))
                found.append(f"{operation.method.upper()} {operation.path}: {told}"[:3000])
    return found


def _told(error: BaseException) -> Iterator[str]:
    """What it says, and what each error inside a group says: a group alone names no cause."""
    yield f"{type(error).__name__}: {error}"
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _told(inner)


def _examples(operation: Any, session: requests.Session, tenant: Tenant) -> None:
    who = "agent" if operation.path.endswith("/reveal") else "admin"

    def with_key(request: requests.PreparedRequest) -> requests.PreparedRequest:
        # Last, because invalid examples come without it: they would all end at 401.
        request.headers["Authorization"] = f"Bearer {tenant.tokens[who]}"
        return request

    session.auth = with_key

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=st.one_of(
            operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
            operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
        ),
        real=st.booleans(),
    )
    def one(case: Case, real: bool) -> None:
        if real:
            for known in (case.path_parameters, case.query, case.body):
                _make_real(known, tenant)
        response = case.call(session=session)
        case.validate_response(response, checks=CHECKS)

    one()


def _make_real(fields: Any, tenant: Tenant) -> None:
    """Put in what exists, where something is named at all."""
    exists = {
        **tenant.ids,
        "agent_id": "buyer",
        "currency": "USD",
        "expected_merchant": "anthropic.com",
        "merchant_lock": "anthropic.com",
    }
    if isinstance(fields, dict):
        for name in set(fields) & set(exists):
            fields[name] = exists[name]
