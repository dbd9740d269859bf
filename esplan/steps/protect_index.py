"""Say in an index's own mapping that it must stay, or that it need not any more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from esplan import normalize
from esplan.plan import Step
from esplan.request import index_path, request
from esplan.steps.request import index_now, send, send_request

if TYPE_CHECKING:
    from esplan.model import JSON, Index
    from esplan.run import Run

REPEAT = False


def describe(address: str, index: Index, *, protect: bool) -> Step:
    """`_meta` is sent whole, because the server replaces it whole."""
    path = index_path(index.name, "/_mapping")
    before, after = meta(index), meta(replace(index, protect=protect))
    said = "protect" if protect else "take the protection off"
    return Step(
        kind="protect_index",
        phase="prepare",
        address=address,
        description=f"{said} {index.name} (_meta of its mapping)",
        request=request("PUT", path, {"_meta": after}),
        preconditions=(
            {"check": "index", "index": index.name, "uuid": index.uuid},
            {"check": "meta", "index": index.name, "meta": before},
        ),
        undo={"request": request("PUT", path, {"_meta": before})},
        arguments={"index": index.name, "uuid": index.uuid, "protect": protect},
    )


def meta(index: Index) -> JSON:
    """The whole `_meta` of a live index."""
    return normalize.meta(
        index.body.mappings,
        index.mark,
        protect=bool(index.protect),
        transform=index.transform,
        unfinished=index.unfinished,
    )


def probe(step: Step, run: Run) -> bool:
    """The index with that UUID is as wanted."""
    index = index_now(step, run)
    wanted = (step.arguments["uuid"], step.arguments["protect"])
    return index is not None and (index.uuid, index.protect) == wanted


def execute(step: Step, run: Run) -> JSON:
    """Sent as planned."""
    send(step, run)
    return {}


def undo(step: Step, run: Run) -> None:
    """As it was, unless somebody has changed `_meta` since."""
    index = index_now(step, run)
    sent = (step.request or {})["body"]["_meta"]
    if index and (index.uuid, meta(index)) == (step.arguments["uuid"], sent):
        send_request(step.undo["request"], run, run.opaque_id(step))
