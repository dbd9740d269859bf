"""NDJSON for programs; and nothing at all, for those who do not want to know."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from esplan.views.progress.lines import SILENCE
from esplan.views.progress.meter import now
from esplan.views.progress.position import Position
from esplan.views.progress.ticker import Ticker

if TYPE_CHECKING:
    from collections.abc import Callable

    from esplan.model import JSON
    from esplan.plan import Plan, Step
    from esplan.views.progress.meter import Meter

FORMAT_VERSION = "1.0"

APART = 1.0
"""Seconds between two events of progress of one step, but for its first and its last."""


class Events:
    """NDJSON: one object a line, each with its `format_version`. See docs/progress.md."""

    def __init__(
        self, write: Callable[[str], None], plan: Plan | None = None, width: int = 1
    ) -> None:
        """`write` takes one line without its end."""
        self._write = write
        self.position = Position(plan, width)
        self._said: dict[str, float] = {}
        self._ticker = Ticker(SILENCE / 6, self.beat)

    def emit(self, event: str, **parts: Any) -> None:
        """One event."""
        whole = {"format_version": FORMAT_VERSION, "event": event, **parts}
        self._write(json.dumps(whole, ensure_ascii=False))

    def step_started(self, step: Step, number: int, total: int) -> None:
        """`{"event": "step_started", "step": …, "number": 3, "total": 9}`."""
        self.position.start(step, number, total)
        self.emit(
            "step_started",
            step=step.id,
            kind=step.kind,
            phase=step.phase,
            address=step.address,
            description=step.description,
            number=number,
            total=total,
            estimate=step.estimate,
            plan=self.position.to_json(),
        )
        self._ticker.start()

    def step_progress(self, step: Step, done: int, total: int) -> None:
        """Documents done and in total, rate, time left, bytes, and where the whole plan is."""
        meter = self.position.running.get(step.id)
        if meter is None:
            self.emit("step_progress", step=step.id, done=done, total=total)
            return
        meter.move(done, total)
        said = self._said.get(step.id)
        if said is None or done == total or now() - said >= APART:
            self._progress(meter)

    def beat(self) -> None:
        """A step that reports nothing says so all the same."""
        for meter in [*self.position.running.values()]:
            if now() - self._said.get(meter.step.id, meter.started) >= SILENCE:
                self._progress(meter)

    def _progress(self, meter: Meter) -> None:
        self._said[meter.step.id] = now()
        self.emit(
            "step_progress",
            step=meter.step.id,
            done=meter.done,
            total=meter.total,
            unit=meter.unit,
            rate=_rounded(meter.rate),
            eta_seconds=_rounded(meter.left),
            bytes=meter.size,
            seconds=round(meter.seconds, 1),
            plan=self.position.to_json(),
        )

    def step_ended(self, step: Step, outcome: str, evidence: JSON) -> None:
        """The outcome with its evidence."""
        meter = self.position.end(step)
        seconds = round(meter.seconds, 3) if meter else None
        parts = {"step": step.id, "outcome": outcome, "evidence": evidence, "seconds": seconds}
        self.emit("step_ended", **parts, plan=self.position.to_json())

    def note(self, text: str) -> None:
        """Something a person should read."""
        self.emit("note", text=text)

    def close(self) -> None:
        """Nothing is said any more, but for the result."""
        self._ticker.stop()


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 1)


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
