"""esplan throttle from another process, and a copy that pauses under pressure."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import processes
import pytest
from fixtures import ROLES

from esplan.live import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from world import World

    from esplan.cluster import Cluster

pytestmark = pytest.mark.live

SLOW = {"requests_per_second": 500}
DISK = "cluster.routing.allocation.disk.watermark"


class Apply:
    """An apply in a process of its own; `events` are those that it has printed."""

    def __init__(self, world: World) -> None:
        command = [sys.executable, "-m", "esplan", "--url", world.url, "apply", str(world.plan)]
        self.process = subprocess.Popen(
            [*command, "--auto-approve", "--json"],
            env=processes.environment(command),
            stdout=subprocess.PIPE,
            text=True,
        )
        self.events: list[dict[str, Any]] = []

    def until(self, told: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        assert self.process.stdout
        for line in self.process.stdout:
            self.events.append(json.loads(line))
            if told(self.events[-1]):
                return self.events[-1]
        raise AssertionError(f"it ended: {self.events}")

    def until_copying(self) -> None:
        self.until(lambda one: one["event"] == "step_progress" and one["step"] == "03-reindex")

    def until_note(self, said: str) -> str:
        return str(self.until(lambda one: said in one.get("text", ""))["text"])

    def end(self) -> int:
        assert self.process.stdout
        if not self.process.stdout.closed:
            self.events += [json.loads(line) for line in self.process.stdout]
            self.process.stdout.close()
        return self.process.wait(timeout=60)


@contextmanager
def applying(world: World) -> Iterator[Apply]:
    one = Apply(world)
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.process.kill()
        one.end()


def rates(world: World) -> list[float]:
    """Of the parent copies of this test's index."""
    found = world.cluster.read("/_tasks", {"actions": "*reindex", "detailed": "true"})
    tasks = [one for node in found["nodes"].values() for one in node["tasks"].values()]
    mine = [one for one in tasks if world.name in one["description"]]
    return [one["status"]["requests_per_second"] for one in mine if "parent_task_id" not in one]


def test_a_copy_that_runs_is_made_faster_and_slower(world: World) -> None:
    world.seed(20_000)
    world.make_plan(migrate=SLOW)
    with applying(world) as apply:
        apply.until_copying()
        assert rates(world) == [500]
        said = world.esplan("throttle", str(world.plan), "1000").stdout
        assert said.startswith("Running at 1,000 documents a second now: task ")
        assert rates(world) == [1000]
        began = time.monotonic()
        world.esplan("throttle", str(world.plan), "-1", "--json")
        assert apply.end() == 0
        assert time.monotonic() - began < 15, "20,000 at 1,000 a second would take 20"
    world.assert_switched()
    assert "has ended" in world.esplan("throttle", str(world.plan), "5", code=4).stderr
    world.cluster.change("POST", "/esplan-state/_refresh")  # a search lags behind a delete
    state = world.cluster.read(
        "/esplan-state/_search", None, {"query": {"term": {"kind": "throttle"}}}
    )
    digest = json.loads(world.plan.read_text())["digest"]
    assert digest not in str(state)


def test_the_slices_of_a_copy_follow_their_parent(world: World) -> None:
    world.seed(12_000, shards=2)
    world.make_plan(migrate=SLOW)
    with applying(world) as apply:
        apply.until_copying()
        world.esplan("throttle", str(world.plan), "off")
        began = time.monotonic()
        assert apply.end() == 0
        assert time.monotonic() - began < 10, "12,000 at 500 a second would take 24"
    world.assert_switched()


def test_the_rate_is_kept_for_a_copy_that_is_started_later(world: World) -> None:
    world.seed(3000)
    world.make_plan()
    said = world.esplan("throttle", str(world.plan), "500").stdout
    assert said == (
        "No copy of this plan runs now; one that is started gets: 500 documents a second.\n"
    )
    with applying(world) as apply:
        apply.until_copying()
        assert rates(world) == [500]
        (task,) = tasks(world)
        path = f"/_tasks/{task}/_cancel"
        world.cluster.change("POST", path, {"wait_for_completion": "true"})
        assert apply.end() == 1, "a cancelled copy is a failure"
    world.assert_on(world.green)
    world.esplan("throttle", str(world.plan), "off")
    world.apply()
    world.assert_switched()


