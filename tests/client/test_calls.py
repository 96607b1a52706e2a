"""What the SDK sends, in either spelling, and what it gives back."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError
from tests.client.kit import (
    AT,
    KEY,
    Answer,
    Driver,
    Server,
    card,
    intent,
    page,
    transaction,
)

from signets import Signets
from signets.client import camel
from signets.client.spelling import snake


def test_promised_calls_as_written(server: Server) -> None:
    """The three calls that the product promises work exactly as they are written there."""
    server.answers(card(), intent(), page(transaction()))
    signets = Signets(api_key=KEY, base_url=server.url)
    # fmt: off
    card_   = signets.cards.create(agent_id="infra-agent", spending_limit=5000, merchant_lock="openai.com", recurring=False)  # noqa: E501
    intent_ = signets.intents.create(purpose="Buy $20 of API credits", expectedAmount=2000, expectedMerchant="openai.com")  # noqa: E501
    txns    = signets.transactions.list_for_card(cardId=card_.id)
    # fmt: on
    assert [each.cleared for each in txns] == [2165]
    assert intent_.expected_amount == 2000
    made, declared, listed = server.seen
    assert (made.method, made.path, made.json) == (
        "POST",
        "/v1/cards",
        {
            "agent_id": "infra-agent",
            "spending_limit": 5000,
            "merchant_lock": "openai.com",
            "recurring": False,
            "allow_facilitators": False,
        },
    )
    assert declared.json == {
        "purpose": "Buy $20 of API credits",
        "expected_amount": 2000,
        "expected_merchant": "openai.com",
        "usage": "single",
        "allow_duplicate": False,
    }
    assert (listed.path, listed.query) == ("/v1/transactions", {"card_id": "card_1"})
    assert {each.headers["authorization"] for each in server.seen} == {f"Bearer {KEY}"}
    signets.close()


def test_both_spellings_send_the_same(driver: Driver) -> None:
    """camelCase and snake_case arguments make byte for byte the same request."""
    driver.server.answers(intent(), intent())
    driver.ask(
        lambda c: c.intents.amend("int_1", expected_amount=2165, quote_url="https://openai.com/q")
    )
    driver.ask(
        lambda c: c.intents.amend("int_1", expectedAmount=2165, quoteUrl="https://openai.com/q")
    )
    snake_case, camel_case = driver.server.seen
    assert snake_case.path == camel_case.path == "/v1/intents/int_1/amend"
    assert snake_case.body == camel_case.body


def test_unknown_argument_names_the_valid_ones(driver: Driver) -> None:
    """A wrong argument name is a TypeError that lists the right ones, and nothing is sent."""
    with pytest.raises(TypeError, match=r"no argument 'expectedSum'.*expected_merchant"):
        driver.ask(lambda c: c.intents.create(purpose="x", expectedSum=1))
    with pytest.raises(TypeError, match=r"'card_id' in both spellings"):
        driver.ask(lambda c: c.transactions.list_for_card(card_id="card_1", cardId="card_2"))
    with pytest.raises(TypeError, match="expected_merchant"):
        driver.ask(lambda c: c.intents.create(purpose="x", expectedAmount=1))
    assert driver.server.seen == []


def test_objects_where_ids_are_expected(driver: Driver) -> None:
    """A card, an intent or an agent stands for its id; anything else is refused."""
    driver.server.answers(card(), page(), intent())
    made = driver.ask(lambda c: c.cards.get("card_1"))
    driver.ask(lambda c: c.transactions.list_for_card(made))
    driver.ask(
        lambda c: c.intents.create(
            purpose="x", expected_amount=1, expected_merchant="openai.com", cardId=made
        )
    )
    assert driver.server.seen[1].query == {"card_id": "card_1"}
    assert driver.server.seen[2].json["card_id"] == "card_1"
    with pytest.raises(TypeError, match="card_id"):
        driver.ask(lambda c: c.cards.get(17))


@pytest.mark.parametrize("wrong", ["", ".", ".."])
def test_an_id_cannot_address_another_route(driver: Driver, wrong: str) -> None:
    """An empty id or a dot segment is refused before it can become another path."""
    with pytest.raises(ValueError, match="card_id"):
        driver.ask(lambda c: c.cards.get(wrong))
    assert driver.server.seen == []


def test_ids_are_escaped_and_lists_for_nobody_refused(driver: Driver) -> None:
    """A slash stays inside its path segment, and an empty card never lists everybody's."""
    driver.server.answers(Answer(404))
    with pytest.raises(Exception, match="http_404"):
        driver.ask(lambda c: c.cards.get("a/../../policy"))
    assert driver.server.seen[0].path == "/v1/cards/a%2F..%2F..%2Fpolicy"
    with pytest.raises(ValueError, match="card_id"):
        driver.ask(lambda c: c.transactions.list_for_card(""))
    assert len(driver.server.seen) == 1


