"""A terminal: finished steps as lines that stay, and below them what goes on now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from esplan.views.clean import clean
from esplan.views.progress import words
from esplan.views.progress.position import Position
from esplan.views.progress.screen import Screen, fitting, row

if TYPE_CHECKING:
    from rich.console import Console

    from esplan.model import JSON
    from esplan.plan import Plan, Step
    from esplan.views.progress.meter import Meter

INDENT = "      "
LABEL = 2 / 5
"""The part of a line that a description may take, where several steps go side by side."""


class Bars:
    """Bars for the steps that run, and one for the whole plan."""

    def __init__(self, console: Console, plan: Plan | None = None, width: int = 1) -> None:
        """Nothing is drawn before the first step. `width`: how many objects go side by side."""
        self._console, self._width = console, width
        self._ascii = not (console.encoding or "").startswith("utf")
        self.position = Position(plan, width)
        self._screen = Screen(console, self.frame)

    def step_started(self, step: Step, number: int, total: int) -> None:
        """A step that takes no time is not drawn: what comes and goes at once is unrest."""
        self.position.start(step, number, total)
        self._screen.start()
        if step.is_long:
            self._screen.draw()

    def step_progress(self, step: Step, done: int, total: int) -> None:
        """Seen when the screen is drawn next."""
        meter = self.position.running.get(step.id)
        if meter:
            meter.move(done, total)

    def step_ended(self, step: Step, outcome: str, evidence: JSON) -> None:
        """One line that stays."""
        meter = self.position.end(step)
        seconds = meter.seconds if meter else None
        self._screen.print(Text(words.ended(step, outcome, evidence, seconds)))

    def note(self, text: str) -> None:
        """Printed above the bars."""
        self._screen.print(Text(f"  {clean(text)}", "dim"))

    def close(self) -> None:
        """Stop drawing: an error message follows, or the result."""
        self._screen.close()

    def frame(self, width: int, height: int) -> list[Text]:
        """The lines of this moment, each narrower than `width`, at most `height` of them."""
        running = sorted(self.position.running.values(), key=lambda one: one.number)
        rows = 1 if self._width > 1 else 2
        most = max(height // rows - 2, 1)
        lines = [line for one in running[:most] for line in self._step(one, width)]
        if len(running) > most:
            lines.append(Text(fitting(f"{INDENT}and {len(running) - most} more", width), "dim"))
        if self.position.plan:
            lines.append(self._whole(width))
        return lines

    def _step(self, meter: Meter, width: int) -> list[Text]:
        """Two lines; one where several go side by side."""
        if self._width == 1:
            said = words.begun(meter) if meter.left is None else _named(meter)
            below = row(INDENT, meter.part, words.choices(meter), width, ascii_only=self._ascii)
            return [Text(fitting(said, width)), below]
        columns = int(width * LABEL)
        label = fitting(_named(meter), columns)
        label += " " * (columns - cell_len(label) + 1)
        return [row(label, meter.part, words.short(meter), width, ascii_only=self._ascii)]

    def _whole(self, width: int) -> Text:
        said = words.whole(self.position, together=self._width > 1)
        return row("plan  ", self.position.part, said, width, ascii_only=self._ascii)


def _named(meter: Meter) -> str:
    return f"{words.place(meter)} {clean(meter.step.description)}"
