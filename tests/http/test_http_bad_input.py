"""Bad input gets a specific error that names the field, and changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.http.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

CARD = {"agent_id": "buyer", "spending_limit": 5000, "merchant_lock": "openai.com"}
INTENT = {
    "agent_id": "buyer",
    "purpose": "Buy API credits",
    "expected_amount": 2000,
    "expected_merchant": "anthropic.com",
}
LINE = {"description": "credits", "amount": 2000}
LARGEST = 1_000_000_000_000

# (what is wrong, method, path, body or raw bytes, code, param)
BODIES: list[tuple[str, str, str, Any, str, str | None]] = [
    ("no body", "POST", "/v1/intents", b"", "body_missing", None),
    ("not JSON", "POST", "/v1/intents", b'{"purpose": ', "json_invalid", None),
    ("not UTF-8", "POST", "/v1/intents", b'{"purpose": "\xff"}', "json_invalid", None),
    ("a list", "POST", "/v1/intents", [INTENT], "body_invalid", None),
    ("a string", "POST", "/v1/cards", b'"x"', "body_invalid", None),
    ("null", "POST", "/v1/cards", b"null", "body_invalid", None),
    ("NaN", "POST", "/v1/intents", b'{"expected_amount": NaN}', "json_invalid", None),
    ("Infinity", "POST", "/v1/intents", b'{"expected_amount": -Infinity}', "json_invalid", None),
    ("1e999", "PUT", "/v1/policy", b'{"document": {"a": 1e999}}', "json_invalid", None),
    (
        "a field twice",
        "POST",
        "/v1/intents",
        b'{"expected_amount": 2000, "expected_amount": 3000}',
        "json_invalid",
        None,
    ),
    ("deep nesting", "PUT", "/v1/policy", b'{"a":' * 40 + b"1" + b"}" * 40, "json_invalid", None),
    ("deeper still", "PUT", "/v1/policy", b"[" * 100_000, "json_invalid", None),
    ("a long number", "POST", "/v1/cards", b'{"a": ' + b"9" * 5000 + b"}", "json_invalid", None),
    (
        "NUL in text",
        "POST",
        "/v1/intents",
        {**INTENT, "purpose": "a\0b"},
        "text_invalid",
        "purpose",
    ),
    (
        "half a surrogate pair",
        "POST",
        "/v1/intents",
        b'{"metadata": {"a": "\\ud800"}}',
        "text_invalid",
        "metadata.a",
    ),
    ("unknown field", "POST", "/v1/intents", {**INTENT, "amuont": 1}, "field_unknown", "amuont"),
    (
        "unknown field inside",
        "POST",
        "/v1/intents",
        {**INTENT, "line_items": [LINE, {**LINE, "price": 1}]},
        "field_unknown",
        "line_items[1].price",
    ),
    (
        "both spellings",
        "POST",
        "/v1/intents",
        {**INTENT, "expectedAmount": 3000},
        "field_twice",
        "expected_amount",
    ),
    (
        "missing field",
        "POST",
        "/v1/intents",
        {"expected_amount": 2000, "expected_merchant": "openai.com"},
        "field_missing",
        "purpose",
    ),
    *(
        (
            f"amount {amount!r}",
            "POST",
            "/v1/intents",
            {**INTENT, "expected_amount": amount},
            "amount_invalid",
            "expected_amount",
        )
        for amount in (-1, 0, 20.0, 19.99, "2000", True, None, [2000], LARGEST + 1, 10**30)
    ),
    *(
        (
            f"limit {limit!r}",
            "POST",
            "/v1/cards",
            {**CARD, "spending_limit": limit},
            "amount_invalid",
            "spending_limit",
        )
        for limit in (-5000, 0, 50.5, "5000", False, LARGEST + 1)
    ),
    (
        "amount inside",
        "POST",
        "/v1/intents",
        {**INTENT, "line_items": [{"description": "x", "amount": 1.5}]},
        "amount_invalid",
        "line_items[0].amount",
    ),
    (
        "no such currency",
        "POST",
        "/v1/intents",
        {**INTENT, "currency": "XYZ"},
        "currency_unknown",
        "currency",
    ),
    (
        "no such currency of a card",
        "POST",
        "/v1/cards",
        {**CARD, "currency": "dollars"},
        "currency_unknown",
        "currency",
    ),
    (
        "a brand, not a domain",
        "POST",
        "/v1/intents",
        {**INTENT, "expected_merchant": "OpenAI"},
        "vendor_unknown",
        "expected_merchant",
    ),
    (
        "no domain at all",
        "POST",
        "/v1/intents",
        {**INTENT, "expected_merchant": "not a domain.com"},
        "vendor_invalid",
        "expected_merchant",
    ),
    (
        "true as text",
        "POST",
        "/v1/cards",
        {**CARD, "recurring": "true"},
        "field_invalid",
        "recurring",
    ),
    (
        "no such usage",
        "POST",
        "/v1/intents",
        {**INTENT, "usage": "forever"},
        "field_invalid",
        "usage",
    ),
    (
        "bounds on single",
        "POST",
        "/v1/intents",
        {**INTENT, "max_count": 3},
        "bounds_not_allowed",
        "max_count",
    ),
    (
        "period without recurring",
        "POST",
        "/v1/intents",
        {**INTENT, "period": "month"},
        "period_invalid",
        "period",
    ),
    (
        "card number in text",
        "POST",
        "/v1/intents",
        {**INTENT, "purpose": "use 4242 4242 4242 4242"},
        "pan_in_text",
        "purpose",
    ),
    (
        "a script as quote",
        "POST",
        "/v1/intents",
        {**INTENT, "quote_url": "javascript:alert(1)"},
        "field_invalid",
        "quote_url",
    ),
    (
        "no such agent",
        "POST",
        "/v1/cards",
        {**CARD, "agent_id": "nobody"},
        "agent_not_found",
        None,
    ),
    (
        "an unknown role",
        "POST",
        "/v1/members",
        {"email": "a@b.example", "name": "A", "role": "owner"},
        "field_invalid",
        "role",
    ),
    (
        "an expiry without a zone",
        "POST",
        "/v1/keys",
        {"owner": "organization", "name": "k", "expires_at": "2030-01-01T00:00:00"},
        "field_invalid",
        "expires_at",
    ),
    (
        "a scope an agent may never have",
        "POST",
        "/v1/keys",
        {"owner": "agent", "agent_id": "buyer", "name": "k", "scopes": ["policy:write"]},
        "scope_invalid",
        "scopes",
    ),
    (
        "an unreadable policy",
        "PUT",
        "/v1/policy",
        {"document": {"version": 1, "rules": [{"then": "aprove"}]}},
        "policy_invalid",
        None,
    ),
]


async def test_each_bad_body_is_refused_by_name_and_writes_nothing(shared: World):
    """Status, code and field are exactly these; no table has a row more afterwards."""
    admin = shared.ours.tokens["admin"]
    before = shared.rows()
    wrong = []
    for what, method, path, body, code, param in BODIES:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        response = await shared.call(
            method, path, admin, content=content, headers={"Content-Type": "application/json"}
        )
        error = response.json()["error"]
        expected = 404 if code == "agent_not_found" else 400
        got = (response.status_code, error["code"], error["param"])
        # Where None is expected the use case may name a place of its own.
        if got[:2] != (expected, code) or (param is not None and got[2] != param):
            wrong.append(f"{what}: {got} {error['message']}")
        if "4242" in response.text or not error["message"]:
            wrong.append(f"{what}: repeats what was sent")
        if error["request_id"] != response.headers["x-request-id"]:
            wrong.append(f"{what}: request id")
    assert wrong == []
    assert shared.rows() == before


async def test_an_unknown_field_is_told_which_ones_exist(shared: World):
    """The refusal of a misspelt field lists the known ones."""
    response = await shared.call(
        "POST",
        "/v1/intents/x/amend",
        shared.ours.tokens["admin"],
        json={"expected_amount": 1, "amount": 1},
    )
    error = response.json()["error"]
    assert error["param"] == "amount"
    assert error["details"]["known"] == ["expected_amount", "purpose", "line_items", "quote_url"]


async def test_camel_case_is_the_same_request(shared: World):
    """Both spellings are accepted, in bodies at any depth and in queries."""
    agent = shared.ours.tokens["agent"]
    intent = await shared.made(
        "/v1/intents",
        agent,
        purpose="Credits",
        expectedAmount=700,
        expectedMerchant="anthropic.com",
        lineItems=[{"description": "credits", "amount": 700}],
    )
    assert intent["expected_amount"] == 700
    found = await shared.call(
        "GET", "/v1/intents", agent, params={"cardId": intent["card_id"], "limit": "1"}
    )
    assert [one["id"] for one in found.json()["data"]] == [intent["id"]]


QUERIES: list[tuple[Any, str, str | None]] = [
    ({"limit": "0"}, "field_invalid", "limit"),
    ({"limit": "101"}, "field_invalid", "limit"),
    ({"limit": "20.0"}, "field_invalid", "limit"),
    ({"limit": "x"}, "field_invalid", "limit"),
    ({"after": "yesterday"}, "id_invalid", "after"),
    ({"state": "open"}, "field_invalid", "state"),
    ({"agent": "buyer"}, "field_unknown", "agent"),
    ([("limit", "1"), ("limit", "2")], "field_twice", "limit"),
    ({"card_id": "a\0b"}, "address_invalid", None),
]


async def test_each_bad_query_is_refused_by_name(shared: World):
    """A list takes its own fields only, once, in range."""
    wrong = []
    for query, code, param in QUERIES:
        response = await shared.call(
            "GET", "/v1/intents", shared.ours.tokens["admin"], params=query
        )
        error = response.json()["error"]
        if (response.status_code, error["code"], error["param"]) != (400, code, param):
            wrong.append(f"{query}: {error}")
    assert wrong == []


async def test_headers_that_cannot_be_meant_are_refused(shared: World):
    """Content type, bearer token and idempotency key: one each, well-formed."""
    admin, body = shared.ours.tokens["admin"], json.dumps(INTENT).encode()
    right = ("Content-Type", "application/json")
    cases = [
        (400, "content_type_invalid", []),
        (400, "content_type_invalid", [("Content-Type", "text/plain")]),
        (400, "content_type_invalid", [right, right]),
        (400, "content_type_invalid", [right, ("Content-Type", "text/plain")]),
        (400, "idempotency_key_invalid", [right, ("Idempotency-Key", "k" * 256)]),
        (400, "idempotency_key_invalid", [right, ("Idempotency-Key", "")]),
        (400, "idempotency_key_invalid", [right, ("Idempotency-Key", b"\xe9")]),
        (401, "key_invalid", [right, ("Authorization", f"Bearer {admin}")]),
    ]
    before = shared.rows()
    for status, code, headers in cases:
        request = shared.client.build_request(
            "POST",
            "/v1/intents",
            content=body,
            headers=[("Authorization", f"Bearer {admin}"), *headers],
        )
        response = await shared.client.send(request)
        error = response.json()["error"]
        assert (response.status_code, error["code"]) == (status, code), headers
    for value in ("", "Bearer", f"Basic {admin}", admin, "Bearer " + "x" * 5000):
        response = await shared.client.get("/v1/cards", headers={"Authorization": value})
        assert response.status_code == 401, value[:20]
        assert response.headers["www-authenticate"].startswith("Bearer")
    assert shared.rows() == before


async def test_ten_megabytes_are_refused_announced_or_not(shared: World):
    """413 whether the length is announced or the body is streamed, also at the issuer's door."""
    token = shared.ours.tokens["admin"]
    big = json.dumps({**INTENT, "purpose": "x" * 10_000_000}).encode()

    async def streamed():
        for start in range(0, len(big), 65_536):
            yield big[start : start + 65_536]

    before = shared.rows()
    for path in ("/v1/intents", "/v1/issuers/authorize", "/v1/issuers/events"):
        for content in (big, streamed()):
            response = await shared.call(
                "POST", path, token, content=content, headers={"Content-Type": "application/json"}
            )
            assert response.status_code == 413, path
            assert response.json()["error"]["code"] == "body_too_large"
    assert shared.rows() == before


