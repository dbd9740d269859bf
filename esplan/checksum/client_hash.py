"""Hash documents on this side of the wire, where the cluster cannot do it quickly.

The sums have the shape of `cluster_hash`, but not its values: both sides of a comparison use
one or the other. The hash is blake2b over JSON with sorted keys, which keeps kinds apart by
its own grammar; Python reads integers of any size exactly, and 1.0 as other than 1.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Self

from esplan.checksum.reading import PLAIN, without
from esplan.checksum.side import Named, Span, search
from esplan.request import pieces

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from esplan.checksum.reading import Reading
    from esplan.cluster import Cluster
    from esplan.model import JSON


@dataclass(frozen=True)
class ClientHash:
    """Hashes of one index, in `buckets` (a power of two) by `_id`; `page`: documents a request."""

    cluster: Cluster
    index: str
    buckets: int
    page: int
    reading: Reading = PLAIN

    def sums(self, span: Span) -> list[int]:
        """Three numbers a bucket: documents, first lane, second lane."""
        sums = [0] * (3 * self.buckets)
        for hit in self._hits(span):
            at, hashed = 3 * bucket_of(hit["_id"], self.buckets), content_hash(hit)
            sums[at] += 1
            sums[at + 1] += int.from_bytes(hashed[:8], "big")
            sums[at + 2] += int.from_bytes(hashed[8:], "big")
        return sums

    def rows(self, span: Span | Named, wanted: Sequence[int]) -> Iterable[tuple[str, str]]:
        """`(id, hash)` of every document in the wanted buckets."""
        chosen = frozenset(wanted)
        return [
            (hit["_id"], content_hash(hit).hex())
            for hit in self._hits(span)
            if bucket_of(hit["_id"], self.buckets) in chosen
        ]

    def whole(self) -> Self:
        """One bucket for all."""
        return replace(self, buckets=1)

    def _hits(self, span: Span | Named) -> Iterator[JSON]:
        for hit in self._named(span) if isinstance(span, Named) else self._pages(span):
            without(hit["_source"], self.reading.ignore)
            yield hit

    def _named(self, named: Named) -> Iterator[JSON]:
        """Single documents: an `_id` may be there several times, where documents are routed."""
        for values in pieces(named.values, max(1, self.page // 2)):
            size = 2 * len(values)
            while True:
                query = self.reading.within(replace(named, values=values).query())
                body = {"size": size, "query": query, "track_total_hits": False}
                hits = search(self.cluster, self.index, body, named.pit)["hits"]["hits"]
                if len(hits) < size:
                    break
                size *= 2
            yield from hits

    def _pages(self, span: Span) -> Iterator[JSON]:
        """Every document of the span, a page a request.

        Pages end between two sequence numbers, so that a page can be asked for again, and no view
        has to be kept open, which each engine has another way for. A write moves the marks.
        """
        low, size = span.low, self.page
        while True:
            query = self.reading.within(Span(low, span.high, size).query())
            body = {"size": size, "query": query, "sort": ["_seq_no"], "track_total_hits": False}
            hits = search(self.cluster, self.index, body, span.pit)["hits"]["hits"]
            if len(hits) < size:
                yield from hits
                return
            last = hits[-1]["sort"][0]
            if last == low:  # shards number each on their own: many may have this one
                size *= 2
                continue
            yield from (hit for hit in hits if hit["sort"][0] < last)
            low = last


def bucket_of(id_: str, buckets: int) -> int:
    """The bucket of an `_id`, from 0."""
    return int.from_bytes(blake2b(id_.encode(), digest_size=8).digest(), "big") % buckets


def content_hash(hit: JSON) -> bytes:
    """16 bytes for `_id`, `_routing` and `_source` of a search hit."""
    content = [hit["_id"], hit.get("_routing"), hit["_source"]]
    return blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).digest()
