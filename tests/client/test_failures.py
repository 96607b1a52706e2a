"""Passing failures are repeated safely, others raised as what they are; none tells a secret."""

from __future__ import annotations

import logging
import os
import socket
import traceback

import httpx
import pytest
from tests.client.kit import (
    KEY,
    Answer,
    Driver,
    Drop,
    Hang,
    NotBefore,
    card,
    intent,
    refusal,
)

from signets import Signets, SignetsError, errors

PAN = "4242424242424242"
DETAILS = {
    "number": PAN,
    "cvc": "987",
    "exp_month": 12,
    "exp_year": 2030,
    "name": "Infra Agent",
    "billing_address": {"line1": "1 Main St"},
}


def _create(client):
    return client.intents.create(purpose="x", expected_amount=1, expected_merchant="openai.com")


@pytest.mark.parametrize("fault", [Drop(), Answer(408), Answer(500), Answer(502, b"<html>")])
def test_a_repeat_carries_the_same_idempotency_key(driver: Driver, fault) -> None:
    """However an attempt fails, the next sends the same key and the same bytes."""
    driver.server.answers(fault, Answer(201, intent()))
    assert _id(driver.ask(_create)) == "int_1"
    first, second = driver.server.seen
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert len(first.headers["idempotency-key"]) == 32
    assert first.body == second.body


def test_keys_are_new_for_each_call_or_the_callers(driver: Driver) -> None:
    """Two calls never share a key by themselves; a key the caller gives is sent as it is."""
    driver.server.answers(intent(), intent(), card())
    driver.ask(_create)
    driver.ask(_create)
    driver.ask(
        lambda c: c.cards.create(spending_limit=1, merchant_lock="x.com", idempotencyKey="mine-1")
    )
    first, second, third = (each.headers["idempotency-key"] for each in driver.server.seen)
    assert first != second
    assert third == "mine-1"
    with pytest.raises(ValueError, match="idempotency_key"):
        driver.ask(
            lambda c: c.cards.create(
                spending_limit=1, merchant_lock="x.com", idempotency_key="a\nb"
            )
        )


def test_reads_carry_no_idempotency_key(driver: Driver) -> None:
    """A GET is idempotent by itself."""
    driver.server.answers(card())
    driver.ask(lambda c: c.cards.get("card_1"))
    assert "idempotency-key" not in driver.server.seen[0].headers


def test_retry_after_is_obeyed(driver: Driver) -> None:
    """The one repeat comes after the time the server asked for, or it would be refused again."""
    driver.server.answers(NotBefore(1, Answer(body=card())))
    assert driver.ask(lambda c: c.cards.get("card_1"), max_retries=1).id == "card_1"
    assert len(driver.server.seen) == 2


def test_a_long_retry_after_is_left_to_the_caller(driver: Driver) -> None:
    """Asked to wait an hour, the client does not sleep but says so."""
    driver.server.answers(Answer(429, headers={"Retry-After": "3600"}))
    with pytest.raises(errors.RateLimitError) as caught:
        driver.ask(lambda c: c.cards.get("card_1"))
    assert caught.value.retry_after == 3600
    assert len(driver.server.seen) == 1


def test_retries_end(driver: Driver) -> None:
    """``max_retries`` bounds the attempts, and the last failure is what is raised."""
    driver.server.answers(Answer(500), Answer(502), refusal(503, "database_down"))
    with pytest.raises(errors.ServerError) as caught:
        driver.ask(lambda c: c.cards.get("card_1"))
    assert caught.value.code == "database_down"
    assert len(driver.server.seen) == 3


UNREPEATED = [
    lambda c: c.cards.reveal("card_1"),
    lambda c: c.intents.approve("int_1"),
    lambda c: c.intents.deny("int_1"),
    lambda c: c.intents.cancel("int_1"),
    lambda c: c.keys.create(owner="organization", name="x"),
    lambda c: c.cards.unfreeze("card_1"),
]


