"""One atomic `_aliases` call: the switch, the first alias, or a change of its options."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from esplan import normalize
from esplan.plan import FENCE, Step
from esplan.request import index_path
from esplan.steps import carry, stood
from esplan.steps.request import fenced, send

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from esplan.cluster import Cluster
    from esplan.model import JSON
    from esplan.run import Run

REPEAT = False

SHOWN = 10
"""How many aliases of a group the description names; the changes of the plan have all."""


def describe(
    address: str,
    description: str,
    actions: list[JSON],
    goal: JSON,
    undo_actions: list[JSON],
    preconditions: tuple[JSON, ...],
    *,
    exclusive: bool = True,
) -> Step:
    """`goal` is `{alias: {index: options}}`: what must be true after, and nothing beside it.

    Every removal carries `must_exist`: it asserts where the alias points, inside the cluster.
    """
    return Step(
        kind="update_aliases",
        phase="switch",
        address=address,
        description=description,
        request=fenced(actions),
        preconditions=preconditions,
        undo={"request": fenced(undo_actions)},
        arguments={"goal": goal, "exclusive": exclusive},
    )


def joined(
    group: str, members: Sequence[str], steps: Sequence[Step], preconditions: tuple[JSON, ...]
) -> Step:
    """The switches of several aliases in one call, for the `members` of a group (addresses)."""
    said = [step.description for step in steps[:SHOWN]]
    said += [f"{len(steps) - SHOWN} more"] if len(steps) > SHOWN else []
    whole = describe(
        f"group.{group}",
        f"in one call for the group {group}: {'; '.join(said)}",
        [action for step in steps for action in _own(step.request)],
        {alias: on for step in steps for alias, on in step.arguments["goal"].items()},
        [action for step in steps for action in _own(step.undo["request"])],
        preconditions,
    )
    return replace(whole, arguments={**whole.arguments, "members": list(members)})


def part(step: Step, address: str) -> Step:
    """What a call for several aliases (`joined`) does with one of them."""
    alias = address.removeprefix("alias.")
    there, back = (
        [one for one in _own(asked) if all(parts["alias"] == alias for parts in one.values())]
        for asked in (step.request, step.undo["request"])
    )
    indices = {parts["index"] for one in there for parts in one.values()}
    checks = (
        one
        for one in step.preconditions
        if one.get("alias", alias) == alias and one.get("index") in {None, *indices}
    )
    goal = {alias: step.arguments["goal"][alias]}
    said = f"change the alias {alias}"
    return describe(address, said, there, goal, back, tuple(checks))


def _own(request: JSON | None) -> list[JSON]:
    """The actions of a fenced call but for the fence: one is enough."""
    actions: list[JSON] = (request or {})["body"]["actions"]
    return [one for one in actions if all(parts["alias"] != FENCE for parts in one.values())]


def probe(step: Step, run: Run) -> bool:
    """All the aliases are as wanted; where only some are, somebody else has moved them.

    An alias of the desired files is on exactly these indices; one that an index brings along
    (`exclusive` false) may be on others too.
    """
    exclusive, goal = step.arguments["exclusive"], step.arguments["goal"]
    now = memberships(run.cluster, goal)
    for alias, wanted in goal.items():
        found = now[alias]
        seen = found if exclusive else {name: found.get(name) for name in wanted}
        if seen != wanted:
            return False
    return True


def membership(cluster: Cluster, alias: str) -> JSON:
    """`{index: options}` of one alias now: every index that it is on."""
    found: JSON = memberships(cluster, [alias])[alias]
    return found


def memberships(cluster: Cluster, aliases: Collection[str]) -> JSON:
    """The same of several by name, all of one moment: one request, for every alias there is.

    A request that names several answers 404 as soon as one of them is missing.
    """
    path = index_path(next(iter(aliases))) if len(aliases) == 1 else "/*"
    answer = cluster.read(f"/_alias{path}", {"expand_wildcards": "all"})
    found: JSON = {alias: {} for alias in aliases}
    for index, raw in (answer or {}).items():
        for alias in raw["aliases"].keys() & found.keys():
            found[alias][index] = normalize.alias_options(raw["aliases"][alias])
    return found


def execute(step: Step, run: Run) -> JSON:
    """Sent as planned; the cluster applies all of it or nothing."""
    carried, known = carry.over(step, run), stood.left(step, run)
    send(step, run)
    return {**carried, **known}


def undo(_step: Step, _run: Run) -> None:
    """Never: what was switched is served, and stays."""
