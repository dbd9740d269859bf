"""What an index says about itself: work that is unfinished, and who made it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from world import REPLICAS

if TYPE_CHECKING:
    from world import World


pytestmark = pytest.mark.live

FILL: dict[str, Any] = {
    "properties": {"flight": {"type": "integer"}, "code": {"type": "integer"}},
    "migrate": {"backfill": True, "slices": 1},
}


def seed(world: World, count: int = 2500) -> None:
    """Documents with a code that nothing has indexed; one of them is no number."""
    world.seed(0)
    world.cluster.change("PUT", f"/{world.green}/_mapping", None, {"dynamic": False, "_meta": OWN})
    documents = {str(n): {"code": str(n)} for n in range(count)}
    documents["1700"] = {"code": "x"}
    world.load(world.green, documents)
    world.documents = documents


OWN = {"team": {"name": "flights"}}


def cure(world: World) -> None:
    world.documents["1700"] = {"code": "1700"}
    world.load(world.green, {"1700": world.documents["1700"]})


def filled(world: World) -> int:
    body = {"query": {"exists": {"field": "code"}}, "track_total_hits": True}
    world.cluster.read(f"/{world.name}/_refresh")
    found = world.cluster.read(f"/{world.name}/_search", None, body)
    return int(found["hits"]["total"]["value"])


def meta(world: World, index: str) -> Any:
    return world.everything()[index]["mappings"].get("_meta")


def again(world: World) -> list[str]:
    """A new plan in place of the last one: its steps."""
    path = world.folder / "plan.json.journal.jsonl"
    path.unlink(missing_ok=True)
    world.plan.unlink()
    file = str(world.folder / "desired.json")
    world.esplan("plan", "-d", file, "-o", str(world.plan))
    return [step["kind"] for step in json.loads(world.plan.read_text())["steps"]]


def test_a_backfill_that_fails_half_way_is_not_forgotten(world: World) -> None:
    seed(world)
    world.make_plan(**FILL)
    error = world.apply(code=1).stderr
    assert "could not all be indexed anew" in error
    assert 0 < filled(world) < 2500
    drift = world.esplan("drift", "-d", str(world.folder / "desired.json"), code=2).stdout
    assert "code" in drift
    assert "backfill" in drift
    assert meta(world, world.green)["team"] == OWN["team"]
    cure(world)
    assert again(world) == ["backfill"]
    world.apply()
    assert filled(world) == 2500
    assert meta(world, world.green) == OWN
    assert again(world) == []
    world.esplan("drift", "-d", str(world.folder / "desired.json"))


def test_a_backfill_that_was_put_off_is_not_forgotten(world: World) -> None:
    """The plan is applied through its switch, and never again."""
    seed(world, 20)
    cure(world)
    world.make_plan(**FILL)
    world.apply("--through", "switch")
    world.esplan("drift", "-d", str(world.folder / "desired.json"), code=2)
    assert again(world) == ["backfill"]
    world.apply()
    assert filled(world) == len(world.documents)
    assert meta(world, world.green) == OWN


def test_an_abandoned_backfill_is_not_forgotten(world: World) -> None:
    seed(world, 20)
    cure(world)
    plan = world.make_plan(**FILL)
    step = next(one["id"] for one in plan["steps"] if one["kind"] == "backfill")
    world.crash(f"after-intent:{step}")
    world.apply("--abandon")
    assert again(world) == ["backfill"]
    world.apply()
    assert filled(world) == len(world.documents)


@pytest.mark.parametrize("point", ["after-intent", "after-request", "before-done", "after-done"])
@pytest.mark.parametrize("kind", ["put_mapping", "backfill"])
def test_a_kill_leaves_no_mark_in_the_end(world: World, point: str, kind: str) -> None:
    seed(world, 20)
    cure(world)
    plan = world.make_plan(**FILL)
    step = next(one["id"] for one in plan["steps"] if one["kind"] == kind)
    world.crash(f"{point}:{step}")
    world.apply()
    assert filled(world) == len(world.documents)
    assert meta(world, world.green) == OWN
    assert again(world) == []


def test_the_mark_outlives_another_change(world: World) -> None:
    """A person, and a plan that protects the index, set other keys."""
    seed(world)
    world.make_plan(**FILL)
    world.apply(code=1)
    world.desire(**FILL, protect=True)
    assert again(world) == ["protect_index", "backfill"]
    cure(world)
    world.apply()
    assert filled(world) == 2500
    assert meta(world, world.green) == {**OWN, "esplan": {"protect": True}}


def test_without_backfill_in_the_file_the_plan_says_what_is_missing(world: World) -> None:
    seed(world)
    world.make_plan(**FILL)
    world.apply(code=1)
    world.desire(properties=FILL["properties"])
    assert again(world) == []
    said = json.loads(world.plan.read_text())["warnings"]
    assert any("code" in one and "backfill" in one for one in said)


def test_a_copy_has_every_field(world: World) -> None:
    """Every document is indexed anew in it."""
    seed(world)
    world.make_plan(**FILL)
    world.apply(code=1)
    cure(world)
    world.desire(
        properties={"code": {"type": "long"}, "flight": {"type": "integer"}},
        migrate={"backfill": True},
    )
    again(world)
    world.apply()
    assert filled(world) == 2500
    assert "unfinished" not in meta(world, world.blue)["esplan"]
    assert again(world) == []


@pytest.mark.parametrize("parts", [{"number_of_shards": 2}, {"codec": "best_compression"}])
def test_an_index_by_hard_links_is_marked(world: World, parts: dict[str, Any]) -> None:
    world.seed(20)
    plan = world.make_plan(settings={**REPLICAS, **parts}, properties={})
    assert any(step["kind"] == "resize_index" for step in plan["steps"])
    world.apply()
    world.assert_on(world.blue)
    found = meta(world, world.blue)["esplan"]
    assert found == {"address": f"alias.{world.name}", "plan": plan["id"]}


@pytest.mark.parametrize("point", ["after-intent", "after-request", "after-done"])
@pytest.mark.parametrize("kind", ["resize_index", "update_aliases"])
def test_a_kill_loses_no_mark(world: World, kind: str, point: str) -> None:
    world.seed(20)
    plan = world.make_plan(settings={**REPLICAS, "number_of_shards": 2}, properties={})
    step = next(one["id"] for one in plan["steps"] if one["kind"] == kind)
    world.crash(f"{point}:{step}")
    world.apply()
    world.assert_on(world.blue)
    assert meta(world, world.blue)["esplan"]["plan"] == plan["id"]
