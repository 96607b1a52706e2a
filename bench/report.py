"""What a run found: lines for people, figures for programs, problems that fail it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One measured thing. ``met`` is ``None`` where no bound is set."""

    section: str
    what: str
    value: str
    bound: str = ""
    met: bool | None = None


@dataclass(slots=True, kw_only=True)
class Report:
    """Everything that was measured and found."""

    lines: list[Line] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    declined: dict[str, int] = field(default_factory=dict)
    decisions: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add(
        self, section: str, what: str, value: str, *, bound: str = "", met: bool | None = None
    ) -> None:
        """A line of the table."""
        self.lines.append(Line(section=section, what=what, value=value, bound=bound, met=met))

    def count(self, stored: dict[str, int]) -> None:
        """Decisions that one section left, by reason (``""``: approved)."""
        for reason, count in stored.items():
            self.decisions += count
            if reason:
                self.declined[reason] = self.declined.get(reason, 0) + count

    def show(self, console: Console) -> None:
        """The tables."""
        table = Table(title="signed authorizations over HTTP, every check on")
        table.add_column("section")
        table.add_column("what")
        table.add_column("measured", justify="right")
        table.add_column("asked for", justify="right")
        before = ""
        for line in self.lines:
            mark = {None: "", True: " [green]✓[/green]", False: " [red]✗[/red]"}[line.met]
            if line.section != before and before:
                table.add_section()
            shown = line.section if line.section != before else ""
            table.add_row(shown, line.what, line.value, line.bound + mark)
            before = line.section
        console.print(table)
        declines = Table(title=f"declines among {self.decisions:,} stored decisions")
        declines.add_column("reason")
        declines.add_column("decisions", justify="right")
        for reason, count in sorted(self.declined.items(), key=lambda item: -item[1]):
            declines.add_row(reason, f"{count:,}")
        console.print(declines)
        for problem in self.problems:
            console.print(f"[red]wrong:[/red] {problem}", highlight=False)

    def write(self, path: Path) -> None:
        """The figures as JSON. Rates are per second, times milliseconds, memory MB."""
        content = {
            **self.figures,
            "declined_by_reason": dict(sorted(self.declined.items())),
            "decisions": self.decisions,
            "section_seconds": self.seconds,
            "problems": self.problems,
        }
        path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
