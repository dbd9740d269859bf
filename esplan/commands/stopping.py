"""Ctrl-C during an apply: what happens now, what is there afterwards, and how to go on."""

from __future__ import annotations

import shlex
import signal
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

from esplan import live
from esplan.errors import EsplanError
from esplan.journal import beside, open_journal
from esplan.steps import force_merge, reindex, unblock_writes
from esplan.tasks import all_running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from threading import Event
    from types import FrameType

    from esplan.cluster import Cluster
    from esplan.errors import Stopped
    from esplan.journal import Event as JournalEvent
    from esplan.journal import Journal
    from esplan.model import Index
    from esplan.plan import Plan, Step

    States = dict[str, JournalEvent | None]

RUNS_ON = f"{reindex.ACTIONS},{force_merge.ACTION}"
"""Actions of tasks that go on in the cluster without esplan; the next apply watches them."""

FIRST = (
    "stopping at the next safe point; Ctrl-C again stops at once",
    "nothing is undone, and what runs in the cluster goes on there",
)
SECOND = (
    "stopping at once: nobody knows whether the last request was carried out",
    "the next apply asks the cluster, and goes on from there",
)


@contextmanager
def stopping(interrupted: Event, note: Callable[[str], None], path: Path) -> Iterator[None]:
    """Ctrl-C and SIGTERM ask for a stop at the next safe point; a second Ctrl-C insists.

    What is said about it comes from a thread: a signal may meet this one while it writes.
    """
    said: SimpleQueue[tuple[str, ...]] = SimpleQueue()
    speaker = Thread(target=_speak, args=(said, note), daemon=True)
    speaker.start()

    def ask(_number: int, _frame: FrameType | None) -> None:
        if interrupted.is_set():
            said.put(SECOND)
            raise KeyboardInterrupt
        interrupted.set()
        said.put((*FIRST, f"to go on: {_commands(path)}"))

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
        said.put(())
        speaker.join()


def _speak(said: SimpleQueue[tuple[str, ...]], note: Callable[[str], None]) -> None:
    while lines := said.get():
        for line in lines:
            note(line)


def _commands(path: Path) -> str:
    return f"esplan apply {shlex.quote(str(path))} (with --abandon it is taken back instead)"


def explained(error: Stopped, plan: Plan, path: Path, cluster: Cluster | None = None) -> Stopped:
    """The error, with what is there now where it names no place, and with the commands."""
    if not error.where:
        with suppress(EsplanError):  # a journal that cannot be read: the error is about that
            journal = open_journal(beside(path), plan.digest)
            error.where = _left(plan, journal, _look(plan, cluster))
    if "--abandon" not in error.remedy:
        error.remedy = f"{error.remedy or 'to go on'}: {_commands(path)}"
    return error


@dataclass(frozen=True)
class _Seen:
    """What a cluster shows now: steps of which a task runs, and indices that are write-blocked.

    None where it could not be looked at.
    """

    running: set[str] = field(default_factory=set)
    blocked: set[str] | None = None


def _look(plan: Plan, cluster: Cluster | None) -> _Seen:
    """Asked once: a cluster that does not answer has been waited for already."""
    if cluster is None:
        return _Seen()
    patience, cluster.patience = cluster.patience, 0
    try:
        names = sorted({_index(one) for one in plan.steps if one.kind == "block_writes"})
        found = live.read_indices(cluster, names) if names else {}
        return _Seen(_running(plan, cluster), {n for n in found if _has_block(found[n])})
    except EsplanError:
        return _Seen()
    finally:
        cluster.patience = patience


def _running(plan: Plan, cluster: Cluster) -> set[str]:
    found = all_running(cluster, RUNS_ON).values()
    names = [str(task.get("headers", {}).get("X-Opaque-Id", "")).split(":") for task in found]
    return {name[2] for name in names if name[:2] == ["esplan", plan.id]}


def _has_block(index: Index) -> bool:
    return index.body.settings.get(unblock_writes.SETTING) == "true"


def _left(plan: Plan, journal: Journal, seen: _Seen) -> str:
    """`2 of 8 steps are done; begun: …; clients cannot write to …`."""
    state: States = {step.id: journal.state(step.id) for step in plan.steps}
    done = sum(one == "done" for one in state.values())
    begun = [_begun(step, seen) for step in plan.steps if state[step.id] == "intent"]
    ours = [_index(step) for step in plan.steps if _is_blocked(step, plan, state)]
    parts = [f"{done} of {len(plan.steps)} steps are done"]
    parts += [f"begun: {', '.join(begun)}"] * bool(begun)
    if seen.blocked is None:
        parts += [f"writes to {', '.join(ours)} may be blocked"] * bool(ours)
    elif blocked := [one for one in ours if one in seen.blocked]:
        parts += [f"clients cannot write to {', '.join(blocked)}"]
    return "; ".join(parts)


def _begun(step: Step, seen: _Seen) -> str:
    return step.description + " (it goes on in the cluster)" * (step.id in seen.running)


def _is_blocked(step: Step, plan: Plan, state: States) -> bool:
    """It has set a write block, or may have, and no later step has lifted it or deleted it."""
    if step.kind != "block_writes" or state[step.id] not in ("done", "intent"):
        return False
    ends = ("unblock_writes", "delete_index")
    same = [one for one in plan.steps if one.kind in ends and _index(one) == _index(step)]
    return not any(state[one.id] == "done" for one in same)


def _index(step: Step) -> str:
    return str(step.arguments.get("index", ""))
