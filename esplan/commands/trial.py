"""Ask the server, while a plan is made, whether it takes the definitions of the new indices.

A missing module, an older version or another distribution shows in the plan then, and not in the
release window. The server is asked to simulate a template, which stores nothing.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from esplan.errors import EsplanError, ServerError
from esplan.plan import digest

if TYPE_CHECKING:
    from esplan.cluster import Cluster
    from esplan.model import JSON
    from esplan.plan import Plan, Step

CREATE = "create_index"
PATH = "/_index_template/_simulate"
NOBODY = {"index_patterns": ["esplan-trial-of-a-definition"], "priority": 2_000_000_011}
"""A template for no index, with a priority that no other has: two equal ones are refused."""

ANSWERS_NOT = frozenset({403, 405})
"""No privilege (`manage_index_templates`), or a version without the request: nothing is known."""


UNTRIED = ("routing_partition_size", "write.wait_for_active_shards")
"""Settings that a simulated index, which has one shard and no replica, has too few copies for."""


def refuse_unaccepted(cluster: Cluster, made: Plan) -> None:
    """Raises EsplanError for definitions of new indices that the server would refuse.

    One request for each that is different: thousands of indices often share a few.
    """
    alike: dict[str, list[Step]] = defaultdict(list)
    for step in made.steps:
        if step.kind == CREATE:
            alike[digest(_template(_body(step)))].append(step)
    found = ((refusal(cluster, _body(steps[0])), steps) for steps in alike.values())
    refused = [(why, [step.address for step in steps]) for why, steps in found if why]
    if refused:
        server = f"{made.cluster['distribution']} {made.cluster['version']}"
        addresses = ", ".join(one for _, several in refused for one in several)
        raise EsplanError(
            f"{server} does not take the definition of {addresses}",
            why="\n".join(why for why, _ in refused),
            remedy="correct the desired file: this version, or its plugins, lack what it asks for",
        )


def _body(step: Step) -> JSON:
    body: JSON = (step.request or {}).get("body") or {}
    return body


def _template(body: JSON) -> JSON:
    """The body as a template has it, without what is esplan's own and of one index alone."""
    settings = {n: v for n, v in body.get("settings", {}).items() if not n.endswith(UNTRIED)}
    mappings = {n: v for n, v in body.get("mappings", {}).items() if n != "_meta"}
    return {"settings": settings, "mappings": mappings}


def refusal(cluster: Cluster, body: JSON) -> str:
    """Why the server would refuse to make an index of this body; empty where it would not.

    It is empty, too, where esplan may not ask.
    """
    try:
        cluster.read(PATH, body={**NOBODY, "template": _template(body)})
    except ServerError as error:
        if error.status in ANSWERS_NOT:
            return ""
        if error.status == 400:  # noqa: PLR2004  (HTTP's own number)
            return error.what
        raise
    return ""
