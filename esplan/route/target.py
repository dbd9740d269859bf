"""The index that takes the place of another one: how it is made, and what it gets only later."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from esplan.route.context import EXPANSION, REPLICAS
from esplan.steps import update_settings

if TYPE_CHECKING:
    from esplan.model import JSON, Body
    from esplan.plan import Phase, Step

WHILE_COPYING = {REPLICAS: "0", EXPANSION: None}
"""A target is filled without replicas; they are set before the switch.

Refreshes stay as they are: switched off, a copy took a tenth longer (seen on two cores).
"""

PIPELINES = ("index.default_pipeline", "index.final_pipeline")
"""They would change the documents of a copy; they are set before the switch, too."""

AFTER_SWITCH = "index.lifecycle."
"""A policy must not act on an index that is still being filled."""


def while_copying(body: Body) -> JSON:
    """What an index has until it is filled by a copy; None is the server's default."""
    return {**WHILE_COPYING, **{name: None for name in PIPELINES if name in body.settings}}


def made_with(body: Body, settings: JSON) -> Body:
    """The definition that an index is made with: `settings` for now, and its policy not yet."""
    given = {**body.settings, **settings}
    kept = {name: value for name, value in given.items() if not name.startswith(AFTER_SWITCH)}
    return replace(body, settings=kept)


def left_out(body: Body, copying: JSON) -> JSON:
    """What an index was made without, because it has `copying` until it is filled."""
    wanted = {name: body.settings.get(name) for name in copying}
    if wanted[EXPANSION]:
        del wanted[REPLICAS]
    return {name: value for name, value in wanted.items() if value != copying[name]}


def set_later(
    address: str,
    index: str,
    settings: JSON,
    copying: JSON,
    checks: tuple[JSON, ...],
    phase: Phase = "switch",
) -> tuple[Step, ...]:
    """The step that sets what was left out, or a part of that; none where nothing was."""
    if not settings:
        return ()
    before = {name: copying[name] for name in settings}
    return (update_settings.describe(address, index, settings, before, checks, phase=phase),)


def lifecycle(address: str, index: str, body: Body) -> tuple[Step, ...]:
    """The policy, once the alias is on the index."""
    named = {n: value for n, value in body.settings.items() if n.startswith(AFTER_SWITCH)}
    if not named:
        return ()
    return (update_settings.describe(address, index, named, dict.fromkeys(named), ()),)
