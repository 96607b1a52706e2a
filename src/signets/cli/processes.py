"""``serve``, ``api``, ``worker`` and ``sandbox serve``: the long-running processes."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

import typer

from signets.cli.configuration import (
    DataDirOption,
    HostOption,
    PortOption,
    SandboxPortOption,
    WorkersOption,
    load_settings,
)
from signets.cli.output import say


def serve(
    *,
    sandbox: Annotated[
        bool, typer.Option("--sandbox/--no-sandbox", help="Also run the sandbox issuer.")
    ] = True,
    host: HostOption = None,
    port: PortOption = None,
    sandbox_port: SandboxPortOption = None,
    data_dir: DataDirOption = None,
    workers: WorkersOption = 1,
) -> None:
    """Run API, background worker and sandbox issuer together, until Ctrl-C.

    Example: signets serve --port 8420
    """
    from signets.processes.serve import serve as run
    from signets.structured_log import configure_logging

    settings = load_settings(data_dir=data_dir, host=host, port=port, sandbox_port=sandbox_port)
    configure_logging(settings.log_level)
    raise typer.Exit(run(settings, sandbox=sandbox, workers=workers, say=say))


def api(
    *,
    host: HostOption = None,
    port: PortOption = None,
    data_dir: DataDirOption = None,
    workers: WorkersOption = 1,
) -> None:
    """Run the HTTP API alone, until Ctrl-C.

    Example: signets api --workers 2
    """
    from signets.processes.api import run_api
    from signets.processes.lifeline import end_with_starter
    from signets.processes.serve import child_environment, with_ports

    settings = with_ports(load_settings(data_dir=data_dir, host=host, port=port))
    # The server starts processes of its own, which read their settings from the environment.
    os.environ.update(child_environment(settings))
    end_with_starter()
    say(f"API on http://{settings.host}:{settings.port}")
    run_api(settings, workers=workers)


def worker(*, data_dir: DataDirOption = None) -> None:
    """Run the background worker alone, until Ctrl-C.

    Example: signets worker
    """
    from signets.processes.lifeline import end_with_starter
    from signets.processes.worker import work
    from signets.structured_log import configure_logging

    settings = load_settings(data_dir=data_dir)
    configure_logging(settings.log_level)
    end_with_starter()
    say("worker started")
    asyncio.run(work(settings))


def sandbox_serve(*, port: SandboxPortOption = None, data_dir: DataDirOption = None) -> None:
    """Run the sandbox issuer alone, until Ctrl-C.

    Example: signets sandbox serve --port 8421
    """
    from signets.processes.lifeline import end_with_starter
    from signets.processes.sandbox import run_sandbox, sandbox_url
    from signets.processes.serve import child_environment, with_ports

    settings = with_ports(load_settings(data_dir=data_dir, sandbox_port=port))
    os.environ.update(child_environment(settings))
    end_with_starter()
    say(f"sandbox issuer on {sandbox_url(settings)}")
    run_sandbox(settings)
