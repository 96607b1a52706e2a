"""Writes the JSON Schema of a vendor from the types that check it, as a file and into the
policy's: ``python -m tests.core.merchant.vendor_schema``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from signets.core.merchant.document import VendorDocument

SOURCE = Path(__file__).resolve().parents[3] / "src" / "signets"
VENDOR_FILE = SOURCE / "vendors" / "vendor.schema.json"
POLICY_FILE = SOURCE / "core" / "policy" / "schema.json"


def components() -> dict[str, Any]:
    """The parts by name, ready to stand under ``$defs``."""
    _, found = msgspec.json.schema_components([VendorDocument], ref_template="#/$defs/{name}")
    plain: dict[str, Any] = json.loads(json.dumps(found))
    return {name: _without_titles(part) for name, part in sorted(plain.items())}


def vendor_schema() -> dict[str, Any]:
    """The published schema of one vendor."""
    parts = components()
    whole = parts.pop("VendorDocument")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Vendor",
        **whole,
        "$defs": parts,
    }


def policy_schema() -> dict[str, Any]:
    """The policy's schema with the vendor's parts as they are now."""
    schema: dict[str, Any] = json.loads(POLICY_FILE.read_text(encoding="utf-8"))
    own = {name: part for name, part in schema["$defs"].items() if name[0].islower()}
    return {**schema, "$defs": {**own, **components()}}


def _without_titles(part: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in part.items() if key != "title"}


def main() -> None:
    """Write both."""
    for path, schema in ((VENDOR_FILE, vendor_schema()), (POLICY_FILE, policy_schema())):
        path.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
