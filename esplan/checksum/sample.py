"""How fast this cluster hashes documents: a part of an index, for a second at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from esplan.checksum.cluster_hash import aggregation
from esplan.errors import EsplanError

if TYPE_CHECKING:
    from esplan.live import Reader
    from esplan.model import Index

FIRST, SECOND, MOST = 10, 1_000, 20_000
"""Documents a request. The first has the script compiled, the second says how large the third
may be: the first thousand documents run several times slower than those after them."""

BYTES = 5_000_000
"""Stored bytes that the second request may read, where documents are large."""

PART = 0.4
"""Seconds that the third request may take."""

LIMIT = "500ms"
"""After that the server gives back what it has: three requests never take much over a second."""

ENOUGH = 0.5
"""Of the documents asked for must be there: sequence numbers have gaps where documents were
written again, and a handful says nothing about the rest."""


@dataclass(frozen=True)
class Sample:
    """Documents that were hashed, and the seconds it took, by the server's own clock."""

    documents: int
    seconds: float


def sample(cluster: Reader, index: Index) -> Sample | None:
    """Three requests that only read. None where nothing can be said: an error is no matter."""
    documents, size = index.documents or 0, index.size or 0
    if not documents:
        return None
    fits = max(1, min(SECOND, documents, BYTES * documents // max(1, size)))
    try:
        _hashed(cluster, index, min(FIRST, fits))
        second = _hashed(cluster, index, fits)
        more = min(MOST, documents, int(fits * PART / max(second.seconds, 0.001)))
        best = _hashed(cluster, index, max(fits, more))
    except EsplanError:
        return None
    return best if best.documents >= ENOUGH * fits else None


def _hashed(cluster: Reader, index: Index, documents: int) -> Sample:
    """About so many documents, those that were written first; every shard numbers its own."""
    shards = int(index.body.settings.get("index.number_of_shards", 1))
    each = max(1, documents // shards)
    body = {
        "size": 0,
        "timeout": LIMIT,
        "query": {"range": {"_seq_no": {"lt": each}}},
        "track_total_hits": False,
        "aggs": {"hash": aggregation(1, routed=False)},
    }
    path = f"/{quote(index.name, safe='')}/_search"
    answer = cluster.read(path, {"request_cache": "false"}, body)
    if answer is None:
        raise EsplanError(
            f"{index.name} is gone",
            code="ESP-3304",
            remedy="see which indices there are: GET _cat/indices",
        )
    return Sample(answer["aggregations"]["hash"]["value"][0], max(answer["took"], 1) / 1000)
