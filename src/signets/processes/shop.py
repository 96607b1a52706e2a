"""The shop process: a merchant of its own, which charges cards through the sandbox's network."""

from __future__ import annotations

import os

from granian import Granian
from granian.constants import Interfaces, Loops
from starlette.applications import Starlette

from signets.issuers.sandbox.shop import ShopConfig, Storefront, create_shop, open_storefront
from signets.processes.lifeline import await_free, end_with
from signets.processes.sandbox import sandbox_key, sandbox_url
from signets.settings import Settings
from signets.structured_log import configure_logging, server_logging
from signets.vendors import load_directory

_VENDOR = "SIGNETS_SHOP_VENDOR"


def storefront_of(vendor: str) -> Storefront:
    """The shop of a vendor of the directory.

    Raises:
        Refusal: The directory does not know it.
    """
    return open_storefront(load_directory(), vendor)


def shop_app() -> Starlette:
    """Factory for the server's own process; settings come from the environment."""
    end_with(os.getppid())
    settings = Settings()
    configure_logging(settings.log_level)
    return create_shop(
        ShopConfig(
            storefront=storefront_of(os.environ[_VENDOR]),
            sandbox_url=sandbox_url(settings),
            sandbox_key=sandbox_key(settings),
        )
    )


def run_shop(settings: Settings, *, vendor: str, port: int) -> None:
    """Serve on this machine only, until SIGTERM or SIGINT.

    Raises:
        Refusal: The port is taken.
    """
    configure_logging(settings.log_level)
    await_free("127.0.0.1", port, "--port")
    os.environ[_VENDOR] = vendor
    Granian(
        "signets.processes.shop:shop_app",
        factory=True,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        workers=1,
        log_access=False,
        log_level="warning",  # type: ignore[arg-type]  # the enum's value, as its CLI takes it
        log_dictconfig=server_logging(),
    ).serve()
