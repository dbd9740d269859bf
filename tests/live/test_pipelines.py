"""Pipelines that a copy or a new index needs; refusals that are no rejection of a document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from world import REPLICAS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from world import World


pytestmark = pytest.mark.live

SKIP: dict[str, Any] = {"on_rejected": "skip"}
EXPECT: dict[str, Any] = {"verify": {"method": "count"}}


@pytest.fixture
def pipeline(world: World) -> Iterator[str]:
    put(world)
    yield world.name
    if world.cluster.read(f"/_ingest/pipeline/{world.name}"):
        settings = {"index.default_pipeline": None, "index.final_pipeline": None}
        world.cluster.change("PUT", f"/{world.name}_*/_settings", None, settings)
        drop(world)


def put(world: World, description: str = "") -> None:
    body = {"description": description, "processors": []}
    world.cluster.change("PUT", f"/_ingest/pipeline/{world.name}", None, body)


def drop(world: World) -> None:
    world.cluster.change("DELETE", f"/_ingest/pipeline/{world.name}", None, None)


def assert_untouched(world: World) -> None:
    """The alias is where it was, on all documents, and nothing else is left."""
    world.assert_on(world.green)


@pytest.mark.parametrize("parts", [SKIP, {"max_rejected": 1000}], ids=["skip", "some"])
def test_a_pipeline_that_is_gone_rejects_no_document(
    world: World, pipeline: str, parts: dict[str, Any]
) -> None:
    """Every document would be answered with 400, and count as rejected by the mapping."""
    world.seed(120)
    world.make_plan(migrate={"pipeline": pipeline, **parts}, **EXPECT)
    drop(world)
    error = world.apply(code=4).stderr
    assert f"the pipeline {pipeline} is gone" in error
    assert_untouched(world)


def test_a_pipeline_that_does_something_else_since_the_plan(world: World, pipeline: str) -> None:
    world.seed(20)
    world.make_plan(migrate={"pipeline": pipeline, **SKIP}, **EXPECT)
    put(world, "another one")
    error = world.apply(code=4).stderr
    assert f"the pipeline {pipeline} has changed since the plan was made" in error
    assert_untouched(world)


@pytest.mark.parametrize("setting", ["default_pipeline", "final_pipeline"])
@pytest.mark.parametrize("parts", [{}, {"writes": "catch-up"}], ids=["block", "catch-up"])
def test_a_pipeline_of_the_new_index_is_there_at_the_switch(
    world: World, pipeline: str, setting: str, parts: dict[str, Any]
) -> None:
    """Else every write after the switch would be answered with 400."""
    world.seed(20)
    world.make_plan(settings={**REPLICAS, setting: pipeline}, migrate=parts)
    drop(world)
    error = world.apply(code=4).stderr
    assert f"the pipeline {pipeline} is gone" in error
    assert_untouched(world)


@pytest.mark.parametrize("setting", ["default_pipeline", "final_pipeline"])
def test_a_pipeline_that_is_not_there_is_refused_by_the_plan(world: World, setting: str) -> None:
    world.seed(5)
    path = str(world.desire(settings={**REPLICAS, setting: f"{world.name}-none"}))
    error = world.esplan("plan", "-d", path, "-o", str(world.plan), code=4).stderr
    assert "ESP-4123" in error
    assert f"{world.name}-none" in error
    same = {"flight": {"type": "integer"}}
    path = str(world.desire(settings={**REPLICAS, setting: f"{world.name}-none"}, properties=same))
    error = world.esplan("plan", "-d", path, "-o", str(world.plan), code=4).stderr
    assert "ESP-4123" in error, "in place, too"


def test_no_pipeline_needs_none(world: World) -> None:
    world.seed(5)
    world.make_plan(settings={**REPLICAS, "default_pipeline": "_none"})
    world.apply()
    world.assert_switched()


def test_a_missing_routing_is_no_rejection_by_the_mapping(world: World) -> None:
    world.seed(20)
    alias = world.desire(migrate=SKIP)
    raw = json.loads(alias.read_text())
    index = raw["aliases"][world.name]["index"]
    index["mappings"]["_routing"] = {"required": True}
    alias.write_text(json.dumps(raw))
    world.esplan("plan", "-d", str(alias), "-o", str(world.plan))
    error = world.apply(code=1).stderr
    assert "ESP-5304" in error
    assert "routing is required" in error
    assert_untouched(world)


@pytest.mark.parametrize(
    "migrate",
    [
        SKIP,
        {"query": {"term": {"_id": "none"}}},
    ],
    ids=["rejected", "query"],
)
def test_a_full_index_is_not_switched_to_an_empty_one(
    world: World, migrate: dict[str, Any]
) -> None:
    world.seed(20)
    properties = {"text": {"type": "long"}} if "on_rejected" in migrate else {}
    world.make_plan(migrate=migrate, properties={"flight": {"type": "keyword"}, **properties})
    error = world.apply(code=4).stderr
    assert "ESP-4617" in error
    assert f"{world.blue} would be empty" in error
    assert "data: discard" in error
    assert_untouched(world)


def test_a_backfill_runs_no_pipeline(world: World, pipeline: str) -> None:
    """It writes each document as it is: the server counts what goes through a pipeline."""
    world.seed(20)
    path = f"/{world.green}/_settings"
    world.cluster.change("PUT", path, None, {"index.default_pipeline": pipeline})
    raw = {"type": "text", "fields": {"raw": {"type": "keyword"}}}
    world.make_plan(properties={"text": raw}, migrate={"backfill": True})
    world.apply()
    assert world.piped(pipeline) == 0
    found = {"query": {"exists": {"field": "text.raw"}}}
    assert world.cluster.read(f"/{world.green}/_count", None, found)["count"] == 20
    world.assert_on(world.green)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_backfill_is_refused_under_a_final_pipeline(
    world: World, pipeline: str, when: str
) -> None:
    """No request turns that off."""
    world.seed(20)
    final = {"index.final_pipeline": pipeline}
    raw = {"type": "text", "fields": {"raw": {"type": "keyword"}}}
    path = str(world.desire(properties={"text": raw}, migrate={"backfill": True}))
    if when == "after":
        world.esplan("plan", "-d", path, "-o", str(world.plan))
    world.cluster.change("PUT", f"/{world.green}/_settings", None, final)
    if when == "before":
        error = world.esplan("plan", "-d", path, code=4).stderr
        assert "ESP-4124" in error
    else:
        error = world.apply(code=4).stderr
    assert f"the final pipeline {pipeline}" in error or f"final pipeline {pipeline} again" in error
    assert world.piped(pipeline) == 0
