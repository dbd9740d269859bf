"""The tasks that run in a cluster now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.errors import OutcomeUnknown
from esplan.request import there

if TYPE_CHECKING:
    from esplan.cluster import Cluster
    from esplan.model import JSON


def running(cluster: Cluster, actions: str, **parameters: str) -> dict[str, JSON]:
    """The tasks with one of these actions, by id, of every node that answers."""
    return _tasks(_read(cluster, actions, parameters))


def all_running(cluster: Cluster, actions: str) -> dict[str, JSON]:
    """The same, of every node. Raises OutcomeUnknown when one does not answer."""
    answer = _read(cluster, actions, {})
    if answer.get("node_failures"):
        raise OutcomeUnknown("a node does not answer which tasks it runs", code="ESP-3302")
    return _tasks(answer)


def _read(cluster: Cluster, actions: str, parameters: dict[str, str]) -> JSON:
    asked = {"actions": actions, "detailed": "true", **parameters}
    answer: JSON = there(cluster.read("/_tasks", asked), "/_tasks")
    return answer


def _tasks(answer: JSON) -> dict[str, JSON]:
    nodes = answer.get("nodes", {}).values()
    return {name: task for node in nodes for name, task in node["tasks"].items()}
