"""Bring a copy up to what clients have written to its source, deletes too.

Before the write block: rounds that copy what is new since the last one, a comparison of every
document at a point in time, then rounds over what was touched since, until it is little. Under
the block: the last of these rounds, and one more for as long as the proof finds that it was not:
where a client has written all the same, or a document differs. What the comparison saw is kept in
this process; after a crash it is made anew (see `esplan.apply`), and the marks in the journal say
what to copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esplan import checksum, throttle
from esplan.checksum.report import Ids, Report
from esplan.checksum.standing import Standing, settled, survey, touched
from esplan.errors import OutcomeUnknown, VerificationFailed, ViewLost
from esplan.plan import Step
from esplan.request import pieces, request
from esplan.steps import batches, carry, heirs, ledger, reindex, removing, sparing, tolerant
from esplan.steps.governor import Governor
from esplan.steps.mark_writes import MARKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.checksum.standing import Touched
    from esplan.model import JSON, Index
    from esplan.plan import Phase
    from esplan.run import Run

REPEAT = True
"""Clients write on: only the proof says that nothing is missing."""

MARK = "esplan-mark"
"""What a plan has in the place of a shard's sequence number."""

FEW = 500
"""Documents that are left for the write block: some tenths of a second."""

ROUNDS = 10
"""After so many the rest is not getting smaller, and the block lasts longer."""

MORE = 5
"""Rounds under the block before a copy that differs is given up."""

BEFORE_ALL = -1
"""Every sequence number is above it."""

SHOWN = 100

BEHIND = "copy what clients write to {} meanwhile, and compare"
AGAIN = "copy what clients have written to {} since, and compare that"
LAST = "copy the last writes to {}"


def describe(
    copy: Step,
    source: Index,
    target: str,
    preconditions: tuple[JSON, ...],
    phase: Phase,
    reading: JSON | None = None,
    *,
    blocked: bool = False,
) -> Step:
    """`copy` is the step that fills the target: what follows goes the same way.

    `blocked`: the source is write-blocked, so this is the last of it. `reading`: how the proof
    reads the source; with `mirrored` in it, the target.
    """
    body = (copy.request or {})["body"]
    newer = {"range": {"_seq_no": {"gt": MARK}}}
    asked = body["source"].get("query")
    query = {"bool": {"filter": [asked, newer]}} if asked else newer
    whole = {
        **body,
        "source": {**body["source"], "query": query},
        "dest": {**body["dest"], "op_type": "index"},
    }
    path = "/_reindex?wait_for_completion=false&require_alias=true&timeout=10m"
    said = LAST if blocked else BEHIND if phase == "prepare" else AGAIN
    return Step(
        kind="catch_up",
        phase=phase,
        address=copy.address,
        description=said.format(source.name),
        request=request("POST", path, whole),
        preconditions=preconditions,
        undo={"none": "a copy that still runs is cancelled; its target is deleted"},
        estimate={"documents": source.documents, "bytes": source.size}
        if phase == "prepare"
        else {},
        arguments={
            "source": source.name,
            "target": target,
            "blocked": blocked,
            **({"reading": reading} if reading else {}),
        },
    )


def probe(step: Step, run: Run) -> bool:
    """No task of ours is left over: see `REPEAT`."""
    return not reindex.tasks(run, run.opaque_id(step))


def execute(step: Step, run: Run) -> JSON:
    """Raises VerificationFailed as soon as a document differs that nobody has touched."""
    reindex.undo(step, run)  # a task of a process that died would write old documents over new ones
    try:
        return carry.over(step, run) | _followed(step, run)
    except ViewLost as lost:
        run.listener.note(f"{lost.what}: comparing every document again")
        _forget(step, run)
        return _followed(step, run)


