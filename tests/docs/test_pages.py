"""The documents about themselves: links, names of files, sections, versions."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
STORY = sorted((ROOT / "docs" / "story").glob("*.md"))
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"`((?:src|tests|docs|examples|bench)/[\w./*-]+)`")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_inside_the_repository_resolve(page: Path) -> None:
    """Each relative link leads to a file that exists, and its anchor to a heading there."""
    broken = []
    for target in _LINK.findall(_CODE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (anchor and anchor not in _anchors(file)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_files_that_a_page_names_exist(page: Path) -> None:
    """Each `src/…`, `tests/…`, `docs/…` path in code style is there (`*` may stand for some)."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    missing = [path for path in _PATH.findall(text) if not any(ROOT.glob(path.rstrip("/")))]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_pages_hold_no_place_of_a_machine(page: Path) -> None:
    """No home folder and no checkout's path has slipped in."""
    assert not re.search(r"/home/\w|/Users/\w|/work/", page.read_text())


@pytest.mark.parametrize("page", DECISIONS, ids=page_id)
def test_a_decision_has_every_part(page: Path) -> None:
    """Context, decision, consequences, alternatives; and a status line under the title."""
    text = page.read_text()
    headings = _HEADING.findall(text)
    assert headings[0].startswith(f"{page.name[:4]} ")
    assert headings[1:] == ["Context", "Decision", "Consequences", "Alternatives"]
    assert re.search(r"^Status: (accepted|superseded by \d{4})", text, re.MULTILINE)


def test_decisions_are_numbered_without_a_gap() -> None:
    """0001, 0002, …; the index in README of the folder lists each."""
    numbers = [int(page.name[:4]) for page in DECISIONS]
    assert numbers == list(range(1, len(numbers) + 1))
    index = (ROOT / "docs" / "decisions" / "README.md").read_text()
    assert [page.name for page in DECISIONS if f"({page.name})" not in index] == []


def test_the_story_is_told_in_order() -> None:
    """Seven pages, each with purpose, states and what can go wrong."""
    assert [page.name[:2] for page in STORY] == [f"0{n}" for n in range(1, 8)]
    for page in STORY:
        headings = set(_HEADING.findall(page.read_text()))
        assert {"Purpose", "States", "What can go wrong"} <= headings, page.name


def test_the_changelog_has_this_version() -> None:
    """The version in pyproject.toml has a section, under an `Unreleased` one."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    headings = _HEADING.findall((ROOT / "CHANGELOG.md").read_text())
    assert any(heading.startswith(f"[{version}]") for heading in headings)
    assert "[Unreleased]" in headings


def _anchors(file: Path) -> set[str]:
    """GitHub's anchors of a page's headings."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in _HEADING.findall(file.read_text())
    }
