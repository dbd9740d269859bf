"""What may stop an apply from outside, and is told of it: release windows and hooks.

They are asked before a piece begins and told after it has ended, and never within one. A piece is
a step; but the switch phase of an object, or of a group, is one piece: in it clients may be
refused, so nothing there waits for a program of somebody's.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

from esplan import hooks
from esplan.apply import AGAIN, moves
from esplan.errors import EsplanError, Refused, Stopped
from esplan.plan import PHASES
from esplan.policy import Policy
from esplan.rewind import BEGUN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from esplan.hooks import Hook, Ran
    from esplan.journal import Journal
    from esplan.model import JSON
    from esplan.plan import Phase, Plan, Step
    from esplan.run import Run

FORMAT_VERSION = "1.0"
"""Of an event. A newer minor version only adds keys."""

VARIABLES = tuple(
    f"{hooks.PREFIX}{name}"
    for name in "EVENT FORMAT_VERSION ENV CLUSTER CLUSTER_UUID PLAN PLAN_ID PLAN_DIGEST ADDRESS "
    "PHASE STEP KIND OUTCOME EXIT_CODE".split()
)


def _quiet(_ran: Ran) -> None:
    """Nobody wants to know."""


@dataclass
class Watch:
    """The windows and hooks of one apply. Hooks run one at a time, also with `parallel`.

    `environ`: what hooks get beside the variables of the event. `tell`: of each hook that has run.
    `stop`: why nothing may begin any more.
    """

    plan: Plan
    path: Path
    policy: Policy = field(default_factory=Policy)
    through: Phase = "finish"
    hooks: tuple[Hook, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    tell: Callable[[Ran], None] = _quiet
    stop: Stopped | None = None
    _turn: Lock = field(default_factory=Lock)
    _entered: set[str] = field(default_factory=set)
    _began: dict[str, float] = field(default_factory=dict)
    _ended: dict[str, JSON] = field(default_factory=dict)
    _journal: Journal | None = None
    _resumed: bool = False

    def require_open(self, journal: Journal) -> bool:
        """Whether there is anything to do; raises Refused where it may not begin now."""
        left = [one for one in self._asked() if journal.state(one.id) != "done"]
        if left:
            self.policy.require_open(_phase(left), _half_done(self.plan, journal))
        return bool(left)

    def begin(self, run: Run, journal: Journal) -> None:
        """Nothing was changed yet by this apply. Raises Refused; Stopped where one goes on."""
        left = [one for one in self._asked() if journal.state(one.id) != "done"]
        if not self.require_open(journal):
            return
        run.outside_window = self.policy.is_overridden(_phase(left))
        self._journal, self._resumed = journal, bool(journal.records)
        ran = self._call("before_apply", {"steps": len(left)})
        if ran and self._resumed:
            raise _stopped(ran, "before it went on")
        if ran:
            raise Refused(
                f"the hook {ran.hook} refused the apply: nothing was changed",
                code="ESP-4021",
                why=ran.why,
                remedy="see what the hook says, then apply the plan again",
            )

    def before(self, step: Step, run: Run, journal: Journal) -> bool:
        """Whether a step may begin. After a no, nothing begins any more; see `stop`.

        What is begun goes on, also side by side with what may not begin.
        """
        if not self._is_idle and not self._is_begun(step, journal):
            with self._turn:
                if not self._may_begin(step, run, journal):
                    return False
        self._began[step.id] = time.monotonic()
        return True

    def _is_begun(self, step: Step, journal: Journal) -> bool:
        """Its switch phase: going on is better for clients than anything that one may say."""
        piece = self._pieces[step.id]
        return step.phase == "switch" and (
            piece[0].id in self._entered or any(journal.state(s.id) in BEGUN for s in piece)
        )

    def _may_begin(self, step: Step, run: Run, journal: Journal) -> bool:
        """Also where it is asked to stop: that is for the safe point that follows."""
        stops = run.interrupted.is_set() or run.halted.is_set()
        if stops or self._is_begun(step, journal):  # while this one waited for its turn
            return True
        self.stop = self.stop or self.policy.stop(step) or self._ask(step, journal)
        if not self.stop:
            self._entered.add(self._pieces[step.id][0].id)
        return not self.stop

    def _ask(self, step: Step, journal: Journal) -> Stopped | None:
        """Ask the hooks about the piece that begins with a step."""
        piece = self._pieces[step.id]
        if step.phase == "switch":
            ran = self._call("before_switch", _switch(piece), step)
            if ran:
                return _stopped(ran, f"before: the switch of {step.address}")
        for one in piece:
            if journal.state(one.id) != "done":
                ran = self._call("before_step", {"step": self._shown(one)}, one)
                if ran:
                    return _stopped(ran, f"before: {one.description}")
        return None

    def after(self, step: Step, journal: Journal, outcome: str, evidence: JSON) -> None:
        """The effect of a step is there. Raises nothing, and within a piece it does not wait."""
        if self._is_idle:
            return
        seconds = round(time.monotonic() - self._began[step.id], 3)
        parts = {"outcome": outcome, "seconds": seconds, "evidence": evidence}
        self._ended[step.id] = {"step": self._shown(step), **parts}
        if any(self._is_open(one, journal) for one in reversed(self._pieces[step.id])):
            return
        with self._turn:
            self._tell(step)

    def _is_open(self, step: Step, journal: Journal) -> bool:
        """It is not done; or it is, and the one who did it has not said so yet."""
        mine = step.id in self._began
        return step.id not in self._ended and (mine or journal.state(step.id) != "done")

    def _tell(self, step: Step) -> None:
        """Once: of several that end at a time the first tells of all."""
        piece = [one for one in self._pieces[step.id] if one.id in self._ended]
        for one in piece:
            self._call("after_step", self._ended.pop(one.id), one)
        if piece and step.phase == "switch":
            self._call("after_switch", _switch(self._pieces[step.id]), step)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Tell of an apply that began and does not come to its end. The lock is given back."""
        try:
            yield
        except EsplanError as error:
            if self._journal:
                self._call("failure", {"error": _error(error), **self._done()})
            raise

    def ended(self, result: JSON) -> None:
        """All that was asked for is done. The lock is given back."""
        if self._journal:
            self._call("after_apply", {"result": result, **self._done()})

    @cached_property
    def _pieces(self) -> dict[str, list[Step]]:
        return pieces(self.plan)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {one.id: number for number, one in enumerate(self.plan.steps, 1)}

    @property
    def _is_idle(self) -> bool:
        """Nobody has anything to say."""
        return not self.hooks and not self.policy.has_windows

    def _asked(self) -> list[Step]:
        last = PHASES.index(self.through)
        return [one for one in self.plan.steps if PHASES.index(one.phase) <= last]

    def _done(self) -> JSON:
        states = [self._journal.state(one.id) for one in self.plan.steps] if self._journal else []
        return {"steps_done": states.count("done")}

    def _call(self, name: str, parts: JSON, step: Step | None = None) -> Ran | None:
        """Run the hooks of an event. Of one that asks: the first that says no ends it."""
        wanted = [one for one in self.hooks if name in one.on]
        event = {**self._event(name), **parts} if wanted else {}
        for hook in wanted:
            ran = hooks.run(hook, event, _variables(event, step), self.environ)
            self.tell(ran)
            if ran.outcome != "ok" and name.startswith("before_"):
                return ran
        return None

    def _event(self, name: str) -> JSON:
        plan = self.plan
        return {
            "format_version": FORMAT_VERSION,
            "event": name,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "environment": self.policy.names,
            "cluster": {key: plan.cluster[key] for key in ("name", "uuid", "version")},
            "plan": {
                "id": plan.id,
                "digest": plan.digest,
                "path": str(self.path),
                "summary": plan.summary,
                "steps": len(plan.steps),
            },
            "through": self.through,
            "resumed": self._resumed,
        }

    def _shown(self, step: Step) -> JSON:
        shown = ("id", "kind", "phase", "address", "description")
        return {name: getattr(step, name) for name in shown} | {"number": self._numbers[step.id]}


