"""How long a plan takes and what disk it needs, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.views.clean import clean, duration, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.model import JSON
    from esplan.plan import Plan, Step

WORDS = {
    "backfill": "fill",
    "catch_up": "comparison",
    "force_merge": "force merge",
    "reindex": "copy",
    "remote_copy": "copy",
    "remote_reindex": "copy",
    "resize_index": "hard links",
    "verify": "proof",
}


def long_steps(steps: list[Step]) -> Iterator[str]:
    """One line an object: `copy about 5 s, proof about 3 s (as on 2026-11-20)`."""
    known = [step for step in steps if "seconds" in step.estimate]
    if not known:
        return
    said = [f"{WORDS[step.kind]} {_seconds(step.estimate)}" for step in known]
    bases = dict.fromkeys(_basis(step) for step in known)
    yield f"{', '.join(said)} ({'; '.join(bases)})"


def expected(step: Step) -> str:
    """`, about 12 s` behind a step that begins: until it has a rate of its own."""
    return f", {_seconds(step.estimate)}" if "seconds" in step.estimate else ""


def _seconds(estimate: JSON) -> str:
    """`about 12 s`; `roughly 5 s to 30 s`; nobody cares for parts of a second."""
    low, high = estimate.get("range", [estimate["seconds"]] * 2)
    if high < 1:
        return "under a second"
    if "range" not in estimate:
        return f"about {rounded(high)}"
    return f"roughly {rounded(low)} to {rounded(high)}"


def rounded(seconds: float) -> str:
    """Whole seconds: `1 s`, `12 s`, `1 min 29 s`, `2 h 07 min`."""
    if seconds < 1:
        return "1 s"
    return f"{seconds:.0f} s" if seconds < 59.5 else duration(seconds)  # noqa: PLR2004  (a minute)


def _basis(step: Step) -> str:
    basis = step.estimate["basis"]
    if basis["from"] == "measurement":
        return f"guessed from {basis['documents']:,} documents"
    if basis["from"] == "limit":
        return "as requests_per_second allows"
    whose = "" if basis["address"] == step.address else f" of {clean(basis['address'])}"
    what = "" if not whose and basis["kind"] == step.kind else f" the {WORDS[basis['kind']]}"
    return f"as{what}{whose} on {clean(basis['at'][:10])}"


def whole(plan: Plan) -> Iterator[str]:
    """Time and disk, before the last lines of a plan."""
    estimate = plan.estimate
    if estimate.get("long_steps"):
        yield f"Time: {_time(plan)}"
    if disk := estimate.get("disk"):
        yield f"Disk: {_disk(disk)}"


def _time(plan: Plan) -> str:
    """The sum of what is known, and what is not known."""
    if "seconds" not in plan.estimate:
        return "not known"
    unknown = [one for one in plan.steps if one.kind in WORDS and "seconds" not in one.estimate]
    counted = [one for one in unknown if one.is_long]
    said = ", ".join(dict.fromkeys(WORDS[one.kind] for one in counted))
    return _seconds(plan.estimate) + (f"; of {said} it is not known" if said else "")


def _disk(disk: JSON) -> str:
    needed = f"up to {size(disk['needed'])} needed" if disk["needed"] else "next to none needed"
    if disk["free"] is None:
        return f"{needed}; how much is free is not known"
    marked = f", {size(disk['room'])} before the high watermark"
    return f"{needed}, {size(disk['free'])} free{marked if disk['room'] < disk['free'] else ''}"
