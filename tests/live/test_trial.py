"""What a server would refuse is an error of the plan, and of no apply."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from world import World

pytestmark = pytest.mark.live


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


NEW_FIELD = {"mappings": {"properties": {"f": {"type": "no_such_type"}}}}
NEW_ANALYZER = {"settings": {"analysis.analyzer.a.type": "no_such_analyzer"}}
NEW_CODEC = {"settings": {"index.codec": "no_such_codec"}}
NEW_SETTING = {"settings": {"index.routing.allocation.enable": "NO_SUCH_VALUE"}}


@pytest.mark.parametrize(
    ("body", "why", "consent"),
    [
        (NEW_FIELD, "no_such_type", False),
        (NEW_SETTING, "NO_SUCH_VALUE", False),
        (NEW_ANALYZER, "no_such_analyzer", True),
        (NEW_ANALYZER, "no_such_analyzer", False),
        (NEW_CODEC, "no_such_codec", False),
    ],
)
def test_so_is_a_change_that_it_does_not_take(
    world: World, body: dict[str, Any], why: str, *, consent: bool
) -> None:
    """In place, closed, and in a clone."""
    index = {"name": f"{world.name}_{{color}}", "colors": ["blue", "green"], **body}
    desired = {"version": 1, "aliases": {world.name: {"index": index}}}
    world.cluster.change("PUT", f"/{world.name}_blue", None, {"aliases": {world.name: {}}})
    (world.folder / "desired.json").write_text(json.dumps(desired))
    more = ["--allow-close", f"alias.{world.name}"] if consent else []
    said = world.esplan("plan", "-d", "desired.json", "-o", str(world.plan), *more, code=1)
    assert f"does not take the definition of alias.{world.name}" in said.stderr
    assert why in said.stderr
    assert not world.plan.exists()


def test_a_limit_below_what_is_there_stops_new_fields_alone(world: World) -> None:
    """The server takes it, so the plan does: somebody wants no more fields."""
    world.seed(5)
    world.make_plan(
        settings={"number_of_replicas": 0, "mapping.total_fields.limit": 1},
        properties={"flight": {"type": "integer"}},
    )
    world.apply()
    found = world.cluster.read(f"/{world.green}/_settings")[world.green]["settings"]["index"]
    assert found["mapping"]["total_fields"]["limit"] == "1"


def test_what_a_trial_of_one_shard_cannot_say_is_left_to_the_apply(world: World) -> None:
    settings = {"number_of_shards": 4, "routing_partition_size": 2, "number_of_replicas": 1}
    settings["write.wait_for_active_shards"] = 2
    body = {"settings": settings, "mappings": {"_routing": {"required": True}}}
    desired = {"version": 1, "indices": {world.name: body}}
    (world.folder / "desired.json").write_text(json.dumps(desired))
    world.esplan("plan", "-d", "desired.json", "-o", str(world.plan))
    assert world.plan.exists()
