"""The SDK stays light and typed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import signets

SRC = Path(__file__).parents[2] / "src"


def _modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        check=True,
    )
    return {
        name.partition(".")[0] if "signets" not in name else name for name in run.stdout.split()
    }


def test_a_part_of_the_product_imports_no_http_client() -> None:
    """The package itself costs nothing: importing the core brings neither httpx nor pydantic."""
    assert not {"httpx", "pydantic"} & _modules_after("import signets.core.money")


def test_the_sdk_imports_nothing_of_the_server() -> None:
    """The client brings httpx and pydantic, and no module of ours but the client's."""
    loaded = _modules_after("import signets; signets.Signets; signets.errors; signets.types")
    ours = {name for name in loaded if name.startswith("signets")}
    assert "signets.client.client" in ours
    assert all(name == "signets" or name.startswith("signets.client") for name in ours)
    assert not {"fastapi", "psycopg", "msgspec", "lithic", "typer", "structlog"} & loaded


def test_the_public_names() -> None:
    """What the package promises is there, and a wrong name is an AttributeError."""
    assert all(getattr(signets, name) is not None for name in signets.__all__)
    assert set(signets.__all__) <= set(dir(signets))
    with pytest.raises(AttributeError, match="Signet"):
        _ = signets.Signet


def test_types_are_exact_in_both_spellings() -> None:
    """A strict type checker accepts the promised calls as written and refuses wrong ones."""
    use = Path(__file__).with_name("typed_use.py")
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--warn-unused-ignores", str(use)],
        cwd=SRC.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_reference_lists_every_operation() -> None:
    """docs/reference/sdk.md names exactly the resources, operations and errors that exist."""
    text = (SRC.parent / "docs" / "reference" / "sdk.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (`[a-z].*) \|$", text, re.M)
    documented = {name: set(re.findall(r"`(\w+)", cell)) for name, cell in rows}
    with signets.Signets(api_key="sgn_x") as client:
        existing = {
            name: {each for each in dir(resource) if not each.startswith("_")}
            for name, resource in vars(client).items()
            if not name.startswith("_")
        }
    assert {name: cell for name, cell in documented.items() if name in existing} == existing
    classes = {
        name
        for name, value in vars(signets.errors).items()
        if isinstance(value, type) and issubclass(value, signets.SignetsError)
    }
    assert set(re.findall(r"^\| `(\w+Error)` \|", text, re.M)) == classes
