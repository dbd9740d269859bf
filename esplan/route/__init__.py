"""A comparison → the cheapest change and its steps, with the reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import naming, transform
from esplan.errors import Refused
from esplan.model import Alias
from esplan.plan import Change
from esplan.route.choice import chosen
from esplan.route.context import Context, Routed
from esplan.route.empty import discard
from esplan.route.in_place import update
from esplan.route.protection import protected
from esplan.route.release import aborted, release, resolved
from esplan.route.replace import replace
from esplan.route.rules import Route
from esplan.route.transfer import transfer
from esplan.steps import await_health, create_index, update_aliases

if TYPE_CHECKING:
    from esplan.diff import Comparison
    from esplan.model import Index, State
    from esplan.plan import Reason
    from esplan.steps.resize_index import Resize

BY_LINKS: dict[Route, Resize] = {
    Route.CLONE: "clone",
    Route.SHRINK: "shrink",
    Route.SPLIT: "split",
}

__all__ = ["Context", "Routed", "resolved", "route"]


def route(comparison: Comparison, context: Context) -> Routed:
    """The cheapest way. Raises Refused where there is no safe one."""
    if isinstance(comparison.desired, Alias):
        found = _route_alias(comparison, comparison.desired, context)
    else:
        found = _route_index(comparison, comparison.desired, context)
    return protected(found, comparison, context)


# Aliases


def _route_alias(  # noqa: PLR0911  (one way a line)
    comparison: Comparison, alias: Alias, context: Context
) -> Routed:
    if alias.runs and alias.runs.abort:
        return aborted(comparison)
    _check_alias(alias, context.live)
    if comparison.index is None:
        return _create_alias(comparison, alias, context)
    found, reasons = chosen(comparison, context)
    if alias.runs:
        return release(comparison, alias, found, reasons, context)
    if found <= Route.CLOSE:
        return update(comparison, found, reasons, comparison.index)
    if alias.migrate.data == "discard":
        return discard(comparison, alias, comparison.index, reasons, context)
    if origin := context.origins.get(alias.name):
        return transfer(comparison, alias, reasons, context, origin)
    return replace(comparison, alias, reasons, context, BY_LINKS.get(found))


def _check_alias(alias: Alias, live: State) -> None:
    """An alias is a name of its own, on at most one index."""
    if alias.name in live.indices:
        raise Refused(
            f"alias.{alias.name}: {alias.name} is the name of an index, not of an alias",
            code="ESP-4103",
            remedy=f"give the alias another name, or manage the index as index.{alias.name}",
        )
    on = live.aliases[alias.name].indices if alias.name in live.aliases else ()
    if len(on) > 1:
        raise Refused(
            f"alias.{alias.name} is on {len(on)} indices: {', '.join(on)}",
            code="ESP-4104",
            why="esplan keeps an alias on exactly one index, and cannot know which one is right",
            remedy=f"remove it from the wrong ones: POST /_aliases, remove alias {alias.name}",
        )


def _create_alias(comparison: Comparison, alias: Alias, context: Context) -> Routed:
    """A new index, green, and the alias on it."""
    origin = context.origins.get(alias.name)
    if origin:
        return transfer(comparison, alias, (), context, origin)
    address = str(comparison.address)
    target = naming.next_index(alias, None, context.live, context.today)
    create = create_index.describe(
        address,
        context.plan_id,
        target,
        alias.body,
        {},
        filled=False,
        protect=bool(alias.protect),
        transform=transform.digest(alias.migrate),
    )
    switch = update_aliases.describe(
        address,
        f"put the alias {alias.name} on {target}",
        [{"add": {"index": target, "alias": alias.name, **alias.options}}],
        {alias.name: {target: alias.options}},
        [{"remove": {"index": target, "alias": alias.name, "must_exist": True}}],
        ({"check": "ours", "index": target}, {"check": "alias", "alias": alias.name, "on": []}),
    )
    change = Change(address, "create", "create", None, target, (), None, comparison.after)
    return Routed(change, (create, await_health.describe(address, target), switch))


# Indices without an alias scheme


def _route_index(comparison: Comparison, desired: Index, context: Context) -> Routed:
    address = str(comparison.address)
    if desired.name in context.live.aliases:
        raise Refused(
            f"{address}: {desired.name} is an alias, on "
            f"{', '.join(context.live.aliases[desired.name].indices)}",
            code="ESP-4103",
            remedy=f"manage it under `aliases: {{{desired.name}: …}}`, or choose another name",
        )
    if comparison.index is None:
        create = create_index.describe(
            address,
            context.plan_id,
            desired.name,
            desired.body,
            desired.aliases,
            filled=False,
            protect=bool(desired.protect),
        )
        change = Change(address, "create", "create", None, desired.name, (), None, comparison.after)
        return Routed(change, (create, await_health.describe(address, desired.name)))
    found, reasons = chosen(comparison, context)
    if found > Route.CLOSE:
        raise _needs_alias(address, reasons)
    if found == Route.CLOSE and address not in context.closable:
        raise _needs_consent(address, reasons)
    return update(comparison, found, reasons, comparison.index)


def _needs_alias(address: str, reasons: tuple[Reason, ...]) -> Refused:
    return Refused(
        f"{address} cannot be changed in place, and clients use its own name",
        code="ESP-4101",
        why=_forced(reasons, Route.CLONE),
        remedy="put it behind an alias (`aliases:` in the desired file): a new index can then "
        "be filled and switched to; or undo the change",
    )


def _needs_consent(address: str, reasons: tuple[Reason, ...]) -> Refused:
    return Refused(
        f"{address} has to be closed for this change, and would serve nobody meanwhile",
        code="ESP-4102",
        why=_forced(reasons, Route.CLOSE),
        remedy=f"allow it: --allow-close {address}; or put it behind an alias (`aliases:` in the "
        "desired file), where a clone takes the change while clients read on",
    )


def _forced(reasons: tuple[Reason, ...], cheapest: Route) -> str:
    """The reasons that force this route or a dearer one."""
    titles = {route.title for route in Route if route >= cheapest}
    return "; ".join(f"{one.path}: {one.rule}" for one in reasons if one.route in titles)
