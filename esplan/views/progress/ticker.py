"""Something that is to happen again and again while an apply works."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Ticker:
    """Calls a function every so many seconds, in a thread that does not keep the program alive."""

    def __init__(self, seconds: float, beat: Callable[[], None]) -> None:
        """Nothing happens before `start`."""
        self._seconds, self._beat = seconds, beat
        self._over = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begin, if it has not begun."""
        if self._thread is None and not self._over.is_set():
            self._thread = Thread(target=self._run, name="progress", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """The last call has returned when this does."""
        self._over.set()
        if self._thread:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._over.wait(self._seconds):
            self._beat()
