"""Changes to the index that is there: alias options, settings, mapping, fields in documents."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from esplan.errors import Refused
from esplan.model import Alias, Migrate
from esplan.plan import Change, Reason, Step
from esplan.route import refill, rules
from esplan.route.context import EXPANSION, REPLICAS, Routed, unchanged
from esplan.route.rules import Route
from esplan.steps import (
    backfill,
    close_index,
    open_index,
    put_mapping,
    update_aliases,
    update_settings,
)

if TYPE_CHECKING:
    from esplan.diff import Comparison
    from esplan.model import JSON, Index
    from esplan.plan import Action, Phase


def update(
    comparison: Comparison, found: Route, reasons: tuple[Reason, ...], index: Index
) -> Routed:
    """Nothing, or mapping, settings and alias options on the index that is there."""
    filling = backfill_steps(comparison, index, index.name, _preconditions(comparison, index))
    alone = found == Route.NOTHING and bool(filling)
    action: Action = "no-op" if found == Route.NOTHING and not alone else "update"
    change = Change(
        str(comparison.address),
        action,
        BACKFILL if alone else found.title,
        index.name,
        index.name,
        (*reasons, *([_begun(index)] if filling and index.unfinished else [])),
        comparison.before,
        comparison.after,
    )
    body = (_closed_steps if found == Route.CLOSE else body_steps)(comparison, index)
    steps = (
        *(_marking(one, filling) for one in body),
        *_option_steps(comparison, index),
        *filling,
    )
    return Routed(change, steps, (*late(comparison, index.name), *_unfilled(index, filling)))


BACKFILL = "backfill"
"""The route of a change that only fills fields which an earlier plan has added."""


def _begun(index: Index) -> Reason:
    rule = "an earlier backfill has not reached every document"
    return Reason("unfinished", list(index.unfinished), None, rule, BACKFILL)


def _marking(step: Step, filling: list[Step]) -> Step:
    """The request that adds fields says in `_meta`, too, that they are to be filled."""
    if step.kind != "put_mapping" or not filling:
        return step
    begun = {put_mapping.UNFINISHED: filling[0].arguments["fields"]}
    return replace(step, arguments={**step.arguments, **begun})


def _unfilled(index: Index, filling: list[Step]) -> list[str]:
    if filling or not index.unfinished:
        return []
    names = ", ".join(index.unfinished)
    said = f"not every document of {index.name} has {names}: a backfill has not ended"
    return [f"{said}; migrate.backfill (backfill) in the file goes on with it"]


def body_steps(comparison: Comparison, index: Index) -> tuple[Step, ...]:
    """Mapping additions and dynamic settings on an index that is there."""
    if not comparison.differences:
        return ()
    checks = _preconditions(comparison, index, "mappings")
    mapping = mapping_steps(comparison, index, index.name, checks)
    return (*mapping, *_setting_steps(comparison, index))


def _closed_steps(comparison: Comparison, index: Index) -> tuple[Step, ...]:
    """Close, set, open; then the mapping, whose new fields may use what was set."""
    address = str(comparison.address)
    if not index.is_open:
        raise Refused(
            f"{address}: {index.name} is closed, and this change would open it",
            code="ESP-4108",
            remedy=f"open it first (POST /{index.name}/_open)",
        )
    checks = (*_preconditions(comparison, index, "settings"), *_on(comparison, index))
    mapping = _preconditions(comparison, index, "mappings")
    return (
        close_index.describe(address, index.name, checks),
        *_setting_steps(comparison, index),
        open_index.describe(address, index.name, _preconditions(comparison, index)),
        *mapping_steps(comparison, index, index.name, mapping),
    )


def late(comparison: Comparison, name: str) -> list[str]:
    """What a setting does not do to the documents that are there."""
    if not any(one.path[-1] == "index.codec" for one in comparison.differences):
        return []
    return [f"{comparison.address}: the new codec is that of segments of {name} merged from now on"]


def _preconditions(comparison: Comparison, index: Index, *sections: str) -> tuple[JSON, ...]:
    """The same index, and the sections that the step changes as the plan saw them."""
    same: JSON = {"check": "index", "index": index.name, "uuid": index.uuid}
    if not sections:
        return (same,)
    before = comparison.before or {}
    return (same, unchanged(index.name, comparison.desired.body, before, *sections))


def _on(comparison: Comparison, index: Index) -> tuple[JSON, ...]:
    """The alias is where it was."""
    alias = comparison.desired
    if not isinstance(alias, Alias):
        return ()
    return ({"check": "alias", "alias": alias.name, "on": [index.name]},)


def mapping_steps(
    comparison: Comparison, index: Index, name: str, checks: tuple[JSON, ...]
) -> list[Step]:
    """What is added to the mapping of `index`: on itself, or on the index `name` made of it."""
    paths = [one.path for one in comparison.differences if one.path[0] == "mappings"]
    if not paths:
        return []
    body = rules.in_place_mapping(paths, index.body.mappings, comparison.desired.body.mappings)
    return [put_mapping.describe(str(comparison.address), name, body, checks)]


def backfill_steps(
    comparison: Comparison, index: Index, name: str, checks: tuple[JSON, ...]
) -> list[Step]:
    """If the files ask for it: fields that are new are filled in the documents that are there."""
    desired = comparison.desired
    migrate = desired.migrate if isinstance(desired, Alias) else Migrate(backfill=desired.backfill)
    fields = sorted({*rules.new_fields(comparison.differences), *index.unfinished})
    if not migrate.backfill or not fields:
        return []
    address = str(comparison.address)
    refill.refuse(address, index, desired.body, fields, linked=name != index.name)
    refill.refuse_new_versions(address, index, migrate)
    filled = replace(index, name=name)
    phase: Phase = "finish" if name == index.name else "switch"  # a new index is proven full
    return [backfill.describe(address, filled, fields, migrate, checks, phase=phase)]


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
    return [
        update_aliases.describe(
            str(comparison.address),
            f"set the alias options of {', '.join(changed)} on {index.name}",
            actions,
            {name: {index.name: options} for name, options in changed.items()},
            undo,
            (*_preconditions(comparison, index), *_on(comparison, index)),
            exclusive=is_alias,
        )
    ]


def _action(index: str, alias: str, options: JSON) -> JSON:
    return {"index": index, "alias": alias, **options}
