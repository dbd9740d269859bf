"""Carry out a plan, step by step. The journal records intent; the cluster decides.

Each step is probed, checked, recorded, sent, read back and recorded again. What happens when
something goes wrong depends on what is known:

- the reason is known: everything that this plan began and has not switched is taken back, and
  the cluster is as it was (exit 1 or 4);
- the outcome is not known, or the user or the lock says stop: nothing is taken back, and
  applying again goes on from here (exit 3).

With `keep_going` a known reason takes back the one object that failed, and the others go on.
"""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from esplan import journal as journals
from esplan import preconditions, rewind, state_index
from esplan.errors import (
    EsplanError,
    JournalError,
    OutcomeUnknown,
    Refused,
    ServerError,
    Stopped,
    Unreachable,
)
from esplan.parallel import side_by_side, stretches
from esplan.partly import partly
from esplan.plan import PHASES, STATE_INDEX
from esplan.steps import KINDS
from esplan.steps.mark_writes import MARKS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.journal import Journal
    from esplan.model import JSON
    from esplan.plan import Phase, Step
    from esplan.run import Run
    from esplan.steps import StepKind

ATTEMPTS = 3
"""How often a step is sent whose outcome nobody knew and whose effect then was not there."""

AGAIN = "apply the same plan again: it goes on from here"


def apply(
    run: Run,
    journal: Journal,
    *,
    through: Phase = "finish",
    keep_going: bool = False,
    parallel: int = 1,
) -> int:
    """Carry out every step up to a phase; returns how many were carried out now.

    `parallel`: so many objects side by side.

    Raises Stopped, Refused, StepFailed, ServerError as the module says; PartlyFailed with
    `keep_going`, after the last step that can be carried out.
    """
    _start(run, journal)
    with _resumable():
        return _apply(run, journal, through, keep_going=keep_going, parallel=parallel)


@contextmanager
def _resumable() -> Iterator[None]:
    """A record that cannot be written, be it the first or the last, stops an apply part-way."""
    try:
        yield
    except JournalError as error:
        raise stopped(error) from error


def _apply(run: Run, journal: Journal, through: Phase, *, keep_going: bool, parallel: int) -> int:
    if journal.ended:
        return 0
    run.watch.begin(run, journal)
    last = journal.last("")
    if last and last.event == "failed":
        roll_back(run, journal, only=last.data.get("address", ""))
    rewind.rewind(run, journal)
    journal.append("start", data=_who(run))
    steps = [s for s in run.plan.steps if PHASES.index(s.phase) <= PHASES.index(through)]
    failed: dict[str, EsplanError] | None = {} if keep_going else None
    count = _carry_out_all(run, journal, steps, failed, parallel)
    if failed:
        raise partly(run, journal, failed)
    if all(journal.state(step.id) == "done" for step in run.plan.steps):
        journal.append("end")
    return count


def abandon(run: Run, journal: Journal) -> None:
    """Take back everything that an unfinished apply began and has not switched.

    Raises Refused when every step is done: that is for a plan of its own to take back.
    """
    _start(run, journal)
    if journal.ended:
        raise Refused(
            "the apply of this plan has ended: there is nothing unfinished to take back",
            code="ESP-4013",
            remedy="make a plan from the desired files as they were before, and apply that",
        )
    if not journal.records:
        return
    with _resumable():
        journal.append("failed", data={"why": "abandoned"})
        roll_back(run, journal)


def _start(run: Run, journal: Journal) -> None:
    """Bring the file and the cluster's copy of the journal to the same length."""
    mirrored = state_index.load(run.cluster, run.plan.digest)
    names = (str(journal.path), f"the journal in the index {STATE_INDEX}")
    known = len(journal.records)
    whole = journals.joined(journal.records, mirrored, names)
    journal.store(whole[known:])
    for record in whole[len(mirrored) :]:
        state_index.store(run.cluster, run.plan.digest, record)
    journal.mirror = lambda record: state_index.store(run.cluster, run.plan.digest, record)
    journal.permit = run.lock.check
    for step in run.plan.steps:
        evidence = journal.evidence(step.id)
        if MARKS in evidence:
            run.caught_up[step.address] = evidence[MARKS]
        if journal.state(step.id) == "done":
            _keep(step, run, evidence)


