"""Any single body in our normal form, or the field that could not be read; never anything else."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.test_lithic_reading import REQUEST, event, transaction

from signets.app.ports import BodyUnreadable, IssuerCard
from signets.cli.main import main
from signets.cli.normal_form import as_plain
from signets.core.authorization.request import AuthorizationRequest
from signets.core.settlement.model import Snapshot
from signets.issuers.bodies import read_any

MERCHANT = REQUEST["merchant"]
#: As Lithic's ASA was before ``amounts``, ``cardholder_currency`` and merchant currencies.
OLD_REQUEST: dict[str, Any] = {
    "token": "asa-1",
    "status": "AUTHORIZATION",
    "amount": 1200,
    "card": {"token": "card-1", "last_four": "4242", "hostname": "", "type": "UNLOCKED"},
    "created": "2021-05-05T05:00:00Z",
    "merchant": {"acceptor_id": "1", "descriptor": "AWS", "mcc": "7399", "country": "USA"},
    "events": [],
}
#: As its transactions were: flat amounts, the card inside, events without currencies.
OLD_TRANSACTION: dict[str, Any] = {
    "token": "tx-1",
    "amount": 1200,
    "authorization_amount": 1200,
    "settled_amount": 0,
    "merchant_amount": 1200,
    "merchant_currency": "USD",
    "card": {"token": "card-1", "last_four": "4242"},
    "created": "2021-05-05T05:00:00Z",
    "events": [
        {
            "token": "ev-1",
            "amount": 1200,
            "created": "2021-05-05T05:00:00Z",
            "result": "APPROVED",
            "type": "AUTHORIZATION",
        }
    ],
    "funding": [],
    "merchant": OLD_REQUEST["merchant"],
    "result": "APPROVED",
    "status": "PENDING",
}
CARD: dict[str, Any] = {
    "token": "card-1",
    "created": "2021-05-05T05:00:00Z",
    "cvv": "776",
    "exp_month": "06",
    "exp_year": "2027",
    "last_four": "1111",
    "pan": "4111111289144142",
    "spend_limit": 1000,
    "state": "OPEN",
    "type": "VIRTUAL",
}
STRIPE_MERCHANT = {"name": "OPENAI", "network_id": "1", "category_code": "5734", "country": "US"}
STRIPE_AUTHORIZATION: dict[str, Any] = {
    "id": "iauth_1",
    "object": "issuing.authorization",
    "amount": 2000,
    "approved": True,
    "card": {"id": "ic_1", "object": "issuing.card"},
    "created": 1_700_000_000,
    "currency": "usd",
    "merchant_amount": 2000,
    "merchant_currency": "usd",
    "merchant_data": STRIPE_MERCHANT,
    "pending_request": None,
    "request_history": [
        {
            "amount": 2000,
            "approved": True,
            "created": 1_700_000_000,
            "currency": "usd",
            "merchant_amount": 2000,
            "merchant_currency": "usd",
            "reason": "webhook_approved",
        }
    ],
    "status": "pending",
    "transactions": [],
}
STRIPE_REQUEST: dict[str, Any] = {
    **STRIPE_AUTHORIZATION,
    "amount": 0,
    "approved": False,
    "request_history": [],
    "pending_request": {
        "amount": 2000,
        "currency": "usd",
        "merchant_amount": 2000,
        "merchant_currency": "usd",
        "is_amount_controllable": False,
    },
}
STRIPE_TRANSACTION: dict[str, Any] = {
    "id": "ipi_1",
    "object": "issuing.transaction",
    "amount": -2000,
    "authorization": "iauth_1",
    "card": "ic_1",
    "created": 1_700_000_000,
    "currency": "usd",
    "merchant_amount": -2000,
    "merchant_currency": "usd",
    "merchant_data": STRIPE_MERCHANT,
    "type": "capture",
}
STRIPE_CARD: dict[str, Any] = {
    "id": "ic_1",
    "object": "issuing.card",
    "last4": "4242",
    "exp_month": 8,
    "exp_year": 2030,
    "status": "inactive",
    "number": "4242424242424242",
    "cvc": "123",
}
BODIES: list[tuple[str, type, dict[str, Any]]] = [
    ("lithic", AuthorizationRequest, REQUEST),
    ("lithic", AuthorizationRequest, OLD_REQUEST),
    ("lithic", Snapshot, transaction(event("AUTHORIZATION", 1000), hold=-1000)),
    ("lithic", Snapshot, {"event_type": "card_transaction.updated", **transaction()}),
    ("lithic", Snapshot, {"token": "msg_1", "payload": transaction(event("CLEARING", 5))}),
    ("lithic", Snapshot, OLD_TRANSACTION),
    ("lithic", IssuerCard, CARD),
    ("stripe", AuthorizationRequest, STRIPE_REQUEST),
    ("stripe", Snapshot, STRIPE_AUTHORIZATION),
    ("stripe", Snapshot, STRIPE_TRANSACTION),
    ("stripe", IssuerCard, STRIPE_CARD),
    (
        "stripe",
        AuthorizationRequest,
        {
            "object": "event",
            "type": "issuing_authorization.request",
            "data": {"object": STRIPE_REQUEST},
        },
    ),
]


@pytest.mark.parametrize(("issuer", "kind", "body"), BODIES)
def test_every_kind_of_body_is_read(issuer: str, kind: type, body: dict[str, Any]) -> None:
    """Today's bodies, those of older API ages, and those inside an envelope."""
    assert type(read_any(issuer, json.dumps(body).encode())) is kind


