"""Set dynamic settings of an open index, or any that are not final of a closed one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.plan import Phase, Step
from esplan.request import index_path, request
from esplan.steps.request import index_now, send, send_request

if TYPE_CHECKING:
    from esplan.model import JSON
    from esplan.run import Run

REPEAT = False


def describe(
    address: str,
    index: str,
    settings: JSON,
    before: JSON,
    preconditions: tuple[JSON, ...],
    *,
    phase: Phase = "switch",
) -> Step:
    """`before` holds the values to go back to; None is the server's default."""
    names = ", ".join(
        f"{name.removeprefix('index.')} = {_said(settings[name])}" for name in settings
    )
    return Step(
        kind="update_settings",
        phase=phase,
        address=address,
        description=f"set {names} on {index}",
        request=request("PUT", index_path(index, "/_settings"), settings),
        preconditions=preconditions,
        undo={"request": request("PUT", index_path(index, "/_settings"), before)},
        arguments={"index": index},
    )


def _said(value: object) -> object:
    return "the default" if value is None else value


def probe(step: Step, run: Run) -> bool:
    """Every setting has its value; None is met by absence."""
    index = index_now(step, run)
    if index is None:
        return False
    wanted = (step.request or {})["body"]
    return all(index.body.settings.get(name) == value for name, value in wanted.items())


def execute(step: Step, run: Run) -> JSON:
    """Sent as planned."""
    send(step, run)
    return {}


def undo(step: Step, run: Run) -> None:
    """The values of before, on a run that was not released, or on a copy that is filled further."""
    index = index_now(step, run)
    planned = [one["uuid"] for one in step.preconditions if one["check"] == "index"]
    if index is None or not (index.uuid in planned or index.mark == run.mark(step.address)):
        return
    if probe(step, run):
        send_request(step.undo["request"], run, run.opaque_id(step))
