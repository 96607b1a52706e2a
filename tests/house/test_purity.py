"""core/ is pure: the same arguments give the same answer, always and everywhere."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parents[2] / "src" / "signets" / "core"

ALLOWED_IMPORTS = {
    *("__future__", "base64", "bisect", "calendar", "collections", "dataclasses", "datetime"),
    *("decimal", "enum", "fractions", "functools", "hashlib", "heapq", "hmac", "itertools"),
    *("math", "operator", "re", "string", "types", "typing", "unicodedata", "zoneinfo"),
    *("msgspec", "signets"),
}
# Reading a clock, called on anything or named on a type (a *field* called `now` is an argument).
CLOCKS = {"now", "utcnow", "today"}
CLOCK_TYPES = {"datetime", "date"}
FORBIDDEN_CALLS = {"open", "print", "input", "exec", "eval", "__import__", "id", "hash", "float"}
FORBIDDEN_SYNTAX = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Global)


@pytest.mark.parametrize(
    "path", sorted(CORE.rglob("*.py")), ids=lambda path: str(path.relative_to(CORE))
)
def test_a_core_module_is_pure(path: Path):
    """It imports a short list only, and has no clock, I/O, randomness, float() or async."""
    assert _offences(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "import os",
        "from random import random",
        "import signets.core.money, socket",
        "from datetime import datetime\nx = datetime.now()",
        "from datetime import date\nx = date.today()",
        "import datetime\nread = datetime.datetime.utcnow",
        "x = open('f')",
        "async def f(): ...",
        "x = float('0.1')",
        "x = 0.1",
        "def f():\n    global y",
    ],
)
def test_the_checker_fires(source: str):
    """Each kind of impurity is found (so that the test above can fail)."""
    assert _offences(source) != []


def _offences(source: str) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Import):
            roots = [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            roots = [(node.module or "").partition(".")[0]]
        else:
            roots = []
        found += [f"line {line}: imports {root}" for root in roots if root not in ALLOWED_IMPORTS]
        if _reads_clock(node):
            found.append(f"line {line}: reads a clock")
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in FORBIDDEN_CALLS
        ):
            found.append(f"line {line}: calls {node.func.id}()")
        if isinstance(node, FORBIDDEN_SYNTAX):
            found.append(f"line {line}: {type(node).__name__}")
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            found.append(f"line {line}: the float {node.value}")
    return found


def _reads_clock(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS
    if isinstance(node, ast.Attribute) and node.attr in CLOCKS:
        base = node.value
        name = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
        return name in CLOCK_TYPES
    return False
