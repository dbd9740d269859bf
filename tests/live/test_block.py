"""A write block has drained: what a client was told is written is in the new index.

A bulk of several megabytes is in flight whose first item takes seconds, under the permit of its
shard: who sets `index.blocks.write` by `_settings` is answered before it ends.
"""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any, Self

import pytest
from world import blocks

from esplan import state_index
from esplan.cluster import Cluster
from esplan.steps import draining

if TYPE_CHECKING:
    from types import TracebackType

    from world import World

pytestmark = pytest.mark.live

SECONDS = 5
"""What the first item of a bulk takes: longer than everything that esplan does up to the switch."""

SLOW = (
    "boolean past(long end) { for (int i = 0; i < 100000; ++i) {"
    " if (System.currentTimeMillis() > end) { return true } } return false }"
    " long end = System.currentTimeMillis() + params.ms;"
    " for (int i = 0; i < 100000; ++i) { if (past(end)) { break } }"
    " ctx._source.flight = params.flight"
)

LARGE = "in flight " * 30_000
"""300 kB; a bulk has some megabytes of it."""

CATCH_UP: dict[str, Any] = {"migrate": {"writes": "catch-up"}}
BLOCK = "index.blocks.write"
READ_ONLY = "index.blocks.read_only"


class SlowBulk(threading.Thread):
    """A client's bulk of 16 updates. What is acknowledged is in `world.documents`."""

    def __init__(self, world: World) -> None:
        super().__init__(daemon=True)
        self.world, self.error, self.taken = world, "", 0

    def __enter__(self) -> Self:
        """It has begun, and its first item is being written."""
        self.start()
        give_up = time.monotonic() + 20
        while not self._is_written():
            assert time.monotonic() < give_up, "the bulk did not begin"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.join()
        assert self.error == ""

    def _is_written(self) -> bool:
        asked = {"actions": "indices:data/write/bulk[s][p]*", "detailed": "true"}
        nodes = self.world.cluster.read("/_tasks", asked)["nodes"].values()
        return any(self.world.green in str(t) for node in nodes for t in node["tasks"].values())

    def run(self) -> None:
        try:
            with Cluster(self.world.cluster.connection) as own:
                self._send(own)
        except Exception as error:  # noqa: BLE001  (a thread has nobody else to tell)
            self.error = repr(error)

    def _send(self, own: Cluster) -> None:
        """The first one by a script that takes its time; the others are large."""
        name, documents = self.world.green, self.world.documents
        slow = {"source": SLOW, "params": {"ms": SECONDS * 1000, "flight": -1}}
        wanted = {"0": {**documents["0"], "flight": -1}}
        lines: list[Any] = [{"update": {"_index": name, "_id": "0"}}, {"script": slow}]
        for number in range(1, 16):
            wanted[str(number)] = {"flight": number, "text": LARGE}
            lines += [{"index": {"_index": name, "_id": str(number)}}, wanted[str(number)]]
        for item in own.change("POST", "/_bulk", None, lines)["items"]:
            ((_, said),) = item.items()
            if said["status"] < 300:
                self.taken += 1
                documents[said["_id"]] = wanted[said["_id"]]


def set_block(world: World, *, value: bool | None, name: str = BLOCK) -> None:
    """By `_settings`, as a person does it: answered before writes in flight have ended."""
    world.cluster.change("PUT", f"/{world.green}/_settings", None, {name: value})


def on(world: World) -> str:
    (found,) = world.cluster.read(f"/_alias/{world.name}")
    return str(found)


def assert_nothing_lost(world: World) -> None:
    """What was acknowledged is served, and nothing of esplan is left on the cluster."""
    assert world.read_documents(on(world)) == world.documents
    for index in world.everything().values():
        assert blocks(index) == {}
    assert not state_index.recall(world.cluster, draining.note(uuid(world, on(world))))
    world.assert_quiet()


def uuid(world: World, index: str) -> str:
    return str(world.everything()[index]["settings"]["index"]["uuid"])


@pytest.mark.scripts
@pytest.mark.parametrize("parts", [{}, CATCH_UP], ids=["block", "catch-up"])
def test_a_block_that_a_person_sets_has_drained_before_the_copy(
    world: World, parts: dict[str, Any]
) -> None:
    world.seed(100)
    world.make_plan(finish={"delete_old": False}, **parts)
    world.apply("--through", "prepare")
    with SlowBulk(world) as bulk:
        set_block(world, value=True)
        assert bulk.is_alive(), "this test needs a bulk in flight"
        world.apply()
    assert bulk.taken == 16
    assert on(world) == world.blue
    assert_nothing_lost(world)


@pytest.mark.scripts
def test_a_block_whose_answer_was_lost_has_drained_before_the_copy(world: World) -> None:
    """An apply that is killed while `_block` waits leaves the setting, and no word of its end."""
    world.seed(100)
    world.make_plan(finish={"delete_old": False})
    world.crash("after-intent:02-block_writes")
    with SlowBulk(world) as bulk:
        set_block(world, value=True)
        assert bulk.is_alive()
        world.apply()
    assert bulk.taken == 16
    assert_nothing_lost(world)


@pytest.mark.scripts
def test_a_block_that_was_lifted_and_set_again_after_the_proof_is_found(world: World) -> None:
    """The bulk that was let in has ended before the switch, so the marks show it."""
    world.seed(100)
    world.make_plan(finish={"delete_old": False})
    world.crash("after-done:04-verify")
    set_block(world, value=None)
    with SlowBulk(world) as bulk:
        set_block(world, value=True)
        assert bulk.is_alive()
        said = world.apply(code=4)
    assert bulk.taken == 16
    assert "written to after the proof" in said.stderr
    assert on(world) == world.green
    assert_nothing_lost(world)
    world.make_plan(finish={"delete_old": False})


def crash_while_draining(world: World) -> None:
    """Between adding and lifting the second block."""
    world.seed(100)
    world.make_plan()
    set_block(world, value=True)
    world.crash("second-block:02-block_writes")
    assert READ_ONLY.rpartition(".")[2] in blocks(world.everything()[world.green])


def test_a_crash_while_the_second_block_is_on_is_gone_on_from(world: World) -> None:
    crash_while_draining(world)
    world.apply()
    world.assert_switched()


def test_a_crash_while_the_second_block_is_on_is_taken_back(world: World) -> None:
    crash_while_draining(world)
    world.apply("--abandon")
    world.assert_on(world.green)


def test_a_read_only_index_of_somebody_else_stays_so(world: World) -> None:
    world.seed(20)
    world.make_plan()
    set_block(world, value=True)
    set_block(world, value=True, name=READ_ONLY)
    said = world.apply(code=4)
    assert READ_ONLY in said.stderr
    found = world.everything()
    assert list(found) == [world.green], "everything was taken back"
    assert set(blocks(found[world.green])) == {"write", "read_only"}
    set_block(world, value=None, name=READ_ONLY)
    world.apply()
    world.assert_switched()


def test_the_journal_says_which_settings_the_block_was_seen_with(world: World) -> None:
    world.seed(20)
    world.make_plan()
    world.apply("--through", "switch")
    lines = (world.folder / "plan.json.journal.jsonl").read_text().splitlines()
    (done,) = [
        one["data"]
        for one in map(json.loads, lines)
        if (one["event"], one["step"]) == ("done", "02-block_writes")
    ]
    assert done[draining.VERSION] > 0
