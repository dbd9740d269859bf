"""The way back: to the index that a plan has left, with what clients have written since.

A copy that was proven equal is a copy in both directions. So the old index is caught up with
the new one, as with `writes: catch-up`: from the marks of the proof on, deletes too; compared
with it, document by document; and the alias goes back in one call.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from esplan.errors import Refused
from esplan.model import Migrate, Verify
from esplan.route import promise, restoring, returning, undoing
from esplan.route.context import Routed
from esplan.route.guard import guard_name
from esplan.route.target import PIPELINES
from esplan.steps import (
    await_health,
    block_writes,
    catch_up,
    delete_index,
    guard_index,
    reindex,
    retire_index,
    unblock_writes,
    update_aliases,
    update_settings,
    verify,
)

if TYPE_CHECKING:
    from esplan.model import JSON, Index, State
    from esplan.plan import Change, Phase, Plan, Step

BLOCK = "index.blocks.write"


@dataclass(frozen=True)
class Applied:
    """What an apply did with one object: its change, its steps, and the evidence of its proof.

    `blocked`: its own write block may still be on the old index. `ours`: the marks of the old
    index as a rollback left it that was taken back; {} where none was. `heir`: the check that the
    new index is the one that was proven, or of a release that the old one is as it was;
    `otherwise`: why it is not, when the plan is made.
    `unsure`: the journal does not say which index was proven, and it is known by less.
    """

    plan: Plan
    change: Change
    proof: JSON
    blocked: bool = False
    ours: JSON = field(default_factory=dict)
    heir: JSON = field(default_factory=dict)
    otherwise: str = ""
    unsure: bool = False

    def step(self, kind: str) -> Step | None:
        """Its first of a kind."""
        return next((one for one in self.steps if one.kind == kind), None)

    @property
    def released(self) -> bool:
        """Whether a loader has made both indices: nobody copied."""
        return self.change.route == "release"

    @property
    def steps(self) -> list[Step]:
        """Its own, and its part of a call for several."""
        address = self.change.address
        own = [step for step in self.plan.steps if step.address == address]
        joint = (step for step in self.plan.steps if address in step.arguments.get("members", ()))
        return [*own, *(update_aliases.part(step, address) for step in joint)]


def rolled_back(applied: Applied, plan_id: str, live: State, *, delete: bool, drop: bool) -> Routed:
    """One object as it was before the plan. Raises Refused where that would lose something.

    `delete`: the index that it leaves. `drop`: although fields are not brought back.
    """
    change = applied.change
    if any(step.kind in ("remote_copy", "remote_reindex") for step in applied.steps):
        raise Refused(
            f"{change.address} was filled from another cluster: "
            "the index before it holds other documents, and cannot be brought up to date",
            code="ESP-4504",
            remedy=f"put the alias back by hand, if {change.index} is to serve as it is",
        )
    if change.action == "replace":
        returning.refuse_unproven(applied)
        returning.refuse_partial(applied)
        inverse = undoing.script(applied, drop=drop)
        return _switched_back(applied, plan_id, live, delete=delete, inverse=inverse)
    if change.action == "update":
        return restoring.set_back(applied, live)
    left = f"{change.address} was created by the plan: it stays as it is, and is yours to delete"
    return Routed(restoring.nothing(change), warnings=(left,) if change.action == "create" else ())


# Behind an alias


def _switched_back(
    applied: Applied, plan_id: str, live: State, *, delete: bool, inverse: JSON | None
) -> Routed:
    way = _Way(applied, plan_id, *_indices(applied, live), delete=delete, inverse=inverse)
    change = applied.change
    return Routed(restoring.back(change, change.target, change.index), way.steps(), way.warnings())


def _indices(applied: Applied, live: State) -> tuple[Index, Index]:
    """The new index, which clients write to, and the old one."""
    change = applied.change
    name = change.address.removeprefix("alias.")
    new, old = live.indices.get(change.target or ""), live.indices.get(change.index or "")
    on = live.aliases[name].indices if name in live.aliases else ()
    if new is None or on != (new.name,):
        raise Refused(
            f"{change.address} is on {', '.join(on) or 'no index'}, not on {change.target}",
            code="ESP-4508",
            why="the plan has not switched it, or it was moved since",
            remedy="an apply that has not ended is taken back with `esplan apply PLAN --abandon`",
        )
    if old is None or old.uuid != _uuid(applied):
        raise Refused(
            f"{change.address}: {change.index} is gone, so there is no way back to it",
            code="ESP-4509",
            remedy="restore it from a snapshot; or put the old definition into the desired file "
            "and plan that: it is copied from what is there",
        )
    returning.refuse_unusable(change.address, old, blocked=applied.blocked)
    if applied.released:
        returning.refuse_fallen(applied)
    else:
        returning.refuse_replaced(applied)
        returning.refuse_unnumbered(change.address, new, old)
    return new, old


def _uuid(applied: Applied) -> str:
    """Of the old index, as the plan knew it."""
    checks = (one for step in applied.steps for one in step.preconditions)
    name = applied.change.index
    known = (one["uuid"] for one in checks if one["check"] == "index" and one["index"] == name)
    return next(known, "")


@dataclass(frozen=True)
class _Way:
    """From the index that serves to the one that served before."""

    applied: Applied
    plan_id: str
    new: Index
    old: Index
    delete: bool
    inverse: JSON | None

    @property
    def address(self) -> str:
        return self.applied.change.address

    @property
    def alias(self) -> str:
        return self.address.removeprefix("alias.")

    @property
    def guard(self) -> str:
        return guard_name(self.plan_id, self.old.name)

    def steps(self) -> tuple[Step, ...]:
        """A release is only switched."""
        end = self._after()
        if self.applied.released:
            health = await_health.describe(self.address, self.old.name)
            heir = (self.applied.heir,) if self.applied.heir else ()
            checks = (self._same(), self._there(), self._on(), self._durable(), *heir)
            return (health, *self._unblocked("switch"), self._switch(checks), *end)
        return (*self._caught_up(), *end)

    def _caught_up(self) -> tuple[Step, ...]:
        blocked: JSON = {"check": "write_blocked", "index": self.new.name}
        heir = (self.applied.heir,) if self.applied.heir else ()
        checks = (self._same(), self._ours(), *heir)
        under = (self._same(), blocked, self._ours(), *heir)
        same: JSON = {"check": "whole", "index": self.new.name}
        migrate = Migrate(writes="catch-up", script=self.inverse)
        copy = reindex.describe(self.address, self.new, self.guard, migrate, ())
        changed = undoing.of(self.applied)
        reading = undoing.reading(changed)
        proven: JSON = {"check": "proven", "source": self.new.name, "target": self.old.name}
        there = self._there()
        old = self.applied.ours or self.applied.proof["marks"][self.old.name]
        unwritten = {"check": "unwritten", "index": self.old.name, "marks": old}
        behind = catch_up.describe(copy, self.new, self.old.name, checks, "prepare", reading)
        again = catch_up.describe(copy, self.new, self.old.name, checks, "switch", reading)
        last = catch_up.describe(
            copy, self.new, self.old.name, under, "switch", reading, blocked=True
        )
        marks = self.applied.proof["marks"][self.new.name]
        since = [marks[str(shard)] for shard in range(len(marks))]
        back = {"since": since, "proven": self.applied.proof["marks"][self.old.name]}
        kept = {undoing.CHANGED: changed} if changed else {}
        reserve = guard_index.describe(
            self.address, self.old, self.guard, (there, unwritten, self._same(), self._on(), *heir)
        )
        return (
            replace(
                reserve,
                arguments={
                    **reserve.arguments,
                    **promise.back(self.applied.steps, self.new, self.old),
                },
            ),
            *self._unblocked("prepare"),
            *self._piped(on=False),
            replace(behind, arguments={**behind.arguments, **back, **kept}),
            await_health.describe(self.address, self.old.name),
            replace(again, arguments={**again.arguments, **back}),
            block_writes.describe(
                self.address, self.new.name, (*checks, self._on()), ours=not self._was_blocked()
            ),
            replace(last, arguments={**last.arguments, **back}),
            verify.describe(self.address, self.new, self.old.name, Verify(), under, caught_up=True),
            *self._piped(on=True),
            self._switch((*under, same, self._on(), self._durable(), proven)),
            *([] if self.delete or self._was_blocked() else [self._unblock_new()]),
        )

    def _was_blocked(self) -> bool:
        """A block that was there before this plan is somebody's own: it stays."""
        return self.new.body.settings.get(BLOCK) == "true"

    def _unblock_new(self) -> Step:
        return unblock_writes.describe(self.address, self.new.name, self.new.uuid)

    def _unblocked(self, phase: Phase) -> tuple[Step, ...]:
        """The block that the plan has left on the old index; it is set again if this fails."""
        if self.old.body.settings.get(BLOCK) != "true":
            return ()
        lift = unblock_writes.describe(
            self.address, self.old.name, self.old.uuid, phase, again=True
        )
        return (lift,)

    def _piped(self, *, on: bool) -> tuple[Step, ...]:
        """The pipelines of the old index act on what clients write, not on what is carried back."""
        own = {n: self.old.body.settings[n] for n in PIPELINES if n in self.old.body.settings}
        if not own:
            return ()
        off: JSON = dict.fromkeys(own)
        now, before = (own, off) if on else (off, own)
        phase: Phase = "switch" if on else "prepare"
        return (
            update_settings.describe(
                self.address, self.old.name, now, before, (self._there(),), phase=phase
            ),
        )

    def _there(self) -> JSON:
        return {"check": "index", "index": self.old.name, "uuid": self.old.uuid}

    def _durable(self) -> JSON:
        return {"check": "durable", "index": self.old.name}

    def _switch(self, checks: tuple[JSON, ...]) -> Step:
        before = (self.applied.change.before or {})["options"]
        now = self.applied.change.after["options"]
        guard = {"index": self.old.name, "alias": self.guard, "must_exist": True}
        gone = {"index": self.new.name, "alias": self.alias, "must_exist": True}
        return update_aliases.describe(
            self.address,
            f"switch the alias {self.alias} back from {self.new.name} to {self.old.name}",
            [
                {"remove": gone},
                *([] if self.applied.released else [{"remove": guard}]),
                {"add": {"index": self.old.name, "alias": self.alias, **before}},
            ],
            {self.alias: {self.old.name: before}},
            [
                {"remove": {"index": self.old.name, "alias": self.alias, "must_exist": True}},
                {"add": {"index": self.new.name, "alias": self.alias, **now}},
            ],
            checks,
        )

    def _after(self) -> tuple[Step, ...]:
        if not self.delete:
            return ()
        proven = {"check": "proven", "source": self.new.name, "target": self.old.name, "then": True}
        released = self.applied.released
        known = {"uuid": self.old.uuid, "documents": self.old.documents} if released else {}
        checks: tuple[JSON, ...] = (
            {"check": "alias", "alias": self.alias, "on": [self.old.name]},
            {"check": "serves", "index": self.old.name},
            self._durable(),
            {"check": "unaliased", "index": self.new.name},
            *([] if released else [proven]),
            {"check": "heir", "index": self.old.name, **known},
            {"check": "left", "index": self.new.name},
        )
        retired = [retire_index.describe(self.address, self.new)] if released else []
        return (*retired, delete_index.describe(self.address, self.new, checks))

    def _same(self) -> JSON:
        return {"check": "index", "index": self.new.name, "uuid": self.new.uuid}

    def _ours(self) -> JSON:
        return {"check": "ours", "index": self.old.name, "guard": self.guard}

    def _on(self) -> JSON:
        return {"check": "alias", "alias": self.alias, "on": [self.new.name]}

    def warnings(self) -> tuple[str, ...]:
        """What a reviewer should know beside the steps."""
        if self.applied.released:
            return (
                f"{self.address}: what was written to {self.new.name} is not in {self.old.name}",
            )
        found = []
        if self.applied.unsure:
            known = f"{self.new.name} is known by its UUID or the plan's mark alone"
            found.append(f"{self.address}: the journal is of an older esplan: {known}")
        if self._was_blocked() and not self.delete:
            found.append(f"{self.address}: {self.new.name} is write-blocked and stays so")
        return tuple(found)
