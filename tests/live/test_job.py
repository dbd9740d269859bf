"""The whole job: files, plan, apply, no change left; and each cheaper route."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from world import World

pytestmark = pytest.mark.live


def kinds(plan: dict[str, object]) -> list[object]:
    steps = plan["steps"]
    assert isinstance(steps, list)
    return [step["kind"] for step in steps]


def test_replace_moves_every_document_and_keeps_what_only_live_has(world: World) -> None:
    world.seed(2500, shards=2, max_result_window=20000)
    world.make_plan()
    world.apply()
    world.assert_switched()
    found = world.everything()[world.blue]
    assert found["settings"]["index"]["number_of_shards"] == "2"
    assert found["settings"]["index"]["max_result_window"] == "20000"
    assert found["mappings"]["properties"]["at"] == {"type": "date"}
    assert found["mappings"]["_meta"]["esplan"]["address"] == f"alias.{world.name}"


def test_replace_to_and_fro(world: World) -> None:
    """The second replacement finds the first colour free again."""
    world.seed(100)
    world.make_plan()
    world.apply()
    world.make_plan(properties={"flight": {"type": "long"}})
    world.apply()
    world.assert_on(world.green)


def test_the_old_index_is_kept_and_open_to_writes_when_nothing_says_delete(world: World) -> None:
    world.seed(100)
    world.make_plan(finish={"delete_old": False})
    world.apply()
    found = world.everything()
    assert sorted(found) == [world.blue, world.green]
    assert [found[index]["aliases"] for index in sorted(found)] == [{world.name: {}}, {}]
    world.load(world.green, {"late": {"flight": 1}})
    world.assert_quiet()


def test_apply_again_does_nothing(world: World) -> None:
    world.seed(10)
    world.make_plan()
    world.apply()
    assert "Nothing to do" in world.apply().stdout
    world.assert_switched()


def test_phases_one_after_the_other(world: World) -> None:
    world.seed(10)
    world.make_plan()
    assert "Left for later phases: 7 steps" in world.apply("--through", "prepare").stdout
    assert sorted(world.everything()) == [world.blue, world.green]
    assert "Left for later phases: 1 step;" in world.apply("--through", "switch").stdout
    assert sorted(world.everything()) == [world.blue, world.green]
    world.apply()
    world.assert_switched()


def test_first_release_makes_index_and_alias(world: World) -> None:
    plan = world.make_plan(filter={"term": {"flight": "7"}})
    assert kinds(plan) == ["create_index", "await_health", "update_aliases"]
    world.apply()
    found = world.everything()
    assert found[world.green]["aliases"] == {world.name: {"filter": {"term": {"flight": "7"}}}}
    assert "No changes" in world.esplan("plan", "-d", str(world.folder / "desired.json")).stdout


def test_dynamic_settings_in_place(world: World) -> None:
    world.seed(10)
    settings = {"number_of_replicas": 0, "index": {"max_result_window": 12345}}
    plan = world.make_plan(settings=settings, properties={})
    assert kinds(plan) == ["update_settings"]
    world.apply()
    index = world.everything()[world.green]["settings"]["index"]
    assert index["max_result_window"] == "12345"
    assert "No changes" in world.esplan("plan", "-d", str(world.folder / "desired.json")).stdout


def test_mapping_addition_in_place_keeps_the_parameters_of_the_field(world: World) -> None:
    world.seed(10)
    keyword = {"type": "keyword", "ignore_above": 20}
    world.cluster.change("PUT", f"/{world.green}/_mapping", None, {"properties": {"code": keyword}})
    wanted = {
        "code": {**keyword, "fields": {"text": {"type": "text"}}},
        "new.inner": {"type": "geo_point"},
    }
    plan = world.make_plan(properties=wanted)
    assert kinds(plan) == ["put_mapping"]
    world.apply()
    found = world.everything()[world.green]["mappings"]["properties"]
    assert found["code"] == wanted["code"]
    assert found["new"] == {"properties": {"inner": {"type": "geo_point"}}}
    assert "No changes" in world.esplan("plan", "-d", str(world.folder / "desired.json")).stdout


def test_alias_options_in_one_call(world: World) -> None:
    world.seed(10)
    plan = world.make_plan(properties={}, routing="7", is_write_index=True)
    assert kinds(plan) == ["update_aliases"]
    world.apply()
    assert world.everything()[world.green]["aliases"][world.name] == {
        "index_routing": "7",
        "search_routing": "7",
        "is_write_index": True,
    }
    assert "No changes" in world.esplan("plan", "-d", str(world.folder / "desired.json")).stdout


def test_alias_options_change_in_the_switch_itself(world: World) -> None:
    world.seed(10)
    world.make_plan(filter={"exists": {"field": "flight"}})
    world.apply()
    assert world.everything()[world.blue]["aliases"][world.name] == {
        "filter": {"exists": {"field": "flight"}}
    }


def test_an_index_of_its_own_name(world: World) -> None:
    index = {
        "settings": {"number_of_replicas": 0},
        "mappings": {"properties": {"a": {"type": "keyword"}}},
        "aliases": {f"{world.name}-read": {}},
    }
    path = world.folder / "desired.json"

    def write() -> None:
        path.write_text(json.dumps({"version": 1, "indices": {f"{world.name}-x": index}}))

    write()
    world.esplan("plan", "-d", str(path), "-o", str(world.plan))
    world.apply()
    assert "No changes" in world.esplan("plan", "-d", str(path)).stdout
    index["mappings"]["properties"]["b"] = {"type": "date"}
    index["aliases"][f"{world.name}-more"] = {}
    write()
    world.esplan("plan", "-d", str(path), "-o", str(world.plan))
    world.apply()
    assert "No changes" in world.esplan("plan", "-d", str(path)).stdout
    index["mappings"]["properties"]["a"] = {"type": "long"}
    write()
    said = world.esplan("plan", "-d", str(path), code=4).stderr
    assert "cannot be changed in place" in said
    assert "put it behind an alias" in said


def test_plan_reads_a_fixed_number_of_times(world: World) -> None:
    """Three requests, and three for the templates as something is created: whatever there is."""
    counts = []
    for number in (1, 6):
        for one in range(number):
            world.cluster.change("PUT", f"/{world.name}-{number}-{one}")
        traced = world.esplan("-v", "plan", "-d", str(world.desire())).stderr
        counts.append(len([line for line in traced.splitlines() if line.startswith("GET ")]))
    assert counts == [6, 6]


def test_an_empty_index_is_copied_and_proven_as_any_other(world: World) -> None:
    world.seed(0)
    world.make_plan()
    world.apply()
    world.assert_switched()


def test_plan_and_journal_are_private_files(world: World) -> None:
    world.seed(10)
    world.make_plan()
    world.apply()
    files = [world.plan, world.folder / "plan.json.journal.jsonl"]
    assert [path.stat().st_mode & 0o777 for path in files] == [0o600, 0o600]


def test_routing_shards_are_sent_and_no_difference_afterwards(world: World) -> None:
    """The server never returns them: the cluster state shows that they arrived."""
    settings = {"number_of_shards": 1, "number_of_routing_shards": 6, "number_of_replicas": 0}
    world.make_plan(settings=settings)
    world.apply()
    assert "No changes" in world.esplan("plan", "-d", str(world.folder / "desired.json")).stdout
    state = world.cluster.read(f"/_cluster/state/metadata/{world.green}")
    assert state["metadata"]["indices"][world.green]["routing_num_shards"] == 6
