"""Log lines: one JSON object each, on standard error, with a request's id where there is one."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any

import msgspec
import structlog
from structlog.typing import EventDict, Processor

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_COMMON: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure_logging(level: str) -> None:
    """Set up once per process. Callers log names and ids, never bodies, headers or secrets.

    Libraries speak through the standard library's ``logging``: their warnings and errors come out
    in the same form.
    """
    number = _LEVELS[level]
    structlog.configure(
        processors=[*_COMMON, structlog.processors.JSONRenderer(serializer=_encoded)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_COMMON, structlog.stdlib.add_logger_name, _without_message],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)


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
