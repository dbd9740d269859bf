"""What carries documents from one cluster to another: several pages at a time, in order."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TYPE_CHECKING

from esplan import state_index
from esplan.errors import OutcomeUnknown, ServerError
from esplan.steps.tolerant import failed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from esplan.cluster import Cluster
    from esplan.model import JSON
    from esplan.pages import Document, Pager
    from esplan.plan import Step
    from esplan.run import Run

KEPT_EVERY = 1.0
"""Seconds between two notes of how far it came."""

POLL = 0.5
"""Seconds after which the progress is shown, and a stop is asked for."""

CREATED, CONFLICT, TOO_LARGE, BUSY = 201, 409, 413, 429
PATIENCE = 300.0
"""Seconds for which documents are sent again that the server was too busy for."""


@dataclass
class Reached:
    """Up to where everything is there: of shard `shard` all below `seq_no`, of those before it all.

    `documents` are those. Kept as `name` in the cluster, for the index `uuid` alone.
    """

    cluster: Cluster
    name: str
    uuid: str
    shard: int = 0
    seq_no: int = 0
    documents: int = 0
    kept: float = 0.0

    @classmethod
    def read(cls, cluster: Cluster, name: str, uuid: str) -> Reached:
        """Where the last process came to; the beginning for an index that was made since."""
        found = state_index.recall(cluster, name)
        if found.get("uuid") != uuid:
            return cls(cluster, name, uuid)
        return cls(cluster, name, uuid, *(found[n] for n in ("shard", "seq_no", "documents")))

    def move(self, shard: int, seq_no: int, documents: int) -> None:
        """On, and keep it if it is time."""
        if (shard, seq_no) == (self.shard, self.seq_no):
            return
        self.shard, self.seq_no, self.documents = shard, seq_no, documents
        if time.monotonic() - self.kept >= KEPT_EVERY:
            self.keep()

    def keep(self) -> None:
        """Durably, so that the next process begins here."""
        names = ("uuid", "shard", "seq_no", "documents")
        body = {name: getattr(self, name) for name in names}
        state_index.remember(self.cluster, self.name, body)
        self.kept = time.monotonic()


@dataclass
class Writer:
    """Creates documents through the guard alias; `rate` documents a second, -1 without limit."""

    step: Step
    run: Run
    rate: float
    created: int = 0
    there_already: int = 0
    stopped: Event = field(default_factory=Event)
    turn: Lock = field(default_factory=Lock)
    due: float = 0.0

    def write(self, documents: Sequence[Document]) -> None:
        """All of them, when it is their turn. Raises StepFailed with those that are rejected."""
        self._wait(len(documents))
        give_up = time.monotonic() + PATIENCE
        while documents and not self.stopped.is_set():
            documents = self._sent(documents, give_up)

    def _sent(self, documents: Sequence[Document], give_up: float) -> list[Document]:
        """Those that the server was too busy for: certainly not created, so sent again."""
        lines = [line for one in documents for line in one.lines()]
        try:
            items = self._items(lines, give_up)
        except ServerError as error:
            if error.status != TOO_LARGE or len(documents) == 1:
                raise
            middle = len(documents) // 2
            halves = (documents[:middle], documents[middle:])
            return [one for half in halves for one in self._sent(half, give_up)]
        if items is None:
            return list(documents)
        status = [item["create"]["status"] for item in items]
        bad = [_failure(item["create"]) for item in items if item["create"]["status"] not in FINE]
        with self.turn:
            self.created += status.count(CREATED)
            self.there_already += status.count(CONFLICT)
        busy = [one for one, found in zip(documents, status, strict=True) if found == BUSY]
        if bad or (busy and time.monotonic() > give_up):
            busy_too = [_failure(i["create"]) for i in items if i["create"]["status"] == BUSY]
            raise failed(self.step, self.run, bad or busy_too)
        if busy:
            self.stopped.wait(1)
        return busy

    def _items(self, lines: list[bytes], give_up: float) -> list[JSON] | None:
        """One answer a document; None where the server was too busy for the request."""
        request = self.step.request or {}
        try:
            answer = self.run.change(
                request["method"],
                request["path"],
                lines,
                timeout=300,
                opaque_id=self.run.opaque_id(self.step),
            )
        except ServerError as error:
            if error.status != BUSY or time.monotonic() > give_up:
                raise
            self.stopped.wait(1)
            return None
        found: list[JSON] = answer["items"]
        return found

    def _wait(self, documents: int) -> None:
        """So long that no more are written than the rate allows."""
        if self.rate <= 0:
            return
        with self.turn:
            now = time.monotonic()
            begin = max(now, self.due)
            self.due = begin + documents / self.rate
        self.stopped.wait(begin - now)


FINE = (CREATED, CONFLICT, BUSY)


def _failure(item: JSON) -> JSON:
    """As `_reindex` reports it."""
    cause = item.get("error", {})
    return {"id": item.get("_id"), "status": item.get("status"), "cause": cause}


@dataclass
class _Stretch:
    """A range of sequence numbers of one shard. `done`: up to where, and how many documents."""

    shard: int
    high: int
    done: tuple[int, int]


@dataclass
class Carrier:
    """Reads and writes stretches in threads, and follows in this one how far all of it is done."""

    pager: Pager
    writer: Writer
    reached: Reached
    threads: int
    total: int
    seconds: float = 0.0

    def carry(self, shards: list[tuple[int, int]]) -> None:
        """`shards`: number and highest sequence number. Raises Stopped at the end of a page."""
        began = time.monotonic()
        pool = ThreadPoolExecutor(self.threads)
        waiting: deque[tuple[_Stretch, Future[None]]] = deque()
        try:
            for one in self._stretches(shards):
                waiting.append((one, pool.submit(self._copy, one)))
                if len(waiting) > 2 * self.threads:
                    self._settle(waiting)
            while waiting:
                self._settle(waiting)
            self.reached.keep()
        finally:
            self.writer.stopped.set()
            pool.shutdown(cancel_futures=True)
        self.seconds = time.monotonic() - began

    def _stretches(self, shards: list[tuple[int, int]]) -> Iterator[_Stretch]:
        """What is left, shard by shard."""
        first, begin = self.reached.shard, self.reached.seq_no
        for shard, highest in shards:
            low = begin if shard == first else 0
            if shard >= first and highest >= low:
                for span in self.pager.spans(shard, low, highest):
                    yield _Stretch(shard, min(span.high, highest + 1), (span.low, 0))

    def _copy(self, stretch: _Stretch) -> None:
        """In a thread: page by page, unless somebody says stop."""
        low, documents = stretch.done
        for page in self.pager.pages(stretch.shard, low, stretch.high):
            self.writer.write(page)
            if self.writer.stopped.is_set():
                return
            documents += len(page)
            stretch.done = (page[-1].seq_no + 1, documents)

    def _settle(self, waiting: deque[tuple[_Stretch, Future[None]]]) -> None:
        """Wait for the oldest stretch; what is before it is all there."""
        stretch, future = waiting.popleft()
        before = self.reached.documents
        while True:
            try:
                future.result(POLL)
            except NotYet:
                self._move(stretch, before)
            else:
                break
        stretch.done = (stretch.high, stretch.done[1])
        self._move(stretch, before)

    def _move(self, stretch: _Stretch, before: int) -> None:
        """Say how far it came; stop here where somebody asks for it."""
        seq_no, documents = stretch.done
        try:
            self.reached.move(stretch.shard, seq_no, before + documents)
        except ServerError as error:
            raise OutcomeUnknown(
                "how far the copy came cannot be kept in the cluster",
                code="ESP-5206",
                why=error.what,
            ) from None
        run = self.writer.run
        run.listener.step_progress(self.writer.step, self.reached.documents, self.total)
        run.safe_point()
