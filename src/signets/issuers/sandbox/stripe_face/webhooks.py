"""``/v1/webhook_endpoints`` and ``/v1/events``."""

from __future__ import annotations

import uuid
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType
from psycopg import sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from signets.issuers.sandbox.engine.base import Connection, Json
from signets.issuers.sandbox.engine.pages import equals
from signets.issuers.sandbox.engine.store import Sandbox
from signets.issuers.sandbox.signing import new_secret
from signets.issuers.sandbox.stripe_face.wire import (
    API_VERSION,
    Form,
    ListForm,
    Metadata,
    convert,
    list_object,
    merged,
    missing,
    seconds,
    stripe_page,
)

Url = Annotated[str, Meta(pattern="^https?://[^ ]+$", max_length=2000)]
Types = Annotated[list[str], Meta(min_length=1)]


class NewEndpoint(Form, frozen=True, kw_only=True):
    """Parameters of a create."""

    url: Url
    enabled_events: Types
    api_version: str | None = None
    description: str = ""
    metadata: Metadata = msgspec.field(default_factory=dict)


class EndpointChange(Form, frozen=True, kw_only=True):
    """Parameters of an update; what is left out stays."""

    url: Url | UnsetType = UNSET
    enabled_events: Types | UnsetType = UNSET
    description: str | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET


class EventList(ListForm, frozen=True, kw_only=True):
    """Parameters of a list of events."""

    type: str | None = None
    types: Annotated[list[str], Meta(max_length=20)] | None = None


async def create(sandbox: Sandbox, params: Json, _: str) -> Json:
    """A new endpoint; its secret is shown now and never again."""
    form = convert(params, NewEndpoint)
    async with sandbox.transaction() as connection:
        cursor = await connection.execute(
            "INSERT INTO subscriptions (token, face, created, url, description, event_types,"
            " disabled, secret, metadata)"
            " VALUES (%s, 'stripe', now(), %s, %s, %s, false, %s, %s) RETURNING *",
            (
                f"we_{uuid.uuid4().hex}",
                form.url,
                form.description,
                _types(form.enabled_events),
                new_secret(),
                Jsonb(form.metadata),
            ),
        )
        row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - INSERT … RETURNING
    return {**_object(row), "secret": row["secret"]}


def _types(enabled: list[str]) -> list[str] | None:
    """What is stored: nothing where every type is wanted."""
    return None if "*" in enabled else enabled


def _object(row: DictRow) -> Json:
    return {
        "id": row["token"],
        "object": "webhook_endpoint",
        "api_version": API_VERSION,
        "application": None,
        "created": seconds(row["created"]),
        "description": row["description"] or None,
        "enabled_events": row["event_types"] or ["*"],
        "livemode": False,
        "metadata": row["metadata"],
        "status": "disabled" if row["disabled"] else "enabled",
        "url": row["url"],
    }


async def list_endpoints(sandbox: Sandbox, params: Json, _: str) -> Json:
    """Endpoints, newest first."""
    form = convert(params, ListForm)
    async with sandbox.transaction() as connection:
        rows, has_more = await stripe_page(
            connection, form, "subscriptions", [equals("face", "stripe")]
        )
    return list_object("/v1/webhook_endpoints", [_object(row) for row in rows], has_more=has_more)


async def retrieve_endpoint(sandbox: Sandbox, params: Json, endpoint: str) -> Json:
    """One endpoint."""
    convert(params, Form)
    async with sandbox.transaction() as connection:
        return _object(await _endpoint(connection, endpoint))


async def update_endpoint(sandbox: Sandbox, params: Json, endpoint: str) -> Json:
    """Change URL, types or state."""
    form = convert(params, EndpointChange)
    async with sandbox.transaction() as connection:
        row = await _endpoint(connection, endpoint)
        change = msgspec.to_builtins(form)
        if "enabled_events" in change:
            change["event_types"] = _types(change["enabled_events"])
        if "metadata" in change:
            change["metadata"] = merged(row["metadata"], change["metadata"])
        changed = {**row, **change}
        await connection.execute(
            "UPDATE subscriptions SET url = %s, description = %s, disabled = %s,"
            " event_types = %s, metadata = %s WHERE token = %s",
            (
                changed["url"],
                changed["description"],
                changed["disabled"],
                changed["event_types"],
                Jsonb(changed["metadata"]),
                endpoint,
            ),
        )
    return _object(changed)


async def delete_endpoint(sandbox: Sandbox, params: Json, endpoint: str) -> Json:
    """The endpoint is gone; messages under way to it are dropped."""
    convert(params, Form)
    async with sandbox.transaction() as connection:
        await _endpoint(connection, endpoint)
        await connection.execute("DELETE FROM subscriptions WHERE token = %s", (endpoint,))
    return {"id": endpoint, "object": "webhook_endpoint", "deleted": True}


async def _endpoint(connection: Connection, endpoint: str) -> DictRow:
    cursor = await connection.execute(
        "SELECT * FROM subscriptions WHERE token = %s AND face = 'stripe'", (endpoint,)
    )
    row = await cursor.fetchone()
    if row is None:
        raise missing("webhook endpoint", endpoint)
    return row


async def list_events(sandbox: Sandbox, params: Json, _: str) -> Json:
    """Events, newest first; real-time requests are not among them."""
    form = convert(params, EventList)
    conditions: list[tuple[sql.Composable, object]] = [equals("face", "stripe")]
    if form.type is not None:
        conditions.append((sql.SQL("event_type LIKE %s"), form.type.replace("*", "%")))
    if form.types is not None:
        conditions.append((sql.SQL("event_type = ANY (%s)"), form.types))
    async with sandbox.transaction() as connection:
        rows, has_more = await stripe_page(connection, form, "events", conditions)
    data = [msgspec.json.decode(bytes(row["body"])) for row in rows]
    return list_object("/v1/events", data, has_more=has_more)


async def retrieve_event(sandbox: Sandbox, params: Json, event: str) -> Json:
    """One event."""
    convert(params, Form)
    async with sandbox.transaction() as connection:
        cursor = await connection.execute(
            "SELECT body FROM events WHERE token = %s AND face = 'stripe'", (event,)
        )
        row = await cursor.fetchone()
    if row is None:
        raise missing("event", event)
    found: Json = msgspec.json.decode(bytes(row["body"]))
    return found
