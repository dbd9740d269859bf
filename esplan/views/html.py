"""A plan, and what became of it, as one HTML file that needs nothing else.

Whatever comes from a plan or a journal is cleaned and escaped where the template prints it, and the
content security policy lets nothing run or load but the report's own style and script.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from esplan.plan import PHASES
from esplan.views import bars, difference, estimate, journal, picture, sample, scripts, words
from esplan.views.clean import clean, value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment, Template

    from esplan.model import JSON
    from esplan.plan import Change, Plan, Step
    from esplan.timeline import Timed, Timeline

FOLDED = 12
"""Objects up to which a report begins unfolded."""

DRAWN = 40
"""Objects of the picture that are drawn unfolded."""


@dataclass(frozen=True)
class Row:
    """One step, planned and applied; `timed` is None before an apply."""

    number: int
    id: str
    phase: str
    title: str
    address: str
    request: str
    body: str
    preconditions: tuple[str, ...]
    undo: str
    expected: str
    bars: tuple[bars.Bar, ...]
    timed: Timed | None
    said: JSON


@dataclass(frozen=True)
class Card:
    """One object with its steps; a group of objects has no change."""

    number: int
    address: str
    action: str
    symbol: str
    title: str
    change: Change | None = None
    lost: tuple[str, ...] = ()
    consequences: tuple[str, ...] = ()
    sample: tuple[str, ...] = ()
    diff: tuple[difference.Line, ...] = ()
    rows: tuple[Row, ...] = ()


def page(plan: Plan | None, path: str = "", applied: Timeline | None = None) -> str:
    """The whole report. One of the plan and its apply may be missing, not both."""
    return f"{_template().render(**_whole(plan, path, applied))}\n"


def _whole(plan: Plan | None, path: str, applied: Timeline | None) -> JSON:
    steps = plan.steps if plan else ()
    axis = bars.applied(applied) if applied else bars.expected(steps)
    rows = _rows(steps, applied, axis)
    cards = _cards(plan, rows) if plan else []
    phases = [(name, [one for one in rows if one.phase == name]) for name in (*PHASES, "")]
    return {
        "plan": plan,
        "path": path,
        "applied": applied,
        "state": _state(plan, applied),
        "cards": cards,
        "is_open": len(cards) <= FOLDED,
        "axis": axis,
        "phases": [(name, words.PHASES.get(name, ""), found) for name, found in phases if found],
        "steps": len(rows),
        "drawn": DRAWN,
        **(_reviewed(plan) if plan else NOTHING),
    }


def _reviewed(plan: Plan) -> JSON:
    """What is to be read before the objects."""
    refused, optional = words.refusals(plan)
    return {
        "tiles": _tiles(plan),
        "refused": refused,
        "optional": optional,
        "whole": list(estimate.whole(plan)),
        "same": [one.address for one in plan.changes if one.action == "no-op"],
        "pictures": picture.rows(plan),
        "scripts": scripts.found(plan),
        "drift": list(map(words.left, plan.drift)),
        "asked": words.asked(plan),
    }


NOTHING: JSON = dict.fromkeys(
    ("tiles", "refused", "optional", "whole", "same", "pictures", "scripts", "drift", "asked"), ()
)


def _state(plan: Plan | None, applied: Timeline | None) -> tuple[str, str]:
    """A word or two, and how it looks."""
    if applied is None:
        return ("to be applied", "open") if plan and plan.steps else ("no changes", "done")
    looks = {"done": "done", "unfinished": "open", "partly done": "failed"}
    return (STATES.get(applied.state, applied.state), looks.get(applied.state, "failed"))


STATES = {"done": "applied", "unfinished": "not ended", "taking back": "failed, being taken back"}


def _tiles(plan: Plan) -> list[tuple[str, str, str]]:
    """What a reviewer counts: objects by what becomes of them, and indices that are gone."""
    counts = [(f"to {name}", f"{number:,}", name) for name, number in plan.summary.items()]
    gone = len(words.deleted(plan))
    said = "index deleted at the end" if gone == 1 else "indices deleted at the end"
    return [*counts, (said, f"{gone:,}", "delete"), ("documents copied", words.copied(plan), "")]


# Steps


def _rows(steps: Sequence[Step], applied: Timeline | None, axis: bars.Axis) -> list[Row]:
    if applied is None:
        return [
            _row(n, one.id, one, None, axis.bars.get(one.id, ())) for n, one in enumerate(steps, 1)
        ]
    return [
        _row(one.number, one.id, one.step, one, axis.bars.get(one.id, ())) for one in applied.steps
    ]


def _row(
    number: int, name: str, step: Step | None, timed: Timed | None, drawn: tuple[bars.Bar, ...]
) -> Row:
    request = step.request if step else None
    return Row(
        number=number,
        id=name,
        phase=step.phase if step else "",
        title=step.description if step else journal.named(timed) if timed else name,
        address=step.address if step else "",
        request=f"{request['method']} {request['path']}" if request else "",
        body=difference.pretty(request["body"]) if request and request.get("body") else "",
        preconditions=tuple(map(_precondition, step.preconditions)) if step else (),
        undo=words.undo(step) if step else "",
        expected=estimate.expected(step).removeprefix(", ") if step else "",
        bars=drawn,
        timed=timed,
        said=_said(timed) if timed else {},
    )


def _said(timed: Timed) -> JSON:
    """The journal's words for a step."""
    return {
        "outcome": journal.outcome(timed),
        "took": journal.took(timed),
        "came_to": journal.came_to(timed),
        "tries": [f"{one.outcome}: {journal.span(one.began, one.last)}" for one in timed.tries],
        "at": f"{timed.outcome}, at {timed.at}" if timed.at and not timed.tries else "",
    }