def _followed(step: Step, run: Run) -> JSON:
    standing = run.standings.get(step.address) or _surveyed(step, run)
    if step.arguments["blocked"]:
        return _last(step, run, standing)
    copied, late = 0, frozenset[str]()
    for _ in range(ROUNDS):
        since = touched(run.cluster, standing)
        left = standing.left(since)
        if len(since) <= FEW and not left:
            since.now.close()
            standing.ready()
            break
        copied += _brought(step, run, standing, since)
        newer, _ = settled(run.cluster, standing, since)
        # Once, a client may have touched it just after the view that it is compared with.
        stuck = left & newer.differing
        _refuse(step, stuck & late)
        late = stuck
        standing.close()
        standing = run.standings[step.address] = newer
        run.caught_up[step.address] = list(newer.source.marks)
        run.safe_point()
    return {MARKS: run.caught_up[step.address], "copied": copied}


def _last(step: Step, run: Run, standing: Standing) -> JSON:
    since = touched(run.cluster, standing)
    copied = _brought(step, run, standing, since)
    if standing.keeps_ids and not sparing.is_asked(step):
        copied += _copied_anew(step, run, sorted(standing.wrong & standing.left(since)))
    run.touched[step.address] = since
    return {"touched": len(since), "copied": copied}


def _surveyed(step: Step, run: Run) -> Standing:
    """Rounds until a round is short, then every document of both sides."""
    if sparing.is_asked(step):
        found = sparing.surveyed(step, run, lambda ids: _copied_anew(step, run, ids))
        run.standings[step.address] = found
        return found
    source, target = step.arguments["source"], step.arguments["target"]
    marks = run.caught_up.get(step.address) or step.arguments["since"]
    for _ in range(ROUNDS):
        ahead = checksum.checkpoints(run.cluster, source)
        checksum.refresh(run.cluster, [source])
        copied = _copied(step, run, marks)
        marks = run.caught_up[step.address] = ahead
        if copied <= FEW:
            break
    standing = survey(
        run.cluster,
        (source, target),
        marks,
        lambda done, total: run.listener.step_progress(step, done, total),
        removing.reading(step),
        mirrored=removing.is_mirrored(step),
    )
    run.standings[step.address] = standing
    return standing


def _refuse(step: Step, stuck: frozenset[str]) -> None:
    """Ids that nobody touches and that differ all the same: that copy is wrong, and not late."""
    if stuck:
        names, first = step.arguments, sorted(stuck)[:10]
        raise VerificationFailed(
            f"{names['target']} is not equal to {names['source']}",
            code="ESP-4701",
            why=f"{len(stuck)} documents differ that no client has touched: "
            f"{', '.join(first)}{' …' * (len(stuck) > len(first))}",
            remedy="nothing was switched; somebody else wrote to the copy, or apply again",
        )


# What is written to the target


@dataclass(frozen=True)
class _Task:
    """A copy that runs, and what it was asked for."""

    name: str
    body: JSON


def _brought(step: Step, run: Run, standing: Standing, since: Touched) -> int:
    """Copy what was written since, and delete what was deleted meanwhile: other ids than those.

    Returns how many were copied.
    """
    ledger.require_alone(step, run)
    gone = sorted((since.gone | standing.differing) - since.fresh.keys())
    if sparing.is_asked(step):
        copied = _copied_anew(step, run, sparing.differing(run, standing, since))
        removing.delete(step, run, gone)
        return copied
    started = _all_started(step, run, standing.source.marks) if since.fresh else []
    if not ledger.is_kept(step):  # there it has to be clear first what is whose
        removing.delete(step, run, gone)
    copied = sum(_finished(step, run, task) for task in started)
    if ledger.is_kept(step):
        removing.delete(step, run, gone)
    return copied


def _copied_anew(step: Step, run: Run, ids: Sequence[str]) -> int:
    """Documents that differ although no client has touched them since: the proof looks at them."""
    planned, copied = step.request or {}, 0
    for some in pieces(ids, removing.DELETES):
        body = _from(planned["body"], BEFORE_ALL)
        named = {"terms": {"_id": list(some)}}
        body["source"]["query"] = {"bool": {"filter": [body["source"]["query"], named]}}
        copied += _finished(step, run, _sent(step, run, body))
    return copied


def _copied(step: Step, run: Run, marks: Sequence[int]) -> int:
    """Everything above the marks."""
    return sum(_finished(step, run, task) for task in _all_started(step, run, marks))