def _keep(step: Step, run: Run, evidence: JSON) -> None:
    """What later steps of the same object have to know."""
    if step.kind == "verify":
        run.proofs[step.address] = evidence
    if "rejected" in evidence:
        run.rejected[step.address] = evidence["rejected"]
    if "left" in evidence:
        run.left[step.address] = evidence["left"]


def _who(run: Run) -> JSON:
    return {
        "format_version": journals.FORMAT_VERSION,
        "plan": run.plan.digest,
        "plan_id": run.plan.id,
        "steps": len(run.plan.steps),
        "moves": moves(run.plan.steps),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        **({"signed_by": run.signed_by} if run.signed_by else {}),
        **({"outside_window": True} if run.outside_window else {}),
    }


def moves(steps: tuple[Step, ...]) -> list[JSON]:
    """Which alias each step puts where: what a later look at the journal cannot find out."""
    return [
        {"step": step.id, "alias": check["alias"], "from": check["on"], "to": sorted(goal)}
        for step in steps
        if step.kind == "update_aliases"
        for check in step.preconditions
        if check["check"] == "alias" and (goal := step.arguments["goal"].get(check["alias"]))
    ]


def _carry_out_all(
    run: Run,
    journal: Journal,
    steps: list[Step],
    failed: dict[str, EsplanError] | None,
    parallel: int,
) -> int:
    """Every step that is not done yet; returns how many.

    With `failed`, an object or group that fails is put there, and its later steps are left out.
    """
    todo = [step for step in steps if journal.state(step.id) != "done"]
    work = _Work(run, journal, steps, failed)
    for chains in stretches(todo, lambda step: _chain(step, run, together=failed is not None)):
        try:
            side_by_side(chains, parallel, work.carry_out, run.halted)
        except Stopped:
            raise
        except EsplanError as error:
            _take_back(run, journal, error)
            raise
    if run.watch.stop:
        raise run.watch.stop
    return len(work.done)


@dataclass(frozen=True)
class _Work:
    """What the chains of one apply share."""

    run: Run
    journal: Journal
    steps: list[Step]
    failed: dict[str, EsplanError] | None
    done: list[str] = field(default_factory=list)

    def carry_out(self, chain: list[Step]) -> None:
        """The steps of one object or group, one after the other."""
        for step in chain:
            if self._is_left_out(step):
                continue
            if not self.run.watch.before(step, self.run, self.journal):
                return
            try:
                position = (self.steps.index(step) + 1, len(self.steps))
                _stoppable(step, self.run, self.journal, position)
                self.done.append(step.id)
            except Stopped:
                raise
            except EsplanError as error:
                if self.failed is None:
                    raise
                unit = _unit(step, self.run, self.journal)
                _take_back(self.run, self.journal, error, unit)
                self.failed[unit] = error

    def _is_left_out(self, step: Step) -> bool:
        mine = (step.address, self.run.group(step))
        return not (self.failed or {}).keys().isdisjoint(mine)


def _chain(step: Step, run: Run, *, together: bool) -> str:
    """Whose steps come one after the other. A group that is taken back as one is one chain."""
    return (run.group(step) if together else "") or step.address


def _unit(step: Step, run: Run, journal: Journal) -> str:
    """What fails as one: a group until it is switched; then each object by itself."""
    switch = run.plan.groups.get(step.address)
    return switch.address if switch and journal.state(switch.id) != "done" else step.address


def _stoppable(step: Step, run: Run, journal: Journal, position: tuple[int, int]) -> None:
    """One step. Turns what is not known into Stopped."""
    try:
        _safe_point(step, run, journal)
        run.listener.step_started(step, *position)
        _carry_out(step, run, journal)
    except (Unreachable, JournalError) as error:
        raise stopped(error) from error
    except Stopped as error:
        error.remedy = error.remedy or AGAIN
        raise


def _carry_out(step: Step, run: Run, journal: Journal) -> None:
    """One step, until its effect is seen in the cluster."""
    kind, unknown = KINDS[step.kind], None
    for _ in range(ATTEMPTS):
        if not kind.REPEAT and kind.probe(step, run):
            _done(step, run, journal, "as wanted" if unknown is None else "done", {})
            return
        preconditions.require(step, run)
        _safe_point(step, run, journal)
        journal.append("intent", step.id)
        try:
            evidence = kind.execute(step, run)
        except OutcomeUnknown as error:
            run.listener.note(f"{error.what} ({error.why}): asking the cluster")
            unknown = error
            continue
        _read_back(kind, step, run)
        _done(step, run, journal, "done", evidence)
        return
    raise unknown or OutcomeUnknown(
        f"step {step.id} was sent, and nobody knows its outcome", code="ESP-5003"
    )


