"""Both sides of a proof, hashed while the copy still runs: that keeps one core of a shard busy.

What was hashed counts only if the proof asks for the very same hash, and

- the source: of the same state. Under the write block no sequence number moves between the two;
- the target: below a sequence number that all copies of all shards had reached. A number is given
  to one document once, so these can only become fewer; as many as before are the same ones.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Event
from typing import TYPE_CHECKING

from esplan.checksum.cluster_hash import ClusterHash
from esplan.checksum.comparison import CHUNK_BYTES, added, hashes, side_of
from esplan.checksum.moment import reached
from esplan.checksum.side import Place, Span, checkpoints, count, read_side, refresh
from esplan.errors import EsplanError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

    from esplan.checksum.comparison import Pair
    from esplan.checksum.reading import Reading
    from esplan.cluster import Cluster

PIECE = 25_000
"""Documents a request: a quarter of a second, which the end of a copy may have to wait."""

LOOK = 0.2
"""Seconds between two looks at how far the copy is."""


@dataclass
class Known:
    """What was summed of both sides of a pair, source first.

    `marks`: of the source before it was read; `left`: its spans that were not read yet. `below`:
    the sequence number up to which the target was read.
    """

    of: tuple[ClusterHash, ClusterHash]
    marks: dict[str, int]
    sums: tuple[list[int], list[int]]
    left: list[Span]
    below: int = 0

    @property
    def documents(self) -> int:
        """How many were hashed, on both sides together."""
        return sum(map(self._hashed, (0, 1)))

    def _hashed(self, side: int) -> int:
        last = 3 * self.of[side].buckets
        return sum(self.sums[side][:last:3])

    def checked(self, pair: Pair, now: dict[str, int]) -> Known | None:
        """What of it holds for this pair and these marks of the source."""
        if (self.of, self.marks) != (pair.hashes, now):
            return None
        target = self.of[1]
        query = {"range": {"_seq_no": {"lt": self.below}}}
        if self.below and count(target.cluster, target.index, query) == self._hashed(1):
            return self
        return replace(self, sums=(self.sums[0], [0] * (3 * target.buckets)), below=0)

    def rest(self, spans: Iterable[Span]) -> list[Span]:
        """Those of the target, without what is known."""
        below = self.below
        return [replace(one, low=max(one.low, below)) for one in spans if one.high > below]


@dataclass
class Ahead:
    """Sums in a thread of its own, one request at a time, until it is taken."""

    cluster: Cluster
    source: str
    target: str
    reading: Reading
    chunk: int = PIECE
    _stop: Event = field(default_factory=Event)
    _found: Future[Known | None] | None = None

    def begin(self) -> None:
        """Start; the target is there, but has next to nothing yet."""
        pool = ThreadPoolExecutor(1)
        self._found = pool.submit(self._sum)
        pool.shutdown(wait=False)

    def stop(self) -> None:
        """After the request that is on its way nothing more is asked; what is known stays."""
        self._stop.set()

    def take(self) -> Known | None:
        """What is known by now; None where nothing can be hashed ahead, or a request failed."""
        self.stop()
        try:
            return self._found.result() if self._found else None
        except EsplanError:
            return None  # the proof asks again, and says what is wrong

    def _sum(self) -> Known | None:
        before = reached(self.cluster, [self.source])[self.source]
        refresh(self.cluster, [self.source])
        old = side_of(Place(self.cluster, self.source), before, self.reading.query)
        pair = hashes(self.cluster, old, read_side(self.cluster, self.target, ()), self.reading)
        source, target = pair.hashes
        if not (isinstance(source, ClusterHash) and isinstance(target, ClusterHash)):
            return None
        if not old.numbered:
            return None
        nothing = [0] * (3 * pair.buckets)
        spans = old.cut(self.chunk, CHUNK_BYTES)
        known = Known((source, target), before, (nothing, [*nothing]), spans)
        self._sum_source(known)
        self._sum_target(known, old.page(self.chunk, CHUNK_BYTES))
        return known

    def _sum_source(self, known: Known) -> None:
        while known.left and not self._stop.is_set():
            known.sums[0][:] = added(known.sums[0], known.of[0].sums(known.left.pop()))

    def _sum_target(self, known: Known, page: int) -> None:
        """About `page` documents at a time, as the copy brings them."""
        shards = len(checkpoints(self.cluster, self.target))
        visible = 0
        while not self._stop.is_set():
            span = Span(known.below, known.below + max(1, page // shards), page)
            if visible < span.high:
                reached = 1 + min(checkpoints(self.cluster, self.target))
                if reached < span.high:
                    self._stop.wait(LOOK)
                    continue
                refresh(self.cluster, [self.target])
                visible = reached
            known.sums[1][:] = added(known.sums[1], known.of[1].sums(span))
            known.below = span.high
