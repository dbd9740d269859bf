"""Delete the old index, in a fenced call of its own, after the switch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from esplan.errors import Refused, ServerError
from esplan.plan import GUARD, Step
from esplan.steps import heirs, settling
from esplan.steps.request import fenced, index_now, send, send_request
from esplan.steps.update_aliases import memberships

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.model import JSON, Index
    from esplan.run import Run

REPEAT = False

LIMITED = "security_exception"
"""The type of the refusal of an alias request by document or field level security."""

ABSENT = 404
"""How the cluster refuses the call where an alias, or the fence, is not where it asserts it."""

HOLD = GUARD + "{plan}-heir"
"""A hidden alias on the heir while it is looked at last: an index made anew does not have it."""


def describe(address: str, index: Index, preconditions: tuple[JSON, ...]) -> Step:
    """Never in the switch's own call: requests in flight to the old index would fail."""
    return Step(
        kind="delete_index",
        phase="finish",
        address=address,
        description=f"delete the old index {index.name}",
        request=asked(index.name, preconditions),
        preconditions=preconditions,
        undo={"none": "a deleted index is gone: restore it from a snapshot"},
        estimate={"documents": index.documents, "bytes": index.size},
        arguments={"index": index.name, "uuid": index.uuid},
    )


def asked(
    index: str, preconditions: Sequence[JSON], options: JSON | None = None, hold: str = ""
) -> JSON:
    """Ask for the delete, and let the cluster assert that each alias is on its heir meanwhile.

    Otherwise an alias that a person has just put back would go with the old index. `options`: as
    `{alias: {heir: options}}`, what each has now; a plan has none in their place. `hold`: an alias
    that each heir must have, and loses.
    """
    known = options or {}
    actions = [{"remove": {**one, "must_exist": True}} for one in _on_heirs(preconditions, hold)]
    for one in preconditions:
        if one["check"] == "alias" and len(one["on"]) == 1:
            (heir,) = one["on"]
            on = {"index": heir, "alias": one["alias"]}
            actions.append({"remove": {**on, "must_exist": True}})
            actions.append({"add": {**on, **known.get(one["alias"], {}).get(heir, {})}})
    return fenced([*actions, {"remove_index": {"index": index}}])


def _on_heirs(preconditions: Sequence[JSON], hold: str) -> list[JSON]:
    names = dict.fromkeys(one["index"] for one in preconditions if one["check"] == "heir")
    return [{"index": name, "alias": hold} for name in names] if hold else []


def probe(step: Step, run: Run) -> bool:
    """The index with that UUID is gone. Another one of the same name is not ours to delete."""
    index = index_now(step, run)
    return index is None or index.uuid != step.arguments["uuid"]


def execute(step: Step, run: Run) -> JSON:
    """Sent as planned, under the fence, when the last requests to the old index are through."""
    settling.wait()
    run.safe_point()
    try:
        hold = _hold(step, run)
        _require_safe(step, run, index_now(step, run))
        _send(step, run, hold)
    except ServerError as error:
        if error.status != ABSENT:
            raise
        why = [f"an alias has just left its index, or the index is gone: {error.why}"]
        raise heirs.refused(step, index_now(step, run), why) from None
    return {}


def _hold(step: Step, run: Run) -> str:
    """Mark the heirs, before they are looked at; empty where no user may, or there are none."""
    hold = HOLD.format(plan=run.plan.id)
    marks = _on_heirs(step.preconditions, hold)
    if not marks:
        return ""
    request = fenced([{"add": {**one, "is_hidden": True}} for one in marks])
    try:
        send_request(request, run, run.opaque_id(step))
    except ServerError as error:
        if error.type != LIMITED:
            raise
        return ""
    return hold


def let_go(step: Step, run: Run) -> None:
    """Take the mark off the heirs where a delete that did not happen has left it."""
    marks = _on_heirs(step.preconditions, HOLD.format(plan=run.plan.id))
    if not marks:
        return
    on = memberships(run.cluster, [marks[0]["alias"]])[marks[0]["alias"]]
    gone = [{"remove": one} for one in marks if one["index"] in on]
    if gone:
        send_request(fenced(gone), run, run.opaque_id(step))


def _require_safe(step: Step, run: Run, index: Index | None) -> None:
    """What the preconditions looked at before the pause."""
    if index and index.protect:
        raise Refused(
            f"{index.name} is protected, so it is not deleted",
            code="ESP-4010",
            why="its mapping's _meta.esplan.protect is true, since the plan or longer",
            remedy="set protect: false in its desired file, and make a new plan",
        )
    if index and index.aliases:
        raise Refused(
            f"{index.name} serves {', '.join(sorted(index.aliases))} now, so it is not deleted",
            code="ESP-4601",
            remedy="somebody put the alias on it just now: ask, then make a new plan",
        )
    if why := still_unsafe(step, run, index):
        raise heirs.refused(step, index, why)


def _send(step: Step, run: Run, hold: str) -> None:
    """A user with a limited role beside a whole one may name no alias there (seen on 8.16.1).

    Of the aliases such a call then asserts nothing but the mark, where that could be put on.
    """
    try:
        send(_as_it_is(step, run, hold), run)
    except ServerError as error:
        if error.type != LIMITED:
            raise
        checks = [one for one in step.preconditions if one["check"] != "alias"]
        request = asked(step.arguments["index"], checks, hold=hold)
        send(replace(step, request=request), run)


def _as_it_is(step: Step, run: Run, hold: str) -> Step:
    """With the options that the aliases have now: they are put on again as they are."""
    aliases = [one["alias"] for one in step.preconditions if one["check"] == "alias"]
    options = memberships(run.cluster, aliases) if aliases else {}
    request = asked(step.arguments["index"], step.preconditions, options, hold)
    return replace(step, request=request)


def still_unsafe(step: Step, run: Run, index: Index | None) -> list[str]:
    """What the preconditions found about both indices, once more: they came before the pause."""
    found = []
    for one in step.preconditions:
        address = one.get("address", step.address)
        if one["check"] == "heir":
            found.append(heirs.heir(one, run, address))
        if one["check"] == "left":
            found.append(heirs.left(one, run, address, index))
    return [why for why in found if why]


def undo(_step: Step, _run: Run) -> None:
    """Not possible: see the step's own `undo`."""
