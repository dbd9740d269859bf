"""A picture of aliases and indices before and after a plan, as mermaid source."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from esplan.views import words
from esplan.views.clean import clean
from esplan.views.escape import label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from esplan.plan import Change, Plan, Step

ENDS = (34, 25)
"""Characters at the beginning and the end of a long name: they differ most at the end."""

STYLES = {
    "new": "stroke:#1a7f37,stroke-width:3px",
    "gone": "stroke:#cf222e,stroke-width:3px,stroke-dasharray:4",
}

Edge = tuple[str, str]
"""An alias, and an index that it is on."""


def picture(plan: Plan, most: int) -> str:
    """The first `most` objects whose aliases or indices change; empty where none does.

    Ids are made up here, and labels are escaped: no name can be a part of the picture's syntax.
    """
    moving = [change for change in plan.changes if _moves(change)]
    if not moving:
        return ""
    drawing, steps = _Drawing(frozenset(words.deleted(plan))), words.by_object(plan)
    for change in moving[:most]:
        drawing.add(change, steps[change.address])
    drawing.group(plan)
    more = len(moving) - most
    rest = [f'more["and {more:,} more"]'] if more > 0 else []
    return "\n  ".join(["flowchart LR", *drawing.lines, *rest, *drawing.styles()])


def _moves(change: Change) -> bool:
    before, after = _edges(change)
    made_or_gone = change.action in ("create", "replace", "delete")
    return made_or_gone or (change.action != "no-op" and before != after)


def _edges(change: Change) -> tuple[set[Edge], set[Edge]]:
    """Which alias is on which index, before and after."""
    kind, _, name = change.address.partition(".")
    if kind == "alias":
        before = after = (name,)
    else:
        before = tuple((change.before or {}).get("aliases", ()))
        after = tuple(change.after.get("aliases", ()))
    return (
        {(alias, change.index) for alias in before if change.index is not None},
        {(alias, change.target) for alias in after if change.target is not None},
    )


@dataclass
class _Drawing:
    """Lines of source; each alias and each index is one node."""

    deleted: frozenset[str]
    lines: list[str] = field(default_factory=list)
    ids: dict[tuple[str, str], str] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)

    def add(self, change: Change, steps: Sequence[Step]) -> None:
        """One object: dotted is before, thick is after."""
        made = {one.arguments["index"] for one in steps if one.kind in MAKING}
        for index in dict.fromkeys((change.index, change.target)):
            if index is not None:
                self._index(index, new=index in made)
        before, after = _edges(change)
        for edge in [*sorted(before), *sorted(after - before)]:
            self._edge(*edge, was=edge in before, will=edge in after)
        if change.target is not None:
            there = self.ids["index", change.target]
            self.lines += self._filled(change, steps, there)

    def _index(self, name: str, *, new: bool) -> None:
        known = ("index", name) in self.ids
        id_ = self.ids.setdefault(("index", name), f"i{len(self.ids) + 1}")
        if known:
            return
        state = "deleted at the end" if name in self.deleted else "new" if new else ""
        self.lines.append(f'{id_}["{_name(name)}{f"<br>{state}" if state else ""}"]')
        if state:
            self.classes[id_] = "new" if state == "new" else "gone"

    def _alias(self, name: str) -> str:
        known = ("alias", name) in self.ids
        id_ = self.ids.setdefault(("alias", name), f"a{len(self.ids) + 1}")
        if not known:
            self.lines.append(f'{id_}(["alias {_name(name)}"])')
        return id_

    def _edge(self, alias: str, index: str, *, was: bool, will: bool) -> None:
        arrow, said = ("-->", "before and after") if was and will else ("==>", "after")
        if not will:
            arrow, said = "-.->", "before"
        there = self.ids.get(("index", index), "")
        self.lines.append(f'{self._alias(alias)} {arrow}|"{said}"| {there}')

    def _filled(self, change: Change, steps: Sequence[Step], there: str) -> Iterator[str]:
        """From which index the documents come."""
        for step in steps:
            if step.kind in words.COPIES[1:]:
                id_ = self.ids.setdefault(("origin", change.address), f"o{len(self.ids) + 1}")
                yield f'{id_}[("{_name(step.arguments["source"])}<br>of another cluster")]'
                yield f'{id_} -->|"{label(change.route)}"| {there}'
            elif step.kind in FILLING and change.index is not None:
                here = self.ids["index", change.index]
                yield f'{here} -->|"{label(change.route)}"| {there}'

    def group(self, plan: Plan) -> None:
        """A frame around the aliases that change in one call."""
        together: dict[str, list[str]] = {}
        for address, step in plan.groups.items():
            kind, _, name = address.partition(".")
            if kind == "alias" and ("alias", name) in self.ids:
                together.setdefault(step.address, []).append(self.ids["alias", name])
        for number, (name, ids) in enumerate(together.items(), 1):
            self.lines.append(f'subgraph g{number}["{_name(name)}: in one call"]')
            self.lines += [*(f"  {one}" for one in ids), "end"]

    def styles(self) -> Iterable[str]:
        """What is new, and what goes."""
        for style, look in STYLES.items():
            if ids := [one for one, its in self.classes.items() if its == style]:
                yield f"classDef {style} {look}"
                yield f"class {','.join(ids)} {style}"


MAKING = ("create_index", "resize_index")
FILLING = ("reindex", "resize_index")


def _name(name: str) -> str:
    text, (first, last) = clean(name), ENDS
    return label(text if len(text) <= first + last else f"{text[:first]}…{text[-last:]}")
