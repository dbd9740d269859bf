"""Release windows: when an environment may be changed, by the clock on the wall of its time zone.

A window is open while that clock shows a time in it: on the night that the clocks go back it lasts
an hour longer, on the night that they go forward an hour less.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from esplan.plan import Phase

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
WEEK = 8
"""Days in which each window of a week begins once more, today's included."""


@dataclass(frozen=True)
class Window:
    """From `start` to `end`, which is on the next day where it is not later than `start`.

    `days` (0 is Monday) and `dates` are those on which it begins: any day where there are none.
    """

    start: time
    end: time
    zone: ZoneInfo
    days: frozenset[int] = frozenset()
    dates: frozenset[date] = frozenset()

    def is_open(self, moment: datetime) -> bool:
        """Whether it is open at an instant."""
        local = moment.astimezone(self.zone)
        today, clock = local.date(), local.time()
        if self.start < self.end:
            return self._begins(today) and self.start <= clock < self.end
        late = self._begins(today) and clock >= self.start
        return late or (self._begins(today - DAY) and clock < self.end)

    def opens(self, moment: datetime) -> datetime | None:
        """The first instant after `moment` at which it opens; None where it never does."""
        today = moment.astimezone(self.zone).date()
        week = (today + DAY * number for number in range(WEEK))
        begins = [one for one in (*week, *self.dates) if one >= today and self._begins(one)]
        found = (at for one in begins for at in self._starts(one))
        return min((at for at in found if at > moment), default=None)

    def _begins(self, day: date) -> bool:
        anyway = not self.days and not self.dates
        return anyway or day.weekday() in self.days or day in self.dates

    def _starts(self, day: date) -> Iterator[datetime]:
        """When the clock shows the start: twice where it goes back, later where it skips it."""
        for fold in (0, 1):
            at = datetime.combine(day, self.start, self.zone).replace(fold=fold).astimezone(UTC)
            if at.astimezone(self.zone).time() != self.start:
                while self.is_open(at - MINUTE):
                    at -= MINUTE
            if self.is_open(at):
                yield at.astimezone(self.zone)


@dataclass(frozen=True)
class Schedule:
    """When an environment may be changed: at any time without a window of `release`.

    `prepare`: more windows, for what clients do not notice; `prepare_any`: that at any time.
    """

    release: tuple[Window, ...] = ()
    prepare: tuple[Window, ...] = ()
    prepare_any: bool = False

    def is_open(self, phase: Phase, moment: datetime) -> bool:
        """Whether steps of a phase may begin at an instant."""
        return not self._windows(phase) or any(one.is_open(moment) for one in self._windows(phase))

    def opens(self, phase: Phase, moment: datetime) -> datetime | None:
        """The next instant from which they may; None where they never may again."""
        found = (one.opens(moment) for one in self._windows(phase))
        return min((at for at in found if at), default=None)

    def _windows(self, phase: Phase) -> tuple[Window, ...]:
        if phase != "prepare":
            return self.release
        return () if self.prepare_any else (*self.release, *self.prepare)


def schedule(raw: Mapping[str, Any]) -> Schedule:
    """Of an environment in esplan.yaml in which nothing is wrong."""
    more = raw.get("prepare_windows", [])
    listed = () if more == "any" else tuple(map(_window, more))
    return Schedule(tuple(map(_window, raw.get("windows", []))), listed, more == "any")


def _window(raw: Mapping[str, Any]) -> Window:
    return Window(
        time.fromisoformat(raw["from"]),
        time.min if raw["to"] == "24:00" else time.fromisoformat(raw["to"]),
        ZoneInfo(raw["timezone"]),
        frozenset(map(DAYS.index, raw.get("days", []))),
        frozenset(map(date.fromisoformat, raw.get("dates", []))),
    )


def problems(raw: Mapping[str, Any]) -> Iterator[tuple[Sequence[str | int], str]]:
    """What no schema can see in the windows of an environment: where, and what is wrong."""
    for name in ("windows", "prepare_windows"):
        listed = raw.get(name, [])
        for number, one in enumerate(listed if isinstance(listed, list) else ()):
            for path, message in _wrong(one):
                yield (name, number, *path), message


def _wrong(window: Mapping[str, Any]) -> Iterator[tuple[Sequence[str | int], str]]:
    try:
        ZoneInfo(window["timezone"])
    except (OSError, ValueError, LookupError):
        yield ("timezone",), f'there is no time zone "{window["timezone"]}"'
    for number, day in enumerate(window.get("dates", ())):
        try:
            date.fromisoformat(day)
        except ValueError:
            yield ("dates", number), f'there is no day "{day}"'


def said(moment: datetime) -> str:
    """`Thu 2026-11-26 19:00 (Europe/Amsterdam)`."""
    return f"{moment:%a %Y-%m-%d %H:%M} ({moment.tzinfo})"
