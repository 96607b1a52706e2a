"""Settings, read once at an entry point from ``SIGNETS_*`` variables and handed on as a value."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def default_data_dir() -> Path:
    """Where data lies when ``SIGNETS_DATA_DIR`` is not set.

    Root gets ``/var/lib/signets``: the embedded PostgreSQL runs as another account then, which
    cannot reach into root's home. Everybody else gets the XDG data folder (XDG Base Directory
    Specification).
    """
    if os.geteuid() == 0:
        return Path("/var/lib/signets")
    home = os.environ.get("XDG_DATA_HOME", "")
    base = Path(home) if home.startswith("/") else Path.home() / ".local" / "share"
    return base / "signets"


class Settings(BaseSettings):
    """Everything that can be configured from outside, with its default."""

    model_config = SettingsConfigDict(env_prefix="SIGNETS_", frozen=True, env_ignore_empty=True)

    database_url: SecretStr | None = Field(
        default=None, description="PostgreSQL 15+ as a libpq URL; without it one starts by itself."
    )
    database_seconds: float = Field(
        default=10.0, gt=0, description="Longest wait for a database connection, seconds."
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description="32 bytes in base64 that seal secrets and sign evidence; without it a file "
        "`secret.key` in the data folder.",
    )
    decision_seconds: float = Field(
        default=1.5, gt=0, le=5, description="Own deadline of an authorization, seconds."
    )
    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Folder for the embedded database, keys, and the "
        "files by which API processes find each other.",
    )
    host: str = Field(default="127.0.0.1", description="Address the API listens on.")
    port: int = Field(default=8420, ge=0, le=65535, description="Port of the API; 0 picks one.")
    public_url: str | None = Field(
        default=None, description="How the outside reaches the API, for webhook addresses."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe log line that is written."
    )
    workers_enabled: bool = Field(
        default=True, description="Whether `signets serve` also runs the background workers."
    )
    sandbox_host: str = Field(
        default="127.0.0.1", description="Address of the sandbox issuer; loopback unless changed."
    )
    sandbox_port: int = Field(
        default=8421, ge=0, le=65535, description="Port of the sandbox issuer; 0 picks one."
    )
    sandbox_database_url: SecretStr | None = Field(
        default=None, description="The sandbox issuer's own database, as a libpq URL."
    )
