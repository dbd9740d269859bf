"""A plan as text for a terminal or a log: what matters most comes last, where it is seen first."""

from __future__ import annotations

import sys
from itertools import groupby
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from esplan.views import estimate, sample, words
from esplan.views.clean import clean, value
from esplan.views.hanging import Hanging, hanging
from esplan.views.scripts import scripts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from esplan.plan import Change, Plan, Reason, Step

STYLES = {
    "create": "green",
    "update": "yellow",
    "replace": "magenta",
    "delete": "red",
    "no-op": "dim",
}

FEW = 12
"""Differences with the same rule, and names in a list, that are shown of one object."""

LONGEST = 100
"""Characters of a value that are shown."""


def plan(plan: Plan, path: str = "", *, whole: bool = False) -> Iterator[RenderableType]:
    """A plan as a person reviews it: what, why, how much, in which steps, what cannot be undone.

    The warnings and the summary come last: a terminal shows the end. `whole`: nothing is folded.
    """
    yield hanging(
        f"Plan for the cluster {words.cluster(plan)}, made {clean(plan.created_at)}", style="bold"
    )
    changed = [change for change in plan.changes if change.action != "no-op"]
    steps = words.by_object(plan)
    for change in changed:
        yield from _change(change, plan, steps[change.address], whole=whole)
    yield from _unchanged(plan, changed, whole=whole)
    if changed:
        yield from _steps(plan)
        yield from scripts(plan)
    yield from _drift(plan)
    if changed:
        yield from _asked(plan)
    yield from _warnings(plan)
    if changed:
        yield from _ending(plan, path)
    else:
        yield Text(f"\n{words.nothing(plan)}")


def _unchanged(plan: Plan, changed: Sequence[Change], *, whole: bool) -> Iterator[RenderableType]:
    """One line, or one for each of them."""
    same = [change for change in plan.changes if change.action == "no-op"]
    if same and (changed or whole):
        said = f"\n{words.number(len(same), 'object')} unchanged"
        yield Text(said + (":" if whole else ""), style="dim")
    for change in same if whole else ():
        yield hanging(clean(f"{change.address}: {change.index}"), 4, "dim")


# One object


def _change(
    change: Change, plan: Plan, steps: Sequence[Step], *, whole: bool
) -> Iterator[RenderableType]:
    symbol, style = words.SYMBOLS[change.action], STYLES[change.action]
    title = Text.assemble((clean(change.address), f"bold {style}"), f"  {words.moves(change)}")
    title.stylize(style)
    yield Text("")
    yield Hanging(Text.assemble((f"{symbol:>3} ", style), title))
    yield from _reasons(change, whole=whole)
    for line in words.discarded(change, steps):
        yield hanging(line, 6, "bold red")
    for line in words.consequences(change, steps, None if whole else FEW):
        yield hanging(line, 6, "red" if line.endswith("cannot be undone") else "")
    for line in sample.lines(change.sample):
        yield hanging(line.strip(), 8 if line.startswith(" ") else 6)
    if said := words.together(plan, change):
        yield hanging(said, 6)


def _reasons(change: Change, *, whole: bool) -> Iterator[RenderableType]:
    """Every difference; the rule once for those that follow each other under the same one."""
    for (route, rule), group in groupby(change.reasons, lambda one: (one.route, one.rule)):
        reasons = list(group)
        shown = reasons if whole else reasons[:FEW]
        yield from (_difference(one, whole=whole) for one in shown)
        if more := len(reasons) - len(shown):
            yield hanging(f"and {more:,} more differences like these (-v shows them)", 6, "dim")
        decides = f"bold {STYLES[change.action]}" if route == change.route else "dim"
        yield Hanging(Text.assemble((clean(route), decides), (f": {clean(rule)}", "dim")), 8)


def _difference(reason: Reason, *, whole: bool) -> Hanging:
    longest = sys.maxsize if whole else LONGEST
    before, after = (
        (value(one, longest), "dim" if one is None else style)
        for one, style in ((reason.before, "red"), (reason.after, "green"))
    )
    return Hanging(Text.assemble(f"{clean(reason.path)}: ", before, " → ", after), 6)


# The whole plan


def _steps(plan: Plan) -> Iterator[RenderableType]:
    """Phase by phase."""
    yield Text("\nSteps", "bold")
    table = Table(box=None, pad_edge=False, show_header=True, header_style="dim")
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("undo", no_wrap=True)
    table.add_column("what", overflow="fold")
    phase = ""
    for number, step in enumerate(plan.steps, 1):
        if step.phase != phase:
            phase = step.phase
            table.add_row("", "", Text.assemble((phase, "bold"), f": {words.PHASES[phase]}"))
        table.add_row(str(number), *_step(step))
    yield table


def _step(step: Step) -> tuple[Text, Text]:
    """Whether it can be undone; and what it is, with why it cannot on a line of its own."""
    undo, _, why = words.undo(step).partition(": ")
    style = "red" if step.kind == "delete_index" else ""
    what = Text.assemble((clean(step.description), style), (f"\n  {why}" if why else "", "dim"))
    return Text(undo, style if why else "dim"), what


def _drift(plan: Plan) -> Iterator[RenderableType]:
    """What stays as it is."""
    if plan.drift:
        said = "Not as the files say, and not changed by this plan (see esplan drift)"
        yield Text(f"\n{said}", "bold")
    for one in plan.drift:
        yield hanging(words.left(one), 2)


def _asked(plan: Plan) -> Iterator[RenderableType]:
    """What the oracle said. A disagreement is a warning of the plan, too."""
    summary, others = words.asked(plan)
    if summary:
        yield Text("")
        yield hanging(summary)
    for one in others:
        yield hanging(one, 2, "dim")


def _warnings(plan: Plan) -> Iterator[RenderableType]:
    """What apply refuses first: nothing else matters before it."""
    refused, optional = words.refusals(plan)
    if refused or optional or plan.warnings:
        yield Text("\nWarnings", "bold yellow")
    for one in refused:
        yield hanging(one, 2, "bold red")
    for one in optional:
        yield hanging(one, 2, "bold")
    for one in plan.warnings:
        yield hanging(clean(one), 2)


def _ending(plan: Plan, path: str) -> Iterator[RenderableType]:
    for number, line in enumerate(estimate.whole(plan)):
        yield from () if number else (Text(""),)
        yield hanging(line)
    yield Text("")
    yield from _summary(plan)
    yield Text(f"Digest: {plan.digest}")
    if path:
        yield Text(f"Saved in {path}; carry it out with: esplan apply {path}")
    else:
        yield hanging("Not saved: give -o FILE to keep this plan for esplan apply.", style="dim")


def _summary(plan: Plan) -> Iterator[RenderableType]:
    """What is deleted stands out, also where it is only the old index of a replacement."""
    total = plan.summary
    yield hanging(
        f"Plan: {total['create']} to create, {total['update']} to update, "
        f"{total['replace']} to replace, {total['delete']} to delete; "
        f"{words.number(len(plan.steps), 'step')}.",
        style="bold",
    )
    if gone := words.deleted(plan):
        names = clean(words.listed(gone, FEW))
        yield hanging(f"Deletes {words.number(len(gone), 'index')}: {names}", style="bold red")
