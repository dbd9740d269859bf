"""Clients of an alias: a writer that knows what was acknowledged, and readers that never pause."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

from esplan.cluster import Cluster
from esplan.errors import EsplanError

if TYPE_CHECKING:
    from types import TracebackType

    from world import World

BATCH = 10
"""Operations a request."""


class Writer(threading.Thread):
    """Inserts, updates and deletes through the alias, so many a second, as a good client does.

    What is refused (an item of a bulk with 403) is sent again until it is taken, in order. What was
    acknowledged is in `world.documents`. `refused` counts the answers by status and type, `outage`
    is the longest time from the first refusal to the next success, in seconds.
    """

    def __init__(self, world: World, rate: int = 200, make: Any = None) -> None:
        super().__init__(daemon=True)
        self.world, self.rate, self.stopping = world, rate, threading.Event()
        self.random = random.Random(7)
        self.refused: Counter[tuple[int, str]] = Counter()
        self.outage, self.done, self.error = 0.0, 0, ""
        self.kinds: Counter[str] = Counter()
        self._make = make or (lambda number: {"flight": number, "text": f"written {number}"})
        self._next = 10_000_000

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopping.set()
        self.join()
        assert self.error == ""

    def run(self) -> None:
        try:
            with Cluster(self.world.cluster.connection) as own:
                while not self.stopping.is_set():
                    began = time.monotonic()
                    self._send(own, [self._operation() for _ in range(BATCH)])
                    time.sleep(max(0.0, BATCH / self.rate - (time.monotonic() - began)))
        except Exception as error:  # noqa: BLE001  (a thread has nobody else to tell)
            self.error = repr(error)

    def _operation(self) -> tuple[str, str, dict[str, Any]]:
        self._next += 1
        chance = self.random.random()
        if chance < 0.4 or len(self.world.documents) < BATCH:
            return "index", str(self._next), self._make(self._next)
        key = self.random.choice(list(self.world.documents))
        return ("index", key, self._make(self._next)) if chance < 0.7 else ("delete", key, {})

    def _send(self, own: Cluster, operations: list[tuple[str, str, dict[str, Any]]]) -> None:
        refused_since = 0.0
        once = {key: (verb, source) for verb, key, source in operations}  # one write an id
        while once:
            lines: list[Any] = []
            for key, (verb, source) in once.items():
                lines += [{verb: {"_index": self.world.name, "_id": key}}]
                lines += [source] if verb == "index" else []
            answer = own.change("POST", "/_bulk", {"require_alias": "true"}, lines)
            for item in answer["items"]:
                ((verb, said),) = item.items()
                if said["status"] in (200, 201, 404):
                    self._taken(verb, said["_id"], once.pop(said["_id"])[1])
                else:
                    self.refused[said["status"], said["error"]["type"]] += 1
            if once:
                refused_since = refused_since or time.monotonic()
                time.sleep(0.02)
        if refused_since:
            self.outage = max(self.outage, time.monotonic() - refused_since)

    def _taken(self, verb: str, key: str, source: dict[str, Any]) -> None:
        self.done += 1
        self.kinds[verb] += 1
        if verb == "index":
            self.world.documents[key] = source
        else:
            self.world.documents.pop(key, None)


class Reader(threading.Thread):
    """Searches through the alias without a pause; looks where it points."""

    def __init__(self, world: World) -> None:
        super().__init__(daemon=True)
        self.world, self.stopping = world, threading.Event()
        self.done, self.errors = 0, list[str]()
        self.indices: set[tuple[str, ...]] = set()

    def run(self) -> None:
        with Cluster(self.world.cluster.connection) as own:
            while not self.stopping.is_set():
                try:
                    found = own.read(f"/{self.world.name}/_search?size=1")
                    assert found["hits"]["hits"] or not self.world.documents
                    self.indices.add(tuple(sorted(own.read(f"/_alias/{self.world.name}") or {})))
                    self.done += 1
                except (EsplanError, TypeError, AssertionError) as error:
                    self.errors.append(repr(error))


class Readers:
    """Several of them for a block."""

    def __init__(self, world: World, count: int = 4) -> None:
        self.all = [Reader(world) for _ in range(count)]

    def __enter__(self) -> Self:
        for one in self.all:
            one.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for one in self.all:
            one.stopping.set()
        for one in self.all:
            one.join()

    @property
    def errors(self) -> list[str]:
        return [error for one in self.all for error in one.errors]

    @property
    def indices(self) -> set[tuple[str, ...]]:
        return {each for one in self.all for each in one.indices}
