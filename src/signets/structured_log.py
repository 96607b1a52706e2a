"""Log lines: one JSON object each, on standard error, with a request's id where there is one."""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from datetime import UTC, datetime
from select import PIPE_BUF
from threading import Lock
from typing import Any, BinaryIO

import msgspec
import structlog
from structlog.typing import EventDict

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class Lines:
    """Whole lines on their way to a buffered file, as structlog's logger.

    One write a line would cost as much as making the line, so what an event loop's turn has to
    say without hurry (``info`` and less) leaves the file's buffer together, when the turn ends.
    Warnings and errors leave at once, behind what waits; so does everything where no event loop
    runs. What a loop that ended left behind, Python itself writes when the process exits: the
    buffer is standard error's own. (``atexit`` would not do: the server's forked workers end
    without it.)

    Several processes may share a pipe: a write is never longer than what a pipe takes in one piece
    (POSIX, ``PIPE_BUF``), unless a single line is.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = 0
        self._lock = Lock()
        # Whose turn's end writes what waits. One that ended never will: the next is asked anew.
        self._turn: asyncio.AbstractEventLoop | None = None

    def info(self, line: bytes) -> None:
        """Write a line when the event loop's turn ends."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.error(line)
            return
        with self._lock:
            self._put(line)
            if self._turn is loop:
                return
            self._turn = loop
        loop.call_soon(self.flush)

    def error(self, line: bytes) -> None:
        """Write a line at once, and before it what waits."""
        with self._lock:
            self._put(line)
        self.flush()

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            self._turn = None
            self._leave()

    def _put(self, line: bytes) -> None:
        more = len(line) + 1
        if self._size + more > PIPE_BUF:
            self._leave()
        self._file.write(line + b"\n")
        self._size += more

    def _leave(self) -> None:
        self._size = 0
        self._file.flush()

    debug = info
    warning = critical = error


def configure_logging(level: str) -> None:
    """Set up once per process. Callers log names and ids, never bodies, headers or secrets.

    Libraries speak through the standard library's ``logging``: their warnings and errors come out
    in the same form.
    """
    number = _LEVELS[level]
    lines = Lines(sys.stderr.buffer)
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            _stamped,
            structlog.processors.JSONRenderer(serializer=_encoded),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.stdlib.add_logger_name,
                _without_message,
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)


def _stamped(logger: object, name: str, event: EventDict) -> EventDict:
    """The time, which the encoder writes as structlog's ``TimeStamper`` would."""
    event["timestamp"] = datetime.now(UTC)
    return event


def _encoded(event: EventDict, **_: object) -> bytes:
    """One line of JSON; what JSON has no type for, as text."""
    return msgspec.json.encode(event, enc_hook=str)


def server_logging() -> dict[str, Any]:
    """For Granian's ``log_dictconfig``: its own lines go to the handler above, not to stdout."""
    return {"formatters": {}, "handlers": {}, "loggers": {"_granian": {"propagate": True}}}


def _without_message(logger: object, name: str, event: EventDict) -> EventDict:
    """An error as its type and innermost place: its message may hold values or addresses."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info
    error = error[1] if isinstance(error, tuple) else error
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)
        event["error"] = type(error).__name__
        if frames:
            event["where"] = f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}"
    return event
