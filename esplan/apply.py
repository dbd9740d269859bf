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

from esplan import found, outcomes, preconditions, rewind, state_index, staying
from esplan import journal as journals
from esplan.errors import (
    EsplanError,
    JournalError,
    OutcomeUnknown,
    Refused,
    ServerError,
    StepFailed,
    Stopped,
    Unreachable,
)
from esplan.parallel import side_by_side, stretches
from esplan.partly import partly
from esplan.plan import PHASES, STATE_INDEX
from esplan.steps import KINDS, draining
from esplan.steps.mark_writes import MARKS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.journal import Journal
    from esplan.model import JSON
    from esplan.plan import Phase, Step
    from esplan.run import Run

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


def abandon(run: Run, journal: Journal) -> list[str]:
    """Take back everything that an unfinished apply began and has not switched.

    Returns what stays in the cluster.

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
        return []
    with _resumable():
        journal.append("failed", data={"why": staying.ABANDONED})
        roll_back(run, journal)
    return staying.remains(run, journal)


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
    if step.kind == "block_writes":
        run.drained[step.arguments["index"]] = evidence.get(draining.VERSION)
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
    trouble: EsplanError | None = None
    for _ in range(ATTEMPTS):
        try:
            if _is_found(step, run, journal, trouble):
                return
            _send(step, run, journal)
        except (OutcomeUnknown, ServerError) as error:
            if isinstance(error, ServerError) and not outcomes.is_fault(error):
                raise
            run.listener.note(f"{error.what} ({error.why}): asking the cluster")
            trouble = error
        else:
            return
    if trouble and not _is_found(step, run, journal, trouble):
        raise outcomes.after_all_attempts(trouble, step)


def _is_found(step: Step, run: Run, journal: Journal, trouble: EsplanError | None) -> bool:
    """Its effect is there, and is believed: then it is done."""
    kind = KINDS[step.kind]
    if kind.REPEAT or not kind.probe(step, run):
        return False
    found.require(step, run, journal)
    _done(step, run, journal, "done" if trouble else "as wanted", {})
    return True


def _send(step: Step, run: Run, journal: Journal) -> None:
    """Send it and read it back."""
    preconditions.require(step, run)
    _safe_point(step, run, journal)
    journal.append("intent", step.id)
    evidence = KINDS[step.kind].execute(step, run)
    if not KINDS[step.kind].probe(step, run):
        run.lock.check()  # whoever has taken it over may have gone on from here
        raise outcomes.without_effect(step)
    found.require(step, run, journal)
    _done(step, run, journal, "done", evidence)


def _safe_point(step: Step, run: Run, journal: Journal) -> None:
    """Stop here when asked to; but not where it would cost clients more than going on."""
    if rewind.is_soon_over(step, run, journal):
        run.lock.check()
    else:
        run.safe_point()


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
    server = isinstance(error, ServerError) and error.status >= outcomes.SERVER
    if server and not outcomes.is_fault(error):
        raise stopped(error) from error
    run.listener.note(f"{error.what}: taking back what was begun")
    try:
        journal.append("failed", data={"why": str(error), **_about(only)})
        roll_back(run, journal, error, only=only)
    except (JournalError, Stopped) as trouble:
        raise stopped(trouble) from error
    if not only:
        error.where = error.where or staying.said(run, journal)


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
    mine = [step for step in begun if only in ("", step.address, run.group(step))]
    try:
        kept = staying.kept(run, journal, begun)
        for step in reversed(mine):
            if kept.isdisjoint((step.address, run.group(step))):
                _undo(step, run, journal)
        staying.pay(run, journal, mine, kept, alone=bool(only))
    except EsplanError as error:
        why = f"{error}" + (f"\nafter: {cause}" if cause else "")
        raise Stopped(
            "not everything could be taken back",
            code="ESP-5004",
            why=why,
            remedy=_then(error.remedy),
        ) from error
    journal.append("undone", data=_about(only))


def _undo(step: Step, run: Run, journal: Journal) -> None:
    """Take one step back; what is in use stays (StepFailed), and the journal says so."""
    run.lock.check()
    stays = ""
    try:
        KINDS[step.kind].undo(step, run)
        staying.require_undone(step, run)
    except StepFailed as error:
        stays = error.what
        run.listener.note(stays)
    journal.append("undone", step.id, {"stays": stays} if stays else {})
    run.proofs.pop(step.address, None)
    run.rejected.pop(step.address, None)
    run.listener.step_ended(step, "stays" if step.lasts or stays else "undone", {})
