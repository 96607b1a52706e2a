"""A vendor's document: the one shape of the directory's files and of an organization's own vendors,
whether they come by API, command line or policy file.

The types below are that shape; ``vendor.schema.json`` is written from them
(``python -m tests.core.merchant.vendor_schema``), so that what is published is what is checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from signets.core.errors import Refusal, RefusalKind
from signets.core.merchant.grammar import Source, normalize
from signets.core.merchant.mcc import MccGroup

_DISTINCT = {"uniqueItems": True}

T = TypeVar("T")
Domain = Annotated[
    str, Meta(max_length=100, pattern=r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$")
]
Text = Annotated[str, Meta(min_length=1, max_length=100)]
Note = Annotated[str, Meta(max_length=300)]


class Category(StrEnum):
    """What a vendor sells; policies match on it."""

    MODEL_API = "model_api"
    CLOUD = "cloud"
    HOSTING = "hosting"
    DATABASE = "database"
    OBSERVABILITY = "observability"
    EMAIL_SMS = "email_sms"
    DOMAINS = "domains"
    DEVELOPER_TOOLS = "developer_tools"
    SAAS = "saas"
    MARKETPLACE = "marketplace"
    PAYMENTS = "payments"
    ADVERTISING = "advertising"


class SeenSource(StrEnum):
    """Where an id is known from: never guessed."""

    OBSERVED = "observed"
    DOCUMENT = "document"


class _Part(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Of every part: unknown fields are refused, defaults are not written."""


class Form(_Part, frozen=True, kw_only=True):
    """A form of the name; the notation is in ``grammar.py``."""

    text: Annotated[
        str,
        Meta(
            min_length=2,
            max_length=60,
            pattern=r"^[A-Z0-9.|{][A-Za-z0-9.|{} ]*$",
            description="In normal form: upper case, one space for any separator.",
        ),
    ]
    source: Source
    ambiguous: Annotated[
        bool, Meta(description="Others bear this name too: site, place or id must stand beside it.")
    ] = False
    note: Note = ""


class Line(_Part, frozen=True, kw_only=True):
    """A product line and the names that it charges under."""

    name: Text
    patterns: Annotated[tuple[Form, ...], Meta(min_length=1, max_length=50)]


class LegalName(_Part, frozen=True, kw_only=True):
    """A legal name; a form of the name by itself."""

    name: Text
    source: Source
    note: Note = ""


class SeenId(_Part, frozen=True, kw_only=True):
    """An acceptor or network id that was seen for the vendor. Never invented."""

    id: Annotated[str, Meta(pattern="^[A-Z0-9]{4,15}$")]
    source: SeenSource
    note: Annotated[str, Meta(min_length=1, max_length=300)]


class SingleMcc(_Part, frozen=True, kw_only=True):
    """A merchant category code beside the groups."""

    mcc: Annotated[str, Meta(pattern="^[0-9]{4}$")]
    source: Source


class BilledFrom(_Part, frozen=True, kw_only=True):
    """A country that it bills from, ISO 3166-1 alpha-2."""

    code: Annotated[str, Meta(pattern="^[A-Z]{2}$")]
    source: Source


class SoldThrough(_Part, frozen=True, kw_only=True):
    """Who else sells it; such a charge is the seller's."""

    seller: Domain
    source: Source
    note: Note = ""