def test_old_bodies_mean_what_new_ones_mean() -> None:
    """Flat amounts are the same money; sums that an old body does not tell are not guessed."""
    asked = read_any("lithic", json.dumps(OLD_REQUEST).encode())
    assert isinstance(asked, AuthorizationRequest)
    assert (asked.amount, asked.currency, asked.merchant_amount) == (1200, "USD", 1200)
    known = read_any("lithic", json.dumps(OLD_TRANSACTION).encode())
    assert isinstance(known, Snapshot)
    assert (known.card_token, known.currency, known.totals) == ("card-1", "USD", None)
    assert [(one.amount, one.currency) for one in known.events] == [(1200, "USD")]
    assert known.updated == known.created


def test_a_card_number_never_comes_out() -> None:
    """Number and CVC of a card body are in no normal form."""
    for issuer, body in (("lithic", CARD), ("stripe", STRIPE_CARD)):
        told = json.dumps(as_plain(issuer, read_any(issuer, json.dumps(body).encode())))
        assert "4111111289144142" not in told and "4242424242424242" not in told
        assert '"kind": "card"' in told


def _paths(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    items = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        items = enumerate(value)
    for key, inner in items:
        found += [(*path, key), *_paths(inner, (*path, key))]
    return found


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**15, max_value=10**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=())),
    st.sampled_from(["", "\0", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "XYZW"]),
    st.lists(st.none() | st.integers() | st.text()),
    st.dictionaries(st.text(), st.none() | st.integers()),
)


@given(st.data())
def test_a_mutated_body_is_read_or_its_field_is_named(data: st.DataObject) -> None:
    """Up to three fields removed or replaced by anything: a normal form, or a named field."""
    issuer, _, body = data.draw(st.sampled_from(BODIES))
    mutated: Any = copy.deepcopy(body)
    for _ in range(data.draw(st.integers(1, 3))):
        places = _paths(mutated)
        if not places:
            break
        *parents, last = data.draw(st.sampled_from(places))
        place = mutated
        for parent in parents:
            place = place[parent]
        if data.draw(st.booleans()):
            del place[last]
        else:
            place[last] = data.draw(JUNK)
    unread: BodyUnreadable | None = None
    try:
        found = read_any(issuer, json.dumps(mutated).encode())
    except BodyUnreadable as error:
        unread = error
    else:
        json.dumps(as_plain(issuer, found), ensure_ascii=False).encode()
    assert unread is None or (unread.field and unread.message)


