"""What Stripe's face writes has the fields and values that the official SDK declares."""

from __future__ import annotations

import inspect
import json
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import stripe
from tests.contract.sandbox_stripe_kit import enrolled

_CLASSES = {
    "issuing.authorization": stripe.issuing.Authorization,
    "issuing.card": stripe.issuing.Card,
    "issuing.cardholder": stripe.issuing.Cardholder,
    "issuing.transaction": stripe.issuing.Transaction,
    "webhook_endpoint": stripe.WebhookEndpoint,
    "event": stripe.Event,
}
#: Only with `expand`, on a create, on an update, or for Connect.
_SOMETIMES = {"number", "cvc", "secret", "deleted", "previous_attributes"} | {
    "account",
    "context",
    "reason",
}


def _wrong(content: Any, kind: type, path: str) -> list[str]:
    """Where an object has other fields than its class, or a value that no literal allows."""
    hints = {
        name: hint
        for name, hint in _hints(kind).items()
        if not name.startswith("_") and name not in ("OBJECT_NAME", "_inner_class_types")
    }
    found = [f"{path}.{name} is unknown" for name in content.keys() - hints.keys()]
    found += [f"{path}.{name} is missing" for name in hints.keys() - content.keys() - _SOMETIMES]
    for name, value in content.items():
        if name in hints:
            found += _wrong_value(value, hints[name], f"{path}.{name}")
    return found


def _wrong_value(value: Any, hint: Any, path: str) -> list[str]:
    if isinstance(value, dict) and str(value.get("object")) in _CLASSES:
        return _wrong(value, _CLASSES[value["object"]], path)
    choices = _choices(hint)
    if value is None:
        return [] if type(None) in choices else [f"{path} may not be null"]
    if isinstance(value, list):
        inner = [get_args(choice)[0] for choice in choices if get_origin(choice) is list]
        if not inner:
            return [f"{path} is no list"]
        return [
            w for i, one in enumerate(value) for w in _wrong_value(one, inner[0], f"{path}.{i}")
        ]
    if isinstance(value, dict):
        classes = [c for c in choices if inspect.isclass(c) and inspect.get_annotations(c)]
        return _wrong(value, classes[0], path) if classes else []
    literals = [one for c in choices if get_origin(c) is Literal for one in get_args(c)]
    if literals and value not in literals:
        return [f"{path} is {value!r}"]
    plain = tuple(c for c in choices if c in (str, int, bool, float))
    return [] if literals or isinstance(value, plain) else [f"{path} is a {type(value).__name__}"]


def _choices(hint: Any) -> list[Any]:
    """The members of a union, however deep."""
    if get_origin(hint) in (Literal, list, dict, None):
        return [hint]
    args = get_args(hint)
    return [one for arg in args for one in _choices(arg)] if args else [hint]


class _Names(dict[str, Any]):
    """Where a name in an annotation leads: the class's own, its outer class's, the SDK's."""

    def __missing__(self, name: str) -> Any:
        for place in (stripe.issuing, stripe):
            try:
                return getattr(place, name)
            except AttributeError:
                continue
        raise KeyError(name)


def _hints(kind: type) -> dict[str, Any]:
    """Annotations, with names of nested and imported classes resolved."""
    names = _Names()
    place: Any = inspect.getmodule(kind)
    for part in kind.__qualname__.split("."):
        place = getattr(place, part)
        names.update(vars(place))
    return get_type_hints(kind, localns=names)


async def test_objects_are_as_the_sdk_declares_them(sandbox_url: str) -> None:
    """Every object of a purchase's life, in answers and in events, fits the SDK's classes."""
    async with enrolled(sandbox_url) as network:
        card = await network.card()
        made = await network.authorize(card, 1000, merchant_amount=900, merchant_currency="eur")
        await network.helpers.authorizations.capture_async(
            made.id, {"capture_amount": 400, "close_authorization": False}
        )
        await network.helpers.authorizations.increment_async(made.id, {"increment_amount": 50})
        await network.helpers.authorizations.reverse_async(made.id)
        await network.helpers.transactions.create_force_capture_async(
            {"card": card.id, "amount": 5}
        )
        await network.drain()
        bodies = [r.json for r in (*network.receiver.asked, *network.receiver.events)]
        endpoint = (await network.stripe.v1.webhook_endpoints.list_async()).data[0]
        person = await network.cardholder(
            type="individual", individual={"first_name": "A", "last_name": "B"}
        )
        for one in (card, card.cardholder, endpoint, person):
            bodies.append(json.loads(str(one)))
    wrong = [w for body in bodies for w in _wrong(body, _CLASSES[body["object"]], body["object"])]
    for event in (body for body in bodies if body["object"] == "event"):
        content = event["data"]["object"]
        wrong += _wrong(content, _CLASSES[content["object"]], content["object"])
    assert sorted(set(wrong)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": "open"}, "status is 'open'"),
        ({"amount": "1"}, "amount is a str"),
        ({"merchant_data": None}, "merchant_data may not be null"),
        ({"colour": 1}, "colour is unknown"),
    ],
)
async def test_the_check_can_fail(sandbox_url: str, change: dict[str, Any], said: str) -> None:
    """Each kind of mistake is found."""
    async with enrolled(sandbox_url) as network:
        made = await network.authorize(await network.card(), 1000)
    content = {**json.loads(str(made)), **change}
    wrong = _wrong(content, stripe.issuing.Authorization, "authorization")
    assert any(w.endswith(said) for w in wrong), wrong
