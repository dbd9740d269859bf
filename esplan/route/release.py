"""A release: the alias moves to another run of a loader, which has made and filled the index."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from esplan import runs
from esplan.errors import InvalidRunIds, Refused
from esplan.plan import Change, Step
from esplan.route.context import Context, Routed
from esplan.route.in_place import body_steps, update
from esplan.route.merging import merge_step
from esplan.route.rules import Route
from esplan.steps import await_health, delete_index, retire_index, update_aliases

if TYPE_CHECKING:
    from datetime import datetime

    from esplan.diff import Comparison
    from esplan.model import JSON, Alias, Index, Runs, State
    from esplan.plan import Action, Reason

FEW = 0.5
"""A run with less than this part of the documents of the one before is worth a warning."""


# Which index


def resolved(alias: Alias, live: State, now: datetime) -> Alias:
    """The alias with the index to release. Raises Refused and InvalidRunIds."""
    loaded = alias.runs
    if loaded is None or loaded.abort:
        return alias
    found = {entity: _found(pattern, live) for entity, pattern in loaded.entities.items()}
    try:
        common = runs.common_run(found, loaded.run, now=now)
    except Refused as error:
        error.where = f"the runs of {loaded.source}: {', '.join(loaded.entities.values())}"
        raise
    entity = next(e for e, p in loaded.entities.items() if p == alias.naming.pattern)
    return replace(alias, indices=(found[entity][common[entity]],))


def _found(pattern: str, live: State) -> dict[str, str]:
    """Index names by run id. What stands in the id's place must look like one.

    So `smr-{run_id}` does not take `smr-<run id>-employee` for a run of its own.
    """
    regex = _regex(pattern)
    found = {match["run"]: name for name in live.indices if (match := regex.fullmatch(name))}
    return {run: name for run, name in found.items() if runs.looks_like_run_id(run)}


def _regex(pattern: str, base: str = "") -> re.Pattern[str]:
    before, _, after = pattern.replace("{index_base}", base).partition("{run_id}")
    return re.compile(f"{re.escape(before)}(?P<run>.+){re.escape(after)}")


VERSION = re.compile(r"(?:v?\d+)?(?:[-_.]v?\d+)*", re.ASCII)
"""What may stand behind the source in another `index_base`: so that a run of customer-vip or of
smr-employee is none of customer or of smr."""


def is_run_of(loaded: Runs, name: str) -> bool:
    """Whether the loader can have made this index, also under another version of the base."""
    source = loaded.source
    ends = range(len(source), len(name)) if name.startswith(source) else ()
    others = [name[:end] for end in ends if VERSION.fullmatch(name, len(source), end)]
    bases = [loaded.base, *others]
    matches = (_regex(loaded.pattern, base).fullmatch(name) for base in bases)
    return any(_is_readable(match["run"]) for match in matches if match)


def _is_readable(run: str) -> bool:
    try:
        runs.run_id_to_timestamp(run)
    except InvalidRunIds:
        return False
    return True


# How


def aborted(comparison: Comparison) -> Routed:
    """Nothing at all, and why."""
    address = str(comparison.address)
    name = comparison.index.name if comparison.index else None
    change = Change(
        address, "no-op", "nothing", name, name, (), comparison.before, comparison.after
    )
    return Routed(change, warnings=(f"{address}: runs.abort is true, so nothing is released",))


def release(
    comparison: Comparison,
    alias: Alias,
    found: Route,
    reasons: tuple[Reason, ...],
    context: Context,
) -> Routed:
    """Replicas and other in-place changes, green, force merge, then the switch, then the delete."""
    run = comparison.index
    if run is None or alias.runs is None:
        raise ValueError(f"{alias.name} has no run to release")
    if not run.is_open:
        raise _closed(str(comparison.address), run)
    if found > Route.RELEASE:
        raise _otherwise(str(comparison.address), run, reasons)
    if found < Route.RELEASE:
        return update(comparison, found, reasons, run)
    return _Release(str(comparison.address), alias, alias.runs, run, comparison, context).routed(
        reasons
    )


def _closed(address: str, run: Index) -> Refused:
    """The server calls a closed index green, and lets an alias go there: every search fails."""
    return Refused(
        f"{address}: the run {run.name} is closed, and would serve nobody",
        code="ESP-4108",
        remedy=f"open it first (POST /{run.name}/_open), or delete it if it is no good run",
    )


def _otherwise(address: str, run: Index, reasons: tuple[Reason, ...]) -> Refused:
    dear = {route.title for route in Route if route > Route.RELEASE}
    forced = [one for one in reasons if one.route in dear]
    return Refused(
        f"{address}: the loader made {run.name} otherwise than the desired file says",
        code="ESP-4405",
        why="; ".join(f"{one.path}: {one.before!r}, not {one.after!r}" for one in forced),
        remedy="correct the loader and let it run again, or correct the desired file",
    )


@dataclass(frozen=True)
class _Release:
    """One alias and the run that it moves to."""

    address: str
    alias: Alias
    loaded: Runs
    run: Index
    comparison: Comparison
    context: Context

    @property
    def old(self) -> Index | None:
        name = (self.comparison.before or {})["index"]
        return self.context.live.indices[name] if name else None

    def routed(self, reasons: tuple[Reason, ...]) -> Routed:
        merge, warnings = merge_step(
            self.address,
            self.run,
            self.alias.finish,
            self.context.activity,
            {"check": "index", "index": self.run.name, "uuid": self.run.uuid},
            phase="prepare",
            ongoing=self.loaded.writes == "ongoing",
        )
        action: Action = "replace" if self.old else "create"
        change = Change(
            self.address,
            action,
            Route.RELEASE.title,
            self.old.name if self.old else None,
            self.run.name,
            reasons,
            self.comparison.before if self.old else None,
            self.comparison.after,
        )
        return Routed(change, self._steps(merge), (*warnings, *self._warnings()))

    def _steps(self, merge: tuple[Step, ...]) -> tuple[Step, ...]:
        """Before the switch nobody is served by this run, so all of that is `prepare`."""
        prepare = [replace(one, phase="prepare") for one in body_steps(self.comparison, self.run)]
        green = await_health.describe(self.address, self.run.name)
        if merge:
            prepare += [replace(green, phase="prepare"), *merge]
        return (*prepare, green, self._switch(), *self._delete())

    def _switch(self) -> Step:
        name, old, new = self.alias.name, self.old, self.run.name
        added = {"index": new, "alias": name, **self.alias.options}
        removed = {"index": old.name, "alias": name, "must_exist": True} if old else {}
        undo: list[JSON] = [{"remove": {"index": new, "alias": name, "must_exist": True}}]
        if old:
            undo += [{"add": {"index": old.name, "alias": name, **old.aliases[name]}}]
        said = f"switch the alias {name} from {_sized(old)} to" if old else f"put {name} on"
        same = [{"check": "index", "index": one.name, "uuid": one.uuid} for one in self._both()]
        on = {"check": "alias", "alias": name, "on": [old.name] if old else []}
        return update_aliases.describe(
            self.address,
            f"{said} {_sized(self.run)}",
            [*([{"remove": removed}] if old else []), {"add": added}],
            {name: {new: self.alias.options}},
            undo,
            (
                *same,
                on,
                {"check": "serves", "index": new},
                {"check": "durable", "index": new},
                self._heir(),
                *self._unwritten(),
            ),
        )

    def _heir(self) -> JSON:
        """The very run of the plan, with documents still: also before anybody is served by it."""
        known = {"uuid": self.run.uuid, "documents": self.run.documents}
        return {"check": "heir", "index": self.run.name, **known}

    def _unwritten(self) -> tuple[JSON, ...]:
        """What was merged must not have been written to since, however late the window is."""
        marks = self.context.activity.marks.get(self.run.name)
        if marks is None or self.run.name in self.context.activity.written:
            return ()
        return ({"check": "unwritten", "index": self.run.name, "marks": marks},)

    def _both(self) -> tuple[Index, ...]:
        return (self.old, self.run) if self.old else (self.run,)

    def _delete(self) -> tuple[Step, ...]:
        if not self.old or not self.alias.finish.delete_old:
            return ()
        self._check_deletable(self.old)
        new = self.run.name
        preconditions: tuple[JSON, ...] = (
            {"check": "alias", "alias": self.alias.name, "on": [new]},
            {"check": "index", "index": new, "uuid": self.run.uuid},
            {"check": "serves", "index": new},
            {"check": "durable", "index": new},
            {"check": "unaliased", "index": self.old.name},
            self._heir(),
            {"check": "left", "index": self.old.name, "closed": not self.old.is_open},
        )
        retired = [retire_index.describe(self.address, self.old)] if self.old.is_open else []
        return (*retired, delete_index.describe(self.address, self.old, preconditions))

    def _check_deletable(self, old: Index) -> None:
        others = self.context.staying(self.alias.name, old, deleted=True)
        if others:
            raise Refused(
                f"{self.address}: delete_old would delete {old.name}, which also serves "
                f"{', '.join(others)}",
                code="ESP-4112",
                remedy="move these aliases first, or set finish.delete_old: false",
            )
        if not is_run_of(self.loaded, old.name):
            raise Refused(
                f"{self.address}: delete_old would delete {old.name}, which is no run of "
                f"{self.loaded.source} by the pattern {self.loaded.pattern}",
                code="ESP-4113",
                remedy="set finish.delete_old: false, and delete the index by hand afterwards",
            )

    def _warnings(self) -> tuple[str, ...]:
        """What a reviewer should know beside the steps."""
        found, old, run = [], self.old, self.run
        before = (old.documents or 0) if old else 0
        if run.documents is not None and run.documents < max(before * FEW, 1):
            said = f", and {_sized(old)} is served now" if old else ""
            found.append(f"{self.address}: {_sized(run)} has few documents{said}")
        lost = sorted(set(old.aliases[self.alias.name]) - set(self.alias.options)) if old else []
        if lost:
            found.append(f"{self.address}: the file has no {', '.join(lost)}: the alias loses it")
        if old and not self.alias.finish.delete_old:
            found.append(f"{self.address}: {old.name} is kept (finish.delete_old is false)")
        elif old and self._goes_back(old):
            found.append(f"{self.address}: this goes back, and deletes the newer run {old.name}")
        return tuple(found)

    def _goes_back(self, old: Index) -> bool:
        """Somebody has pinned an older run. The newer one may be wanted again."""
        regex = _regex(self.alias.naming.pattern, self.loaded.base)
        was, now = regex.fullmatch(old.name), regex.fullmatch(self.run.name)
        if not (was and now and _is_readable(was["run"])):
            return False
        return runs.run_id_to_timestamp(was["run"]) > runs.run_id_to_timestamp(now["run"])


def _sized(index: Index | None) -> str:
    if index is None or index.documents is None:
        return index.name if index else ""
    return f"{index.name} ({index.documents:,} document{'' if index.documents == 1 else 's'})"
