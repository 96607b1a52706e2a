"""Lithic's endpoints, and its one error shape."""

from __future__ import annotations

import logging

import psycopg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ExceptionHandler

from signets.issuers.sandbox.engine.base import Impossible, Missing
from signets.issuers.sandbox.lithic_face import cards, disputes, events, rules, simulate
from signets.issuers.sandbox.lithic_face.wire import LithicError, answer, error_answer

_log = logging.getLogger(__name__)


async def _refused(_: Request, error: Exception) -> Response:
    match error:
        case LithicError():
            return error_answer(error)
        case Missing():
            return error_answer(LithicError(404, f"{error} not found"))
        case Impossible():
            return error_answer(LithicError(400, str(error)))
        case HTTPException():
            return error_answer(LithicError(error.status_code, error.detail))
        case psycopg.DataError():
            # What the database cannot hold although the form allows it: a NUL in a text.
            _log.info("refused by the database: %s", type(error).__name__)
            return error_answer(LithicError(422, "Invalid parameter(s): a value cannot be stored"))
        case _:
            _log.error("unhandled error in the sandbox", exc_info=error)
            return error_answer(LithicError(500, "Internal Server Error"))


def lithic_errors() -> dict[type[Exception] | int, ExceptionHandler]:
    """What becomes of each kind of error."""
    kinds = (LithicError, Missing, Impossible, HTTPException, psycopg.DataError, Exception)
    return dict.fromkeys(kinds, _refused)


async def _status(_: Request) -> Response:
    return answer({"message": "OK"})


def lithic_routes() -> list[Route]:
    """``/v1`` and ``/v2`` as at Lithic."""
    subscription = "/v1/event_subscriptions/{subscription}"
    return [
        Route("/v1/status", _status, methods=["GET"]),
        Route("/v1/cards", cards.create, methods=["POST"]),
        Route("/v1/cards", cards.list_all, methods=["GET"]),
        Route("/v1/cards/{token}", cards.retrieve, methods=["GET"]),
        Route("/v1/cards/{token}", cards.update, methods=["PATCH"]),
        Route("/v1/transactions", simulate.list_all, methods=["GET"]),
        Route("/v1/transactions/{token}", simulate.retrieve, methods=["GET"]),
        Route("/v1/transactions/{token}/expire_authorization", simulate.expire, methods=["POST"]),
        Route("/v1/responder_endpoints", events.enroll, methods=["POST"]),
        Route("/v1/responder_endpoints", events.responder_status, methods=["GET"]),
        Route("/v1/responder_endpoints", events.withdraw, methods=["DELETE"]),
        Route("/v1/auth_stream/secret", events.asa_secret, methods=["GET"]),
        Route("/v1/auth_stream/secret/rotate", events.rotate_asa_secret, methods=["POST"]),
        Route("/v1/event_subscriptions", events.subscribe, methods=["POST"]),
        Route("/v1/event_subscriptions", events.list_subscriptions, methods=["GET"]),
        Route(subscription, events.retrieve_subscription, methods=["GET"]),
        Route(subscription, events.update_subscription, methods=["PATCH"]),
        Route(subscription, events.delete_subscription, methods=["DELETE"]),
        Route(f"{subscription}/secret", events.subscription_secret, methods=["GET"]),
        Route(f"{subscription}/secret/rotate", events.rotate_subscription_secret, methods=["POST"]),
        Route(f"{subscription}/recover", events.recover, methods=["POST"]),
        Route(f"{subscription}/replay_missing", events.replay_missing, methods=["POST"]),
        Route("/v1/events", events.list_events, methods=["GET"]),
        Route("/v1/events/{event}", events.retrieve_event, methods=["GET"]),
        Route(
            "/v1/events/{event}/event_subscriptions/{subscription}/resend",
            events.resend_event,
            methods=["POST"],
        ),
        Route("/v2/auth_rules", rules.create, methods=["POST"]),
        Route("/v2/auth_rules", rules.list_all, methods=["GET"]),
        Route("/v2/auth_rules/{token}", rules.retrieve, methods=["GET"]),
        Route("/v2/auth_rules/{token}", rules.update, methods=["PATCH"]),
        Route("/v2/auth_rules/{token}", rules.delete, methods=["DELETE"]),
        Route("/v1/disputes", disputes.create, methods=["POST"]),
        Route("/v1/disputes", disputes.list_all, methods=["GET"]),
        Route("/v1/disputes/{token}", disputes.retrieve, methods=["GET"]),
        Route("/v1/disputes/{token}", disputes.update, methods=["PATCH"]),
        Route("/v1/disputes/{token}", disputes.withdraw, methods=["DELETE"]),
        Route("/v1/simulate/authorize", simulate.simulate_authorize, methods=["POST"]),
        Route("/v1/simulate/clearing", simulate.simulate_clearing, methods=["POST"]),
        Route("/v1/simulate/void", simulate.simulate_void, methods=["POST"]),
        Route("/v1/simulate/authorization_advice", simulate.simulate_advice, methods=["POST"]),
        Route("/v1/simulate/return", simulate.simulate_return, methods=["POST"]),
        Route("/v1/simulate/return_reversal", simulate.simulate_return_reversal, methods=["POST"]),
        Route(
            "/v1/simulate/credit_authorization_advice",
            simulate.simulate_credit_advice,
            methods=["POST"],
        ),
    ]
