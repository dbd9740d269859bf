"""The plan: changes, and the steps that make them. Pure data; `planfile.py` reads and writes it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from esplan.errors import Refused

if TYPE_CHECKING:
    from esplan.model import JSON

Action = Literal["create", "update", "replace", "delete", "no-op"]
Phase = Literal["prepare", "switch", "finish"]
PHASES: tuple[Phase, ...] = ("prepare", "switch", "finish")

FENCE = "esplan-fence-{token}"
"""The fence alias as a plan writes it; apply puts the token of its own lock in."""

CREDENTIALS = "ESPLAN_FROM_*"
"""What a plan has in the place of the credentials for another cluster; apply puts them in."""

GUARD = "esplan-copy-"
"""How the aliases begin through which alone a plan fills its new indices."""

STATE_INDEX = "esplan-state"
"""The hidden index for the lock, the fence and the mirrored journal."""


@dataclass(frozen=True)
class Reason:
    """Why a change takes its route: a JSON path, its two values, and the rule that decides."""

    path: str
    before: Any
    after: Any
    rule: str
    route: str


@dataclass(frozen=True)
class Change:
    """A fact: one object differs.

    `index` is the concrete index now (None for a new object), `target` the one after the plan.
    `before` and `after` hold `settings`, `mappings` and `options` or `aliases`, cut down to
    what the desired files speak of; they are {} for an object that is as the files say. `sample` is
    what became of some documents that the copy changes; {} where none does.
    """

    address: str
    action: Action
    route: str
    index: str | None
    target: str | None
    reasons: tuple[Reason, ...]
    before: JSON | None
    after: JSON
    sample: JSON = field(default_factory=dict)


LONG_KINDS = frozenset(
    (
        "backfill",
        "catch_up",
        "force_merge",
        "reindex",
        "remote_copy",
        "remote_reindex",
        "resize_index",
        "verify",
    )
)
"""The kinds that read or write every document."""

LASTING = ("put_mapping", "force_merge", "backfill")
"""Kinds that cannot be taken back, on an index that stays."""


@dataclass(frozen=True)
class Step:
    """One unit of work: one request, or one long task.

    `request` is None for steps that only read. `undo` is `{"request": …}` or `{"none": why}`.
    `estimate` has `documents`, `bytes`, `shards` and `seconds` where known (see `estimates`).
    `arguments` are the kind's.
    """

    kind: str
    phase: Phase
    address: str
    description: str
    request: JSON | None = None
    preconditions: tuple[JSON, ...] = ()
    undo: JSON = field(default_factory=lambda: {"none": "it changes nothing"})
    estimate: JSON = field(default_factory=dict)
    arguments: JSON = field(default_factory=dict)
    id: str = ""

    @property
    def is_long(self) -> bool:
        """Whether an estimate is worth it. Nobody knows how much is left for a catch-up's end."""
        later = self.kind == "catch_up" and self.phase == "switch"
        last = later or self.arguments.get("caught_up")
        return self.kind in LONG_KINDS and self.arguments.get("method") != "count" and not last

    @property
    def lasts(self) -> bool:
        """Whether it stays when the rest is taken back: what this plan made is deleted."""
        if "since" in self.arguments:  # a rollback writes to an index that was there before it
            return True
        return self.kind in LASTING and not any(c["check"] == "ours" for c in self.preconditions)


@dataclass(frozen=True)
class Plan:
    """Everything that apply needs, and everything that a reviewer wants to see.

    `id` is random: it names the plan's marks, tasks and guards inside the cluster. `digest` is
    SHA-256 over the canonical rest: what a reviewer approves (`planfile.sealed` computes it).
    `needs` are what apply asks for beside that: `{consent, why}`, see `safety`. `estimate` is
    empty where no step is long; see `estimates`. `oracle` is what a server said about the rules,
    if one was asked.
    """

    id: str
    created_at: str
    esplan_version: str
    cluster: JSON
    desired_digest: str
    changes: tuple[Change, ...] = ()
    steps: tuple[Step, ...] = ()
    drift: tuple[JSON, ...] = ()
    warnings: tuple[str, ...] = ()
    needs: tuple[JSON, ...] = ()
    estimate: JSON = field(default_factory=dict)
    oracle: tuple[JSON, ...] = ()

    digest: str = ""

    @property
    def summary(self) -> dict[str, int]:
        """How many objects are created, updated, replaced and deleted."""
        actions = [change.action for change in self.changes]
        return {name: actions.count(name) for name in SUMMARY}

    @cached_property
    def groups(self) -> dict[str, Step]:
        """The step that changes several objects at once, by its own address and by theirs."""
        return {
            address: step
            for step in self.steps
            if (members := step.arguments.get("members"))
            for address in (step.address, *members)
        }

    def change(self, address: str) -> Change:
        """The change of an address that a step names."""
        return next(change for change in self.changes if change.address == address)


SUMMARY: tuple[Action, ...] = ("create", "update", "replace", "delete")


def digest(value: Any) -> str:
    """SHA-256 over canonical JSON: sorted keys, no white space, ASCII."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def ordered(steps: list[Step]) -> tuple[Step, ...]:
    """Phase by phase, so creates come before switches and switches before deletes.

    Within a phase the steps of one object stay together and in their order.
    """
    in_order = sorted(steps, key=lambda step: PHASES.index(step.phase))
    return tuple(
        replace(step, id=f"{number:02d}-{step.kind}") for number, step in enumerate(in_order, 1)
    )


def refuse_overlap(steps: tuple[Step, ...]) -> None:
    """Two objects must never make the same index: the second would fill the first's."""
    targets: dict[str, str] = {}
    for step in steps:
        if step.kind not in ("create_index", "resize_index"):
            continue
        name = step.arguments["index"]
        if name in targets:
            raise Refused(
                f"{targets[name]} and {step.address} would both create the index {name}",
                code="ESP-4016",
                remedy="give their `index.name` patterns different names, or plan one at a time",
            )
        targets[name] = step.address
