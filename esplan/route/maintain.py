"""The advice of `sizing` on an index that stays, and leftovers, as ordinary changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from esplan import diff
from esplan.errors import Refused
from esplan.model import Body, Index, State
from esplan.plan import GUARD, Change, Reason, Step
from esplan.route import rules
from esplan.route.context import REPLICAS, Context, Routed
from esplan.route.in_place import body_steps
from esplan.route.reshard import reshard, said_in_file
from esplan.steps import delete_index, force_merge, heirs, retire_index

if TYPE_CHECKING:
    from esplan.leftovers import Leftover
    from esplan.model import JSON
    from esplan.plan import Action
    from esplan.sizing.model import Advice, Sizing

KINDS = ("force-merge", "replicas", "shards", "leftovers")
"""What maintenance is made of."""

FROZEN = ("index.blocks.read_only", "index.blocks.metadata")
"""Blocks that refuse a write block, a merge and new settings."""

OF_ADVICE = {
    "expunge_deletes": "force-merge",
    "force_merge": "force-merge",
    "replicas": "replicas",
    "shards": "shards",
}
"""The kinds of advice that a plan can follow."""


def maintained(one: Sizing, kinds: frozenset[str], context: Context) -> Routed | None:
    """What an index needs, of the wanted kinds; None where there is nothing to say.

    Another count of shards means a new index, so merges of the old one are left out.
    """
    wanted = [each for each in one.advice if OF_ADVICE.get(each.kind) in kinds]
    advice: dict[str, Advice] = {each.kind: each for each in wanted}
    index = context.live.indices.get(one.name)
    if index is None or not advice:
        return None
    obstacle = _obstacle(index)
    if obstacle:
        said = f"index.{index.name} is left alone: {obstacle}"
        return Routed(_change(index, "no-op", "nothing", ()), warnings=(said,))
    if "shards" in advice:
        return reshard(one, index, advice["shards"], context)
    return _InPlace(one, index, advice, context).routed()


def _obstacle(index: Index) -> str:
    """Why nothing at all can be done with it now; empty where something can."""
    if any(alias.startswith(GUARD) for alias in index.aliases):
        return "a plan that has not ended fills it (see `esplan status`)"
    blocks = [name for name in FROZEN if index.body.settings.get(name) == "true"]
    return f"it has {blocks[0]}, so the server refuses every change" if blocks else ""


@dataclass(frozen=True)
class _InPlace:
    """Replicas, then a merge."""

    sizing: Sizing
    index: Index
    advice: dict[str, Advice]
    context: Context

    @property
    def address(self) -> str:
        return f"index.{self.index.name}"

    def routed(self) -> Routed:
        wanted = Index(self.index.name, Body(self._settings()))
        (found,) = diff.compare(State({wanted.name: wanted}), self.context.live)
        reasons = [rules.reason(each)[1] for each in found.differences]
        steps = [*body_steps(found, self.index), *self._merges()]
        reasons += [self._reason(each) for each in steps if each.kind == "force_merge"]
        warnings = (*self._unmerged(), *said_in_file(self.address, self._settings()))
        action: Action = "update" if steps else "no-op"
        route = reasons[-1].route if reasons else "nothing"
        change = _change(self.index, action, route, tuple(reasons), found.before, found.after)
        return Routed(change, tuple(steps), warnings)

    def _settings(self) -> JSON:
        advice = self.advice.get("replicas")
        return {REPLICAS: str(advice.arguments["replicas"])} if advice else {}

    @property
    def _merging(self) -> Advice | None:
        return self.advice.get("force_merge") or self.advice.get("expunge_deletes")

    @property
    def _is_written(self) -> bool:
        return self.index.name in self.context.activity.written

    def _merges(self) -> tuple[Step, ...]:
        if self._merging is None or self._is_written:
            return ()
        name, segments = self.index.name, self._merging.arguments.get("max_num_segments")
        same = {"check": "index", "index": name, "uuid": self.index.uuid}
        marks = self.context.activity.marks[name]
        return (
            force_merge.describe(
                self.address, self.index, segments, same, phase="finish", marks=marks
            ),
        )

    def _reason(self, step: Step) -> Reason:
        why = self._merging.reason if self._merging else ""
        target = step.arguments["segments"]
        after = target and f"{target} a shard"
        return Reason("segments", self.sizing.searchable, after, why, "force merge")

    def _unmerged(self) -> tuple[str, ...]:
        if self._merging is None or not self._is_written:
            return ()
        return (f"{self.address} is not force merged: somebody writes to it",)


def leftover(found: Leftover, context: Context) -> Routed:
    """Deleted only where somebody has named it; else a warning."""
    index, address = found.index, f"index.{found.index.name}"
    what = _why_left(found)
    if address not in context.allowed:
        said = f"{address} ({_documents(index)}) may be left over: {what}"
        said += f". To delete it, if nobody needs it: --allow-delete {address}"
        return Routed(_change(index, "no-op", "nothing", ()), warnings=(said,))
    if index.name in context.activity.written:
        raise Refused(
            f"{address} is no leftover: somebody writes to it",
            code="ESP-4116",
            remedy=f"plan without --allow-delete {address}",
        )
    checks: tuple[JSON, ...] = (
        {"check": "index", "index": index.name, "uuid": index.uuid},
        {"check": "unaliased", "index": index.name},
        *_unwritten(index, context),
    )
    left = {"check": "left", "index": index.name, "closed": not index.is_open}
    if not index.is_open:
        left[heirs.VERSION] = _version(index, context)
    reason = Reason("aliases", found.alias, None, what, "delete")
    retired = [retire_index.describe(address, index, checks, "finish")] if index.is_open else []
    step = delete_index.describe(address, index, (*checks, *_heirs(found, context), left))
    return Routed(_change(index, "delete", "delete", (reason,)), (*retired, step))


def _heirs(found: Leftover, context: Context) -> tuple[JSON, ...]:
    """Its alias is where it was, on the same index, which still has its documents."""
    heir = context.live.indices[found.served_by]
    on = sorted(context.live.aliases[found.alias].indices)
    return (
        {"check": "alias", "alias": found.alias, "on": on},
        {"check": "serves", "index": heir.name},
        {"check": "durable", "index": heir.name},
        {"check": "heir", "index": heir.name, "uuid": heir.uuid, "documents": heir.documents},
    )


def _version(index: Index, context: Context) -> int:
    """By which an index that was opened since shows. Raises Refused where nobody can tell."""
    version = context.closed.get(index.name)
    if version is None:
        raise Refused(
            f"index.{index.name} is closed, and nobody could tell whether it was opened and "
            "written to before it is deleted",
            code="ESP-4126",
            why="the version of its settings cannot be read with these credentials (monitor)",
            remedy=f"open it first (POST /{index.name}/_open), then plan again",
        )
    return version


def _why_left(found: Leftover) -> str:
    """Only esplan's own mark is a proof that it served the alias; a name is a likeness."""
    if found.index.mark.get("address") == f"alias.{found.alias}":
        return f"it served {found.alias}, which is on {found.served_by} now"
    return f"its name is like that of {found.served_by}, which {found.alias} is on"


def _documents(index: Index) -> str:
    if index.documents is None:
        return "closed" if not index.is_open else "an unknown number of documents"
    return f"{index.documents:,} document{'' if index.documents == 1 else 's'}"


def _unwritten(index: Index, context: Context) -> tuple[JSON, ...]:
    """A closed index cannot be written to, and cannot be asked."""
    marks = context.activity.marks.get(index.name)
    return () if marks is None else ({"check": "unwritten", "index": index.name, "marks": marks},)


def _change(
    index: Index,
    action: Action,
    route: str,
    reasons: tuple[Reason, ...],
    before: JSON | None = None,
    after: JSON | None = None,
) -> Change:
    target = None if action == "delete" else index.name
    nothing: JSON = {"settings": {}, "mappings": {}, "aliases": {}}
    address = f"index.{index.name}"
    return Change(address, action, route, index.name, target, reasons, before, after or nothing)
