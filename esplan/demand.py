"""The disk that a plan needs beside what is there: an upper bound, from the plan alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from esplan.disk import Need

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.model import JSON, State
    from esplan.plan import Plan, Step

REPLICAS = "index.number_of_replicas"
EXPANSION = "index.auto_expand_replicas"
FILLS = ("reindex", "remote_copy", "remote_reindex")
COPIES = (*FILLS, "resize_index")


@dataclass(frozen=True)
class Demand:
    """Of every object that takes disk: what stays (`kept`) and what a merge takes for a while."""

    by_address: dict[str, tuple[Need, int]]

    @classmethod
    def of(cls, plan: Plan, live: State, nodes: int) -> Demand:
        """`nodes` data nodes; replicas that none of them can take need no disk. 0: not known."""
        found: dict[str, tuple[Need, int]] = {}
        for address in dict.fromkeys(step.address for step in plan.steps):
            own = [step for step in plan.steps if step.address == address]
            if any(_size(step) is not None for step in own):
                found[address] = _need(own, live, nodes)
        return cls(found)

    def whole(self) -> Need:
        """All copies, and the largest merge: merges come one after the other.

        What is deleted at the end is still there by then.
        """
        kept = [need for need, _ in self.by_address.values()]
        merge = max((merge for _, merge in self.by_address.values()), default=0)
        largest = max((need.shard for need in kept), default=0)
        total = sum(need.bytes for need in kept) + merge
        return Need(total, largest, any(need.low for need in kept))

    def checked(self, steps: Sequence[Step]) -> tuple[Step, ...]:
        """Every object is checked before its first step, and before the first of all the whole."""
        seen: set[str] = set()
        found: list[Step] = []
        for step in steps:
            need = None if found else self.whole()
            if need is None and step.address in self.by_address and step.address not in seen:
                kept, merge = self.by_address[step.address]
                need = replace(kept, bytes=kept.bytes + merge)
            seen.add(step.address)
            more = (need.precondition(),) if need else ()
            found.append(replace(step, preconditions=(*step.preconditions, *more)))
        return tuple(found)


def _size(step: Step) -> int | None:
    """Bytes of the primaries that a step writes, or that its hard links are about."""
    if step.kind not in (*COPIES, "backfill", "force_merge"):
        return None
    size: int | None = step.estimate.get("bytes")
    return size


def _need(own: list[Step], live: State, nodes: int) -> tuple[Need, int]:
    kept = merge = largest = 0
    replicas = _replicas(own, live, nodes)
    for step in own:
        size = _size(step) or 0
        copies = {
            "backfill": 1 + replicas,  # a document that is written again stays until a merge
            **dict.fromkeys(FILLS, 1 + replicas),
            "resize_index": replicas,  # hard links need none; a replica is a copy
        }.get(step.kind, 0)
        kept += size * copies
        if copies:
            largest = max(largest, size // int(step.estimate.get("shards") or 1))
        if step.kind == "force_merge":
            merge = max(merge, size * (1 + replicas))
    kinds = {step.kind for step in own}
    low = "resize_index" in kinds or (replicas > 0 and not kinds.isdisjoint(FILLS))
    return Need(kept, largest, low), merge


def _replicas(own: list[Step], live: State, nodes: int) -> int:
    """What the index has after the plan, as far as there are nodes for it."""
    settings: JSON = {}
    for step in own:
        body: JSON = (step.request or {}).get("body") or {}
        index = live.indices.get(step.arguments.get("index", ""))
        if index and step.kind in ("backfill", "force_merge"):
            settings = {**index.body.settings, **settings}
        if step.kind in ("create_index", "resize_index"):
            settings |= body["settings"]
        if step.kind == "update_settings":
            settings |= body
    wanted = _expanded(settings.get(EXPANSION), nodes)
    count = int(settings.get(REPLICAS) or 1) if wanted is None else wanted
    return min(count, max(0, nodes - 1)) if nodes else count


def _expanded(expansion: str | None, nodes: int) -> int | None:
    """`0-1`, `0-all`: as many as there are nodes for; None where it is off."""
    if not expansion or expansion == "false":
        return None
    most = str(expansion).partition("-")[2]
    return max(0, nodes - 1) if most == "all" else int(most or 0)
