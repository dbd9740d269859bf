"""Errors, status and last words as text for a terminal or a log."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.text import Text

from esplan.errors import InvalidInput
from esplan.views.clean import LINES, clean, duration
from esplan.views.words import number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.commands.apply import Outcome
    from esplan.commands.status import Status, Task
    from esplan.commands.throttle import Throttled
    from esplan.commands.validate import Validation
    from esplan.errors import Diagnostic, EsplanError
    from esplan.holder import Holder
    from esplan.model import JSON
    from esplan.state_index import Unfinished

# Errors and diagnostics


def error(error: EsplanError) -> Iterator[Text]:
    """What, where, why, what to do: a line each, and only those that say something.

    Last, the command that says more: about the codes of diagnostics, where there are any.
    """
    title = f"Error {error.code}: " if error.code else "Error: "
    yield Text.assemble((title, "bold red"), (clean(error.what, LINES), "bold"))
    for label, text in (("Where", error.where), ("Why", error.why), ("To do", error.remedy)):
        if text:
            yield Text.assemble((f"{label}: ", "dim"), clean(text, LINES))
    codes = {error.code}
    if isinstance(error, InvalidInput):
        codes = {one.code for one in error.diagnostics}
    if said := " ".join(sorted(filter(None, codes))):
        yield Text(f"More: esplan explain {said}", "dim")


def error_parts(error: EsplanError) -> JSON:
    """The same for programs; diagnostics whole."""
    parts: JSON = {
        "code": error.code,
        "what": error.what,
        "where": error.where,
        "why": error.why,
        "remedy": error.remedy,
    }
    if isinstance(error, InvalidInput):
        parts["diagnostics"] = [asdict(one) for one in error.diagnostics]
    return parts


def diagnostic(diagnostic: Diagnostic) -> Iterator[Text]:
    """`file:line:column: message [code]`, then the remedy."""
    code = f" [{diagnostic.code}]" if diagnostic.code else ""
    yield Text.assemble(clean(str(diagnostic)), (code, "dim"))
    if diagnostic.remedy:
        yield Text(f"    {clean(diagnostic.remedy)}", "dim")


def valid(found: Validation) -> Text:
    """After `validate` found nothing wrong."""
    files = number(found.files, "file")
    return Text(f"Valid: {files} with {number(found.aliases + found.indices, 'object')}.", "green")


# Status


def status(status: Status) -> Iterator[Text]:
    """Lock, unfinished applies, running tasks."""
    if status.holder is None:
        yield Text("Lock: free")
    else:
        dead = " (this process is gone: the next apply takes over)" if status.holder_is_dead else ""
        yield Text(f"Lock: {clean(str(status.holder))}{dead}")
        yield Text(f"  lock id {clean(status.holder.token)}", "dim")
    yield from map(_unfinished, status.unfinished)
    if not status.unfinished:
        yield Text("Unfinished applies: none")
    for plan in status.unreadable:
        yield Text(f"The journal of plan {clean(plan[:12])} in the cluster cannot be read")
    yield from map(_task, status.tasks)
    if not status.tasks:
        yield Text("Running tasks: none")


def _unfinished(apply: Unfinished) -> Text:
    return Text(
        f"Unfinished apply of plan {clean(apply.plan[:12])}: {apply.done} of {apply.steps} steps, "
        f"from {clean(apply.host)}, since {clean(apply.since)}, last sign {clean(apply.last)}"
    )


def _task(task: Task) -> Text:
    done = ""
    if task.total:
        done = f"{task.done:,} of {task.total:,} documents ({task.done / task.total:.0%}) "
    return Text(
        f"Running: {clean(task.description)}: {done}after {duration(task.seconds)}, "
        f"task {clean(task.id)}"
    )


# Last words


def applied(outcome: Outcome) -> Text:
    """What an apply did."""
    if outcome.already:
        return Text("Nothing to do: everything in this plan is done.")
    said = f"Applied: {number(outcome.steps, 'step')} in {duration(outcome.seconds)}."
    if outcome.remaining:
        later = number(outcome.remaining, "step")
        said += f" Left for later phases: {later}; apply the plan again for them."
    return Text(said, "green")


def abandoned(stays: list[str]) -> Text:
    """After `apply --abandon`; `stays`: what is in the cluster."""
    said = "Taken back: what this plan began and did not switch."
    return Text(said + (f"\nStays in the cluster: {'; '.join(stays)}." if stays else ""))


def throttled(found: Throttled) -> Text:
    """After `throttle`."""
    rate = "no limit" if found.rate < 0 else f"{found.rate:,g} documents a second"
    if found.paused and not found.tasks:
        tasks = ", ".join(map(clean, found.paused))
        return Text(f"The copy (task {tasks}) is paused, or at a crawl; when it goes on: {rate}.")
    if not found.tasks:
        return Text(f"No copy of this plan runs now; one that is started gets: {rate}.")
    tasks = ", ".join(map(clean, found.tasks))
    return Text(f"Running at {rate} now: task {tasks}.", "green")


def unlocked(holder: Holder) -> Text:
    """After `unlock`."""
    return Text(f"Removed the lock of {clean(str(holder))}.")
