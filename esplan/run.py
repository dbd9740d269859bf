"""What a step needs while it runs: the cluster, the plan, the lock, the proofs, and a listener."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Protocol

from esplan.errors import Stopped

if TYPE_CHECKING:
    from pathlib import Path

    from esplan.cluster import Cluster
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


class Fence(Protocol):
    """The lock, as steps see it."""

    token: str

    def check(self) -> None:
        """Raise Stopped unless the lock is certainly still ours."""


@dataclass
class Run:
    """One apply of one plan.

    By address: `proofs` holds the evidence of verify steps, `rejected` what a copy says of the
    documents that it left out (`rejected.evidence`). They are listed beside the plan's file,
    `plan_path`; None: nowhere.
    """

    cluster: Cluster
    plan: Plan
    lock: Fence
    listener: Listener
    interrupted: Event = field(default_factory=Event)
    proofs: dict[str, JSON] = field(default_factory=dict)
    rejected: dict[str, JSON] = field(default_factory=dict)
    plan_path: Path | None = None

    def safe_point(self) -> None:
        """Stop here when the user or the lock asks for it: nothing is half done."""
        if self.interrupted.is_set():
            raise Stopped("interrupted: the apply stopped at a safe point")
        self.lock.check()

    def mark(self, address: str) -> JSON:
        """What the mapping's `_meta` of an index made by this plan says."""
        return mark(self.plan.id, address)

    def opaque_id(self, step: Step) -> str:
        """The X-Opaque-Id that names a step's task inside the cluster."""
        return f"esplan:{self.plan.id}:{step.id}"


def mark(plan_id: str, address: str) -> JSON:
    """How an index made by a plan is recognised again: kept in the mapping's `_meta`."""
    return {"address": address, "plan": plan_id}