@given(st.binary() | st.text().map(str.encode), st.sampled_from(["lithic", "stripe", "sandbox"]))
def test_anything_at_all_is_read_or_refused(raw: bytes, issuer: str) -> None:
    """Bytes that are no JSON, and JSON that is no body."""
    with pytest.raises(BodyUnreadable):
        read_any(issuer, raw)


@pytest.mark.parametrize(
    "raw",
    [
        *(b"[" * 100_000, b"[]", b"null", b"NaN", b'{"a":' * 50_000, b"\xff", b"", b"\xef\xbb\xbf"),
        b'{"amount":' + b"9" * 5000 + b"}",
    ],
)
def test_hostile_json_is_refused(raw: bytes) -> None:
    """Depth, another type, no text at all."""
    with pytest.raises(BodyUnreadable) as caught:
        read_any("lithic", raw)
    assert caught.value.field == "body"


def test_envelopes_in_envelopes_end() -> None:
    """One envelope is opened; whatever is wrapped deeper is no body, at any depth."""
    for depth in (2, 400, 900):
        raw = b'{"payload":' * depth + json.dumps(REQUEST).encode() + b"}" * depth
        with pytest.raises(BodyUnreadable) as caught:
            read_any("lithic", raw)
        assert caught.value.field in ("payload.body", "body")


@pytest.mark.parametrize("issuer", ["lithic", "stripe"])
def test_a_whole_page_is_named(issuer: str) -> None:
    """The API's lists hold several objects, and one is asked for."""
    with pytest.raises(BodyUnreadable) as caught:
        read_any(issuer, b'{"object":"list","data":[{}],"has_more":false}')
    assert caught.value.field == "data"


def test_a_byte_order_mark_and_utf_16_are_read_through() -> None:
    """As JSON's own reader does."""
    for coding in ("utf-8-sig", "utf-16", "utf-32"):
        raw = json.dumps(CARD, ensure_ascii=False).encode(coding)
        assert isinstance(read_any("lithic", raw), IssuerCard)


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        (b"\xff\xfe\xfd", "body"),
        (b'{"\\ud800": "\\u0000"}', "\\ud800"),
        (b'{"status": "AUTHORIZATION", "amount": NaN, "merchant": {}}', "amount"),
    ],
)
def test_the_command_never_ends_in_a_traceback(
    raw: bytes, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bytes that are no text, names that no terminal can show, numbers that are none: exit 2."""
    file = tmp_path / "body.json"
    file.write_bytes(raw)
    arguments = ["issuers", "parse", "--issuer", "lithic", "--input", str(file), "--json"]
    assert main(arguments) == 2
    assert json.loads(capsys.readouterr().out)["field"] == named


def test_the_command_without_a_file_to_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No such file, or a folder: one line, exit 2."""
    for path in (tmp_path / "none.json", tmp_path):
        assert main(["issuers", "parse", "--issuer", "stripe", "--input", str(path)]) == 2
        assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("issuer", "body", "removed", "named"),
    [
        ("lithic", REQUEST, "card", "card.token"),
        ("lithic", REQUEST, "merchant", "merchant"),
        ("lithic", REQUEST, "created", "created"),
        ("lithic", OLD_TRANSACTION, "token", "token"),
        ("lithic", CARD, "state", "state"),
        ("stripe", STRIPE_TRANSACTION, "merchant_data", "merchant_data"),
        ("stripe", STRIPE_CARD, "last4", "last4"),
    ],
)
def test_the_command_exits_2_and_names_the_field(
    issuer: str,
    body: dict[str, Any],
    removed: str,
    named: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`signets issuers parse`: 0 and the normal form; 2 and the field."""
    file = tmp_path / "body.json"
    file.write_text(json.dumps(body))
    arguments = ["issuers", "parse", "--issuer", issuer, "--input", str(file), "--json"]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["issuer"] == issuer
    file.write_text(json.dumps({key: value for key, value in body.items() if key != removed}))
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert json.loads(told.out)["field"] == named
    assert f"(field: {named})" in told.err