def test_answers_are_typed_frozen_and_forward_compatible(driver: Driver) -> None:
    """Times are aware, values cannot be changed, and a field from the future is kept."""
    driver.server.answers(card(colour="blue", state="hibernating"))
    made = driver.ask(lambda c: c.cards.get("card_1"))
    assert made.window.opens_at == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert made.merchant_lock == ("openai.com",)
    assert (made.colour, made.state) == ("blue", "hibernating")
    with pytest.raises(ValidationError, match="frozen"):
        made.spending_limit = 1


@pytest.mark.parametrize(
    ("use", "method", "path", "body"),
    [
        (lambda c: c.cards.freeze("card_1"), "POST", "/v1/cards/card_1/freeze", None),
        (lambda c: c.cards.reset_breaker("card_1"), "POST", "/v1/cards/card_1/reset_breaker", None),
        (lambda c: c.intents.cancel("int_1"), "POST", "/v1/intents/int_1/cancel", None),
        (lambda c: c.intents.deny("int_1", comment="no"), "POST", "/v1/intents/int_1/deny",
         {"comment": "no"}),
        (lambda c: c.intents.approve("int_1"), "POST", "/v1/intents/int_1/approve", {}),
        (lambda c: c.agents.freeze("infra-agent"), "POST", "/v1/agents/infra-agent/freeze", None),
        (lambda c: c.members.disable("mem_1"), "POST", "/v1/members/mem_1/disable", None),
        (lambda c: c.keys.revoke("key_1"), "POST", "/v1/keys/key_1/revoke", None),
        (lambda c: c.organization.freeze(), "POST", "/v1/organization/freeze", None),
        (lambda c: c.policy.get(), "GET", "/v1/policy", None),
        (lambda c: c.policy.get(3), "GET", "/v1/policy/3", None),
        (lambda c: c.policy.put({"a": [1]}), "PUT", "/v1/policy", {"document": {"a": [1]}}),
        (lambda c: c.ledger.check(), "GET", "/v1/ledger/check", None),
        (lambda c: c.decisions.get("dec_1"), "GET", "/v1/decisions/dec_1", None),
        (lambda c: c.evidence.key(), "GET", "/v1/evidence/key", None),
    ],
)  # fmt: skip
def test_routes(driver: Driver, use, method, path, body) -> None:
    """Each operation goes to its own route with its own body."""
    driver.server.answers(Answer(404))
    with pytest.raises(Exception, match="http_404"):
        driver.ask(use)
    (seen,) = driver.server.seen
    assert (seen.method, seen.path) == (method, path)
    assert (seen.json if seen.body else None) == body


def test_evidence_bundle_is_the_bytes_sent(driver: Driver) -> None:
    """The bundle comes back byte for byte, not parsed and written again."""
    raw = b'{ "format":"signets-evidence/1",\n"x" : 1.0 }'
    driver.server.answers(Answer(body=raw))
    assert driver.ask(lambda c: c.evidence.bundle("int_1")) == raw
    assert driver.server.seen[0].query == {"intent_id": "int_1"}