@pytest.mark.parametrize("use", UNREPEATED)
@pytest.mark.parametrize("fault", [Drop(), Answer(500), Answer(503, b"<html>proxy</html>")])
def test_what_may_have_been_done_is_not_done_twice(driver: Driver, use, fault) -> None:
    """Reveals, votes and new keys are not repeated where the first attempt may have counted."""
    driver.server.answers(fault)
    with pytest.raises((errors.APIConnectionError, errors.ServerError)):
        driver.ask(use)
    assert len(driver.server.seen) == 1


def test_what_was_certainly_not_done_is_repeated(driver: Driver) -> None:
    """A vote that Signets says it has not written, or refused by rate, is sent again."""
    driver.server.answers(
        refusal(503, "database_down", type="unavailable"),
        Answer(429, headers={"Retry-After": "0"}),
        intent(),
    )
    assert driver.ask(lambda c: c.intents.approve("int_1")).id == "int_1"
    assert len(driver.server.seen) == 3


def test_a_reveal_is_repeated_when_no_connection_was_made(driver: Driver) -> None:
    """Nothing can have been revealed over a connection that never existed."""

    class Refused(httpx.HTTPTransport):
        refusals = 1

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if self.refusals:
                self.refusals -= 1
                raise httpx.ConnectError("refused", request=request)
            return super().handle_request(request)

    class AsyncRefused(httpx.AsyncHTTPTransport):
        refusals = 1

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if self.refusals:
                self.refusals -= 1
                raise httpx.ConnectError("refused", request=request)
            return await super().handle_async_request(request)

    driver.server.answers(DETAILS)
    if driver.asynchronous:

        async def reveal(client):
            async with http:
                return await client.cards.reveal("card_1")

        http = httpx.AsyncClient(transport=AsyncRefused())
        assert driver.ask(reveal, http_client=http).number == PAN
    else:
        with httpx.Client(transport=Refused()) as http:
            assert driver.ask(lambda c: c.cards.reveal("card_1"), http_client=http).number == PAN
            assert not http.is_closed  # the caller's client stays the caller's
    assert len(driver.server.seen) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InvalidRequestError),
        (401, errors.AuthenticationError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (409, errors.ConflictError),
        (413, errors.TooLargeError),
        (418, errors.APIStatusError),
        (429, errors.RateLimitError),
        (500, errors.ServerError),
        (503, errors.ServerError),
    ],
)
def test_errors_by_status(driver: Driver, status, kind) -> None:
    """Each status is its own class and carries all that the server said."""
    driver.server.answers(
        refusal(
            status,
            "currency_unknown",
            message="`currency` must be ISO 4217",
            param="currency",
            request_id="req_1",
            details={"given": "XXZ"},
        )
    )
    with pytest.raises(errors.APIStatusError) as caught:
        driver.ask(lambda c: c.cards.get("card_1"), max_retries=0)
    error = caught.value
    assert type(error) is kind
    assert (error.status_code, error.code, error.param) == (status, "currency_unknown", "currency")
    assert (error.request_id, error.details) == ("req_1", {"given": "XXZ"})
    assert error.message == "`currency` must be ISO 4217"
    assert "currency_unknown" in str(error)
    assert "req_1" in str(error)


def test_an_answer_from_something_in_between(driver: Driver) -> None:
    """A proxy's HTML page still becomes a typed error, with the request id of its header."""
    driver.server.answers(Answer(404, b"<html>", headers={"X-Request-Id": "req_9"}))
    with pytest.raises(errors.NotFoundError) as caught:
        driver.ask(lambda c: c.cards.get("card_1"))
    assert (caught.value.code, caught.value.request_id) == ("http_404", "req_9")


def test_a_redirect_is_not_followed(driver: Driver) -> None:
    """The key goes to no address but the configured one."""
    driver.server.answers(Answer(307, headers={"Location": f"{driver.server.url}/elsewhere"}))
    with pytest.raises(errors.APIStatusError, match="http_307"):
        driver.ask(lambda c: c.cards.get("card_1"))
    assert len(driver.server.seen) == 1


def test_no_answer_in_time(driver: Driver) -> None:
    """A server that hangs is a timeout error, after every attempt had its time."""
    driver.server.answers(Hang(), Hang())
    with pytest.raises(errors.APITimeoutError):
        driver.ask(lambda c: c.cards.get("card_1"), timeout=0.2, max_retries=1)
    assert len(driver.server.seen) == 2


