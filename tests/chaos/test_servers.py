"""Servers that are killed, run out of disk, or are blocked by hand, in the middle of an apply."""

from __future__ import annotations

import random
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest
from fleet import Fleet, Node, started
from holding import AGAIN, state, stopped
from world import REPLICAS, SENT, World, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    import processes
    from conftest import Scale, Tally

    from esplan.cluster import Cluster

pytestmark = pytest.mark.live

TRIAL = "server kills"

PACE: dict[str, Any] = {"requests_per_second": 1000}


@pytest.fixture(scope="module")
def single() -> Iterator[Fleet]:
    with started() as fleet:
        yield fleet


@pytest.fixture(scope="module")
def three() -> Iterator[Fleet]:
    with started(3, "512m") as fleet:
        yield fleet


def make(fleet: Fleet, world: World, number: int, **parts: Any) -> World:
    """Of a plan and 3,000 documents, on a fleet."""
    made = seeded(world, fleet.cluster(), fleet.nodes[0].url, number, 3000)
    fleet.await_whole("green")
    made.make_plan(**parts)
    return made


def seeded(world: World, cluster: Cluster, url: str, number: int, count: int) -> World:
    folder = world.folder / str(number)
    folder.mkdir()
    made = World(cluster, url, f"{world.name}-{number}", folder)
    made.seed(count)
    return made


def finished(process: processes.Process, *codes: int) -> int:
    """It ended, with a word about how to go on where it has not succeeded."""
    code, (out, said) = process.wait(240), process.output()
    assert code in codes, f"{code}\n{out}\n{said}"
    assert "Traceback" not in said
    assert code == 0 or "Error ESP-" in said, said
    assert code != 3 or AGAIN in said or "apply the plan again" in said, said
    return code


def assert_safe(world: World) -> None:
    """The alias is on one index, which has every document."""
    found = world.everything()
    (serving,) = [name for name, one in found.items() if world.name in one["aliases"]]
    assert world.read_documents(serving) == world.documents


def end(world: World) -> None:
    """Everything as wanted, and nothing left of the trial."""
    world.assert_switched()
    world.cluster.change("DELETE", f"/{world.blue}")
    world.cluster.__exit__(None, None, None)


# One server, killed and started again


KILLS: dict[str, tuple[str, dict[str, Any]]] = {
    "copy": ("middle:03-reindex", {"migrate": PACE}),
    "verify": ("middle:04-verify", {}),
    "switch": ("in-send:07-update_aliases", {}),
    "force merge": (
        "in-send:08-force_merge",
        {"finish": {"delete_old": True, "forcemerge": 1}, "migrate": {"slices": 4}},  # segments
    ),
    "catch-up": ("in-send:05-catch_up", {"migrate": {"writes": "catch-up"}}),
    "delete": ("in-send:08-delete_index", {}),
}


@pytest.mark.parametrize("what", KILLS)
def test_a_server_that_is_killed_and_comes_back_loses_nothing(
    single: Fleet, world: World, scale: Scale, tally: Tally, what: str
) -> None:
    point, parts = KILLS[what]
    for number in range(scale(int(what != "delete"), 20)):
        one = make(single, world, number, **parts)
        with stopped(one, point) as process:
            killed(single, process, at_once=number % 2 == 0)
            single.nodes[0].start()
            single.await_whole()
            code = finished(process, 0, 3)
        if code:
            one.apply()
        end(one)
        tally.add(TRIAL, kills=1, lost=0, resumed=code == 3)


def killed(fleet: Fleet, process: processes.Process, *, at_once: bool) -> None:
    """At the point itself, or a moment after it. It counts only while the apply is there."""
    if not at_once:
        process.send(signal.SIGCONT)
        time.sleep(random.uniform(0, 0.1))
    assert state(process) not in ("", "Z")
    fleet.nodes[0].kill()
    process.send(signal.SIGCONT)
    time.sleep(random.uniform(0, 2))


def test_a_server_that_stays_away_stops_the_apply(single: Fleet, world: World) -> None:
    """It says so, and what to do; it does not wait for ever."""
    point, parts = KILLS["switch"]
    one = make(single, world, 0, **parts)
    with stopped(one, point, patience=3) as process:
        killed(single, process, at_once=True)
        assert finished(process, 3) == 3
        said = process.output()[1]
        assert "no answer from" in said
        assert "asking again for up to 3 s" in said
    single.nodes[0].start()
    single.await_whole()
    assert_safe(one)
    one.apply()
    end(one)


# A node of three


@pytest.mark.parametrize("what", ["copy", "verify", "switch"])
def test_a_node_of_three_that_is_killed_loses_nothing(
    three: Fleet, world: World, scale: Scale, tally: Tally, what: str
) -> None:
    """The one that the apply speaks to, and that runs its copy; the master; another one."""
    point, parts = KILLS[what]
    for number in range(scale(int(what == "copy"), 7)):
        one = make(three, world, number, **parts)
        victim = chosen(three, ("master", "spoken to", "other")[number % 3])
        with stopped(one, point) as process:
            victim.kill()
            process.send(signal.SIGCONT)
            time.sleep(random.uniform(0, 5))
            victim.start()
            three.await_whole()
            code = finished(process, 0, 3)
        three.await_whole("green")
        assert_safe(one)
        if code:
            one.apply()
        end(one)
        tally.add(TRIAL, nodes_killed=1, lost=0, resumed=code == 3)


