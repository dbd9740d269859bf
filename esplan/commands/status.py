"""`esplan status`: lock, unfinished applies, running tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from esplan import lock, state_index, tasks
from esplan.holder import is_dead
from esplan.steps import force_merge, reindex

if TYPE_CHECKING:
    from esplan.cluster import Cluster
    from esplan.holder import Holder
    from esplan.model import JSON
    from esplan.state_index import Unfinished


@dataclass(frozen=True)
class Task:
    """A running task of esplan: documents done and in total (0: just started, or a merge)."""

    id: str
    opaque_id: str
    description: str
    done: int
    total: int
    seconds: float


@dataclass(frozen=True)
class Status:
    """What goes on in a cluster.

    `holder_is_dead`: certainly; False also where nobody knows. `unreadable` are plans whose
    mirrored journal is damaged, or of another version.
    """

    holder: Holder | None
    holder_is_dead: bool
    unfinished: tuple[Unfinished, ...]
    unreadable: tuple[str, ...]
    tasks: tuple[Task, ...]


def status(cluster: Cluster, plan_digest: str = "") -> Status:
    """The cluster's own view, so that it is the same from every host."""
    seen = lock.read(cluster)
    applies, unreadable = state_index.unfinished(cluster)
    return Status(
        holder=seen.holder if seen else None,
        holder_is_dead=is_dead(seen.holder) if seen else False,
        unfinished=tuple(one for one in applies if plan_digest in ("", one.plan)),
        unreadable=unreadable,
        tasks=_tasks(cluster),
    )


def _tasks(cluster: Cluster) -> tuple[Task, ...]:
    found = tasks.running(cluster, f"{reindex.ACTIONS},{force_merge.ACTION}")
    ours = {
        name: task
        for name, task in found.items()
        if task.get("headers", {}).get("X-Opaque-Id", "").startswith("esplan:")
    }
    parents = {name: task for name, task in ours.items() if "parent_task_id" not in task}
    children = [task for task in ours.values() if "parent_task_id" in task]
    return tuple(_task(name, task, children) for name, task in sorted(parents.items()))


def _task(name: str, task: JSON, children: list[JSON]) -> Task:
    """A sliced parent shows finished slices only; its children show the running ones."""
    slices = [child for child in children if child["parent_task_id"] == name]
    done, total = reindex.position({"task": task}, slices)
    return Task(
        id=name,
        opaque_id=task["headers"]["X-Opaque-Id"],
        description=task.get("description", ""),
        done=done,
        total=total,
        seconds=task["running_time_in_nanos"] / 1e9,
    )
