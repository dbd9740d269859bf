"""Cluster → State: what is there now, in three requests whatever the number of indices."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from esplan import normalize, roots
from esplan.errors import EsplanError, Refused, Unreachable
from esplan.model import JSON, Alias, Body, Index, State
from esplan.request import batches, there

if TYPE_CHECKING:
    from typing import Any, Protocol

    class Reader(Protocol):
        """What this module needs of a Cluster: a read."""

        def read(
            self, path: str, params: dict[str, Any] | None = None, body: JSON | None = None
        ) -> Any:
            """GET (POST with a body), and None for 404."""


EVERYTHING = "/*,-.*"
"""Every index, hidden and closed ones too, but not the server's own (their names have a dot)."""


@dataclass(frozen=True)
class ClusterInfo:
    """Which cluster this is. `uuid` never changes; names and URLs do."""

    name: str
    uuid: str
    version: str
    distribution: str


def cluster_info(cluster: Reader) -> ClusterInfo:
    """Name, UUID, version and distribution, from `GET /`."""
    root = cluster.read("/")
    if root is None or "cluster_uuid" not in root:
        raise Unreachable(
            "the server does not say which cluster it is (GET / has no answer)",
            code="ESP-3004",
            remedy="esplan needs a server with the rest-root module: any ordinary distribution",
        )
    version = root["version"]
    return ClusterInfo(
        name=root["cluster_name"],
        uuid=root["cluster_uuid"],
        version=version["number"],
        distribution=version.get("distribution", "elasticsearch"),
    )


def require_cluster(cluster: Reader, uuid: str) -> None:
    """Refuse to work on another cluster than the chosen environment's `cluster_uuid`."""
    info = cluster_info(cluster) if uuid else None
    if info and info.uuid != uuid:
        raise Refused(
            f"this is the cluster {info.name} ({info.uuid}), and the environment's is {uuid}",
            code="ESP-4004",
            remedy="check url and cluster_uuid in esplan.yaml, and --url",
        )


def read_state(cluster: Reader) -> State:
    """Every index with its aliases, and every alias with its indices.

    One `GET` of all (one cluster state, so consistent in itself) and one filtered `_stats`; and a
    search for the number of documents where some are nested.
    """
    definitions = there(cluster.read(EVERYTHING, {"expand_wildcards": "all"}), EVERYTHING)
    found = state(definitions, read_stats(cluster))
    return replace(found, indices=roots.counted(cluster, found.indices))


def read_stats(cluster: Reader) -> JSON:
    """Documents and bytes of the primaries of every open index, by name.

    With security on, a wildcard also means the aliases of closed indices, and these are an error
    unless they are ignored.
    """
    path = "/_stats/docs,store"
    answer = cluster.read(
        path,
        {
            "expand_wildcards": "open,hidden",
            "ignore_unavailable": "true",
            "filter_path": "indices.*.primaries.docs.count,indices.*.primaries.store.size_in_bytes",
        },
    )
    found: JSON = there(answer, path).get("indices", {})
    return found


def state(definitions: JSON, stats: JSON) -> State:
    """A State from the two answers, without the indices that the oracle asks with."""
    kept = {
        name: raw
        for name, raw in definitions.items()
        if not normalize.is_throwaway(raw.get("mappings", {}))
    }
    indices = {name: index(name, raw, stats.get(name, {})) for name, raw in kept.items()}
    return State(indices, aliases(indices))


def index(name: str, raw: JSON, stats: JSON) -> Index:
    """One index from its part of `GET /_all` and of `_stats`."""
    settings, mappings = raw.get("settings", {}), raw.get("mappings", {})
    try:
        body = _without_nulls(normalize.body(settings, mappings))
    except ValueError as error:
        raise EsplanError(
            f"the definition of the index {name} cannot be read",
            code="ESP-3401",
            why=str(error),
            remedy="this esplan does not know that form: use a newer one, or report it",
        ) from None
    primaries = stats.get("primaries", {})
    return Index(
        name=name,
        body=body,
        aliases={a: normalize.alias_options(o) for a, o in raw.get("aliases", {}).items()},
        uuid=settings.get("index", {}).get("uuid", ""),
        documents=primaries.get("docs", {}).get("count"),
        size=primaries.get("store", {}).get("size_in_bytes"),
        is_open=settings.get("index", {}).get("verified_before_close") != "true",
        created=settings.get("index", {}).get("version", {}).get("created", ""),
        mark=normalize.mark(mappings),
        protect=normalize.is_protected(mappings),
        transform=normalize.transformed(mappings),
        unfinished=normalize.unfinished(mappings),
    )


def _without_nulls(body: Body) -> Body:
    """A resize stores the nulls that it was sent, and GET returns them: they mean the default."""
    if None not in body.settings.values():
        return body
    return replace(body, settings={n: v for n, v in body.settings.items() if v is not None})


def aliases(indices: dict[str, Index]) -> dict[str, Alias]:
    """The same facts seen from the aliases; the body is that of an only member."""
    members: dict[str, list[str]] = defaultdict(list)
    for one in indices.values():
        for name in one.aliases:
            members[name].append(one.name)
    return {name: _alias(name, sorted(on), indices) for name, on in members.items()}


def _alias(name: str, on: list[str], indices: dict[str, Index]) -> Alias:
    first = indices[on[0]]
    return Alias(name, first.aliases[name], tuple(on), first.body)


def read_indices(cluster: Reader, names: list[str]) -> dict[str, Index]:
    """Some indices by concrete name, as they are now; those that do not exist are left out."""
    found: dict[str, Index] = {}
    for some in batches(names):
        path = "/" + ",".join(quote(name, safe="") for name in some)
        answer = cluster.read(path, {"ignore_unavailable": "true", "expand_wildcards": "all"})
        wanted = set(some)
        read = {name: raw for name, raw in there(answer, path).items() if name in wanted}
        found |= {name: index(name, raw, {}) for name, raw in read.items()}
    return found
