"""A loader, as the live tests need one: it makes an index for every run, and may go on writing."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from esplan.cluster import Cluster

if TYPE_CHECKING:
    from types import TracebackType

    from esplan.connection import Connection


def load(cluster: Cluster, index: str, count: int = 100, bulks: int = 4, **settings: Any) -> None:
    """An index of one run; every bulk leaves a segment of its own."""
    body = {
        "settings": {"number_of_shards": 1, "number_of_replicas": 1, **settings},
        "mappings": {"properties": {"run": {"type": "keyword"}, "n": {"type": "integer"}}},
    }
    cluster.change("PUT", f"/{index}", None, body)
    for bulk in range(bulks):
        write(cluster, index, range(bulk * count, (bulk + 1) * count), refresh=True)


UNREFRESHED = {"number_of_replicas": 0, "refresh_interval": -1}
GRAPH = {
    "type": "dense_vector",
    "dims": 64,
    "similarity": "l2_norm",
    "index_options": {"type": "hnsw", "m": 32, "ef_construction": 400},
}
TERMS = {"type": "text", "term_vector": "with_positions_offsets"}
GRAPHS = {
    "settings": UNREFRESHED,
    "mappings": {"properties": {"slow": GRAPH, "n": {"type": "integer"}}},
}
SORTED = {
    "settings": {**UNREFRESHED, "sort.field": "n"},
    "mappings": {"properties": {"slow": TERMS, "n": {"type": "integer"}}},
}
"""Sorted segments are merged document by document, not in whole blocks."""


def load_slow(cluster: Cluster, index: str, *, vectors: bool) -> None:
    """A run whose segments take the server seconds to merge: graphs, or sorted term vectors."""
    numbers = random.Random(1)
    cluster.change("PUT", f"/{index}", None, GRAPHS if vectors else SORTED)
    for _ in range(4):
        lines: list[Any] = []
        for _ in range(2500 if vectors else 8000):
            slow = _vector(numbers) if vectors else _words(numbers)
            lines += [{"index": {}}, {"slow": slow, "n": numbers.getrandbits(20)}]
        answer = cluster.change("POST", f"/{index}/_bulk", {"refresh": "true"}, lines)
        assert answer["errors"] is False


def _vector(numbers: random.Random) -> list[float]:
    return [round(numbers.random(), 3) for _ in range(64)]


def _words(numbers: random.Random) -> str:
    return " ".join(f"{numbers.getrandbits(40):x}" for _ in range(120))


def write(cluster: Cluster, target: str, numbers: range, *, refresh: bool = False) -> None:
    """Documents with these numbers; nothing may be refused."""
    lines: list[Any] = []
    for number in numbers:
        lines += [{"index": {"_id": str(number)}}, {"run": target, "n": number}]
    parameters = {"refresh": "true"} if refresh else None
    answer = cluster.change("POST", f"/{target}/_bulk", parameters, lines)
    assert answer["errors"] is False, answer


@dataclass
class Writer:
    """Writes to an index, or through an alias, until the block ends. `written` are its numbers."""

    connection: Connection
    target: str
    first: int = 1_000_000
    written: list[int] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        assert self.failures == []
        assert len(self.written) > 10, "the writer did hardly write"

    def _run(self) -> None:
        with Cluster(self.connection) as cluster:
            number = self.first
            while not self._stop.is_set():
                try:
                    write(cluster, self.target, range(number, number + 1))
                except BaseException as error:  # noqa: BLE001  (shown by the test's own thread)
                    self.failures.append(error)
                    return
                self.written.append(number)
                number += 1
                self._stop.wait(0.01)
