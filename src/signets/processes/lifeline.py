"""No process outlives the one that started it: a killed parent's children finish by themselves.

A process that is left behind keeps its port, and the server shares ports (``SO_REUSEPORT``): the
next start would get half of the requests, and the old code the other half.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from threading import Thread

from signets.core.errors import Refusal, RefusalKind

#: Names, to a child of ``serve``, the process that it lives with.
PARENT = "SIGNETS_PARENT_PROCESS"
_LOOK_SECONDS = 0.5
#: How long those whom a killed parent left behind may take to give their port back.
_FREE_SECONDS = 5.0


def end_with(parent: int) -> None:
    """Finish gracefully, as on SIGTERM, once ``parent`` is gone."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=watch, name="lifeline", daemon=True).start()


def end_with_starter() -> None:
    """The same for the parent that the environment names; nothing where a person started us."""
    named = os.environ.pop(PARENT, None)
    if named is not None:
        end_with(int(named))


def await_free(host: str, port: int, setting: str) -> None:
    """Wait a little until nobody listens there.

    Raises:
        Refusal: ``port_taken``.
    """
    deadline = time.monotonic() + _FREE_SECONDS
    while not _is_free(host, port):
        if time.monotonic() > deadline:
            raise Refusal(
                RefusalKind.UNAVAILABLE,
                "port_taken",
                f"another program listens on {host}:{port}; stop it, or choose with {setting}",
            )
        time.sleep(_LOOK_SECONDS)


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As the server does: connections that have just ended are no reason to refuse.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError:
            return False
    return True
