"""A live index that is changed between a plan and its apply: carried over and said, or refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from world import REPLICAS, back, blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from world import World


pytestmark = pytest.mark.live

ADDED: dict[str, Any] = {
    "raw": {"type": "object", "enabled": False},
    "code": {"type": "keyword", "ignore_above": 7},
    "text": {
        "type": "text",
        "fields": {
            "keyword": {"type": "keyword", "ignore_above": 256},
            "code": {"type": "keyword"},
        },
    },
}
"""`text` is there already: it has a multi-field more."""

CATCH_UP: dict[str, Any] = {"migrate": {"writes": "catch-up"}, "finish": {"delete_old": False}}


def add(world: World, index: str = "") -> None:
    path = f"/{index or world.green}/_mapping"
    body = {"properties": ADDED, "runtime": {"day": {"type": "keyword"}}}
    world.cluster.change("PUT", path, None, body)


def properties(world: World, index: str) -> dict[str, Any]:
    found: dict[str, Any] = world.everything()[index]["mappings"]["properties"]
    return found


def assert_carried(world: World, index: str) -> None:
    """Everything that was added to the old index is in the new one."""
    found = properties(world, index)
    for name in ("raw", "code"):
        assert found[name] == ADDED[name], name
    assert found["text"]["fields"]["code"] == {"type": "keyword"}
    assert found["text"]["fields"]["keyword"]["type"] == "keyword"
    assert "day" in world.everything()[index]["mappings"]["runtime"]


def search(world: World, field: str, value: Any) -> int:
    body = {"query": {"term": {field: value}}, "track_total_hits": True}
    found = world.cluster.read(f"/{world.name}/_search", None, body)
    return int(found["hits"]["total"]["value"])


def test_fields_that_were_added_since_the_plan_are_carried_over(world: World) -> None:
    world.seed(20)
    world.make_plan()
    add(world)
    world.load(world.green, {"20": {"flight": 20, "code": "AB", "raw": {"x": 1}, "price": 7}})
    world.documents["20"] = {"flight": 20, "code": "AB", "raw": {"x": 1}, "price": 7}
    said = world.apply().stderr
    assert "added to" in said
    assert "code" in said
    world.assert_switched()
    assert_carried(world, world.blue)
    assert properties(world, world.blue)["price"] == {"type": "long"}, "by a client"
    assert search(world, "code", "AB") == 1
    journal = (world.folder / "plan.json.journal.jsonl").read_text()
    assert '"carried"' in journal


def test_fields_that_are_added_while_clients_write(world: World) -> None:
    world.seed(50)
    world.make_plan(**CATCH_UP)
    world.apply("--through", "prepare")
    add(world)
    world.load(world.green, {"new": {"flight": 1, "code": "AB", "raw": {"x": {"y": 1}}}})
    world.apply()
    assert_carried(world, world.blue)
    assert properties(world, world.blue)["raw"] == ADDED["raw"]
    assert search(world, "code", "AB") == 1


@pytest.mark.parametrize(
    "parts",
    [
        {"settings": {**REPLICAS, "number_of_shards": 2}},
        {"migrate": {"data": "discard"}},
    ],
    ids=["split", "discard"],
)
def test_fields_that_are_added_before_another_route(world: World, parts: dict[str, Any]) -> None:
    world.seed(20)
    kept: dict[str, Any] = {} if "migrate" in parts else {"properties": {}}
    world.desire(**parts, **kept)
    options = ["--allow-discard", f"alias.{world.name}"] if "migrate" in parts else []
    file = str(world.folder / "desired.json")
    world.esplan("plan", "-d", file, "-o", str(world.plan), *options)
    add(world)
    world.apply()
    (index,) = world.everything()
    assert index != world.green
    assert_carried(world, index)


def test_a_rollback_carries_over_what_the_new_index_was_given_since(world: World) -> None:
    world.seed(20)
    world.make_plan(finish={"delete_old": False})
    world.apply()
    world.cluster.change("PUT", f"/{world.blue}/_mapping", None, {"properties": {"a": CODE}})
    back(world)
    world.cluster.change("PUT", f"/{world.blue}/_mapping", None, {"properties": {"b": CODE}})
    world.apply()
    assert list(world.everything()[world.green]["aliases"]) == [world.name]
    found = properties(world, world.green)
    assert (found["a"], found["b"]) == (CODE, CODE)
    assert found["flight"] == {"type": "integer"}, "what differs on purpose stays"


CODE = {"type": "keyword", "ignore_above": 7}


def setting(name: str, value: Any) -> Callable[[World], None]:
    return lambda world: world.cluster.change(
        "PUT", f"/{world.green}/_settings", None, {name: value}
    )


def mapping(body: dict[str, Any]) -> Callable[[World], None]:
    return lambda world: world.cluster.change("PUT", f"/{world.green}/_mapping", None, body)


CHANGES = {
    "setting": (setting("index.max_result_window", 20000), "settings.index.max_result_window"),
    "interval": (setting("index.refresh_interval", "7s"), "settings.index.refresh_interval"),
    "parameter": (
        mapping({"properties": {"text": {"type": "text", "search_analyzer": "keyword"}}}),
        "mappings.properties.text.",
    ),
    "root": (mapping({"dynamic": "strict"}), "mappings.dynamic"),
}


@pytest.mark.parametrize("parts", [{}, CATCH_UP], ids=["block", "catch-up"])
@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_since_the_plan_is_refused(
    world: World, change: str, parts: dict[str, Any]
) -> None:
    """Nothing is changed, and the refusal says what differs."""
    world.seed(20)
    world.make_plan(**parts)
    before = world.everything()
    do, path = CHANGES[change]
    do(world)
    changed = world.everything()
    error = world.apply(code=4).stderr
    assert path in error
    assert "make a new plan" in error
    assert world.everything() == changed
    assert before != changed
    assert world.cluster.read(f"/{world.blue}") is None


def test_what_is_changed_before_the_switch_is_refused(world: World) -> None:
    """The copy was made in an earlier phase."""
    world.seed(20)
    world.make_plan(**CATCH_UP)
    world.apply("--through", "prepare")
    setting("index.max_result_window", 20000)(world)
    error = world.apply(code=4).stderr
    assert "settings.index.max_result_window" in error
    assert list(world.everything()) == [world.green]
    assert list(world.everything()[world.green]["aliases"]) == [world.name]


def actions(world: World, *given: dict[str, Any]) -> None:
    world.cluster.change("POST", "/_aliases", None, {"actions": list(given)})


def filtered(world: World) -> None:
    some = {"filter": {"term": {"flight": 1}}}
    actions(world, {"add": {"index": world.green, "alias": world.name, **some}})


def aliased(world: World) -> None:
    actions(world, {"add": {"index": world.green, "alias": f"{world.name}-other"}})


def unreadable(world: World) -> None:
    world.cluster.change("PUT", f"/{world.blue}/_settings", None, {"index.blocks.read": True})


BEFORE_THE_SWITCH = {
    "option": (filtered, "the options of the alias"),
    "alias": (aliased, "-other since"),
    "target": (unreadable, "cannot serve: it has index.blocks.read"),
}


@pytest.mark.parametrize("what", BEFORE_THE_SWITCH)
def test_what_the_switch_would_lose_is_refused(world: World, what: str) -> None:
    """A filter would be gone, another alias would stay behind, and clients could not read."""
    world.seed(20)
    world.make_plan()
    world.crash("after-done:05-update_settings")
    do, why = BEFORE_THE_SWITCH[what]
    do(world)
    assert why in " ".join(world.apply(code=4).stderr.split())
    found = world.everything()
    assert list(found) == [world.green]
    assert world.name in found[world.green]["aliases"]
    assert blocks(found[world.green]) == {}


def test_a_field_that_the_new_index_has_otherwise_is_refused(world: World) -> None:
    """Both definitions are said, nothing is switched."""
    world.seed(20)
    world.make_plan(**CATCH_UP)
    world.apply("--through", "prepare")
    other = {"properties": {"code": {"type": "long"}}}
    world.cluster.change("PUT", f"/{world.blue}/_mapping", None, other)
    add(world)
    error = world.apply(code=4).stderr
    assert "ESP-4615" in error
    assert "keyword" in error
    assert "long" in error
    assert list(world.everything()) == [world.green]


def test_a_field_of_the_file_that_clients_have_mapped_meanwhile(world: World) -> None:
    """What the file declares is as the file says: no addition of somebody else's."""
    world.seed(20)
    declared = {"flight": {"type": "keyword"}, "price": {"type": "double"}}
    world.make_plan(properties=declared)
    world.load(world.green, {"20": {"price": 7}})
    world.documents["20"] = {"price": 7}
    world.apply()
    world.assert_switched()
    assert properties(world, world.blue)["price"] == {"type": "double"}


def test_a_change_in_place_does_not_mind_other_fields(world: World) -> None:
    world.seed(20)
    world.make_plan(properties={"more": {"type": "keyword"}})
    add(world)
    world.apply()
    assert json.dumps(properties(world, world.green)).count("more") == 1
