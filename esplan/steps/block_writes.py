"""Block writes to the source: after this step no write is in flight, whoever set the block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.errors import Refused
from esplan.plan import Step
from esplan.request import index_path, request
from esplan.steps import draining, unblock_writes
from esplan.steps.request import index_now, send, send_request

if TYPE_CHECKING:
    from esplan.model import JSON, Index
    from esplan.run import Run

REPEAT = False


def describe(address: str, index: str, preconditions: tuple[JSON, ...], *, ours: bool) -> Step:
    """The `_block` call waits for writes in flight; setting the block by `_settings` does not.

    `ours` is False when the index was blocked before the plan: then nothing lifts the block.
    """
    lifted: JSON = {"request": unblock_writes.lifted(index)}
    return Step(
        kind="block_writes",
        phase="switch",
        address=address,
        description=f"block writes to {index} (clients get 403 until the switch)",
        request=request("PUT", index_path(index, "/_block/write")),
        preconditions=preconditions,
        undo=lifted if ours else {"none": "the index was write-blocked before"},
        arguments={"index": index},
    )


def probe(step: Step, run: Run) -> bool:
    """The block is set, and this apply has seen it drain: the setting alone says nothing.

    Raises Refused where another has made the index read-only: nothing can be drained then.
    """
    index = index_now(step, run)
    if index is None:
        return False
    draining.refuse_foreign(run, index)
    return _is_blocked(index) and index.name in run.drained


def _is_blocked(index: Index) -> bool:
    return index.body.settings.get(unblock_writes.SETTING) == "true"


def execute(step: Step, run: Run) -> JSON:
    """Set the block; one that is there already is drained. The version of the settings is kept."""
    name = step.arguments["index"]
    index = index_now(step, run)
    if index and (_is_blocked(index) or draining.READ_ONLY in index.body.settings):
        draining.drain(run, index)
    else:
        before = draining.version(run.cluster, name)
        answer = send(step, run)
        _require_planned(step, run)
        draining.confirm(name, answer)
        draining.moved(run, name, before, 1)
    return {draining.VERSION: run.drained[name]}


def _require_planned(step: Step, run: Run) -> None:
    """The block may have met another index, which was made anew in that moment: it is lifted."""
    index = index_now(step, run)
    if index is None or is_planned(step, index):
        return
    send_request(unblock_writes.lifted(index.name), run, run.opaque_id(step))
    raise Refused(
        f"{index.name} is another index now (UUID {index.uuid})",
        code="ESP-4601",
        why="it was made anew while this apply blocked writes to it; that block is lifted",
        remedy="the cluster has changed since the plan was made: make a new plan",
    )


def undo(step: Step, run: Run) -> None:
    """Let writes through again, unless the block is somebody else's."""
    run.drained.pop(step.arguments["index"], None)
    index = index_now(step, run)
    if index is None or not is_planned(step, index):
        return
    draining.lift(run, index)
    if "request" in step.undo and index.body.settings.get(unblock_writes.SETTING) is not None:
        send_request(step.undo["request"], run, run.opaque_id(step))


def is_planned(step: Step, index: Index) -> bool:
    """Whether it is not another index that has got the name since the plan was made."""
    checks = (one for one in step.preconditions if one["check"] == "index")
    known = {one["uuid"] for one in checks if one["index"] == index.name}
    return not known or index.uuid in known
