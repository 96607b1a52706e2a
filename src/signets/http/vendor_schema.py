"""A vendor's document as the body of a request: its one schema, in one piece for OpenAPI."""

from __future__ import annotations

from typing import Any

import msgspec

from signets.core.merchant.document import VendorDocument

JsonObject = dict[str, Any]
_DEFS = "#/$defs/"


def vendor_body_schema() -> JsonObject:
    """The schema with its parts in place. The domain may be left out: the address has it."""
    _, parts = msgspec.json.schema_components([VendorDocument], ref_template=_DEFS + "{name}")
    whole: JsonObject = _in_place(parts["VendorDocument"], parts)
    return {**whole, "required": [name for name in whole["required"] if name != "domain"]}


def _in_place(part: Any, parts: JsonObject) -> Any:
    if isinstance(part, dict):
        if "$ref" in part:
            rest = {key: value for key, value in part.items() if key != "$ref"}
            return {**_in_place(parts[part["$ref"].removeprefix(_DEFS)], parts), **rest}
        return {key: _in_place(value, parts) for key, value in part.items() if key != "title"}
    if isinstance(part, list | tuple):
        return [_in_place(one, parts) for one in part]
    return part
