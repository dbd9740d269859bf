"""What is deleted has an heir: durable, served, whole; and nobody wrote to what goes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from fleet import started
from loader import load
from world import REPLICAS, World, back, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fleet import Fleet

pytestmark = pytest.mark.live

ASYNC: dict[str, Any] = {"translog": {"durability": "async", "sync_interval": "60s"}}
OLD, NEW = "20261119t060000z", "20261120t060000z"


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with started() as found:
        yield found


# A server that is killed just after exit 0


def copied(world: World, **parts: Any) -> str:
    world.seed(300)
    world.make_plan(settings={**REPLICAS, **ASYNC}, **parts)
    world.apply()
    return world.blue


def split(world: World) -> str:
    """Hard links, and a field that is filled by a backfill."""
    world.seed(300, number_of_routing_shards=4, **ASYNC)
    properties = {"flight": {"type": "integer", "fields": {"word": {"type": "keyword"}}}}
    world.make_plan(settings={**REPLICAS, "number_of_shards": 2}, properties=properties)
    world.apply()
    return world.blue


def released(world: World) -> str:
    """The index of a loader, which has just written it."""
    for run in (OLD, NEW):
        load(world.cluster, f"{world.name}-{run}", 100, number_of_replicas=0, **ASYNC)
    world.cluster.change("PUT", f"/{world.name}-{OLD}/_alias/{world.name}")
    world.documents = world.read_documents(f"{world.name}-{NEW}")
    plan_release(world)
    world.apply()
    return f"{world.name}-{NEW}"


def plan_release(world: World, **finish: Any) -> dict[str, Any]:
    alias = {
        "index": {"name": "{index_base}-{run_id}"},
        "runs": {"source": world.name, "index_base": world.name, "run": NEW},
        "finish": {"delete_old": True, **finish},
    }
    path = world.folder / "desired.json"
    path.write_text(json.dumps({"version": 1, "aliases": {world.name: alias}}))
    world.esplan("plan", "-d", str(path), "-o", str(world.plan))
    plan: dict[str, Any] = json.loads(world.plan.read_text())
    return plan


def went_back(world: World) -> str:
    """The old index is the heir of what clients wrote to the new one."""
    world.seed(300, **ASYNC)
    world.make_plan(finish={})
    world.apply()
    late = {f"late-{number}": {"flight": number} for number in range(50)}
    world.load(world.name, late)
    world.documents |= late
    back(world, "--allow-delete", f"alias.{world.name}")
    world.apply()
    return world.green


WAYS: dict[str, Any] = {
    "block": copied,
    "catch-up": lambda world: copied(world, migrate={"writes": "catch-up"}),
    "split": split,
    "release": released,
    "rollback": went_back,
}


def test_a_server_killed_just_after_the_end_has_every_document(
    fleet: Fleet, name: str, folder: Path
) -> None:
    """Its translog is written only every minute: all of them were acknowledged, and could be lost.

    Before the heir was flushed, none of 300 documents of a copy was left.
    """
    worlds: dict[str, tuple[World, str]] = {}
    for number, (way, go) in enumerate(WAYS.items()):
        own = folder / str(number)
        own.mkdir()
        world = World(fleet.cluster(), fleet.nodes[0].url, f"{name}-{number}", own)
        worlds[way] = (world, go(world))
    fleet.nodes[0].kill()
    fleet.nodes[0].start()
    fleet.await_whole()
    left = {way: len(one.read_documents(index)) for way, (one, index) in worlds.items()}
    assert left == {way: len(one.documents) for way, (one, _) in worlds.items()}
    for world, index in worlds.values():
        assert world.read_documents(index) == world.documents
        world.cluster.__exit__(None, None, None)


# Days between the switch and the delete


def switched(world: World, **parts: Any) -> None:
    world.seed(100)
    world.make_plan(**parts)
    world.apply("--through", "switch")


def assert_kept(world: World, *said: str, index: str = "") -> None:
    """The delete is refused, with what was found; the old index is there with its documents."""
    index = index or world.green
    before = world.read_documents(index)
    done = world.apply(code=4)
    for one in said:
        assert one in done.stderr
    assert "nothing was deleted" in done.stderr
    assert "taken back" not in done.stderr
    assert world.read_documents(index) == before


WRITES = ["block", "catch-up"]


@pytest.mark.parametrize("writes", WRITES)
def test_the_old_index_is_blocked_until_it_is_deleted(world: World, writes: str) -> None:
    switched(world, migrate={"writes": writes})
    assert blocks(world.everything()[world.green]) == {"write": "true"}
    assert blocks(world.everything()[world.blue]) == {}
    world.load(world.name, {"late": {"flight": "3"}})
    world.documents["late"] = {"flight": "3"}
    world.apply()
    world.assert_switched()


@pytest.mark.parametrize("writes", WRITES)
def test_what_was_written_to_the_old_index_after_the_switch_is_kept(
    world: World, writes: str
) -> None:
    switched(world, migrate={"writes": writes})
    lift(world, world.green)
    world.load(world.green, {"late": {"flight": 3}})
    assert_kept(world, f"the write block on {world.green} was lifted")
    world.cluster.change("PUT", f"/{world.green}/_block/write")
    assert_kept(world, f"{world.green} was written to after the proof", '"index.blocks.write":null')
    assert "late" in world.read_documents(world.green)


def test_a_block_that_was_lifted_and_is_set_again_lets_the_delete_go_on(world: World) -> None:
    """What the message says to do works."""
    switched(world)
    lift(world, world.green)
    assert_kept(world, f"PUT /{world.green}/_block/write")
    world.cluster.change("PUT", f"/{world.green}/_block/write")
    world.apply()
    world.assert_switched()


def lift(world: World, index: str) -> None:
    world.cluster.change("PUT", f"/{index}/_settings", None, {"index.blocks.write": None})


def test_a_heir_that_was_replaced_inherits_nothing(world: World) -> None:
    """The old index is the last copy."""
    switched(world)
    world.cluster.change("DELETE", f"/{world.blue}")
    world.cluster.change("PUT", f"/{world.blue}", None, {"aliases": {world.name: {}}})
    assert_kept(world, f"{world.blue} is another index than the one that was proven")
    world.load(world.blue, {"0": {"flight": 1}})
    assert_kept(world, f"{world.blue} is another index than the one that was proven")


def test_a_heir_without_documents_inherits_nothing(world: World) -> None:
    switched(world)
    query = {"query": {"match_all": {}}}
    world.cluster.change("POST", f"/{world.blue}/_delete_by_query?refresh=true", None, query)
    assert_kept(world, f"{world.blue} has no document any more, and had 100 when it was proven")


def test_an_alias_that_was_moved_keeps_the_old_index(world: World) -> None:
    switched(world)
    world.cluster.change("PUT", f"/{world.name}-other", None, {})
    move = [
        {"remove": {"index": world.blue, "alias": world.name}},
        {"add": {"index": f"{world.name}-other", "alias": world.name}},
    ]
    world.cluster.change("POST", "/_aliases", None, {"actions": move})
    assert_kept(world, f"the alias {world.name} is on {world.name}-other")


def test_a_plan_that_was_rolled_back_deletes_nothing_when_it_is_finished(world: World) -> None:
    switched(world)
    applied = world.plan.read_text()
    back(world)
    world.apply()
    assert blocks(world.everything()[world.green]) == {}
    assert world.read_documents(world.green) == world.documents
    world.plan.write_text(applied)
    (world.folder / "plan.json.journal.jsonl").unlink()
    (world.folder / "applied.jsonl").rename(world.folder / "plan.json.journal.jsonl")
    assert_kept(world, f"the alias {world.name} is on {world.green}")
    assert list(world.everything()[world.green]["aliases"]) == [world.name]


# Where nothing is copied


def release(world: World) -> tuple[str, str]:
    for run in (OLD, NEW):
        load(world.cluster, f"{world.name}-{run}", 20, number_of_replicas=0)
    world.cluster.change("PUT", f"/{world.name}-{OLD}/_alias/{world.name}")
    plan_release(world)
    return f"{world.name}-{OLD}", f"{world.name}-{NEW}"


def test_an_old_run_is_blocked_until_it_is_deleted(world: World) -> None:
    old, new = release(world)
    world.apply("--through", "switch")
    assert blocks(world.everything()[old]) == {"write": "true"}
    lift(world, old)
    world.load(old, {"late": {"n": 1}})
    world.cluster.change("PUT", f"/{old}/_block/write")
    assert_kept(world, f"{old} was written to after it was blocked", index=old)
    world.cluster.change("DELETE", f"/{old}")
    world.apply()
    assert list(world.everything()) == [new]


def test_a_run_that_lost_its_documents_inherits_nothing(world: World) -> None:
    old, new = release(world)
    world.apply("--through", "switch")
    query = {"query": {"match_all": {}}}
    world.cluster.change("POST", f"/{new}/_delete_by_query?refresh=true", None, query)
    assert_kept(world, f"{new} has no document any more, and had 80", index=old)


@pytest.mark.parametrize("point", ["before-intent", "after-intent", "after-request", "after-done"])
def test_a_kill_about_the_block_of_an_old_run_loses_nothing(world: World, point: str) -> None:
    old, new = release(world)
    world.crash(f"{point}:03-retire_index")
    world.apply()
    assert list(world.everything()) == [new]
    assert old != new


def test_an_index_that_is_discarded_is_blocked_until_it_is_deleted(world: World) -> None:
    world.seed(20)
    path = str(world.desire(migrate={"data": "discard"}))
    consent = ["--allow-discard", f"alias.{world.name}"]
    world.esplan("plan", "-d", path, *consent, "-o", str(world.plan))
    world.apply("--through", "switch")
    assert blocks(world.everything()[world.green]) == {"write": "true"}
    lift(world, world.green)
    world.load(world.green, {"late": {"flight": 1}})
    assert_kept(world, f"the write block on {world.green} was lifted")


def test_a_leftover_is_blocked_before_it_is_deleted(world: World) -> None:
    """A client that writes to it by its own name is refused, or keeps it."""
    world.seed(20)
    world.make_plan(finish={})
    world.apply()
    named = f"index.{world.green}"
    options = ["--only", "leftovers", "--allow-delete", named, "-o", str(world.plan)]
    (world.folder / "plan.json.journal.jsonl").unlink()
    world.esplan("maintain", f"{world.name}*", *options)
    world.crash("before-intent:02-delete_index")
    assert blocks(world.everything()[world.green]) == {"write": "true"}
    lift(world, world.green)
    world.load(world.green, {"late": {"flight": 1}})
    done = world.apply(code=4)
    assert f"{world.green} was written to" in done.stderr
    assert blocks(world.everything()[world.green]) == {}
    assert "late" in world.read_documents(world.green)


def maintained(world: World) -> None:
    """A plan that deletes the leftover `green` of an alias that is on `blue`."""
    named = f"index.{world.green}"
    options = ["--only", "leftovers", "--allow-delete", named, "-o", str(world.plan)]
    (world.folder / "plan.json.journal.jsonl").unlink()
    world.esplan("maintain", f"{world.name}*", *options)


@pytest.mark.parametrize("how", ["anew", "emptied", "unaliased"])
def test_a_leftover_whose_heir_is_no_heir_any_more_is_kept(world: World, how: str) -> None:
    world.seed(20)
    world.make_plan(finish={})
    world.apply()
    maintained(world)
    if how == "anew":
        world.cluster.change("DELETE", f"/{world.blue}")
        body = {"settings": {"number_of_replicas": 0}, "aliases": {world.name: {}}}
        world.cluster.change("PUT", f"/{world.blue}", None, body)
    elif how == "emptied":
        every = {"query": {"match_all": {}}}
        world.cluster.change("POST", f"/{world.blue}/_delete_by_query?refresh=true", None, every)
    else:
        gone = {"remove": {"index": world.blue, "alias": world.name}}
        world.cluster.change("POST", "/_aliases", None, {"actions": [gone]})
    assert "ESP-4610" in world.apply(code=4).stderr
    assert world.read_documents(world.green) == world.documents


def test_a_closed_leftover_that_was_opened_is_kept(world: World) -> None:
    world.seed(20)
    world.make_plan(finish={})
    world.apply()
    lift(world, world.green)
    world.cluster.change("POST", f"/{world.green}/_close")
    maintained(world)
    world.cluster.change("POST", f"/{world.green}/_open")
    world.load(world.green, {"late": {"flight": 1}})
    world.cluster.change("POST", f"/{world.green}/_close")
    done = world.apply(code=4)
    assert f"{world.green} was opened since the plan was made" in done.stderr
    world.cluster.change("POST", f"/{world.green}/_open")
    assert "late" in world.read_documents(world.green)
    world.cluster.change("POST", f"/{world.green}/_close")
    maintained(world)
    world.apply()
    assert world.green not in world.everything()


def test_what_is_said_to_do_where_another_alias_is_on_it_works(world: World) -> None:
    """It came between the switch and the delete."""
    world.seed(20)
    world.make_plan()
    world.apply("--through", "switch")
    other = {"index": world.green, "alias": f"{world.name}-other"}
    world.cluster.change("POST", "/_aliases", None, {"actions": [{"add": other}]})
    said = " ".join(world.apply(code=4).stderr.split())
    assert f"take {world.name}-other off it, and delete it with `esplan maintain" in said
    world.cluster.change("POST", "/_aliases", None, {"actions": [{"remove": other}]})
    file = str(world.folder / "maintained.json")
    world.esplan("maintain", "--allow-delete", f"index.{world.green}", "-o", file)
    world.esplan("apply", file, "--auto-approve")
    assert list(world.everything()) == [world.blue]
