"""Who may call what: every route against every kind of caller, and whose objects they see."""

from __future__ import annotations

import re
from typing import Any

from tests.http.world import World

from signets.http.routing import GuardedRoute

# Written out by hand: opening a route wider has to be done here too.
READS = {
    "cards:read",
    "intents:read",
    "transactions:read",
    "policy:read",
    "evidence:read",
    "identity:read",
}
ALL = READS | {
    "cards:write",
    "cards:control",
    "intents:write",
    "intents:decide",
    "policy:write",
    "identity:write",
}
AGENT = {
    "cards:read",
    "cards:write",
    "cards:reveal",
    "intents:read",
    "intents:write",
    "transactions:read",
    "evidence:read",
}
MAY = {
    "admin": ALL,
    "approver": READS | {"intents:decide", "cards:control"},
    "viewer": READS,
    "agent": AGENT,
    "other_agent": AGENT,
    "organization": ALL - {"intents:decide"},
    "their_admin": ALL,
}
SCOPES = {
    "organization_get": None,
    "organization_freeze": "identity:write",
    "organization_unfreeze": "identity:write",
    "members_list": "identity:read",
    "members_create": "identity:write",
    "members_disable": "identity:write",
    "agents_list": "identity:read",
    "agents_create": "identity:write",
    "agents_get": "identity:read",
    "agents_freeze": "cards:control",
    "agents_unfreeze": "cards:control",
    "keys_list": "identity:read",
    "keys_create": "identity:write",
    "keys_revoke": "identity:write",
    "alerts_list": "identity:read",
    "cards_create": "cards:write",
    "cards_list": "cards:read",
    "cards_get": "cards:read",
    "cards_reveal": "cards:reveal",
    "cards_freeze": "cards:control",
    "cards_unfreeze": "cards:control",
    "cards_close": "cards:control",
    "cards_reset_breaker": "cards:control",
    "intents_create": "intents:write",
    "intents_list": "intents:read",
    "intents_get": "intents:read",
    "intents_cancel": "intents:write",
    "intents_amend": "intents:write",
    "intents_approve": "intents:decide",
    "intents_deny": "intents:decide",
    "transactions_list": "transactions:read",
    "transactions_get": "transactions:read",
    "decisions_list": "transactions:read",
    "decisions_get": "transactions:read",
    "ledger_check": "transactions:read",
    "disputes_open": "cards:control",
    "disputes_list": "transactions:read",
    "disputes_get": "transactions:read",
    "disputes_withdraw": "cards:control",
    "merchants_list": "cards:read",
    "merchants_get": "cards:read",
    "merchants_put": "policy:write",
    "merchants_match": "cards:read",
    "merchants_explain": "cards:read",
    "merchants_knowledge": "cards:read",
    "merchants_learn": "intents:decide",
    "merchant_reviews_list": "transactions:read",
    "merchant_reviews_rule": "intents:decide",
    "issuers_list": "identity:read",
    "issuers_check": "identity:write",
    "issuers_rotate_secret": "identity:write",
    "issuer_events_list": "identity:read",
    "issuer_events_replay": "identity:write",
    "policy_get": "policy:read",
    "policy_get_version": "policy:read",
    "policy_set": "policy:write",
    "evidence_list": "evidence:read",
    "evidence_bundle": "evidence:read",
    "evidence_key": "evidence:read",
}
NOT_FOR_AGENTS = {
    "decisions_list",
    "decisions_get",
    "ledger_check",
    "disputes_list",
    "merchant_reviews_list",
}
# What their paths name is the same for everybody, and no object of a tenant.
SHARED_NAMES = {"policy_get_version", "merchants_put"}
PUBLIC = {
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/v1/issuers/{connection}/authorize",
    "/v1/issuers/{connection}/events",
    "/v1/issuers/authorize",
    "/v1/issuers/events",
}
NOBODY_HAS = "01h455vb4pex5vsknk084sn02q"


def routes(world: World) -> list[GuardedRoute]:
    return [route for route in world.app.routes if isinstance(route, GuardedRoute)]


def concrete(path: str, ids: dict[str, str]) -> str:
    """The path with these ids, or with ids that nobody has."""
    return re.sub(r"\{(\w+)\}", lambda found: ids.get(found[1], f"x_{NOBODY_HAS}"), path)


async def test_every_route_declares_its_scope_or_is_known_to_be_public(running: World):
    """The list of routes with their scopes is the one written out here, to the letter."""
    declared = {
        route.declared.operation: route.scope.value if route.scope else None
        for route in routes(running)
    }
    assert declared == SCOPES
    others = {route.path for route in running.app.routes if not isinstance(route, GuardedRoute)}
    assert others == PUBLIC


