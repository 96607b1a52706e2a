"""Health, readiness, metrics, request ids, the log, and the documents."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
from structlog.testing import capture_logs
from tests.http.world import World

from signets.http.reference import render_reference

ROOT = Path(__file__).resolve().parents[2]


async def test_alive_and_ready_need_no_key_and_say_what_fails(running: World):
    """Alive always; ready only while the database answers, and then the check is named."""
    assert (await running.client.get("/healthz")).json() == {"status": "ok"}
    ready = await running.client.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]) == (200, {"database": "ok"})
    await running.runtime.store._pool.close()
    failed = await running.client.get("/readyz")
    assert failed.status_code == 503
    assert failed.json()["checks"]["database"].startswith("failed")
    assert (await running.client.get("/healthz")).status_code == 200


async def test_metrics_count_by_template_and_never_by_address(running: World):
    """Routes appear as templates, decisions by outcome; no id, no unknown address."""
    token = running.ours.tokens["admin"]
    card = running.ours.ids["card_id"]
    await running.call("GET", f"/v1/cards/{card}", token)
    await running.call("GET", "/v1/made/up", token)
    text = (await running.client.get("/metrics")).text
    assert 'route="/v1/cards/{card_id}",status="200"' in text
    assert 'route="unmatched",status="404"' in text
    assert 'signets_decisions_total{outcome="approved",reason=""} 1.0' in text
    assert card not in text
    assert "made/up" not in text


async def test_a_request_id_is_kept_or_made_and_a_card_number_is_never_one(running: World):
    """A plain id of the caller's comes back; anything else is replaced by ours."""
    for given, kept in (
        ("trace-1.a_B", True),
        ("x" * 65, False),
        ("a b", False),
        ("4242424242424242", False),
    ):
        answer = await running.client.get("/healthz", headers={"X-Request-Id": given})
        assert (answer.headers["x-request-id"] == given) == kept
        if not kept:
            assert re.fullmatch(r"req_[0-9a-z]{26}", answer.headers["x-request-id"])


async def test_the_log_has_who_and_what_and_no_secret(running: World):
    """One line a request: method, template, status, key and organization; no token, no body."""
    agent = running.ours.tokens["agent"]
    card = running.ours.ids["card_id"]
    with capture_logs() as lines:
        revealed = await running.call("POST", f"/v1/cards/{card}/reveal?x=1", agent)
        assert revealed.status_code == 400
        revealed = await running.call("POST", f"/v1/cards/{card}/reveal", agent)
        await running.call("POST", "/v1/intents", agent, json={"purpose": "secret words"})
    requests = [line for line in lines if line["event"] == "request"]
    assert [line["status"] for line in requests] == [400, 200, 400]
    assert requests[1]["path"] == "/v1/cards/{card_id}/reveal"
    assert requests[1]["key_id"] == running.ours.ids["key_id"]
    assert requests[1]["org_id"] == running.ours.org_id
    text = repr(lines)
    for secret in (agent, revealed.json()["number"], revealed.json()["cvc"], "secret words", "x=1"):
        assert f"'{secret}'" not in text
        assert secret == revealed.json()["cvc"] or secret not in text


async def test_a_database_that_does_not_serve_is_503_and_a_bug_is_500(running: World):
    """What the caller hears names no internals; the log has the type and the place."""
    with capture_logs() as lines:
        with psycopg.connect(running.runtime.database_url) as connection:
            connection.execute("ALTER TABLE policy_version RENAME TO elsewhere")
        broken = await running.call("GET", "/v1/policy", running.ours.tokens["admin"])
        await running.runtime.store._pool.close()
        down = await running.call("GET", "/v1/policy", running.ours.tokens["admin"])
    assert broken.status_code == 500
    assert broken.json()["error"]["code"] == "internal_error"
    assert "elsewhere" not in broken.text
    assert "policy_version" not in broken.text
    assert down.status_code == 503
    assert down.json()["error"]["type"] == "unavailable"
    [line] = [line for line in lines if line["event"] == "unhandled"]
    assert line["errors"][0] == "UndefinedTable"
    assert any("policies.py" in place for place in line["trace"])


async def test_the_openapi_document_is_complete(running: World):
    """3.1; each operation has an id, who may call it, security and its refusals."""
    document = (await running.client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    operations = {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    served = {
        (method.lower(), route.path)
        for route in running.app.routes
        for method in route.methods - {"HEAD"}
    }
    assert set(operations) == served
    assert len({one["operationId"] for one in operations.values()}) == len(operations)
    for (_, path), operation in operations.items():
        assert "Who may call: " in operation["description"], path
        signed = path.startswith("/v1/issuers/") and path.endswith(("authorize", "events"))
        keyed = path.startswith("/v1/") and not signed
        assert operation["security"] == ([{"apiKey": []}] if keyed else []), path
        assert "422" not in operation["responses"]
        if keyed:
            assert {"400", "401", "500", "503"} <= set(operation["responses"]), path


def test_the_reference_is_what_the_code_says():
    """docs/reference/http.md is what `python -m signets.http.reference` writes."""
    written = (ROOT / "docs" / "reference" / "http.md").read_text(encoding="utf-8")
    assert written == render_reference()
