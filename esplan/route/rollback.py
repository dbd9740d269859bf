"""The way back: to the index that a plan has left, with what clients have written since.

A copy that was proven equal is a copy in both directions. So the old index is caught up with
the new one, as with `writes: catch-up`: from the marks of the proof on, deletes too; compared
with it, document by document; and the alias goes back in one call.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from esplan.errors import Refused
from esplan.model import Migrate, Verify
from esplan.plan import Change, Reason
from esplan.route import promise
from esplan.route.context import Routed
from esplan.route.guard import guard_name
from esplan.steps import (
    await_health,
    block_writes,
    catch_up,
    delete_index,
    guard_index,
    reindex,
    unblock_writes,
    update_aliases,
    update_settings,
    verify,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from esplan.model import JSON, Index, State
    from esplan.plan import Plan, Step

BLOCK = "index.blocks.write"

ROUTE = "rollback"


@dataclass(frozen=True)
class Applied:
    """What an apply did with one object: its change, its steps, and the evidence of its proof."""

    plan: Plan
    change: Change
    proof: JSON

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
        _refuse_unproven(applied)
        inverse = _inverse_script(applied, drop=drop)
        return _switched_back(applied, plan_id, live, delete=delete, inverse=inverse)
    if change.action == "update":
        return _set_back(applied)
    left = f"{change.address} was created by the plan: it stays as it is, and is yours to delete"
    return Routed(_nothing(change), warnings=(left,) if change.action == "create" else ())


def _nothing(change: Change) -> Change:
    return replace(change, action="no-op", route="nothing", index=change.target, reasons=())


def _back(change: Change, index: str | None, target: str | None) -> Change:
    """The same change the other way: from `index` to `target`."""
    reasons = tuple(
        Reason(r.path, r.after, r.before, "as before the plan", ROUTE) for r in change.reasons
    )
    kind, before, after = change.action, change.after, change.before or {}
    return Change(change.address, kind, ROUTE, index, target, reasons, before, after)


# In place


def _set_back(applied: Applied) -> Routed:
    """Dynamic settings and alias options as they were; what is added to a mapping stays."""
    change = applied.change
    steps = applied.steps
    if any(step.kind == "close_index" for step in steps):
        raise Refused(
            f"{change.address} was closed for its change: there is no way back without that",
            code="ESP-4505",
            remedy="put the old values into the desired file, and plan it with --allow-close",
        )
    back = tuple(one for step in reversed(steps) for one in _inverse(step))
    kept = [f"{change.address}: stays: {s.description}" for s in steps if s.kind in LASTING]
    if not back:
        return Routed(_nothing(change), warnings=tuple(kept))
    return Routed(_back(change, change.index, change.target), back, tuple(kept))


LASTING = ("put_mapping", "backfill", "protect_index", "force_merge")


def _inverse(step: Step) -> Iterator[Step]:
    same = tuple(one for one in step.preconditions if one["check"] in ("index", "alias"))
    if step.kind == "update_settings":
        now, before = (step.request or {})["body"], step.undo["request"]["body"]
        yield update_settings.describe(step.address, step.arguments["index"], before, now, same)
    if step.kind == "update_aliases":
        undo = step.undo["request"]["body"]["actions"]
        yield replace(
            step,
            description=f"undo: {step.description}",
            request=step.undo["request"],
            undo={"request": step.request},
            preconditions=same,
            arguments={"goal": _goal(undo), "exclusive": step.arguments["exclusive"]},
        )


def _goal(actions: Sequence[JSON]) -> JSON:
    """What an alias is after the actions, fences left out."""
    goal: JSON = {}
    for one in (action["add"] for action in actions if "add" in action):
        options = {n: v for n, v in one.items() if n not in ("index", "alias")}
        if not one["alias"].startswith("esplan-"):
            goal.setdefault(one["alias"], {})[one["index"]] = options
    return goal


# Behind an alias


def _refuse_unproven(applied: Applied) -> None:
    """What only the old index has was deleted in the new one since, if all was in both once.

    Only then may it be deleted from the old one, too.
    """
    change, proof = applied.change, applied.proof
    if applied.released:
        return
    if proof.get("rejected", {}).get("documents"):
        number = proof["rejected"]["documents"]
        why = f"the copy left out {number:,} documents, which only {change.index} has"
    elif (proof.get("method"), proof.get("source")) != ("checksum", change.index):
        why = f"{change.target} was not proven equal to {change.index} by a checksum"
    else:
        return
    raise Refused(
        f"{change.address}: nobody can tell which documents of {change.index} clients have deleted",
        code="ESP-4503",
        why=why,
        remedy="put the old definition into the desired file and plan that: the new index is "
        "copied again; what it lacks is in the old one, which stays until you delete it",
    )


def _inverse_script(applied: Applied, *, drop: bool) -> JSON | None:
    """What makes old documents of new ones; None where they are alike."""
    copy, change = applied.step("reindex"), applied.change
    if copy is None or "transform" not in copy.arguments:
        return None
    inverse: JSON | None = copy.arguments.get("inverse")
    if inverse is None:
        raise Refused(
            f"{change.address}: nobody has said how a document of {change.target} becomes one of "
            f"{change.index} again",
            code="ESP-4506",
            why="the copy ran a script or a pipeline, and the plan has no migrate.inverse",
            remedy="put the old definition into the desired file, with a migrate.script that makes "
            "the old documents, and plan that",
        )
    if inverse.get("drops") and not drop:
        raise Refused(
            f"{change.address}: documents that clients wrote since lack "
            f"{', '.join(inverse['drops'])}, and would lack them in {change.index}, too",
            code="ESP-4507",
            why="the copy dropped these fields; documents that nobody wrote since keep them",
            remedy=f"allow that: --allow-drop {change.address}",
        )
    return inverse.get("script")


def _switched_back(
    applied: Applied, plan_id: str, live: State, *, delete: bool, inverse: JSON | None
) -> Routed:
    way = _Way(applied, plan_id, *_indices(applied, live), delete=delete, inverse=inverse)
    change = applied.change
    return Routed(_back(change, change.target, change.index), way.steps(), way.warnings())


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
    _refuse_unusable(change.address, old)
    if not applied.released:
        promise.refuse_unnumbered(change.address, new, old)
    return new, old


def _uuid(applied: Applied) -> str:
    """Of the old index, as the plan knew it."""
    checks = (one for step in applied.steps for one in step.preconditions)
    name = applied.change.index
    known = (one["uuid"] for one in checks if one["check"] == "index" and one["index"] == name)
    return next(known, "")


def _refuse_unusable(address: str, old: Index) -> None:
    if not old.is_open:
        raise Refused(
            f"{address}: {old.name} is closed", code="ESP-4108", remedy=f"POST /{old.name}/_open"
        )
    if old.body.settings.get(BLOCK) == "true":
        raise Refused(
            f"{address}: {old.name} is write-blocked, so nothing can be carried back to it",
            code="ESP-4109",
            remedy=f'lift the block: PUT /{old.name}/_settings {{"{BLOCK}": null}}',
        )
    if old.aliases:
        raise Refused(
            f"{address}: {old.name} serves {', '.join(sorted(old.aliases))} meanwhile",
            code="ESP-4510",
            why="clients of these would see documents come and go",
            remedy="move these aliases first",
        )


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
            return (health, self._switch((self._same(), self._on())), *end)
        return (*self._caught_up(), *end)

    def _caught_up(self) -> tuple[Step, ...]:
        blocked: JSON = {"check": "write_blocked", "index": self.new.name}
        checks = (self._same(), self._ours())
        under = (self._same(), blocked, self._ours())
        same: JSON = {"check": "whole", "index": self.new.name}
        migrate = Migrate(writes="catch-up", script=self.inverse)
        copy = reindex.describe(self.address, self.new, self.guard, migrate, ())
        reading = self._reading()
        proven: JSON = {"check": "proven", "source": self.new.name, "target": self.old.name}
        there = {"check": "index", "index": self.old.name, "uuid": self.old.uuid}
        old = self.applied.proof["marks"][self.old.name]
        unwritten = {"check": "unwritten", "index": self.old.name, "marks": old}
        behind = catch_up.describe(copy, self.new, self.old.name, checks, "prepare", reading)
        again = catch_up.describe(copy, self.new, self.old.name, checks, "switch", reading)
        last = catch_up.describe(
            copy, self.new, self.old.name, under, "switch", reading, blocked=True
        )
        marks = self.applied.proof["marks"][self.new.name]
        since = [marks[str(shard)] for shard in range(len(marks))]
        reserve = guard_index.describe(
            self.address, self.old, self.guard, (there, unwritten, self._same(), self._on())
        )
        return (
            replace(
                reserve,
                arguments={
                    **reserve.arguments,
                    **promise.back(self.applied.steps, self.new, self.old),
                },
            ),
            replace(behind, arguments={**behind.arguments, "since": since}),
            await_health.describe(self.address, self.old.name),
            replace(again, arguments={**again.arguments, "since": since}),
            block_writes.describe(self.address, self.new.name, (*checks, self._on()), ours=True),
            replace(last, arguments={**last.arguments, "since": since}),
            verify.describe(self.address, self.new, self.old.name, Verify(), under, caught_up=True),
            self._switch((*under, same, self._on(), proven)),
            unblock_writes.describe(self.address, self.new.name, self.new.uuid),
        )

    def _reading(self) -> JSON:
        """The old index is read as the copy made the new one of it: that must come out again."""
        proof = self.applied.step("verify")
        read: JSON = proof.arguments.get("reading", {}) if proof else {}
        return {**read, "mirrored": True} if read else {}

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
        checks: tuple[JSON, ...] = (
            {"check": "alias", "alias": self.alias, "on": [self.old.name]},
            {"check": "serves", "index": self.old.name},
            {"check": "unaliased", "index": self.new.name},
            *([] if self.applied.released else [proven]),
        )
        return (delete_index.describe(self.address, self.new, checks),)

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
        return ()
