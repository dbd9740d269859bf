"""What a server would refuse is an error of the plan, and of no apply."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from world import World

if TYPE_CHECKING:
    from pathlib import Path

    from esplan.cluster import Cluster

pytestmark = pytest.mark.live


@pytest.fixture
def world(cluster: Cluster, url: str, name: str, folder: Path) -> World:
    return World(cluster, url, name, folder)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"mappings": {"properties": {"f": {"type": "no_such_type"}}}}, "no_such_type"),
        ({"settings": {"index.no_such_setting": 1}}, "unknown setting [index.no_such_setting]"),
        ({"settings": {"analysis.analyzer.a.type": "no_such_analyzer"}}, "no_such_analyzer"),
    ],
)
def test_what_the_server_lacks_is_an_error_of_the_plan(
    world: World, body: dict[str, Any], why: str
) -> None:
    desired = {"version": 1, "indices": {f"{world.name}-good": {}, f"{world.name}-bad": body}}
    (world.folder / "desired.json").write_text(json.dumps(desired))
    said = world.esplan("plan", "-d", "desired.json", "-o", str(world.plan), code=1)
    assert f"does not take the definition of index.{world.name}-bad" in said.stderr
    assert why in said.stderr
    assert "Traceback" not in said.stderr
    assert not world.plan.exists()
    assert world.everything() == {}


def test_what_a_trial_of_one_shard_cannot_say_is_left_to_the_apply(world: World) -> None:
    settings = {"number_of_shards": 4, "routing_partition_size": 2, "number_of_replicas": 1}
    settings["write.wait_for_active_shards"] = 2
    body = {"settings": settings, "mappings": {"_routing": {"required": True}}}
    desired = {"version": 1, "indices": {world.name: body}}
    (world.folder / "desired.json").write_text(json.dumps(desired))
    world.esplan("plan", "-d", "desired.json", "-o", str(world.plan))
    assert world.plan.exists()
