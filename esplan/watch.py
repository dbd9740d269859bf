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


def _quiet(_ran: Ran) -> None:
    """Nobody wants to know."""


@dataclass
class Watch:
    """The windows and hooks of one apply. Hooks run one at a time, also with `parallel`.

    `environ`: what hooks get beside the variables of the event. `tell`: of each hook that has run.
    """

    plan: Plan
    path: Path
    policy: Policy = field(default_factory=Policy)
    through: Phase = "finish"
    hooks: tuple[Hook, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    tell: Callable[[Ran], None] = _quiet
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
                why=ran.why,
                remedy="see what the hook says, then apply the plan again",
            )

    def before(self, step: Step, run: Run, journal: Journal) -> None:
        """A step is about to begin. Raises Stopped, and with it every other object stops."""
        try:
            with self._turn:
                self._before(step, run, journal)
        except Stopped:
            run.halted.set()
            raise
        self._began[step.id] = time.monotonic()

    def _before(self, step: Step, run: Run, journal: Journal) -> None:
        piece = _piece(step, self.plan)
        if step.phase == "switch" and self._is_begun(piece, journal):
            return
        run.safe_point()  # it may have waited for its turn
        self.policy.stop_if_closed(step)
        if step.phase == "switch":
            self._ask("before_switch", step, _switch(piece))
        for one in piece:
            if journal.state(one.id) != "done":
                self._ask("before_step", one, {"step": self._shown(one)})
        self._entered.add(piece[0].id)

    def _is_begun(self, piece: list[Step], journal: Journal) -> bool:
        """Then going on is better for clients than anything that somebody may say."""
        return piece[0].id in self._entered or any(journal.state(s.id) in BEGUN for s in piece)

    def _ask(self, event: str, step: Step, parts: JSON) -> None:
        ran = self._call(event, parts, step)
        if ran:
            what = step.description if event == "before_step" else f"the switch of {step.address}"
            raise _stopped(ran, f"before: {what}")

    def after(self, step: Step, journal: Journal, outcome: str, evidence: JSON) -> None:
        """The effect of a step is there. Raises nothing."""
        with self._turn:
            seconds = round(time.monotonic() - self._began[step.id], 3)
            parts = {"outcome": outcome, "seconds": seconds, "evidence": evidence}
            self._ended[step.id] = {"step": self._shown(step), **parts}
            piece = _piece(step, self.plan)
            if any(journal.state(one.id) != "done" for one in piece):
                return
            for one in piece:
                if one.id in self._ended:
                    self._call("after_step", self._ended[one.id], one)
            if step.phase == "switch":
                self._call("after_switch", _switch(piece), step)

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
        number = [one.id for one in self.plan.steps].index(step.id) + 1
        shown = ("id", "kind", "phase", "address", "description")
        return {name: getattr(step, name) for name in shown} | {"number": number}


def _piece(step: Step, plan: Plan) -> list[Step]:
    """The step; of a switch phase, all steps of that phase of its object or group."""
    if step.phase != "switch":
        return [step]
    group = plan.groups.get(step.address)
    addresses = (group.address, *group.arguments["members"]) if group else (step.address,)
    return [one for one in plan.steps if one.phase == "switch" and one.address in addresses]


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
    """Objects of which an earlier apply has begun something, and indices that it left blocked."""
    states = {one.id: journal.state(one.id) for one in plan.steps}
    begun = {one.address for one in plan.steps if states[one.id] in BEGUN}
    begun &= {one.address for one in plan.steps if states[one.id] != "done"}
    found = f"half done: {', '.join(sorted(begun))}" if begun else ""
    names: dict[str, set[str]] = {"block_writes": set(), "unblock_writes": set()}
    for one in plan.steps:
        if one.kind in names and states[one.id] in BEGUN:
            names[one.kind].add(one.arguments["index"])
    blocked = sorted(names["block_writes"] - names["unblock_writes"])
    return found + (f"; writes to {', '.join(blocked)} are refused" if blocked else "")


def _stopped(ran: Ran, when: str) -> Stopped:
    return Stopped(
        f"the hook {ran.hook} stopped the apply {when}",
        why=ran.why,
        remedy=f"see what the hook says; then {AGAIN}",
    )


def _error(error: EsplanError) -> JSON:
    parts = ("code", "exit_code", "what", "where", "why", "remedy")
    return {name: getattr(error, name) for name in parts if hasattr(error, name)}


def _variables(event: JSON, step: Step | None) -> dict[str, str]:
    """What of an event a shell script wants at once."""
    about: dict[str, Any] = event.get("step", {})
    found = {
        "EVENT": event["event"],
        "FORMAT_VERSION": FORMAT_VERSION,
        "ENV": event["environment"],
        "CLUSTER": event["cluster"]["name"],
        "CLUSTER_UUID": event["cluster"]["uuid"],
        "PLAN": event["plan"]["path"],
        "PLAN_ID": event["plan"]["id"],
        "PLAN_DIGEST": event["plan"]["digest"],
        "ADDRESS": event.get("switch", {}).get("address", "") or (step.address if step else ""),
        "PHASE": step.phase if step else "",
        "STEP": about.get("id", ""),
        "KIND": about.get("kind", ""),
        "OUTCOME": event.get("outcome", ""),
        "EXIT_CODE": str(event.get("error", {}).get("exit_code", "")),
    }
    return {f"{hooks.PREFIX}{name}": value for name, value in found.items()}
