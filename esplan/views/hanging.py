"""A line of text that hangs: on a terminal it goes on below its own beginning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.containers import Lines

NARROWEST = 20
"""Columns of text; on a terminal with fewer it breaks the lines itself."""


@dataclass(frozen=True)
class Hanging:
    """Words at a column; what does not fit goes on two columns further in.

    In a log or a file it stays one line: that is what people search there.
    """

    text: Text
    column: int = 0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What rich prints in its place."""
        first, room = Text(" " * self.column), options.max_width - self.column
        fits = self.text.cell_len <= room
        if fits or not console.is_terminal or room < NARROWEST:
            yield first + self.text
            return
        line, *_ = self._wrapped(self.text, console, room)
        yield first + line
        rest = self.text[len(line) :]
        rest = rest[len(rest.plain) - len(rest.plain.lstrip(" ")) :]
        for line in self._wrapped(rest, console, room - 2):
            yield Text(" " * (self.column + 2)) + line

    @staticmethod
    def _wrapped(text: Text, console: Console, width: int) -> Lines:
        return text.wrap(console, width, overflow="fold", no_wrap=False)


def hanging(words: str, column: int = 0, style: str = "") -> Hanging:
    """A line in one style."""
    return Hanging(Text(words, style), column)
