"""A log: plain lines, fewer of them the longer a step takes, and never a long silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from esplan.views.clean import clean
from esplan.views.estimate import rounded
from esplan.views.progress import words
from esplan.views.progress.meter import now
from esplan.views.progress.position import Position
from esplan.views.progress.ticker import Ticker

if TYPE_CHECKING:
    from rich.console import Console

    from esplan.model import JSON
    from esplan.plan import Plan, Step
    from esplan.views.progress.meter import Meter

EVERY = ((300.0, 5.0), (3600.0, 30.0))
"""So many seconds of a step, and how far apart its lines are meanwhile."""

SELDOM = 300.0
"""And after that."""

SILENCE = 30.0
"""Seconds without a line after which a log says that the work goes on: CI may end a silent job."""


def every(seconds: float) -> float:
    """Seconds between two lines of a step that has taken so long."""
    return next((apart for until, apart in EVERY if seconds < until), SELDOM)


class Lines:
    """One line when a step starts and ends, and some between."""

    def __init__(self, console: Console, plan: Plan | None = None, width: int = 1) -> None:
        """Lines go to the console, which is stderr. `width`: how many objects go side by side."""
        self._console, self._width = console, width
        self.position = Position(plan, width)
        self._said: dict[str, float] = {}
        self._ticker = Ticker(SILENCE / 6, self.beat)

    def step_started(self, step: Step, number: int, total: int) -> None:
        """`[3/9] copy every document of flights_green, about 12 s`."""
        self._said[step.id] = now()
        self._say(words.begun(self.position.start(step, number, total)))
        self._ticker.start()

    def step_progress(self, step: Step, done: int, total: int) -> None:
        """Now and then a line: see `EVERY`."""
        meter = self.position.running.get(step.id)
        if meter is None:
            return
        meter.move(done, total)
        if total and now() - self._said[step.id] >= every(meter.seconds):
            self._said[step.id] = now()
            self._say(f"  {self._which(meter)}{words.reached(meter)}{self._whole(meter)}")

    def step_ended(self, step: Step, outcome: str, evidence: JSON) -> None:
        """What it came to, and how long it took."""
        meter = self.position.end(step)
        self._say(words.ended(step, outcome, evidence, meter.seconds if meter else None))

    def beat(self) -> None:
        """A step that reports nothing is named, as seldom as one that does."""
        for meter in [*self.position.running.values()]:
            apart = max(SILENCE, every(meter.seconds))
            if now() - self._said.get(meter.step.id, 0.0) >= apart:
                self._said[meter.step.id] = now()
                said = f"{clean(meter.step.description)}: {rounded(meter.seconds)} so far"
                self._say(f"  {self._which(meter)}{said}")

    def note(self, text: str) -> None:
        """A line of its own."""
        self._say(f"  {clean(text)}")

    def close(self) -> None:
        """Nothing is said any more."""
        self._ticker.stop()

    def _say(self, line: str) -> None:
        self._console.print(Text(line))

    def _which(self, meter: Meter) -> str:
        """Only where another one may have said something in between."""
        return f"{words.place(meter)} " if self._width > 1 else ""

    def _whole(self, meter: Meter) -> str:
        """The whole plan, where that is more than this step."""
        left = words.remaining(self.position.left)
        return f"; plan: {left}" if left and meter.number < meter.steps else ""
