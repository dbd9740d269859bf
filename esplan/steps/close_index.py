"""Close an index for settings that an open one does not take. Nobody is served meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.errors import OutcomeUnknown
from esplan.plan import Step
from esplan.request import index_path, request
from esplan.steps.request import index_now, send, send_request

if TYPE_CHECKING:
    from esplan.model import JSON
    from esplan.run import Run

REPEAT = False


def describe(address: str, index: str, preconditions: tuple[JSON, ...]) -> Step:
    """Only with consent: `--allow-close`."""
    return Step(
        kind="close_index",
        phase="switch",
        address=address,
        description=f"close {index} (it serves nobody until it is open again)",
        request=request("POST", index_path(index, "/_close")),
        preconditions=preconditions,
        undo={"request": request("POST", index_path(index, "/_open"))},
        arguments={"index": index},
    )


def probe(step: Step, run: Run) -> bool:
    """Closed."""
    index = index_now(step, run)
    return index is not None and not index.is_open


def execute(step: Step, run: Run) -> JSON:
    """Every shard has answered that it is closed; else nothing is known."""
    answer = send(step, run)
    closed = all(one.get("closed") for one in answer.get("indices", {}).values())
    if not answer.get("shards_acknowledged") or not closed:
        raise OutcomeUnknown(
            f"not every shard of {step.arguments['index']} has confirmed that it is closed",
            code="ESP-3301",
            remedy="see GET /_cluster/health: a shard may be missing",
        )
    return {}


def undo(step: Step, run: Run) -> None:
    """Open it again."""
    if probe(step, run):
        send_request(step.undo["request"], run, run.opaque_id(step))
