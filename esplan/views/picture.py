"""What stands behind each alias before and after a plan: the facts of a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from esplan.views.clean import count, size

if TYPE_CHECKING:
    from collections.abc import Iterable

    from esplan.model import JSON
    from esplan.plan import Change, Plan, Step

MAKING = ("create_index", "resize_index")

NEW, GONE, KEPT, SAME, CHANGED = "new", "gone", "kept", "same", "changed"


@dataclass(frozen=True)
class Box:
    """An index. `state`: new, gone, kept (no alias of its object is on it any more), same, changed.

    `note`: how much is in it, where the plan knows.
    """

    name: str
    state: str
    note: str = ""


@dataclass(frozen=True)
class Side:
    """Aliases, the indices that they are on, and indices that none of them is on."""

    aliases: tuple[str, ...] = ()
    on: tuple[Box, ...] = ()
    off: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Row:
    """One object before and after."""

    address: str
    before: Side
    after: Side


def rows(plan: Plan) -> list[Row]:
    """One for each object that changes, in the order of the plan."""
    facts = _Facts(plan.steps)
    return [facts.row(one) for one in plan.changes if one.action != "no-op"]


class _Facts:
    """What the steps say of indices."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self.made: set[str] = set()
        self.deleted: set[str] = set()
        self.notes: dict[str, str] = {}
        for step in steps:
            index = str(step.arguments.get("index", step.arguments.get("target", "")))
            if step.kind in MAKING:
                self.made.add(index)
            if step.kind == "delete_index":
                self.deleted.add(index)
            about = str(step.arguments.get("source", index))
            if note := _much(step):
                self.notes.setdefault(about, note)

    def row(self, change: Change) -> Row:
        if change.address.startswith("alias."):
            return self._alias(change)
        return self._index(change)

    def _alias(self, change: Change) -> Row:
        name = (change.address.partition(".")[2],)
        old, new = change.index, change.target
        moves = old != new
        here = [self._box(old, SAME)] if old else []
        off = [self._box(old, GONE if old in self.deleted else KEPT)] if old and moves else []
        there = [self._box(new, self._new_state(new, moves=moves))] if new else []
        return Row(
            change.address,
            Side(name if here else (), tuple(here)),
            Side(name if there else (), tuple(there), tuple(off)),
        )

    def _index(self, change: Change) -> Row:
        old, new = change.index, change.target
        before, after = _aliases(change.before), _aliases(change.after)
        gone = old in self.deleted
        here = (self._box(old, SAME),) if old else ()
        state = CHANGED if old == new else NEW
        there = (self._box(new, state),) if new and not gone else ()
        off = (self._box(old, GONE),) if old and gone else ()
        return Row(change.address, Side(tuple(before), here), Side(tuple(after), there, off))

    def _new_state(self, new: str, *, moves: bool) -> str:
        if new in self.made:
            return NEW
        return SAME if moves else CHANGED

    def _box(self, name: str, state: str) -> Box:
        return Box(name, state, self.notes.get(name, "") if state != NEW else "")


def _aliases(definition: JSON | None) -> list[str]:
    return sorted((definition or {}).get("aliases") or ())


def _much(step: Step) -> str:
    """`336,776 documents, 50.6 MB`."""
    documents, much = step.estimate.get("documents"), step.estimate.get("bytes")
    if not isinstance(documents, int):
        return ""
    said = f"{count(documents)} document{'' if documents == 1 else 's'}"
    return f"{said}, {size(much)}" if isinstance(much, int | float) else said
