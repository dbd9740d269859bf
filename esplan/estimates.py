"""What a plan will take: seconds, from past applies or a short measurement, and disk.

Seconds come from the journals in the cluster: first a step of the same kind on the same object,
else the largest on another. Where there is none, the largest source is measured: some documents
of it are hashed, as the proof does. Else nothing is said. How far a guess may be off (`ROUGH`,
`COPY`, `COMPARISON`, `PROOF`) is from measurements on machines with two cores.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from esplan import checksum, disk, rates
from esplan.demand import Demand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.checksum import Sample
    from esplan.live import Reader
    from esplan.model import JSON, Index, State
    from esplan.plan import Plan, Step
    from esplan.rates import Measured

LIKE: dict[str, tuple[str, ...]] = {
    "backfill": ("backfill", "reindex"),
    "catch_up": ("verify",),
    "force_merge": ("force_merge",),
    "reindex": ("reindex", "backfill"),
    "remote_copy": ("remote_copy",),
    "remote_reindex": ("remote_reindex",),
    "resize_index": ("resize_index",),
    "verify": ("verify",),
}
"""Whose records say how long each of the long kinds takes: the best first."""

ROUGH = (0.4, 2.5)
"""The range of a rate that is another object's, or of another order of size."""

ALIKE = 10.0
"""Times the size up to which a rate is taken for that of this size."""

LASTING = 2.0
"""Seconds that a step must have taken for its rate to be taken for that of a far larger one."""

COPY, COMPARISON, PROOF = (1.5, 4.0, 10.0), (0.5, 1.2, 3.0), (0.2, 0.6, 3.0)
"""Lowest, expected, highest: seconds of a copy, of a comparison of both sides, and of a proof, for
each second that hashing the documents of one side takes. How much a copy costs is a matter of the
analysis; of a proof, how much of it was done while the copy ran."""

SAMPLED = {"backfill": COPY, "catch_up": COMPARISON, "reindex": COPY, "verify": PROOF}

LIMIT = re.compile(r"[?&]requests_per_second=([0-9.]+)")


def estimated(cluster: Reader, plan: Plan, live: State) -> Plan:
    """The plan with estimates, a warning where it cannot fit, and preconditions that say so.

    Not one request where there is no long step. Else one for the journals, two for the disks if
    something needs disk, and three for a measurement where journals say nothing of a copy.
    """
    long = [step for step in plan.steps if step.is_long]
    if not long:
        return plan
    past = rates.read(cluster)
    sampled = _sample(cluster, long, past, live)
    clock = _Clock(past, sampled)
    shards = _shards(plan, live)
    steps = tuple(_estimated(step, clock, shards) if step in long else step for step in plan.steps)
    return _with_disk(cluster, replace(plan, steps=steps, estimate=_total(steps)), live)


# Seconds


@dataclass(frozen=True)
class _Clock:
    """Where seconds come from."""

    past: tuple[Measured, ...]
    sample: Sample | None = None

    def seconds(self, step: Step) -> JSON:
        """`seconds`, their `range` where they are a rough guess, and their `basis`; or nothing."""
        record = nearest(step, self.past)
        found = _scaled(step, record) if record else self._sampled(step)
        slowest = LIMIT.search(step.request["path"]) if step.request else None
        documents = step.estimate.get("documents")
        if not slowest or not documents or float(slowest[1]) <= 0:
            return found
        least = documents / float(slowest[1])
        if found.get("seconds", 0) >= least:
            return found
        return {"seconds": round(least, 1), "basis": {"from": "limit"}}

    def _sampled(self, step: Step) -> JSON:
        documents, factors = step.estimate.get("documents"), SAMPLED.get(step.kind)
        if documents is None or not factors or not self.sample:
            return {}
        one_side = documents * self.sample.seconds / self.sample.documents
        low, middle, high = (round(one_side * factor, 1) for factor in factors)
        basis = {"from": "measurement", "documents": self.sample.documents}
        return {"seconds": middle, "range": [low, high], "basis": basis}


def nearest(step: Step, past: Sequence[Measured]) -> Measured | None:
    """The newest record of the same object; else the largest of another; of the best kind."""
    for kind in LIKE[step.kind]:
        known = [one for one in past if one.kind == kind and _is_telling(step, one)]
        own = [one for one in known if one.address == step.address]
        if known:
            return own[0] if own else max(known, key=lambda one: one.bytes or one.documents or 0)
    return None


