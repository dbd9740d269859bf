"""The routes between a change in place and a copy, on a real server: each whole, and killed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from world import REPLICAS, World

FLIGHT: dict[str, Any] = {"flight": {"type": "integer"}}
NOTE: dict[str, Any] = {"note": {"type": "text", "analyzer": "quiet"}}
RAW: dict[str, Any] = {
    "text": {
        "type": "text",
        "fields": {
            "keyword": {"type": "keyword", "ignore_above": 256},
            "raw": {"type": "keyword"},
        },
    }
}
QUIET: dict[str, Any] = {  # every engine has these two
    "analysis": {"analyzer": {"quiet": {"tokenizer": "standard", "filter": ["stop"]}}}
}
CODEC: dict[str, Any] = {"codec": "best_compression"}


pytestmark = pytest.mark.live


def kinds(plan: dict[str, Any]) -> list[str]:
    return [step["kind"] for step in plan["steps"]]


def step_id(plan: dict[str, Any], kind: str) -> str:
    return next(step["id"] for step in plan["steps"] if step["kind"] == kind)


def route_of(plan: dict[str, Any]) -> str:
    (change,) = plan["changes"]
    return str(change["route"])


def assert_settled(world: World) -> None:
    """Planned again, nothing differs."""
    again = ["plan", "-d", str(world.folder / "desired.json"), "--detailed-exitcode"]
    assert "No changes" in world.esplan(*again).stdout


def settings(world: World, index: str) -> dict[str, Any]:
    found: dict[str, Any] = world.everything()[index]["settings"]["index"]
    return found


def assert_moved(world: World) -> None:
    """As `assert_on` the new index; but a resize stores the null that lifts its block."""
    found = world.everything()
    assert list(found) == [world.blue]
    assert list(found[world.blue]["aliases"]) == [world.name]
    assert settings(world, world.blue)["blocks"] == {"write": None}
    assert world.read_documents(world.blue) == world.documents
    world.assert_quiet()


def hits(world: World, query: dict[str, Any]) -> int:
    world.cluster.read(f"/{world.name}/_refresh")
    return int(world.cluster.read(f"/{world.name}/_count", None, {"query": query})["count"])


# Split, shrink, clone: the new index by hard links

LINKS: dict[str, tuple[int, dict[str, Any], str]] = {
    "split": (2, {"number_of_shards": 4, **QUIET}, "4"),
    "shrink": (4, {"number_of_shards": 2, **QUIET}, "2"),
    "clone": (2, {**CODEC, **QUIET}, "2"),
}


def linked(world: World, route: str, **parts: Any) -> dict[str, Any]:
    """The plan, with a new field whose analyzer is new, too, and a dynamic setting."""
    shards, wanted, _ = LINKS[route]
    world.seed(500, shards=shards)
    wanted = {**REPLICAS, **wanted, "max_result_window": 20000}
    plan = world.make_plan(settings=wanted, properties=FLIGHT | NOTE, **parts)
    assert route_of(plan) == route
    return plan


def assert_linked(world: World, route: str) -> None:
    assert_moved(world)
    found = settings(world, world.blue)
    assert found["number_of_shards"] == LINKS[route][2]
    assert found["max_result_window"] == "20000"
    assert found["analysis"]["analyzer"]["quiet"]["filter"] == "stop"
    mapping = world.everything()[world.blue]["mappings"]["properties"]
    assert mapping["note"] == {"type": "text", "analyzer": "quiet"}
    assert mapping["flight"] == {"type": "integer"}
    assert_settled(world)


@pytest.mark.parametrize("route", LINKS)
def test_by_hard_links(world: World, route: str) -> None:
    plan = linked(world, route)
    assert kinds(plan) == [
        "block_writes",
        "resize_index",
        "await_health",
        "put_mapping",
        "verify",
        "update_settings",
        "await_health",
        "update_aliases",
        "delete_index",
    ]
    world.apply()
    assert_linked(world, route)


@pytest.mark.parametrize(
    ("route", "when", "kind"),
    [
        ("split", "after-request", "resize_index"),
        ("shrink", "after-intent", "resize_index"),
        ("clone", "after-request", "put_mapping"),
        ("clone", "after-request", "update_aliases"),
    ],
)
def test_hard_links_survive_a_kill(world: World, route: str, when: str, kind: str) -> None:
    plan = linked(world, route)
    world.crash(f"{when}:{step_id(plan, kind)}")
    world.apply()
    assert_linked(world, route)


def test_an_abandoned_clone_leaves_nothing(world: World) -> None:
    plan = linked(world, "clone")
    world.crash(f"after-request:{step_id(plan, 'put_mapping')}")
    done = world.apply("--abandon")
    assert "stays" not in done.stderr, "the index that has the new field is deleted"
    world.assert_on(world.green)


def set_live(world: World, settings: dict[str, Any]) -> None:
    """By somebody else, after the plan."""
    world.cluster.change("PUT", f"/{world.green}/_settings", None, settings)


def test_a_field_that_the_clone_refuses_is_taken_back(world: World) -> None:
    world.seed(50)
    set_live(world, {"index.mapping.total_fields.limit": 1})
    world.make_plan(settings={**REPLICAS, **CODEC}, properties=FLIGHT | RAW)
    done = world.apply(code=1)
    assert "Limit of total fields [1] has been exceeded" in done.stderr
    world.assert_on(world.green)


def test_a_clone_fills_new_fields_before_the_proof(world: World) -> None:
    world.seed(300)
    plan = world.make_plan(
        settings={**REPLICAS, **CODEC}, properties=FLIGHT | RAW, migrate={"backfill": True}
    )
    assert kinds(plan)[2:6] == ["await_health", "put_mapping", "backfill", "verify"]
    world.apply()
    assert_moved(world)
    assert hits(world, {"term": {"text.raw": "flight 7 ü"}}) == 1
    assert hits(world, {"exists": {"field": "text.raw"}}) == 300


def test_shards_that_do_not_fit_are_copied(world: World) -> None:
    world.seed(50, shards=2, number_of_routing_shards=4)
    plan = world.make_plan(settings={**REPLICAS, "number_of_shards": 6}, properties=FLIGHT)
    assert route_of(plan) == "reindex"
    (reason,) = plan["changes"][0]["reasons"]
    assert reason["rule"] == "6 shards do not divide the 4 routing shards"
    world.apply()
    world.assert_on(world.blue)


# Close, set, open


def closing(world: World, **parts: Any) -> dict[str, Any]:
    world.seed(200)
    world.desire(settings={**REPLICAS, **CODEC, **QUIET}, properties=FLIGHT | NOTE, **parts)
    return replan(world)


def replan(world: World) -> dict[str, Any]:
    desired = str(world.folder / "desired.json")
    consent = ["--allow-close", f"alias.{world.name}", "-o", str(world.plan)]
    shown = world.esplan("plan", "-d", desired, *consent).stdout
    assert f"{world.green} serves nobody from its close until it is open again" in shown
    plan: dict[str, Any] = json.loads(world.plan.read_text())
    assert route_of(plan) == "close/open"
    assert kinds(plan) == ["close_index", "update_settings", "open_index", "put_mapping"]
    return plan


def assert_opened(world: World) -> None:
    world.assert_on(world.green)
    found = settings(world, world.green)
    assert "verified_before_close" not in found
    assert found["codec"] == "best_compression"
    assert "note" in world.everything()[world.green]["mappings"]["properties"]
    assert hits(world, {"match_all": {}}) == len(world.documents)
    assert_settled(world)


def test_close_set_open(world: World) -> None:
    closing(world)
    world.apply()
    assert_opened(world)


@pytest.mark.parametrize("kind", ["close_index", "update_settings", "open_index"])
@pytest.mark.parametrize("when", ["after-request", "after-done"])
def test_a_kill_between_close_and_open(world: World, when: str, kind: str) -> None:
    plan = closing(world)
    world.crash(f"{when}:{step_id(plan, kind)}")
    closed = settings(world, world.green).get("verified_before_close") == "true"
    assert closed == (kind != "open_index")
    world.apply()
    assert_opened(world)


@pytest.mark.parametrize("kind", ["close_index", "update_settings", "open_index"])
def test_abandoned_between_close_and_open(world: World, kind: str) -> None:
    plan = closing(world)
    world.crash(f"after-request:{step_id(plan, kind)}")
    world.apply("--abandon")
    world.assert_on(world.green)
    found = settings(world, world.green)
    assert "verified_before_close" not in found
    assert "codec" not in found
    assert hits(world, {"match_all": {}}) == len(world.documents)


def test_what_a_closed_index_refuses_opens_it_again(world: World) -> None:
    lost = "index.analysis.filter.lost.type"
    world.seed(50, **{lost: "stop"})
    quiet = {"analyzer": {"quiet": {"tokenizer": "standard", "filter": ["lost"]}}}
    world.desire(settings={**REPLICAS, "analysis": quiet}, properties=FLIGHT)
    desired = str(world.folder / "desired.json")
    consent = ["--allow-close", f"alias.{world.name}"]
    world.esplan("plan", "-d", desired, "-o", str(world.plan), *consent)
    world.cluster.change("POST", f"/{world.green}/_close")
    set_live(world, {lost: None})
    world.cluster.change("POST", f"/{world.green}/_open")
    done = world.apply(code=1)
    assert "failed to find filter under name [lost]" in done.stderr
    assert "every change was taken back" in done.stderr
    assert "verified_before_close" not in settings(world, world.green)
    world.assert_on(world.green)


def test_an_index_that_clients_use_by_its_name(world: World) -> None:
    index = f"{world.name}-audit"
    world.cluster.change("PUT", f"/{index}", None, {"settings": REPLICAS})
    world.load(index, {"1": {"a": 1}})
    file = world.folder / "desired.json"
    file.write_text(json.dumps({"version": 1, "indices": {index: {"settings": CODEC}}}))
    refused = world.esplan("plan", "-d", str(file), code=4)
    assert f"--allow-close index.{index}" in refused.stderr
    consent = ["--allow-close", f"index.{index}", "-o", str(world.plan)]
    world.esplan("plan", "-d", str(file), *consent)
    world.apply()
    assert settings(world, index)["codec"] == "best_compression"
    assert world.read_documents(index) == {"1": {"a": 1}}
    assert_settled(world)


# Backfill


def filling(world: World, count: int = 500, **migrate: Any) -> dict[str, Any]:
    world.seed(count)
    plan = world.make_plan(properties=FLIGHT | RAW, migrate={"backfill": True, **migrate})
    assert kinds(plan) == ["put_mapping", "backfill"]
    return plan


def assert_filled(world: World) -> None:
    world.assert_on(world.green)
    assert hits(world, {"exists": {"field": "text.raw"}}) == len(world.documents)
    assert_settled(world)


def test_backfill(world: World) -> None:
    filling(world)
    done = world.apply()
    assert f"fill text.raw in the documents of {world.green}: 500 documents" in done.stderr
    assert_filled(world)


def test_without_backfill_old_documents_are_not_found(world: World) -> None:
    world.seed(20)
    plan = world.make_plan(properties=FLIGHT | RAW)
    assert kinds(plan) == ["put_mapping"]
    world.apply()
    assert hits(world, {"exists": {"field": "text.raw"}}) == 0


@pytest.mark.parametrize("codec", ["default", "best_compression"])
def test_batches_that_fit_the_window(world: World, codec: str) -> None:
    """A copy, both kinds of proof, and a backfill: the server's own batches have 1,000."""
    world.seed(50, max_result_window=7, codec=codec)
    world.make_plan()
    world.apply()
    world.make_plan(properties={"flight": {"type": "keyword"}, **RAW}, migrate={"backfill": True})
    world.apply()
    assert hits(world, {"exists": {"field": "text.raw"}}) == len(world.documents)
    settings = {"index.max_result_window": None}
    world.cluster.change("PUT", f"/{world.blue}/_settings", None, settings)
    world.assert_switched()


