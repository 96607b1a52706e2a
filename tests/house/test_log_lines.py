"""Every process writes log lines as JSON objects, whoever logs, and never an error's message."""

from __future__ import annotations

import json
import subprocess
import sys

_PROGRAM = """
import logging
import structlog
from granian.log import configure_logging as granian_logging
from signets.structured_log import configure_logging, server_logging

configure_logging("info")
granian_logging("warning", server_logging())
structlog.get_logger("signets").info("ours", request_id="req_1")
logging.getLogger("_granian").warning("the server's, %s", "formatted")
try:
    raise ValueError("4111111111111111")
except ValueError:
    logging.getLogger("procrastinate.worker").exception("a library's")
logging.getLogger("procrastinate.worker").info("below what libraries may say")
"""


def test_all_lines_are_json_objects_without_error_messages():
    """Ours, the server's and a library's line with an error: three objects on standard error."""
    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True
    )

    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["ours", "the server's, formatted", "a library's"]
    assert [line["level"] for line in lines] == ["info", "warning", "error"]
    assert lines[0]["request_id"] == "req_1"
    assert lines[2]["error"] == "ValueError"
    assert "4111111111111111" not in ran.stderr
    assert ran.stdout == ""
