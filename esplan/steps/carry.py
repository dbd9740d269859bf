"""Carry over to a new index what was added to the mapping of the old one since the plan.

Clients map new fields by writing, and people add some by hand. It is done before documents are
copied, again in each round of a catch-up, and again just before the switch.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from esplan import live, whole
from esplan.errors import OutcomeUnknown, Refused, ServerError
from esplan.request import index_path
from esplan.steps import protect_index

if TYPE_CHECKING:
    from esplan.diff import Difference
    from esplan.model import JSON
    from esplan.plan import Step
    from esplan.run import Run
    from esplan.whole import Addition

BAD_REQUEST = 400
REMEDY = "correct the mapping of one of them, or put the field in the desired file; then plan again"


def over(step: Step, run: Run) -> JSON:
    """Evidence: what was carried over, by index. Raises Refused where the target differs."""
    addresses = step.arguments.get("members") or (step.address,)
    found = dict(one for address in addresses if (one := _over(step, run, address)))
    return {"carried": found} if found else {}


def _over(step: Step, run: Run, address: str) -> tuple[str, list[str]] | None:
    base = whole.of(run.plan, address)
    if base and step.kind == "update_aliases":
        _mark(step, run, base, address)
    added = base and _added(base, run, address, last=step.kind == "update_aliases")
    if not base or not added:
        return None
    _refuse_otherwise(base, added)
    if not added.body:
        return None
    _send(step, run, base, added)
    again = _added(base, run, address)
    if again and again.body:
        raise OutcomeUnknown(
            f"fields were added to {base['target']}, and are not there", code="ESP-5003"
        )
    names = f"{whole.listed(added.paths)} (added to {base['index']} since the plan was made)"
    run.listener.note(f"{base['target']} also gets {names}")
    return base["target"], added.paths


def _mark(step: Step, run: Run, base: JSON, address: str) -> None:
    """An index that was made by hard links has its source's `_meta`: say who has made it."""
    if not any(one.kind == "resize_index" and one.address == address for one in run.plan.steps):
        return
    index = live.read_indices(run.cluster, [base["target"]]).get(base["target"])
    if index is None or index.mark == run.mark(address):
        return
    meta = protect_index.meta(replace(index, mark=run.mark(address)))
    path = index_path(index.name, "/_mapping")
    run.change("PUT", path, {"_meta": meta}, opaque_id=run.opaque_id(step))


def _added(base: JSON, run: Run, address: str, *, last: bool = False) -> Addition | None:
    """None where one of the two is gone: another check says that.

    `last`: the switch is the next request. Raises Refused where the source was changed otherwise.
    """
    both = live.read_indices(run.cluster, [base["index"], base["target"]])
    source, target = both.get(base["index"]), both.get(base["target"])
    if source is None or target is None:
        return None
    if last and (why := whole.stale(base, source)):
        raise Refused(
            "the alias is not switched, because that is not safe any more",
            code="ESP-4601",
            why=why,
            remedy="the cluster has changed since the plan was made: make a new plan",
        )
    declared = (run.plan.change(address).after or {}).get("mappings", {})
    return whole.Addition(base, source.body.mappings, target.body.mappings, declared)


def _refuse_otherwise(base: JSON, added: Addition) -> None:
    if added.wrong:
        shown = added.wrong[: whole.SHOWN]
        raise Refused(
            f"{base['target']} has fields otherwise than {base['index']}, to which they were "
            "added since the plan was made",
            code="ESP-4615",
            why="; ".join(_otherwise(one, base) for one in shown),
            remedy=REMEDY,
        )


def _otherwise(one: Difference, base: JSON) -> str:
    live, target = whole.shown(one.before), whole.shown(one.after)
    path = ".".join(one.path)
    return f"{path} is {live} in {base['index']}, and {target} in {base['target']}"


def _send(step: Step, run: Run, base: JSON, added: Addition) -> None:
    path = index_path(base["target"], "/_mapping")
    try:
        run.change("PUT", path, added.body, opaque_id=run.opaque_id(step))
    except ServerError as error:
        if error.status != BAD_REQUEST:
            raise
        raise Refused(
            f"{base['target']} rejected fields that were added to {base['index']} since the plan "
            f"was made: {whole.listed(added.paths)}",
            code="ESP-4615",
            why=error.what,
            remedy=REMEDY,
        ) from None
