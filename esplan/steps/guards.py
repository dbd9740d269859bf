"""The plan's own aliases on its new indices, where a switch by hand has left them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.plan import GUARD
from esplan.steps.request import fenced, send_request
from esplan.steps.update_aliases import memberships

if TYPE_CHECKING:
    from esplan.model import JSON
    from esplan.plan import Step
    from esplan.run import Run


def left(switch: Step, run: Run) -> list[JSON]:
    """`{index, alias}` of the guards that the switch takes off and that are still there.

    esplan's own switch takes them off in the same call: one that is there was not part of it.
    """
    actions = (switch.request or {})["body"]["actions"]
    removed = [one["remove"] for one in actions if "remove" in one]
    guards = [one for one in removed if one["alias"].startswith(GUARD)]
    if not guards:
        return []
    now = memberships(run.cluster, {one["alias"] for one in guards})
    return [one for one in guards if one["index"] in now[one["alias"]]]


def take_off(switch: Step, run: Run, indices: set[str]) -> None:
    """Take the guards off these indices, if they are there."""
    found = [{"remove": one} for one in left(switch, run) if one["index"] in indices]
    if found:
        send_request(fenced(found), run, run.opaque_id(switch))
