"""Python runs this at its start where this folder is on its path: the program is then watched."""

from __future__ import annotations

from tests.conformance.recording import watch_this_process

watch_this_process()
