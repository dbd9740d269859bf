"""Copy the documents of another cluster with `_reindex`, as a task that survives this process.

Only where this cluster was allowed to read the other one (`reindex.remote.whitelist`). The
credentials are put into the request when it is sent, and nowhere else; the server's list of tasks
shows the name of the user, and neither password nor headers (seen on 8.16.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.errors import ServerError, StepFailed
from esplan.plan import CREDENTIALS, Step
from esplan.request import request
from esplan.steps import reindex

if TYPE_CHECKING:
    from esplan.model import JSON, Migrate
    from esplan.origin import Origin
    from esplan.run import Run

REPEAT = False

BUFFER = 10_000_000
"""Bytes as stored that a batch should have: the server refuses a batch above 100 MB of JSON."""


INSTEAD = (
    "see whether the nodes of this cluster reach the other one, and trust its certificate; "
    "or declare migrate.from.via: client, then esplan carries the documents"
)


def describe(
    address: str, origin: Origin, target: str, migrate: Migrate, preconditions: tuple[JSON, ...]
) -> Step:
    """The copy runs from the other cluster through the guard alias `target`. It has no slices."""
    path = (
        "/_reindex?wait_for_completion=false"
        f"&requests_per_second={migrate.requests_per_second}&require_alias=true&timeout=10m"
    )
    remote: JSON = {"host": origin.url, "environment": origin.environment}
    if origin.signed_in:
        remote["credentials"] = CREDENTIALS
    source = {"remote": remote, "index": origin.index.name, "size": _batch(origin)}
    body = {
        "conflicts": "proceed",
        "source": source,
        "dest": {"index": target, "op_type": "create"},
    }
    return Step(
        kind="remote_reindex",
        phase="prepare",
        address=address,
        description=f"copy every document of {origin.label} (this cluster reads {origin.url})",
        request=request("POST", path, body),
        preconditions=preconditions,
        undo={"none": "a copy that still runs is cancelled; its target is deleted"},
        estimate={"documents": origin.index.documents, "bytes": origin.index.size},
        arguments={"source": origin.label, "target": target, "origin": origin.to_json()},
    )


def _batch(origin: Origin) -> int:
    documents, size = origin.index.documents or 0, origin.index.size or 0
    fits = BUFFER * documents // size if size else reindex.BATCH
    return max(1, min(reindex.BATCH, fits, origin.window))


def probe(step: Step, run: Run) -> bool:
    """Nobody blocks writes there, so no number tells: only who saw the task end knows."""
    return not reindex.tasks(run, run.opaque_id(step)) and step.id in run.finished


def execute(step: Step, run: Run) -> JSON:
    """Adopt the running task or start one; wait for its end; refuse an end with failures."""
    try:
        return reindex.execute(step, run)
    except StepFailed as error:
        error.remedy = INSTEAD if error.remedy in ("", reindex.AFRESH) else error.remedy
        raise
    except ServerError as error:
        if error.status != 400 or "listed" not in error.what:  # noqa: PLR2004  (HTTP)
            raise
        raise StepFailed(
            f"this cluster may not copy from {step.arguments['origin']['url']} any more",
            code="ESP-4312",
            why=error.what,
            remedy="mend reindex.remote.whitelist, or make a new plan: "
            "then esplan carries the documents",
        ) from None


def undo(step: Step, run: Run) -> None:
    """Cancel what still runs and wait until it is gone."""
    reindex.undo(step, run)
