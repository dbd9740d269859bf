"""`esplan verify A B`, as somebody runs it by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from world import World

pytestmark = pytest.mark.live


@pytest.fixture
def pair(world: World) -> tuple[str, str]:
    """Two indices with the same 300 documents, the second of them behind an alias."""
    one, other = f"{world.name}-one", f"{world.name}-other"
    for index, shards in ((one, 1), (other, 3)):
        settings = {"number_of_shards": shards, "number_of_replicas": 0}
        world.cluster.change("PUT", f"/{index}", None, {"settings": settings})
        world.load(index, {str(n): {"n": n, "deep": {"text": f"ü {n}"}} for n in range(300)})
    world.cluster.change("PUT", f"/{other}/_alias/{world.name}-alias")
    return one, other


def test_equal_indices_of_different_shapes(world: World, pair: tuple[str, str]) -> None:
    said = world.esplan("verify", pair[0], f"{world.name}-alias").stdout
    assert f"{pair[1]}: 300 documents" in said
    assert "Equal: both hold the same documents" in said
    counted = world.esplan("verify", *pair, "--method", "count").stdout
    assert "What they hold was not compared." in counted


def test_every_kind_of_difference_is_named(world: World, pair: tuple[str, str]) -> None:
    one, other = pair
    world.cluster.change("DELETE", f"/{other}/_doc/7", {"refresh": "true"})
    world.load(other, {"new": {"n": 1}, "9": {"n": 9, "deep": {"text": "changed"}}})
    said = world.esplan("verify", one, other, code=4).stdout
    assert "1 only in the first\n  7\n" in said
    assert "1 only in the second\n  new\n" in said
    assert "1 in both, and different\n  9\n" in said
    assert '$._source.deep.text: "ü 9" → "changed"' in said
    assert said.endswith("Not equal.\n")


def test_the_report_for_programs(world: World, pair: tuple[str, str]) -> None:
    world.load(pair[1], {"1": {"n": 1.5}})
    said = world.esplan("--json", "verify", *pair, code=4).stdout
    event = json.loads(said.splitlines()[-1])
    assert event["event"] == "verified"
    assert event["equal"] is False
    assert event["different"]["count"] == 1
    assert event["different"]["sample"] == ["1"]
    (document,) = event["documents"]
    assert [one["kind"] for one in document["fields"]] == ["removed", "changed"]


def test_nothing_is_changed(world: World, pair: tuple[str, str]) -> None:
    before = world.cluster.read(f"/{','.join(pair)}")
    world.esplan("verify", *pair)
    assert world.cluster.read(f"/{','.join(pair)}") == before


def test_an_alias_with_a_filter_is_its_whole_index(world: World, pair: tuple[str, str]) -> None:
    """It is resolved: nothing that the filter leaves out is missing from the comparison."""
    one, other = pair
    path = f"/{other}/_alias/{world.name}-part"
    world.cluster.change("PUT", path, None, {"filter": {"term": {"n": 7}}})
    said = world.esplan("verify", one, f"{world.name}-part").stdout
    assert f"{other}: 300 documents" in said
    assert "Equal: both hold the same documents" in said
