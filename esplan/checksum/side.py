"""One side of a comparison: what is known about an index before its documents are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from esplan import kept, synthetic
from esplan.checksum import missing, shards
from esplan.checksum.shards import present
from esplan.errors import Incomplete, Refused, ServerError, StepFailed, ViewLost
from esplan.model import UNNUMBERED
from esplan.request import batches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.checksum.report import Marks
    from esplan.cluster import Cluster
    from esplan.live import Reader
    from esplan.model import JSON

LONGEST_REQUEST = 600.0
"""Seconds. A request is cut to take a few; a loaded server may need longer."""

KEPT = "30m"
"""How long a point in time outlives its last use."""

HISTOGRAM_BUCKETS = 20_000
"""Well under `search.max_buckets` (65,536), and fine enough to cut a billion documents."""

FAST_CODECS = frozenset({"", "default", "legacy_default", "lz4"})
"""Others decompress a large block for every `_fields['_id']`: seen 50 times slower."""


@dataclass(frozen=True)
class Span:
    """A range of sequence numbers, `low` inclusive, `high` exclusive, and its documents.

    `pit`: the point in time to search, which is that of one shard; empty for the index as it is.
    """

    low: int
    high: int
    documents: int
    pit: str = ""

    def query(self) -> JSON:
        """The documents in the span, on all shards at once (each numbers its own)."""
        return {"range": {"_seq_no": {"gte": self.low, "lt": self.high}}}


@dataclass(frozen=True)
class Whole(Span):
    """All documents of an index that has no sequence numbers to cut it by."""

    def query(self) -> JSON:
        """Every document."""
        return {"match_all": {}}


@dataclass(frozen=True)
class Named:
    """Single documents, by `_id` or by `_seq_no`: as many as one request may ask for."""

    field: Literal["_id", "_seq_no"]
    values: tuple[str | int, ...]
    pit: str = ""

    def query(self) -> JSON:
        """They, wherever they are."""
        return {"terms": {self.field: list(self.values)}}


@dataclass(frozen=True)
class Part:
    """What is cut into spans: an index, or one shard of it at a point in time.

    `histogram`: pairs of (lowest sequence number, documents), each `interval` numbers wide; one
    pair with all documents where it is not `numbered`.
    """

    histogram: tuple[tuple[int, int], ...]
    interval: int
    pit: str = ""
    numbered: bool = True


@dataclass(frozen=True)
class Place:
    """An index, and the cluster that it is in: of another cluster with its `environment`."""

    cluster: Cluster
    index: str
    environment: str = ""

    @property
    def name(self) -> str:
        """Its name where both clusters are spoken of: no index has a colon in its own."""
        return f"{self.environment}:{self.index}" if self.environment else self.index


@dataclass(frozen=True)
class Side:
    """An index to compare.

    `size` is bytes of primaries, `routed` the number of documents with a routing, `vectors`
    whether it has a field that a server may hide from a client. `window`: the most documents that
    the index returns at once. `unsure`: why it may hold more than it gives back.
    """

    index: str
    documents: int
    size: int
    routed: int
    slow_ids: bool
    vectors: bool
    parts: tuple[Part, ...]
    window: int = 10_000
    unsure: str = ""

    @property
    def numbered(self) -> bool:
        """Whether its documents have sequence numbers."""
        return all(part.numbered for part in self.parts)

    def cut(self, most: int, most_bytes: int) -> list[Span]:
        """The whole index in spans of about `most` documents or `most_bytes`, never none."""
        page = self.page(most, most_bytes)
        return [span for part in self.parts for span in spans(part, page)]

    def page(self, most: int, most_bytes: int) -> int:
        """How many documents are about `most_bytes` as stored: between 1 and `most`."""
        return max(1, min(most, most_bytes * self.documents // max(1, self.size)))


def spans(part: Part, most: int) -> list[Span]:
    """Neighbouring histogram buckets joined while they hold `most` documents or fewer."""
    if not part.numbered:
        return [Whole(low, low + 1, documents, part.pit) for low, documents in part.histogram]
    joined: list[Span] = []
    for low, documents in part.histogram:
        last, high = joined[-1] if joined else None, low + part.interval
        if last and last.documents + documents <= most:
            joined[-1] = Span(last.low, high, last.documents + documents, part.pit)
        else:
            joined.append(Span(low, high, documents, part.pit))
    return joined


def read_side(
    cluster: Cluster, index: str, parts: tuple[Part, ...], query: JSON | None = None
) -> Side:
    """Ask about a refreshed index, as it is, or at one point in time for each of its shards.

    `query`: only the documents that match it are of interest. Raises Refused where its documents
    cannot be read back, StepFailed where it is not there.
    """
    path = f"/{quote(index, safe='')}"
    settings, mappings = _definition(cluster, index)
    _refuse_unprovable(index, mappings)
    _refuse_frozen(index, settings)
    stats = present(cluster.read(f"{path}/_stats/store"), index)
    routed = {"exists": {"field": "_routing"}}
    return Side(
        index=index,
        documents=sum(count(cluster, index, query, pit=part.pit) for part in parts),
        size=stats["_all"]["primaries"]["store"]["size_in_bytes"],
        routed=sum(count(cluster, index, routed, pit=part.pit) for part in parts),
        slow_ids=settings.get("codec", "") not in FAST_CODECS,
        vectors=bool(kept.hidden_types(mappings)),
        parts=parts,
        window=int(settings.get("max_result_window") or Side.window),
        unsure=synthetic.unsure(_flat(settings), mappings),
    )


def read_part(
    cluster: Cluster, index: str, highest: int, pit: str = "", query: JSON | None = None
) -> Part:
    """Where the documents are, by sequence number up to `highest`; -1 where there was no write."""
    interval = 1 + max(0, highest) // HISTOGRAM_BUCKETS
    if highest < 0:
        return Part((), interval, pit)
    span = Span(0, highest + 1, 0, pit)
    try:
        return Part(_histogram(cluster, index, interval, span, query), interval, pit)
    except ServerError as error:
        if UNNUMBERED not in error.what:
            raise
    return Part(((0, count(cluster, index, query, pit=pit)),), 1, pit, numbered=False)


def _definition(cluster: Cluster, index: str) -> tuple[JSON, JSON]:
    """Settings below `index`, and mappings."""
    answer = present(cluster.read(f"/{quote(index, safe='')}"), index)
    (definition,) = answer.values()
    return definition["settings"]["index"], definition["mappings"]


def _refuse_unprovable(index: str, mappings: JSON) -> None:
    """Without its whole `_source` a document cannot be copied, nor a copy proven."""
    source = mappings.get("_source", {})
    if source.get("enabled") in {False, "false"} or source.get("mode") == "disabled":
        why = "its mapping turns _source off"
    elif source.get("includes") or source.get("excludes"):
        why = "its mapping leaves fields out of _source (includes or excludes)"
    else:
        return
    raise Refused(
        f"the documents of {index} cannot be compared",
        code="ESP-4110",
        why=f"{why}: what was indexed is not kept, so a copy loses it",
        remedy="load the new index from its origin instead of copying it",
    )


def _flat(settings: JSON) -> JSON:
    """Those that say that it is frozen, or that its `_source` is synthetic.

    An older index has the former in this form alone.
    """
    names = ("search.throttled", "frozen", "mode", "mapping.source.mode", "derived_source.enabled")
    return {f"index.{name}": _inner(settings, name) for name in names}


def _inner(settings: JSON, name: str) -> Any:
    found: Any = settings
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _refuse_frozen(index: str, settings: JSON) -> None:
    """Searches leave it out, without a word."""
    if kept.is_frozen(_flat(settings)):
        raise Refused(
            f"the documents of {index} cannot be compared",
            code="ESP-4119",
            why="the index is frozen, and searches leave it out",
            remedy=f"unfreeze it first: POST /{index}/_unfreeze",
        )


def _histogram(
    cluster: Cluster, index: str, interval: int, span: Span, query: JSON | None
) -> tuple[tuple[int, int], ...]:
    """Documents by sequence number; of an index as it is, all of them."""
    shape = {"field": "_seq_no", "interval": interval, "min_doc_count": 1}
    body: JSON = {"size": 0, "aggs": {"spread": {"histogram": shape}}}
    asked = [one for one in (query, span.query() if span.pit else None) if one]
    if asked:
        body |= {"query": {"bool": {"filter": asked}} if len(asked) > 1 else asked[0]}
    buckets = search(cluster, index, body, span.pit)["aggregations"]["spread"]["buckets"]
    return tuple((int(bucket["key"]), bucket["doc_count"]) for bucket in buckets)


def refresh(cluster: Cluster, indices: Sequence[str]) -> None:
    """Make everything that was acknowledged visible to searches.

    It is repeated like a read: done twice it is done once. Raises StepFailed where a shard fails.
    """
    path = ",".join(quote(index, safe="") for index in indices)
    answer = whole(present(cluster.read(f"/{path}/_refresh"), path), path)
    shards.require(cluster, answer, indices, copies=True)


def count(cluster: Cluster, index: str, query: JSON | None = None, *, pit: str = "") -> int:
    """Documents of an index, nested ones not counted.

    By a search: `_count` does not say whether it ran out of time.
    """
    body = {"size": 0, "track_total_hits": True, "query": query or {"match_all": {}}}
    return int(search(cluster, index, body, pit)["hits"]["total"]["value"])


def search(cluster: Cluster, index: str, body: JSON, pit: str = "") -> JSON:
    """A search that saw every shard; at a point in time of one shard, if one is given."""
    path = f"/{quote(index, safe='')}/_search"
    if pit:
        path, body = "/_search", {**body, "pit": {"id": pit, "keep_alive": KEPT}}
    params = {"allow_partial_search_results": "false", "request_cache": "false"}
    answer = cluster.read(path, params, body, timeout=LONGEST_REQUEST)
    if answer is None and pit:
        raise ViewLost(
            f"the server has forgotten how {index} was",
            code="ESP-3303",
            why="a point in time ends when its node stops, or nobody asks for a while",
            remedy="apply again: it is compared again",
        )
    found = whole(present(answer, index), index)
    if pit:
        shards.require_one(found, index)
    else:
        shards.require(cluster, found, [index])
    return found


def whole(answer: Any, where: str) -> JSON:
    """The answer, if no shard is missing from it; Incomplete or StepFailed otherwise."""
    about = answer["_shards"]
    cut = answer.get("timed_out") or answer.get("terminated_early")
    if not about["failed"] and not cut:
        return dict(answer)
    away = any(map(missing.is_of_missing, about.get("failures") or []))
    raise (Incomplete if away else StepFailed)(
        f"only a part of {where} answered",
        why="the search ran out of time"
        if cut
        else f"{about['failed']} of {about['total']} shards failed: {_reason(about)}",
        remedy="see GET _cluster/health and the server's log, then apply again",
    )


def _reason(about: JSON) -> str:
    failures = about.get("failures") or [{}]
    reason = failures[0].get("reason")
    return str(reason.get("reason") if isinstance(reason, dict) else reason or "no reason given")


def marks(cluster: Reader, indices: Sequence[str]) -> Marks:
    """The highest sequence number of every primary shard, by index and shard.

    Every write, a delete too, raises one of them. Raises StepFailed where an index is missing,
    Incomplete where one of its primaries is and does not come back in half a minute.
    """
    found: Marks = {}
    for names in batches(indices):
        found |= highest_marks(cluster, names, shards.of(cluster, names))
    return found


def highest_marks(cluster: Reader, names: Sequence[str], number: dict[str, int]) -> Marks:
    """The same of indices whose number of shards is known: one request."""
    return numbers(cluster, names, number, "max_seq_no")[0]


def checkpoints(cluster: Reader, index: str) -> list[int]:
    """Of every primary, by the number of the shard: up to where every copy of it has everything.

    -1 for a shard without a write. Raises as `marks` does.
    """
    number = shards.of(cluster, [index])
    return by_shard(numbers(cluster, [index], number, "global_checkpoint")[0][index])


def by_shard(marks: dict[str, int]) -> list[int]:
    """The marks of one index in the order of its shards."""
    return [marks[str(number)] for number in range(len(marks))]


def numbers(
    cluster: Reader, names: Sequence[str], expected: dict[str, int], *wanted: str
) -> list[Marks]:
    """Sequence numbers of every primary by their names in `_stats`, all from one answer."""
    try:
        return _marks_now(cluster, names, expected, wanted)
    except Incomplete:
        missing.await_primaries(cluster, names)
        return _marks_now(cluster, names, expected, wanted)


def _marks_now(
    cluster: Reader, names: Sequence[str], expected: dict[str, int], wanted: Sequence[str]
) -> list[Marks]:
    path = f"/{','.join(quote(name, safe='') for name in names)}/_stats"
    parts = "indices.*.shards.*.routing,indices.*.shards.*.seq_no"
    stats = cluster.read(path, {"level": "shards", "filter_path": parts})
    found = present(stats, ", ".join(names)).get("indices", {})
    own = {index: found.get(index, {}).get("shards", {}) for index in expected}
    return [
        {index: _shard_marks(index, own[index], number, one) for index, number in expected.items()}
        for one in wanted
    ]


def _shard_marks(index: str, copies: JSON, expected: int, wanted: str) -> dict[str, int]:
    """The marks of one index; all of its primaries have to be there.

    While a primary moves there are two of a shard.
    """
    safest = max if wanted == "max_seq_no" else min
    highest = {
        number: safest(copy["seq_no"][wanted] for copy in primaries)
        for number, several in sorted(copies.items(), key=lambda item: int(item[0]))
        if (primaries := [c for c in several if c["routing"]["primary"] and c.get("seq_no")])
    }
    if len(highest) == expected:
        return highest
    raise Incomplete(
        f"{index} is not complete: {len(highest)} of {expected} primary shards are there",
        code="ESP-3301",
        why="a primary shard is not assigned to a node, so its documents cannot be read",
        remedy="see GET _cluster/allocation/explain, and apply again once the index is not red",
    )
