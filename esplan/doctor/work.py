"""Checks of work in the cluster: tasks, and index lifecycle policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.doctor.model import Finding, check, listed, request
from esplan.request import index_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.doctor.facts import Facts, LifecycleError, Task

LONG = 3600.0
ENDLESS = 86400.0
"""Seconds."""


@check(
    "long-tasks",
    "No task runs without end",
    why="A forgotten copy, update or merge takes disk and time from everything else, and writes "
    "to its index still.",
    needs=("tasks",),
    thresholds=("info: longer than an hour", "warning: longer than a day"),
)
def long_tasks(facts: Facts) -> Iterator[Finding]:
    """Running copies, updates and deletes by query, force merges and searches."""
    for task in facts.tasks:
        if task.seconds < LONG:
            continue
        yield Finding(
            "warning" if task.seconds >= ENDLESS else "info",
            task.id,
            f"{task.action} runs for {task.seconds / 3600:.1f} h",
            _progress(task),
            "cancel it, if nobody waits for it"
            if task.cancellable
            else "it cannot be cancelled: wait for its end, or restart the node",
            request("POST", f"/_tasks/{task.id}/_cancel")
            if task.cancellable
            else request("GET", f"/_tasks/{task.id}"),
        )


def _progress(task: Task) -> str:
    done = f"; {task.done:,} of {task.total:,} documents" if task.total else ""
    return f"{task.description or 'no description'}{done}"


@check(
    "failed-tasks",
    "No task has failed lately",
    why="A copy that was started in the background tells nobody how it ended; its target is half "
    "filled.",
    needs=("failures",),
    thresholds=("info: in the last 24 hours (somebody may have dealt with it)",),
)
def failed_tasks(facts: Facts) -> Iterator[Finding]:
    """The index .tasks, in which the server keeps what became of background tasks.

    Those that were lost with their node are not there. The last 200 of a day are read.
    """
    for task in facts.failures:
        yield Finding(
            "info",
            task.id,
            f"{task.action} has failed",
            f"{task.description}: {task.reason}",
            "see whether its target is whole; esplan proves its own copies",
            request("GET", f"/_tasks/{task.id}"),
        )


@check(
    "ilm-stopped",
    "Index lifecycle management runs",
    why="While it is stopped nothing rolls over and nothing is deleted: shards and disks fill up.",
    needs=("ilm",),
)
def ilm_stopped(facts: Facts) -> Iterator[Finding]:
    """The operation mode of `GET /_ilm/status`."""
    if facts.ilm != "RUNNING":
        yield Finding(
            "warning",
            "cluster",
            f"index lifecycle management is {facts.ilm}",
            f"operation_mode: {facts.ilm}",
            "start it, if the maintenance is over",
            request("POST", "/_ilm/start"),
        )


@check(
    "ilm-errors",
    "No lifecycle policy is stuck",
    why="The index stays in its phase: it is not rolled over, moved or deleted any more.",
    needs=("ilm_errors",),
)
def ilm_errors(facts: Facts) -> Iterator[Finding]:
    """The indices whose policy is in the step ERROR, grouped by policy, step and reason."""
    groups: dict[tuple[str, str], list[LifecycleError]] = {}
    for one in facts.ilm_errors:
        groups.setdefault((one.policy, one.step), []).append(one)
    for (policy, step), stuck in sorted(groups.items()):
        yield Finding(
            "warning",
            listed([one.index for one in stuck]),
            f"the policy {policy} is stuck in the step {step}",
            stuck[0].reason,
            "cure the reason, then let it try again",
            request("POST", f"{index_path(stuck[0].index)}/_ilm/retry"),
        )
