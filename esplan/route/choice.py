"""The route of one object: the dearest that a difference forces, if the index allows it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from esplan.model import Alias
from esplan.route import rules
from esplan.route.context import SHARDS
from esplan.route.rules import Route

if TYPE_CHECKING:
    from esplan.diff import Comparison
    from esplan.layout import Layout
    from esplan.plan import Reason
    from esplan.route.context import Context

    Found = tuple[Route, Reason]

ROUTING = "index.number_of_routing_shards"
LINKS = (Route.SHRINK, Route.SPLIT)


def dearest(comparison: Comparison) -> Route:
    """What the differences alone force, before anybody looks where the shards are."""
    return max((one for one, _ in _found(comparison)), default=Route.NOTHING)


def chosen(comparison: Comparison, context: Context) -> tuple[Route, tuple[Reason, ...]]:
    """The route, and every reason, dearest first.

    Behind an alias a clone takes the place of close/open without consent; and a copy that of
    hard links where the shards do not allow them.
    """
    found = _found(comparison)
    if isinstance(comparison.desired, Alias) and comparison.desired.runs is None:
        found = [_cloned(one) for one in found] if _stays_open(comparison, context) else found
        if dearest(comparison) in LINKS:
            found = [_linked(one, comparison, context) for one in found]
    found.sort(key=lambda pair: (-pair[0], pair[1].path))
    return max((one for one, _ in found), default=Route.NOTHING), tuple(r for _, r in found)


def _found(comparison: Comparison) -> list[Found]:
    live = comparison.index.body if comparison.index else None
    return [rules.reason(one, live) for one in comparison.differences]


def _stays_open(comparison: Comparison, context: Context) -> bool:
    return str(comparison.address) not in context.closable or dearest(comparison) > Route.CLOSE


def _cloned(one: Found) -> Found:
    route, reason = one
    if route != Route.CLOSE:
        return one
    if not rules.is_clonable(reason.path, reason.after):
        rule = "an open index does not take this, and a clone cannot be without what its source has"
        return Route.REINDEX, replace(reason, route=Route.REINDEX.title, rule=rule)
    rule = "an open index does not take this setting, a clone of it does"
    return Route.CLONE, replace(reason, route=Route.CLONE.title, rule=rule)


def _linked(one: Found, comparison: Comparison, context: Context) -> Found:
    route, reason = one
    index = comparison.index
    if route not in LINKS or index is None:
        return one
    obstacle = _obstacle(route, comparison, context.layouts.get(index.name))
    if not obstacle:
        return one
    return Route.REINDEX, replace(reason, route=Route.REINDEX.title, rule=obstacle)


def _obstacle(route: Route, comparison: Comparison, layout: Layout | None) -> str:
    """What stands in the way of hard links; empty where nothing does."""
    creation = comparison.desired.body.creation
    shards = int(comparison.after["settings"][SHARDS] or 1)
    if layout is None:
        return "the places of the shards are not known"
    if ROUTING in creation and int(creation[ROUTING]) != layout.routing_shards:
        return "the declared number_of_routing_shards is another one, and is fixed at creation"
    if route == Route.SHRINK:
        return "" if layout.together else "no node has a copy of every shard, as a shrink needs"
    from_one = int((comparison.before or {})["settings"][SHARDS]) == 1
    if from_one or layout.routing_shards % shards == 0:
        return ""
    return f"{shards} shards do not divide the {layout.routing_shards} routing shards"
