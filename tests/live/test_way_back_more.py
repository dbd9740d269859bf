"""A rollback touches nothing that somebody else has changed since the apply."""

from __future__ import annotations

import json
from typing import Any

import pytest
from world import REPLICAS, World, back

pytestmark = pytest.mark.live


# A release


OLD, NEW = "20261119t060000z", "20261120t060000z"


def run_of(world: World, run: str) -> str:
    return f"{world.name}-base-{run}"


def released(world: World, count: int = 30) -> None:
    """The alias is on the new run of a loader; the old one is kept."""
    for run, aliases in ((OLD, {world.name: {}}), (NEW, {})):
        make(world, run_of(world, run), count, aliases)
    index = {"name": "{index_base}-{run_id}"}
    runs = {"source": world.name, "index_base": f"{world.name}-base"}
    alias = {"index": index, "runs": runs, "finish": {"delete_old": False}}
    path = world.folder / "desired.json"
    path.write_text(json.dumps({"version": 1, "aliases": {world.name: alias}}))
    world.esplan("plan", "-d", str(path), "-o", str(world.plan))
    world.apply()
    assert on(world) == [run_of(world, NEW)]


def make(world: World, index: str, count: int, aliases: dict[str, Any]) -> None:
    world.cluster.change("PUT", f"/{index}", None, {"settings": REPLICAS, "aliases": aliases})
    world.load(index, {str(number): {"flight": number} for number in range(count)})


def on(world: World) -> list[str]:
    return [name for name, one in world.everything().items() if world.name in one["aliases"]]


def spoil(world: World, how: str) -> None:
    old = run_of(world, OLD)
    if how == "anew":
        world.cluster.change("DELETE", f"/{old}")
        make(world, old, 30, {})
    else:
        query = {"query": {"match_all": {}} if how == "emptied" else {"ids": {"values": ["7"]}}}
        world.cluster.change("POST", f"/{old}/_delete_by_query?refresh=true", None, query)


SPOILT = {"anew": "another index", "emptied": "has 0 documents", "less": "has 29 documents"}


@pytest.mark.parametrize("how", ["emptied", "less"])
def test_the_run_before_has_lost_documents_when_the_way_back_is_planned(
    world: World, how: str
) -> None:
    released(world)
    spoil(world, how)
    assert SPOILT[how] in back(world, code=4).stderr


@pytest.mark.parametrize("how", SPOILT)
def test_the_run_before_is_not_what_it_was_when_the_alias_goes_back(world: World, how: str) -> None:
    released(world)
    back(world)
    spoil(world, how)
    assert SPOILT[how] in world.apply(code=4).stderr
    assert on(world) == [run_of(world, NEW)]


def test_the_run_before_may_have_got_more(world: World) -> None:
    released(world)
    world.load(run_of(world, OLD), {"more": {"flight": 1}})
    back(world)
    world.load(run_of(world, OLD), {"again": {"flight": 1}})
    world.apply()
    assert on(world) == [run_of(world, OLD)]