def test_key_expiry_is_sent_in_utc(driver: Driver) -> None:
    """A zoned expiry is sent as the same instant in UTC; one without a zone is refused."""
    key = {"id": "key_1", "owner": "agent", "name": "ci", "scopes": [], "created_at": AT}
    driver.server.answers(Answer(201, {**key, "secret": "sgn_x_y"}))
    made = driver.ask(
        lambda c: c.keys.create(
            owner="agent",
            agentId="infra-agent",
            name="ci",
            expiresAt=datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2))),
        )
    )
    assert driver.server.seen[0].json["expires_at"] == "2026-03-01T12:00:00+00:00"
    assert made.secret == "sgn_x_y"
    with pytest.raises(ValueError, match="expires_at"):
        driver.ask(
            lambda c: c.keys.create(owner="agent", name="x", expires_at=datetime(2026, 3, 1))
        )


def test_pages_go_on_by_themselves(driver: Driver) -> None:
    """Iterating a list fetches every page with the cursor of the one before and the filters."""
    driver.server.answers(
        page(card(3), card(2), more=True), page(card(1), more=True), page(card(0))
    )
    found = driver.items(lambda c: c.cards.list(vendor="openai.com", limit=2))
    assert [each.id for each in found] == ["card_3", "card_2", "card_1", "card_0"]
    common = {"limit": "2", "vendor": "openai.com"}
    assert [each.query for each in driver.server.seen] == [
        common,
        {**common, "after": "card_2"},
        {**common, "after": "card_1"},
    ]


def test_one_page_alone(driver: Driver) -> None:
    """A page shows its own objects and whether more follow, without fetching them."""
    driver.server.answers(page(card(3), more=True))
    first = driver.ask(lambda c: c.cards.list())
    assert [each.id for each in first.data] == ["card_3"]
    assert (first.has_more, first.next_after) == (True, "card_3")
    assert len(driver.server.seen) == 1


def test_a_cursor_that_does_not_move_ends_in_an_error(driver: Driver) -> None:
    """A server that hands out the same page for ever cannot keep the client in a loop."""
    same = page(card(1), more=True)
    driver.server.answers(same, same, same)
    with pytest.raises(Exception, match="another page"):
        driver.items(lambda c: c.cards.list())
    assert len(driver.server.seen) == 2


def test_wait_returns_the_decided_intent(driver: Driver) -> None:
    """``wait`` asks until the intent is no longer pending; an intent object works too."""
    driver.server.answers(intent("pending_approval"), intent("pending_approval"), intent("denied"))
    first = driver.ask(lambda c: c.intents.get("int_1"))
    decided = driver.ask(lambda c: c.intents.wait(first, timeout=30, pollSeconds=0.01))
    assert decided.state == "denied"
    assert [each.path for each in driver.server.seen] == ["/v1/intents/int_1"] * 3


def test_wait_gives_up(driver: Driver) -> None:
    """``wait`` says which intent is still pending when its time is over."""
    driver.server.answers(intent("pending_approval"))
    with pytest.raises(Exception, match="int_1 was still pending") as caught:
        driver.ask(lambda c: c.intents.wait("int_1", timeout=0))
    assert caught.value.intent_id == "int_1"


@pytest.mark.parametrize(
    ("resource", "name", "spelled"),
    [
        ("cards", "create", camel.create_card),
        ("intents", "create", camel.create_intent),
        ("transactions", "list_for_card", camel.list_for_card),
    ],
)
def test_camel_types_are_those_of_the_operation(resource, name, spelled) -> None:
    """The camelCase types declared for checkers are the operation's own, name for name."""
    client = Signets(api_key=KEY)
    operation = dict(inspect.signature(getattr(getattr(client, resource), name)).parameters)
    operation.pop("self")
    declared = inspect.signature(spelled).parameters
    assert {snake(each): (p.annotation, p.default) for each, p in declared.items()} == {
        each: (p.annotation, p.default) for each, p in operation.items()
    }
    client.close()
