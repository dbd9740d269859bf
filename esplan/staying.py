"""What is not taken back, what it still owes, and what is there when all is taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import live
from esplan.errors import EsplanError, OutcomeUnknown, ServerError
from esplan.outcomes import SERVER
from esplan.plan import GUARD
from esplan.steps import (
    KINDS,
    block_writes,
    delete_index,
    guards,
    reindex,
    settling,
    unblock_writes,
    update_aliases,
)
from esplan.tasks import all_running

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from esplan.journal import Journal
    from esplan.model import Index
    from esplan.plan import Step
    from esplan.run import Run

MAKING = ("create_index", "resize_index")
"""Kinds that make an index."""

BLOCKING = ("block_writes", "retire_index")
"""Kinds that block writes to an index."""

ABANDONED = "abandoned"
"""Why an apply failed that was taken back by the user's own word."""


def kept(run: Run, journal: Journal, begun: Sequence[Step]) -> set[str]:
    """Addresses of what is done, was switched (by whoever), or was changed in place."""
    found = {step.address for step in begun if _is_final(step, run, journal)}
    rest = {step.address: step for step in begun if step.address not in found}
    return found | {address for address, step in rest.items() if _is_served(step, run)}


def _is_final(step: Step, run: Run, journal: Journal) -> bool:
    """An object that is done, was switched, or was changed in place is not taken back."""
    own = run.own(step)
    if step.address != run.group(step) and run.plan.change(step.address).action not in (
        "create",
        "replace",
    ):
        opened = [one for one in own if one.kind == "open_index"]
        return all(journal.state(one.id) == "done" for one in opened)  # never left closed
    if all(journal.state(one.id) == "done" for one in own):
        return True
    if step.kind != "update_aliases":
        return False
    return journal.state(step.id) == "done" or KINDS[step.kind].probe(step, run)


def _switch(step: Step, run: Run) -> Step | None:
    """The step that moves the alias of a step's object; in a group, that of all of them."""
    return next((one for one in run.own(step) if one.kind == "update_aliases"), None)


def _is_served(step: Step, run: Run) -> bool:
    """Clients use the new index, though this apply has not switched to it: somebody else has."""
    switch = _switch(step, run)
    if switch is None or step.address == run.group(step):
        return False
    own = switch if switch.address == step.address else update_aliases.part(switch, step.address)
    return update_aliases.probe(own, run)


def pay(run: Run, journal: Journal, steps: Sequence[Step], stay: set[str], *, alone: bool) -> None:
    """What stays is switched: lift the plan's own write blocks, and take its guards off.

    `alone`: others go on beside it, so what the server refuses is said, and tried again later.
    """
    for step in steps:
        if stay.isdisjoint((step.address, run.group(step))):
            continue
        if _is_to_go(step, run, journal):
            _say_blocked(step, run)
            continue
        run.lock.check()
        try:
            _pay(step, run)
        except ServerError as error:
            if not alone or error.status >= SERVER:
                raise
            run.listener.note(f"not taken back ({step.description}): {error.what}")


def _is_to_go(step: Step, run: Run, journal: Journal) -> bool:
    """Blocked until it is deleted: applying again goes on with that, unless it was abandoned."""
    last, switch = journal.last(""), _switch(step, run)
    if step.kind not in BLOCKING or (last and last.data.get("why") == ABANDONED):
        return False
    name = step.arguments["index"]
    deleted = (one.arguments["index"] for one in run.plan.steps if one.kind == "delete_index")
    return switch is not None and journal.state(switch.id) == "done" and name in deleted


def _say_blocked(step: Step, run: Run) -> None:
    """Of a group, the message of the one that failed does not name the others."""
    name = step.arguments["index"]
    now = live.read_indices(run.cluster, [name])
    if any(_blocked([step], now)):
        run.listener.note(
            f"{name} stays write-blocked: it is still to be deleted "
            "(--abandon ends that, and lifts the block)"
        )


def _pay(step: Step, run: Run) -> None:
    if step.kind in BLOCKING:
        settling.settle(step, run)
        KINDS[step.kind].undo(step, run)
        require_undone(step, run)
    if step.kind == "delete_index":
        delete_index.let_go(step, run)
    switch = _switch(step, run)
    if step.kind in (*MAKING, "guard_index") and switch:
        guards.take_off(switch, run, {step.arguments["index"]})


# What is there


