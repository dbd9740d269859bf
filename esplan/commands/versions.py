"""Say in a plan where a copy would begin versions anew that clients have set."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from esplan import checksum, planfile
from esplan.checksum import versions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.cluster import Cluster
    from esplan.plan import Plan, Step


def noted(cluster: Cluster, made: Plan) -> Plan:
    """The plan with its warnings; one search for each copy that does not keep them."""
    copies = (step for step in made.steps if step.kind == "reindex")
    said = [one for step in copies for one in _said(cluster, step)]
    return planfile.sealed(replace(made, warnings=(*made.warnings, *said))) if said else made


def _said(cluster: Cluster, step: Step) -> Iterator[str]:
    source = step.arguments["source"]
    if "version_type" in (step.request or {})["body"]["dest"]:
        return
    found = versions.look(cluster, source)
    if found is None or not versions.are_set(found, checksum.marks(cluster, [source])[source]):
        return
    yield (
        f"{step.address}: documents of {source} have versions up to {int(found['max']):,}, more "
        "than its writes account for: clients may set them (version_type: external). A copy "
        "begins at 1 again, and a late write with an old version would win; "
        "migrate.versions: keep copies them"
    )
