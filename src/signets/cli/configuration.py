"""Settings from ``SIGNETS_*``, with what the command line says laid over them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signets.cli.output import UNREACHABLE, USAGE, CommandError

if TYPE_CHECKING:
    from signets.settings import Settings

DataDirOption = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of the embedded database and the keys.", dir_okay=True),
]
HostOption = Annotated[str | None, typer.Option(help="Address the API listens on.")]
PortOption = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Port of the API; 0 picks a free one.")
]
SandboxPortOption = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="Port of the sandbox issuer; 0 picks a free one."),
]
WorkersOption = Annotated[int, typer.Option(min=1, max=64, help="API processes.")]


def load_settings(
    *,
    data_dir: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    sandbox_port: int | None = None,
) -> Settings:
    """The settings; what is given here wins over the environment.

    Raises:
        CommandError: A variable has a value that cannot be.
    """
    from pydantic import ValidationError

    from signets.settings import Settings

    try:
        settings = Settings()
    except ValidationError as problem:
        first = problem.errors(include_input=False)[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise CommandError(f"SIGNETS_{name}: {first['msg']}", USAGE) from None
    given = {
        "data_dir": data_dir and data_dir.expanduser().absolute(),
        "host": host,
        "port": port,
        "sandbox_port": sandbox_port,
    }
    update = {name: value for name, value in given.items() if value is not None}
    return settings.model_copy(update=update)


def require_sandbox(settings: Settings) -> None:
    """Go on only where a sandbox issuer has run on this data folder, and left its key.

    Raises:
        CommandError: None has.
    """
    if not (settings.data_dir / "sandbox.key").exists():
        raise CommandError(
            f"no sandbox has run in {settings.data_dir}: start one with `signets serve`",
            UNREACHABLE,
        )
