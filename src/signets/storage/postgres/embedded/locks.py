"""File locks that the kernel releases when their holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def create_lock_file(path: Path) -> None:
    """Make the file that the other functions here open."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def open_lock_file(path: Path) -> int:
    """Open a lock file; the descriptor is not passed on to programs we start.

    It never creates the file: a watchdog must not write into a folder that is being deleted.

    Raises:
        FileNotFoundError: The file, or its folder, is gone.
    """
    return os.open(path, os.O_RDWR | os.O_CLOEXEC)


def try_exclusive(descriptor: int) -> bool:
    """Take the lock alone if nobody holds it; never waits."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def hold_shared(path: Path) -> int:
    """Take the lock together with others; closing the returned descriptor releases it.

    It is released by closing, never by unlocking: after a fork, the copy in a child counts too.
    """
    descriptor = open_lock_file(path)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock alone for the length of a ``with`` block; waits for other holders."""
    descriptor = open_lock_file(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_unheld(path: Path) -> bool:
    """Whether nobody holds the lock at this moment."""
    descriptor = open_lock_file(path)
    try:
        return try_exclusive(descriptor)
    finally:
        os.close(descriptor)
