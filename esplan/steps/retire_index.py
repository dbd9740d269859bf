"""Block writes to an index that the alias has left and no copy was made of, until it is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import checksum
from esplan.plan import Step
from esplan.request import index_path, request
from esplan.steps import block_writes, unblock_writes
from esplan.steps.heirs import identity
from esplan.steps.request import index_now, send_request

if TYPE_CHECKING:
    from esplan.model import JSON, Index
    from esplan.plan import Phase
    from esplan.run import Run

REPEAT = False

LEFT = "left"
"""The key in the evidence: `identity` and `marks` of the index, once no write is in flight."""


def describe(
    address: str, index: Index, preconditions: tuple[JSON, ...] = (), phase: Phase = "switch"
) -> Step:
    """A block that was there before the plan is not lifted when this is taken back."""
    name = index.name
    ours = index.body.settings.get(unblock_writes.SETTING) != "true"
    lifted: JSON = {"request": unblock_writes.lifted(name)}
    return Step(
        kind="retire_index",
        phase=phase,
        address=address,
        description=f"block writes to {name} until it is deleted",
        request=request("PUT", index_path(name, "/_block/write")),
        preconditions=(*preconditions, {"check": "index", "index": name, "uuid": index.uuid}),
        undo=lifted if ours else {"none": "the index was write-blocked before"},
        arguments={"index": name, "uuid": index.uuid},
    )


def probe(step: Step, run: Run) -> bool:
    """It is blocked, and what it held then is known; or it is gone already."""
    index = index_now(step, run)
    if index is None or index.uuid != step.arguments["uuid"]:
        return True
    return step.address in run.left and index.body.settings.get(unblock_writes.SETTING) == "true"


def execute(step: Step, run: Run) -> JSON:
    """A block of ours whose answer was lost is lifted and set again: that waits for writes."""
    name = step.arguments["index"]
    if "request" in step.undo and not _is_drained(step, run):
        index = index_now(step, run)
        if index and index.body.settings.get(unblock_writes.SETTING) is not None:
            send_request(step.undo["request"], run, run.opaque_id(step))
        block_writes.execute(step, run)
    marks = checksum.marks(run.cluster, [name])[name]
    found = {"index": name, "identity": identity(run.cluster, name), "marks": marks}
    run.left[step.address] = found
    return {LEFT: found}


def _is_drained(step: Step, run: Run) -> bool:
    """Another alias of this plan has left it, too, and it was blocked then."""
    return any(one["index"] == step.arguments["index"] for one in run.left.values())


def undo(step: Step, run: Run) -> None:
    """Let writes through again, unless the block is somebody else's."""
    run.left.pop(step.address, None)
    index = index_now(step, run)
    if index and index.uuid == step.arguments["uuid"]:
        block_writes.undo(step, run)
