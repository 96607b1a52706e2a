"""Writes docs/reference/settings.md from the code: ``python -m tests.docs.settings_page``."""

from __future__ import annotations

from pathlib import Path

from pydantic.fields import FieldInfo

from signets.settings import Settings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "settings.md"
HEAD = """# Settings

Written by `python -m tests.docs.settings_page` from `src/signets/settings.py`; do not edit.

Settings are environment variables, read once when a command starts. An empty variable counts as
not set. What the command line says (`--data-dir`, `--port`, …) wins over the environment. A value
that cannot be is refused with exit code 2, naming the variable.

| Variable | Default | Meaning |
|---|---|---|
"""
TAIL = """
The SDK reads two of its own: `SIGNETS_API_KEY` and `SIGNETS_BASE_URL` (see [sdk.md](sdk.md)).

Database URLs and the secret key are kept out of every log line and `repr`.
"""


def render() -> str:
    """The whole page."""
    rows = [
        f"| `SIGNETS_{name.upper()}` | {_default(name, field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return HEAD + "\n".join(rows) + "\n" + TAIL


def _default(name: str, field: FieldInfo) -> str:
    if name == "data_dir":
        return "`~/.local/share/signets`, or `/var/lib/signets` for root"
    if field.default is None:
        return ""
    value = str(field.default).lower() if isinstance(field.default, bool) else field.default
    return f"`{value}`"


if __name__ == "__main__":
    PAGE.write_text(render())
