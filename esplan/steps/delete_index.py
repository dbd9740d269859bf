"""Delete the old index, in a fenced call of its own, after the switch."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from esplan.errors import Refused, ServerError
from esplan.plan import Step
from esplan.steps import heirs
from esplan.steps.request import fenced, index_now, send
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

SETTLING = 1.0
"""Seconds: a request that met the alias just before the switch still goes to the old index.

Deleted at once, requests fail; deleted a second later, none did (seen under 4 clients).
"""


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


def asked(index: str, preconditions: Sequence[JSON], options: JSON | None = None) -> JSON:
    """Ask for the delete, and let the cluster assert that each alias is on its heir meanwhile.

    Otherwise an alias that a person has just put back would go with the old index. `options`: as
    `{alias: {heir: options}}`, what each has now; a plan has none in their place.
    """
    known = options or {}
    actions: list[JSON] = []
    for one in preconditions:
        if one["check"] == "alias" and len(one["on"]) == 1:
            (heir,) = one["on"]
            on = {"index": heir, "alias": one["alias"]}
            actions.append({"remove": {**on, "must_exist": True}})
            actions.append({"add": {**on, **known.get(one["alias"], {}).get(heir, {})}})
    return fenced([*actions, {"remove_index": {"index": index}}])


def probe(step: Step, run: Run) -> bool:
    """The index with that UUID is gone. Another one of the same name is not ours to delete."""
    index = index_now(step, run)
    return index is None or index.uuid != step.arguments["uuid"]


def execute(step: Step, run: Run) -> JSON:
    """Sent as planned, under the fence, when the last requests to the old index are through."""
    time.sleep(SETTLING)
    run.safe_point()
    index = index_now(step, run)
    if index and index.protect:
        raise Refused(
            f"{index.name} is protected, so it is not deleted",
            code="ESP-4010",
            why="its mapping's _meta.esplan.protect is true, since the plan or longer",
            remedy="set protect: false in its desired file, and make a new plan",
        )
    if index and index.aliases:  # the preconditions were looked at before the pause
        raise Refused(
            f"{index.name} serves {', '.join(sorted(index.aliases))} now, so it is not deleted",
            code="ESP-4601",
            remedy="somebody put the alias on it just now: ask, then make a new plan",
        )
    if why := still_unsafe(step, run, index):
        raise heirs.refused(step, index, why)
    try:
        _send(step, run)
    except ServerError as error:
        if error.status != ABSENT:
            raise
        raise heirs.refused(
            step, index, [f"an alias has just left its index: {error.why}"]
        ) from None
    return {}


def _send(step: Step, run: Run) -> None:
    """A user with a limited role beside a whole one may name no alias there (seen on 8.16.1)."""
    try:
        send(_as_it_is(step, run), run)
    except ServerError as error:
        if error.type != LIMITED:
            raise
        send(replace(step, request=asked(step.arguments["index"], ())), run)


def _as_it_is(step: Step, run: Run) -> Step:
    """With the options that the aliases have now: they are put on again as they are."""
    aliases = [one["alias"] for one in step.preconditions if one["check"] == "alias"]
    if not aliases:
        return step
    options = memberships(run.cluster, aliases)
    return replace(step, request=asked(step.arguments["index"], step.preconditions, options))


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
