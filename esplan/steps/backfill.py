"""Index the documents that are there once more, as they are: then new fields have their values.

`_update_by_query` without a script, as a task that survives this process. Starting again is
harmless: a document is written as it is, and only if nobody else has written it meanwhile. The
index's default pipeline is turned off for it; a final one cannot be, and is refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from esplan import checksum, pipelines, rejected
from esplan.errors import StepFailed
from esplan.plan import Step
from esplan.request import index_path, request
from esplan.steps import protect_index, reindex
from esplan.steps.request import index_now

if TYPE_CHECKING:
    from esplan.model import JSON, Index, Migrate
    from esplan.plan import Phase
    from esplan.run import Run

ROUNDS = 5
"""Repetitions while documents were written by others meanwhile. Those have the fields anyway:
the mapping was there before they were written."""

REPEAT = True
"""No look at the index tells which documents were indexed anew."""


def describe(
    address: str,
    index: Index,
    fields: list[str],
    migrate: Migrate,
    preconditions: tuple[JSON, ...],
    *,
    phase: Phase,
) -> Step:
    """`fields` are the full names of those that were added."""
    parameters = {
        "wait_for_completion": "false",
        "conflicts": "proceed",
        "refresh": "true",
        "pipeline": pipelines.NONE,
        "slices": migrate.slices,
        "requests_per_second": migrate.requests_per_second,
        **reindex.smaller_batch(index, "scroll_size"),
    }
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return Step(
        kind="backfill",
        phase=phase,
        address=address,
        description=f"fill {', '.join(fields)} in the documents of {index.name}",
        request=request("POST", index_path(index.name, f"/_update_by_query?{query}"), {}),
        preconditions=(*preconditions, {"check": "writable", "index": index.name}),
        undo={"none": "the documents are as they were; only the new fields have values"},
        estimate={"documents": index.documents, "bytes": index.size},
        arguments={"index": index.name, "source": index.name, "fields": fields},
    )


def probe(step: Step, run: Run) -> bool:
    """Nothing of ours runs any more: see `REPEAT`."""
    return not reindex.tasks(run, run.opaque_id(step))


def execute(step: Step, run: Run) -> JSON:
    """Rounds until no document was written by somebody else meanwhile.

    Until it has ended the mapping's `_meta` says that it has not, for a later plan to see.
    """
    _mark(step, run, begun=True)
    updated = conflicts = 0
    took: JSON = {}
    for _ in range(ROUNDS):
        checksum.refresh(run.cluster, [step.arguments["index"]])
        response = _round(step, run)
        updated += response["updated"]
        conflicts = response["version_conflicts"]
        took = took or reindex.measured(step, response, response["updated"])
        if not conflicts:
            break
        run.listener.note(f"{conflicts} documents were written meanwhile: once more")
    _mark(step, run, begun=False)
    return {"updated": updated, "version_conflicts": conflicts, **took}


def _mark(step: Step, run: Run, *, begun: bool) -> None:
    """Put the fields among the unfinished ones, or take them off; whatever else is there stays."""
    index = index_now(step, run)
    if index is None:
        return
    fields, known = set(step.arguments["fields"]), set(index.unfinished)
    wanted = known | fields if begun else known - fields
    if wanted == known:
        return
    meta = protect_index.meta(replace(index, unfinished=tuple(sorted(wanted))))
    path = index_path(index.name, "/_mapping")
    run.change("PUT", path, {"_meta": meta}, opaque_id=run.opaque_id(step))


def _round(step: Step, run: Run) -> JSON:
    """Completed does not mean good: failures, a cancel and a timeout are all `completed`."""
    found = reindex.awaited(step, run)
    response: JSON = found.get("response", {})
    failures = response.get("failures", [])
    error = reindex.stopped(found)
    if failures or error:
        why = rejected.listed(failures) or str(error)
        raise StepFailed(
            f"the documents of {step.arguments['index']} could not all be indexed anew",
            code="ESP-5306",
            why=why,
            remedy="correct the documents or the mapping, then plan again: what is done stays",
        )
    return response


def undo(step: Step, run: Run) -> None:
    """Cancel what still runs, so that nothing writes any more."""
    reindex.undo(step, run)