def _safe_point(step: Step, run: Run, journal: Journal) -> None:
    """Stop here when asked to; but not where it would cost clients more than going on."""
    if rewind.is_soon_over(step, run, journal):
        run.lock.check()
    else:
        run.safe_point()


def _read_back(kind: StepKind, step: Step, run: Run) -> None:
    """An answer is not enough: the effect must be there."""
    if not kind.probe(step, run):
        run.lock.check()  # whoever has taken it over may have gone on from here
        raise OutcomeUnknown(
            f"step {step.id} ({step.description}) was acknowledged, but its effect is not there",
            code="ESP-5003",
            why="something else changes the same objects at this moment",
        )


def _done(step: Step, run: Run, journal: Journal, outcome: str, evidence: JSON) -> None:
    journal.append("done", step.id, evidence)
    _keep(step, run, evidence)
    run.listener.step_ended(step, outcome, evidence)
    run.watch.after(step, journal, outcome, evidence)


def stopped(error: EsplanError) -> Stopped:
    """What is begun stays as it is, and applying again goes on from there."""
    parts = {"where": error.where, "why": error.why, "remedy": _then(error.remedy)}
    return Stopped(error.what, code=error.code, **parts)


def _then(remedy: str) -> str:
    return f"{remedy}; then {AGAIN}" if remedy and AGAIN not in remedy else AGAIN


# Taking back


def _take_back(run: Run, journal: Journal, error: EsplanError, only: str = "") -> None:
    """After a failure with a known reason: leave the cluster as it was before the plan.

    With `only`, an address, as that object or group was; the journal says so, and a later apply.
    """
    if isinstance(error, ServerError) and error.status >= 500:  # noqa: PLR2004  (HTTP's class)
        raise stopped(error) from error
    run.listener.note(f"{error.what}: taking back what was begun")
    try:
        journal.append("failed", data={"why": str(error), **_about(only)})
        roll_back(run, journal, error, only=only)
    except (JournalError, Stopped) as trouble:
        raise stopped(trouble) from error
    if not only:
        error.where = error.where or _left(run, journal)


def _about(address: str) -> JSON:
    return {"address": address} if address else {}


def roll_back(
    run: Run, journal: Journal, cause: EsplanError | None = None, *, only: str = ""
) -> None:
    """Undo, last first, every step of every copy or creation that was not switched.

    `only`: of this object or group. Raises Stopped when the cluster does not let that happen now;
    the next apply goes on with it.
    """
    begun = [step for step in run.plan.steps if journal.state(step.id) in rewind.BEGUN]
    kept = {step.address for step in begun if _is_final(step, run, journal)}
    mine = [step for step in begun if only in ("", step.address, run.group(step))]
    try:
        for step in reversed(mine):
            if kept.isdisjoint((step.address, run.group(step))):
                run.lock.check()
                KINDS[step.kind].undo(step, run)
                journal.append("undone", step.id)
                run.proofs.pop(step.address, None)
                run.rejected.pop(step.address, None)
                run.listener.step_ended(step, "stays" if step.lasts else "undone", {})
    except EsplanError as error:
        why = f"{error}" + (f"\nafter: {cause}" if cause else "")
        raise Stopped(
            "not everything could be taken back",
            code="ESP-5004",
            why=why,
            remedy=_then(error.remedy),
        ) from error
    journal.append("undone", data=_about(only))


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


def _left(run: Run, journal: Journal) -> str:
    """Where things stand after a failure."""
    done = sum(journal.state(step.id) == "done" for step in run.plan.steps)
    undone = [step for step in run.plan.steps if journal.state(step.id) == "undone"]
    lasting = [step.description for step in undone if step.lasts]
    if lasting and not done:
        return f"everything was taken back but what cannot be: {'; '.join(lasting)}"
    if done == 0:
        return "nothing is left of this plan in the cluster: every change was taken back"
    return f"{done} of {len(run.plan.steps)} steps are done and stay; the others were taken back"