def test_a_node_that_is_gone_for_good_is_done_without(
    three: Fleet, world: World, scale: Scale, tally: Tally
) -> None:
    """It ran the copy; the apply stops, and goes on by way of another node.

    The new index, which has no replica yet, is kept on the others.
    """
    point, parts = KILLS["copy"]
    away = {"routing.allocation.exclude._name": three.nodes[0].name}
    parts = {**parts, "settings": {**REPLICAS, **away}}
    for number in range(scale(0, 3)):
        one = make(three, world, number, **parts)
        with stopped(one, point, patience=3) as process:
            three.nodes[0].kill()
            process.send(signal.SIGCONT)
            assert finished(process, 3) == 3
        with three.cluster(1) as cluster:
            one.cluster, one.url = cluster, three.nodes[1].url
            one.apply()
            assert_safe(one)
            three.nodes[0].start()
            three.await_whole("green")
            end(one)
        tally.add(TRIAL, nodes_killed=1, lost=0, resumed=1)


def chosen(fleet: Fleet, role: str) -> Node:
    """A node by what it is to the apply, which speaks to the first."""
    with fleet.cluster() as cluster:
        master = cluster.read("/_cluster/state/master_node")["master_node"]
        names = {key: n["name"] for key, n in cluster.read("/_nodes/_all/none")["nodes"].items()}
    if role == "spoken to":
        return fleet.nodes[0]
    others = [one for one in fleet.nodes[1:] if one.name != names[master]]
    return fleet.named(names[master]) if role == "master" else others[0]


# Disks


DISK = "cluster.routing.allocation.disk"
MUCH = "500000gb"
"""More than any disk has free."""


@pytest.mark.parametrize("what", ["copy", "verify", "switch", "catch-up"])
def test_a_full_disk_in_the_middle_loses_nothing(
    url: str, world: World, scale: Scale, tally: Tally, what: str
) -> None:
    """The server blocks every index on it, the one of esplan's lock and journals too."""
    point, parts = KILLS[what]
    for number in range(scale(int(what == "copy"), 5)):
        one = seeded(world, world.cluster, url, number, 3000)
        one.make_plan(**parts)
        try:
            with stopped(one, point) as process:
                fill(one)
                process.send(signal.SIGCONT)
                code = finished(process, 0, 1, 3, 4)
        finally:
            empty(one)
        assert_safe(one)
        if code:
            one.apply()
        one.assert_switched()
        tally.add(TRIAL, disks_filled=1, lost=0, resumed=code == 3)


STATE = "/esplan-state"


def fill(world: World) -> None:
    """Until the server has blocked what was not write-blocked: it looks every few seconds."""
    marks = dict.fromkeys(("low", "high", "flood_stage"), MUCH)
    given: dict[str, Any] = {f"{DISK}.watermark.{name}": value for name, value in marks.items()}
    given |= {f"{DISK}.threshold_enabled": True, "cluster.info.update.interval": "10s"}
    world.cluster.change("PUT", "/_cluster/settings", None, {"transient": given})
    deadline = time.monotonic() + 60
    while "read_only_allow_delete" not in blocks(world.cluster.read(STATE)["esplan-state"]):
        assert time.monotonic() < deadline
        time.sleep(0.3)


def empty(world: World) -> None:
    """As it was; the server would lift the blocks by itself, later."""
    keys = [f"{DISK}.watermark.{name}" for name in ("low", "high", "flood_stage")]
    keys += [f"{DISK}.threshold_enabled", "cluster.info.update.interval"]
    nothing = {"transient": dict.fromkeys(keys)}
    world.cluster.change("PUT", "/_cluster/settings", None, nothing)
    time.sleep(1)
    lifted = {"index.blocks.read_only_allow_delete": None}
    for index in (f"{world.name}*", "esplan-state"):
        world.cluster.change("PUT", f"/{index}/_settings", None, lifted)


# Indices that somebody blocks by hand


BLOCKS = ["read_only", "read_only_allow_delete", "write", "metadata", "read"]

BY_HAND = [
    (step, block, side)
    for step in SENT
    for block in BLOCKS
    for side in ("green", "blue")
    if not (side == "blue" and step == "01-create_index")  # it is not there yet
]


def test_an_index_that_is_blocked_by_hand_loses_nothing(
    url: str, world: World, scale: Scale, tally: Tally
) -> None:
    """Of the source or the target, before each step: it stops, or fails, and says why."""
    cases = BY_HAND[:: 1 if scale.full else 16]
    for number, (step, block, side) in enumerate(cases):
        one = seeded(world, world.cluster, url, number, 200)
        one.make_plan()
        try:
            blocked(one, step, block, side)
        except AssertionError as error:
            raise AssertionError(f"{block} on {side} before {step}: {error}") from error
        finally:
            lift(one, block)
        tally.add(TRIAL, blocks_by_hand=1, lost=0)


def blocked(world: World, step: str, block: str, side: str) -> None:
    index = f"{world.name}_{side}"
    with stopped(world, f"before-intent:{step}") as process:
        # esplan's own block is not what somebody lifts who cures the cause
        was = blocks(world.everything()[index])
        ours = block == "write" and "write" in was
        put = {f"index.blocks.{block}": True}
        world.cluster.change("PUT", f"/{index}/_settings", None, put)
        process.send(signal.SIGCONT)
        code = finished(process, 0, 1, 3, 4)
        said = process.output()[1]
    if code:
        assert index in said, said
        assert "block" in said, said
    if not ours:
        lift(world, block, index)
    assert_safe(world)
    if code:
        world.apply()
    lift(world, block)
    world.assert_switched()


def lift(world: World, block: str, index: str = "") -> None:
    """While the metadata of one index is blocked, nothing can be read of all."""
    for name in [index] if index else [world.green, world.blue]:
        there = world.cluster.read(f"/_cluster/state/metadata/{name}")["metadata"]["indices"]
        if there:
            put = {f"index.blocks.{block}": None}
            world.cluster.change("PUT", f"/{name}/_settings", None, put)
