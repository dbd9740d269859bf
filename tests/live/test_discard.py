"""`data: discard` on a real server: an empty index behind the alias, and a crash on the way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from world import World

if TYPE_CHECKING:
    from pathlib import Path

    from esplan.cluster import Cluster

pytestmark = pytest.mark.live

DISCARD = {"data": "discard"}
STEPS = [
    "01-create_index",
    "02-await_health",
    "03-update_aliases",
    "04-retire_index",
    "05-delete_index",
]


@pytest.fixture
def world(cluster: Cluster, url: str, name: str, folder: Path) -> World:
    made = World(cluster, url, name, folder)
    made.seed(50)
    return made


def plan(world: World, *options: str, **parts: object) -> list[str]:
    desired = str(world.desire(migrate=DISCARD, **parts))
    world.esplan("plan", "-d", desired, "-o", str(world.plan), *options)
    return [step["id"] for step in json.loads(world.plan.read_text())["steps"]]


def test_without_consent_the_plan_is_shown_and_refused(world: World) -> None:
    plan(world)
    shown = world.esplan("show", str(world.plan)).stdout
    lost = f"50 documents of {world.green} will not be in {world.blue}"
    assert f"DISCARDS 50 documents: {world.blue} begins empty" in shown
    assert f"apply will refuse this plan: alias.{world.name}: {lost}" in shown
    error = world.apply(code=4).stderr
    assert lost in error
    assert "make the plan with --allow-discard for each of these aliases" in error
    world.assert_on(world.green)


def test_a_misspelt_consent_is_a_usage_error(world: World) -> None:
    path = str(world.desire(migrate=DISCARD))
    said = world.esplan("plan", "-d", path, "--allow-discard", "alias.wrong", code=64).stderr
    assert "--allow-discard alias.wrong: this plan would discard nothing there" in said


def test_the_alias_is_on_an_empty_index_and_the_old_one_is_kept(world: World) -> None:
    consent = ("--allow-discard", f"alias.{world.name}")
    assert plan(world, *consent, finish={}) == STEPS[:3]
    world.apply()
    found = world.everything()
    assert found[world.blue]["aliases"] == {world.name: {}}
    assert found[world.green]["aliases"] == {}
    assert world.read_documents(world.blue) == {}
    assert world.read_documents(world.green) == world.documents
    again = ["plan", "-d", str(world.folder / "desired.json"), "--detailed-exitcode"]
    assert "No changes" in world.esplan(*again).stdout


@pytest.mark.parametrize("point", ["", "before-intent:03-update_aliases"])
def test_what_was_written_since_the_consent_is_kept(world: World, point: str) -> None:
    """Somebody has consented to lose 50 documents, and to no more."""
    plan(world, "--allow-discard", f"alias.{world.name}")
    if point:
        world.crash(point)
    world.load(world.green, {"late": {"flight": 1}})
    error = world.apply(code=4).stderr
    assert f"{world.green} has 51 documents now, and 50 were to be discarded" in error
    assert list(world.everything()) == [world.green]
    assert "late" in world.read_documents(world.green)


@pytest.mark.parametrize("point", ["after-request", "before-done", "after-done"])
@pytest.mark.parametrize("step", [one for one in STEPS if "health" not in one])
def test_a_kill_on_the_way_ends_in_the_same(world: World, point: str, step: str) -> None:
    assert plan(world, "--allow-discard", f"alias.{world.name}") == STEPS
    world.crash(f"{point}:{step}")
    world.apply()
    world.documents = {}
    world.assert_switched()


def test_what_clients_write_after_the_switch_is_theirs_and_stays(world: World) -> None:
    plan(world, "--allow-discard", f"alias.{world.name}")
    world.crash("after-request:03-update_aliases")
    world.documents = {"new": {"flight": "7"}}
    world.load(world.name, world.documents)
    world.apply()
    world.assert_switched()


def test_a_split_is_not_made_of_what_is_to_be_empty(world: World) -> None:
    shards = {"number_of_shards": 2, "number_of_replicas": 0}
    kept = {"flight": {"type": "integer"}}
    consent = ("--allow-discard", f"alias.{world.name}")
    assert plan(world, *consent, settings=shards, properties=kept) == STEPS
    world.apply()
    assert world.read_documents(world.blue) == {}
    assert world.everything()[world.blue]["settings"]["index"]["number_of_shards"] == "2"
