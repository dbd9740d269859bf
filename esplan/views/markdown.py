"""A plan as markdown for a change request, never longer than a forge takes."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from esplan.plan import PHASES
from esplan.views import estimate, words
from esplan.views.clean import clean, shortened
from esplan.views.escape import code, fence, plain
from esplan.views.markdown_objects import (
    NAME,
    Detail,
    details,
    objects,
    row,
    table,
)
from esplan.views.mermaid import picture
from esplan.views.scripts import found, params, source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from esplan.plan import Plan, Step

LIMIT = 65_000
"""Bytes of UTF-8. A comment on GitHub holds 65,536 characters, a pipeline's own line among them."""

DETAILS = (
    Detail(),
    Detail(requests=False),
    Detail(requests=False, steps=False),
    Detail(requests=False, steps=False, examples=False, longest=240, cut=True),
    Detail(requests=False, steps=False, examples=False, longest=240, cut=True, reasons=3),
    Detail(requests=False, steps=False, examples=False, longest=240, cut=True, reasons=0),
    Detail(requests=False, steps=False, longest=240, cut=True, folded=True),
)
"""From everything to the least: the first that fits is taken, and the last one always fits."""

ROOM = {
    "refusal": 5_000,
    "warning": 8_000,
    "picture": 6_000,
    "unchanged": 2_000,
    "step": 8_000,
    "script": 14_000,
    "left": 2_500,
    "answer": 2_000,
}
"""Bytes of each part where they are cut. Together with the rest they leave some for the objects."""

HINT = 100
"""Bytes of a line that says how many more there are."""

DRAWN = (15, 8, 4, 2)
"""Objects in a picture: as many as fit."""

LONG = 12
"""Steps; with more of them their table is folded."""


def plan(plan: Plan, path: str = "", more: str = "") -> str:
    """Summary, digest, refusals and warnings; then as much of the rest as there is room for.

    `more`: what comes behind it, within the limit.
    """
    limit = LIMIT - _bytes(more)
    pages = (_Page(plan, path, detail, limit).text() for detail in DETAILS)
    return next(text for text in pages if text and _bytes(text) <= limit) + more


def _bytes(text: str) -> int:
    return len(text.encode())


def _fitting(items: Iterable[str], room: float) -> tuple[list[str], int]:
    """As many as have room, two bytes between them; and how many are left."""
    shown: list[str] = []
    rest = iter(items)
    for one in rest:
        room -= _bytes(one) + 2
        if room < 0:
            return shown, 1 + sum(1 for _ in rest)
        shown.append(one)
    return shown, 0


