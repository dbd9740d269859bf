"""Whether whoever plans is shown the whole of what the plan is about."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from esplan import limits, planfile
from esplan.plan import LONG_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from esplan.cluster import Cluster
    from esplan.plan import Change, Plan


def tried(cluster: Cluster, made: Plan) -> Plan:
    """The plan, with a warning where the server does not say what it hides.

    Raises Refused where the roles of these credentials hide documents of an index that the plan
    changes, or fields of one that it names: these look as if they were not there.
    """
    changed = [one for one in made.changes if one.action != "no-op"]
    rights = limits.require(cluster, _indices(changed))
    limits.refuse(rights, _indices(made.changes), fields_only=True)
    reads = any(step.kind in LONG_KINDS for step in made.steps)
    if not (rights.unknown and reads):
        return made
    said = f"{rights.unknown}; apply compares the numbers, which show hidden documents"
    return planfile.sealed(replace(made, warnings=(*made.warnings, said)))


def _indices(changes: Iterable[Change]) -> set[str]:
    return {name for one in changes for name in (one.index, one.target) if name}
