"""Groups: aliases of one `group:`, or of one loader's source, change in one call or not at all."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from esplan.errors import Refused
from esplan.model import Alias
from esplan.plan import digest
from esplan.route.choice import chosen
from esplan.route.context import Routed
from esplan.route.rules import Route
from esplan.steps import delete_index, update_aliases

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from esplan.diff import Comparison
    from esplan.model import JSON, State
    from esplan.plan import Step
    from esplan.route.context import Context

SHOWN = 10
"""How many members a message names."""

OF_ONE_OBJECT = ("body", "filled", "heir", "left", "nothing_rejected", "ours", "proven", "whole")
"""Checks that look up the object which they are about."""


def members(aliases: Iterable[Alias]) -> dict[str, list[Alias]]:
    """The aliases of each group that has several, in their order, by its name."""
    found: dict[str, list[Alias]] = defaultdict(list)
    for alias in aliases:
        if alias.group:
            found[alias.group].append(alias)
    several = {name: group for name, group in found.items() if len(group) > 1}
    return {name: sorted(group, key=lambda one: one.name) for name, group in several.items()}


def refuse_halves(desired: State, wanted: State) -> None:
    """`wanted` is what --target and --exclude leave. Raises Refused where they cut a group."""
    cut = {
        name: [f"alias.{one.name}" for one in group]
        for name, group in members(desired.aliases.values()).items()
        if 0 < sum(one.name in wanted.aliases for one in group) < len(group)
    }
    if cut:
        raise Refused(
            f"--target and --exclude leave only a part of the group {', '.join(cut)}",
            code="ESP-4106",
            why="\n".join(f"in the group {name} are {_listed(all_)}" for name, all_ in cut.items()),
            remedy="aliases of one group change together: name all of them or none; "
            "or let the desired files give them other groups",
        )


def _listed(addresses: Sequence[str]) -> str:
    more = len(addresses) - SHOWN
    return ", ".join(addresses[:SHOWN]) + (f" and {more} more" if more > 0 else "")


# What each alias's own route has to know of the others


def leaving(comparisons: Iterable[Comparison], context: Context) -> dict[str, dict[str, Alias]]:
    """The aliases that move to another index in one call, by name; this by the name of each."""
    moving = [
        one.desired
        for one in comparisons
        if isinstance(one.desired, Alias) and one.desired.group and _moves(one, context)
    ]
    groups = ({one.name: one for one in group} for group in members(moving).values())
    return {name: group for group in groups for name in group}


def _moves(comparison: Comparison, context: Context) -> bool:
    found = chosen(comparison, context)[0]
    return found == Route.RELEASE or found > Route.CLOSE


# After it


def held(routed: Sequence[Routed], wanted: State) -> list[Routed]:
    """With nothing for the others of a group of which one is not to be released now."""
    why = dict[str, str]()
    for name, group in members(wanted.aliases.values()).items():
        if aborted := [f"alias.{one.name}" for one in group if one.runs and one.runs.abort]:
            said = f"{_listed(aborted)} of the same group {name} has runs.abort: true"
            why |= {f"alias.{one.name}": said for one in group}
    return [_held(one, why.get(one.change.address, "")) for one in routed]


def _held(routed: Routed, why: str) -> Routed:
    change = routed.change
    if not why or not routed.steps:
        return routed
    nothing = replace(change, action="no-op", route="nothing", target=change.index, reasons=())
    return Routed(nothing, warnings=(f"{change.address} is left as it is: {why}",))


def together(routed: Sequence[Routed], wanted: State) -> list[Routed]:
    """With one call for all aliases of a group. Its first object has the steps of all of it.

    A group of which only one object changes needs none.
    """
    found = {one.change.address: one for one in routed}
    for name, group in members(wanted.aliases.values()).items():
        mine = [found[f"alias.{one.name}"] for one in group]
        changing = [one for one in mine if one.steps]
        switches = [one for each in changing for one in each.steps if _is_switch(one)]
        if len(changing) > 1 and switches:
            steps = tuple(_joined(name, changing, switches))
            found |= {one.change.address: replace(one, steps=()) for one in changing}
            first = changing[0].change.address
            found[first] = replace(changing[0], steps=steps)
    return list(found.values())


def _is_switch(step: Step) -> bool:
    return step.kind == "update_aliases"


def _joined(name: str, changing: Sequence[Routed], switches: Sequence[Step]) -> Iterator[Step]:
    """All of them filled and proven, then all of them green, then the switch, then the rest.

    Green just before the switch: the copy of another one may take hours.
    """
    parts = [_around(one.steps) for one in changing]
    yield from (step for before, _, _ in parts for step in _unblocked(before))
    yield from (step for before, _, _ in parts for step in before[len(_unblocked(before)) :])
    yield from (step for _, green, _ in parts for step in green)
    addresses = [one.change.address for one in changing]
    yield update_aliases.joined(name, addresses, switches, _preconditions(switches))
    yield from _deleted_once([step for _, _, after in parts for step in after])


def _around(steps: Sequence[Step]) -> tuple[Sequence[Step], Sequence[Step], Sequence[Step]]:
    """What comes before the switch, the look whether the index is green, and what comes after."""
    ends = (n for n, one in enumerate(steps) if _is_switch(one) or one.phase == "finish")
    end = next(ends, len(steps))
    after = [one for one in steps[end:] if not _is_switch(one)]
    start = end - 1 if end and steps[end - 1].kind == "await_health" else end
    return steps[:start], steps[start:end], after


def _unblocked(before: Sequence[Step]) -> Sequence[Step]:
    """What comes before the write block of a copy that clients write beside; else all of it."""
    if not any(one.kind == "catch_up" for one in before):
        return before
    kinds = [one.kind for one in before]
    return before[: kinds.index("block_writes")]


def _deleted_once(steps: Sequence[Step]) -> Iterator[Step]:
    """An index that several have left is deleted by the last of them, once all of them serve."""
    deletes: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        if step.kind == "delete_index":
            deletes[step.arguments["index"]].append(step)
    for step in steps:
        same = deletes[step.arguments["index"]] if step.kind == "delete_index" else [step]
        if len(same) == 1:
            yield step
        elif step is same[-1]:
            checks = _preconditions(same)
            request = delete_index.asked(step.arguments["index"], checks)
            yield replace(step, preconditions=checks, request=request)


def _preconditions(steps: Sequence[Step]) -> tuple[JSON, ...]:
    """Those of all, each once; with the object's address where a check looks it up."""
    found = {}
    for step in steps:
        for one in step.preconditions:
            about = {"address": step.address} if one["check"] in OF_ONE_OBJECT else {}
            found[digest(one | about)] = one | about
    return tuple(found.values())
