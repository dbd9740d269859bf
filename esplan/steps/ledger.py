"""What a rollback has written to the old index: so that it is told apart from what others wrote.

Each write to a shard takes one sequence number. Where those that came to the old index since its
proof are as many as the rollback's own, nobody else has written to it, and the next rollback may
go on from there. The numbers are kept in the cluster, by the UUID of the index, before each write.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from esplan import checksum, state_index
from esplan.errors import VerificationFailed
from esplan.steps.heirs import identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from esplan.cluster import Cluster
    from esplan.model import JSON
    from esplan.plan import Step
    from esplan.run import Run

NAME = "carried-{uuid}"
"""The document in the state index."""

COUNTED = ("created", "updated", "deleted")
"""What a copy says of its writes."""

UNREAD = (
    "document_parsing_exception",
    "mapper_parsing_exception",
    "strict_dynamic_mapping_exception",
)
"""Refused by the mapping, before a document has a number (seen on 8.16.1); Lucene refuses later."""


@dataclass
class Ledger:
    """`base`: the marks of the index before the first write of this plan. `ours`: writes since.

    `tasks`: copies that were started, whose writes are not counted yet. `maybe`: writes that were
    sent and may have been carried out. `lost`: a copy ended of which nobody can tell what it wrote.
    `marks`: those of the index when the rollback was taken back, if all its writes were ours;
    `proven`: those of the proof that it went out from.
    """

    plan: str
    uuid: str
    proven: JSON
    base: JSON
    ours: int = 0
    tasks: list[str] = field(default_factory=list)
    maybe: int = 0
    lost: bool = False
    marks: JSON = field(default_factory=dict)

    def keep(self, cluster: Cluster) -> None:
        """Durably."""
        state_index.remember(cluster, NAME.format(uuid=self.uuid), asdict(self))


def left(cluster: Cluster, index: str, proven: JSON) -> JSON:
    """The marks of an index as a rollback left it that was taken back; {} where none was.

    `proven`: the marks of the proof that this one goes out from.
    """
    found = _read(cluster, index)
    if found is None or found.proven != proven:
        return {}
    return found.marks


def is_kept(step: Step) -> bool:
    """Whether a catch-up writes to an index that was there before its plan."""
    return "since" in step.arguments


def started(step: Step, run: Run, tasks: Sequence[str]) -> None:
    """Copies run."""
    if is_kept(step):
        own = _own(step, run)
        own.tasks += tasks
        own.marks = {}
        own.keep(run.cluster)


def ended(step: Step, run: Run, task: str, found: JSON) -> None:
    """A copy has ended, whether or not it did all that it should."""
    if is_kept(step):
        own = _own(step, run)
        if task in own.tasks:
            own.tasks.remove(task)
            _count(own, found)


def deleting(step: Step, run: Run, number: int) -> None:
    """So many deletes are about to be sent."""
    if is_kept(step):
        own = _own(step, run)
        own.maybe += number
        own.marks = {}
        own.keep(run.cluster)


def deleted(step: Step, run: Run, items: Iterable[JSON]) -> None:
    """They were answered. One that met a newer writing has taken no number."""
    if is_kept(step):
        own, items = _own(step, run), list(items)
        own.maybe -= len(items)
        own.ours += sum(one.get("_seq_no", -1) >= 0 for one in items)


def close(step: Step, run: Run) -> None:
    """What was begun is taken back, and nothing of it runs: the marks that it leaves."""
    if not is_kept(step) or (step.address not in run.ledgers and not _begun(step, run)):
        return
    own = _own(step, run)
    _reckon(own, run.cluster)
    now = _marks(step, run)
    own.marks = now if _is_explained(own, now) else {}
    own.keep(run.cluster)


def require_alone(step: Step, run: Run) -> None:
    """Raise VerificationFailed where another has written to the old index past its alias.

    No copy of ours may run. What was read of the old index before the call is ours, or was there
    before, if this does not raise.
    """
    if not is_kept(step):
        return
    own = _own(step, run)
    _reckon(own, run.cluster)
    if _is_explained(own, _marks(step, run)):
        return
    source, target = step.arguments["source"], step.arguments["target"]
    raise VerificationFailed(
        f"more was written to {target} than this rollback has written",
        code="ESP-4514",
        why="a client writes to it by its own name, or a copy was lost in a crash before it was "
        "noted: nobody can tell which documents are to stay",
        remedy=f"see what differs (esplan verify {source} {target}); then put the old definition "
        "into the desired file, and plan that",
    )


def _reckon(own: Ledger, cluster: Cluster) -> None:
    """Count what the copies have written that have ended meanwhile."""
    for task in [*own.tasks]:
        found = cluster.read(f"/_tasks/{task}")
        own.tasks.remove(task)
        if found is None:
            own.lost = True
        else:
            _count(own, found)


def _marks(step: Step, run: Run) -> dict[str, int]:
    name = step.arguments["target"]
    return checksum.marks(run.cluster, [name])[name]


def _is_explained(own: Ledger, now: dict[str, int]) -> bool:
    """Whether the numbers that were taken since are as many as our own writes."""
    came = sum(now.values()) - sum(own.base.values())
    return not own.lost and own.ours <= came <= own.ours + own.maybe


def _count(own: Ledger, found: JSON) -> None:
    """A document that the server refused may have taken a number, unless it could not read it."""
    said: dict[str, Any] = found.get("response") or found.get("task", {}).get("status", {})
    own.ours += sum(int(said.get(name, 0)) for name in COUNTED)
    failures = said.get("failures") or []
    own.maybe += sum(one.get("cause", {}).get("type") not in UNREAD for one in failures)


def _begun(step: Step, run: Run) -> bool:
    found = _read(run.cluster, step.arguments["target"])
    return found is not None and found.plan == run.plan.id


def _own(step: Step, run: Run) -> Ledger:
    """The one of this plan: of this process, or of one that is gone."""
    found: Ledger | None = run.ledgers.get(step.address)
    if found is None:
        target = step.arguments["target"]
        kept = _read(run.cluster, target)
        found = kept if kept and kept.plan == run.plan.id else _new(step, run)
        run.ledgers[step.address] = found
    return found


def _new(step: Step, run: Run) -> Ledger:
    """Where the plan has seen the old index, which nobody has written to since."""
    target = step.arguments["target"]
    base = next(
        check["marks"]
        for one in run.own(step)
        if one.kind == "guard_index"
        for check in one.preconditions
        if check["check"] == "unwritten" and check["index"] == target
    )
    own = identity(run.cluster, target) or {"uuid": ""}
    return Ledger(run.plan.id, own["uuid"], step.arguments["proven"], base)


def _read(cluster: Cluster, index: str) -> Ledger | None:
    own = identity(cluster, index)
    kept = state_index.recall(cluster, NAME.format(uuid=own["uuid"])) if own else {}
    kept.pop("kind", None)
    return Ledger(**kept) if kept else None
