"""Copy the documents with `_reindex`, as a task that survives this process.

The source is write-blocked and the target is reached through an alias of this plan alone, with
`require_alias`: nothing can create a target by accident. `op_type: create` with
`conflicts: proceed` makes starting again harmless: what is there already is counted as a
version conflict and left as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import checksum, rates, rejected, transform
from esplan.errors import Incomplete, Refused, StepFailed, Stopped
from esplan.plan import Step
from esplan.request import request
from esplan.steps import ahead, batches, carry, governor, tolerant
from esplan.steps.request import poll_task, send
from esplan.tasks import all_running, running
from esplan.throttle import UNLIMITED

if TYPE_CHECKING:
    from typing import Any

    from esplan.model import JSON, Index, Migrate
    from esplan.run import Run
    from esplan.steps.governor import Governor

ACTIONS = "*data/write/reindex,*data/write/update/byquery"
"""The actions of a copy and of a backfill, and of their slices. Ours are told by their id."""

BATCH = batches.USUAL

LARGE, LARGE_BYTES = 5_000, 10_000_000
"""Documents, and stored bytes, of a batch where nothing speaks against it: a tenth faster."""

WINDOW = "index.max_result_window"
"""The setting of an index that is the most that a batch can have."""

STARTS = 5
"""How often a task that vanished with its node is started again in one apply."""

REPEAT = False


def describe(
    address: str, source: Index, target: str, migrate: Migrate, preconditions: tuple[JSON, ...]
) -> Step:
    """The copy runs from `source` into `target`, through the guard alias on the target.

    With `writes: catch-up` clients write on, so that it need not wait for the release window.
    """
    live = migrate.writes == "catch-up"
    parameters = {
        "wait_for_completion": "false",
        "slices": migrate.slices,
        "requests_per_second": migrate.requests_per_second,
        "require_alias": "true",
        "timeout": "10m",
    }
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    body: JSON = {
        "conflicts": "proceed",
        "source": {"index": source.name, **_batch(source, migrate)},
        "dest": {"index": target, **_written(migrate)},
    }
    return Step(
        kind="reindex",
        phase="prepare" if live else "switch",
        address=address,
        description=_said(source.name, migrate) + " while clients write" * live,
        request=request("POST", f"/_reindex?{query}", transformed(body, migrate)),
        preconditions=preconditions,
        undo={"none": "a copy that still runs is cancelled; its target is deleted"},
        estimate={"documents": source.documents, "bytes": source.size},
        arguments={
            "source": source.name,
            "target": target,
            **_arguments(migrate),
            **tolerant.arguments(migrate),
            **({"live": True} if live else {}),
        },
    )


def _written(migrate: Migrate) -> JSON:
    """How documents are written so that writing them again changes nothing.

    With their own versions the server takes no `create`; the same version is a conflict, too.
    """
    return {"version_type": "external"} if migrate.versions == "keep" else {"op_type": "create"}


def transformed(body: JSON, migrate: Migrate) -> JSON:
    """The body of a copy with what happens to the documents on the way."""
    script, parts = transform.script(migrate), dict(body)
    if migrate.query:
        parts["source"] = {**body["source"], "query": migrate.query}
    if migrate.pipeline:
        parts["dest"] = {**body["dest"], "pipeline": migrate.pipeline}
    return {**parts, "script": script} if script else parts


def _arguments(migrate: Migrate) -> JSON:
    """`transform`: its digest. `sample`: how many examples a plan shows."""
    digest = transform.digest(migrate)
    back = transform.inverse(migrate)
    known = {} if back is None else {"inverse": back}
    return {"transform": digest, "sample": migrate.sample, **known} if digest else {}


def _said(source: str, migrate: Migrate) -> str:
    with_them = " with their versions" if migrate.versions == "keep" else ""
    which = "the documents that match migrate.query" if migrate.query else "every document"
    through = [
        said
        for said, there in (
            ("rename and drop", migrate.rename and migrate.drop),
            ("rename", migrate.rename and not migrate.drop),
            ("drop", migrate.drop and not migrate.rename),
            ("the script", migrate.script),
            (f"the pipeline {migrate.pipeline}", migrate.pipeline),
        )
        if there
    ]
    way = f", through {', '.join(through)}" if through else ""
    return f"copy {which} of {source}{way}{with_them}"


def _batch(source: Index, migrate: Migrate) -> JSON:
    """The `size` of a batch; {} where it is the server's.

    Small under a rate, which lets whole batches through, and where documents may be rejected, which
    are looked for in their batches.
    """
    documents, size = source.documents or 0, source.size or 0
    slow = migrate.requests_per_second != UNLIMITED or tolerant.arguments(migrate)
    window = int(source.body.settings.get(WINDOW) or LARGE)
    fits = max(1, LARGE_BYTES * documents // size) if size else LARGE
    most = min(BATCH if slow else LARGE, window, fits)
    fine = window >= BATCH and min(most, documents) == min(BATCH, documents)
    return {} if fine else {"size": most}


def smaller_batch(source: Index, name: str) -> JSON:
    """The parameter that keeps a batch to what the index lets a search return; {} where it fits."""
    window = source.body.settings.get(WINDOW)
    return {name: int(window)} if window and int(window) < BATCH else {}


def probe(step: Step, run: Run) -> bool:
    """No task of ours runs, and it has ended in this apply, or the number of documents says so.

    Whether they are the right ones is for the proof to say, which compares every document. Where
    it only counts them too, two equal numbers would vouch for each other; and how many there are
    while clients write, or a transform leaves, only the finished task knows. To send it again is
    harmless.
    """
    if any(tasks(run, run.opaque_id(one)) for one in (step, tolerant.part(step))):
        return False
    if step.id in run.finished:
        return True
    if step.arguments.get("live") or step.arguments.get("transform") or _is_counted(step, run):
        return False
    left = int(run.rejected.get(step.address, {}).get("documents", 0))
    return count(run, step.arguments["source"]) == count(run, step.arguments["target"]) + left


def _is_counted(step: Step, run: Run) -> bool:
    """Whether the proof of its copy only counts documents."""
    return any(
        one.arguments["method"] == "count"
        for one in run.plan.steps
        if (one.kind, one.address) == ("verify", step.address)
    )


def count(run: Run, index: str) -> int:
    """Documents after a refresh; a missing shard is an error, never a smaller number."""
    checksum.refresh(run.cluster, [index])
    return checksum.count(run.cluster, index)


def tasks(run: Run, opaque_id: str) -> list[str]:
    """Our parent tasks that run now. Raises OutcomeUnknown when a node did not answer."""
    return sorted(
        name
        for name, task in all_running(run.cluster, ACTIONS).items()
        if task.get("headers", {}).get("X-Opaque-Id") == opaque_id and "parent_task_id" not in task
    )


def execute(step: Step, run: Run) -> JSON:
    """Adopt the running task or start one; wait for its end; refuse an end with failures."""
    if tolerant.limit(step):
        undo(tolerant.part(step), run)
    carried = carry.over(step, run)
    ahead.begin(step, run)
    response = _ended(step, run).get("response", {})
    if tolerant.limit(step):
        more = tolerant.copied(step, run, response, _ended)
    elif failures := response.get("failures"):
        raise tolerant.failed(step, run, failures)
    else:
        more = {}
    run.finished.add(step.id)
    _refuse_more(step, run)
    return _result(step, response) | more | carried


def _refuse_more(step: Step, run: Run) -> None:
    """Documents that the source does not have do not go away: to copy again is no help."""
    names = step.arguments
    if names.get("live") or names.get("transform") or "origin" in names:
        return
    source, target = count(run, names["source"]), count(run, names["target"])
    if target > source:
        raise Refused(
            f"the new index has {target:,} documents, and {names['source']} has {source:,}",
            code="ESP-4607",
            why="another has written to the new index by its own name, or deleted documents in "
            f"{names['source']} while its write block was lifted",
            remedy="find out what writes to it, then apply the plan again: it begins afresh",
        )


def _ended(step: Step, run: Run) -> JSON:
    """The task of a copy, or of a part of one, that went to its end."""
    task = awaited(step, run)
    if error := stopped(task):
        raise failed(step, error)
    return task


def awaited(step: Step, run: Run) -> JSON:
    """The finished task. One that is lost with its node, or with shards, is started again.

    And so is one whose batches were too large for the cluster, with smaller ones.
    """
    lost = 0
    while lost < STARTS:
        adopted = _adopt(step, run)
        rated = governor.rated(step if adopted else batches.begun(step, run), run)
        task = adopted or str(send(rated, run)["task"])
        rate = None if adopted else governor.rate_of(rated)
        outcome = wait(step, run, governor.Governor(step, run, task, rate))
        if outcome is not None and (error := too_large(outcome)):
            batches.smaller(rated, run, error)
            continue
        if outcome is not None and not _missed_shards(outcome):
            return outcome
        lost += 1
        why = "did not find all shards" if outcome else "was lost with its node"
        run.listener.note(f"the copy task {task} {why}: starting it again")
        if outcome:
            checksum.await_primaries(run.cluster, [])
        else:
            batches.after_loss(rated, run)
    raise Incomplete(
        f"the copy was lost {STARTS} times, with the node that ran it or with shards",
        code="ESP-3302",
        remedy="look at the nodes' logs",
    )


def too_large(task: JSON) -> Any:
    """What says that the task had too much in hand; nothing where it did not end for that."""
    failures, error = task.get("response", {}).get("failures") or [], stopped(task)
    return next((one for one in (error, *failures) if batches.is_too_large(one)), None)


def _missed_shards(task: JSON) -> bool:
    """Whether it ended for shards that were not there, and for nothing that another try meets."""
    failures = task.get("response", {}).get("failures") or []
    lost = bool(failures) and all(map(checksum.is_of_missing, failures))
    return lost or checksum.is_away(stopped(task))


def _adopt(step: Step, run: Run) -> str:
    """The one task of ours that runs. Several are cancelled: a lost answer started one twice."""
    found = tasks(run, run.opaque_id(step))
    if len(found) == 1:
        run.listener.note(f"the copy runs already (task {found[0]}): watching it")
        return found[0]
    undo(step, run)
    return ""


def wait(step: Step, run: Run, watch: Governor) -> JSON | None:
    """The finished task, or None when the cluster does not know it any more."""
    part = step.kind == "catch_up"  # of all documents: what is newer than the marks
    task, total = watch.task, 0 if part else step.estimate.get("documents") or 0
    while True:
        found = poll_task(run, task)
        if found is None or _is_another(found, step, run):
            return None
        done, seen = position(found, _slices(run, task, found))
        run.listener.step_progress(step, done, max(total, seen))
        if found["completed"]:
            return found
        if step.arguments.get("blocked"):  # soon over, and clients wait for it
            run.lock.check()
        else:
            run.safe_point()
            _govern(step, run, watch)


def _is_another(found: JSON, step: Step, run: Run) -> bool:
    """A node that was started anew counts its tasks anew: the number may be another's by now."""
    given = found["task"].get("headers", {}).get("X-Opaque-Id")
    return given not in (None, run.opaque_id(step))


