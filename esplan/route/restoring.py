"""The way back of what was changed in place: settings and the options of aliases."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from esplan.errors import Refused
from esplan.plan import Change, Reason
from esplan.route.context import Routed
from esplan.steps import since_set, update_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from esplan.model import JSON, State
    from esplan.plan import Step
    from esplan.route.rollback import Applied

ROUTE = "rollback"


def nothing(change: Change) -> Change:
    """The change of an object that stays as it is."""
    return replace(change, action="no-op", route="nothing", index=change.target, reasons=())


def back(change: Change, index: str | None, target: str | None) -> Change:
    """The same change the other way: from `index` to `target`."""
    reasons = tuple(
        Reason(r.path, r.after, r.before, "as before the plan", ROUTE) for r in change.reasons
    )
    kind, before, after = change.action, change.after, change.before or {}
    return Change(change.address, kind, ROUTE, index, target, reasons, before, after)


def set_back(applied: Applied, live: State) -> Routed:
    """Dynamic settings and alias options as they were; what is added to a mapping stays."""
    change = applied.change
    steps = applied.steps
    if any(step.kind == "close_index" for step in steps):
        raise Refused(
            f"{change.address} was closed for its change: there is no way back without that",
            code="ESP-4505",
            remedy="put the old values into the desired file, and plan it with --allow-close",
        )
    _refuse_otherwise(applied, live)
    way = tuple(one for step in reversed(steps) for one in _inverse(step))
    kept = [f"{change.address}: stays: {s.description}" for s in steps if s.kind in LASTING]
    if not way:
        return Routed(nothing(change), warnings=tuple(kept))
    return Routed(back(change, change.index, change.target), way, tuple(kept))


def _refuse_otherwise(applied: Applied, live: State) -> None:
    """Somebody has changed since what would be put back: that is not the plan's to undo."""
    index = live.indices.get(applied.change.index or "")
    if index is None:
        return  # the check on its UUID says so
    settings, before, found = dict[str, Any](), dict[str, Any](), list[str]()
    for step in applied.steps:
        if step.kind == "update_settings":
            settings |= (step.request or {})["body"]
            before = step.undo["request"]["body"] | before
        if step.kind == "update_aliases":
            was = _goal(step.undo["request"]["body"]["actions"])
            found += since_set.moved(index, step.arguments["goal"], was)
    found += since_set.otherwise(index, settings, before)
    if found:
        raise Refused(
            f"{applied.change.address}: what the plan has set was changed since",
            code=since_set.CODE,
            why="; ".join(found),
            remedy=since_set.REMEDY,
        )


LASTING = ("put_mapping", "backfill", "protect_index", "force_merge")


def _inverse(step: Step) -> Iterator[Step]:
    same = tuple(one for one in step.preconditions if one["check"] in ("index", "alias"))
    if step.kind == "update_settings":
        now, before = (step.request or {})["body"], step.undo["request"]["body"]
        index = step.arguments["index"]
        checks = (*same, since_set.check(index, now, before))
        yield update_settings.describe(step.address, index, before, now, checks)
    if step.kind == "update_aliases":
        undo = step.undo["request"]["body"]["actions"]
        yield replace(
            step,
            description=f"undo: {step.description}",
            request=step.undo["request"],
            undo={"request": step.request},
            preconditions=same,
            arguments={"goal": _goal(undo), "exclusive": step.arguments["exclusive"]},
        )


def _goal(actions: Sequence[JSON]) -> JSON:
    """What an alias is after the actions, fences left out."""
    goal: JSON = {}
    for one in (action["add"] for action in actions if "add" in action):
        options = {n: v for n, v in one.items() if n not in ("index", "alias")}
        if not one["alias"].startswith("esplan-"):
            goal.setdefault(one["alias"], {})[one["index"]] = options
    return goal