@dataclass(frozen=True)
class _Page:
    """One variant of a plan's page."""

    plan: Plan
    path: str
    detail: Detail
    limit: int = LIMIT

    def text(self) -> str:
        """All of it; empty where the objects have no room."""
        changes = any(change.action != "no-op" for change in self.plan.changes)
        before = [*self._top(), *(self._picture() if changes else ())]
        after = [*(self._work() if changes else ()), *self._left(), *self._asked()]
        after += self._ending(changes=changes)
        room = self.limit - sum(_bytes(block) + 2 for block in chain(before, after))
        middle = self._folded(room) if self.detail.folded else self._objects(room)
        return "" if middle is None else "\n\n".join([*before, *middle, *after]) + "\n"

    def _objects(self, room: int) -> list[str] | None:
        """Every one, or None as soon as they do not fit."""
        blocks = []
        for block in objects(self.plan, self.detail):
            room -= _bytes(block) + 2
            if room < 0:
                return None
            blocks.append(block)
        return blocks

    def _folded(self, room: int) -> list[str]:
        """A list that ends where the room does."""
        shown, left = _fitting(objects(self.plan, self.detail), room - HINT)
        lines = [*shown, *self._more(left, "object", "- ")]
        return ["\n".join(lines)] if lines else []

    def _room(self, part: str) -> float:
        return ROOM[part] if self.detail.cut else math.inf

    def _said(self, line: str) -> str:
        """A line of prose, as long as it may be."""
        return plain(shortened(clean(line), self.detail.longest))

    def _more(self, left: int, what: str, start: str = "") -> Iterator[str]:
        """What is left out, and where it is."""
        if left:
            more = words.number(left, what).replace(" ", " more ", 1)
            yield f"{start}and {more}: `esplan show PLAN`"

    # What always stays

    def _top(self) -> Iterator[str]:
        plan = self.plan
        name = plain(shortened(clean(plan.cluster["name"]), NAME))
        yield f"## Plan {plain(plan.digest[:8])} for the cluster {name}"
        made = f"{plan.cluster['distribution']} {plan.cluster['version']}, made {plan.created_at}"
        yield f"{plain(shortened(clean(made), NAME))}. Digest: {code(plan.digest)}"
        refused, optional = words.refusals(plan)
        yield from self._alert("CAUTION", refused + optional, "refusal")
        yield self._summary()
        yield from self._alert("WARNING", plan.warnings, "warning")

    def _alert(self, kind: str, said: Iterable[str], what: str) -> Iterator[str]:
        lines = [f"> - {self._said(one)}" for one in said]
        if lines:
            shown, left = _fitting(lines, self._room(what))
            yield "\n".join([f"> [!{kind}]", *shown, *self._more(left, what, "> - ")])

    def _summary(self) -> str:
        plan, gone = self.plan, len(words.deleted(self.plan))
        said = dict(line.split(": ", 1) for line in estimate.whole(plan))
        same = sum(change.action == "no-op" for change in plan.changes)
        cells = {
            **{name: f"{many:,}" for name, many in plan.summary.items()},
            "unchanged": f"{same:,}",
            "indices deleted": f"**{gone:,}**" if gone else "0",
            "documents copied": words.copied(plan)[:NAME],
            "steps": f"{len(plan.steps):,}",
            "time": self._said(said.get("Time", "-")[:NAME]),
            "disk": self._said(said.get("Disk", "-")[:NAME]),
        }
        return table(tuple(cells), [tuple(cells.values())])

    # What is done

    def _picture(self) -> Iterator[str]:
        """With as many objects as there is room for."""
        drawn = (one for most in DRAWN if (one := picture(self.plan, most)))
        blocks = (fence(one, "mermaid") for one in drawn)
        yield from islice((one for one in blocks if _bytes(one) <= ROOM["picture"]), 1)

    def _work(self) -> Iterator[str]:
        """What is unchanged, the steps, and every script."""
        same = [one.address for one in self.plan.changes if one.action == "no-op"]
        if same:
            names = [code(shortened(clean(one), NAME)) for one in same]
            shown, left = _fitting(names, self._room("unchanged"))
            listed = ", ".join([*shown, *self._more(left, "object")])
            yield details(f"{words.number(len(same), 'object')} unchanged", [listed])
        if self.plan.steps:
            yield self._steps()
        yield from self._scripts()

    def _steps(self) -> str:
        steps = self.plan.steps
        rows = [row(self._step(number, one)) for number, one in enumerate(steps, 1)]
        shown, left = _fitting(rows, self._room("step"))
        heading = table(("#", "phase", "object", "what", "undo"), ())
        blocks = ["\n".join([heading, *shown]), *self._more(left, "step")]
        phases = ", ".join(
            f"{sum(one.phase == phase for one in steps):,} {phase}" for phase in PHASES
        )
        summary = f"<b>{words.number(len(steps), 'step')}</b>: {phases}"
        return details(summary, blocks, open_=len(steps) <= LONG)

    def _step(self, number: int, step: Step) -> tuple[str, ...]:
        address = code(shortened(clean(step.address), NAME))
        undo = words.undo(step)
        said = self._said(step.description)
        return f"{number}", step.phase, address, said, undo if undo == "-" else self._said(undo)

    def _scripts(self) -> Iterator[str]:
        """Each of them whole: half a script is none."""
        blocks = ["\n\n".join(_script(*one)) for one in found(self.plan)]
        shown, left = _fitting(blocks, self._room("script"))
        if blocks:
            yield from ("**Scripts**", *shown, *self._more(left, "script"))

    # What is not

    def _left(self) -> Iterator[str]:
        lines = [f"- {self._said(words.left(one))}" for one in self.plan.drift]
        if lines:
            shown, left = _fitting(lines, self._room("left"))
            yield "**Not as the files say, and not changed by this plan**"
            yield "\n".join([*shown, *self._more(left, "line", "- ")])

    def _asked(self) -> Iterator[str]:
        """What the oracle said."""
        summary, others = words.asked(self.plan)
        if summary:
            yield self._said(summary)
        if others:
            shown, left = _fitting([f"- {self._said(one)}" for one in others], self._room("answer"))
            yield "\n".join([*shown, *self._more(left, "answer", "- ")])

    def _ending(self, *, changes: bool) -> Iterator[str]:
        if not changes:
            yield words.nothing(self.plan)
        elif words.refusals(self.plan)[0]:
            yield "Apply will refuse this plan: see above."
        elif self.path:
            saved = shlex.quote(self.path) if len(self.path) <= NAME else "PLAN"
            apply = f"esplan apply {saved} --approve {clean(self.plan.digest)}"
            yield f"Carry it out with:\n\n{fence(apply, 'sh')}"
        else:
            yield "Not saved: give `-o FILE` to keep this plan for `esplan apply`."


def _script(script: dict[str, Any], steps: str) -> Iterator[str]:
    yield f"{plain(str(script['lang']))}, in {steps}"
    if stored := script.get("id"):
        yield f"stored in the cluster as {code(str(stored))}"
    if lines := source(script):
        yield fence(lines, "java")
    if script.get("params"):
        yield f"params:\n\n{fence(params(script), 'json')}"
