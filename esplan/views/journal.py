"""What an apply did, as its journal says: text, markdown and JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from esplan.plan import PHASES
from esplan.shapes import between, moment
from esplan.timeline import BEGUN, DONE, FAILED, NOT_BEGUN
from esplan.views.clean import LINES, clean, count, duration, shortened, size
from esplan.views.escape import plain
from esplan.views.progress import FORMAT_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from esplan.model import JSON
    from esplan.timeline import Pause, Sitting, Timed, Timeline, Trouble, Try

STYLES = {FAILED: "bold red", BEGUN: "bold yellow", NOT_BEGUN: "dim"}

FEW = 1_000
"""Documents below which a rate says nothing."""

LONGEST = 2_000
"""Characters of a reason in a table or a page."""


def text(found: Timeline, plan: str = "") -> Iterator[RenderableType]:
    """A table of the steps, who did it, what went wrong, and how it stands as the last lines.

    `plan` is the plan's file, for the command that goes on.
    """
    yield Text(f"\n{title(found)}", "bold")
    yield _table(found)
    yield from (Text(f"  {clean(line)}", "dim") for line in sittings(found))
    for pause in found.pauses:
        yield Text(f"  {clean(paused(pause))}", "" if pause.last else "bold red")
    for trouble in found.troubles:
        yield Text(f"  {clean(failed(trouble), LINES)}", "bold red")
    yield Text(f"\n{summary(found)}", "bold")
    yield from (Text(clean(line)) for line in go_on(found, plan))


def _table(found: Timeline) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("#", "begun", "took", "outcome", "what"):
        table.add_column(name, overflow="fold", justify="right" if name == "took" else "left")
    for one in found.steps:
        table.add_row(*map(Text, _cells(one, found)), style=STYLES.get(one.outcome, ""))
    return table


def _cells(one: Timed, found: Timeline) -> tuple[str, ...]:
    return (str(one.number), clean(begun(one, found)), took(one), outcome(one), what(one))


def title(found: Timeline) -> str:
    """`Applied 2026-11-22 08:55:50 to 09:01:33 UTC`; before it has ended `Apply from …`."""
    began, last = moment(found.began), moment(found.last)
    what = "Applied" if found.state == DONE else "Apply from"
    if began is None or last is None:
        return what.partition(" ")[0]
    same = began.date() == last.date()
    until = f"{last:%H:%M:%S}" if same else f"{last:%Y-%m-%d %H:%M:%S}"
    return f"{what} {began:%Y-%m-%d %H:%M:%S} to {until} UTC"


def begun(one: Timed, found: Timeline) -> str:
    """The time of day, with the day where the apply took several."""
    at = moment(one.began or one.at)
    first = moment(found.began)
    if at is None:
        return "-" if not one.at else "?"
    return f"{at:%H:%M:%S}" if first and first.date() == at.date() else f"{at:%Y-%m-%d %H:%M:%S}"


def took(one: Timed) -> str:
    """How long its last try was."""
    return "-" if one.seconds is None else duration(one.seconds)


def outcome(one: Timed) -> str:
    """`done, at the 2nd try`; of a step that is taken back, whether it had failed."""
    said = one.outcome
    if said not in (FAILED, BEGUN) and FAILED in {each.outcome for each in one.tries[-1:]}:
        said = f"failed, {said}"
    return f"{said} (try {len(one.tries)})" if len(one.tries) > 1 else said


def what(one: Timed) -> str:
    """The step, and what it came to."""
    said = came_to(one)
    return f"{named(one)}: {said}" if said else named(one)


def named(one: Timed) -> str:
    """As the plan describes it; without a plan as its journal does."""
    if one.step:
        return clean(one.step.description)
    if one.move:
        sides = (", ".join(one.move[side]) or "nothing" for side in ("from", "to"))
        return clean(f"alias {one.move['alias']}: {' → '.join(sides)}")
    return clean(one.kind.replace("_", " ") or one.id)


def came_to(one: Timed) -> str:
    """`336,776 documents (50.6 MB), 9,021 a second`; empty where nothing was counted."""
    evidence = one.evidence
    if "skipped" in evidence:
        return f"left out, {clean(str(evidence['skipped']))}"
    if one.kind == "force_merge" and "segments" in evidence:
        now, before = evidence["segments"], evidence.get("segments_before")
        return clean(f"{now} segments in place of {before}")
    parts = [_documents(one), _rejected(one)]
    return ", ".join(part for part in parts if part)


def _documents(one: Timed) -> str:
    if one.documents is None:
        return ""
    much = f" ({size(one.bytes)})" if one.bytes is not None else ""
    said = f"{count(one.documents)} document{'' if one.documents == 1 else 's'}{much}"
    if one.kind == "verify":
        return f"{'equal, ' if one.evidence.get('equal') else ''}{said} on both sides"
    return f"{said}{rate(one)}"


def rate(one: Timed) -> str:
    """`, 9,021 a second`, where that says something."""
    many, seconds = one.documents or 0, one.seconds or 0
    return f", {many / seconds:,.0f} a second" if many >= FEW and seconds >= 1 else ""


def _rejected(one: Timed) -> str:
    rejected = one.evidence.get("rejected")
    number = rejected.get("documents") if isinstance(rejected, dict) else None
    return f"{number:,} rejected" if isinstance(number, int) and number else ""


def sittings(found: Timeline) -> Iterator[str]:
    """Who was at work, and when: a line each process."""
    for one in found.sittings:
        yield f"by {who(one)}: {span(one.began, one.last)}"


def who(one: Sitting) -> str:
    """`host, pid 7, signed by ops@example.org`."""
    parts = [one.host or "an unnamed host", f"pid {one.pid}" if one.pid else ""]
    parts += [f"signed by {one.signed_by}" if one.signed_by else ""]
    return ", ".join(part for part in parts if part)


def span(began: str, last: str) -> str:
    """`08:55:50 to 08:56:10 (20.1 s)`."""
    first, end = moment(began), moment(last)
    if first is None or end is None:
        return f"{began} to {last}"
    day = "" if first.date() == end.date() else f"{end:%Y-%m-%d} "
    seconds = between(began, last)
    much = "the clock went back" if seconds is None else duration(seconds)
    return f"{first:%Y-%m-%d %H:%M:%S} to {day}{end:%H:%M:%S} ({much})"


def paused(one: Pause) -> str:
    """For how long clients were refused: at most, as the block came after its intent."""
    verb = "clients could not use" if one.closed else "clients could not write to"
    if not one.last:
        return f"{verb} {one.index} from {_clock(one.began)} on: it has not ended"
    much = "some time" if one.seconds is None else f"at most {duration(one.seconds)}"
    return f"{verb} {one.index} for {much} ({_clock(one.began)} to {_clock(one.last)})"


def _clock(at: str) -> str:
    found = moment(at)
    return f"{found:%H:%M:%S}" if found else at


def _moment(at: str) -> str:
    found = moment(at)
    return f"{found:%Y-%m-%d %H:%M:%S} UTC" if found else at


def failed(one: Trouble) -> str:
    """When, what about, and why, in full sentences of the error."""
    about = f" ({one.address})" if one.address else ""
    said = "abandoned" if one.why == "abandoned" else f"failed{about}: {one.why}"
    return f"{_clock(one.at)} {shortened(said, LONGEST)}"


def summary(found: Timeline) -> str:
    """How it stands, in one sentence or two."""
    steps = f"{found.done} of {found.total} steps"
    again = f", {found.again} of them begun again" if found.again else ""
    so_far = f"in {duration(found.seconds)}{again}"
    return {
        DONE: f"Ended: all {found.total} steps are done, {so_far}.",
        "taken back": f"Taken back, {so_far}: {_left(found)}.",
        "partly done": f"Partly done: {steps}; what failed was taken back, {so_far}.",
        "taking back": f"Failed, and not all is taken back yet: {steps} are done.",
    }.get(found.state, f"Not ended: {steps} are done, {so_far}.")


def _left(found: Timeline) -> str:
    stays = [named(one) for one in found.steps if one.outcome == "stays"]
    return f"what stays: {'; '.join(stays)}" if stays else "nothing of this plan is left"


def go_on(found: Timeline, plan: str) -> Iterator[str]:
    """What is left, and how to go on; nothing where all is done."""
    if found.state == DONE:
        return
    command = f"esplan apply {plan}" if plan else "esplan apply with its plan"
    if found.state == "unfinished":
        yield f"Last sign: {_moment(found.last)}."
        yield from _waiting(found)
        yield f"To go on: {command}. To take it back: the same with --abandon."
        yield "Whether it runs at this moment: esplan status."
        return
    then = {
        "taking back": "it takes back the rest, and begins again",
        "taken back": "it begins again; or make a new plan",
    }.get(found.state, "it retries only what failed")
    yield f"To go on: cure the cause, then {command}: {then}."


def _waiting(found: Timeline) -> Iterator[str]:
    """Which phases are left, where no step is half done."""
    if any(one.outcome in (BEGUN, FAILED) for one in found.steps):
        return
    left = {one.step.phase for one in found.steps if one.step and one.outcome == NOT_BEGUN}
    if left:
        phases = ", ".join(phase for phase in PHASES if phase in left)
        yield f"Left: {found.total - found.done} steps ({phases})."


# For programs and for change requests


def json(found: Timeline, plan: str = "") -> JSON:
    """One object: the apply, its processes, its steps with every try."""
    whole = asdict(found)
    steps = [_step(one) for one in found.steps]
    pauses = [
        one | {"seconds": each.seconds}
        for one, each in zip(whole["pauses"], found.pauses, strict=True)
    ]
    counted = {"done": found.done, "seconds": round(found.seconds, 3), "again": found.again}
    said = {"summary": summary(found), "go_on": list(go_on(found, plan))}
    parts = {**whole, **counted, "steps": steps, "pauses": pauses, **said}
    return {"format_version": FORMAT_VERSION, **parts}


def _step(one: Timed) -> JSON:
    planned = {
        name: getattr(one.step, name) for name in ("phase", "address", "description") if one.step
    }
    return {
        "id": one.id,
        "number": one.number,
        "kind": one.kind,
        **planned,
        "outcome": one.outcome,
        "began": one.began or None,
        "last": one.at or None,
        "seconds": one.seconds,
        "documents": one.documents,
        "bytes": one.bytes,
        "tries": [_try(each) for each in one.tries],
        "evidence": one.evidence,
    }


def _try(one: Try) -> JSON:
    return asdict(one) | {"seconds": one.seconds}


def markdown(found: Timeline, plan: str = "") -> str:
    """A section for a change request, with the table; of at most ROOM bytes, or a little more."""
    lines = [f"## {plain(title(found))}", "", f"**{plain(summary(found))}**", ""]
    lines += [f"{plain(line)}  " for line in go_on(found, plan)]
    items = [shortened(failed(one), LONGEST_LINE) for one in found.troubles]
    items += [*map(paused, found.pauses), *sittings(found)]
    lines += _fitting([f"- {plain(one)}" for one in items], "- ")
    rows = [_cells(one, found) for one in found.steps]
    lines += ["", "| # | begun | took | outcome | what |", "|---:|---|---:|---|---|"]
    lines += _fitting([f"| {' | '.join(map(plain, one))} |" for one in rows], "| ")
    return "\n".join(lines) + "\n"


ROOM = 5_000
"""Bytes of a list: with a whole plan before it, it is to fit into a comment."""

LONGEST_LINE = 600


def _fitting(lines: list[str], start: str) -> list[str]:
    """As many as have room, and how many more there are."""
    room, shown = ROOM, 0
    while shown < len(lines) and (room := room - len(lines[shown].encode()) - 1) >= 0:
        shown += 1
    left = len(lines) - shown
    return lines[:shown] + ([f"{start}and {left:,} more: `esplan show PLAN`"] if left else [])
