"""Delete in the target of a catch-up what is not in its source any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import checksum
from esplan.checksum.document import places
from esplan.errors import StepFailed
from esplan.request import pieces
from esplan.steps import heirs, ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from esplan.checksum import Reading
    from esplan.model import JSON
    from esplan.plan import Step
    from esplan.run import Run

NO_MATTER = (200, 404, 409)
"""Deleted, or gone already, or written meanwhile: the proof looks at it."""

DELETES = 1_000
"""Documents a request."""


def reading(step: Step) -> Reading:
    """How the source of a catch-up is read; with `is_mirrored` its target."""
    given = step.arguments.get("reading", {})
    return checksum.from_json({name: part for name, part in given.items() if name != "mirrored"})


def is_mirrored(step: Step) -> bool:
    """Whether the reading is about the target: on the way back."""
    return bool(step.arguments.get("reading", {}).get("mirrored"))


def delete(step: Step, run: Run, ids: Sequence[str]) -> None:
    """What is not in the source any more. A routed twin that is there stays.

    By the id that a script makes no document of the source is found: then nothing is asked of it.
    """
    source, target = step.arguments["source"], step.arguments["target"]
    if not ids:
        return
    how = checksum.PLAIN if is_mirrored(step) else reading(step)
    checksum.refresh(run.cluster, [source, target])
    for some in pieces(ids, DELETES):
        there = [] if how.script else places(run.cluster, source, some, how.query)
        kept = {(one["_id"], one["routing"]) for one in there}
        found = places(run.cluster, target, some)
        ledger.require_alone(step, run)
        heirs.require_continuous(step, run)
        _send(run, step, [one for one in found if (one["_id"], one["routing"]) not in kept])


def _send(run: Run, step: Step, found: Iterable[JSON]) -> None:
    """Only in the writing that was seen: whoever wrote since is met by the proof."""
    target = step.arguments["target"]
    own = ({name: value for name, value in one.items() if value is not None} for one in found)
    lines = [{"delete": {"_index": target, **one}} for one in own]
    if not lines:
        return
    ledger.deleting(step, run, len(lines))
    answer = run.change("POST", "/_bulk", lines, opaque_id=run.opaque_id(step))
    items = [one["delete"] for one in answer["items"]]
    ledger.deleted(step, run, items)
    bad = [one for one in items if one["status"] not in NO_MATTER]
    if bad:
        raise StepFailed(
            f"documents that clients deleted could not be deleted in {target}",
            code="ESP-5307",
            why=str(bad[0].get("error", {}).get("reason", bad[0]["status"])),
            remedy="cure the cause, then apply the plan again",
        )
