"""A command that is one long piece of work: a text, and the part that is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.views.clean import clean
from esplan.views.estimate import rounded
from esplan.views.progress.bars import Bars
from esplan.views.progress.lines import SILENCE, every
from esplan.views.progress.meter import now
from esplan.views.progress.screen import Screen, fitting, row

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from esplan.views.progress.events import Events, Silent
    from esplan.views.progress.lines import Lines


class Work:
    """Called with a text and a part from 0 to 1, or None where nobody knows."""

    def __init__(self, listener: Bars | Lines | Events | Silent, console: Console) -> None:
        """As the listener of an apply would show it: a bar, lines, events, or nothing."""
        self._listener = listener
        self._screen = Screen(console, self._frame) if isinstance(listener, Bars) else None
        self._ascii = not (console.encoding or "").startswith("utf")
        self._text, self._part = "", None  # type: tuple[str, float | None]
        self._began = self._said = now()

    def __call__(self, text: str, part: float | None) -> None:
        """Show it: at once where it is something new."""
        anew, self._part = text != self._text, part
        if anew:
            self._text, self._began = text, now()
        if self._screen:
            self._screen.start()
            if anew:
                self._screen.draw()
        elif anew or now() - self._said >= self._apart():
            self._said = now()
            self._listener.note(text if part is None else f"{text} ({part:.0%})")

    def _apart(self) -> float:
        """What does not say how far it is says nothing new."""
        apart = every(now() - self._began)
        return apart if self._part is not None else max(apart, SILENCE)

    def _frame(self, width: int, _height: int) -> list[Text]:
        said = [f"{rounded(now() - self._began)} so far", ""]
        label = fitting(clean(self._text), max(width - 24, 1))
        return [row(f"{label}  ", self._part, said, width, ascii_only=self._ascii)]

    def close(self) -> None:
        """Nothing of it is left on the screen."""
        if self._screen:
            self._screen.close()
        self._listener.close()
