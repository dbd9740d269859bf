"""What is left in flight of a switch: requests and tasks that met the alias before it."""

from __future__ import annotations

import time
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from esplan.errors import OutcomeUnknown
from esplan.tasks import all_running

if TYPE_CHECKING:
    from esplan.model import JSON
    from esplan.plan import Step
    from esplan.run import Run

SECONDS = 1.0
"""So long such a request may still be on its way to the old index.

Deleted at once, requests fail; deleted a second later, none did (seen under 4 clients). A write
that a node forwards after the block is lifted would be acknowledged by the old index alone.
"""

PATIENCE = 30.0
"""Seconds for which the end of a client's task is waited for."""

ACTIONS = "*/byquery"
"""They go through the index that the alias was on when they began, to their end.

A write block ends one that meets it; one that pauses all the while, throttled, goes on after it.
A `_reindex` into an alias looks it up for each batch.
"""


def wait() -> None:
    """Until they are through: answered, or refused by the write block."""
    time.sleep(SECONDS)


def settle(step: Step, run: Run) -> None:
    """Before the block of an index that clients have left is lifted.

    Raises OutcomeUnknown while a client's task works on it: what it changes then would be
    acknowledged, and would be in the old index alone.
    """
    wait()
    run.lock.check()
    ends = time.monotonic() + PATIENCE
    while tasks := _tasks(step, run):
        if time.monotonic() > ends:
            raise _at_work(step, tasks)
        time.sleep(SECONDS)
        run.lock.check()


def _at_work(step: Step, tasks: list[str]) -> OutcomeUnknown:
    name = step.arguments["index"]
    return OutcomeUnknown(
        f"{', '.join(tasks)} may still change {name}, which the alias has left",
        code="ESP-5010",
        why=f"a client began it before the switch; {name} stays write-blocked meanwhile",
        remedy="wait until it has ended, or cancel it (POST _tasks/ID/_cancel) and send it again "
        "to the alias; then apply again",
    )


def _tasks(step: Step, run: Run) -> list[str]:
    names = _names(step, run)
    running = all_running(run.cluster, ACTIONS)
    return [
        f"{task['action'].removeprefix('indices:data/write/')} ({name})"
        for name, task in sorted(running.items())
        if _is_of(task, names)
    ]


def _names(step: Step, run: Run) -> set[str]:
    """The index, and every alias that clients knew it by when the plan was made."""
    own = (one for one in run.plan.changes if one.address == step.address)
    known = {alias for one in own for alias in (one.before or {}).get("aliases", {})}
    return {step.arguments["index"], step.address.partition(".")[2], *known}


def _is_of(task: JSON, names: set[str]) -> bool:
    """By its description: `delete-by-query [a, b*]`, and `[]` for every index."""
    if "parent_task_id" in task:
        return False
    if str(task.get("headers", {}).get("X-Opaque-Id", "")).startswith("esplan:"):
        return False
    inner = task.get("description", "").partition("[")[2].partition("]")[0]
    patterns = [one.strip() for one in inner.split(",")]
    return any(
        one in ("", "_all") or any(fnmatchcase(name, one) for name in names) for one in patterns
    )