def tasks(world: World) -> list[str]:
    found = world.cluster.read("/_tasks", {"actions": "*reindex", "detailed": "true"})
    return [
        name
        for node in found["nodes"].values()
        for name, one in node["tasks"].items()
        if world.name in one["description"]
    ]


@pytest.mark.parametrize("rate", ["0", "fast", "-2"])
def test_what_is_no_rate_is_a_usage_error(world: World, rate: str) -> None:
    world.seed(10)
    world.make_plan()
    assert (
        f'"{rate}" is not a rate' in world.esplan("throttle", str(world.plan), rate, code=64).stderr
    )


@contextmanager
def watermarks(cluster: Cluster, **marks: str) -> Iterator[None]:
    """Free bytes at which the server thinks its disks full; it looks every few seconds."""
    given = {f"{DISK}.{name}": value for name, value in marks.items()}
    given["cluster.routing.allocation.disk.threshold_enabled"] = "true"
    nothing = dict.fromkeys(given)
    try:
        cluster.change("PUT", "/_cluster/settings", None, {"transient": given})
        yield
    finally:
        cluster.change("PUT", "/_cluster/settings", None, {"transient": nothing})


MUCH = "500000gb"
"""More than any disk has free."""


def test_a_copy_pauses_while_a_disk_is_past_its_watermark(world: World) -> None:
    world.seed(8000)
    world.make_plan(migrate=SLOW)
    with applying(world) as apply:
        apply.until_copying()
        with watermarks(world.cluster, low=MUCH, high=MUCH, flood_stage="1b"):
            said = apply.until_note("pausing the copy")
            assert "is past its high disk watermark" in said
            time.sleep(1)
            assert rates(world) == [1]
            said_then = world.esplan("throttle", str(world.plan), "off").stdout
            assert "is paused, or at a crawl; when it goes on: no limit." in said_then
            time.sleep(4)
            assert rates(world) == [1]
            assert len(world.read_documents(world.blue)) < 8000
        apply.until_note("the pressure is gone: the copy goes on")
        assert apply.end() == 0
    assert [one["text"] for one in apply.events if "pausing" in one.get("text", "")] == [said]
    world.assert_switched()


@pytest.mark.skipif(ROLES, reason="a full disk blocks the index of the users, too")
def test_a_disk_past_its_flood_stage_stops_the_copy_and_it_goes_on_later(world: World) -> None:
    world.seed(8000)
    world.make_plan(migrate=SLOW)
    with applying(world) as apply:
        apply.until_copying()
        with watermarks(world.cluster, low=MUCH, high=MUCH, flood_stage=MUCH):
            assert apply.end() == 3
        last = apply.events[-1]
        assert "is past its flood-stage disk watermark" in last["what"]
        assert "make room on the disk" in last["remedy"]
        assert tasks(world) == []
    unblocked(world)
    world.apply()
    world.assert_switched()


def unblocked(world: World) -> None:
    """Lift what the server blocked, esplan's own index, too; a block may come late."""
    nothing = {"index.blocks.read_only_allow_delete": None}
    deadline = time.monotonic() + 60
    free = 0
    while free < 5:
        assert time.monotonic() < deadline, "the server blocks them again and again"
        indices = blocked(world)
        free = 0 if indices else free + 1
        if indices:
            world.cluster.change("PUT", f"/{','.join(indices)}/_settings", None, nothing)
        time.sleep(0.5)


def blocked(world: World) -> dict[str, Any]:
    """Every index that a full disk blocks, but for the server's own."""
    asked = {"expand_wildcards": "all", "filter_path": "**.read_only_allow_delete"}
    return world.cluster.read(f"{EVERYTHING}/_settings", asked)
