"""What one scene shows: its steps, what the system was seen to do, and what that comes to."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of the story. ``ok`` is None where nothing was to be checked."""

    who: str
    does: str
    seen: str
    ok: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of one scenario, as ``--json`` gives it.

    ``outcome`` and ``reason`` are the running system's words; ``ok`` only if every check held.
    """

    name: str
    outcome: str
    reason: str | None
    intent: str | None
    ok: bool

    def as_dict(self) -> dict[str, object]:
        """Plain JSON data."""
        return {
            "name": self.name,
            "outcome": self.outcome,
            "reason": self.reason,
            "intent": self.intent,
            "ok": self.ok,
        }


@dataclass(slots=True)
class Scene:
    """Collects a scene's steps while it plays."""

    letter: str
    title: str
    steps: list[Step] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    _first: int = 0  # of the steps that belong to the next outcome

    def tell(self, who: str, does: str, seen: str = "") -> None:
        """A step with nothing to check."""
        self.steps.append(Step(who=who, does=does, seen=seen))

    def check(self, who: str, does: str, seen: object, expected: object, shown: str = "") -> None:
        """A step whose answer must be ``expected``.

        Args:
            seen: What the running system says.
            shown: The answer in words, for the table; ``seen`` itself where left out. What was
                expected instead is added when it differs.
        """
        ok = seen == expected
        words = shown or _words(seen)
        if not ok:
            words = f"{words}  (seen: {_words(seen)}; expected: {_words(expected)})"
        self.steps.append(Step(who=who, does=does, seen=words, ok=ok))

    def end(self, name: str, outcome: str, reason: str | None, intent: str | None) -> None:
        """Close a scenario: it is ok if it checked something and every check held."""
        checks = [step.ok for step in self.steps[self._first :] if step.ok is not None]
        self._first = len(self.steps)
        self.outcomes.append(
            Outcome(
                name=f"{self.letter}_{name}",
                outcome=outcome,
                reason=reason,
                intent=intent,
                ok=bool(checks) and all(checks),
            )
        )

    def broke(self, error: Exception) -> None:
        """The scene could not be played to its end."""
        self.steps.append(Step(who="demo", does="cannot go on", seen=str(error), ok=False))
        self.end("interrupted", "error", type(error).__name__, None)


def _words(value: object) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(_words(one) for one in value) or "nothing"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
