"""Steps on one axis of 1,000 units: as they were applied, or as they are expected to go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from esplan.shapes import between
from esplan.views.clean import duration
from esplan.views.journal import span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.plan import Step
    from esplan.timeline import Pause, Sitting, Timed, Timeline

WIDTH = 1000.0
GAP = 24.0
"""Units between two processes, however long nobody was at work."""

NARROWEST = 4.0
"""Units of a bar that can be seen."""

LABELS = 5


@dataclass(frozen=True)
class Bar:
    """A rectangle, from `x` on; `look`: done, failed, broken, begun, sure, maybe, pause."""

    x: float
    width: float
    look: str
    title: str = ""


@dataclass(frozen=True)
class Axis:
    """Bars by the id of their step; labels at equal distances; where nobody was at work."""

    bars: dict[str, tuple[Bar, ...]]
    labels: tuple[str, ...] = ()
    gaps: tuple[Bar, ...] = ()
    pauses: tuple[tuple[Pause, Bar], ...] = ()


# As it was


def applied(found: Timeline) -> Axis:
    """The time of each process by its length, one after the other, with a gap between."""
    scale = _Scale(found.sittings)
    bars = {one.id: tuple(_tries(one, scale)) for one in found.steps}
    pauses = tuple(
        (one, scale.bar(one.began, one.last or found.last, "pause", "")) for one in found.pauses
    )
    return Axis(bars, scale.labels(), scale.gaps(), pauses)


def _tries(one: Timed, scale: _Scale) -> list[Bar]:
    return [
        scale.bar(
            each.began,
            each.last,
            LOOKS.get(each.outcome, each.outcome),
            f"{each.outcome}: {span(each.began, each.last)}",
        )
        for each in one.tries
    ]


LOOKS = {"broken off": "broken"}


class _Scale:
    """From a time to units."""

    def __init__(self, sittings: Sequence[Sitting]) -> None:
        self._sittings = sittings
        self._lengths = [between(one.began, one.last) or 0.0 for one in sittings]
        gaps = GAP * max(len(sittings) - 1, 0)
        gaps = min(WIDTH / 2, gaps)
        self._gap = gaps / max(len(sittings) - 1, 1)
        self._total = sum(self._lengths)
        self._unit = (WIDTH - gaps) / self._total if self._total else 0.0

    def at(self, when: str) -> float:
        """The place of a time: in the last process that had begun then."""
        x = 0.0
        for number, one in enumerate(self._sittings):
            since = between(one.began, when)
            following = self._sittings[number + 1 : number + 2]
            is_over = any(between(after.began, when) is not None for after in following)
            if since is None or not is_over:
                return x + min(since or 0.0, self._lengths[number]) * self._unit
            x += self._lengths[number] * self._unit + self._gap
        return x

    def bar(self, began: str, last: str, look: str, title: str) -> Bar:
        first, end = self.at(began), self.at(last)
        width = max(end - first, NARROWEST)
        return Bar(round(min(first, WIDTH - width), 1), round(width, 1), look, title)

    def gaps(self) -> tuple[Bar, ...]:
        """Between two processes."""
        found, x = [], 0.0
        for one, after, length in zip(
            self._sittings, self._sittings[1:], self._lengths, strict=False
        ):
            x += length * self._unit
            seconds = between(one.last, after.began)
            said = "" if seconds is None else f"nothing ran for {duration(seconds)}"
            found.append(Bar(round(x, 1), round(self._gap, 1), "gap", said))
            x += self._gap
        return tuple(found)

    def labels(self) -> tuple[str, ...]:
        """How long somebody had been at work."""
        if not self._total:
            return ()
        return tuple(self._worked(WIDTH * n / (LABELS - 1)) for n in range(LABELS))

    def _worked(self, x: float) -> str:
        seconds = 0.0
        for length in self._lengths:
            here = min(x, length * self._unit)
            seconds += here / self._unit
            x -= here + self._gap
            if x <= 0:
                break
        return duration(seconds) if seconds else "0"


# As it may be


def expected(steps: Sequence[Step]) -> Axis:
    """One after the other, each as long as it takes at most; none where nothing is known."""
    spans = {step.id: _seconds(step) for step in steps}
    total = sum(high for _, high in spans.values())
    if total <= 0:
        return Axis({})
    unit, x, bars = WIDTH / total, 0.0, {}
    for step in steps:
        low, high = spans[step.id]
        bars[step.id] = _expected(x, low * unit, high * unit)
        x += high * unit
    labels = [duration(total * n / (LABELS - 1)) if n else "0" for n in range(LABELS)]
    return Axis(bars, tuple(labels))


def _expected(x: float, low: float, high: float) -> tuple[Bar, ...]:
    x = min(x, WIDTH - NARROWEST)
    if high < NARROWEST:
        return (Bar(round(x, 1), NARROWEST, "sure"),)
    maybe = Bar(round(x + low, 1), round(high - low, 1), "maybe")
    return (Bar(round(x, 1), round(low, 1), "sure"), *((maybe,) if high > low else ()))


def _seconds(step: Step) -> tuple[float, float]:
    """At least and at most; nothing where nobody knows."""
    estimate = step.estimate
    if "seconds" not in estimate:
        return 0.0, 0.0
    low, high = (float(one) for one in estimate.get("range", [estimate["seconds"]] * 2))
    return max(low, 0.0), max(low, high, 0.0)
