"""The moment of the switch: for clients, and for a holder that has lost the lock."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from esplan import lock, planfile
from esplan.cluster import Cluster
from esplan.errors import EsplanError, Stopped
from esplan.journal import beside, open_journal
from esplan.run import Run
from esplan.steps import delete_index, update_aliases
from esplan.views.progress import Silent

if TYPE_CHECKING:
    from world import World

pytestmark = pytest.mark.live


class Stale:
    """A holder that does not know that another one has moved the fence."""

    token = "feedfeedfeedfeed"

    def check(self) -> None:
        """It believes that the lock is its own."""


def stale_run(world: World) -> Run:
    return Run(world.cluster, planfile.read(world.plan), Stale(), Silent())


def test_a_stale_holder_cannot_switch(world: World) -> None:
    world.seed(50)
    world.make_plan()
    world.crash("after-done:06-await_health")
    run = stale_run(world)
    with pytest.raises(Stopped, match="the lock was taken over by another apply"):
        update_aliases.execute(run.plan.steps[6], run)
    found = world.everything()
    assert list(found[world.green]["aliases"]) == [world.name]
    assert world.name not in found[world.blue]["aliases"]
    world.apply()
    world.assert_switched()


def test_a_stale_holder_cannot_delete(world: World) -> None:
    world.seed(50)
    world.make_plan()
    world.apply("--through", "switch")
    run = stale_run(world)
    proof = next(step for step in run.plan.steps if step.kind == "verify")
    journal = open_journal(beside(world.plan), run.plan.digest)
    run.proofs[proof.address] = journal.evidence(proof.id)
    with pytest.raises(Stopped, match="the lock was taken over by another apply"):
        delete_index.execute(run.plan.steps[-1], run)
    assert world.green in world.everything()
    world.apply()
    world.assert_switched()


def test_a_holder_whose_lock_was_taken_over_stops_before_its_next_change(world: World) -> None:
    notes: list[str] = []
    with lock.Lock(world.cluster, "a" * 64, notes.append) as held:
        held.check()
        world.cluster.change("DELETE", "/esplan-state/_doc/lock")
        held._renew()
        with pytest.raises(Stopped, match="the lock was lost: it was removed"):
            held.check()


class Reader(threading.Thread):
    """A client that searches through the alias and looks where it points, without a pause."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world, self.stopping = world, threading.Event()
        self.indices: list[list[str]] = []
        self.counts: set[int] = set()
        self.errors: list[str] = []

    def run(self) -> None:
        with Cluster(self.world.cluster.connection) as own:
            while not self.stopping.is_set():
                try:
                    self._look(own)
                except EsplanError as error:
                    self.errors.append(str(error))

    def _look(self, own: Cluster) -> None:
        found: dict[str, Any] = own.read(f"/_alias/{self.world.name}") or {}
        self.indices.append(sorted(found))
        self.counts.add(own.read(f"/{self.world.name}/_search?size=1")["hits"]["total"]["value"])


def test_clients_see_one_index_and_every_document_all_the_time(world: World) -> None:
    world.seed(500)
    world.make_plan()
    reader = Reader(world)
    reader.start()
    try:
        world.apply()
    finally:
        reader.stopping.set()
        reader.join()
    assert reader.errors == []
    assert reader.counts == {500}
    assert {tuple(one) for one in reader.indices} == {(world.green,), (world.blue,)}
    world.assert_switched()
