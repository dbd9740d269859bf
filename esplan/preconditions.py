"""What must be true just before a step is sent: the checks of `esplan.checks` that it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import checksum, live, seen
from esplan.checks import BLOCK, CHECKS, Facts
from esplan.errors import Refused
from esplan.steps import draining, heirs, since_set, stood
from esplan.steps.request import index_now

if TYPE_CHECKING:
    from esplan.codes import Code
    from esplan.model import Index
    from esplan.plan import Step
    from esplan.run import Run


CHANGED = "the cluster has changed since the plan was made: make a new plan"
NO_ROOM = "make room on the disks (see `esplan doctor`) or add a data node, then apply again"

NEEDED = (
    "the switch stays, and so does the old index. If nobody needs these documents, delete it with "
    "`esplan maintain --allow-delete index.NAME`; migrate.on_rejected: skip says so beforehand"
)


EMPTY = (
    "correct migrate.query, migrate.script or the mapping; or say that the documents may be left "
    "behind: `migrate: {data: discard}` and --allow-discard"
)


def require(step: Step, run: Run) -> None:
    """Raise Refused with every precondition of the step that does not hold."""
    found = broken(step, run)
    if any(check == "whole" for check, _ in found):
        seen.require_whole(step, run)
    if found:
        checks = {check for check, _ in found}
        if step.kind == "delete_index" and checks != {"nothing_rejected"}:
            raise heirs.refused(step, index_now(step, run), [why for _, why in found])
        code, remedy = _advice(checks)
        raise Refused(
            f"step {step.id} ({step.description}) is not safe any more",
            code=code,
            why="; ".join(why for _, why in found),
            remedy=remedy,
        )
    seen.require(step, run)


def _make_durable(step: Step, run: Run) -> None:
    """Before the other checks, as it may take a while. Raises Incomplete."""
    names = [one["index"] for one in step.preconditions if one["check"] == "durable"]
    found = live.read_indices(run.cluster, names) if names else {}
    for index in found.values():
        if index.is_open:
            checksum.make_durable(run.cluster, index.name)


def broken(step: Step, run: Run) -> list[tuple[str, str]]:
    """Every precondition that does not hold, and why."""
    if not step.preconditions:
        return []
    names = sorted({p[key] for p in step.preconditions for key in ("index", "name") if key in p})
    _make_durable(step, run)
    indices = live.read_indices(run.cluster, names) if names else {}
    if _has_waited(step, run, indices):
        indices = live.read_indices(run.cluster, names)
    facts = Facts(step, run, indices)
    checked = [(p["check"], CHECKS[p["check"]](p, facts)) for p in step.preconditions]
    return [(check, why) for check, why in checked if why]


def _has_waited(step: Step, run: Run, indices: dict[str, Index]) -> bool:
    """Drain write blocks that were set anew since they drained, before anything else is looked at.

    A bulk that was let in meanwhile has ended then, and the marks of the proof show it.
    """
    names = [one["index"] for one in step.preconditions if one["check"] == "write_blocked"]
    found = [indices[name] for name in dict.fromkeys(names) if name in indices]
    blocked = [one for one in found if one.body.settings.get(BLOCK) == "true"]
    waited = [draining.settle(run, one) for one in blocked]
    return any(waited)


def _advice(broken: set[str]) -> tuple[Code, str]:
    """The code and the remedy; that of a stale plan where more than one check does not hold."""
    special: dict[str, tuple[Code, str]] = {
        "continuous": ("ESP-4515", heirs.REPLACED),
        "filled": ("ESP-4617", EMPTY),
        "fits": ("ESP-4602", NO_ROOM),
        "set": (since_set.CODE, since_set.REMEDY),
        "stood": ("ESP-4516", stood.REMEDY),
        "nothing_rejected": ("ESP-4603", NEEDED),
    }
    only = next(iter(broken)) if len(broken) == 1 else ""
    return special.get(only, ("ESP-4601", CHANGED))
