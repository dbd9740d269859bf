"""Maintenance as a plan: what `sizing` advises, carried out on a real server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from loader import Writer, load
from world import World

if TYPE_CHECKING:
    from pathlib import Path

    from esplan.cluster import Cluster

pytestmark = pytest.mark.live


AT_ONCE = {"store.stats_refresh_interval": "1ms"}
"""The server keeps the size of a store for ten seconds otherwise."""


class Kept(World):
    """A cluster's indices that nobody has looked after for a while."""

    def maintain(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        command = ["maintain", f"{self.name}*", *arguments, "-o", str(self.plan)]
        self.said = self.esplan(*command, code=code)
        plan: dict[str, Any] = json.loads(self.plan.read_text()) if code == 0 else {}
        return plan

    def advice(self, *arguments: str) -> list[str]:
        done = self.esplan("sizing", f"{self.name}*", "--format", "json", *arguments)
        rows = json.loads(done.stdout)["rows"]
        return sorted(advice["kind"] for row in rows for advice in row["advice"])

    def add_alias(self, index: str, alias: str) -> None:
        actions = [{"add": {"index": index, "alias": alias}}]
        self.cluster.change("POST", "/_aliases", None, {"actions": actions})

    def shards(self, index: str) -> str:
        found: str = self.everything()[index]["settings"]["index"]["number_of_shards"]
        return found

    def assert_moved(self, index: str, shards: str) -> None:
        """The alias, alone, on an index with so many shards and every document; no block left."""
        found = self.everything()[index]
        assert list(found["aliases"]) == [self.name]
        assert found["settings"]["index"].get("blocks", {}).get("write") is None
        assert self.shards(index) == shards
        assert self.read_documents(index) == self.documents
        self.assert_quiet()


@pytest.fixture
def world(cluster: Cluster, url: str, name: str, folder: Path) -> Kept:
    return Kept(cluster, url, name, folder)


def kinds(plan: dict[str, Any]) -> list[str]:
    return [step["kind"] for step in plan["steps"]]


def test_tiny_shards_are_shrunk_behind_the_alias(world: Kept) -> None:
    world.seed(2000, shards=6)
    plan = world.maintain("--only", "shards", "--allow-delete", f"index.{world.green}")
    (change,) = plan["changes"]
    assert (change["action"], change["route"]) == ("replace", "shrink")
    assert kinds(plan)[:4] == ["block_writes", "resize_index", "await_health", "verify"]
    world.apply()
    assert list(world.everything()) == [world.blue]
    world.assert_moved(world.blue, "1")
    settings = world.everything()[world.blue]["settings"]["index"]
    assert settings["auto_expand_replicas"] == "0-1"
    assert "shards" not in world.advice()
    assert world.maintain("--only", "shards")["steps"] == []


def test_huge_shards_are_split_and_the_old_index_is_kept(world: Kept) -> None:
    world.seed(2000, shards=2, **AT_ONCE)
    size = ("--shard-size", "24kb")
    plan = world.maintain("--only", "shards", *size)
    (change,) = plan["changes"]
    assert change["route"] == "split"
    wanted = change["after"]["settings"]["index.number_of_shards"]
    assert int(wanted) > 2
    world.apply()
    world.assert_moved(world.blue, wanted)
    assert world.everything()[world.green]["aliases"] == {}
    assert world.read_documents(world.green) == world.documents
    assert "may be left over" in world.esplan("maintain", f"{world.name}*", *size).stdout


def test_what_cannot_be_split_is_copied(world: Kept) -> None:
    world.seed(2000, shards=2, number_of_routing_shards=2, **AT_ONCE)
    plan = world.maintain("--only", "shards", "--shard-size", "24kb")
    (change,) = plan["changes"]
    assert change["route"] == "reindex"
    assert "reindex" in kinds(plan)
    world.apply()
    world.assert_moved(world.blue, change["after"]["settings"]["index.number_of_shards"])


@pytest.mark.parametrize("point", ["after-request", "after-done", "before-done"])
@pytest.mark.parametrize("step", ["02-resize_index", "07-update_aliases"])
def test_a_kill_around_a_resize_loses_nothing(world: Kept, point: str, step: str) -> None:
    world.seed(500, shards=4)
    world.maintain("--only", "shards", "--allow-delete", f"index.{world.green}")
    assert step in [one["id"] for one in json.loads(world.plan.read_text())["steps"]]
    world.crash(f"{point}:{step}")
    world.apply()
    assert list(world.everything()) == [world.blue]
    world.assert_moved(world.blue, "1")


def test_an_abandoned_resize_leaves_nothing(world: Kept) -> None:
    world.seed(500, shards=4)
    world.maintain("--only", "shards")
    world.crash("after-done:02-resize_index")
    assert sorted(world.everything()) == [world.blue, world.green]
    world.apply("--abandon")
    world.assert_on(world.green)


def test_a_resized_index_that_is_not_equal_is_not_switched_to(world: Kept) -> None:
    world.seed(500, shards=4)
    world.maintain("--only", "shards")
    world.crash("after-done:02-resize_index")
    world.load(world.blue, {"foreign": {"flight": 1}})
    said = world.apply(code=4).stderr
    assert f"{world.blue} is not equal to {world.green}" in said
    world.assert_on(world.green)


def test_no_way_is_said_and_the_rest_goes_on(world: Kept) -> None:
    """Clients' own name, two aliases, a loader's run, a taken name."""
    plain, two, run = f"{world.name}-plain", f"{world.name}-two", f"{world.name}-20261120t060000z"
    for index in (plain, two, run):
        load(world.cluster, index, 10, 1, number_of_shards=3, number_of_replicas=0)
    world.add_alias(two, f"{world.name}-a")
    world.add_alias(two, f"{world.name}-b")
    world.seed(100, shards=3)
    load(world.cluster, world.blue, 10, 1)
    world.add_alias(world.blue, f"{world.name}-other")
    plan = world.maintain("--only", "shards")
    assert plan["steps"] == []
    said = "\n".join(plan["warnings"])
    assert f"index.{plain} has 3 shards" in said
    assert "clients use its own name: put it behind an alias first" in said
    assert f"only one alias can be moved, and {world.name}-a, {world.name}-b are on it" in said
    assert "a loader makes this index: let it make its next run so" in said
    assert f"no name is free for the new index: {world.blue} exists" in said


def test_merges_and_replicas_in_place(world: Kept) -> None:
    index = f"{world.name}-one"
    load(world.cluster, index, 50, 8)
    assert world.advice() == ["force_merge", "replicas"]
    plan = world.maintain()
    assert kinds(plan) == ["update_settings", "force_merge"]
    (change,) = plan["changes"]
    assert (change["address"], change["action"]) == (f"index.{index}", "update")
    assert f"index.{index}: if a desired file has it, let that say number_of_replicas 0" in str(
        plan["warnings"]
    )
    world.apply()
    world.cluster.read(f"/{index}/_refresh")  # OpenSearch searches the old segments until then
    assert world.advice() == []
    assert world.maintain()["changes"] == []
    assert "No changes: there is nothing to do." in world.said.stdout


def test_an_index_that_is_written_to_is_not_merged(world: Kept) -> None:
    index = f"{world.name}-one"
    load(world.cluster, index, 50, 8, number_of_replicas=0)
    with Writer(world.cluster.connection, index):
        plan = world.maintain("--only", "force-merge")
    assert plan["steps"] == []
    assert plan["warnings"] == [f"index.{index} is not force merged: somebody writes to it"]


def test_an_index_written_to_since_the_plan_is_left_out_and_the_rest_merged(world: Kept) -> None:
    one, two = f"{world.name}-one", f"{world.name}-two"
    for index in (one, two):
        load(world.cluster, index, 50, 8, number_of_replicas=0)
    assert kinds(world.maintain("--only", "force-merge")) == ["force_merge", "force_merge"]
    world.load(one, {"late": {"n": 1}})
    said = world.apply().stderr
    assert f"{one} is written to, so it is not merged" in said
    assert "left out, somebody writes to it" in said
    world.cluster.read(f"/{two}/_refresh")  # OpenSearch's searches see the old ones until then
    segments = world.cluster.read(f"/_cat/segments/{two}", {"format": "json"})
    assert len(segments) == 1


def test_deleted_documents_are_merged_away(world: Kept) -> None:
    index = f"{world.name}-one"
    body = {"settings": {"number_of_replicas": 0, "soft_deletes.retention_lease.period": "1s"}}
    world.cluster.change("PUT", f"/{index}", None, body)
    documents = {str(number): {"flight": number} for number in range(1000)}
    world.load(index, documents)
    query = {"query": {"range": {"flight": {"lt": 600}}}}
    world.cluster.change("POST", f"/{index}/_delete_by_query", {"refresh": "true"}, query)
    world.cluster.change("POST", f"/{index}/_flush")
    plan = world.maintain("--only", "force-merge")
    (step,) = plan["steps"]
    assert "only_expunge_deletes=true" in step["request"]["path"]
    world.apply()
    assert len(world.read_documents(index)) == 400


def test_a_leftover_is_deleted_only_by_name(world: Kept) -> None:
    world.seed(100)
    load(world.cluster, world.blue, 10, 1, number_of_replicas=0)
    plan = world.maintain()
    assert plan["steps"] == []
    said = f"index.{world.blue} (10 documents) may be left over: its name is like that of"
    assert f"{said} {world.green}, which {world.name} is on" in str(plan["warnings"])
    plan = world.maintain("--allow-delete", f"index.{world.blue}")
    assert kinds(plan) == ["retire_index", "delete_index"]
    world.apply()
    world.assert_on(world.green)


@pytest.mark.parametrize("wrong", ["green", "blu"])
def test_a_consent_that_fits_nothing_is_a_mistake(world: Kept, wrong: str) -> None:
    world.seed(100)
    load(world.cluster, world.blue, 10, 1)
    world.maintain("--allow-delete", f"index.{world.name}_{wrong}", code=64)
    assert "this plan would delete no such index" in world.said.stderr
    assert sorted(world.everything()) == [world.blue, world.green]


def test_a_leftover_that_somebody_uses_again_is_not_deleted(world: Kept) -> None:
    world.seed(100)
    load(world.cluster, world.blue, 10, 1)
    world.maintain("--only", "leftovers", "--allow-delete", f"index.{world.blue}")
    world.add_alias(world.blue, f"{world.name}-again")
    assert f"{world.blue} still serves {world.name}-again" in world.apply(code=4).stderr
    assert world.blue in world.everything()
    world.assert_quiet()


def test_a_leftover_with_many_segments_is_looked_at_before_it_is_deleted(world: Kept) -> None:
    """Its own advice on merges is not asked for here, and changes nothing about that."""
    world.seed(100)
    load(world.cluster, world.blue, 20, 8, number_of_replicas=0)
    consent = ("--only", "leftovers", "--allow-delete", f"index.{world.blue}")
    steps = world.maintain(*consent)["steps"]
    assert all("unwritten" in [check["check"] for check in one["preconditions"]] for one in steps)
    world.load(world.blue, {"late": {"n": 1}})
    said = world.apply(code=4).stderr
    assert f"{world.blue} was written to since the plan was made" in said
    assert world.blue in world.everything()
