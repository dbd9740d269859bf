"""Hash documents on this side of the wire, where the cluster cannot do it quickly.

The sums have the shape of `cluster_hash`, but not its values: both sides of a comparison use
one or the other. The hash is blake2b over JSON with sorted keys, which keeps kinds apart by
its own grammar; Python reads integers of any size exactly, and 1.0 as other than 1.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING
from urllib.parse import quote

from esplan.checksum.side import search
from esplan.errors import EsplanError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from esplan.checksum.side import Span
    from esplan.cluster import Cluster
    from esplan.model import JSON

KEEP_ALIVE = "10m"
"""A search has `LONGEST_REQUEST` to answer, and each one renews this."""


@contextmanager
def point_in_time(cluster: Cluster, index: str) -> Iterator[str]:
    """The id of a view of the index that does not change; closed with the block."""
    path = f"/{quote(index, safe='')}/_pit"
    opened = cluster.change("POST", path, {"keep_alive": KEEP_ALIVE})["id"]
    try:
        yield opened
    finally:
        _close(cluster, opened)


def _close(cluster: Cluster, opened: str) -> None:
    """Free it now; where that fails the server does it after KEEP_ALIVE, so nothing is lost."""
    try:
        cluster.change("DELETE", "/_pit", body={"id": opened})
    except EsplanError:
        return


@dataclass(frozen=True)
class ClientHash:
    """Hashes of one point in time, in `buckets` (a power of two) by `_id`."""

    cluster: Cluster
    point: str
    buckets: int
    page: int

    def sums(self, span: Span) -> list[int]:
        """Three numbers a bucket: documents, first lane, second lane."""
        sums = [0] * (3 * self.buckets)
        for hit in self._hits(span):
            at, hashed = 3 * bucket_of(hit["_id"], self.buckets), content_hash(hit)
            sums[at] += 1
            sums[at + 1] += int.from_bytes(hashed[:8], "big")
            sums[at + 2] += int.from_bytes(hashed[8:], "big")
        return sums

    def rows(self, span: Span, wanted: Sequence[int]) -> Iterable[tuple[str, str]]:
        """`(id, hash)` of every document in the wanted buckets."""
        chosen = frozenset(wanted)
        return [
            (hit["_id"], content_hash(hit).hex())
            for hit in self._hits(span)
            if bucket_of(hit["_id"], self.buckets) in chosen
        ]

    def _hits(self, span: Span) -> Iterator[JSON]:
        """Every document of the span, a page a request."""
        body: JSON = {
            "size": self.page,
            "query": span.query(),
            "pit": {"id": self.point, "keep_alive": KEEP_ALIVE},
            "sort": ["_shard_doc"],
            "track_total_hits": False,
        }
        while hits := search(self.cluster, None, body)["hits"]["hits"]:
            yield from hits
            if len(hits) < self.page:
                return
            body["search_after"] = hits[-1]["sort"]


def bucket_of(id_: str, buckets: int) -> int:
    """The bucket of an `_id`, from 0."""
    return int.from_bytes(blake2b(id_.encode(), digest_size=8).digest(), "big") % buckets


def content_hash(hit: JSON) -> bytes:
    """16 bytes for `_id`, `_routing` and `_source` of a search hit."""
    content = [hit["_id"], hit.get("_routing"), hit["_source"]]
    return blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).digest()
