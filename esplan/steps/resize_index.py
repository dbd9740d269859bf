"""Shrink, split or clone an index into a new one by hard links: seconds, whatever its size.

A resize takes no mappings, so the new index has the `_meta` of its source. The plan's own guard
alias on it says whose it is, until the step that switches puts the mark there (see `carry`).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from esplan import rates
from esplan.errors import Refused, StepFailed
from esplan.plan import Step
from esplan.request import index_path, request
from esplan.steps.request import fenced, index_now, send, send_request

if TYPE_CHECKING:
    from esplan.model import JSON, Index
    from esplan.run import Run

REPEAT = False

Resize = Literal["clone", "shrink", "split"]


def describe(
    address: str,
    how: Resize,
    source: Index,
    target: str,
    settings: JSON,
    guard: str,
    preconditions: tuple[JSON, ...],
) -> Step:
    """`settings` come on top of the source's; None takes one away. `guard` marks the new index."""
    body = {"settings": settings, "aliases": {guard: {"is_hidden": True}}}
    return Step(
        kind="resize_index",
        phase="switch",
        address=address,
        description=f"{how} {source.name} into {target} ({_shards(settings)})",
        request=request("POST", index_path(source.name, f"/_{how}{index_path(target)}"), body),
        preconditions=({"check": "absent", "name": target}, *preconditions),
        undo={"request": fenced([{"remove_index": {"index": target}}])},
        estimate={"documents": source.documents, "bytes": source.size},
        arguments={"index": target, "source": source.name, "guard": guard},
    )


def _shards(settings: JSON) -> str:
    count = settings["index.number_of_shards"]
    return "1 shard" if str(count) == "1" else f"{count} shards"


def probe(step: Step, run: Run) -> bool:
    """There, under this plan's guard alias. An index of that name without it is refused."""
    index = index_now(step, run)
    if index is None:
        return False
    if step.arguments["guard"] not in index.aliases:
        raise Refused(
            f"the index {index.name} exists, and this plan did not make it",
            code="ESP-4604",
            why=f"its UUID is {index.uuid}",
            remedy="delete it if it is a leftover, then make a new plan",
        )
    return True


def execute(step: Step, run: Run) -> JSON:
    """The index; its primaries start while it is awaited. Its UUID goes into the journal."""
    began = time.monotonic()
    send(step, run)
    took = rates.evidence(step, time.monotonic() - began)
    index = index_now(step, run)
    return {"uuid": index.uuid if index else "", **took}


def undo(step: Step, run: Run) -> None:
    """Delete it again: only if it carries the guard, and nobody is served by it."""
    index = index_now(step, run)
    if index is None or step.arguments["guard"] not in index.aliases:
        return
    others = sorted(set(index.aliases) - {step.arguments["guard"]})
    if others:
        raise StepFailed(
            f"the index {index.name} was made by this plan and serves {', '.join(others)}: "
            "it was left as it is",
            code="ESP-5309",
            remedy=f"look at GET /{index.name}, and delete it by hand if nobody needs it",
        )
    send_request(step.undo["request"], run, run.opaque_id(step))
