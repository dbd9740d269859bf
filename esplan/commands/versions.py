"""Say in a plan where a copy would begin versions anew, or a backfill raise them, that are set."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from esplan import checksum, planfile
from esplan.checksum import versions

if TYPE_CHECKING:
    from esplan.cluster import Cluster
    from esplan.model import JSON
    from esplan.plan import Plan, Step


def noted(cluster: Cluster, made: Plan) -> Plan:
    """The plan with its warnings; it asks at once about all steps that do not keep them."""
    steps = [(step, source) for step in made.steps if (source := _source(step, made))]
    if not steps:
        return made
    sources = sorted({source for _, source in steps})
    found = versions.look_at(cluster, sources)
    high = {name: one for name, one in found.items() if one["max"] > 1}
    marks = checksum.marks(cluster, sorted(high)) if high else {}
    known = {name for name, one in high.items() if versions.are_set(one, marks[name])}
    said = [_said(step, name, high[name]) for step, name in steps if name in known]
    return planfile.sealed(replace(made, warnings=(*made.warnings, *said))) if said else made


def _source(step: Step, made: Plan) -> str:
    """The index that is there whose versions the step does not keep; empty where it does.

    A backfill may fill a clone of that index, which has its versions.
    """
    if step.kind == "backfill":
        return made.change(step.address).index or ""
    return step.arguments["source"] if step.kind == "reindex" and not _keeps(step) else ""


def _keeps(step: Step) -> bool:
    return "version_type" in (step.request or {})["body"]["dest"]


COPIED = (
    "A copy begins at 1 again, and a late write with an old version would win; "
    "migrate.versions: keep copies them"
)

FILLED = (
    "A backfill raises each by one, and a client's next write with that version is refused (409); "
    "without `backfill` they stay"
)


def _said(step: Step, source: str, found: JSON) -> str:
    return (
        f"{step.address}: documents of {source} have versions up to {int(found['max']):,}, "
        "more than its writes account for: clients may set them (version_type: external). "
        + (FILLED if step.kind == "backfill" else COPIED)
    )
