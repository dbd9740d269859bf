"""How far a whole plan is, by its estimates and by what its running steps say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from esplan.parallel import stretches
from esplan.views.progress.meter import Meter, now

if TYPE_CHECKING:
    from esplan.model import JSON
    from esplan.plan import Plan, Step

QUICK = 0.2
"""Seconds of a step that is one request."""


@dataclass(frozen=True)
class Left:
    """Seconds to go: the lowest, what is expected, the highest; `more`: and what nobody knows."""

    low: float = 0.0
    middle: float = 0.0
    high: float = 0.0
    more: bool = False

    def __add__(self, other: Left) -> Left:
        """One after the other."""
        low, middle, high = self.low + other.low, self.middle + other.middle, self.high + other.high
        return Left(low, middle, high, self.more or other.more)

    def shared(self, width: int) -> Left:
        """By so many at a time."""
        return Left(self.low / width, self.middle / width, self.high / width, self.more)

    def without(self, gone: float) -> Left:
        """When so many seconds of it have gone."""
        low, middle, high = (max(one - gone, 0.0) for one in (self.low, self.middle, self.high))
        return Left(low, middle, high, self.more)


@dataclass
class Position:
    """Where an apply is in its plan. `width`: how many objects go side by side.

    It sees steps begin and end. Those of its plan that come before the first one it sees were
    done by an earlier apply.
    """

    plan: Plan | None
    width: int = 1
    began: float = field(default_factory=now)
    total: int = 0
    running: dict[str, Meter] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)
    furthest: float = 0.0

    def start(self, step: Step, number: int, total: int) -> Meter:
        """A step begins; what must come before it has ended."""
        meter = Meter(step, number, total)
        self.total = total
        for one in self._before(step):
            self.ended.setdefault(one.id, _expected(one).middle)
        self.running[step.id] = meter
        return meter

    def end(self, step: Step) -> Meter | None:
        """It has ended; None where it never began here."""
        meter = self.running.pop(step.id, None)
        if meter:
            self.ended[step.id] = meter.seconds
        return meter

    @property
    def steps(self) -> tuple[Step, ...]:
        """Those of this apply: up to the last one of its phases."""
        return self.plan.steps[: self.total] if self.plan else ()

    @property
    def seconds(self) -> float:
        """Since this apply began."""
        return now() - self.began

    @property
    def part(self) -> float | None:
        """From 0 to 1, and never back; None where nobody knows."""
        left = self.left
        if left is None or left.more:
            return None
        gone = sum(self.ended.values()) + sum(one.seconds for one in self.running.values())
        gone /= self.width
        self.furthest = max(self.furthest, gone / max(gone + left.middle, 0.001))
        return self.furthest

    @property
    def left(self) -> Left | None:
        """Seconds to go; None without a plan."""
        if not self.plan or not self.total:
            return None
        return sum((self._stretch(chains) for chains in self._todo()), Left())

    def _todo(self) -> list[list[list[Step]]]:
        todo = [one for one in self.steps if one.id not in self.ended]
        return list(stretches(todo, lambda step: step.address))

    def _stretch(self, chains: list[list[Step]]) -> Left:
        """Side by side, it takes as long as the longest chain, or all of them by the width."""
        each = [sum(map(self._of, chain), Left()) for chain in chains]
        together = sum(each, Left()).shared(self.width)
        return max([together, *each], key=lambda one: one.middle)

    def _of(self, step: Step) -> Left:
        """One step: as fast as it goes, else what is left of its estimate."""
        meter = self.running.get(step.id)
        if meter and (left := meter.left) is not None:
            return Left(left, left, left)
        whole, gone = _expected(step), meter.seconds if meter else 0.0
        if step.is_long and gone > whole.high:
            return Left(more=True)  # the estimate was wrong: nobody knows
        return whole.without(gone)

    def _before(self, step: Step) -> list[Step]:
        """Earlier ones of its object, and all of the stretches before its own."""
        found: list[Step] = []
        for chains in stretches(self.steps, lambda one: one.address):
            mine = next((chain for chain in chains if step in chain), None)
            if mine is not None:
                return found + mine[: mine.index(step)]
            found += [one for chain in chains for one in chain]
        return []

    def to_json(self) -> JSON:
        """For programs: seconds, and `part` from 0 to 1; null where nobody knows."""
        left = self.left
        known = left is not None and not left.more
        return {
            "steps": self.total,
            "ended": len(self.ended),
            "seconds": round(self.seconds, 1),
            "part": None if (part := self.part) is None else round(part, 3),
            "left_seconds": round(left.middle, 1) if left and known else None,
            "left_range": [round(left.low, 1), round(left.high, 1)] if left and known else None,
        }


def _expected(step: Step) -> Left:
    """As the plan says it."""
    estimate = step.estimate
    if "seconds" not in estimate:
        return Left(more=True) if step.is_long else Left(QUICK, QUICK, QUICK)
    low, high = estimate.get("range", [estimate["seconds"]] * 2)
    return Left(low, estimate["seconds"], high)
