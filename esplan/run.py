"""What a step needs while it runs: the cluster, the plan, the lock, the proofs, and a listener."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Protocol

from esplan.errors import Halted, Stopped, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from esplan.checksum.ahead import Ahead
    from esplan.checksum.standing import Standing, Touched
    from esplan.cluster import Cluster
    from esplan.journal import Journal
    from esplan.model import JSON
    from esplan.plan import Plan, Step


class Listener(Protocol):
    """Who wants to know how an apply goes. `views` has one for terminals, logs and JSON."""

    def step_started(self, step: Step, number: int, total: int) -> None:
        """A step begins: the `number`th of `total`."""

    def step_progress(self, step: Step, done: int, total: int) -> None:
        """Documents done so far, of how many; for a force merge segments now, and the target."""

    def step_ended(self, step: Step, outcome: str, evidence: JSON) -> None:
        """`done`, `as wanted` (nothing was sent); `undone` or `stays` when it is taken back."""

    def note(self, text: str) -> None:
        """Something that a person should read."""


class Watch(Protocol):
    """Who may stop an apply before a piece of it, and is told of what is done (see `watch`)."""

    stop: Stopped | None

    def begin(self, run: Run, journal: Journal) -> None:
        """Nothing is changed yet. Raises Refused or Stopped."""

    def before(self, step: Step, run: Run, journal: Journal) -> bool:
        """Whether a step may begin; when not, `stop` says why, and nothing begins any more."""

    def after(self, step: Step, journal: Journal, outcome: str, evidence: JSON) -> None:
        """A step is done."""


class Unwatched:
    """Nobody has anything to say."""

    stop: Stopped | None = None

    def begin(self, run: Run, journal: Journal) -> None:
        """Nothing."""

    def before(self, step: Step, run: Run, journal: Journal) -> bool:
        """It may."""
        del step, run, journal
        return True

    def after(self, step: Step, journal: Journal, outcome: str, evidence: JSON) -> None:
        """Nothing."""


class Fence(Protocol):
    """The lock, as steps see it."""

    token: str

    def check(self) -> None:
        """Raise Stopped unless the lock is certainly still ours."""


def _unknown(environment: str) -> Cluster:
    raise UsageError(
        f"no cluster is known by the name {environment}",
        code="ESP-1106",
        remedy="write the environment into esplan.yaml, or give its path with --config",
    )


@dataclass
class Run:
    """One apply of one plan, and what it knows beside its journal, by address.

    `proofs`: evidence of verify steps. `rejected`: what a copy says of the documents that it left
    out (`rejected.evidence`); they are listed beside the plan's file, `plan_path` (None: nowhere).
    `left`: the index that an alias has left and no copy was made of, as it was when it was blocked.
    `ledgers`: what a rollback has written to the old index (see `steps.ledger`).
    `caught_up`: the marks of the source up to which a copy was brought that clients write beside.
    `standings`, `touched`: how far it follows, as this process saw it; `spent`: those to be closed
    at the end. `ahead`: sources that are hashed while they are copied. `batches`: how many
    documents a task has in hand at most. `finished`: ids of steps whose effect nothing but their
    finished task shows. `drained`: indices whose write block has drained, each with the version of
    its settings then (see `steps.draining`). `halted`: an object has failed, and the others that
    run beside it are to stop. `connect`: to another environment. `signed_by`: who signed the plan,
    where that was asked for. `outside_window`: somebody has said that it may go on although a
    release window is closed.
    """

    cluster: Cluster
    plan: Plan
    lock: Fence
    listener: Listener
    interrupted: Event = field(default_factory=Event)
    halted: Event = field(default_factory=Event)
    proofs: dict[str, JSON] = field(default_factory=dict)
    caught_up: dict[str, list[int]] = field(default_factory=dict)
    standings: dict[str, Standing] = field(default_factory=dict)
    touched: dict[str, Touched] = field(default_factory=dict)
    spent: list[Standing] = field(default_factory=list)
    ahead: dict[str, Ahead] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    batches: dict[str, int] = field(default_factory=dict)
    drained: dict[str, int | None] = field(default_factory=dict)
    rejected: dict[str, JSON] = field(default_factory=dict)
    left: dict[str, JSON] = field(default_factory=dict)
    ledgers: dict[str, Any] = field(default_factory=dict)
    plan_path: Path | None = None
    signed_by: str = ""
    outside_window: bool = False
    watch: Watch = field(default_factory=Unwatched)
    connect: Callable[[str], Cluster] = field(default=_unknown, repr=False)
    others: dict[str, Cluster] = field(default_factory=dict, repr=False)
    turn: Lock = field(default_factory=Lock)

    def other(self, environment: str) -> Cluster:
        """The cluster of another environment; connected to once."""
        with self.turn:
            if environment not in self.others:
                self.others[environment] = self.connect(environment)
            return self.others[environment]

    def close(self) -> None:
        """Let go of what the steps have opened."""
        for ahead in self.ahead.values():
            ahead.take()
        for standing in (*self.standings.values(), *self.spent):
            standing.close()
        for other in self.others.values():
            other.__exit__(None, None, None)

    def safe_point(self) -> None:
        """Stop here when the user or the lock asks for it: nothing is half done."""
        if self.interrupted.is_set():
            raise Stopped("interrupted: the apply stopped at a safe point", code="ESP-5001")
        if self.halted.is_set():
            raise Halted("another object has failed", code="ESP-5002")
        self.lock.check()

    def change(
        self, method: str, path: str, body: Any, *, opaque_id: str, timeout: float = 60
    ) -> Any:
        """Send a change to the cluster, unless the lock is not certainly ours at this moment."""
        self.lock.check()
        return self.cluster.change(method, path, None, body, timeout=timeout, opaque_id=opaque_id)

    def mark(self, address: str) -> JSON:
        """What the mapping's `_meta` of an index made by this plan says."""
        return mark(self.plan.id, address)

    def group(self, step: Step) -> str:
        """The address of the step that switches this one's object with others; empty for none."""
        switch = self.plan.groups.get(step.address)
        return switch.address if switch else ""

    def own(self, step: Step) -> list[Step]:
        """The steps of its object, and the one that switches it with others."""
        return [one for one in self.plan.steps if one.address in (step.address, self.group(step))]

    def opaque_id(self, step: Step) -> str:
        """The X-Opaque-Id that names a step's task inside the cluster."""
        return f"esplan:{self.plan.id}:{step.id}"


def mark(plan_id: str, address: str) -> JSON:
    """How an index made by a plan is recognised again: kept in the mapping's `_meta`."""
    return {"address": address, "plan": plan_id}
