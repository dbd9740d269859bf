"""Plans, status and errors as text for a terminal or a log."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from esplan import safety
from esplan.errors import InvalidInput
from esplan.views import estimate, sample
from esplan.views.clean import LINES, clean, count, duration, size, value
from esplan.views.scripts import scripts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from esplan.commands.apply import Outcome
    from esplan.commands.status import Status, Task
    from esplan.commands.throttle import Throttled
    from esplan.commands.validate import Validation
    from esplan.errors import Diagnostic, EsplanError
    from esplan.holder import Holder
    from esplan.model import JSON
    from esplan.plan import Change, Plan, Reason, Step
    from esplan.state_index import Unfinished

SYMBOLS = {"create": "+", "update": "~", "replace": "-/+", "delete": "-", "no-op": " "}
STYLES = {
    "create": "green",
    "update": "yellow",
    "replace": "magenta",
    "delete": "red",
    "no-op": "dim",
}


def plan(plan: Plan, path: str = "") -> Iterator[RenderableType]:
    """A plan as a person reviews it: what, why, how much, in which steps, what cannot be undone."""
    yield _heading(plan)
    changed = [change for change in plan.changes if change.action != "no-op"]
    same = len(plan.changes) - len(changed)
    for change in changed:
        yield from _change(change, plan)
    if not changed:
        yield from _nothing(plan, same)
        return
    if same:
        yield Text(f"\n{_number(same, 'object')} unchanged", style="dim")
    yield from _steps(plan)
    yield from scripts(plan)
    yield from _warnings(plan)
    yield from _drift(plan)
    yield from _asked(plan)
    yield from _ending(plan, path)


def _nothing(plan: Plan, same: int) -> Iterator[Text]:
    """Nothing to do; a warning says where that is not because all is as wanted."""
    yield from _warnings(plan)
    yield from _drift(plan)
    if not plan.changes:
        yield Text("\nNo changes: there is nothing to do.")
        return
    verb, left = ("is", "as it is") if same == 1 else ("are", "as they are")
    said = f"left {left}" if plan.warnings or plan.drift else "as the files say"
    yield Text(f"\nNo changes: {_number(same, 'object')} {verb} {said}.")


def _number(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _heading(plan: Plan) -> Text:
    cluster = plan.cluster
    said = f"{cluster['name']} ({cluster['distribution']} {cluster['version']})"
    return Text(f"Plan for the cluster {clean(said)}, made {clean(plan.created_at)}", "bold")


def _change(change: Change, plan: Plan) -> Iterator[Text]:
    moves = change.target if change.index is None else change.index
    if change.action == "replace":
        moves = f"{change.index} → {change.target}"
    title = f"{SYMBOLS[change.action]:>3} {change.address}  {change.action}: {moves}"
    yield Text(f"\n{clean(f'{title} ({change.route})')}", STYLES[change.action])
    for reason in change.reasons:
        yield from _reason(reason)
    steps = [step for step in plan.steps if _is_about(step, change)]
    yield from _discarded(change, steps)
    yield from (Text(f"      {line}") for line in _consequences(change, steps))
    yield from (Text(f"      {line}") for line in sample.lines(change.sample))
    if switch := plan.groups.get(change.address):
        yield Text(f"      in one call with the others of {clean(switch.address)}: all or none")


def _is_about(step: Step, change: Change) -> bool:
    """Its own; and the delete of its old index, which another one of its group may do."""
    gone = step.kind == "delete_index" and step.arguments["index"] == change.index
    return gone or step.address == change.address


def _reason(reason: Reason) -> Iterator[Text]:
    values = f"{value(reason.before)} → {value(reason.after)}"
    yield Text(f"      {clean(reason.path)}: {values}")
    yield Text(f"        {clean(reason.route)}: {clean(reason.rule)}", "dim")


def _discarded(change: Change, steps: list[Step]) -> Iterator[Text]:
    """The one consequence that nobody may overlook."""
    lost = [step.arguments["discards"] for step in steps if "discards" in step.arguments]
    for documents in lost:
        said = f"DISCARDS {count(documents)} documents: {clean(str(change.target))} begins empty"
        yield Text(f"      {said}", "bold red")


def _consequences(change: Change, steps: list[Step]) -> Iterator[str]:
    """How much is copied, who waits, and what is gone afterwards."""
    kinds = {step.kind: step for step in steps}
    if change.action == "create" and change.route != "release":
        yield from _created(change.after)
    if copy := kinds.get("reindex"):
        documents, much = copy.estimate.get("documents"), copy.estimate.get("bytes")
        shards = copy.estimate.get("shards")
        much = f"{size(much)}, {_number(shards, 'shard')}" if shards else size(much)
        most = "copies up to" if "query" in (copy.request or {})["body"]["source"] else "copies"
        yield f"{most} {count(documents)} documents ({much}), then proves the copy equal"
    yield from _carried(change, kinds.get("remote_copy") or kinds.get("remote_reindex"))
    if "catch_up" in kinds:
        yield f"clients write to {clean(str(change.index))} on; for about a second they cannot"
    elif copy:
        yield f"clients cannot write to {clean(str(change.index))} from the copy to the switch"
    if kinds.get("resize_index"):
        yield f"clients cannot write to {clean(str(change.index))} until the switch"
    if kinds.get("close_index"):
        yield f"{clean(str(change.index))} serves nobody from its close until it is open again"
    if filled := kinds.get("backfill"):
        documents, fields = filled.estimate.get("documents"), filled.arguments["fields"]
        yield f"fills {clean(', '.join(fields))} in {count(documents)} documents"
    yield from estimate.long_steps(steps)
    if delete := kinds.get("delete_index"):
        yield f"deletes {clean(delete.arguments['index'])} at the end: this cannot be undone"
    elif change.action == "replace":
        yield f"keeps {clean(str(change.index))}"


def _carried(change: Change, copy: Step | None) -> Iterator[str]:
    """From where, and what that means for the index that is here."""
    if copy is None:
        return
    much = f"{count(copy.estimate['documents'])} documents ({size(copy.estimate['bytes'])})"
    origin, label = copy.arguments["origin"], clean(copy.arguments["source"])
    how = "this cluster reads it" if copy.kind == "remote_reindex" else "esplan carries them"
    yield f"copies {much} from another cluster, {label} at {clean(origin['url'])}: {how}"
    yield "then proves the copy equal to it"
    if change.index:
        yield f"takes no document of {clean(change.index)}"


def _created(after: JSON) -> Iterator[str]:
    """What a new object is made of; the steps of the plan file have all of it."""
    settings = after["settings"].items()
    if settings:
        yield "settings: " + ", ".join(f"{clean(name)} = {value(one)}" for name, one in settings)
    fields = after["mappings"]["properties"]
    yield "fields: " + (", ".join(map(clean, fields)) or "none declared")


def _steps(plan: Plan) -> Iterator[RenderableType]:
    yield Text("\nSteps", "bold")
    table = Table(box=None, pad_edge=False, show_header=True, header_style="dim")
    for name in ("#", "phase", "what", "can be undone"):
        table.add_column(name, overflow="fold")
    for number, step in enumerate(plan.steps, 1):
        described = Text(clean(step.description))
        table.add_row(str(number), step.phase, described, Text(_undo(step)))
    yield table


def _undo(step: Step) -> str:
    if "request" in step.undo:
        return "yes"
    if step.request is None or step.request["method"] == "GET":
        return "-"
    return f"no: {clean(step.undo['none'])}"


def _warnings(plan: Plan) -> Iterator[Text]:
    needed = [_need(need) for need in safety.needs(plan)]
    if needed or plan.warnings:
        yield Text("\nWarnings", "bold yellow")
    yield from (Text(f"  {clean(need)}", "bold") for need in needed)
    yield from (Text(f"  {clean(warning)}") for warning in plan.warnings)


def _drift(plan: Plan) -> Iterator[Text]:
    """What stays as it is; `esplan drift` says since when."""
    if plan.drift:
        yield Text(
            "\nNot as the files say, and not changed by this plan (see esplan drift)", "bold"
        )
    for one in plan.drift:
        said = f"{one['address']}: {one['index']} {one['path']}: {one['rule']}"
        yield Text(f"  {clean(said)}")


def _asked(plan: Plan) -> Iterator[Text]:
    """What the oracle said. A disagreement is a warning of the plan, too."""
    if not plan.oracle:
        return
    verdicts = [one["verdict"] for one in plan.oracle]
    counts = ", ".join(
        f"{verdicts.count(name)} {said}" for name, said in VERDICTS.items() if name in verdicts
    )
    yield Text(f"\nAsked the server ({clean(plan.cluster['version'])}): {counts}")
    for one in plan.oracle:
        if one["verdict"] != "agrees":
            said = (
                f"{one['address']}: {one['question']} rule: {one['rule']}; server: {one['server']}"
            )
            yield Text(f"  {one['verdict']}: {clean(said)}", "dim")


VERDICTS = {
    "agrees": "answers as the rules say",
    "stricter": "where the rules are stricter",
    "disagrees": "where a rule is wrong",
    "lacking": "without an answer",
}


def _need(need: JSON) -> str:
    if need["consent"] == safety.MANY:
        return f"apply will need --allow-many: {need['why']}"
    return f"apply will refuse this plan: {need['why']}"


def _ending(plan: Plan, path: str) -> Iterator[Text]:
    total = plan.summary
    for number, line in enumerate(estimate.whole(plan)):
        yield Text(f"{'' if number else chr(10)}{line}")
    yield Text(
        f"\nPlan: {total['create']} to create, {total['update']} to update, "
        f"{total['replace']} to replace, {total['delete']} to delete; "
        f"{_number(len(plan.steps), 'step')}.",
        "bold",
    )
    yield Text(f"Digest: {plan.digest}")
    if path:
        yield Text(f"Saved in {path}; carry it out with: esplan apply {path}")
    else:
        yield Text("Not saved: give -o FILE to keep this plan for esplan apply.", "dim")


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
    files = _number(found.files, "file")
    return Text(f"Valid: {files} with {_number(found.aliases + found.indices, 'object')}.", "green")


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
    said = f"Applied: {_number(outcome.steps, 'step')} in {duration(outcome.seconds)}."
    if outcome.remaining:
        later = _number(outcome.remaining, "step")
        said += f" Left for later phases: {later}; apply the plan again for them."
    return Text(said, "green")


def abandoned() -> Text:
    """After `apply --abandon`."""
    return Text("Taken back: what this plan began and did not switch.")


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
