"""What a plan says of its objects, steps and consents, in words: the same in every view of it.

Every line is clean of control characters; a view with markup of its own has to escape it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from esplan import safety
from esplan.views import estimate
from esplan.views.clean import clean, count, size, value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from esplan.model import JSON
    from esplan.plan import Change, Plan, Step

SYMBOLS = {"create": "+", "update": "~", "replace": "-/+", "delete": "-", "no-op": " "}

PHASES = {
    "prepare": "clients do not notice it",
    "switch": "clients move to what is new",
    "finish": "what comes after the switch",
}
"""What a phase is to clients."""

FEW = 20
"""Fields and settings of a new object that are named; a plan file has all of them."""

VERDICTS = {
    "agrees": "answers as the rules say",
    "stricter": "where the rules are stricter",
    "disagrees": "where a rule is wrong",
    "lacking": "without an answer",
}

COPIES = ("reindex", "remote_copy", "remote_reindex")
"""The kinds of step that copy every document."""


def number(many: int, what: str) -> str:
    """`1 step`, `2 steps`, `2 indices`."""
    plural = "indices" if what == "index" else f"{what}s"
    return f"{many:,} {what if many == 1 else plural}"


def listed(names: Sequence[str], most: int | None = FEW) -> str:
    """With commas; how many more there are than are named."""
    more = 0 if most is None else len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


# Objects


def moves(change: Change) -> str:
    """From which index to which: `replace: a_green → a_blue (reindex)`."""
    where = change.target if change.index is None else change.index
    if change.action == "replace":
        where = f"{change.index} → {change.target}"
    return clean(f"{change.action}: {where} ({change.route})")


def by_object(plan: Plan) -> dict[str, list[Step]]:
    """The steps of every object: its own, and the delete of the index that it leaves."""
    found: dict[str, list[Step]] = {change.address: [] for change in plan.changes}
    leaving: dict[str | None, list[str]] = defaultdict(list)
    for change in plan.changes:
        leaving[change.index].append(change.address)
    for step in plan.steps:
        left = leaving[step.arguments["index"]] if step.kind == "delete_index" else []
        for address in dict.fromkeys([step.address, *left]):
            found.setdefault(address, []).append(step)
    return found


def together(plan: Plan, change: Change) -> str:
    """Of an object that changes in one call with others; empty for one that does not."""
    switch = plan.groups.get(change.address)
    return f"in one call with the others of {clean(switch.address)}: all or none" if switch else ""


def discarded(change: Change, steps: Sequence[Step]) -> Iterator[str]:
    """The one consequence that nobody may overlook."""
    for step in steps:
        if "discards" in step.arguments:
            documents = count(step.arguments["discards"])
            yield f"DISCARDS {documents} documents: {clean(str(change.target))} begins empty"


def consequences(change: Change, steps: Sequence[Step], most: int | None = FEW) -> Iterator[str]:
    """How much is copied, who waits, and what is gone afterwards. `most`: names in a list."""
    kinds = {step.kind: step for step in steps}
    if change.action == "create" and change.route != "release":
        yield from _created(change.after, most)
    yield from _copied(change, kinds)
    yield from _waiting(change, kinds)
    if filled := kinds.get("backfill"):
        documents, fields = filled.estimate.get("documents"), filled.arguments["fields"]
        yield f"fills {clean(', '.join(fields))} in {count(documents)} documents"
    yield from estimate.long_steps(list(steps))
    if delete := kinds.get("delete_index"):
        yield f"deletes {clean(delete.arguments['index'])} at the end: this cannot be undone"
    elif change.action == "replace":
        yield f"keeps {clean(str(change.index))}"


def _created(after: JSON, most: int | None) -> Iterator[str]:
    """What a new object is made of; the steps of the plan file have all of it."""
    settings = [f"{clean(name)} = {value(one)}" for name, one in sorted(after["settings"].items())]
    if settings:
        yield f"settings: {listed(settings, most)}"
    fields = [clean(name) for name in sorted(after["mappings"]["properties"])]
    yield f"fields: {listed(fields, most) or 'none declared'}"


def _copied(change: Change, kinds: dict[str, Step]) -> Iterator[str]:
    if copy := kinds.get("reindex"):
        documents, much = copy.estimate.get("documents"), copy.estimate.get("bytes")
        shards = copy.estimate.get("shards")
        much = f"{size(much)}, {number(shards, 'shard')}" if shards else size(much)
        most = "copies up to" if "query" in (copy.request or {})["body"]["source"] else "copies"
        yield f"{most} {count(documents)} documents ({much}), then proves the copy equal"
    if carried := kinds.get("remote_copy") or kinds.get("remote_reindex"):
        yield from _carried(change, carried)


def _carried(change: Change, copy: Step) -> Iterator[str]:
    """From where, and what that means for the index that is here."""
    much = f"{count(copy.estimate['documents'])} documents ({size(copy.estimate['bytes'])})"
    origin, label = copy.arguments["origin"], clean(copy.arguments["source"])
    how = "this cluster reads it" if copy.kind == "remote_reindex" else "esplan carries them"
    yield f"copies {much} from another cluster, {label} at {clean(origin['url'])}: {how}"
    yield "then proves the copy equal to it"
    if change.index:
        yield f"takes no document of {clean(change.index)}"


def _waiting(change: Change, kinds: dict[str, Step]) -> Iterator[str]:
    """What clients see of it."""
    index = clean(str(change.index))
    if "catch_up" in kinds:
        yield f"clients write to {index} on; for about a second they cannot"
    elif "reindex" in kinds:
        yield f"clients cannot write to {index} from the copy to the switch"
    if "resize_index" in kinds:
        yield f"clients cannot write to {index} until the switch"
    if "close_index" in kinds:
        yield f"{index} serves nobody from its close until it is open again"


# Steps


def undo(step: Step) -> str:
    """`yes`, `no: why`, or `-` for a step that changes nothing."""
    if "request" in step.undo:
        return "yes"
    if step.request is None or step.request["method"] == "GET":
        return "-"
    return f"no: {clean(step.undo['none'])}"


def deleted(plan: Plan) -> list[str]:
    """The indices that are gone after the plan: leftovers, and those that an alias leaves."""
    return [step.arguments["index"] for step in plan.steps if step.kind == "delete_index"]


def copied(plan: Plan) -> str:
    """How many documents all copies take: `336,776`, `at least 3`; `0` where nothing is copied."""
    counts = [step.estimate.get("documents") for step in plan.steps if step.kind in COPIES]
    known = sum(one for one in counts if one is not None)
    return f"at least {known:,}" if None in counts else f"{known:,}"


# The whole plan


def cluster(plan: Plan) -> str:
    """`prod (elasticsearch 8.16.1)`."""
    found = plan.cluster
    return clean(f"{found['name']} ({found['distribution']} {found['version']})")


def nothing(plan: Plan) -> str:
    """Nothing to do; a warning says where that is not because all is as wanted."""
    same = len(plan.changes)
    if not same:
        return "No changes: there is nothing to do."
    verb, left = ("is", "as it is") if same == 1 else ("are", "as they are")
    said = f"left {left}" if plan.warnings or plan.drift else "as the files say"
    return f"No changes: {number(same, 'object')} {verb} {said}."


def refusals(plan: Plan) -> tuple[list[str], list[str]]:
    """Why apply will refuse the plan; and why it will only carry it out with an option."""
    needs = safety.needs(plan)
    refused = [need["why"] for need in needs if need["consent"] != safety.MANY]
    optional = [need["why"] for need in needs if need["consent"] == safety.MANY]
    return (
        [clean(f"apply will refuse this plan: {why}") for why in refused],
        [clean(f"apply will need --allow-many: {why}") for why in optional],
    )


def left(one: JSON) -> str:
    """Of what is not as the files say, and stays so; `esplan drift` says since when."""
    return clean(f"{one['address']}: {one['index']} {one['path']}: {one['rule']}")


def asked(plan: Plan) -> tuple[str, list[str]]:
    """What the oracle said, if it was asked: in short, and each answer that is not as the rules."""
    verdicts = [one["verdict"] for one in plan.oracle]
    if not verdicts:
        return "", []
    counts = [f"{verdicts.count(one)} {said}" for one, said in VERDICTS.items() if one in verdicts]
    others = [one for one in plan.oracle if one["verdict"] != "agrees"]
    summary = f"Asked the server ({clean(plan.cluster['version'])}): {', '.join(counts)}"
    return summary, [_answer(one) for one in others]


def _answer(one: JSON) -> str:
    said = f"{one['address']}: {one['question']} rule: {one['rule']}; server: {one['server']}"
    return f"{one['verdict']}: {clean(said)}"
