"""What goes wrong between the plan of a release and its apply, and crashes in the middle of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from loader import load, write
from world import World

if TYPE_CHECKING:
    from esplan.cluster import Cluster

pytestmark = pytest.mark.live

OLD, NEW = "20261119t060000z", "2026-11-20t06-00-00.000z"


class Release(World):
    """A legacy job of one alias, on the older of two runs."""

    @property
    def alias(self) -> str:
        return f"{self.name}-prod"

    @property
    def old(self) -> str:
        return f"{self.name}-2_0_0-{OLD}"

    @property
    def new(self) -> str:
        return f"{self.name}-2_0_0-{NEW}"

    def point(self, index: str, alias: str = "", **action: Any) -> None:
        added = {"index": index, "alias": alias or self.alias}
        self.cluster.change("POST", "/_aliases", None, {"actions": [{"add": added | action}]})

    def job(self, **keys: str) -> list[str]:
        job = {
            "abort_run": "False",
            "alias_name": self.alias,
            "data_source": self.name,
            "delete_old": "True",
            "forcemerge_new": "True",
            "index_base": f"{self.name}-2_0_0",
            "new_replicas": "0",
        }
        path = self.folder / "job.json"
        path.write_text(json.dumps(job | keys))
        return ["plan", "--job", str(path)]

    def planned(self, **keys: str) -> dict[str, Any]:
        self.esplan(*self.job(**keys), "-o", str(self.plan))
        plan: dict[str, Any] = json.loads(self.plan.read_text())
        return plan

    def replicas(self, index: str) -> str:
        return str(self.everything()[index]["settings"]["index"]["number_of_replicas"])

    def assert_still_on_the_old(self) -> None:
        found = self.everything()
        assert {name: list(one["aliases"]) for name, one in found.items()} == {
            self.old: [self.alias],
            self.new: [],
        }
        self.assert_quiet()

    def assert_released(self, documents: int = 80) -> None:
        found = self.everything()
        assert {name: list(one["aliases"]) for name, one in found.items()} == {
            self.new: [self.alias]
        }
        assert "blocks" not in found[self.new]["settings"]["index"]
        assert len(self.read_documents(self.new)) == documents
        self.assert_quiet()


@pytest.fixture
def world(cluster: Cluster, url: str, name: str, folder: Any) -> Release:
    made = Release(cluster, url, name, folder)
    for run in (made.old, made.new):
        load(cluster, run, 20)
    made.point(made.old)
    return made


def test_a_run_that_was_emptied_since_the_plan_is_not_released(world: Release) -> None:
    """With no merge nobody has noted what was written to it."""
    world.planned(forcemerge_new="False")
    every = {"query": {"match_all": {}}}
    world.cluster.change("POST", f"/{world.new}/_delete_by_query?refresh=true", None, every)
    assert f"{world.new} has no document any more" in world.apply(code=4).stderr
    world.assert_still_on_the_old()


# Before the plan


def test_a_closed_run_is_not_released(world: Release) -> None:
    """A closed index is green: nothing else would have stopped it."""
    world.cluster.change("POST", f"/{world.new}/_close")
    said = world.esplan(*world.job(), code=4).stderr
    assert f"the run {world.new} is closed, and would serve nobody" in said
    assert f"open it first (POST /{world.new}/_open)" in said


def test_a_run_of_another_source_is_not_deleted(world: Release) -> None:
    """By hand the alias was put on a run of `<source>-vip`: it is no older base of `<source>`."""
    vip = f"{world.name}-vip-{OLD}"
    load(world.cluster, vip, 20, 1)
    world.cluster.change("DELETE", f"/{world.old}")
    world.point(vip)
    said = world.esplan(*world.job(), code=4).stderr
    assert f"delete_old would delete {vip}, which is no run of {world.name}" in said


def test_going_back_warns_that_the_newer_run_would_be_deleted(world: Release) -> None:
    world.cluster.change("DELETE", f"/{world.old}/_alias/{world.alias}")
    world.point(world.new)
    converted = json.loads(world.esplan("--json", "job", "convert", world.job()[-1]).stdout)
    converted["aliases"][world.alias]["runs"]["run"] = OLD
    desired = world.folder / "desired.json"
    desired.write_text(json.dumps(converted))
    said = world.esplan("plan", "-d", str(desired)).stdout
    assert f"this goes back, and deletes the newer run {world.new}" in said


# Between the plan and the apply


def test_the_run_was_closed(world: Release) -> None:
    world.planned(forcemerge_new="False")
    world.cluster.change("POST", f"/{world.new}/_close")
    said = world.apply(code=4).stderr
    assert f"{world.new} is closed" in said
    world.assert_still_on_the_old()


def test_the_run_was_deleted(world: Release) -> None:
    world.planned(forcemerge_new="False", new_replicas="1")
    world.cluster.change("DELETE", f"/{world.new}")
    said = world.apply(code=1).stderr
    assert f"the index {world.new} is gone" in said
    assert list(world.everything()[world.old]["aliases"]) == [world.alias]


def test_the_run_was_loaded_again_under_its_name(world: Release) -> None:
    world.planned()
    world.cluster.change("DELETE", f"/{world.new}")
    load(world.cluster, world.new, 1, number_of_replicas=0)
    assert f"{world.new} is another index now" in world.apply(code=4).stderr
    world.assert_still_on_the_old()


def test_the_alias_was_moved_by_hand(world: Release) -> None:
    other = f"{world.name}-by-hand"
    world.planned()
    world.cluster.change("PUT", f"/{other}")
    world.cluster.change("DELETE", f"/{world.old}/_alias/{world.alias}")
    world.point(other)
    said = world.apply(code=4).stderr
    assert f"the alias {world.alias} is on {other}, not on {world.old}" in said
    assert list(world.everything()[other]["aliases"]) == [world.alias]


def test_the_old_run_got_another_alias(world: Release) -> None:
    world.planned()
    world.point(world.old, f"{world.name}-reports")
    said = world.apply(code=4).stderr
    assert f"{world.old} still serves {world.name}-reports" in said
    assert world.old in world.everything()
    assert list(world.everything()[world.new]["aliases"]) == [world.alias]


# Between the phases


def test_a_run_written_to_after_its_merge_is_not_switched_to(world: Release) -> None:
    world.planned()
    world.apply("--through", "prepare")
    write(world.cluster, world.new, range(900, 901), refresh=True)
    said = world.apply(code=4).stderr
    assert f"{world.new} was written to since the plan was made" in said
    merge = f"force merge {world.new} to 1 segment a shard"
    assert f"everything was taken back but what cannot be: {merge}" in said
    assert f"undone: set number_of_replicas = 0 on {world.new}\n" in said
    assert world.replicas(world.new) == "1"
    world.assert_still_on_the_old()


def test_abandoned_after_prepare_and_applied_after_all(world: Release) -> None:
    world.planned()
    world.apply("--through", "prepare")
    said = world.apply("--abandon")
    assert "Taken back" in said.stdout
    assert f"stays: force merge {world.new}" in said.stderr
    assert world.replicas(world.new) == "1"
    world.assert_still_on_the_old()
    world.apply()
    world.assert_released()


def test_the_old_run_is_kept_while_the_new_one_does_not_serve(world: Release) -> None:
    world.planned()
    world.apply("--through", "switch")
    world.cluster.change("POST", f"/{world.new}/_close")
    assert f"{world.new} is closed" in world.apply(code=4).stderr
    assert world.old in world.everything()
    world.cluster.change("POST", f"/{world.new}/_open")
    world.apply()
    world.assert_released()


# Crashes


@pytest.mark.parametrize(
    "point",
    [
        "after-request:01-update_settings",
        "before-done:03-force_merge",
        "after-intent:05-update_aliases",
        "after-request:05-update_aliases",
        "after-request:06-retire_index",
        "after-intent:07-delete_index",
        "after-request:07-delete_index",
    ],
)
def test_a_crash_and_apply_again(world: Release, point: str) -> None:
    plan = world.planned()
    assert point.split(":")[1] in [step["id"] for step in plan["steps"]]
    world.crash(point)
    world.apply()
    world.assert_released()
