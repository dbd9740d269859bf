"""A copy that goes on past documents which the new mapping rejects.

The server ends a `_reindex` after the first batch with a failure. So what it left is copied by
sequence numbers, a range a task; a range that ends early is halved. What is there already is a
version conflict and left as it is. Only a range that was gone through to its end says which
documents of it are rejected, and every document is in exactly one such range: nothing is missed,
nothing counted twice, and after a crash it is found out again. Each level of halves goes over the
index once at most, and there are about log2(documents / batch) levels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from esplan import checksum, rejected
from esplan.errors import JournalError, ServerError, StepFailed, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from esplan.cluster import Cluster
    from esplan.model import JSON, Migrate
    from esplan.plan import Step
    from esplan.rejected import Rejected
    from esplan.run import Listener, Run

    Copy = Callable[[Step, Run], JSON]

HANDLED = ("created", "updated", "deleted", "noops", "version_conflicts")
"""What becomes of a document; `noops` and `deleted` were left out by a script."""

UNLIMITED = -1
"""As a plan has it: any number of documents may be rejected."""


def arguments(migrate: Migrate) -> JSON:
    """What a copy step says of its tolerance; nothing where there is none."""
    most = migrate.tolerance
    return {"max_rejected": most} if most else {}


def limit(step: Step) -> int:
    """How many documents may be rejected: 0 unless the plan says more, -1 is any number."""
    return int(step.arguments.get("max_rejected", 0))


def handled(status: JSON) -> int:
    """How many documents a task, or a slice of one, has gone through without a failure."""
    return sum(int(status.get(name, 0)) for name in HANDLED)


def part(step: Step) -> Step:
    """The tasks of ranges have a name of their own: they are not adopted as the whole copy."""
    return replace(step, id=f"{step.id}:part")


def copied(step: Step, run: Run, first: JSON, copy: Copy) -> JSON:
    """Go on behind a copy that has ended; returns evidence. `copy` carries out a step's request.

    Raises StepFailed where more is rejected than the plan allows, or for another reason.
    """
    ranges = _Ranges(step, run, copy)
    found = ranges.rejected_by(first)
    listed = keep(step, run, found)
    said = rejected.evidence(found) | _file(run)
    run.rejected[step.address] = said
    if found:
        name = step.arguments["source"]
        run.listener.note(f"{len(found):,} documents of {name} are rejected and left out{listed}")
    return {"rejected": said} if found else {}


def _file(run: Run) -> JSON:
    """Where the list is, beside the plan."""
    return {"file": rejected.beside(run.plan_path).name} if run.plan_path else {}


@dataclass(frozen=True)
class _Ranges:
    """The ranges of one copy."""

    step: Step
    run: Run
    copy: Copy

    def rejected_by(self, first: JSON) -> list[Rejected]:
        """Of all documents. Only where the whole copy did not reach its end it takes ranges."""
        rejections, done = self._look(first)
        if done:
            return rejections
        source = self.step.arguments["source"]
        highest = max(checksum.marks(self.run.cluster, [source])[source].values(), default=0)
        found: list[Rejected] = []
        todo, passed = _halves(0, highest + 1), 0
        while todo:
            low, high = todo.pop()
            response = self.copy(self._ranged(low, high), self._watched(passed))["response"]
            some, done = self._look(response)
            if done:
                found += some
                passed += int(response["total"])
                self._refuse_more(found)
            elif high - low == 1:
                raise StepFailed(
                    f"a copy of the sequence number {low} of {source} did not end",
                    code="ESP-5305",
                    remedy="see `esplan doctor`, then apply the plan again: it begins afresh",
                )
            else:
                todo += _halves(low, high)
        return found

    def _look(self, response: JSON) -> tuple[list[Rejected], bool]:
        """What was rejected, and whether every document was tried."""
        failures = response.get("failures", [])
        found = rejected.rejections(self.step.arguments["source"], failures)
        if found is None:
            raise failed(self.step, self.run, failures)
        self._refuse_more(found)
        return found, handled(response) + len(found) >= int(response["total"])

    def _refuse_more(self, found: list[Rejected]) -> None:
        most = limit(self.step)
        if most != UNLIMITED and len(found) > most:
            raise too_many(self.step, self.run, found)

    def _ranged(self, low: int, high: int) -> Step:
        """The same request, for these sequence numbers; `high` is not one of them."""
        request: JSON = self.step.request or {}
        body, span = request["body"], {"range": {"_seq_no": {"gte": low, "lt": high}}}
        both = [one for one in (body["source"].get("query"), span) if one]
        source = {**body["source"], "query": {"bool": {"filter": both}}}
        return replace(part(self.step), request={**request, "body": {**body, "source": source}})

    def _watched(self, passed: int) -> Run:
        return replace(self.run, listener=_Further(self.run.listener, self.step, passed))


def _halves(low: int, high: int) -> list[tuple[int, int]]:
    middle = (low + high) // 2
    return [one for one in ((middle, high), (low, middle)) if one[0] < one[1]]


@dataclass(frozen=True)
class _Further:
    """Progress of a range, as that of the step: so many documents are done before it."""

    listener: Listener
    step: Step
    passed: int

    def step_started(self, step: Step, number: int, total: int) -> None:
        """As it is."""
        self.listener.step_started(step, number, total)

    def step_progress(self, _step: Step, done: int, total: int) -> None:
        """Of the whole copy."""
        self.listener.step_progress(self.step, min(total, self.passed + done), total)

    def step_ended(self, step: Step, outcome: str, evidence: JSON) -> None:
        """As it is."""
        self.listener.step_ended(step, outcome, evidence)

    def note(self, text: str) -> None:
        """As it is."""
        self.listener.note(text)


def keep(step: Step, run: Run, found: list[Rejected]) -> str:
    """List them beside the plan; returns how a sentence goes on that says so."""
    if run.plan_path is None:
        return ""
    path = rejected.beside(run.plan_path)
    cluster, index = _source(step, run)
    rejected.write(path, step.arguments["source"], rejected.routed(cluster, index, found))
    return f": see {path}" if found else ""


def _source(step: Step, run: Run) -> tuple[Cluster, str]:
    """Where the documents are: here, or in the cluster that they are copied from."""
    origin = step.arguments.get("origin")
    if origin is None:
        return run.cluster, step.arguments["source"]
    return run.other(origin["environment"]), origin["index"]


def failed(step: Step, run: Run, failures: list[JSON]) -> StepFailed:
    """The error of a copy that ended with failures, listed beside the plan where they are."""
    source = step.arguments["source"]
    found = rejected.rejections(source, failures)
    if not found:
        return StepFailed(
            f"documents of {source} could not be copied",
            code="ESP-5304",
            why=rejected.listed(failures),
            remedy="cure the cause in the cluster (`esplan doctor` says more); then plan again",
        )
    return StepFailed(
        f"the new index rejected documents of {source}",
        code="ESP-5303",
        why=f"{rejected.listed(failures)}{_listed(step, run, found)}",
        remedy="correct the mapping in the desired file, or the documents; then plan again",
    )


def _listed(step: Step, run: Run, found: list[Rejected]) -> str:
    """The failure is worth more than its list: neither a full disk nor a server must hide it."""
    try:
        said = keep(step, run, found)
    except (JournalError, ServerError, Unreachable) as error:
        return f"; {error.what}: {error.why}"
    return f"; the copy stopped there, so there may be more{said}"


def too_many(step: Step, run: Run, found: list[Rejected]) -> StepFailed:
    """More than the plan allows: counted as far as the copy went."""
    where = _listed(step, run, found)
    shown = "; ".join(f"{one.id}: {one.reason}" for one in found[:10])
    most, source = limit(step), step.arguments["source"]
    return StepFailed(
        f"the new index rejected documents of {source}: {len(found):,} so far, and the plan "
        f"allows {most:,}",
        code="ESP-5303",
        why=f"{shown}{' …' if len(found) > 10 else ''}{where}",  # noqa: PLR2004
        remedy="correct the mapping in the desired file, or the documents, or allow more with "
        "migrate.max_rejected; then plan again",
    )
