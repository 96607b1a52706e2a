"""The key that ``signets init`` keeps, so that later commands on this machine need no variable."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

FILE_NAME = "credentials.toml"


def credentials_file(data_dir: Path) -> Path:
    """Where the key is kept: in the data folder, readable by its owner alone."""
    return data_dir / FILE_NAME


def save_key(data_dir: Path, key: str) -> Path:
    """Write the key with mode 0600, replacing one that was there."""
    data_dir.mkdir(parents=True, exist_ok=True)
    path = credentials_file(data_dir)
    fresh = path.with_suffix(f".{os.getpid()}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(f'# Made by `signets init`; delete to forget.\napi_key = "{key}"\n')
    fresh.replace(path)
    return path


def load_key(data_dir: Path) -> str | None:
    """The kept key, if there is one that this user may read."""
    try:
        content = tomllib.loads(credentials_file(data_dir).read_text())
    except (OSError, tomllib.TOMLDecodeError):
        return None
    key = content.get("api_key")
    return key if isinstance(key, str) else None