def _all_started(step: Step, run: Run, marks: Sequence[int]) -> list[_Task]:
    """One task a shard."""
    shards = enumerate(marks)
    return [_started(step, run, mark, (shard, len(marks))) for shard, mark in shards]


def _started(step: Step, run: Run, mark: int, part: tuple[int, int]) -> _Task:
    body = _from((step.request or {})["body"], mark)
    shard, shards = part
    if shards > 1:  # as many slices as shards: each is one shard
        body["source"]["slice"] = {"id": shard, "max": shards}
    return _sent(step, run, body)


def _sent(step: Step, run: Run, body: JSON) -> _Task:
    """Start a task, with batches as small as its documents ask for."""
    size = batches.size_of(batches.begun(step, run))
    body = body if size == batches.size_of(step) else batches.body_of(body, size)
    path, opaque_id = (step.request or {})["path"], run.opaque_id(step)
    task = str(run.change("POST", path, body, opaque_id=opaque_id)["task"])
    ledger.started(step, run, [task])
    return _Task(task, body)


def _from(value: Any, mark: int) -> Any:
    """A request of the plan with a shard's sequence number in it."""
    if isinstance(value, dict):
        return {name: _from(inner, mark) for name, inner in value.items()}
    if isinstance(value, list):
        return [_from(inner, mark) for inner in value]
    return mark if value == MARK else value


def _finished(step: Step, run: Run, task: _Task) -> int:
    """How many documents it went over. Its batches are made smaller where they are refused."""
    found = reindex.wait(step, run, Governor(step, run, task.name, throttle.UNLIMITED))
    if found is None:
        raise OutcomeUnknown("a copy task was lost with its node", code="ESP-3302")
    ledger.ended(step, run, task.name, found)
    if error := reindex.too_large(found):
        batches.smaller(step, run, error)
        return _finished(step, run, _sent(step, run, task.body))
    response = found.get("response", {})
    if error := reindex.stopped(found):
        raise reindex.failed(step, error)
    if failures := response.get("failures"):
        raise tolerant.failed(step, run, failures)
    return int(response.get("total", 0))


# The proof


def prove(step: Step, run: Run) -> Report:
    """What was touched since every document was compared, once more: under the write block.

    Before a whole copy is given up it is brought up to date again: a client may have written
    although the block was there a moment ago, or a document was moved to another shard.
    """
    mine = (one for one in run.plan.steps if one.address == step.address)
    last = next(one for one in mine if one.kind == "catch_up" and one.arguments["blocked"])
    report, before = _proof(step, run), None
    for _ in range(MORE):
        seen = (report.marks, run.standings[step.address].differing)
        if report.equal or seen == before:
            break
        run.listener.note(f"{step.arguments['source']} and its copy differ: one more round")
        _last(last, run, run.standings[step.address])
        report, before = _proof(step, run), seen
    ledger.require_alone(last, run)
    heirs.require_continuous(last, run)
    return report


def _proof(step: Step, run: Run) -> Report:
    """The marks are those from before the views that are compared: see `View.stands_for`."""
    source, target = step.arguments["source"], step.arguments["target"]
    standing, since = run.standings[step.address], run.touched[step.address]
    newer, again = settled(run.cluster, standing, since)
    marks = {source: newer.source.stands_for, target: newer.target.stands_for}
    run.spent.append(standing)  # closed when clients write again
    run.standings[step.address] = newer
    found = checksum.count(run.cluster, target)
    wrong, extra = (Ids(len(ids), tuple(sorted(ids)[:SHOWN])) for ids in (newer.wrong, newer.extra))
    return Report(
        "checksum",
        source,
        target,
        newer.documents,
        found,
        marks,
        moved=checksum.marks(run.cluster, [source, target]) != marks,
        differing=len(newer.differing),
        extra=extra,
        different=wrong,
        again=again,
    )


def undo(step: Step, run: Run) -> None:
    """Cancel what still runs; what was seen is worth nothing any more."""
    reindex.undo(step, run)
    ledger.close(step, run)
    _forget(step, run)


def _forget(step: Step, run: Run) -> None:
    run.touched.pop(step.address, None)
    standing = run.standings.pop(step.address, None)
    if standing:
        standing.close()
