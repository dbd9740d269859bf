"""Add fields, or change updateable parameters, in place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import diff
from esplan.model import Body
from esplan.plan import Step
from esplan.request import index_path, request
from esplan.steps.request import index_now, send

if TYPE_CHECKING:
    from esplan.model import JSON
    from esplan.run import Run

REPEAT = False

UNFINISHED = "unfinished"
"""The argument: fields that a later step of the same plan brings into the documents that are there.
The same request says so in the mapping's `_meta`, until that step has ended."""


def describe(address: str, index: str, mappings: JSON, preconditions: tuple[JSON, ...]) -> Step:
    """`mappings` holds whole fields: an omitted updateable parameter would be reset."""
    return Step(
        kind="put_mapping",
        phase="switch",
        address=address,
        description=f"update the mapping of {index} in place",
        request=request("PUT", index_path(index, "/_mapping"), mappings),
        preconditions=preconditions,
        undo={"none": "Elasticsearch cannot remove a field from a mapping"},
        arguments={"index": index},
    )


def probe(step: Step, run: Run) -> bool:
    """The live mapping, as far as the files speak of it, is the wanted one."""
    after = run.plan.change(step.address).after
    index = index_now(step, run)
    if index is None:
        return False
    wanted = Body({}, after["mappings"])
    if not set(step.arguments.get(UNFINISHED, ())) <= {*index.unfinished}:
        return False
    return bool(diff.projected(index.body, wanted)["mappings"] == after["mappings"])


def execute(step: Step, run: Run) -> JSON:
    """Sent as planned."""
    send(step, run)
    return {}


def undo(_step: Step, _run: Run) -> None:
    """Not possible: see the step's own `undo`."""