def _govern(step: Step, run: Run, watch: Governor) -> None:
    """A full disk ends the task, too: it would go on filling it."""
    try:
        watch.look()
    except Stopped:
        undo(step, run)
        raise
    if watch.paused or watch.rate != UNLIMITED:
        ahead.slow_down(step, run)


def _slices(run: Run, task: str, found: JSON) -> list[JSON]:
    """The running slices of a sliced task: the parent itself shows only the finished ones."""
    if found["completed"] or "slices" not in found["task"].get("status", {}):
        return []
    return [*running(run.cluster, ACTIONS, parent_task_id=task).values()]


def position(found: JSON, slices: list[JSON]) -> tuple[int, int]:
    """Documents done and in total, over the finished and the running slices."""
    status = found["task"].get("status", {})
    finished: list[dict[str, Any]] = [s for s in status.get("slices", []) if s and "total" in s]
    parts = [*finished, *(one.get("status", {}) for one in slices)] or [status]
    return sum(map(tolerant.handled, parts)), sum(int(part.get("total", 0)) for part in parts)


def _result(step: Step, response: JSON) -> JSON:
    names = ("total", "created", "version_conflicts", "took", "batches")
    found = {name: response[name] for name in names if name in response}
    left_out = sum(int(response.get(name, 0)) for name in ("noops", "deleted"))
    found |= {"left_out": left_out} if left_out else {}
    return found | measured(step, response, response.get("created", 0) + left_out)


