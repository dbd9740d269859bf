"""Merge the segments of an index, as a task that survives this process.

A merge cannot be cancelled, and goes on when whoever asked for it has gone: so one that runs is
awaited, never started a second time.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from esplan import activity, checksum, rates
from esplan.errors import OutcomeUnknown, StepFailed
from esplan.plan import Phase, Step
from esplan.request import index_path, request
from esplan.steps.request import poll_task, send
from esplan.tasks import all_running

if TYPE_CHECKING:
    from esplan.model import JSON, Index
    from esplan.run import Run

ACTION = "indices:admin/forcemerge"
"""The action of the parent task; its parts on the nodes have `[n]` behind it."""

INDICES = re.compile(r"indices \[([^\]]*)\]")
"""Where a task's description names its indices: as they were asked for, `logs-*` or none."""

STARTS = 5
"""How often a task that vanished with its node is started again in one apply."""

AT_ONCE = "&wait_for_completion=false"
"""Asks for the task in place of the merge's end. Version 7 refuses it."""

PATIENCE = 5.0
"""Seconds for the answer of a version 7, which comes with the end of the merge. Without an answer
the merge goes on, and is watched as that of anybody."""

WRITTEN = "somebody writes to it"
"""Why a merge after the switch is left out."""

REPEAT = True
"""How many segments are left is the server's best effort, so `execute` decides."""


def describe(
    address: str,
    index: Index,
    segments: int | None,
    same: JSON,
    *,
    phase: Phase,
    marks: JSON | None = None,
) -> Step:
    """`segments`: at most as many in every shard; None: only get rid of deleted documents.

    `same` is the precondition that it is still this index; `marks` are its sequence numbers at
    the time of the plan. An index that somebody writes to is refused before the switch: it is not
    ready. After the switch its merge is left out.
    """
    unwritten = {"check": "unwritten", "index": index.name, "marks": marks}
    said = "1 segment a shard" if segments == 1 else f"{segments} segments a shard"
    said, how = f"to {said}", f"max_num_segments={segments}"
    if segments is None:
        said, how = "without its deleted documents", "only_expunge_deletes=true"
    path = index_path(index.name, f"/_forcemerge?{how}{AT_ONCE}")
    return Step(
        kind="force_merge",
        phase=phase,
        address=address,
        description=f"force merge {index.name} {said}",
        request=request("POST", path),
        preconditions=(same, unwritten) if phase == "prepare" else (same,),
        undo={"none": "merged segments stay merged; the documents are the same"},
        estimate={"bytes": index.size},
        arguments={"index": index.name, "segments": segments}
        | ({} if phase == "prepare" else {"marks": marks}),
    )


def for_version(step: Step, version: str) -> Step:
    """The step as a server of this version takes it."""
    if step.kind != "force_merge" or step.request is None or not version.startswith("7."):
        return step
    path = step.request["path"].replace(AT_ONCE, "")
    return replace(step, request={**step.request, "path": path})


def probe(_step: Step, _run: Run) -> bool:
    """Nothing that could be missing afterwards: see `REPEAT`."""
    return True


def execute(step: Step, run: Run) -> JSON:
    """Await what runs; merge if that has left too many segments."""
    if step.phase != "prepare" and _is_written(step, run):
        run.listener.note(f"{step.arguments['index']} is written to, so it is not merged")
        return {"skipped": WRITTEN}
    before, began, alone = _segments(step, run), time.monotonic(), False
    for number in range(STARTS):
        checksum.marks(run.cluster, [step.arguments["index"]])  # a merge passes by what is missing
        running = tasks(run, step.arguments["index"])
        if running:
            run.listener.note(f"a force merge runs already (task {running[0]}): watching it")
        elif _merged(step, run):
            break
        else:
            running, alone = _started(step, run), number == 0
        if _wait_all(step, run, running):
            break
    else:
        raise StepFailed(
            f"the force merge was lost {STARTS} times with the node that ran it",
            code="ESP-3302",
            remedy="look at the nodes' logs, then apply the plan again",
        )
    checksum.marks(run.cluster, [step.arguments["index"]])
    took = rates.evidence(step, time.monotonic() - began) if alone else {}
    return {"segments_before": sum(before), "segments": sum(_segments(step, run)), **took}


