"""`esplan apply`: a plan file and a cluster → the planned state, with a journal."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

from esplan import apply as engine
from esplan import live, lock, safety, throttle
from esplan.commands.stopping import explained, stopping
from esplan.errors import Refused, ServerError, Stopped, Unreachable
from esplan.journal import beside, is_closed, open_journal
from esplan.run import Run
from esplan.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from esplan.cluster import Cluster
    from esplan.plan import Phase, Plan
    from esplan.run import Listener


@dataclass(frozen=True)
class Outcome:
    """What an apply did. `steps` were carried out now; `remaining` belong to later phases."""

    steps: int
    remaining: int
    seconds: float
    already: bool = False


def apply(  # noqa: PLR0913  (one option of the command each)
    cluster: Cluster,
    plan: Plan,
    path: Path,
    listener: Listener,
    *,
    through: Phase = "finish",
    allow_many: bool = False,
    keep_going: bool = False,
    parallel: int = 1,
    connect: Callable[[str], Cluster] | None = None,
    signed_by: str = "",
    watch: Watch | None = None,
) -> Outcome:
    """Carry out the plan, or what is left of it; `parallel` objects side by side.

    `connect`: to the cluster of another environment, which `migrate.from` copies from.
    `signed_by`: for the journal. `watch`: release windows and hooks.

    Raises what `esplan.apply` raises, Locked, and Refused where the plan needs what is not given.
    """
    started = time.monotonic()
    safety.require(plan, allow_many=allow_many)
    watch = watch or Watch(plan, path)
    with resumable(plan, path):
        require_cluster(cluster, plan)
        if not plan.steps or open_journal(beside(path), plan.digest).ended:
            lock.drop_left_over(cluster, plan.digest)
            return Outcome(0, 0, 0.0, already=True)
    with (
        watch.told(),
        resumable(plan, path, cluster),
        _run(cluster, plan, path, listener, connect) as run,
    ):
        run.signed_by, run.watch = signed_by, watch
        journal = open_journal(beside(path), plan.digest)  # another apply may just have ended
        if journal.ended:
            return Outcome(0, 0, 0.0, already=True)
        how = partial(engine.apply, through=through, keep_going=keep_going, parallel=parallel)
        steps = how(run, journal)
        remaining = sum(journal.state(step.id) != "done" for step in plan.steps)
        if not remaining:
            throttle.forget(cluster, plan.digest)
    seconds = time.monotonic() - started
    watch.ended({"steps": steps, "remaining": remaining, "seconds": round(seconds, 3)})
    return Outcome(steps, remaining, seconds, already=steps == remaining == 0)


@contextmanager
def resumable(plan: Plan, path: Path, cluster: Cluster | None = None) -> Iterator[None]:
    """An apply that is begun, and cannot go on now, is stopped: an error would say it is undone.

    `cluster`: is asked which tasks of the plan go on.
    """
    try:
        yield
    except (Unreachable, ServerError) as error:
        records = open_journal(beside(path), plan.digest).records
        if any(record.event == "intent" for record in records) and not is_closed(records):
            raise explained(engine.stopped(error), plan, path) from error
        raise
    except Stopped as error:
        explained(error, plan, path, cluster)
        raise


def abandon(cluster: Cluster, plan: Plan, path: Path, listener: Listener) -> list[str]:
    """Take back an unfinished apply; returns what stays in the cluster."""
    require_cluster(cluster, plan)
    with _run(cluster, plan, path, listener) as run:
        return engine.abandon(run, open_journal(beside(path), plan.digest))


def require_cluster(cluster: Cluster, plan: Plan) -> None:
    """Refuse a plan that was made for another cluster."""
    info = live.cluster_info(cluster)
    if info.uuid != plan.cluster["uuid"]:
        raise Refused(
            f"the plan was made for the cluster {plan.cluster['name']} "
            f"({plan.cluster['uuid']}), and this is {info.name} ({info.uuid})",
            code="ESP-4003",
            remedy="check --url and --env, or make a new plan for this cluster",
        )


@contextmanager
def _run(
    cluster: Cluster,
    plan: Plan,
    path: Path,
    listener: Listener,
    connect: Callable[[str], Cluster] | None = None,
) -> Iterator[Run]:
    """The lock, held; and signals that stop at a safe point."""
    interrupted = Event()
    cluster.on_wait = listener.note
    stop = stopping(interrupted, listener.note, path)
    with lock.Lock(cluster, plan.digest, listener.note) as held, stop:
        run = Run(cluster, plan, held, listener, interrupted, plan_path=path)
        run.connect = connect or run.connect
        try:
            yield run
        finally:
            run.close()
