"""How an apply goes: bars in a terminal, plain lines in a log, NDJSON for programs."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from esplan.views.clean import clean, duration
from esplan.views.estimate import expected

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from esplan.model import JSON
    from esplan.plan import Step

EVERY = 5.0
"""Seconds between two plain progress lines of one step."""

FORMAT_VERSION = "1.0"


class Bars:
    """One line a step; the running one has a bar with documents, rate and time left."""

    def __init__(self, console: Console) -> None:
        """Nothing is drawn before the first step."""
        self._console = console
        self._started = 0.0
        self._most = 0
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def step_started(self, step: Step, number: int, total: int) -> None:
        """A bar under the finished lines."""
        self._started, self._most = time.monotonic(), 0
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}", markup=False),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        label = f"[{number}/{total}] {clean(step.description)}{expected(step)}"
        self._task = self._bar.add_task(label, total=None, rate="")
        self._bar.start()

    def step_progress(self, step: Step, done: int, total: int) -> None:
        """Move the bar."""
        if self._bar and step.kind == "force_merge":
            self._most = max(self._most, done)
            merged, surplus = self._most - done, max(self._most - total, 1)
            rate = _segments(done, total)
            self._bar.update(self._task, completed=merged, total=surplus, rate=rate)
        elif self._bar:
            seconds = max(time.monotonic() - self._started, 0.001)
            rate = f"{done / seconds:,.0f}/s"
            self._bar.update(self._task, completed=done, total=total or None, rate=rate)

    def step_ended(self, step: Step, outcome: str, evidence: JSON) -> None:
        """The bar becomes one line that stays."""
        self.close()
        self._console.print(Text(_ended(step, outcome, evidence, self._started)))

    def note(self, text: str) -> None:
        """Printed above the bar."""
        (self._bar.console if self._bar else self._console).print(Text(f"  {clean(text)}", "dim"))

    def close(self) -> None:
        """Stop drawing: an error message follows, or the next step."""
        if self._bar:
            self._bar.stop()
            self._bar = None


TAKEN_BACK = ("undone", "stays")
"""The outcomes of a step after a failure."""


class Lines:
    """A log: one line when a step starts and ends, and one every few seconds between."""

    def __init__(self, console: Console) -> None:
        """Lines go to the console, which is stderr."""
        self._console = console
        self._started: dict[str, float] = {}
        self._said: dict[str, float] = {}

    def step_started(self, step: Step, number: int, total: int) -> None:
        """`[3/9] copy every document of flights_green, about 12 s`."""
        self._started[step.id] = self._said[step.id] = time.monotonic()
        said = f"{clean(step.description)}{expected(step)}"
        self._console.print(Text(f"[{number}/{total}] {said}"))

    def step_progress(self, step: Step, done: int, total: int) -> None:
        """At most one line in `EVERY` seconds."""
        now, started = time.monotonic(), self._started.get(step.id, 0.0)
        if now - self._said.get(step.id, 0.0) < EVERY or not total:
            return
        self._said[step.id] = now
        if step.kind == "force_merge":
            self._console.print(Text(f"  {_segments(done, total)}"))
            return
        rate = done / max(now - started, 0.001)
        left = f", {duration((total - done) / rate)} left" if rate and done < total else ""
        self._console.print(
            Text(f"  {done:,} of {total:,} ({done / total:.0%}), {rate:,.0f}/s{left}")
        )

    def step_ended(self, step: Step, outcome: str, evidence: JSON) -> None:
        """What it came to, and how long it took."""
        started = self._started.get(step.id, 0.0)
        self._console.print(Text(_ended(step, outcome, evidence, started)))

    def note(self, text: str) -> None:
        """A line of its own."""
        self._console.print(Text(f"  {clean(text)}"))

    def close(self) -> None:
        """Nothing is open."""


class Events:
    """NDJSON: one object a line, each with its `format_version`."""

    def __init__(self, write: Callable[[str], None]) -> None:
        """`write` takes one line without its end."""
        self._write = write

    def emit(self, event: str, **parts: Any) -> None:
        """One event."""
        whole = {"format_version": FORMAT_VERSION, "event": event, **parts}
        self._write(json.dumps(whole, ensure_ascii=False))

    def step_started(self, step: Step, number: int, total: int) -> None:
        """`{"event": "step_started", "step": …, "number": 3, "total": 9}`."""
        self.emit(
            "step_started",
            step=step.id,
            address=step.address,
            description=step.description,
            number=number,
            total=total,
        )

    def step_progress(self, step: Step, done: int, total: int) -> None:
        """Documents done and in total."""
        self.emit("step_progress", step=step.id, done=done, total=total)

    def step_ended(self, step: Step, outcome: str, evidence: JSON) -> None:
        """The outcome with its evidence."""
        self.emit("step_ended", step=step.id, outcome=outcome, evidence=evidence)

    def note(self, text: str) -> None:
        """Something a person should read."""
        self.emit("note", text=text)

    def close(self) -> None:
        """Nothing is open."""


class Silent:
    """`-q`: only the result and errors."""

    def step_started(self, step: Step, number: int, total: int) -> None:
        """Nothing."""

    def step_progress(self, step: Step, done: int, total: int) -> None:
        """Nothing."""

    def step_ended(self, step: Step, outcome: str, evidence: JSON) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing is open."""


