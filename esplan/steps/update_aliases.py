"""One atomic `_aliases` call: the switch, the first alias, or a change of its options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import normalize
from esplan.plan import Step
from esplan.request import index_path
from esplan.steps.request import fenced, send

if TYPE_CHECKING:
    from esplan.cluster import Cluster
    from esplan.model import JSON
    from esplan.run import Run

REPEAT = False


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


def probe(step: Step, run: Run) -> bool:
    """The aliases are as wanted.

    An alias of the desired files is on exactly these indices; one that an index brings along
    (`exclusive` false) may be on others too.
    """
    exclusive = step.arguments["exclusive"]
    for alias, wanted in step.arguments["goal"].items():
        found = membership(run.cluster, alias)
        seen = found if exclusive else {name: found.get(name) for name in wanted}
        if seen != wanted:
            return False
    return True


def membership(cluster: Cluster, alias: str) -> JSON:
    """`{index: options}` of one alias now: every index that it is on."""
    answer = cluster.read(f"/_alias{index_path(alias)}", {"expand_wildcards": "all"})
    return {
        index: normalize.alias_options(raw["aliases"][alias])
        for index, raw in (answer or {}).items()
    }


def execute(step: Step, run: Run) -> JSON:
    """Sent as planned; the cluster applies all of it or nothing."""
    send(step, run)
    return {}


def undo(_step: Step, _run: Run) -> None:
    """Never: what was switched is served, and stays."""
