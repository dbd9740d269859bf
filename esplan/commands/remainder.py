"""Say in a plan how many documents `migrate.query` leaves out that go with the old index."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from esplan import checksum, planfile
from esplan.checksum.versions import UNKNOWN
from esplan.errors import ServerError

if TYPE_CHECKING:
    from esplan.cluster import Cluster
    from esplan.model import JSON
    from esplan.plan import Plan, Step


def noted(cluster: Cluster, made: Plan) -> Plan:
    """The plan with its warnings; one count for each copy whose source is deleted afterwards."""
    deleted = {step.arguments["index"] for step in made.steps if step.kind == "delete_index"}
    said = [
        _said(step, _left_out(cluster, step.arguments["source"], query))
        for step in made.steps
        if step.kind == "reindex" and step.arguments["source"] in deleted
        if (query := _query(step))
    ]
    said = [one for one in said if one]
    return planfile.sealed(replace(made, warnings=(*made.warnings, *said))) if said else made


def _query(step: Step) -> JSON:
    found: JSON = (step.request or {})["body"]["source"].get("query", {})
    return found


def _left_out(cluster: Cluster, index: str, query: JSON) -> int | None:
    """As many as do not match it now; None where that cannot be found out."""
    try:
        checksum.refresh(cluster, [index])
        return checksum.count(cluster, index, {"bool": {"must_not": [query]}})
    except ServerError as error:
        if error.status not in UNKNOWN:
            raise
        return None


def _said(step: Step, documents: int | None) -> str:
    """Nothing where every document is copied."""
    if documents == 0:
        return ""
    number = "an unknown number of" if documents is None else f"{documents:,}"
    noun = "document" if documents == 1 else "documents"
    return (
        f"{step.address}: {number} {noun} of {step.arguments['source']} that migrate.query leaves "
        "out will be deleted with it (finish.delete_old)"
    )
