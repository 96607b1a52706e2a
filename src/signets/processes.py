"""The long-running processes: API, worker, sandbox, and ``serve``, which runs them together."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import structlog
from fastapi import FastAPI
from granian.constants import Interfaces, Loops
from granian.server import Server
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Receive, Scope, Send

from signets.app.authorize import Engine
from signets.app.record_issuer_event import EventReceiver
from signets.bootstrap import LoggingObserver, Runtime, open_runtime
from signets.http.application import create_app
from signets.http.config import HttpConfig
from signets.http.metrics import Metrics
from signets.issuers.sandbox import SandboxConfig
from signets.issuers.sandbox import create_app as create_sandbox
from signets.jobs import register, run_worker
from signets.settings import Settings
from signets.storage.postgres import migrate
from signets.storage.postgres.database import open_database
from signets.storage.postgres.errors import UNAVAILABLE_ERRORS
from signets.structured_log import configure_logging

_log = structlog.get_logger("signets")
#: How long ``serve`` waits for its children to finish what is in flight, seconds.
_GRACE = 25.0


def sandbox_key(settings: Settings) -> str:
    """The sandbox's API key: derived from the data folder's secret, so that it is never stored."""
    path = settings.data_dir / "sandbox.key"
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    key = "sandbox_" + base64.urlsafe_b64encode(secrets.token_bytes(24)).decode()
    with os.fdopen(handle, "w") as file:
        file.write(key + "\n")
    return key
