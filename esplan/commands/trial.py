"""Ask the server, while a plan is made, whether it takes the definitions of the new indices.

A missing module, an older version or another distribution shows in the plan then, and not in the
release window. The server is asked to simulate a template, which stores nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.errors import EsplanError, ServerError

if TYPE_CHECKING:
    from esplan.cluster import Cluster
    from esplan.model import JSON
    from esplan.plan import Plan

CREATE = "create_index"
PATH = "/_index_template/_simulate"
NOBODY = {"index_patterns": ["esplan-trial-of-a-definition"], "priority": 2_000_000_011}
"""A template for no index, with a priority that no other has: two equal ones are refused."""

ANSWERS_NOT = frozenset({403, 405})
"""No privilege (`manage_index_templates`), or a version without the request: nothing is known."""


UNTRIED = ("routing_partition_size", "write.wait_for_active_shards")
"""Settings that a simulated index, which has one shard and no replica, has too few copies for."""


def refuse_unaccepted(cluster: Cluster, made: Plan) -> None:
    """Raises EsplanError for definitions of new indices that the server would refuse."""
    bodies = {s.address: s.request["body"] for s in made.steps if s.kind == CREATE and s.request}
    reasons = {address: refusal(cluster, body) for address, body in bodies.items()}
    refused = {address: reason for address, reason in reasons.items() if reason}
    if refused:
        server = f"{made.cluster['distribution']} {made.cluster['version']}"
        raise EsplanError(
            f"{server} does not take the definition of {', '.join(refused)}",
            why="\n".join(refused.values()),
            remedy="correct the desired file: this version, or its plugins, lack what it asks for",
        )


def refusal(cluster: Cluster, body: JSON) -> str:
    """Why the server would refuse to make an index of this body; empty where it would not.

    It is empty, too, where esplan may not ask.
    """
    settings = {n: v for n, v in body.get("settings", {}).items() if not n.endswith(UNTRIED)}
    template = {"settings": settings, "mappings": body.get("mappings", {})}
    try:
        cluster.read(PATH, body={**NOBODY, "template": template})
    except ServerError as error:
        if error.status in ANSWERS_NOT:
            return ""
        if error.status == 400:  # noqa: PLR2004  (HTTP's own number)
            return error.what
        raise
    return ""