def stopped(task: JSON) -> Any:
    """Why a completed task ended early: an error, a cancel, a timeout; nothing where it did not."""
    response = task.get("response", {})
    return task.get("error") or response.get("canceled") or response.get("timed_out")


def measured(step: Step, response: JSON, handled: int) -> JSON:
    """How long a task took that handled every document itself, and as fast as it could."""
    whole = handled == response.get("total") and not response.get("throttled_millis")
    took = response.get("took")
    return rates.evidence(step, took / 1000, handled) if whole and took else {}


AFRESH = "cure the cause (`esplan doctor` says more), then apply the plan again: it begins afresh"
GONE = "the cluster has changed since the plan was made: make a new plan"


def failed(step: Step, error: Any) -> StepFailed:
    """What to raise for a task that ended early."""
    why = rejected.reason(error) if isinstance(error, dict) else str(error)
    return StepFailed(
        f"the copy of {step.arguments['source']} did not finish",
        code="ESP-5305",
        why=why,
        remedy=AFRESH,
    )


def undo(step: Step, run: Run) -> None:
    """Cancel what still runs and wait until it is gone: after that nothing writes any more."""
    run.finished.discard(step.id)
    for one in (step, tolerant.part(step)):
        for task in tasks(run, run.opaque_id(one)):
            path = f"/_tasks/{task}/_cancel?wait_for_completion=true"
            run.change("POST", path, None, opaque_id="")
