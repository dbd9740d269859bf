"""Carry the documents of another cluster over, page by page, where this cluster may not read it.

Each page is created through the guard alias, with `require_alias`, to the byte. How far it came
is kept in the cluster, with the UUID of the index that is filled: everything before that place is
there. After a crash the pages since then are read again, and what is there already is a version
conflict, as with `_reindex`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import checksum, rates
from esplan.errors import StepFailed
from esplan.pages import MOST_DOCUMENTS, Pager, first_size, shards
from esplan.plan import Step
from esplan.request import index_path, request
from esplan.steps import carry
from esplan.steps.carrying import Carrier, Reached, Writer

if TYPE_CHECKING:
    from esplan.model import JSON, Migrate
    from esplan.origin import Origin
    from esplan.run import Run

REPEAT = False

BULK = "require_alias=true&filter_path=items.*._id,items.*.status,items.*.error"

THREADS = 3
"""Pages on their way at a time, unless `slices` says another number."""


def describe(
    address: str, origin: Origin, target: str, migrate: Migrate, preconditions: tuple[JSON, ...]
) -> Step:
    """The documents go from the other cluster to the guard alias `target`."""
    return Step(
        kind="remote_copy",
        phase="prepare",
        address=address,
        description=f"copy every document of {origin.label} (esplan reads {origin.url})",
        request=request("POST", index_path(target, f"/_bulk?{BULK}")),
        preconditions=preconditions,
        undo={"none": "its target is deleted"},
        estimate={"documents": origin.index.documents, "bytes": origin.index.size},
        arguments={
            "source": origin.label,
            "target": target,
            "origin": origin.to_json(),
            "threads": THREADS if migrate.slices == "auto" else migrate.slices,
            "page": min(MOST_DOCUMENTS, origin.window),
            "requests_per_second": migrate.requests_per_second,
        },
    )


def probe(step: Step, run: Run) -> bool:
    """Nobody blocks writes there, so no number tells: only who saw the last page knows."""
    return step.id in run.finished


def execute(step: Step, run: Run) -> JSON:
    """From where the last process came to. Raises StepFailed with the documents that failed."""
    carried = carry.over(step, run)
    given, index = step.arguments, step.arguments["origin"]["index"]
    other = run.other(given["origin"]["environment"])
    reached = Reached.read(run.cluster, f"progress-{run.plan.id}-{step.id}", _uuid(step, run))
    highest = checksum.marks(other, [index])[index]
    checksum.refresh(other, [index])
    documents, size = (step.estimate.get(name) for name in ("documents", "bytes"))
    rate = given["requests_per_second"]
    most = min(given["page"], int(rate) if rate > 0 else given["page"])  # in a second at most
    pager = Pager(other, index, first_size(documents, size), most)
    writer = Writer(step, run, rate)
    total = checksum.count(other, index)
    carrier = Carrier(pager, writer, reached, given["threads"], total)
    began = reached.documents
    carrier.carry(shards(highest))
    run.finished.add(step.id)
    found: JSON = {"total": reached.documents, "created": writer.created, "resumed_after": began}
    found["version_conflicts"] = writer.there_already
    unhindered = not began and rate < 0
    whole = unhindered and 0 < writer.created == reached.documents
    found |= carried
    return found | (rates.evidence(step, carrier.seconds, writer.created) if whole else {})


def _uuid(step: Step, run: Run) -> str:
    """Of the index behind the guard alias: another one begins at the beginning."""
    path = index_path(step.arguments["target"])
    found = run.cluster.read(path, {"filter_path": "*.settings.index.uuid"}) or {}
    if len(found) != 1:
        raise StepFailed(
            f"the alias {step.arguments['target']} is not on the new index",
            code="ESP-5310",
            why="through it alone the index is filled",
            remedy="apply again: the index is made anew",
        )
    ((own, definition),) = found.items()
    return f"{own} {definition['settings']['index']['uuid']}"


def undo(step: Step, run: Run) -> None:
    """No task runs without this process, and the index is deleted with what it has."""
    run.finished.discard(step.id)
