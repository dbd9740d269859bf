"""How far a step is, how fast it goes, and when it will end."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from esplan.plan import Step

WINDOW = 30.0
"""Seconds that a rate is measured over: a pause is seen, and a batch is not."""

SHORTEST = 0.5
"""Seconds after which a rate says something."""

STALE = 10.0
"""Seconds without a word after which a rate goes down."""

UNITS = {
    "await_health": "shards",
    "force_merge": "segments",
    "verify": "documents of both sides",
}
"""What a step counts, where it is not just documents."""


def now() -> float:
    """Seconds on a clock that nobody sets."""
    return time.monotonic()


@dataclass
class Meter:
    """A running step: the `number`th of `steps`. No lock: who only looks sees it a moment old.

    `most`: the largest number of segments that a force merge has had. `heard`: when it was heard
    of last. `samples`: when how much was done, some of them, the oldest first.
    """

    step: Step
    number: int
    steps: int
    started: float = field(default_factory=now)
    done: int = 0
    total: int = 0
    most: int = 0
    heard: float = 0.0
    samples: deque[tuple[float, int]] = field(default_factory=deque)

    @property
    def is_merge(self) -> bool:
        """A force merge counts down: segments now, and the target."""
        return self.step.kind == "force_merge"

    @property
    def unit(self) -> str:
        """What `done` and `total` are."""
        return UNITS.get(self.step.kind, "documents")

    @property
    def seconds(self) -> float:
        """Since it began, in this process."""
        return now() - self.started

    def move(self, done: int, total: int) -> None:
        """Take note of a report. A number that goes back begins a measurement anew."""
        at = now()
        if not self.samples or done < self.done:
            self.samples = deque([(at, done)])
        elif at - self.samples[-1][0] >= SHORTEST:
            self.samples.append((at, done))
        while len(self.samples) > 2 and at - self.samples[1][0] >= WINDOW:  # noqa: PLR2004
            self.samples.popleft()
        self.done, self.total, self.most = done, total, max(self.most, done)
        self.heard = at

    @property
    def rate(self) -> float | None:
        """Documents a second of late; None before there are two reports, and for no documents.

        Measured from the first report: a copy that goes on has done most of it long ago.
        """
        if "documents" not in self.unit or not self.samples:
            return None
        began, first = self.samples[0]
        elapsed = max(self.heard, now() - STALE) - began
        return max(self.done - first, 0) / elapsed if elapsed >= SHORTEST else None

    @property
    def left(self) -> float | None:
        """Seconds to go; None where nobody knows."""
        rate = self.rate
        if not rate or not self.total:
            return None
        return max(self.total - self.done, 0) / rate

    @property
    def part(self) -> float | None:
        """From 0 to 1; None where nobody knows."""
        if not self.total:
            return None
        if not self.is_merge:
            return min(self.done / self.total, 1.0)
        surplus = max(self.most - self.total, 1)
        return min((self.most - self.done) / surplus, 1.0)

    @property
    def size(self) -> int | None:
        """About how many bytes are done, by the plan's size of all documents."""
        documents, size = (self.step.estimate.get(name) for name in ("documents", "bytes"))
        if not documents or not size or not self.done or "documents" not in self.unit:
            return None
        return int(size * self.done / documents)
