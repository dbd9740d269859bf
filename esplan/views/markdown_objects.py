"""One object of a plan in markdown: why, what it means, what was tried, what is sent."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from esplan.views import sample, words
from esplan.views.clean import clean, shortened, value
from esplan.views.escape import code, fence, html, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from esplan.plan import Change, Plan, Reason, Step

NAME = 200
"""Characters of a name."""

OPEN = 3
"""So many objects are open from the start."""


@dataclass(frozen=True)
class Detail:
    """How much of a plan is shown; a change request takes no more than so many bytes.

    `reasons` is their number for each object. `longest` is that of the characters of a line.
    """

    requests: bool = True
    steps: bool = True
    reasons: int = sys.maxsize
    examples: bool = True
    longest: int = 1000
    cut: bool = False
    folded: bool = False


def row(cells: Iterable[str]) -> str:
    """A row of a table; the cells are markdown without an open pipe."""
    return f"| {' | '.join(cells)} |"


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A whole table."""
    return "\n".join([row(heading), row(["---"] * len(heading)), *map(row, rows)])


def details(summary: str, blocks: Iterable[str], *, open_: bool = False) -> str:
    """A part that can be folded; `summary` is HTML, the blocks are markdown by the blank lines."""
    opening = f"<details{' open' if open_ else ''}>\n<summary>{summary}</summary>"
    return "\n\n".join([opening, *blocks, "</details>"])


def title(change: Change, steps: Sequence[Step], escaped: Callable[[str], str]) -> str:
    """What becomes of it, in one line; what is lost stands out.

    `escaped` is `html` for the summary of a part, where markdown means nothing, else `plain`.
    """
    address = escaped(shortened(clean(change.address), NAME))
    said = f"<code>{words.SYMBOLS[change.action]}</code> <b><code>{address}</code></b>"
    said += f" {escaped(shortened(words.moves(change), 2 * NAME))}"
    for one in words.discarded(change, steps):
        said += f" <b>{escaped(shortened(one, NAME))}</b>"
    gone = [one for one in steps if one.kind == "delete_index"]
    return said + (f", <b>deletes {words.number(len(gone), 'index')}</b>" if gone else "")


def objects(plan: Plan, detail: Detail) -> Iterator[str]:
    """Each that changes, in a part that can be folded; a few are open. Folded: a line each."""
    changed = [change for change in plan.changes if change.action != "no-op"]
    steps = words.by_object(plan)
    numbers = {step.id: number for number, step in enumerate(plan.steps, 1)}
    for change in changed:
        mine = {numbers[step.id]: step for step in steps[change.address]}
        if detail.folded:
            yield f"- {title(change, list(mine.values()), plain)}"
        else:
            parts = _block(plan, change, mine, detail)
            summary = title(change, list(mine.values()), html)
            yield details(summary, parts, open_=len(changed) <= OPEN)


def _block(plan: Plan, change: Change, steps: Mapping[int, Step], detail: Detail) -> Iterator[str]:
    yield from _reasons(change, detail)
    yield from _meaning(plan, change, list(steps.values()), detail)
    yield from _sample(change, detail)
    if detail.steps and steps:
        yield details(words.number(len(steps), "step"), _steps(steps, detail))


def _reasons(change: Change, detail: Detail) -> Iterator[str]:
    shown = change.reasons[: detail.reasons]
    if shown:
        rows = [_reason(one, change, detail) for one in shown]
        yield table(("path", "before", "after", "why"), rows)
    more = len(change.reasons) - len(shown)
    if more:
        yield f"and {more:,} more" if shown else words.number(more, "difference")


def _reason(reason: Reason, change: Change, detail: Detail) -> tuple[str, str, str, str]:
    route, rule = plain(reason.route), plain(shortened(clean(reason.rule), detail.longest))
    return (
        code(shortened(clean(reason.path), detail.longest)),
        code(value(reason.before)),
        code(value(reason.after)),
        f"**{route}**: {rule}" if reason.route == change.route else f"{route}: {rule}",
    )


def _meaning(plan: Plan, change: Change, steps: Sequence[Step], detail: Detail) -> Iterator[str]:
    said = [*words.discarded(change, steps), *words.consequences(change, steps)]
    said += [one] if (one := words.together(plan, change)) else []
    if said:
        yield "\n".join(f"- {plain(shortened(one, detail.longest))}" for one in said)


def _sample(change: Change, detail: Detail) -> Iterator[str]:
    """What became of real documents."""
    first, *examples = [*sample.lines(change.sample), ""]
    if first:
        yield plain(shortened(first, detail.longest))
    if detail.examples and any(examples):
        yield fence("\n".join(one.strip() for one in examples if one))


def _steps(steps: Mapping[int, Step], detail: Detail) -> Iterator[str]:
    """What is sent, and what of it cannot be taken back."""
    for number, step in steps.items():
        yield _step(number, step)
        body = (step.request or {}).get("body")
        if detail.requests and body is not None:
            yield fence(json.dumps(body, indent=2, ensure_ascii=False, sort_keys=True), "json")


def _step(number: int, step: Step) -> str:
    """`2. block writes to …`, its request, and why it cannot be undone."""
    said = f"**{number}.** {plain(step.description)}"
    if step.request:
        said += f": {code(step.request['method'] + ' ' + step.request['path'])}"
    undo = words.undo(step)
    return said + (f"; **cannot be undone**: {plain(undo[4:])}" if undo.startswith("no") else "")
