"""The import rules of ARCHITECTURE.md: what a layer may import, everything else is an error."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"

# Who may import whom, inside the product. An entry covers the module and all below it.
ALLOWED = {
    "signets.core": {"signets.core"},
    "signets.app": {"signets.app", "signets.core"},
    # records: the rows that the ports speak of.
    "signets.storage": {
        "signets.storage",
        "signets.core",
        "signets.app.ports",
        "signets.app.records",
        "signets.app.authorization_records",
        "signets.app.ledger_store",
        "signets.app.merchant_records",
    },
    "signets.issuers.lithic": {
        "signets.issuers.addresses",
        "signets.issuers.countries",
        "signets.issuers.fields",
        "signets.issuers.set_up",
        "signets.issuers.profile",
        "signets.issuers.lithic",
        "signets.core",
        "signets.app.ports",
    },
    "signets.issuers.registry": {"signets.issuers", "signets.core", "signets.app.ports"},
    "signets.issuers.sandbox": {
        "signets.issuers.addresses",
        "signets.issuers.countries",
        "signets.issuers.sandbox",
        "signets.issuers.sandbox_address",
        "signets.core",
        "signets.app.ports",
    },
    "signets.issuers.stripe": {
        "signets.issuers.addresses",
        "signets.issuers.fields",
        "signets.issuers.set_up",
        "signets.issuers.profile",
        "signets.issuers.stripe",
        "signets.core",
        "signets.app.ports",
    },
    "signets.http": {"signets.http", "signets.app", "signets.core"},
    "signets.jobs": {"signets.jobs", "signets.app", "signets.core"},
    "signets.client": {
        "signets.client",
        "signets.core.money",
        "signets.core.ids",
        "signets.core.errors",
    },
    "signets.verifier": {"signets.verifier", "signets.core.evidence", "signets.core.errors"},
    "signets.settings": set(),
    "signets.vendors": {"signets.vendors", "signets.core"},
    "signets.structured_log": set(),
    "signets.vault": {"signets.vault", "signets.core"},
    "signets.processes": {
        "signets.processes",
        "signets.bootstrap",
        "signets.http",
        "signets.jobs",
        "signets.issuers.sandbox",
        "signets.settings",
        "signets.storage",
        "signets.structured_log",
        # The shop is one of the directory's vendors.
        "signets.vendors",
        # A scenario's agents use the SDK, and its evidence is checked as an auditor would.
        "signets.client",
        "signets.verifier",
        "signets.app",
        "signets.core",
    },
    "signets.cli": {
        "signets.cli",
        "signets.demo",
        "signets.processes",
        "signets.issuers.registry",
        "signets.issuers.sandbox.scenarios",
        "signets.bootstrap",
        "signets.settings",
        "signets.storage.postgres.database",
        "signets.storage.postgres.migrate",
        "signets.structured_log",
        "signets.vendors",
        "signets.client",
        "signets.verifier",
        "signets.app",
        "signets.core",
    },
    "signets.demo": {
        "signets.demo",
        "signets.cli.credentials",
        "signets.cli.sandbox_driver",
        # The network's own words, where it speaks as Stripe.
        "signets.issuers.sandbox.stripe_face",
        "signets.processes",
        "signets.bootstrap",
        "signets.settings",
        "signets.client",
        "signets.verifier",
        "signets.app",
        "signets.core",
    },
}

ENTRY_POINTS = ("signets.cli", "signets.processes", "signets.demo", "signets.bootstrap")

# Libraries that belong to one place each.
HOMES = {
    "alembic": ("signets.storage",),
    "fastapi": ("signets.http", "signets.processes"),
    "granian": ("signets.processes",),
    "lithic": ("signets.issuers.lithic",),
    "procrastinate": ("signets.jobs", "signets.bootstrap"),
    "psycopg": ("signets.storage", "signets.issuers.sandbox"),
    "psycopg_pool": ("signets.storage", "signets.issuers.sandbox"),
    "sqlalchemy": ("signets.storage",),
    "starlette": ("signets.http", "signets.issuers.sandbox", "signets.processes"),
    "stripe": ("signets.issuers.stripe",),
    "typer": ("signets.cli",),
    "yaml": ("signets.cli",),
}


def test_layers_hold_through_chains_of_imports():
    """The import-linter contracts of pyproject.toml hold, indirect imports included."""
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-logo", "--no-cache"],
        cwd=ROOT,
        env={"PYTHONPATH": str(SOURCE), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("layer", sorted(ALLOWED))
def test_a_layer_imports_only_what_it_may(layer):
    """No module of this layer imports one of ours outside its list."""
    allowed = ALLOWED[layer]
    offences = [
        f"{importer} imports {imported}"
        for importer, imported in _imports()
        if _within(importer, layer)
        and _within(imported, "signets")
        and imported != "signets"
        and not any(_within(imported, name) for name in allowed)
    ]
    assert offences == []


def test_only_entry_points_import_the_wiring():
    """Nobody imports bootstrap but entry points: command line, processes, demo."""
    offences = [
        importer
        for importer, imported in _imports()
        if _within(imported, "signets.bootstrap")
        and not any(_within(importer, entry) for entry in ENTRY_POINTS)
    ]
    assert offences == []


@pytest.mark.parametrize("library", sorted(HOMES))
def test_a_library_stays_in_its_home(library):
    """A driver, framework or SDK is imported only where it belongs."""
    offences = [
        f"{importer} imports {imported}"
        for importer, imported in _imports()
        if _within(imported, library) and not any(_within(importer, h) for h in HOMES[library])
    ]
    assert offences == []


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


@cache
def _imports() -> list[tuple[str, str]]:
    """Every import statement in src, also those inside functions: (importer, imported)."""
    return list(_read_imports())


def _read_imports() -> Iterator[tuple[str, str]]:
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        importer = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((importer, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path} imports relatively"
                for alias in node.names:
                    deeper = f"{node.module}.{alias.name}"
                    yield importer, deeper if _is_module(deeper) else node.module or ""


def _is_module(name: str) -> bool:
    path = SOURCE.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()