def _started(step: Step, run: Run) -> list[str]:
    """The task of our own merge; none where it has ended. Raises OutcomeUnknown: see `PATIENCE`."""
    if step.request and AT_ONCE in step.request["path"]:
        return [str(send(step, run)["task"])]
    try:
        _checked(step, {"response": send(step, run, timeout=PATIENCE)})
    except OutcomeUnknown:
        running = tasks(run, step.arguments["index"])
        if not running and not _merged(step, run):
            raise
        return running
    return []


def _is_written(step: Step, run: Run) -> bool:
    name = step.arguments["index"]
    proven = run.proofs.get(step.address, {}).get("marks", {}).get(name)
    return activity.is_written(run.cluster, name, step.arguments["marks"], proven)


def tasks(run: Run, index: str) -> list[str]:
    """Force merges of this index that run now, whoever started them."""
    found = all_running(run.cluster, ACTION)
    return sorted(name for name, task in found.items() if _is_about(task["description"], index))


def _is_about(description: str, index: str) -> bool:
    match = INDICES.search(description)
    asked = match[1].split(", ") if match else []
    return any(one in ("", "_all") or fnmatchcase(index, one) for one in asked)


def _wait_all(step: Step, run: Run, running: list[str]) -> bool:
    """True when our own merge has come to its end; else look again what is to do."""
    outcomes = [_wait(step, run, task) for task in running]
    return _merged(step, run) or all(one and _is_ours(one, step) for one in outcomes)


def _is_ours(outcome: JSON, step: Step) -> bool:
    segments = step.arguments["segments"]
    said = "onlyExpungeDeletes[true]" if segments is None else f"maxSegments[{segments}]"
    return said in outcome["task"]["description"]


def _wait(step: Step, run: Run, task: str) -> JSON | None:
    """The finished task, or None when the cluster does not know it any more."""
    while True:
        found = poll_task(run, task)
        if found is None:
            return None
        run.listener.step_progress(step, sum(_segments(step, run)), _goal(step, run))
        if found["completed"]:
            return _checked(step, found)
        run.safe_point()


def _checked(step: Step, found: JSON) -> JSON:
    """Completed does not mean good."""
    failed = found.get("response", {}).get("_shards", {}).get("failures", [])
    reasons = [one.get("reason", {}) for one in failed] + [found.get("error") or {}]
    why = "; ".join(str(one["reason"]) for one in reasons if one.get("reason"))
    if why or failed or found.get("error"):
        raise StepFailed(
            f"{step.arguments['index']} was not force merged",
            code="ESP-5308",
            why=why,
            remedy="see the disks (GET /_cat/allocation): a merge needs free space",
        )
    return found


def _merged(step: Step, run: Run) -> bool:
    """Never where no copy is seen: whether the index is there, the server says then."""
    target, found = step.arguments["segments"], _segments(step, run)
    return target is not None and bool(found) and max(found) <= int(target)


def _goal(step: Step, run: Run) -> int:
    return len(_segments(step, run)) * int(step.arguments["segments"] or 1)


def _segments(step: Step, run: Run) -> list[int]:
    """Segments of every copy of every shard."""
    wanted = "indices.*.shards.*.segments.count"
    path = index_path(step.arguments["index"], "/_stats/segments")
    answer = run.cluster.read(path, {"level": "shards", "filter_path": wanted}) or {}
    shards = answer.get("indices", {}).get(step.arguments["index"], {}).get("shards", {})
    return [copy["segments"]["count"] for copies in shards.values() for copy in copies]


def undo(_step: Step, _run: Run) -> None:
    """Not possible, and not needed: see the step's own `undo`."""
