"""Open an index that this plan has closed, and wait until every shard serves again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.errors import ServerError, StepFailed
from esplan.plan import Step
from esplan.request import index_path, request, there
from esplan.steps.request import index_now, send, send_request

if TYPE_CHECKING:
    from esplan.model import JSON
    from esplan.run import Run

PATIENCE = 1800
"""Seconds after which an index whose primaries do not start is given up."""

REPEAT = False


def describe(address: str, index: str, preconditions: tuple[JSON, ...]) -> Step:
    """Taken back by closing it, so that the settings can be taken back, too."""
    return Step(
        kind="open_index",
        phase="switch",
        address=address,
        description=f"open {index} again",
        request=request("POST", index_path(index, "/_open")),
        preconditions=preconditions,
        undo={"request": request("POST", index_path(index, "/_close"))},
        arguments={"index": index},
    )


def probe(step: Step, run: Run) -> bool:
    """Open, and every primary serves. Replicas may be missing, as they may have been before."""
    index = index_now(step, run)
    return index is not None and index.is_open and _status(step, run) in ("yellow", "green")


def _status(step: Step, run: Run, **wait: str) -> str:
    """A wait that runs out answers 408."""
    path = f"/_cluster/health{index_path(step.arguments['index'])}"
    try:
        return str(there(run.cluster.read(path, wait), path)["status"])
    except ServerError as error:
        if error.status != 408:  # noqa: PLR2004  (HTTP's own number)
            raise
        return "red"


def execute(step: Step, run: Run) -> JSON:
    """Asked in short waits; an interruption waits for the index, not the other way round."""
    send(step, run)
    for _ in range(PATIENCE):
        status = _status(step, run, wait_for_status="yellow", timeout="1s")
        if status != "red":
            return {"status": status}
        run.lock.check()
    raise StepFailed(
        f"{step.arguments['index']} does not serve after it was opened",
        code="ESP-5302",
        remedy=f"see GET /_cluster/allocation/explain for a shard of {step.arguments['index']}",
    )


def undo(step: Step, run: Run) -> None:
    """Close it: settings go back on a closed index only, and undoing the close opens it."""
    index = index_now(step, run)
    if index and index.is_open:
        send_request(step.undo["request"], run, run.opaque_id(step))