async def test_a_dead_key_says_why(shared: World):
    """Expired and revoked keys are told apart, before anything else is looked at."""
    for name, code in (("expired", "key_expired"), ("revoked", "key_revoked")):
        response = await shared.call(
            "POST", "/v1/intents", shared.ours.tokens[name], content=b"not json"
        )
        assert (response.status_code, response.json()["error"]["code"]) == (401, code)


async def test_the_same_idempotency_key_gives_the_same_object_or_a_conflict(shared: World):
    """Same body: the same intent, marked as a replay. Another body or object: 409."""
    agent = shared.ours.tokens["agent"]
    body = {**INTENT, "expected_merchant": "github.com", "expected_amount": 900}
    headers = {"Idempotency-Key": "once"}
    first = await shared.call("POST", "/v1/intents", agent, json=body, headers=headers)
    again = await shared.call("POST", "/v1/intents", agent, json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201), first.text
    assert again.json()["id"] == first.json()["id"]
    assert "idempotent-replay" not in first.headers
    assert again.headers["idempotent-replay"] == "true"
    before = shared.rows()
    for path, other in (
        ("/v1/intents", {**body, "expected_amount": 901}),
        (f"/v1/intents/{first.json()['id']}/amend", {"expected_amount": 950}),
    ):
        refused = await shared.call("POST", path, agent, json=other, headers=headers)
        assert refused.status_code == 409
        assert refused.json()["error"]["code"] == "idempotency_conflict"
    assert shared.rows() == before