def pieces(plan: Plan) -> dict[str, list[Step]]:
    """By the id of a step, all steps of its piece: see the module."""
    whole: dict[str, list[Step]] = {}
    for one in plan.steps:
        whole.setdefault(_whose(one, plan), []).append(one)
    return {one.id: whole[_whose(one, plan)] for one in plan.steps}


def _whose(step: Step, plan: Plan) -> str:
    if step.phase != "switch":
        return step.id
    group = plan.groups.get(step.address)
    return group.address if group else step.address


def _phase(steps: list[Step]) -> Phase:
    """The phase whose windows count for all of them."""
    return "prepare" if all(one.phase == "prepare" for one in steps) else "switch"


def _switch(piece: list[Step]) -> JSON:
    """What the switch phase of an object is made of. Of a group, its own step has the address."""
    grouped = [one.address for one in piece if "members" in one.arguments]
    moved = [{name: one[name] for name in ("alias", "from", "to")} for one in moves(tuple(piece))]
    address = (grouped or [piece[0].address])[0]
    return {"switch": {"address": address, "steps": [one.id for one in piece], "moves": moved}}


def _half_done(plan: Plan, journal: Journal) -> str:
    """Objects of which a piece was begun and not ended, and indices that are left blocked."""
    states = {one.id: journal.state(one.id) for one in plan.steps}
    left = [one for one in plan.steps if states[one.id] != "done"]
    whole = pieces(plan)
    half = {one.address for one in left if any(states[s.id] in BEGUN for s in whole[one.id])}
    begun = {s.arguments["index"] for s in plan.steps if s.kind == "block_writes" and s not in left}
    ends = ("unblock_writes", "delete_index")
    lifted = {one.arguments["index"] for one in left if one.kind in ends}
    blocked = ", ".join(sorted(begun & lifted))
    said = f"half done: {', '.join(sorted(half))}" if half else ""
    return said + (f"; writes to {blocked} are refused" if blocked else "")


def _stopped(ran: Ran, when: str) -> Stopped:
    return Stopped(
        f"the hook {ran.hook} stopped the apply {when}",
        code="ESP-5008",
        why=ran.why,
        remedy=f"see what the hook says; then {AGAIN}",
    )


def _error(error: EsplanError) -> JSON:
    parts = ("code", "exit_code", "what", "where", "why", "remedy")
    return {name: getattr(error, name) for name in parts if hasattr(error, name)}


def _variables(event: JSON, step: Step | None) -> dict[str, str]:
    """What of an event a shell script wants at once; empty where it has none."""
    about: dict[str, Any] = event.get("step", {})
    values = (
        event["event"],
        FORMAT_VERSION,
        event["environment"],
        event["cluster"]["name"],
        event["cluster"]["uuid"],
        event["plan"]["path"],
        event["plan"]["id"],
        event["plan"]["digest"],
        event.get("switch", {}).get("address", "") or (step.address if step else ""),
        step.phase if step else "",
        about.get("id", ""),
        about.get("kind", ""),
        event.get("outcome", ""),
        str(event.get("error", {}).get("exit_code", "")),
    )
    return dict(zip(VARIABLES, values, strict=True))
