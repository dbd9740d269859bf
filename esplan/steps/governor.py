"""The rate of a copy while it runs: what somebody asked for, and next to nothing under pressure.

It never changes what is copied, only when. An error of its own looks is no error of the copy.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from esplan import pressure, throttle
from esplan.errors import EsplanError, Stopped

if TYPE_CHECKING:
    from esplan.model import JSON
    from esplan.plan import Step
    from esplan.pressure import Look
    from esplan.run import Run

EVERY = 3.0
"""Seconds between two looks."""

CALM = 8.0
"""Seconds without pressure before the copy goes on: else it would come and go."""

CRAWL = 1.0
"""Documents a second under pressure. 0 is not allowed; the batch on its way is written, and the
next one waits a second for each of its documents: long enough to be a pause, and the scroll lives
as long."""

RATE = re.compile(r"(?<=[?&]requests_per_second=)[^&]*")


def rated(step: Step, run: Run) -> Step:
    """The step with the rate that somebody has asked for, if one did."""
    rate = throttle.load(run.cluster, run.plan.digest)
    request: JSON = step.request or {}
    if rate is None or not RATE.search(request.get("path", "")):
        return step
    return replace(step, request={**request, "path": RATE.sub(f"{rate:g}", request["path"])})


def rate_of(step: Step) -> float:
    """What its request says."""
    found = RATE.search((step.request or {}).get("path", ""))
    return float(found[0]) if found else throttle.UNLIMITED


@dataclass
class Governor:
    """Looks after one task. `rate` is what the task has now; None where nobody knows."""

    step: Step
    run: Run
    task: str
    rate: float | None
    before: Look | None = None
    paused: str = ""
    looked: float = field(default_factory=time.monotonic)
    calm: float = 0.0

    def look(self) -> None:
        """Every few seconds. Raises Stopped where a disk is full: the task is to be cancelled."""
        now = time.monotonic()
        if now - self.looked < EVERY and self.rate is not None:
            return
        self.looked = now
        try:
            self._pause_or_go_on(now)
            self._set(CRAWL if self.paused else self._wanted())
        except Stopped:
            raise
        except EsplanError:
            return  # asked again in a moment

    def _wanted(self) -> float:
        asked = throttle.load(self.run.cluster, self.run.plan.digest)
        return rate_of(self.step) if asked is None else asked

    def _set(self, rate: float) -> None:
        if rate != self.rate and throttle.rethrottle(self.run.cluster, self.task, rate):
            self.rate = rate

    def _pause_or_go_on(self, now: float) -> None:
        seen = self._seen()
        if seen is None:
            return
        before, self.before = self.before or seen, seen
        if why := pressure.full(seen):
            raise Stopped(
                f"the copy was stopped: {why}",
                code="ESP-5006",
                remedy="make room on the disk; then apply the plan again: it goes on from here",
            )
        if why := pressure.reason(before, seen):
            self.calm = now
            if not self.paused:
                self.run.listener.note(f"pausing the copy: {why}")
            self.paused = why
        elif self.paused and now - self.calm >= CALM:
            self.run.listener.note("the pressure is gone: the copy goes on")
            self.paused = ""

    def _seen(self) -> Look | None:
        """None where the user may not look, or nobody answers."""
        arguments = self.step.arguments
        try:
            return pressure.look(self.run.cluster, arguments.get("target") or arguments["index"])
        except EsplanError:
            return None
