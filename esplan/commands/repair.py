"""`esplan verify A B --repair`: what differs in B is made as in A, and proven once more."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from esplan import checksum, kept, live, seen
from esplan.checksum.difference import SHOWN
from esplan.checksum.repair import Kind, Repaired
from esplan.checksum.repair import repair as carried_out
from esplan.errors import Refused
from esplan.lock import Lock
from esplan.model import UNNUMBERED
from esplan.plan import STATE_INDEX, digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from esplan.checksum import Ids, Report
    from esplan.cluster import Cluster
    from esplan.model import JSON, Index

MOST = 10_000
"""Documents: more than that is no repair, and goes through this client one by one."""

KINDS: tuple[Kind, ...] = ("missing", "extra", "different")

ANEW = "let a plan make the index anew: it copies inside the cluster, and proves the whole"


@dataclass(frozen=True)
class Intent:
    """What is to be done to the index `target`, for whoever consents. `aliases` are on it."""

    source: str
    target: str
    aliases: tuple[str, ...]
    create: int
    delete: int
    replace: int


def intent(cluster: Cluster, report: Report) -> Intent:
    """Raises Refused where it cannot be done rightly. The report must have every id."""
    source, target = report.source, report.target
    counts = [getattr(report, kind).count for kind in KINDS]
    if sum(counts) > MOST:
        raise Refused(
            f"{sum(counts):,} documents differ, and at most {MOST:,} are repaired",
            code="ESP-4801",
            remedy=ANEW,
        )
    seen.require_all(cluster, [source, target])
    indices = live.read_indices(cluster, [source, target])
    if gone := sorted({source, target} - indices.keys()):
        raise Refused(
            f"the index {', '.join(gone)} is gone since the comparison",
            code="ESP-4802",
            remedy="see which indices there are: GET _cat/indices",
        )
    _refuse_unwritable(indices[target])
    if any(one.body.unnumbered for one in indices.values()):
        raise Refused(
            f"{source} or {target} has no sequence numbers ({UNNUMBERED})",
            code="ESP-4802",
            why="nobody could tell whether a document was written meanwhile",
            remedy="write these documents by hand",
        )
    hidden = {kind for one in indices.values() for kind in kept.hidden_types(one.body.mappings)}
    if hidden:
        raise Refused(
            f"{source} or {target} has fields that a server may hide from this client: "
            f"{', '.join(sorted(hidden))}",
            code="ESP-4802",
            why="a document that is written without them would be another one",
            remedy=ANEW,
        )
    return Intent(source, target, tuple(sorted(indices[target].aliases)), *counts)


def _refuse_unwritable(target: Index) -> None:
    settings, name = target.body.settings, target.name
    blocks = sorted(n for n, v in settings.items() if n.startswith("index.blocks.") and v == "true")
    if name == STATE_INDEX:
        raise Refused(f"{name} is esplan's own", code="ESP-4802", remedy="name another index")
    if blocks:
        raise Refused(
            f"{name} cannot be repaired: {', '.join(blocks)}",
            code="ESP-4109",
            why="somebody, or an apply that goes on, does not want it to change",
            remedy="see `esplan status`; lift the block if nobody needs it",
        )
    if settings.get("index.final_pipeline"):
        raise Refused(
            f"{name} cannot be repaired: its index.final_pipeline would change what is written",
            code="ESP-4802",
            remedy="take the pipeline off for that time",
        )


def repair(
    cluster: Cluster,
    report: Report,
    note: Callable[[str], None],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Repaired, Report]:
    """Under the lock: what was done, and the proof after it. Raises Locked, and as `intent`."""
    asked = digest(["repair", report.source, report.target])
    with Lock(cluster, asked, note) as lock:
        intent(cluster, report)  # it may have been blocked while somebody thought about it
        _refuse_moved(cluster, report)
        done = carried_out(cluster, report, lock.check)
    again = checksum.compare(cluster, report.source, report.target, progress=progress)
    return done, again


def _refuse_moved(cluster: Cluster, report: Report) -> None:
    """What somebody has consented to is what was compared."""
    if checksum.marks(cluster, [report.source, report.target]) != report.marks:
        raise Refused(
            f"somebody has written to {report.source} or {report.target} since they were compared",
            code="ESP-4803",
            remedy="verify again, and repair what differs then: nothing was changed",
        )


def _ids(report: Report, kind: Kind) -> Ids:
    found: Ids = getattr(report, kind)
    return found


def shown(report: Report) -> Report:
    """As a report is shown: a part of the ids."""
    missing, extra, different = (
        replace(one, sample=one.sample[:SHOWN]) for one in (_ids(report, kind) for kind in KINDS)
    )
    return replace(report, missing=missing, extra=extra, different=different)


def to_json(done: Repaired, report: Report) -> JSON:
    """For programs: counts, what was left and why, and the second proof."""
    return {**asdict(done), "report": report.to_json()}
