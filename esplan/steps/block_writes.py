"""Block writes to the source: after the answer no write is in flight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.errors import OutcomeUnknown
from esplan.plan import Step
from esplan.request import index_path, request
from esplan.steps import unblock_writes
from esplan.steps.request import index_now, send, send_request

if TYPE_CHECKING:
    from esplan.model import JSON
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
    """The block is set: after `_block`, no write is in flight then.

    A block set by hand through `_settings` may have some, and asking again does not wait for
    them (the server answers `shards_acknowledged: false` at once). A write that lands late
    moves the source's sequence numbers, which the proof and the switch check.
    """
    index = index_now(step, run)
    return index is not None and index.body.settings.get(unblock_writes.SETTING) == "true"


def execute(step: Step, run: Run) -> JSON:
    """Every shard has answered that it is blocked; else nothing is known."""
    answer = send(step, run)
    if not answer.get("shards_acknowledged") or not all(i["blocked"] for i in answer["indices"]):
        raise OutcomeUnknown(
            f"not every shard of {step.arguments['index']} has confirmed the write block",
            code="ESP-3301",
            remedy="see GET /_cluster/health: a shard may be missing",
        )
    return {}


def undo(step: Step, run: Run) -> None:
    """Let writes through again, unless the block is somebody else's."""
    if "request" not in step.undo:
        return
    index = index_now(step, run)
    if index and index.body.settings.get(unblock_writes.SETTING) is not None:
        send_request(step.undo["request"], run, run.opaque_id(step))
