"""What is said of a step, and of a whole plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.views.clean import clean, duration, size
from esplan.views.estimate import expected, rounded

if TYPE_CHECKING:
    from esplan.model import JSON
    from esplan.plan import Step
    from esplan.views.progress.meter import Meter
    from esplan.views.progress.position import Left, Position

TAKEN_BACK = ("undone", "stays")
"""The outcomes of a step after a failure."""

CLOSE = 1.25
"""Times up to which a highest and a lowest are one number."""


def begun(meter: Meter) -> str:
    """`[3/9] copy every document of flights_green, about 12 s`."""
    return f"{place(meter)} {clean(meter.step.description)}{expected(meter.step)}"


def place(meter: Meter) -> str:
    """`[3/9]`."""
    return f"[{meter.number}/{meter.steps}]"


def reached(meter: Meter) -> str:
    """`250 of 1,000 documents (25%), about 4.1 MB, 50/s, 15 s left`: all of it, for a log."""
    if meter.is_merge:
        return f"{_segments(meter)}, {rounded(meter.seconds)} so far"
    part = f" ({meter.part:.0%})" if meter.part is not None else ""
    return ", ".join([f"{_counted(meter)} {meter.unit}{part}", *_more(meter)])


def choices(meter: Meter) -> list[str]:
    """The same beside a bar: the longest first, the last in any case."""
    if not meter.total:
        return [f"{rounded(meter.seconds)} so far", ""]
    if meter.is_merge:
        said = _segments(meter)
        return [f"{said}, {rounded(meter.seconds)} so far", said, f"{meter.done:,}"]
    counted, more = _counted(meter), _more(meter)
    brief = _more(meter, sized=False)
    return [
        ", ".join([f"{counted} {meter.unit}", *more]),
        ", ".join([counted, *more]),
        ", ".join([counted, *brief]),
        *short(meter),
    ]


def short(meter: Meter) -> list[str]:
    """Where several steps go side by side, a line each."""
    if meter.is_merge or not meter.total:
        return choices(meter)
    brief = _more(meter, sized=False)
    return [", ".join(brief), brief[-1]] if brief else [_counted(meter), ""]


def _counted(meter: Meter) -> str:
    return f"{meter.done:,} of {meter.total:,}"


def _segments(meter: Meter) -> str:
    """A force merge has no documents to count: segments over all copies of all shards."""
    return f"{meter.done:,} segments, target {meter.total:,}"


def _more(meter: Meter, *, sized: bool = True) -> list[str]:
    """Bytes, rate, and time left, as far as they are known."""
    found = []
    if sized and meter.size is not None:
        found.append(f"about {size(meter.size)}")
    if meter.rate is not None:
        found.append(f"{meter.rate:,.0f}/s")
    if meter.left is not None and meter.done < meter.total:
        found.append(f"{rounded(meter.left)} left")
    return found


def whole(position: Position, *, together: bool) -> list[str]:
    """`step 3 of 8, 12 s gone, roughly 5 s to 1 min 29 s left`: the longest first."""
    if together or not position.running:
        where = f"{len(position.ended)} of {position.total} steps done"
    else:
        where = f"step {min(one.number for one in position.running.values())} of {position.total}"
    gone = f"{rounded(position.seconds)} gone"
    left, brief = remaining(position.left), _roughly(position.left)
    said = [[where, gone, left], [where, gone, brief], [where, brief], [where]]
    return [", ".join(part for part in parts if part) for parts in said]


def remaining(left: Left | None) -> str:
    """`about 14 s left`; nothing where nobody knows anything."""
    if left is None or (left.more and left.high < 1):
        return ""
    if left.high < 1:
        return "under a second left"
    least = "at least " if left.more else ""
    if least or left.high <= left.low * CLOSE:
        return f"{least or 'about '}{rounded(left.middle)} left"
    low, high = rounded(left.low), rounded(left.high)
    return f"about {high} left" if low == high else f"roughly {low} to {high} left"


def _roughly(left: Left | None) -> str:
    """One number for a range, where there is no room for two."""
    if left is None or left.more or left.high <= max(left.low * CLOSE, 1):
        return remaining(left)
    return f"roughly {rounded(left.middle)} left"


def ended(step: Step, outcome: str, evidence: JSON, seconds: float | None) -> str:
    """`  done: copy every document of flights_green: 336,776 documents (11.5 s)`."""
    said = f"  {outcome}: {clean(step.description)}{_found(step, evidence)}"
    if outcome in TAKEN_BACK or seconds is None:
        return said  # it was started long ago, or by another process
    return f"{said} ({duration(seconds)})"


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
