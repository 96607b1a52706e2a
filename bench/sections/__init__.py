"""What is measured, one section a file; each stands alone on a database of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bench.sections import flat, generator, hot, latency, memory, paused, processes, throughput
from bench.stage import Stage

#: In the order in which they run.
SECTIONS: Mapping[str, Callable[[Stage], None]] = {
    section.NAME: section.run
    for section in (throughput, generator, latency, paused, hot, processes, memory, flat)
}