async def test_what_is_not_there_and_what_is_not_allowed_have_the_same_shape(shared: World):
    """404 for an unknown address, 405 with what the address takes."""
    missing = await shared.call("GET", "/v1/nothing", None)
    assert missing.status_code == 404
    assert missing.json()["error"]["code"] == "route_not_found"
    slash = await shared.call("GET", "/v1/cards/", None)
    assert slash.status_code == 404
    refused = await shared.call("DELETE", "/v1/cards", None)
    assert refused.status_code == 405
    assert refused.headers["allow"] == "GET, POST"
    assert refused.json()["error"]["code"] == "method_not_allowed"


async def test_the_issuers_door_answers_forgeries_401_and_books_nothing(shared: World):
    """An unsigned body at either address changes no tenant's table."""
    connection = shared.ours.connection_id
    before = shared.rows()
    for door in ("authorize", "events"):
        response = await shared.client.post(
            f"/v1/issuers/{connection}/{door}", json={"token": "x", "amount": 1}
        )
        assert response.status_code == 401
        assert "x-frame-options" not in response.headers
    after = shared.rows()
    assert after.pop("rejected_webhook") == before.pop("rejected_webhook") + 2
    assert after == before
    unknown = await shared.client.post("/v1/issuers/conn_nobody/authorize", json={})
    assert unknown.status_code == 404
