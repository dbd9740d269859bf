"""Blue-green: a new index behind the alias, filled, proven, switched to."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as changed
from typing import TYPE_CHECKING

from esplan import naming, transform, whole
from esplan.activity import Activity
from esplan.model import JSON, Alias, Body, Index, Migrate
from esplan.plan import Change, Reason, Step
from esplan.route.context import SHARDS, Context, Routed
from esplan.route.guard import guard_name
from esplan.route.in_place import backfill_steps, late, mapping_steps
from esplan.route.merging import merge_step
from esplan.route.rules import Route
from esplan.route.source import NEVER_CARRIED, copyable, new_body, refuse_undeletable
from esplan.route.target import (
    AFTER_SWITCH,
    PIPELINES,
    WHILE_COPYING,
    left_out,
    lifecycle,
    made_with,
    set_later,
    while_copying,
)
from esplan.steps import (
    await_health,
    block_writes,
    catch_up,
    create_index,
    delete_index,
    mark_writes,
    reindex,
    resize_index,
    unblock_writes,
    update_aliases,
    verify,
)

if TYPE_CHECKING:
    from esplan.diff import Comparison
    from esplan.plan import Phase
    from esplan.steps.resize_index import Resize


def replace(
    comparison: Comparison,
    alias: Alias,
    reasons: tuple[Reason, ...],
    context: Context,
    resize: Resize | None = None,
) -> Routed:
    """The other colour: create, block, copy, prove, switch, unblock, delete.

    With `resize` hard links take the place of the copy: nothing that is indexed differs. Fields
    that are new are added to the new index.
    """
    source = copyable(comparison, alias)
    target = naming.next_index(alias, source, context.live, context.today)
    body = new_body(source.body, alias.body)
    address = str(comparison.address)
    copy = Replacement(address, alias, source, target, body, comparison, context, resize)
    change = Change(
        address,
        "replace",
        resize or Route.REINDEX.title,
        source.name,
        target,
        reasons,
        comparison.before,
        comparison.after,
    )
    return Routed(change, copy.steps(), copy.warnings())


@dataclass(frozen=True)
class Replacement:
    """One blue-green replacement."""

    address: str
    alias: Alias
    source: Index
    target: str
    body: Body
    comparison: Comparison
    context: Context
    resize: Resize | None = None

    def steps(self) -> tuple[Step, ...]:
        """In the order of the contract; every step asserts what the ones before it proved."""
        if self._follows:
            return self._while_clients_write()
        filled = self._link(self.resize) if self.resize else (self._create(), *self._copy())
        return (
            *filled,
            self._prove(),
            *self._set(left_out(self.body, self._while_copying()), "switch"),
            await_health.describe(self.address, self.target),
            self._switch(),
            *self._after(),
        )

    @property
    def _follows(self) -> bool:
        """Whether clients write on during the copy. Hard links take no time."""
        return not self.resize and self.alias.migrate.writes == "catch-up"

    def _while_clients_write(self) -> tuple[Step, ...]:
        """The block begins when little is left. What takes long comes before it."""
        checks = (self._still(), self._ours())
        blocked = (self._still(), self._blocked(), self._ours())
        migrate = self._migrate()
        copy = reindex.describe(self.address, self.source, self.guard, migrate, checks)
        reading = verify.read_as(migrate, self.alias.verify)
        final = left_out(self.body, self._while_copying())
        return (
            self._create(),
            mark_writes.describe(
                self.address, self.source.name, (self._still(), self._unchanged(), self._on())
            ),
            copy,
            *self._set({n: v for n, v in final.items() if n not in PIPELINES}, "prepare"),
            catch_up.describe(copy, self.source, self.target, checks, "prepare", reading),
            await_health.describe(self.address, self.target),
            catch_up.describe(copy, self.source, self.target, checks, "switch", reading),
            self._block(),
            catch_up.describe(
                copy, self.source, self.target, blocked, "switch", reading, blocked=True
            ),
            self._prove(),
            *self._set({n: v for n, v in final.items() if n in PIPELINES}, "switch"),
            self._switch(),
            *self._after(),
        )

    def _set(self, settings: JSON, phase: Phase) -> tuple[Step, ...]:
        """Settings that the target was created without."""
        copying, ours = self._while_copying(), (self._ours(),)
        return set_later(self.address, self.target, settings, copying, ours, phase)

    def _create(self) -> Step:
        made = create_index.describe(
            self.address,
            self.context.plan_id,
            self.target,
            made_with(self.body, self._while_copying()),
            {self.guard: {"is_hidden": True}},
            filled=True,
            transform=transform.digest(self.alias.migrate) or self.source.transform,
        )
        return self._promised(made)

    def _promised(self, made: Step) -> Step:
        """With the whole definition that it is made from, which is looked at again."""
        kept = whole.kept(self.source, self.target, exact=self.alias.body.exact)
        checks = [*made.preconditions, self._still(), self._unchanged()]
        checks = [one for at, one in enumerate(checks) if one not in checks[:at]]
        return changed(made, preconditions=tuple(checks), arguments={**made.arguments, **kept})

    @property
    def guard(self) -> str:
        """The alias through which alone the target is filled: nothing can auto-create it."""
        return guard_name(self.context.plan_id, self.target)

    def _block(self) -> Step:
        return block_writes.describe(
            self.address,
            self.source.name,
            (self._still(), self._unchanged(), self._on()),
            ours=not self._was_blocked(),
        )

    def _copy(self) -> tuple[Step, ...]:
        checks = (self._still(), self._blocked(), self._ours())
        copy = reindex.describe(self.address, self.source, self.guard, self._migrate(), checks)
        return (self._block(), copy)

    def _migrate(self) -> Migrate:
        """Documents that went through the transform already do not go through it again."""
        migrate = self.alias.migrate
        return transform.none(migrate) if self.resize or self._is_transformed() else migrate

    def _is_transformed(self) -> bool:
        return bool(self.source.transform) and (
            self.source.transform == transform.digest(self.alias.migrate)
        )

    def _link(self, how: Resize) -> tuple[Step, ...]:
        """The new index has the settings of the old one, but for these."""
        left = (AFTER_SWITCH, *NEVER_CARRIED)
        without = {name: None for name in self.body.settings if name.startswith(left)}
        without |= {name: None for name in self.source.body.settings if name.startswith(left)}
        unblocked = {"index.blocks.write": None, SHARDS: self.body.settings[SHARDS]}
        link = resize_index.describe(
            self.address,
            how,
            self.source,
            self.target,
            {**self._changed(), **unblocked, **WHILE_COPYING, **without},
            self.guard,
            (self._still(), self._blocked()),
        )
        link = self._promised(link)
        serves = await_health.describe(self.address, self.target)
        return (self._block(), link, serves, *self._added())

    def _changed(self) -> JSON:
        """The settings that differ: a resize takes them along."""
        old = self.source.body.settings
        return {name: value for name, value in self.body.settings.items() if value != old.get(name)}

    def _added(self) -> tuple[Step, ...]:
        """A resize takes no mappings: what is new is added before the proof."""
        checks = (self._ours(),)
        added = (
            *mapping_steps(self.comparison, self.source, self.target, checks),
            *backfill_steps(self.comparison, self.source, self.target, checks),
        )
        return tuple(changed(one, undo={"none": "the new index is deleted"}) for one in added)

    def _prove(self) -> Step:
        checks = (self._still(), self._blocked(), self._ours())
        return verify.describe(
            self.address,
            self.source,
            self.target,
            self.alias.verify,
            checks,
            migrate=self._migrate(),
            caught_up=self._follows,
        )

    def _while_copying(self) -> JSON:
        """What the target has until it is filled. Hard links pass no pipeline."""
        return WHILE_COPYING if self.resize else while_copying(self.body)

    def _switch(self) -> Step:
        name, old, new = self.alias.name, self.source.name, self.target
        options = self.alias.options
        removed = {"index": old, "alias": name, "must_exist": True}
        guard = {"index": new, "alias": self.guard, "must_exist": True}
        return update_aliases.describe(
            self.address,
            f"switch the alias {name} from {old} to {new}",
            [{"remove": removed}, {"remove": guard}, {"add": _on(new, name, options)}],
            {name: {new: options}},
            [
                {"remove": {**_on(new, name, {}), "must_exist": True}},
                {"add": _on(old, name, self._old_options())},
            ],
            (
                self._still(),
                self._unchanged(),
                self._blocked(),
                self._ours(),
                self._on(),
                {"check": "durable", "index": new},
                {"check": "proven", "source": old, "target": new},
                *self._versions(),
                *([] if self.resize else [{"check": "filled", "source": old, "target": new}]),
            ),
        )

    def _versions(self) -> tuple[JSON, ...]:
        """Where they are kept, and every document is copied, both sides have the same."""
        migrate = self._migrate()
        some = migrate.query or migrate.script or migrate.tolerance
        if self.resize or some or migrate.versions != "keep":
            return ()
        return ({"check": "versions", "source": self.source.name, "target": self.target},)

    def _old_options(self) -> JSON:
        options: JSON = (self.comparison.before or {})["options"]
        return options

    def _after(self) -> tuple[Step, ...]:
        steps: list[Step] = []
        if not self._was_blocked() and not self.alias.finish.delete_old:
            steps.append(unblock_writes.describe(self.address, self.source.name, self.source.uuid))
        steps += lifecycle(self.address, self.target, self.body)
        steps += self._merge()[0]
        if self.alias.finish.delete_old:
            steps.append(self._delete())
        return tuple(steps)

    def _merge(self) -> tuple[tuple[Step, ...], tuple[str, ...]]:
        """After the switch: before it, clients would wait for the merge, too."""
        new = Index(self.target, self.body, size=self.source.size)
        written = self.source.name in self.context.activity.written
        activity = Activity(written=frozenset({self.target} if written else ()))
        finish = self.alias.finish
        return merge_step(self.address, new, finish, activity, self._served(), phase="finish")

    def _was_blocked(self) -> bool:
        """A block that was there before the plan is somebody's own: it stays."""
        return self.source.body.settings.get("index.blocks.write") == "true"

    def _delete(self) -> Step:
        """Only what esplan made, or what the desired file's own pattern names, and only unused."""
        refuse_undeletable(self.alias, self.source, self.context)
        return delete_index.describe(self.address, self.source, self._deletable())

    def _deletable(self) -> tuple[JSON, ...]:
        """The old index is blocked since before the proof, whose heir serves and is durable."""
        return (
            self._served(),
            {"check": "serves", "index": self.target},
            {"check": "durable", "index": self.target},
            {"check": "unaliased", "index": self.source.name},
            {"check": "proven", "source": self.source.name, "target": self.target, "then": True},
            {"check": "heir", "index": self.target},
            {"check": "left", "index": self.source.name},
            *self._kept(),
        )

    def _kept(self) -> tuple[JSON, ...]:
        """Documents that were rejected go with the old index only if the file says so."""
        migrate = self.alias.migrate
        if not migrate.tolerance or migrate.on_rejected == "skip":
            return ()
        sides = {"source": self.source.name, "target": self.target}
        return ({"check": "nothing_rejected", **sides},)

    def _still(self) -> JSON:
        return {"check": "index", "index": self.source.name, "uuid": self.source.uuid}

    def _unchanged(self) -> JSON:
        return {"check": "whole", "index": self.source.name}

    def _blocked(self) -> JSON:
        return {"check": "write_blocked", "index": self.source.name}

    def _ours(self) -> JSON:
        ours = {"check": "ours", "index": self.target}
        return ours | ({"guard": self.guard} if self.resize else {})

    def _served(self) -> JSON:
        return {"check": "alias", "alias": self.alias.name, "on": [self.target]}

    def _on(self) -> JSON:
        return {"check": "alias", "alias": self.alias.name, "on": [self.source.name]}

    def warnings(self) -> tuple[str, ...]:
        """What a reviewer should know beside the steps."""
        found = []
        others = self.context.staying(self.alias.name, self.source)
        if others:
            found.append(f"{self.address}: {', '.join(others)} stays on {self.source.name}")
        if self._was_blocked():
            found.append(f"{self.address}: {self.source.name} is write-blocked and stays so")
        if not self.alias.finish.delete_old:
            found.append(f"{self.address}: {self.source.name} is kept (finish.delete_old is false)")
        found += self._merge()[1]
        if self.resize == "clone":
            found.append(
                f"{self.address}: close/open would be cheaper than a clone, and serve nobody for "
                f"some seconds: allow it with --allow-close {self.address}"
            )
        if self.resize:
            found += late(self.comparison, self.target)
        if self._is_transformed() and not self.resize:
            found.append(
                f"{self.address}: the documents of {self.source.name} went through this transform "
                "(migrate) already, and are copied as they are"
            )
        if self.alias.migrate.tolerance and not self.resize:
            most = self.alias.migrate.tolerance
            said = "documents" if most < 0 else f"up to {most:,} documents"
            found.append(f"{self.address}: {said} that the new mapping rejects will be left out")
        if self.alias.verify.method == "count":
            found.append(f"{self.address}: verify.method count proves numbers, not contents")
        return tuple(found)


def _on(index: str, alias: str, options: JSON) -> JSON:
    return {"index": index, "alias": alias, **options}
