"""``serve``, ``api``, ``worker``, ``sandbox serve`` and ``shop``: the long-running processes."""

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
    require_sandbox,
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


def sandbox_shop(
    *,
    vendor: Annotated[
        str, typer.Option(help="Whose shop it is: a domain of the vendor directory.")
    ] = "openai.com",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the shop; 0 picks a free one.")
    ] = 8422,
    data_dir: DataDirOption = None,
) -> None:
    """Run a small shop that sells API credits for a revealed card, until Ctrl-C.

    It charges through the sandbox issuer that runs on this data folder. This machine only.

    Example: signets sandbox shop --vendor anthropic.com
    """
    from signets.processes.serve import child_environment, free_port
    from signets.processes.shop import run_shop, storefront_of

    settings = load_settings(data_dir=data_dir)
    require_sandbox(settings)
    front = storefront_of(vendor)
    os.environ.update(child_environment(settings))
    chosen = port or free_port()
    say(f"shop of {front.vendor} (charges as {front.descriptor}): http://127.0.0.1:{chosen}/")
    run_shop(settings, vendor=front.vendor, port=chosen)
