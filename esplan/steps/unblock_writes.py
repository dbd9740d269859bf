"""Let clients write to the old index again, once the alias has left it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.plan import Step
from esplan.request import index_path, request
from esplan.steps import settling
from esplan.steps.request import index_now, send, send_request

if TYPE_CHECKING:
    from esplan.model import JSON
    from esplan.plan import Phase
    from esplan.run import Run

SETTING = "index.blocks.write"


def lifted(index: str) -> JSON:
    """The request that lifts a write block. `DELETE …/_block/write` exists from 9 on only."""
    return request("PUT", index_path(index, "/_settings"), {SETTING: None})


REPEAT = False


def describe(
    address: str, index: str, uuid: str, phase: Phase = "switch", *, again: bool = False
) -> Step:
    """Without it a write block would be left behind.

    `again`: taken back, it blocks the index again, which was blocked before.
    """
    blocked: JSON = {"request": request("PUT", index_path(index, "/_block/write"))}
    return Step(
        kind="unblock_writes",
        phase=phase,
        address=address,
        description=f"lift the write block from {index}",
        request=lifted(index),
        preconditions=({"check": "index", "index": index, "uuid": uuid},),
        undo=blocked if again else {"none": "the alias has left this index"},
        arguments={"index": index, "uuid": uuid},
    )


def probe(step: Step, run: Run) -> bool:
    """No write block, or no such index any more."""
    index = index_now(step, run)
    return index is None or index.body.settings.get(SETTING) is None


def execute(step: Step, run: Run) -> JSON:
    """Sent as planned; after a switch, once nothing from before it is still at work."""
    if "request" not in step.undo:
        settling.settle(step, run)
    send(step, run)
    return {}


def undo(step: Step, run: Run) -> None:
    """Nothing to take back after a switch; before that of a rollback the block is set again."""
    index = index_now(step, run)
    if "request" not in step.undo or index is None or index.uuid != step.arguments["uuid"]:
        return
    if index.body.settings.get(SETTING) is None:
        send_request(step.undo["request"], run, run.opaque_id(step))
