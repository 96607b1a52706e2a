"""Every process writes log lines as JSON objects, whoever logs, and never an error's message."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
from select import PIPE_BUF
from threading import Thread

from signets.structured_log import Lines

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


_CRASH = """
import asyncio
import multiprocessing
import structlog
from signets.structured_log import configure_logging

def crash(number):
    def last_words():
        log.info("before", number=number)
        raise SystemExit(3)

    loop = asyncio.new_event_loop()
    loop.call_soon(last_words)
    loop.run_forever()

configure_logging("info")
log = structlog.get_logger("signets")
try:
    crash(1)
except SystemExit:
    log.info("between")
worker = multiprocessing.get_context("fork").Process(target=crash, args=(2,))
worker.start()
worker.join()
crash(worker.exitcode)
"""


def test_no_line_is_lost_when_an_event_loop_crashes():
    """What its last turn said is written before the next line, or at the exit of any process."""
    ran = subprocess.run([sys.executable, "-c", _CRASH], capture_output=True, text=True)

    assert ran.returncode == 3
    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    assert [(line["event"], line.get("number")) for line in lines] == [
        ("before", 1),
        ("between", None),
        ("before", 2),
        ("before", 3),
    ]


class _Recorded(io.RawIOBase):
    """A file that remembers each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.writes.append(bytes(data))
        return len(data)


async def test_lines_of_a_turn_are_one_write_and_an_error_waits_for_nothing():
    """Whole lines, in order: together when the turn ends, or at once with one in a hurry."""
    file = _Recorded()
    lines = Lines(io.BufferedWriter(file))
    lines.info(b"1")
    lines.debug(b"2")
    assert file.writes == []
    lines.warning(b"3")
    assert file.writes == [b"1\n2\n3\n"]
    lines.info(b"4")
    lines.info(b"5")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert file.writes[1:] == [b"4\n5\n"]
    lines.info(b"6")
    other = Thread(target=lines.info, args=(b"7",))
    other.start()
    other.join()
    assert file.writes[2:] == [b"6\n7\n"]


async def test_a_write_is_what_a_pipe_takes_in_one_piece():
    """Whole lines in each write, none longer than ``PIPE_BUF``, unless a single line is longer."""
    file = _Recorded()
    lines = Lines(io.BufferedWriter(file))
    said = [b"%d" % number * size for number, size in enumerate((1, 200, PIPE_BUF, 9, 3000, 2000))]
    for line in said * 3:
        lines.info(line)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert b"".join(file.writes) == b"\n".join(said * 3) + b"\n"
    for write in file.writes:
        assert write.endswith(b"\n")
        assert len(write) <= PIPE_BUF or write.count(b"\n") == 1


async def test_a_turn_that_never_ended_holds_no_later_line_back():
    """Where the loop is gone that was asked to write, the next one is asked anew."""
    file = _Recorded()
    lines = Lines(io.BufferedWriter(file))
    gone = asyncio.new_event_loop()

    def last_words() -> None:
        lines.info(b"1")
        raise SystemExit

    def crash() -> None:
        gone.call_soon(last_words)
        try:
            gone.run_forever()
        except SystemExit:
            gone.close()

    crashing = Thread(target=crash)
    crashing.start()
    crashing.join()
    assert file.writes == []
    lines.info(b"2")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert file.writes == [b"1\n2\n"]