class Work:
    """Progress of a command that is one long piece of work: a text, and the part that is done."""

    def __init__(self, listener: Bars | Lines | Events | Silent, console: Console) -> None:
        """As the listener of an apply would show it: a bar, lines, events, or nothing."""
        self._listener, self._console = listener, console
        self._bar: Progress | None = None
        self._said, self._text = 0.0, ""

    def __call__(self, text: str, part: float | None) -> None:
        """`part` from 0 to 1, or None where nobody knows."""
        if isinstance(self._listener, Bars):
            self._draw(text, part)
        elif text != self._text or time.monotonic() - self._said >= EVERY:
            self._said, self._text = time.monotonic(), text
            self._listener.note(text if part is None else f"{text} ({part:.0%})")

    def _draw(self, text: str, part: float | None) -> None:
        if self._bar is None:
            columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=24))
            self._bar = Progress(*columns, TaskProgressColumn(), console=self._console)
            self._task = self._bar.add_task("", total=None)
            self._bar.start()
        total = None if part is None else 1.0
        self._bar.update(self._task, description=clean(text), total=total, completed=part or 0)

    def close(self) -> None:
        """Leave the last line on the screen."""
        if self._bar:
            self._bar.stop()
        self._listener.close()


def listener(console: Console) -> Bars | Lines:
    """Bars where somebody looks, lines where nobody does."""
    return Bars(console) if console.is_terminal else Lines(console)


def _segments(now: int, target: int) -> str:
    """A force merge has no documents to count: segments over all copies of all shards."""
    return f"{now:,} segments, target {target:,}"


def _ended(step: Step, outcome: str, evidence: JSON, started: float) -> str:
    said = f"  {outcome}: {clean(step.description)}{_found(step, evidence)}"
    if outcome in TAKEN_BACK:
        return said  # it was started long ago, or by another process
    return f"{said} ({duration(time.monotonic() - started)})"


def _found(step: Step, evidence: JSON) -> str:  # noqa: PLR0911  (one each)
    """What a copy or a proof came to."""
    if step.kind in ("reindex", "verify") and "rejected" in evidence:
        left = evidence["rejected"]["documents"]
        return f": {'equal' if step.kind == 'verify' else 'all'} but {left:,} rejected documents"
    if step.kind in ("reindex", "remote_copy", "remote_reindex") and "created" in evidence:
        return f": {evidence['created']:,} documents"
    if step.kind == "backfill" and "updated" in evidence:
        return f": {evidence['updated']:,} documents"
    if step.kind == "verify" and evidence.get("equal"):
        return f": equal, {evidence['source_documents']:,} documents on both sides"
    if step.kind == "force_merge" and "segments" in evidence:
        return f": {evidence['segments']:,} segments in place of {evidence['segments_before']:,}"
    if "skipped" in evidence:
        return f": left out, {clean(evidence['skipped'])}"
    return ""
