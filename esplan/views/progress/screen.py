"""Lines at the bottom of a terminal that are drawn anew when they change, and only then.

No line is as wide as the terminal: one that wraps cannot be taken back. Nothing stays at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.console import Group
from rich.live import Live
from rich.text import Text

from esplan.views.progress.ticker import Ticker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

REDRAWN = 0.5
"""Seconds between two looks at whether something has changed."""

ECHO = 4
"""Columns that stay free: a terminal writes ^C there."""

BAR = 9
"""The part of a line that a bar has, as a fraction: the same one whatever is said beside it."""


class Screen:
    """The lines that `frame` gives for a width and a height, under everything that is printed."""

    def __init__(self, console: Console, frame: Callable[[int, int], list[Text]]) -> None:
        """Nothing is drawn before `start`."""
        self._console, self._frame = console, frame
        self._shown: list[Text] = []
        self._live = Live(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False
        )
        self._ticker = Ticker(REDRAWN, self.draw)

    def start(self) -> None:
        """From now on the lines are there."""
        if not self._live.is_started:
            self._live.start()
            self._ticker.start()

    def draw(self) -> None:
        """Only what has changed: a terminal that is written to for nothing flickers."""
        if self._live.is_started and self._lines() != self._shown:
            self._set()
            self._live.refresh()

    def print(self, text: Text) -> None:
        """Above the lines, where it stays."""
        if self._live.is_started:
            self._set()
        self._console.print(text)

    def close(self) -> None:
        """Take the lines away."""
        self._ticker.stop()
        self._live.stop()

    def _set(self) -> None:
        self._shown = self._lines()
        self._live.update(Group(*self._shown))

    def _lines(self) -> list[Text]:
        width, height = self._console.size
        return self._frame(max(width - ECHO, 1), max(height - 2, 1))


def bar(part: float, width: int, *, ascii_only: bool = False) -> Text:
    """So much of it is heavy; no colour is needed to tell."""
    full = round(part * width)
    heavy, light = ("#", "-") if ascii_only else ("━", "─")
    return Text.assemble((heavy * full, "cyan"), (light * (width - full), "dim"))


def row(
    label: str, part: float | None, said: Sequence[str], width: int, *, ascii_only: bool = False
) -> Text:
    """A label, a bar, and the longest of `said` that fits; without a bar where nobody knows."""
    room = width - cell_len(label)
    if part is None:
        return Text(fitting(label + longest(said, room), width))
    drawn = bar(part, max(width // BAR, 1), ascii_only=ascii_only)
    text = longest(said, room - drawn.cell_len - 7)  # a space, the per cent, two spaces
    whole = Text.assemble(label, drawn, f" {part:4.0%}  ", text)
    whole.truncate(width)
    return whole


def longest(said: Sequence[str], room: int) -> str:
    """The first that fits; the last, cut off, where none does."""
    return next((one for one in said if cell_len(one) <= room), fitting(said[-1], max(room, 0)))


def fitting(text: str, width: int) -> str:
    """Shortened in the middle: how it begins and how it ends tell names apart."""
    if cell_len(text) <= width:
        return text
    if width < 3:  # noqa: PLR2004  (a letter on each side of the dots)
        return set_cell_size(text, width)
    head = (width - 1) // 2
    left = set_cell_size(text, head).rstrip()
    right = text
    while cell_len(right) > width - 1 - head:
        right = right[max(1, (cell_len(right) - (width - 1 - head)) // 2) :]
    return f"{left}…{right.lstrip()}"
