"""Cluster → the numbers of every index, in four requests whatever their number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from esplan.errors import EsplanError
from esplan.normalize import MARK, THROWAWAY, is_throwaway
from esplan.sizing.model import Copy, Sizing

if TYPE_CHECKING:
    from typing import Any, Protocol

    from esplan.model import JSON

    class Reader(Protocol):
        """What this module needs of a Cluster: a read."""

        def read(self, path: str, params: dict[str, Any] | None = None) -> Any:
            """GET, and None for 404."""


METADATA = ",".join(
    f"metadata.indices.*.{name}"
    for name in (
        "state",
        "routing_num_shards",
        "settings.index.number_of_shards",
        "settings.index.number_of_replicas",
        "settings.index.auto_expand_replicas",
        f"mappings.*._meta.{MARK}.{THROWAWAY}",
    )
)
STATS = "indices.*.primaries.docs,indices.*.*.store.size_in_bytes"
SEGMENTS = "indices.*.shards.*.routing,indices.*.shards.*.segments.*.s*"
"""`size_in_bytes` and `search` of each segment: what `_cat/segments` is made of."""


@dataclass(frozen=True)
class Answers:
    """The server's raw answers, each by the name of the index, and the number of data nodes."""

    metadata: JSON
    stats: JSON
    segments: JSON
    data_nodes: int


def path(pattern: str) -> str:
    """The path of a pattern: names, wildcards, aliases, date mathematics, a list of them."""
    return "/" + ",".join(quote(part.strip(), safe="*") for part in pattern.split(","))


def read(cluster: Reader, pattern: str) -> Answers:
    """The answers for an index, an alias, a wildcard, or a list of these.

    Hidden and closed indices are read too, but not the oracle's throwaways. Raises EsplanError
    when a name in the pattern does not exist, or when nothing matches.
    """
    where = path(pattern)
    if not pattern.strip(" ,"):
        raise _nothing(pattern)
    stats = cluster.read(
        f"{where}/_stats/docs,store",
        {"expand_wildcards": "all", "forbid_closed_indices": "false", "filter_path": STATS},
    )
    if stats is None:
        raise _nothing(_missing(cluster, pattern))
    metadata = cluster.read(
        f"/_cluster/state/metadata{where}", {"expand_wildcards": "all", "filter_path": METADATA}
    )
    segments = cluster.read(
        f"{where}/_segments",
        {"expand_wildcards": "all", "ignore_unavailable": "true", "filter_path": SEGMENTS},
    )
    health = cluster.read("/_cluster/health", {"filter_path": "number_of_data_nodes"})
    return Answers(
        metadata=_lasting((metadata or {}).get("metadata", {}).get("indices", {})),
        stats=stats.get("indices", {}),
        segments=(segments or {}).get("indices", {}),
        data_nodes=(health or {}).get("number_of_data_nodes", 1),
    )


def _lasting(found: JSON) -> JSON:
    """Without what the oracle made: it is gone before anybody reads of it."""
    types = {name: one.get("mappings", {}).values() for name, one in found.items()}
    return {n: one for n, one in found.items() if not any(map(is_throwaway, types[n]))}


def _missing(cluster: Reader, pattern: str) -> str:
    """The names in a list that do not exist: the server names the first at most."""
    parts = [part.strip() for part in pattern.split(",")]
    asked = {part: f"{path(part)}/_stats/store" for part in parts if not part.startswith("-")}
    params = {"expand_wildcards": "all", "forbid_closed_indices": "false", "filter_path": "_shards"}
    gone = [part for part, where in asked.items() if cluster.read(where, params) is None]
    return ", ".join(gone) or pattern


def _nothing(pattern: str) -> EsplanError:
    return EsplanError(
        f"no index matches {pattern!r}",
        code="ESP-1007",
        remedy="`esplan sizing` without a pattern lists every index",
    )


def measured(answers: Answers, pattern: str = "") -> list[Sizing]:
    """Every index by name, without advice. Raises EsplanError if `pattern` matched nothing."""
    if pattern and not answers.metadata:
        raise _nothing(pattern)
    return [_sizing(name, raw, answers) for name, raw in sorted(answers.metadata.items())]


def _sizing(name: str, raw: JSON, answers: Answers) -> Sizing:
    settings = raw["settings"]["index"]
    stats = answers.stats.get(name, {})
    is_open = raw["state"] == "open"
    # The server counts no documents in a closed index: it says 0.
    documents = stats.get("primaries", {}).get("docs", {}) if is_open else {}
    return Sizing(
        name=name,
        is_open=is_open,
        shards=int(settings["number_of_shards"]),
        replicas=int(settings["number_of_replicas"]),
        routing_shards=raw["routing_num_shards"],
        expands=settings.get("auto_expand_replicas", "false") != "false",
        primary_bytes=_store(stats, "primaries"),
        total_bytes=_store(stats, "total"),
        documents=documents.get("count"),
        deleted=documents.get("deleted"),
        copies=tuple(_copies(answers.segments.get(name, {}))),
    )


def _store(stats: JSON, which: str) -> int | None:
    found: int | None = stats.get(which, {}).get("store", {}).get("size_in_bytes")
    return found


def _copies(raw: JSON) -> list[Copy]:
    return [
        _copy(int(number), one)
        for number, group in sorted(raw.get("shards", {}).items())
        for one in group
    ]


def _copy(number: int, raw: JSON) -> Copy:
    """A copy without segments has no `segments` in a filtered answer."""
    segments = raw.get("segments", {}).values()
    return Copy(
        shard=number,
        is_primary=raw["routing"]["primary"],
        node=raw["routing"]["node"],
        segments=len(segments),
        searchable=sum(one["search"] for one in segments),
        size=sum(one["size_in_bytes"] for one in segments),
    )
