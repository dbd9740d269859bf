"""`protect`: kept in the mapping of the index itself, so that it outlives the line in the file."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from esplan import normalize, safety
from esplan.model import Alias
from esplan.plan import Reason
from esplan.steps import protect_index, put_mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from esplan.diff import Comparison
    from esplan.model import JSON, Index, State
    from esplan.plan import Step
    from esplan.route.context import Context, Routed

RULE = "it is kept in the mapping's _meta, in place"

ENDS = {"delete_index": "delete", "close_index": "close"}
"""Steps after which an index does not serve any more."""


def protected(routed: Routed, comparison: Comparison, context: Context) -> Routed:
    """With the steps that set the protection or take it off, before all others of the object."""
    todo = _todo(routed, comparison, context)
    wanted = bool(comparison.desired.protect)
    change = routed.change
    set_ = tuple(protect_index.describe(change.address, one, protect=wanted) for one in todo)
    final = {one.name: wanted for one in todo}
    kept = tuple(_with_mark(one, comparison.index, context.live, final) for one in routed.steps)
    if not todo:
        return replace(routed, steps=kept)
    reasons = tuple(Reason("protect", one.protect, wanted, RULE, "protection") for one in todo)
    is_small = change.action == "no-op"
    change = replace(
        change,
        action="update" if is_small else change.action,
        route="protection" if is_small else change.route,
        reasons=(*change.reasons, *reasons),
    )
    return replace(routed, change=change, steps=(*set_, *kept))


def _todo(routed: Routed, comparison: Comparison, context: Context) -> list[Index]:
    """The live indices that are not as the file says; a new one is made as it says.

    What is to be protected is not replaced: apply refuses that.
    """
    wanted, change = comparison.desired.protect, routed.change
    if wanted is None or _is_aborted(comparison):
        return []
    names = (change.target,) if wanted else (change.index, change.target)
    found = [context.live.indices[n] for n in dict.fromkeys(names) if n in context.live.indices]
    if wanted and change.action == "replace":
        return []
    return [one for one in found if one.protect != wanted]


def _is_aborted(comparison: Comparison) -> bool:
    alias = comparison.desired
    return isinstance(alias, Alias) and alias.runs is not None and alias.runs.abort


def _with_mark(step: Step, source: Index | None, live: State, final: dict[str, bool]) -> Step:
    """An update of `_meta` replaces all of it: esplan's own part must not go.

    An index that is not there yet is made of the `source` by hard links, with its `_meta`.
    """
    body = (step.request or {}).get("body") or {}
    name = step.arguments.get("index", "")
    index = live.indices.get(name) or source
    begun: list[str] = step.arguments.get(put_mapping.UNFINISHED, [])
    if step.kind != "put_mapping" or index is None or not ("_meta" in body or begun):
        return step
    protect = final.get(index.name, bool(index.protect))
    own = partial(normalize.meta, mark=index.mark, protect=protect, transform=index.transform)
    before = own(index.body.mappings, unfinished=index.unfinished)
    said = body if "_meta" in body else index.body.mappings
    meta = own(said, unfinished={*index.unfinished, *begun})
    request = {**(step.request or {}), "body": {**body, "_meta": meta}}
    unchanged: JSON = {"check": "meta", "index": name, "meta": before}
    return replace(step, request=request, preconditions=(*step.preconditions, unchanged))


def needs(routed: Sequence[Routed], live: State, desired: State | None = None) -> list[JSON]:
    """What apply will refuse: the end of an index that its file or its own mapping protects."""
    declared = _declared(desired, live) if desired else {}
    found = []
    for one in routed:
        for name, verb in dict(_ends(one)).items():
            if declared.get(name, bool(name in live.indices and live.indices[name].protect)):
                why = f"{one.change.address} would {verb} {name}, which is protected"
                parts = {"address": one.change.address, "index": name, "why": why}
                found.append({"consent": safety.UNPROTECT, **parts})
    return found


def _ends(routed: Routed) -> Iterator[tuple[str, str]]:
    """Every index that does not serve any more after this, and what becomes of it."""
    if routed.change.action == "replace" and routed.change.index:
        yield routed.change.index, "replace"
    for step in routed.steps:
        if step.kind in ENDS:
            yield step.arguments["index"], ENDS[step.kind]


def _declared(desired: State, live: State) -> dict[str, bool]:
    """What the files say of live indices. Where two objects disagree, protection counts."""
    said = [(name, one.protect) for name, one in desired.indices.items()]
    said += [
        (index, alias.protect)
        for name, alias in desired.aliases.items()
        if name in live.aliases
        for index in live.aliases[name].indices
    ]
    found: dict[str, bool] = {}
    for name, protect in said:
        if protect is not None:
            found[name] = protect or found.get(name, False)
    return found
