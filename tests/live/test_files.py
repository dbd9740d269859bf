"""Files: what is read stays in the given folders, and what is written is nobody else's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from world import World

if TYPE_CHECKING:
    from esplan.cluster import Cluster

pytestmark = pytest.mark.live

NOT_SHOWN = "hunter2"


@pytest.fixture
def world(cluster: Cluster, url: str, name: str, folder: Any) -> World:
    made = World(cluster, url, name, folder)
    made.seed(20)
    return made


# Reading


@pytest.mark.parametrize("way", ["dots", "absolute", "link", "folder link"])
def test_a_mapping_outside_the_given_folder_is_in_no_plan_and_in_no_message(
    world: World, way: str
) -> None:
    outside, inside = world.folder / "outside", world.folder / "desired"
    outside.mkdir()
    inside.mkdir()
    foreign = outside / "m.json"
    foreign.write_text(
        json.dumps({"properties": {"a": {"type": "keyword", "meta": {"x": NOT_SHOWN}}}})
    )
    (inside / "link.json").symlink_to(foreign)
    (inside / "away").symlink_to(outside)
    ways = {
        "dots": "../outside/m.json",
        "absolute": str(foreign),
        "link": "link.json",
        "folder link": "away/m.json",
    }
    text = {"version": 1, "indices": {f"{world.name}-x": {"mappings": {"file": ways[way]}}}}
    (inside / "a.json").write_text(json.dumps(text))
    plan = world.folder / "p.json"
    for paths in ([inside], [inside / "a.json"]):
        given = [word for path in paths for word in ("-d", str(path))]
        done = world.esplan("plan", *given, "-o", str(plan), code=1)
        assert "outside the folders that were given" in done.stdout
        assert "a.json:1:" in done.stdout
        assert NOT_SHOWN not in done.stdout + done.stderr
        assert not plan.exists()
    world.esplan("plan", "-d", str(inside / "a.json"), "-d", str(outside), "-o", str(plan), code=0)