def require_undone(step: Step, run: Run) -> None:
    """Read back what was taken back: an answer is not enough. Raises OutcomeUnknown."""
    name = step.arguments.get("index", "")
    if step.kind not in (*MAKING, *BLOCKING, "guard_index"):
        return
    now = live.read_indices(run.cluster, [name])
    if step.kind in BLOCKING and name in now and not block_writes.is_planned(step, now[name]):
        return  # it was made anew by another, with a block or without
    if step.kind == "guard_index":
        there = name in now and step.arguments["guard"] in now[name].aliases
    else:
        there = any((*_made([step], now, run), *_blocked([step], now)))
    if there:
        raise OutcomeUnknown(
            f"step {step.id} ({step.description}) was taken back, and its effect is still there",
            code="ESP-5003",
            why="something else changes the same objects at this moment",
        )


def said(run: Run, journal: Journal) -> str:
    """Where things stand after a failure, as the cluster shows it."""
    steps = run.plan.steps
    done = sum(journal.state(step.id) == "done" for step in steps)
    lasting = [one.description for one in steps if one.lasts and journal.state(one.id) == "undone"]
    stay = f"{done} of {len(steps)} steps are done and stay; the others were taken back"
    try:
        left = remains(run, journal)
    except EsplanError as error:
        begin = stay if done else "it was taken back"
        return f"{begin}; what is left could not be looked at: {error.what}"
    if done:
        return stay + (f"; in the cluster: {'; '.join(left)}" if left else "")
    if left:
        return f"left in the cluster: {'; '.join(left)}"
    if lasting:
        return f"everything was taken back but what cannot be: {'; '.join(lasting)}"
    return "nothing is left of this plan in the cluster: every change was taken back"


def remains(run: Run, journal: Journal) -> list[str]:
    """What is in the cluster now of objects that the plan began with and has not ended.

    An index with the plan's mark is its own, also where a lost journal does not know of it.
    """
    steps = [step for step in run.plan.steps if not _has_ended(step, run, journal)]
    names = {step.arguments["index"] for step in steps if "index" in step.arguments}
    sides = {name for one in run.plan.changes for name in (one.index, one.target) if name}
    now = live.read_indices(run.cluster, sorted({*names, *sides})) if steps else {}
    begun = [one for one in steps if journal.state(one.id) or any(_made([one], now, run))]
    return [
        *(_index(now[name]) for name in _made(begun, now, run)),
        *(f"the old index {name}" for name in _left_behind(begun, now, run)),
        *(f"the write block on {name}" for name in _blocked(begun, now)),
        *_tasks(run),
    ]


def _has_ended(step: Step, run: Run, journal: Journal) -> bool:
    return all(journal.state(one.id) == "done" for one in run.own(step))


def _index(index: Index) -> str:
    serves = sorted(alias for alias in index.aliases if not alias.startswith(GUARD))
    return f"the index {index.name}" + (f", behind {', '.join(serves)}" if serves else "")


def _made(begun: Sequence[Step], now: dict[str, Index], run: Run) -> Iterator[str]:
    for step in begun:
        name = step.arguments.get("index", "")
        if step.kind not in MAKING or name not in now:
            continue
        is_marked = now[name].mark == run.mark(step.address)
        if is_marked or _is_resized(step, now[name], run):
            yield name


def _is_resized(step: Step, index: Index, run: Run) -> bool:
    """A resize carries no mark: the plan's guard is on it, or the alias that it was switched to."""
    guard = step.arguments.get("guard")
    switch = _switch(step, run) if guard else None
    goal = switch.arguments["goal"] if switch else {}
    return guard in index.aliases or any(alias in index.aliases for alias in goal)


def _left_behind(begun: Sequence[Step], now: dict[str, Index], run: Run) -> Iterator[str]:
    """What an alias has left for the new index, and nothing has deleted."""
    for address in dict.fromkeys(step.address for step in begun):
        change = next((one for one in run.plan.changes if one.address == address), None)
        old = now.get(change.index or "") if change and change.action == "replace" else None
        new = now.get(change.target or "") if change else None
        if (
            old
            and new
            and address.removeprefix("alias.") in new.aliases.keys() - old.aliases.keys()
        ):
            yield old.name


def _blocked(begun: Sequence[Step], now: dict[str, Index]) -> Iterator[str]:
    for step in begun:
        index = now.get(step.arguments.get("index", ""))
        own = step.kind in BLOCKING and "request" in step.undo
        if own and index and index.body.settings.get(unblock_writes.SETTING) == "true":
            yield index.name


def _tasks(run: Run) -> Iterator[str]:
    """Tasks of this plan that run now."""
    for name, task in all_running(run.cluster, reindex.ACTIONS).items():
        given = str(task.get("headers", {}).get("X-Opaque-Id", ""))
        if given.startswith(f"esplan:{run.plan.id}:") and "parent_task_id" not in task:
            yield f"the task {name}"
