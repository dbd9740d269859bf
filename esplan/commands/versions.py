"""Say in a plan where a copy would begin versions anew that clients have set."""

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
    """The plan with its warnings; it asks about all copies that do not keep them at once."""
    copies = [step for step in made.steps if step.kind == "reindex" and not _keeps(step)]
    if not copies:
        return made
    sources = sorted({step.arguments["source"] for step in copies})
    found = versions.look_at(cluster, sources)
    high = {name: one for name, one in found.items() if one["max"] > 1}
    marks = checksum.marks(cluster, sorted(high)) if high else {}
    known = {name for name, one in high.items() if versions.are_set(one, marks[name])}
    said = [_said(step, high) for step in copies if step.arguments["source"] in known]
    return planfile.sealed(replace(made, warnings=(*made.warnings, *said))) if said else made


def _keeps(step: Step) -> bool:
    return "version_type" in (step.request or {})["body"]["dest"]


def _said(step: Step, found: dict[str, JSON]) -> str:
    source = step.arguments["source"]
    return (
        f"{step.address}: documents of {source} have versions up to {int(found[source]['max']):,}, "
        "more than its writes account for: clients may set them (version_type: external). A copy "
        "begins at 1 again, and a late write with an old version would win; "
        "migrate.versions: keep copies them"
    )
