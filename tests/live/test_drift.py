"""Drift that was made by hand on a real server is found, and only that."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from fixtures import ROLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from world import World


pytestmark = pytest.mark.live


def drift(world: World, code: int = 2) -> list[dict[str, Any]]:
    """What `esplan drift` finds; its exit code must be `code`."""
    arguments = ("drift", "-d", str(world.folder / "desired.json"), "--format", "json")
    found: list[dict[str, Any]] = json.loads(world.esplan(*arguments, code=code).stdout)["drift"]
    return found


def brief(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(one["kind"], one["path"], one["live"], one["wanted"]) for one in found]


def applied(world: World, **parts: Any) -> None:
    """The alias is on `_blue`, which an apply has made, and all is as the file says."""
    world.seed(20)
    world.make_plan(**parts)
    world.apply()
    if ROLES:  # whoever only plans may not refresh, and finds the last second a second later
        world.cluster.change("POST", "/esplan-state/_refresh")
    assert drift(world, code=0) == []


def test_a_setting_and_a_mapping_and_an_option_that_were_changed(world: World) -> None:
    applied(world, settings={"refresh_interval": "5s", "number_of_replicas": 0}, is_hidden=True)
    change = world.cluster.change
    change("PUT", f"/{world.blue}/_settings", None, {"index": {"refresh_interval": "1s"}})
    add = {"index": world.blue, "alias": world.name, "is_hidden": False}
    change("POST", "/_aliases", None, {"actions": [{"add": add}]})
    found = drift(world)
    assert brief(found) == [
        ("changed", "options.is_hidden", None, True),
        ("changed", "settings.index.refresh_interval", "1s", "5s"),
    ]
    assert found[1]["address"] == f"alias.{world.name}"
    assert found[1]["index"] == world.blue
    assert found[1]["rule"] == "a dynamic setting changes on the open index"
    assert found[1]["since"]["event"] == f"{world.blue} was created"
    assert found[1]["place"] == {
        "file": str(world.folder / "desired.json"),
        "line": 1,
        "column": 28,
    }


def test_fields(world: World) -> None:
    """What only live has is kept, unless the mapping is exact; what only the file has is drift."""
    applied(world)
    mapping = {"properties": {"by_hand": {"type": "keyword"}}}
    world.cluster.change("PUT", f"/{world.blue}/_mapping", None, mapping)
    assert drift(world, code=0) == []
    world.desire(properties={"flight": {"type": "keyword"}, "more": {"type": "long"}})
    assert brief(drift(world)) == [
        ("changed", "mappings.properties.more", None, {"type": "long"}),
    ]


def remade(world: World, index: str, **aliases: Any) -> None:
    body = {
        "settings": {"number_of_replicas": 0, "auto_expand_replicas": "0-1"},
        "mappings": {"properties": {"flight": {"type": "keyword"}}},
        "aliases": aliases,
    }
    world.cluster.change("PUT", f"/{index}", None, body)


def test_an_alias_that_was_moved(world: World) -> None:
    applied(world)
    remade(world, world.green)
    actions: list[Any] = [
        {"remove": {"index": world.blue, "alias": world.name}},
        {"add": {"index": world.green, "alias": world.name}},
    ]
    world.cluster.change("POST", "/_aliases", None, {"actions": actions})
    moved, left = drift(world)
    assert brief([moved, left]) == [
        ("moved", "index", world.green, world.blue),
        ("leftover", "index", world.blue, None),
    ]
    journal = (world.folder / "plan.json.journal.jsonl").read_text().splitlines()
    assert moved["since"]["at"] == json.loads(journal[-1])["at"]
    assert f"put it on {world.blue}" in moved["since"]["event"]
    assert moved["rule"] == "something else than esplan has moved the alias"


def test_an_alias_on_two_indices_and_on_none(world: World) -> None:
    applied(world)
    remade(world, world.green, **{world.name: {}})
    (found,) = drift(world)
    assert brief([found]) == [("several", "index", [world.blue, world.green], world.blue)]
    assert "is on 2 indices" in found["note"]
    world.cluster.change("DELETE", f"/{world.green}")
    world.cluster.change("DELETE", f"/{world.blue}/_alias/{world.name}")
    (found,) = drift(world)
    assert brief([found]) == [("missing", "index", None, world.blue)]
    assert found["rule"] == "the alias is gone"
    assert f"put it on {world.blue}" in found["since"]["event"]


def test_a_block(world: World) -> None:
    applied(world)
    world.cluster.change("PUT", f"/{world.blue}/_block/write")
    assert brief(drift(world)) == [("blocked", "settings.index.blocks.write", "true", None)]


def test_the_old_index_is_kept_on_purpose_and_any_other_is_left_over(world: World) -> None:
    applied(world, finish={"delete_old": False})
    world.cluster.change("DELETE", f"/{world.green}")
    remade(world, world.green)
    (found,) = drift(world)
    assert brief([found]) == [("leftover", "index", world.green, None)]
    assert found["since"]["event"] == f"{world.green} was created"


def test_the_old_index_is_left_over_once_the_file_says_delete(world: World) -> None:
    applied(world, finish={"delete_old": False})
    world.desire(finish={"delete_old": True})
    (found,) = drift(world)
    assert brief([found]) == [("leftover", "index", world.green, None)]
    assert f"moved the alias away from {world.green}" in found["since"]["event"]


@pytest.mark.parametrize("when", ["before-intent", "after-request", "before-done"])
def test_an_apply_that_died_at_the_switch_and_went_on(world: World, when: str) -> None:
    """Before: what it left is named, with the way on. After: none, and a move is known."""
    world.seed(20)
    plan = world.make_plan(finish={"delete_old": False})
    (switch,) = [one["id"] for one in plan["steps"] if one["kind"] == "update_aliases"]
    world.crash(f"{when}:{switch}")
    found = drift(world)
    assert "moved" not in [one["kind"] for one in found]
    kinds = {one["kind"]: one for one in found}
    if when == "before-intent":
        assert set(kinds) == {"changed", "blocked", "guard"}
        for kind in ("blocked", "guard"):
            assert f"the apply of plan {plan['id']} has not ended" in kinds[kind]["note"]
    world.apply()
    assert drift(world, code=0) == []
    remove: Callable[[str, str], Any] = world.cluster.change
    remove("DELETE", f"/{world.blue}/_alias/{world.name}")
    assert ("missing", "index", None, world.blue) in brief(drift(world))


def test_a_newer_run_waits_and_a_released_one_was_moved(world: World) -> None:
    ids = ["20260101t060000z", "20260102t060000z", "20260103t060000z"]
    runs = [f"{world.name}-{id_}" for id_ in ids]
    for run in runs[:2]:
        remade(world, run)
    release(world, delete_old=False)
    world.apply()
    assert drift(world, code=0) == []
    release(world, delete_old=True)
    assert brief(drift(world)) == [("leftover", "index", runs[0], None)]
    world.cluster.change("DELETE", f"/{runs[0]}")
    assert drift(world, code=0) == []
    remade(world, runs[2])
    (found,) = drift(world)
    assert brief([found]) == [("release", "index", runs[1], runs[2])]
    assert found["since"]["event"] == f"{runs[2]} was created"
    remade(world, runs[0], **{world.name: {}})
    world.cluster.change("DELETE", f"/{runs[1]}/_alias/{world.name}")
    moved, release_ = drift(world)
    assert brief([moved, release_]) == [
        ("moved", "index", runs[0], runs[1]),
        ("release", "index", runs[0], runs[2]),
    ]


def release(world: World, *, delete_old: bool) -> None:
    alias = {
        "index": {"name": "{index_base}-{run_id}"},
        "runs": {"source": "customer", "index_base": world.name},
        "finish": {"delete_old": delete_old},
    }
    files = {"version": 1, "aliases": {world.name: alias}}
    path = world.folder / "desired.json"
    path.write_text(json.dumps(files))
    if not world.plan.exists():
        world.esplan("plan", "-d", str(path), "-o", str(world.plan))


def test_no_way_is_drift_with_the_refusal(world: World) -> None:
    """An index without an alias cannot get another type: plan exits 4, drift 2."""
    remade(world, world.name)
    body = {"mappings": {"properties": {"flight": {"type": "long"}}}}
    path = world.folder / "desired.json"
    path.write_text(json.dumps({"version": 1, "indices": {world.name: body}}))
    world.esplan("plan", "-d", str(path), code=4)
    (found,) = drift(world)
    assert brief([found]) == [("changed", "mappings.properties.flight.type", "keyword", "long")]
    assert "cannot be changed in place" in found["note"]


def test_it_reads_five_times(world: World) -> None:
    applied(world)
    path = str(world.folder / "desired.json")
    done = world.esplan("-v", "drift", "-d", path)
    asked = [line.split()[0] for line in done.stderr.splitlines()]
    assert len(asked) == 5 + ROLES, done.stderr  # with security: what it may
    assert "No drift: 1 object is as the files say." in done.stdout
    done = world.esplan("drift", "-d", path, "--exclude", "alias.other", code=64)
    assert "no desired file has alias.other" in done.stderr
