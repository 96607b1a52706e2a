"""Tells the story: tables for people, or progress lines beside ``--json``."""

from __future__ import annotations

import sys
from typing import Protocol

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from signets.demo.scene import Outcome, Scene, Step


class Narrator(Protocol):
    """Who tells what happens."""

    def progress(self, line: str) -> None:
        """Something takes a moment."""

    def ready(self, policy: list[str]) -> None:
        """The system runs, under this policy."""

    def scene(self, scene: Scene) -> None:
        """A scene has been played."""


class Progress:
    """One line a scene on standard error; standard output is left to the JSON."""

    def progress(self, line: str) -> None:
        """As it is."""
        print(line, file=sys.stderr, flush=True)

    def ready(self, policy: list[str]) -> None:
        """One line."""
        self.progress("everything runs; playing")

    def scene(self, scene: Scene) -> None:
        """Title and result; the steps that went wrong in full."""
        ok = all(one.ok for one in scene.outcomes)
        self.progress(f"({scene.letter}) {scene.title}: {'ok' if ok else 'NOT OK'}")
        for step in scene.steps:
            if step.ok is False:
                self.progress(f"    {step.who} {step.does}: {step.seen}")


class Story:
    """A table a scene, on standard output; progress on standard error."""

    def __init__(self, issuer: str) -> None:
        """``issuer``: as people write its name."""
        self._issuer = issuer
        width = None if sys.stdout.isatty() else 118
        self._console = Console(width=width, highlight=False)

    def progress(self, line: str) -> None:
        """As it is."""
        print(line, file=sys.stderr, flush=True)

    def ready(self, policy: list[str]) -> None:
        """What runs, and what it was told to allow."""
        self.lines(
            [
                "Everything runs: an API, a worker, PostgreSQL, and a sandbox issuer that speaks",
                f"{self._issuer}'s wire API. Agents and members use the Python SDK; merchants",
                "charge cards at the sandbox, which asks Signets over signed HTTP. A ✓ marks what",
                "the running system was asked about and found to be so.",
                "",
                "The policy: " + "; ".join(policy) + ".",
            ]
        )

    def scene(self, scene: Scene) -> None:
        """Who did what, and what the running system says."""
        title = f"[bold]({scene.letter}) {escape(scene.title)}[/bold]"
        self._console.print()
        self._console.print(title)
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, expand=False)
        table.add_column("who", style="cyan", max_width=24)
        table.add_column("does", max_width=42)
        table.add_column("the system says")
        table.add_column("", justify="center")
        for step in scene.steps:
            table.add_row(escape(step.who), escape(step.does), escape(step.seen), _mark(step))
        self._console.print(table)

    def summary(self, outcomes: list[Outcome], *, balanced: bool, seconds: float) -> None:
        """All outcomes at a glance."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for column in ("scenario", "outcome", "reason", "intent", ""):
            table.add_column(column, overflow="fold")
        for one in outcomes:
            mark = "[green]ok[/green]" if one.ok else "[bold red]NOT OK[/bold red]"
            table.add_row(one.name, one.outcome, one.reason or "", one.intent or "", mark)
        self._console.print()
        self._console.print("[bold]What came of it[/bold]")
        self._console.print(table)
        books = "balance: debits equal credits" if balanced else "[red]do not balance[/red]"
        self._console.print()
        self._console.print(f"The books {books}. Played in {seconds:.1f} s.")

    def lines(self, lines: list[str]) -> None:
        """Plain text."""
        self._console.print()
        for line in lines:
            self._console.print(escape(line))


def _mark(step: Step) -> str:
    if step.ok is None:
        return ""
    return "[green]✓[/green]" if step.ok else "[bold red]✗[/bold red]"
