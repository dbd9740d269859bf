"""Changes to the index that is there: nothing, alias options, dynamic settings, mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.model import Alias
from esplan.plan import Change, Step
from esplan.route import rules
from esplan.route.context import EXPANSION, REPLICAS, Routed, unchanged
from esplan.route.rules import Route
from esplan.steps import put_mapping, update_aliases, update_settings

if TYPE_CHECKING:
    from esplan.diff import Comparison
    from esplan.model import JSON, Index
    from esplan.plan import Action, Reason


def update(
    comparison: Comparison, found: Route, reasons: tuple[Reason, ...], index: Index
) -> Routed:
    """Nothing, or mapping, settings and alias options on the index that is there."""
    action: Action = "no-op" if found == Route.NOTHING else "update"
    change = Change(
        str(comparison.address),
        action,
        found.title,
        index.name,
        index.name,
        reasons,
        comparison.before,
        comparison.after,
    )
    return Routed(change, (*body_steps(comparison, index), *_option_steps(comparison, index)))


def body_steps(comparison: Comparison, index: Index) -> tuple[Step, ...]:
    """Mapping additions and dynamic settings on an index that is there."""
    return (*_mapping_steps(comparison, index), *_setting_steps(comparison, index))


def _preconditions(comparison: Comparison, index: Index, *sections: str) -> tuple[JSON, ...]:
    """The same index, and the sections that the step changes as the plan saw them."""
    same: JSON = {"check": "index", "index": index.name, "uuid": index.uuid}
    if not sections:
        return (same,)
    before = comparison.before or {}
    return (same, unchanged(index.name, comparison.desired.body, before, *sections))


def _mapping_steps(comparison: Comparison, index: Index) -> list[Step]:
    paths = [one.path for one in comparison.differences if one.path[0] == "mappings"]
    if not paths:
        return []
    body = rules.in_place_mapping(paths, index.body.mappings, comparison.desired.body.mappings)
    checks = _preconditions(comparison, index, "mappings")
    return [put_mapping.describe(str(comparison.address), index.name, body, checks)]


def _setting_steps(comparison: Comparison, index: Index) -> list[Step]:
    changed = [one for one in comparison.differences if one.path[0] == "settings"]
    if not changed:
        return []
    settings = {one.path[1]: one.after for one in changed}
    before = {one.path[1]: one.before for one in changed}
    expansion = index.body.settings.get(EXPANSION)
    if REPLICAS in settings and expansion and EXPANSION not in comparison.desired.body.settings:
        # A number alone would be overridden at once.
        settings[EXPANSION], before[EXPANSION] = "false", expansion
    checks = _preconditions(comparison, index, "settings")
    address = str(comparison.address)
    return [update_settings.describe(address, index.name, settings, before, checks)]


def _option_steps(comparison: Comparison, index: Index) -> list[Step]:
    """Alias options, for an alias; the aliases that an index brings along, for an index."""
    if not any(one.path[0] in ("options", "aliases") for one in comparison.differences):
        return []
    desired, before = comparison.desired, comparison.before or {}
    is_alias = isinstance(desired, Alias)
    wanted = {desired.name: desired.options} if isinstance(desired, Alias) else desired.aliases
    old = {desired.name: before["options"]} if is_alias else before["aliases"]
    changed = {name: options for name, options in wanted.items() if old.get(name) != options}
    actions = [{"add": _action(index.name, name, options)} for name, options in changed.items()]
    undo = [{"add": _action(index.name, n, old[n])} for n in changed if n in old]
    undo += [
        {"remove": {**_action(index.name, n, {}), "must_exist": True}}
        for n in changed
        if n not in old
    ]
    on = ({"check": "alias", "alias": desired.name, "on": [index.name]},) if is_alias else ()
    return [
        update_aliases.describe(
            str(comparison.address),
            f"set the alias options of {', '.join(changed)} on {index.name}",
            actions,
            {name: {index.name: options} for name, options in changed.items()},
            undo,
            (*_preconditions(comparison, index), *on),
            exclusive=is_alias,
        )
    ]


def _action(index: str, alias: str, options: JSON) -> JSON:
    return {"index": index, "alias": alias, **options}
