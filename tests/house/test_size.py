"""Files and functions stay small enough to read; the lists of exceptions may only shrink."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONGEST_FILE = 500
LONGEST_FUNCTION = 60

LONGER_FILES: set[str] = set()
LONGER_FUNCTIONS: set[str] = set()


def test_no_file_is_longer_than_the_limit():
    """Every Python file has at most 500 lines, but for the named ones, which still exceed it."""
    longer = {
        str(path.relative_to(ROOT))
        for folder in ("src", "tests", "bench", "examples")
        for path in (ROOT / folder).rglob("*.py")
        if len(path.read_text().splitlines()) > LONGEST_FILE
    }
    assert longer == LONGER_FILES


def test_no_function_is_longer_than_the_limit():
    """Every function in src has at most 60 lines, docstring aside, but for the named ones."""
    longer = {
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and _length(node) > LONGEST_FUNCTION
    }
    assert longer == LONGER_FUNCTIONS


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    documented = ast.get_docstring(node) is not None
    return lines - (_span(node.body[0]) if documented else 0)


def _span(statement: ast.stmt) -> int:
    return (statement.end_lineno or statement.lineno) - statement.lineno + 1
