"""`make bench`: the same measurement in its long form."""

from __future__ import annotations

import sys

from bench.measure import Size
from bench.quick import main

sys.exit(main(Size(scale=100, cards=10_000, rounds=3, seconds=20)))
