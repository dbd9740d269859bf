"""A new index, filled from another cluster (`migrate.from`), proven, and the alias put on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from esplan import naming, whole
from esplan.activity import QUIET
from esplan.model import Index
from esplan.plan import Change
from esplan.route.context import Routed
from esplan.route.guard import guard_name
from esplan.route.merging import merge_step
from esplan.route.source import new_body
from esplan.route.target import left_out, lifecycle, made_with, set_later, while_copying
from esplan.steps import (
    await_health,
    create_index,
    remote_copy,
    remote_reindex,
    update_aliases,
    verify,
)

if TYPE_CHECKING:
    from esplan.diff import Comparison
    from esplan.model import JSON, Alias, Body
    from esplan.origin import Origin
    from esplan.plan import Reason, Step
    from esplan.route.context import Context


def transfer(
    comparison: Comparison,
    alias: Alias,
    reasons: tuple[Reason, ...],
    context: Context,
    origin: Origin,
) -> Routed:
    """Create, copy, prove, switch. An index that the alias is on now is left as it is."""
    old = comparison.index
    target = naming.next_index(alias, old, context.live, context.today)
    body = new_body(old.body, alias.body) if old else alias.body
    way = _Transfer(str(comparison.address), alias, old, target, body, comparison, context, origin)
    change = Change(
        way.address,
        "replace" if old else "create",
        f"copy from {origin.label}",
        old.name if old else None,
        target,
        reasons,
        comparison.before,
        comparison.after,
    )
    return Routed(change, way.steps(), way.warnings())


@dataclass(frozen=True)
class _Transfer:
    """One new index. `old`: what the alias is on now."""

    address: str
    alias: Alias
    old: Index | None
    target: str
    body: Body
    comparison: Comparison
    context: Context
    origin: Origin

    def steps(self) -> tuple[Step, ...]:
        """In the order of the contract."""
        return (
            self._create(),
            self._copy(),
            self._prove(),
            *self._finals(),
            await_health.describe(self.address, self.target),
            self._switch(),
            *self._after(),
        )

    def _create(self) -> Step:
        made = create_index.describe(
            self.address,
            self.context.plan_id,
            self.target,
            made_with(self.body, while_copying(self.body)),
            {self._guard: {"is_hidden": True}},
            filled=True,
            protect=bool(self.alias.protect),
        )
        checks = (*made.preconditions, self._same(), *self._whole())
        kept = whole.kept(self.old, self.target, exact=self.body.exact) if self.old else {}
        return replace(made, preconditions=checks, arguments={**made.arguments, **kept})

    def _copy(self) -> Step:
        inside = self.origin.via == "cluster"
        describe = remote_reindex.describe if inside else remote_copy.describe
        checks = (self._same(), self._ours())
        return describe(self.address, self.origin, self._guard, self.alias.migrate, checks)

    def _prove(self) -> Step:
        return verify.describe(
            self.address,
            self.origin.index,
            self.target,
            self.alias.verify,
            (self._same(), self._ours()),
            origin=self.origin.to_json(),
        )

    def _finals(self) -> tuple[Step, ...]:
        copying, ours = while_copying(self.body), (self._ours(),)
        settings = left_out(self.body, copying)
        return set_later(self.address, self.target, settings, copying, ours)

    def _switch(self) -> Step:
        name, new, options = self.alias.name, self.target, self.alias.options
        added = {"add": {"index": new, "alias": name, **options}}
        guard = {"remove": {"index": new, "alias": self._guard, "must_exist": True}}
        removed: list[JSON] = []
        restored: list[JSON] = []
        if self.old:
            place = {"index": self.old.name, "alias": name}
            before: JSON = (self.comparison.before or {})["options"]
            removed = [{"remove": {**place, "must_exist": True}}]
            restored = [{"add": {**place, **before}}]
        said = f"switch the alias {name} from {self.old.name} to" if self.old else f"put {name} on"
        proven = {"check": "proven", "source": self.origin.label, "target": new}
        return update_aliases.describe(
            self.address,
            f"{said} {new}",
            [*removed, guard, added],
            {name: {new: options}},
            [{"remove": {"index": new, "alias": name, "must_exist": True}}, *restored],
            (
                self._same(),
                self._ours(),
                *self._whole(),
                {"check": "alias", "alias": name, "on": [self.old.name] if self.old else []},
                {"check": "durable", "index": new},
                {**proven, "origin": self.origin.to_json()},
                *self._filled(),
            ),
        )

    def _after(self) -> tuple[Step, ...]:
        """The policy acts on an index that is whole; a merge does not make clients wait."""
        return (*lifecycle(self.address, self.target, self.body), *self._merge()[0])

    def _merge(self) -> tuple[tuple[Step, ...], tuple[str, ...]]:
        new = Index(self.target, self.body, size=self.origin.index.size)
        served = {"check": "alias", "alias": self.alias.name, "on": [self.target]}
        finish = self.alias.finish
        return merge_step(self.address, new, finish, QUIET, served, phase="finish")

    @property
    def _guard(self) -> str:
        """The alias through which alone the target is filled: nothing can auto-create it."""
        return guard_name(self.context.plan_id, self.target)

    def _whole(self) -> tuple[JSON, ...]:
        """What the new index has of the one that it takes the place of is as the plan saw it."""
        return ({"check": "whole", "index": self.old.name},) if self.old else ()

    def _filled(self) -> tuple[JSON, ...]:
        """Not from documents to none."""
        sides = {"source": self.old.name, "target": self.target} if self.old else {}
        return ({"check": "filled", **sides},) if sides else ()

    def _same(self) -> JSON:
        return {"check": "origin", "origin": self.origin.to_json()}

    def _ours(self) -> JSON:
        return {"check": "ours", "index": self.target}

    def warnings(self) -> tuple[str, ...]:
        """What a reviewer should know beside the steps."""
        label = self.origin.label
        found = [f"{self.address}: nothing is switched if somebody writes to {label} meanwhile"]
        if self.origin.via == "cluster":
            found.append(
                f"{self.address}: the server writes numbers anew: 1e3 becomes 1000.0, and decimals "
                "are cut to double precision (migrate.from.via: client keeps every byte)"
            )
        if self.old:
            found.append(
                f"{self.address}: {self.old.name} is kept (finish.delete_old is false), and what "
                f"only {self.old.name} has will not be found behind the alias"
            )
        if self.alias.verify.method == "count":
            found.append(f"{self.address}: verify.method count proves numbers, not contents")
        return (*found, *self._merge()[1])
