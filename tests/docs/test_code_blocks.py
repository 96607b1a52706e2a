"""Every block marked as a test in README and docs runs.

A fenced block whose info string is ``python test`` is executed against a running Signets, with an
agent's key (or, after ``python test admin``, the admin's) in the environment, so that ``Signets()``
works as written; a page that names ``SHOP_URL`` finds the sandbox's shop there, and a card for
OpenAI. Blocks of one file share their names, in order. A ``console test`` block is a
terminal: each ``$ signets …`` runs without a server, on an empty database, and has to exit with 0
(or with the code that ``# exit N`` after it says) and print what follows; ``...`` stands for
anything.
"""

from __future__ import annotations

import asyncio
import doctest
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.behaviour.kit import card_for
from tests.docs.keys import agent_key
from tests.shop_kit import shop_at
from tests.world import World

from signets import Signets

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_FENCE = re.compile(r"^```(\w+) test ?(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXIT = re.compile(r"\s+# exit (\d+)$")


@dataclass(frozen=True)
class Block:
    """One runnable block of a page."""

    language: str
    key: str  # whose: empty for an agent, or "admin"
    code: str
    line: int


def blocks(text: str) -> list[Block]:
    """The runnable blocks of a page, in order."""
    return [
        Block(found[1], found[2], found[3], text.count("\n", 0, found.start()) + 2)
        for found in _FENCE.finditer(text)
    ]


def pages_with(language: str) -> list[str]:
    """Pages that have at least one such block, relative to the root."""
    return [
        str(page.relative_to(ROOT))
        for page in PAGES
        if any(block.language == language for block in blocks(page.read_text()))
    ]


@pytest.mark.parametrize("page", pages_with("python"))
async def test_python_blocks_run(page: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's code does what the page says, over HTTP."""
    keys = {"": await agent_key(world, "infra-agent"), "admin": world.organization.admin_token}
    monkeypatch.setenv("SIGNETS_BASE_URL", world.base_url)
    names: dict[str, Any] = {}
    text = (ROOT / page).read_text()
    try:
        async with AsyncExitStack() as stack:
            if "SHOP_URL" in text:
                shop = await stack.enter_async_context(shop_at(world))
                monkeypatch.setenv("SHOP_URL", shop.url)
                await card_for(world, "infra-agent")
            for block in blocks(text):
                if block.language == "python":
                    monkeypatch.setenv("SIGNETS_API_KEY", keys[block.key])
                    # Padding makes a traceback's line number the page's.
                    source = compile("\n" * (block.line - 1) + block.code, page, "exec")
                    await asyncio.to_thread(exec, source, names)
    finally:
        # The reader's program would end here, and its connections with it.
        for value in names.values():
            if isinstance(value, Signets):
                value.close()


@pytest.mark.parametrize("page", pages_with("console"))
def test_console_blocks_run(page: str, new_database: Callable[..., str], tmp_path: Path) -> None:
    """The page's commands print what the page shows."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "COLUMNS": "100",
        "PYTHONPATH": str(ROOT / "src"),
        "SIGNETS_DATABASE_URL": new_database(empty=True),
        "SIGNETS_DATA_DIR": str(tmp_path),
        "SIGNETS_SANDBOX_PORT": "1",  # nothing listens there
    }
    for block in blocks((ROOT / page).read_text()):
        if block.language == "console":
            for command, code, expected in _commands(block.code):
                _run(command, code, expected, environment)


def _commands(text: str) -> list[tuple[str, int, str]]:
    """(command, exit code, output) of a terminal block."""
    found: list[tuple[str, int, str]] = []
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        code = _EXIT.search(command)
        found.append((_EXIT.sub("", command), int(code[1]) if code else 0, output))
    return found


def _run(command: str, code: int, expected: str, environment: dict[str, str]) -> None:
    words = shlex.split(command)
    assert words[0] == "signets", f"only `signets` runs in a console block, not {words[0]}"
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == code, f"{command}\n{done.stdout}{done.stderr}"
    if expected:
        same = doctest.OutputChecker().check_output(
            expected, done.stdout, doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        )
        assert same, f"{command} printed\n{done.stdout}\ninstead of\n{expected}"


def test_blocks_are_found() -> None:
    """A marked block is found with its line and key; an unmarked one is left alone."""
    text = "one\n```python test admin\nx = 1\n```\n```python\ny = 2\n```\n"
    assert blocks(text) == [Block("python", "admin", "x = 1\n", 3)]
    assert _commands("$ signets --help  # exit 2\nUsage\n$ signets\n") == [
        ("signets --help", 2, "Usage\n"),
        ("signets", 0, ""),
    ]


def test_the_promised_calls_are_among_them() -> None:
    """README's tour is executed, so that this file can fail for what matters most."""
    code = "".join(block.code for block in blocks((ROOT / "README.md").read_text()))
    for promised in ("cards.create(", "expectedAmount=", "list_for_card(cardId="):
        assert promised in code
