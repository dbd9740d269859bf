"""What the credentials may do, against what plan and apply need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from esplan.doctor.facts import Facts, Privileges
from esplan.plan import STATE_INDEX
from esplan.privileges import APPLYING, CHANGE, LOOK, applying

if TYPE_CHECKING:
    from esplan.cluster import Cluster
    from esplan.model import JSON

APPLY = (*CHANGE, *(name for name in APPLYING if name not in LOOK))
"""Apply needs these beside those of plan: of the cluster, of its indices and of esplan's own."""

ASKED = 500
"""Indices that one question names: the answer has a line for each."""


def managed(facts: Facts) -> list[str]:
    """The indices that a plan is likely to be about: behind an alias, or made by esplan."""
    found = [one.name for one in facts.indices.values() if one.served or one.mark]
    return sorted(found)[:ASKED]


def read_privileges(cluster: Cluster, facts: Facts) -> Privileges:
    """Ask the server's security what these credentials lack."""
    names = [*managed(facts), STATE_INDEX]
    index = {"names": names, "privileges": [*LOOK, *CHANGE]}
    body = {"cluster": list(APPLYING), "index": [index]}
    answer = cluster.read("/_security/user/_has_privileges", None, body) or {}
    return lacking(answer)


def lacking(answer: Any) -> Privileges:
    """The privileges that the answer of `_has_privileges` denies."""
    denied = {name: [p for p, has in one.items() if not has] for name, one in _given(answer)}
    plan = {n: [p for p in ps if p not in APPLY] for n, ps in denied.items() if n != STATE_INDEX}
    apply = {
        n: ps if n == STATE_INDEX else [p for p in ps if p in APPLY] for n, ps in denied.items()
    }
    return Privileges(answer["username"], _filled(plan), _filled(apply))


def _given(answer: Any) -> list[tuple[str, dict[str, bool]]]:
    return [("the cluster", answer["cluster"]), *sorted(answer["index"].items())]


def _filled(found: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: sorted(privileges) for name, privileges in found.items() if privileges}


def role(facts: Facts) -> JSON:
    """The body of `PUT /_security/role/NAME` that apply needs for the managed indices."""
    return applying(managed(facts) or ["<PATTERN>"]).body()