@pytest.mark.parametrize("when", ["after-intent", "middle", "after-request"])
def test_a_backfill_survives_a_kill(world: World, when: str) -> None:
    """`middle`: the task runs on, and is adopted."""
    plan = filling(world, 3000, requests_per_second=200 if when == "middle" else -1, slices=1)
    world.crash(f"{when}:{step_id(plan, 'backfill')}")
    done = world.apply()
    assert ("watching it" in done.stderr) == (when == "middle")
    assert_filled(world)


def test_a_backfill_is_refused_on_a_blocked_index(world: World) -> None:
    world.seed(20)
    world.cluster.change("PUT", f"/{world.green}/_block/write")
    world.desire(properties=FLIGHT | RAW, migrate={"backfill": True})
    desired = str(world.folder / "desired.json")
    done = world.esplan("plan", "-d", desired, code=4)
    assert "is write-blocked, and its documents cannot be given text.raw" in done.stderr


def test_a_block_that_comes_after_the_plan(world: World) -> None:
    filling(world, 20)
    world.cluster.change("PUT", f"/{world.green}/_block/write")
    done = world.apply(code=4)
    assert "is write-blocked: its documents cannot be indexed anew" in done.stderr
    world.cluster.change("PUT", f"/{world.green}/_settings", None, {"index.blocks.write": None})
    world.apply()
    assert_filled(world)
