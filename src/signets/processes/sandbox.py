"""The sandbox process: the local card network, with its own database and key."""

from __future__ import annotations

import base64
import os
import secrets

from granian import Granian
from granian.constants import Interfaces, Loops
from starlette.applications import Starlette

from signets.issuers.sandbox import SandboxConfig, create_app
from signets.processes.lifeline import end_with
from signets.settings import Settings
from signets.storage.postgres.database import open_database
from signets.structured_log import configure_logging, server_logging

DATABASE = "signets_sandbox"


def sandbox_key(settings: Settings) -> str:
    """The sandbox's API key, from its file in the data folder; made if missing."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    path = settings.data_dir / "sandbox.key"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    key = "sandbox_" + base64.urlsafe_b64encode(secrets.token_bytes(24)).decode()
    with os.fdopen(handle, "w") as file:
        file.write(key + "\n")
    return key


def sandbox_url(settings: Settings) -> str:
    """Where the sandbox listens."""
    return f"http://{settings.sandbox_host}:{settings.sandbox_port}"


def sandbox_app() -> Starlette:
    """Factory for the server's own process; settings come from the environment."""
    end_with(os.getppid())
    settings = Settings()
    configure_logging(settings.log_level)
    url = os.environ["SIGNETS_SANDBOX_DATABASE_URL"]
    return create_app(SandboxConfig(database_url=url, api_key=sandbox_key(settings)))


def run_sandbox(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    configure_logging(settings.log_level)
    configured = settings.sandbox_database_url
    with open_database(
        url=configured.get_secret_value() if configured else None,
        data_dir=settings.data_dir,
        name=DATABASE,
    ) as database:
        os.environ["SIGNETS_SANDBOX_DATABASE_URL"] = database.url
        Granian(
            "signets.processes.sandbox:sandbox_app",
            factory=True,
            address=settings.sandbox_host,
            port=settings.sandbox_port,
            interface=Interfaces.ASGI,
            loop=Loops.uvloop,
            workers=1,
            log_access=False,
            log_level="warning",  # type: ignore[arg-type]  # the enum's value, as its CLI takes it
            log_dictconfig=server_logging(),
        ).serve()
