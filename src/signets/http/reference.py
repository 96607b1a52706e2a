"""Writes docs/reference/http.md from the OpenAPI document: ``python -m signets.http.reference``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from signets.http.application import api_routes
from signets.http.config import HttpConfig
from signets.http.openapi import build_openapi

JsonObject = dict[str, Any]
_SCHEMAS = "#/components/schemas/"


def render_reference() -> str:
    """The whole page."""
    document = build_openapi(HttpConfig(version=""), api_routes())
    lines = [
        "# HTTP API",
        "",
        "Written by `python -m signets.http.reference` from `/openapi.json`; do not edit.",
        "",
        document["info"]["description"].rstrip(),
        "",
        "Authenticate with `Authorization: Bearer sgn_…`.",
        *_errors(document),
    ]
    for tag in document["tags"]:
        lines += ["", f"## {tag['name'].capitalize()}", "", tag["description"]]
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if tag["name"] in operation["tags"]:
                    lines += _operation(document, method, path, operation)
    lines += ["", "## Objects"]
    for name, schema in document["components"]["schemas"].items():
        if "properties" in schema and not name.startswith("Page_"):
            lines += ["", f"### {name}", "", schema.get("description", "").split("\n")[0], ""]
            lines += _fields(schema)
        elif "enum" in schema:
            meaning = schema.get("description", "").split("\n")[0]
            lines += ["", f"### {name}", "", meaning, "", f"One of {_type(schema)}."]
    return "\n".join(lines) + "\n"


def _errors(document: JsonObject) -> Iterator[str]:
    yield from ("", "## Errors", "")
    yield '`{"error": {"type", "code", "message", "param", "request_id", "details"}}`'
    yield from ("", "| Status | `type` | Meaning |", "|---|---|---|")
    for name, response in document["components"]["responses"].items():
        example = response["content"]["application/json"]["example"]["error"]
        status = name.removeprefix("Error")
        yield f"| {status} | `{example['type']}` | {response['description']} |"


def _operation(
    document: JsonObject, method: str, path: str, operation: JsonObject
) -> Iterator[str]:
    yield from ("", f"### `{method.upper()} {path}`", "")
    yield f"{operation['summary']} (`{operation['operationId']}`)."
    yield from ("", *operation["description"].strip().split("\n"))
    parameters = [_resolved(document, one) for one in operation.get("parameters", [])]
    if parameters:
        yield from ("", "| Parameter | In | Type | Meaning |", "|---|---|---|---|")
        for one in parameters:
            needed = " (required)" if one.get("required") and one["in"] != "path" else ""
            meaning = one.get("description", "")
            shown = _type(one["schema"]).removesuffix(" or null")
            yield f"| `{one['name']}`{needed} | {one['in']} | {shown} | {meaning} |"
    yield ""
    yield f"{_body(operation)}Answers {_answers(operation)}."


def _body(operation: JsonObject) -> str:
    body = operation.get("requestBody")
    if body is None:
        return ""
    shown = _type(body["content"]["application/json"]["schema"])
    return f"Body: {shown.replace(' or null', ' (optional)')}. "


def _answers(operation: JsonObject) -> str:
    parts = []
    for status, response in operation["responses"].items():
        content = next(iter(response.get("content", {}).values()), None)
        shown = _type(content["schema"]) if content and status.startswith("2") else ""
        parts.append(f"{status} {shown}".strip())
    return ", ".join(parts)


def _fields(schema: JsonObject) -> Iterator[str]:
    yield from ("| Field | Type | Meaning |", "|---|---|---|")
    required = set(schema.get("required", []))
    for name, field in schema["properties"].items():
        optional = "" if name in required else " (optional)"
        default = field.get("default")
        meaning = field.get("description", "")
        if default not in (None, "", [], {}):
            meaning = f"{meaning} Default: `{default}`.".strip()
        yield f"| `{name}`{optional} | {_type(field)} | {meaning} |"


def _type(schema: JsonObject) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return _name(schema["$ref"].removeprefix(_SCHEMAS))
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(_type(one) for one in schema[several])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    kind = schema.get("type", "any JSON")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if schema.get("format") == "date-time":
        return "time"
    return str(kind)


def _name(schema: str) -> str:
    if schema.startswith("Page_"):
        return f"page of {_name(schema.removeprefix('Page_').rstrip('_'))}"
    return f"[{schema}](#{schema.lower()})"


def _resolved(document: JsonObject, parameter: JsonObject) -> JsonObject:
    found: JsonObject = parameter
    if "$ref" in parameter:
        found = document["components"]["parameters"][parameter["$ref"].rsplit("/", 1)[1]]
    return found


if __name__ == "__main__":
    sys.stdout.write(render_reference())