def test_nobody_listens(driver: Driver) -> None:
    """An address where nothing listens is a connection error, and says what it was for."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(errors.APIConnectionError, match="GET /v1/cards/card_1"):
            driver.ask(lambda c: c.cards.get("card_1"), base_url=url, max_retries=1)


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", {"id": "card_1"}])
def test_a_success_that_is_not_understood(driver: Driver, body) -> None:
    """A 200 with another shape is an error of its own, not a half-filled object."""
    driver.server.answers(Answer(body=body, headers={"X-Request-Id": "req_2"}))
    with pytest.raises(errors.APIResponseError) as caught:
        driver.ask(lambda c: c.cards.get("card_1"))
    assert caught.value.request_id == "req_2"


def test_card_details_hide_themselves(driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
    """Neither repr, str, format nor any log line shows what a reveal gives; attributes do."""
    caplog.set_level(logging.DEBUG)
    driver.server.answers({**DETAILS, "track_data": f";{PAN}="})
    details = driver.ask(lambda c: c.cards.reveal("card_1"))
    assert (details.number, details.cvc) == (PAN, "987")
    shown = f"{details!r} {details!s} {details} {[details]} {caplog.text}"
    assert PAN not in shown
    assert "987" not in repr(details)
    assert KEY not in shown


def test_a_broken_reveal_tells_no_number(driver: Driver) -> None:
    """An answer that cannot be read is named by its fields, never by what they hold."""
    driver.server.answers({**DETAILS, "exp_month": f"{PAN}x", "cvc": None})
    with pytest.raises(errors.APIResponseError, match="cvc, exp_month") as caught:
        driver.ask(lambda c: c.cards.reveal("card_1"))
    assert PAN not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


def test_no_error_tells_the_key(driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever fails, neither the error with its causes nor the log nor a repr holds the key."""
    caplog.set_level(logging.DEBUG)
    driver.server.answers(refusal(401, "key_unknown"), Drop(), Answer(body=b"junk"), Hang())
    for _ in range(4):
        with pytest.raises(SignetsError) as caught:
            driver.ask(lambda c: c.cards.get("card_1"), max_retries=0, timeout=0.3)
        assert KEY not in "".join(traceback.format_exception(caught.value))
    assert KEY not in caplog.text
    assert KEY not in driver.ask(lambda c: repr((c, c.cards, vars(c.cards))))


@pytest.mark.parametrize("key", [f"{KEY}\nX-Evil: 1", f"Bearer {KEY}", f"{KEY}é"])
def test_a_mangled_key_is_refused_without_quoting_it(key: str) -> None:
    """A key that cannot be one is refused before it reaches a header."""
    with pytest.raises(SignetsError) as caught:
        Signets(api_key=key)
    assert KEY not in "".join(traceback.format_exception(caught.value))


def test_settings_come_from_the_environment(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Key and address are read from the environment; without a key the error says what to do."""
    for name in list(os.environ):
        if name.startswith("SIGNETS_"):
            monkeypatch.delenv(name)
    with pytest.raises(SignetsError, match="SIGNETS_API_KEY"):
        Signets()
    monkeypatch.setenv("SIGNETS_API_KEY", f"{KEY}\n")  # as `$(cat file)` leaves it at times
    with Signets() as client:
        assert "http://127.0.0.1:8420" in repr(client)
    monkeypatch.setenv("SIGNETS_BASE_URL", f"{driver.server.url}/")
    driver.server.answers(card())
    driver.ask(lambda c: c.cards.get("card_1"), api_key=None, base_url=None)
    assert driver.server.seen[0].headers["authorization"] == f"Bearer {KEY}"
    with pytest.raises(SignetsError, match="base_url"):
        Signets(base_url="localhost:8420")


def test_no_proxy_on_the_way_to_this_machine(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy set for the internet does not get requests, and keys, meant for this machine."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    driver.server.answers(card())
    assert driver.ask(lambda c: c.cards.get("card_1"), max_retries=0).id == "card_1"


def _id(made) -> str:
    return made.id