class VendorDocument(_Part, frozen=True, kw_only=True):
    """One vendor. Every fact says where it is known from; a guess never yields a match."""

    domain: Annotated[Domain, Meta(description="Canonical domain; the key everywhere.")]
    brand: Text
    category: Category
    lines: Annotated[
        tuple[Line, ...],
        Meta(min_length=1, max_length=20, description="Descriptor grammar per product line."),
    ]
    aliases: Annotated[
        tuple[Domain, ...],
        Meta(
            max_length=20,
            description="Other domains that are this very vendor: never a sibling, never one "
            "under which customers get names.",
            extra_json_schema=_DISTINCT,
        ),
    ] = ()
    family: Annotated[
        Annotated[str, Meta(max_length=60, pattern="^[a-z0-9_]+$")] | None,
        Meta(description="Siblings share it and never match for one another."),
    ] = None
    legal_names: Annotated[tuple[LegalName, ...], Meta(max_length=20)] = ()
    network_ids: Annotated[
        tuple[SeenId, ...], Meta(max_length=200, description="Not exhaustive. Never invented.")
    ] = ()
    mcc_groups: Annotated[
        tuple[MccGroup, ...],
        Meta(
            max_length=10,
            description="Groups of codes that it is billed under; none at all: any.",
            extra_json_schema=_DISTINCT,
        ),
    ] = ()
    mccs: Annotated[
        tuple[SingleMcc, ...], Meta(max_length=50, description="Single codes beside the groups.")
    ] = ()
    countries: Annotated[
        tuple[BilledFrom, ...],
        Meta(max_length=50, description="They only ever hold a name back; none: any."),
    ] = ()
    places: Annotated[
        tuple[Annotated[str, Meta(min_length=4, max_length=60)], ...],
        Meta(
            max_length=20,
            description="What stands in its city field besides its own domain.",
            extra_json_schema=_DISTINCT,
        ),
    ] = ()
    sold_through: Annotated[
        tuple[SoldThrough, ...],
        Meta(max_length=20, description="Who else sells it; such a charge is the seller's."),
    ] = ()


_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_MISSING = re.compile(r"missing required field `(?P<name>\w+)`")
_UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]*)`")


def read_document(data: Mapping[str, Any], path: str = "") -> VendorDocument:
    """Plain data as a vendor's document, strictly. ``path`` stands before the fields in refusals.

    Raises:
        Refusal: ``vendor_file_invalid`` whose ``param`` is the field's path
            (``lines[0].patterns[1].text``) and whose message says what is wanted there.
    """
    try:
        document = msgspec.convert(data, VendorDocument)
    except msgspec.ValidationError as error:
        raise _refusal(str(error), path) from error
    for name in ("aliases", "mcc_groups", "places"):
        values = getattr(document, name)
        for number, value in enumerate(values):
            if value in values[:number]:
                raise invalid_field(join(path, f"{name}[{number}]"), f"repeats `{value}`")
    return document


def render_document(document: VendorDocument) -> dict[str, Any]:
    """The plain data that :func:`read_document` reads, without what is left at its default."""
    found: dict[str, Any] = msgspec.to_builtins(document)
    return {key: _plain(value) for key, value in found.items()}


def field_with(document: VendorDocument, text: str) -> str:
    """The path of the field that holds ``text``, as written or in normal form, for a refusal; empty
    where none does."""
    texts = _texts(render_document(document), "")
    return next((at for at, value in texts if text in (value, normalize(value))), "")


def join(path: str, name: str) -> str:
    """``vendors[0]`` and ``brand`` as ``vendors[0].brand``."""
    return f"{path}.{name}" if path and name else path or name


def invalid_field(param: str, message: str) -> Refusal:
    """The refusal of one field of a vendor's document."""
    where = f"`{param}` " if param else "the vendor's document "
    return Refusal(RefusalKind.INVALID, "vendor_file_invalid", where + message, param=param or None)


def _refusal(said: str, path: str) -> Refusal:
    """The checker's words with the field they are about."""
    found = _AT.search(said)
    what = said[: found.start()] if found else said
    at = join(path, found.group("path")) if found else path
    missing, unknown = _MISSING.search(what), _UNKNOWN.search(what)
    if missing is not None:
        return invalid_field(join(at, missing.group("name")), "is missing")
    if unknown is not None:
        return invalid_field(join(at, unknown.group("name")[:80]), "is no field of a vendor")
    return invalid_field(
        at, f"is not right: {what[:1].lower()}{what[1:].replace('regex', 'the form')}"
    )


def _plain(value: Any) -> Any:
    """Lists for tuples, all the way down: JSON and stored documents have no tuples."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _texts(one, join(path, key))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _texts(one, f"{path}[{number}]")
    elif isinstance(value, str):
        yield path, value