def _precondition(one: JSON) -> str:
    """`index: {"index": "a_green", …}`."""
    rest = {name: each for name, each in one.items() if name != "check"}
    return f"{one.get('check', '')}: {json.dumps(rest, ensure_ascii=False, sort_keys=True)}"


# Objects


def _cards(plan: Plan, rows: list[Row]) -> list[Card]:
    """Every change; then what several objects share: a group's switch."""
    about = words.by_object(plan)
    drawn = {one.id: one for one in rows}
    changes = {one.address: one for one in plan.changes}
    cards: list[Card] = []
    for address, steps in about.items():
        change = changes.get(address)
        mine = tuple(drawn[one.id] for one in steps if one.id in drawn)
        if change is None:
            cards.append(_shared(len(cards) + 1, address, mine))
        elif change.action != "no-op" or mine:
            cards.append(_card(len(cards) + 1, change, plan, steps, mine))
    return cards


def _shared(number: int, address: str, rows: tuple[Row, ...]) -> Card:
    return Card(number, address, "shared", "", "what several objects share", rows=rows)


def _card(
    number: int, change: Change, plan: Plan, steps: list[Step], rows: tuple[Row, ...]
) -> Card:
    together = words.together(plan, change)
    return Card(
        number=number,
        address=change.address,
        action=change.action,
        symbol=words.SYMBOLS[change.action],
        title=words.moves(change).partition(": ")[2],
        change=change,
        lost=tuple(words.discarded(change, steps)),
        consequences=(*words.consequences(change, steps), *([together] if together else [])),
        sample=tuple(sample.lines(change.sample)),
        diff=tuple(difference.lines(change.before, change.after)) if change.before else (),
        rows=rows,
    )


# The page


def _shown(anything: Any) -> Any:
    """What a template prints: no control or format character of it stays, but ends of lines."""
    from markupsafe import Markup

    if isinstance(anything, str) and not isinstance(anything, Markup):
        lines = anything.split("\n")
        return "\n".join(one if one.isprintable() else clean(one) for one in lines)
    return anything


@cache
def _template() -> Template:
    found = _environment()
    return found.get_template("report.html.j2")


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("esplan.views", "report"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    parts = {name: _part(f"report.{name}") for name in ("css", "js")}
    for name, part in parts.items():
        environment.globals[name] = Markup(part)  # noqa: S704  (the report's own)
        environment.globals[f"{name}_hash"] = _hash(part)
    environment.filters |= {"pretty": difference.pretty, "value": value}
    environment.globals |= {"journal": journal, "words": words, "script": scripts}
    return environment


def _part(name: str) -> str:
    return (files("esplan.views") / "report" / name).read_text(encoding="utf-8")


def _hash(part: str) -> str:
    """As a content security policy names a style or a script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()}"