async def test_every_route_against_every_kind_of_caller(running: World):
    """Without a live key 401, without the scope 403, with it neither; never a 5xx."""
    callers = {
        **{name: running.ours.tokens[name] for name in MAY if name != "their_admin"},
        "their_admin": running.theirs.tokens["admin"],
    }
    shut_out = {
        "nobody": None,
        "stranger": f"sgn_{NOBODY_HAS}{NOBODY_HAS}_{'x' * 43}",
        "revoked": running.ours.tokens["revoked"],
        "expired": running.ours.tokens["expired"],
    }
    wrong = []
    for route in routes(running):
        operation = route.declared.operation
        path = concrete(route.path, {})
        for name, token in shut_out.items():
            status = (await running.call(route.declared.method, path, token)).status_code
            if status != 401:
                wrong.append(f"{operation} for {name}: {status}, not 401")
        for name, token in callers.items():
            status = (await running.call(route.declared.method, path, token)).status_code
            scope = SCOPES[operation]
            may = scope is None or scope in MAY[name]
            if operation in NOT_FOR_AGENTS and name in ("agent", "other_agent"):
                may = False
            if (status == 403) == may or status == 401 or status >= 500:
                wrong.append(f"{operation} for {name}: {status}, may={may}")
    assert wrong == []


async def test_what_is_anothers_does_not_exist(running: World):
    """An object looks the same to another organization and another agent as one that is not."""
    bodies: dict[str, Any] = {
        "intents_amend": {"expected_amount": 1000},
        "disputes_open": {"reason": "other"},
        "merchant_reviews_rule": {"ruling": "always"},
    }
    ours = running.ours
    before = running.rows()
    wrong = []
    for route in routes(running):
        if "{" not in route.path or route.declared.operation in SHARED_NAMES:
            continue
        operation, scope = route.declared.operation, SCOPES[route.declared.operation]
        for name, token in (
            ("their_admin", running.theirs.tokens["admin"]),
            ("their_agent", running.theirs.tokens["agent"]),
            ("other_agent", ours.tokens["other_agent"]),
        ):
            kind = "their_admin" if name == "their_admin" else "agent"
            if scope not in MAY[kind] or (kind == "agent" and operation in NOT_FOR_AGENTS):
                continue
            answers = [
                await running.call(
                    route.declared.method,
                    concrete(route.path, ids),
                    token,
                    json=bodies.get(operation),
                )
                for ids in (ours.ids, {})
            ]
            codes = [(one.status_code, one.json()["error"]["code"]) for one in answers]
            if codes[0] != codes[1] or codes[0][0] != 404:
                wrong.append(f"{operation} for {name}: {codes}")
    assert wrong == []
    assert running.rows() == before


async def test_lists_and_exports_hold_only_what_is_the_callers(running: World):
    """Another agent's and another organization's lists are empty, whatever they filter by."""
    ids = running.ours.ids
    filters = ({}, {"card_id": ids["card_id"]}, {"intent_id": ids["intent_id"]})
    for token in (running.ours.tokens["other_agent"], running.theirs.tokens["admin"]):
        for noun in ("cards", "intents", "transactions"):
            for query in filters:
                response = await running.call("GET", f"/v1/{noun}", token, params=query)
                if response.status_code != 400:  # not every list takes every filter
                    assert response.json()["data"] == [], f"{noun} {query}"
        for path in ("/v1/evidence", "/v1/evidence/bundle"):
            response = await running.call(
                "GET", path, token, params={"intent_id": ids["intent_id"]}
            )
            assert response.status_code == 404, response.text
    theirs = running.theirs.tokens["admin"]
    for path in ("/v1/decisions", "/v1/merchant_reviews"):
        assert (await running.call("GET", path, theirs)).json()["data"] == [], path
    for token, names in ((theirs, []), (running.ours.tokens["admin"], ["ACME"])):
        known = (await running.call("GET", "/v1/merchants/knowledge", token)).json()
        assert [one["value"] for one in known["names"]] == names


async def test_a_reveal_is_for_the_owning_agent_and_is_not_kept(running: World):
    """Only the agent sees the number, and no cache may keep it; the log never has it."""
    card = running.ours.ids["card_id"]
    answer = await running.call("POST", f"/v1/cards/{card}/reveal", running.ours.tokens["agent"])
    assert answer.status_code == 200
    assert set(answer.json()) >= {"number", "cvc", "exp_month", "exp_year", "name"}
    assert answer.headers["cache-control"] == "no-store"
    for name in ("admin", "organization", "other_agent"):
        refused = await running.call("POST", f"/v1/cards/{card}/reveal", running.ours.tokens[name])
        assert refused.status_code in (403, 404)
        assert answer.json()["number"] not in refused.text
