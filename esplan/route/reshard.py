"""Another number of shards: a new index behind the alias, by hard links or by a copy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from esplan import diff
from esplan.errors import Refused
from esplan.leftovers import family_of
from esplan.model import Alias, Body, Finish, Naming, State
from esplan.plan import Change
from esplan.route import rules
from esplan.route.choice import ROUTING
from esplan.route.context import REPLICAS, SHARDS, Context, Routed
from esplan.route.replace import replace as replaced

if TYPE_CHECKING:
    from esplan.model import JSON, Index
    from esplan.sizing.model import Advice, Sizing
    from esplan.steps.resize_index import Resize

COLORS = ("green", "blue")


def reshard(one: Sizing, index: Index, advice: Advice, context: Context) -> Routed:
    """The change behind the alias; a warning where there is no safe way."""
    obstacle = _obstacle(index, context)
    if not obstacle:
        try:
            return _replaced(one, index, advice, context)
        except Refused as refusal:
            obstacle = f"{refusal.what}; {refusal.remedy}"
    name, address = index.name, f"index.{index.name}"
    nothing: JSON = {"settings": {}, "mappings": {}, "aliases": {}}
    change = Change(address, "no-op", "nothing", name, name, (), None, nothing)
    return Routed(change, warnings=(f"{address} has {advice.reason}; {obstacle}",))


def _replaced(one: Sizing, index: Index, advice: Advice, context: Context) -> Routed:
    address = f"index.{index.name}"
    how, why = _how(one, advice)
    settings: JSON = {SHARDS: str(advice.arguments["shards"]), **_replicas(one)}
    if how is None and ROUTING in index.body.settings:
        settings[ROUTING] = None  # it fits the present count; a copy hashes anew
    alias = _alias(index, settings, delete_old=address in context.allowed)
    (found,) = diff.compare(State({}, {alias.name: alias}), context.live)
    rule = advice.reason + why
    reasons = tuple(
        replace(rules.reason(each)[1], rule=rule, route=how or "reindex")
        for each in found.differences
    )
    routed = replaced(found, alias, reasons, context, how)
    told = said_in_file(f"alias.{alias.name}", settings)
    return replace(routed, warnings=(*routed.warnings, *told))


def said_in_file(address: str, settings: JSON) -> tuple[str, ...]:
    """The warning that a desired file which says otherwise would undo it."""
    given = [f"{n.removeprefix('index.')} {v}" for n, v in settings.items() if v is not None]
    said = ", ".join(given)
    return (f"{address}: if a desired file has it, let that say {said}, too",) if settings else ()


def _obstacle(index: Index, context: Context) -> str:
    """Why it cannot be moved to another number of shards; empty where it can."""
    family = family_of(index.name)
    if family and family.run:
        return "a loader makes this index: let it make its next run so"
    if not index.aliases:
        return "clients use its own name: put it behind an alias first"
    if len(index.aliases) > 1:
        return f"only one alias can be moved, and {', '.join(sorted(index.aliases))} are on it"
    (alias,) = index.aliases
    on = context.live.aliases[alias].indices
    if len(on) > 1:
        return f"its alias {alias} is on {len(on)} indices: {', '.join(on)}"
    return ""


def _replicas(one: Sizing) -> JSON:
    """Replicas that no node can take would keep the new index from ever being green."""
    advice = next((each for each in one.advice if each.kind == "replicas"), None)
    return {REPLICAS: str(advice.arguments["replicas"])} if advice else {}


def _alias(index: Index, settings: JSON, *, delete_old: bool) -> Alias:
    (name,) = index.aliases
    family = family_of(index.name)
    pattern = family.pattern if family else f"{index.name}-{{generation}}"
    return Alias(
        name,
        options=index.aliases[name],
        body=Body(settings),
        naming=Naming(pattern, COLORS if "{color}" in pattern else ()),
        finish=Finish(delete_old=delete_old),
    )


def _how(one: Sizing, advice: Advice) -> tuple[Resize | None, str]:
    """Shrink, split, or None for a copy; and what stands in the way of hard links."""
    route = advice.arguments["route"]
    if route == "split":
        return "split", ""
    if route == "shrink" and one.fullest[1] == one.shards:
        return "shrink", ""
    return None, "; its shards are not on one node, so it is copied" if route == "shrink" else ""
