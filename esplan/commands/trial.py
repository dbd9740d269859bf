"""Ask the server, while a plan is made, whether it takes the definitions that indices will have.

A missing module, an older version or another distribution shows in the plan then, and not in the
release window. The server is asked to simulate a template, which stores nothing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from esplan import diff, live, planfile
from esplan.errors import BLOCKED, FORBIDDEN, EsplanError, ServerError
from esplan.plan import digest
from esplan.privileges import SIMULATE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from esplan.cluster import Cluster
    from esplan.model import JSON
    from esplan.plan import Plan, Step

PATH = "/_index_template/_simulate"
NOBODY = {"index_patterns": ["esplan-trial-of-a-definition"], "priority": 2_000_000_011}
"""A template for no index, with a priority that no other has: two equal ones are refused."""

ABSENT = 405
"""A version without the request: nothing is known."""

UNTRIED_PLAN = (
    "whether this server takes the definitions was not tried: the credentials lack the cluster "
    f"privilege {SIMULATE}, which stores nothing"
)

UNTRIED = ("routing_partition_size", "write.wait_for_active_shards")
"""Settings that a simulated index, which has one shard and no replica, has too few copies for."""


ROOM = {
    "index.mapping.depth.limit": "100",
    "index.mapping.nested_fields.limit": "100000",
    "index.mapping.total_fields.limit": "1000000",
}
"""For an index that is there: a limit is about new fields alone, and may be below what there is."""


@dataclass(frozen=True)
class _Trial:
    """The definition of an index after the plan, and before it (None: a new index)."""

    address: str
    before: JSON | None
    after: JSON


def tried(cluster: Cluster, made: Plan) -> Plan:
    """The plan, with a warning where the credentials may not ask.

    Raises EsplanError for definitions that the server would refuse.
    """
    try:
        refuse_unaccepted(cluster, made)
    except ServerError as error:
        if error.status != FORBIDDEN or error.type == BLOCKED:
            raise
        return planfile.sealed(replace(made, warnings=(*made.warnings, UNTRIED_PLAN)))
    return made


def refuse_unaccepted(cluster: Cluster, made: Plan) -> None:
    """Raises EsplanError for definitions that the server would refuse.

    One request for each that is different: thousands of indices often share a few. Where an index
    changes, two; what a trial refuses already as it is, it knows nothing about.
    """
    alike: dict[str, list[_Trial]] = defaultdict(list)
    for one in _trials(cluster, made):
        alike[digest([_template(one.before or {}), _template(one.after)])].append(one)
    found = ((_refused(cluster, several[0]), several) for several in alike.values())
    refused = [(why, [one.address for one in several]) for why, several in found if why]
    if refused:
        server = f"{made.cluster['distribution']} {made.cluster['version']}"
        addresses = ", ".join(one for _, several in refused for one in several)
        raise EsplanError(
            f"{server} does not take the definition of {addresses}",
            code="ESP-3203",
            why="\n".join(why for why, _ in refused),
            remedy="correct the desired file: this version, or its plugins, lack what it asks for",
        )


def _refused(cluster: Cluster, one: _Trial) -> str:
    """Why the change would be refused; empty where it would not, or where nothing is known."""
    why = refusal(cluster, one.after)
    return "" if why and one.before and refusal(cluster, one.before) else why


def _trials(cluster: Cluster, made: Plan) -> list[_Trial]:
    """Every definition that a step makes or changes: its steps add up."""
    steps = [step for step in made.steps if step.kind in AFTER]
    was = _live(cluster, steps)
    now = {name: _Trial("", body, body) for name, body in was.items()}
    for step in steps:
        before = now.get(_source(step), _Trial("", None, {}))
        after = AFTER[step.kind](before.after, (step.request or {}).get("body") or {})
        after = _roomy(after) if before.before else after
        now[step.arguments["index"]] = _Trial(step.address, before.before, after)
    return [one for one in now.values() if one.address]


def _source(step: Step) -> str:
    """The index whose definition the step begins with."""
    return str(step.arguments.get("source") or step.arguments["index"])


def _live(cluster: Cluster, steps: Sequence[Step]) -> dict[str, JSON]:
    """The definitions that are changed, as they are. Nothing is read where all are new."""
    made = {
        step.arguments["index"] for step in steps if step.kind in ("create_index", "resize_index")
    }
    names = {_source(step) for step in steps} - made
    found = live.read_indices(cluster, sorted(names)) if names else {}
    return {name: _roomy(diff.shown(index.body)) for name, index in found.items()}


def _roomy(body: JSON) -> JSON:
    return {**body, "settings": {**body["settings"], **ROOM}}


def _put(before: JSON, mappings: JSON) -> JSON:
    return {**before, "mappings": _merged(before.get("mappings", {}), mappings)}


def _set(before: JSON, settings: JSON) -> JSON:
    both = {**before.get("settings", {}), **settings}
    return {**before, "settings": {name: v for name, v in both.items() if v is not None}}


AFTER: dict[str, Callable[[JSON, JSON], JSON]] = {
    "create_index": lambda _before, body: body,
    "put_mapping": _put,
    "resize_index": lambda before, body: _set(before, body.get("settings", {})),
    "update_settings": _set,
}
"""What the request of a step makes of a definition."""


def _merged(one: Any, other: Any) -> Any:
    """Objects have the keys of both; else the later is it."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return other
    return {**one, **{name: _merged(one.get(name), value) for name, value in other.items()}}


def _template(body: JSON) -> JSON:
    """The body as a template has it, without what is esplan's own and of one index alone."""
    settings = {n: v for n, v in body.get("settings", {}).items() if not n.endswith(UNTRIED)}
    mappings = {n: v for n, v in body.get("mappings", {}).items() if n != "_meta"}
    return {"settings": settings, "mappings": mappings}


def refusal(cluster: Cluster, body: JSON) -> str:
    """Why the server would refuse to make an index of this body; empty where it would not.

    It is empty, too, where the server cannot say. Raises ServerError where esplan may not ask.
    """
    try:
        cluster.read(PATH, body={**NOBODY, "template": _template(body)})
    except ServerError as error:
        if error.status == ABSENT:
            return ""
        if error.status == 400:  # noqa: PLR2004  (HTTP's own number)
            return error.what
        raise
    return ""
