"""Put the plan's own alias on an index that is there already: through it alone a copy is filled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.plan import Step
from esplan.steps.request import fenced, index_now, send, send_request

if TYPE_CHECKING:
    from esplan.model import JSON, Index
    from esplan.run import Run

REPEAT = False


def describe(address: str, index: Index, guard: str, preconditions: tuple[JSON, ...]) -> Step:
    """The switch takes the guard off again, in its own call."""
    alias = {"index": index.name, "alias": guard}
    return Step(
        kind="guard_index",
        phase="prepare",
        address=address,
        description=f"reserve {index.name} for this plan (a hidden alias)",
        request=fenced([{"add": {**alias, "is_hidden": True}}]),
        preconditions=preconditions,
        undo={"request": fenced([{"remove": {**alias, "must_exist": True}}])},
        arguments={"index": index.name, "guard": guard},
    )


def probe(step: Step, run: Run) -> bool:
    """The index has the alias."""
    index = index_now(step, run)
    return index is not None and step.arguments["guard"] in index.aliases


def execute(step: Step, run: Run) -> JSON:
    """Sent as planned, under the fence."""
    send(step, run)
    return {}


def undo(step: Step, run: Run) -> None:
    """Take it off, if it is there."""
    if probe(step, run):
        send_request(step.undo["request"], run, run.opaque_id(step))
