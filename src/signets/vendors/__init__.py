"""The vendor directory's data files, and the edge that reads them.

One JSON file per vendor in ``data/`` (schema: ``vendor.schema.json``) and one list of
facilitators. The core parses and compiles them; see ``docs/reference/merchants.md``. The public
suffix list is the dated snapshot inside the ``publicsuffixlist`` package: nothing is fetched.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from signets.core.merchant.directory import Directory, parse_directory
from signets.core.merchant.suffixes import Suffixes, parse_suffixes


def read_vendor_files() -> list[dict[str, Any]]:
    """The vendor files as plain data, ordered by file name."""
    folder = resources.files(__name__) / "data"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".json")), key=lambda f: f.name)
    return [json.loads(f.read_text(encoding="utf-8")) for f in files]


def read_facilitators() -> list[dict[str, Any]]:
    """The facilitators as plain data."""
    file = resources.files(__name__) / "facilitators.json"
    data: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return data


def read_schema() -> dict[str, Any]:
    """The JSON Schema of a vendor file."""
    file = resources.files(__name__) / "vendor.schema.json"
    data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return data


def read_suffixes() -> Suffixes:
    """The public suffix list of the installed ``publicsuffixlist``."""
    file = resources.files("publicsuffixlist") / "public_suffix_list.dat"
    return parse_suffixes(file.read_text(encoding="utf-8").splitlines())


@cache
def load_directory() -> Directory:
    """The directory that ships with Signets, read and indexed once a process (half a second).

    Raises:
        Refusal: ``vendor_file_invalid`` where a file cannot be read as a vendor.
    """
    return parse_directory(read_vendor_files(), read_facilitators(), read_suffixes())
