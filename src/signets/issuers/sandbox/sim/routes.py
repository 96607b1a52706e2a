"""The endpoints under ``/_sim``."""

from __future__ import annotations

from starlette.routing import Route

from signets.issuers.sandbox.sim import checkout, control, deliveries, disputes, purchases


def sim_routes() -> list[Route]:
    """What no issuer has an endpoint for."""
    realtime = "/_sim/stripe/realtime_endpoint"
    return [
        Route("/_sim/authorize", purchases.simulate_authorize, methods=["POST"]),
        Route("/_sim/checkout", checkout.checkout, methods=["POST"]),
        Route("/_sim/force_post", purchases.force_post, methods=["POST"]),
        Route("/_sim/offline_advice", purchases.offline_advice, methods=["POST"]),
        Route("/_sim/declined_return", purchases.declined_return, methods=["POST"]),
        Route("/_sim/increment", purchases.simulate_increment, methods=["POST"]),
        Route("/_sim/clear", purchases.simulate_clear, methods=["POST"]),
        Route("/_sim/linked", purchases.linked, methods=["POST"]),
        Route("/_sim/return_reversal", purchases.take_back, methods=["POST"]),
        Route("/_sim/undo", purchases.undo, methods=["POST"]),
        Route("/_sim/dispute", disputes.decide, methods=["POST"]),
        Route("/_sim/dispute_credit", disputes.credit, methods=["POST"]),
        Route("/_sim/clock", control.read_clock, methods=["GET"]),
        Route("/_sim/clock", control.move_clock, methods=["POST"]),
        Route("/_sim/faults", control.read_faults, methods=["GET"]),
        Route("/_sim/faults", control.set_faults, methods=["POST"]),
        Route("/_sim/faults", control.clear_faults, methods=["DELETE"]),
        Route(realtime, control.read_realtime, methods=["GET"]),
        Route(realtime, control.set_realtime, methods=["POST"]),
        Route(realtime, control.remove_realtime, methods=["DELETE"]),
        Route(f"{realtime}/roll_secret", control.roll_realtime_secret, methods=["POST"]),
        Route("/_sim/stripe/block_cardholder", control.block_cardholder, methods=["POST"]),
        Route("/_sim/deliveries", deliveries.list_deliveries, methods=["GET"]),
        Route("/_sim/replay", deliveries.replay, methods=["POST"]),
        Route("/_sim/forge", deliveries.forge, methods=["POST"]),
        Route("/_sim/drain", deliveries.drain, methods=["POST"]),
    ]
