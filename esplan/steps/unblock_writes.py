"""Let clients write to the old index again, once the alias has left it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.plan import Step
from esplan.request import index_path, request
from esplan.steps.request import index_now, send

if TYPE_CHECKING:
    from esplan.model import JSON
    from esplan.run import Run

SETTING = "index.blocks.write"


def lifted(index: str) -> JSON:
    """The request that lifts a write block. `DELETE …/_block/write` exists from 9 on only."""
    return request("PUT", index_path(index, "/_settings"), {SETTING: None})


REPEAT = False


def describe(address: str, index: str, uuid: str) -> Step:
    """Without it a write block would be left behind."""
    return Step(
        kind="unblock_writes",
        phase="switch",
        address=address,
        description=f"lift the write block from {index}",
        request=lifted(index),
        preconditions=({"check": "index", "index": index, "uuid": uuid},),
        undo={"none": "the alias has left this index"},
        arguments={"index": index},
    )


def probe(step: Step, run: Run) -> bool:
    """No write block, or no such index any more."""
    index = index_now(step, run)
    return index is None or index.body.settings.get(SETTING) is None


def execute(step: Step, run: Run) -> JSON:
    """Sent as planned."""
    send(step, run)
    return {}


def undo(_step: Step, _run: Run) -> None:
    """Nothing to take back: it comes after the switch."""