def _is_telling(step: Step, one: Measured) -> bool:
    """A moment's work says nothing about one of another order: most of it was no copying."""
    times = _times(step, one)
    return times is not None and (times <= ALIKE or one.seconds >= LASTING)


def _times(step: Step, one: Measured) -> float | None:
    """How many times the size of a record a step has; None where that cannot be known.

    Documents for the same object, whose size in bytes changes with every merge; bytes for
    another one, whose documents are others; always bytes for a merge.
    """
    if step.kind == "resize_index":
        return 1.0  # hard links: whatever the size
    documents = step.estimate.get("documents"), one.documents
    sizes = step.estimate.get("bytes"), one.bytes
    pairs = [documents, sizes] if one.address == step.address else [sizes, documents]
    if step.kind == "force_merge":
        pairs = [sizes]
    return next((now / then for now, then in pairs if now is not None and then), None)


def _scaled(step: Step, one: Measured) -> JSON:
    times = _times(step, one) or 0.0
    seconds = one.seconds * times
    found: JSON = {
        "seconds": round(seconds, 1),
        "basis": {"from": "journal", "address": one.address, "at": one.at, "kind": one.kind},
    }
    same = (one.address, one.kind) == (step.address, step.kind)
    if not same or not 1 / ALIKE <= times <= ALIKE:
        found["range"] = [round(seconds * factor, 1) for factor in ROUGH]
    return found


def _sample(
    cluster: Reader, long: list[Step], past: Sequence[Measured], live: State
) -> Sample | None:
    """One measurement, on the largest source, if a copy or a proof needs it."""
    unknown = [step for step in long if step.kind in SAMPLED and not nearest(step, past)]
    sources = [live.indices[n] for step in unknown if (n := _read_from(step)) in live.indices]
    if not sources:
        return None
    return checksum.sample(cluster, max(sources, key=lambda index: index.size or 0))


def _read_from(step: Step) -> str:
    return str(step.arguments.get("source") or step.arguments["index"])


# Steps and plan


def _estimated(step: Step, clock: _Clock, shards: dict[str, int]) -> Step:
    number = shards.get(_read_from(step))
    known = {"shards": number} if number else {}
    return replace(step, estimate={**step.estimate, **known, **clock.seconds(step)})


def _shards(plan: Plan, live: State) -> dict[str, int]:
    """Of the indices that are there, and of those that the plan makes."""
    found = {name: shards_of(index) for name, index in live.indices.items()}
    for step in plan.steps:
        settings = ((step.request or {}).get("body") or {}).get("settings", {})
        if step.kind in ("create_index", "resize_index"):
            found[step.arguments["index"]] = int(settings.get("index.number_of_shards") or 1)
    return found


def shards_of(index: Index) -> int:
    """Primary shards."""
    return int(index.body.settings.get("index.number_of_shards") or 1)


def _total(steps: Sequence[Step]) -> JSON:
    """Seconds of all long steps that are known, and how many are not."""
    long = [step.estimate for step in steps if step.is_long]
    known = [one for one in long if "seconds" in one]
    total: JSON = {"long_steps": len(long), "unknown": len(long) - len(known)}
    if known:
        total["seconds"] = round(sum(one["seconds"] for one in known), 1)
    if any("range" in one for one in known):
        ends = [one.get("range", [one["seconds"]] * 2) for one in known]
        total["range"] = [round(sum(one[end] for one in ends), 1) for end in (0, 1)]
    return total


# Disk


def _with_disk(cluster: Reader, plan: Plan, live: State) -> Plan:
    if not Demand.of(plan, live, 0).by_address:
        return plan
    nodes = disk.read(cluster)
    demand = Demand.of(plan, live, len(nodes))
    whole = demand.whole()
    short = disk.shortage(whole, nodes)
    found: JSON = {"needed": whole.bytes, "free": None, "room": None, "fits": None}
    if nodes:
        free, room = (sum(getattr(node, name) for node in nodes) for name in ("free", "room"))
        found |= {"free": free, "room": room, "nodes": len(nodes), "fits": not short}
    said = (f"this plan does not fit on the disks: {short}; apply will refuse it",) if short else ()
    return replace(
        plan,
        steps=demand.checked(plan.steps),
        estimate={**plan.estimate, "disk": found},
        warnings=(*plan.warnings, *said),
    )
