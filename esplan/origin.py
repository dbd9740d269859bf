"""The index of another cluster that a new index is filled from (`migrate.from`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from esplan import kept, limits, live, roots, synthetic
from esplan.checksum.side import Side
from esplan.errors import Refused, ServerError
from esplan.model import UNNUMBERED
from esplan.request import index_path

if TYPE_CHECKING:
    from esplan.cluster import Cluster
    from esplan.live import ClusterInfo, Reader
    from esplan.model import JSON, Index, Remote

Via = Literal["cluster", "client"]

WHITELISTS = ("whitelist", "allowlist")
"""How Elasticsearch calls it, and how OpenSearch does, too."""

HIDES_VECTORS = 9
"""From this version on a search does not return them."""

VECTORS = frozenset({"dense_vector", "sparse_vector", "rank_vectors"})
"""Those of Elasticsearch."""


@dataclass(frozen=True)
class Origin:
    """What the plan saw there. `name` is the alias or index that was asked for."""

    environment: str
    url: str
    cluster: ClusterInfo
    name: str
    index: Index
    via: Via
    signed_in: bool = False

    @property
    def label(self) -> str:
        """The index as messages, proofs and marks name it."""
        return f"{self.environment}:{self.index.name}"

    @property
    def window(self) -> int:
        """The most documents that a search there returns."""
        return int(self.index.body.settings.get("index.max_result_window") or Side.window)

    def to_json(self) -> JSON:
        """What a step needs to find it again, and to know that it is still the same."""
        return {
            "environment": self.environment,
            "url": self.url,
            "cluster": self.cluster.uuid,
            "name": self.name,
            "index": self.index.name,
            "uuid": self.index.uuid,
        }


def read(here: Reader, other: Cluster, wanted: Remote, alias: str) -> Origin | None:
    """Look at the other cluster; None where it is this one: an environment copies from itself.

    Raises Refused where there is no such index, or its documents cannot be copied.
    """
    info, own = live.cluster_info(other), live.cluster_info(here)
    if info.uuid == own.uuid:
        return None
    name = wanted.index or alias
    index = _index(other, wanted.environment, name)
    connection = other.connection
    via = _via(here, other, wanted)
    if via == "client" and index.body.unnumbered:
        raise Refused(
            f"esplan cannot carry the documents of {wanted.environment}:{index.name}",
            code="ESP-4311",
            why=f"it has no sequence numbers ({UNNUMBERED}) to go on by where it was",
            remedy="let this cluster read the other one: reindex.remote.whitelist",
        )
    limits.require(other, [index.name], label=wanted.environment)
    if via == "client" and (hidden := kept.hidden_types(index.body.mappings)):
        _refuse_hidden(info, f"{wanted.environment}:{index.name}", hidden)
    signed_in = bool(connection.api_key or connection.username)
    return Origin(wanted.environment, connection.url, info, name, index, via, signed_in)


def _refuse_hidden(info: ClusterInfo, label: str, types: list[str]) -> None:
    """Older versions of Elasticsearch show every vector that they know."""
    is_elasticsearch = info.distribution == "elasticsearch"
    hides = not is_elasticsearch or int(info.version.partition(".")[0]) >= HIDES_VECTORS
    if hides or not VECTORS.issuperset(types):
        raise Refused(
            f"{label} has fields that version {info.version} may not show to a client: "
            f"{', '.join(types)}",
            code="ESP-4311",
            remedy="let this cluster copy it: allow the other one in reindex.remote.whitelist",
        )


def changed(other: Cluster, origin: JSON) -> str:
    """Why it is not what the plan was made from any more; empty where it is."""
    environment, info = origin["environment"], live.cluster_info(other)
    if info.uuid != origin["cluster"]:
        return (
            f"the environment {environment} is another cluster now: {info.name} ({info.uuid}), "
            f"and the plan was made for {origin['cluster']}"
        )
    found = _behind(other, origin["name"])
    if list(found) != [origin["index"]]:
        on = ", ".join(sorted(found)) or "nothing"
        return f"{origin['name']} in {environment} is {on} now, not {origin['index']}"
    uuid = found[origin["index"]]["settings"]["index"]["uuid"]
    return "" if uuid == origin["uuid"] else f"{origin['index']} in {environment} is a new index"


def _behind(other: Cluster, name: str) -> JSON:
    """The concrete indices of a name; {} where there is none."""
    return dict(other.read(index_path(name), {"expand_wildcards": "all"}) or {})


def _index(other: Cluster, environment: str, name: str) -> Index:
    found = _behind(other, name)
    where = f"the environment {environment} ({other.connection.url})"
    if len(found) != 1:
        on = f"is on {len(found)} indices: {', '.join(sorted(found))}" if found else "is not there"
        raise Refused(
            f"{name} {on}, in {where}",
            code="ESP-4105",
            why="migrate.from copies one index",
            remedy="name an alias or index there: migrate.from.index",
        )
    ((own, raw),) = found.items()
    stats = other.read(index_path(own, "/_stats/docs,store")) or {"indices": {}}
    index = live.index(own, raw, stats["indices"].get(own, {}))
    index = roots.counted(other, {own: index})[own]
    lossy = index.body.lossy
    frozen = kept.is_frozen(index.body.settings)
    made = synthetic.unsure(index.body.settings, index.body.mappings)
    if lossy or made or frozen or not index.is_open:
        why = "it does not keep the whole _source" if lossy else made or "it is closed"
        why = "it is frozen, and searches leave it out" if frozen else why
        raise Refused(
            f"{own} cannot be copied, in {where}",
            code="ESP-4110",
            why=why,
            remedy="load the new index from where the data came from, or name another index",
        )
    return index


def _via(here: Reader, other: Cluster, wanted: Remote) -> Via:
    """This cluster may read the other one if it is told so; a client certificate it has not."""
    if wanted.via == "client":
        return "client"
    is_allowed = allowed(whitelist(here), other.connection.url)
    if wanted.via == "cluster" and not is_allowed:
        raise Refused(
            f"this cluster may not copy from {_host(other.connection.url)}",
            code="ESP-4312",
            why="reindex.remote.whitelist in its elasticsearch.yml does not have it",
            remedy="add it there on every node; or leave migrate.from.via out: "
            "then esplan carries the documents",
        )
    return "cluster" if is_allowed and not other.connection.client_cert else "client"


def whitelist(here: Reader) -> list[str]:
    """`host:port` patterns from which this cluster may reindex; [] where it does not say so."""
    params = {"include_defaults": "true", "filter_path": "*.reindex.remote"}
    try:
        answer = here.read("/_cluster/settings", params) or {}
    except ServerError:
        return []
    found: list[str] = []
    for part in answer.values():
        lists = part["reindex"]["remote"]
        for name in WHITELISTS:
            given = lists.get(name) or []
            found += given if isinstance(given, list) else [given]
    return found


def allowed(patterns: list[str], url: str) -> bool:
    """Whether one of the patterns means the cluster of this URL: only * is a wildcard."""
    host = _host(url)
    wild = (".*".join(re.escape(part) for part in one.split("*")) for one in patterns)
    return any(re.fullmatch(one, host) for one in wild)


def _host(url: str) -> str:
    return urlsplit(url).netloc
