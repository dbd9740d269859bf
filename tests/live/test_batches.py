"""Batches of a copy and a backfill, where documents are stored in a hundredth of their length."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from esplan import planfile
from esplan.checksum import side
from esplan.commands.apply import apply
from esplan.steps import batches, reindex
from esplan.views.progress import Silent

if TYPE_CHECKING:
    from engine import Engine
    from world import World

pytestmark = pytest.mark.live

LONG = "x" * 2_000_000
"""In JSON two megabytes, stored about eleven kilobytes."""

COUNT = 60
"""120 MB in one batch: more than a tenth of the sandbox's heap."""


class Notes(Silent):
    """Keeps what a person would read."""

    def __init__(self) -> None:
        self.said = list[str]()

    def note(self, text: str) -> None:
        self.said.append(text)


def seed(world: World) -> None:
    body = {
        "settings": {"number_of_replicas": 0},
        "mappings": {"dynamic": False, "properties": {"flight": {"type": "integer"}}},
        "aliases": {world.name: {}},
    }
    world.cluster.change("PUT", f"/{world.green}", None, body)
    world.documents = {str(number): {"flight": number, "long": LONG} for number in range(COUNT)}
    for at in range(0, COUNT, 20):
        some = list(world.documents)[at : at + 20]
        world.load(world.green, {key: world.documents[key] for key in some})


def carried_out(world: World) -> tuple[list[str], list[str]]:
    """Notes, and the bodies or paths of the tasks that were started."""
    notes, asked = Notes(), list[str]()
    change = world.cluster.change

    def changed(method: str, path: str, params: Any = None, body: Any = None, **more: Any) -> Any:
        if "_reindex" in path or "_update_by_query" in path:
            asked.append(path + json.dumps(body))
        return change(method, path, params, body, **more)

    world.cluster.change = changed  # type: ignore[method-assign]
    try:
        apply(world.cluster, planfile.read(world.plan), world.plan, notes)
    finally:
        world.cluster.change = change  # type: ignore[method-assign]
    return notes.said, asked


def has_all(world: World, index: str) -> bool:
    world.cluster.read(f"/{index}/_refresh")
    return side.count(world.cluster, index) == COUNT


PROPERTIES = {"flight": {"type": "keyword"}}


@pytest.mark.parametrize("writes", ["block", "catch-up"])
def test_a_batch_is_what_its_documents_are_and_not_what_is_stored(
    world: World, writes: str
) -> None:
    seed(world)
    world.make_plan(
        migrate={"writes": writes}, finish={}, properties={**PROPERTIES, "long": NOT_INDEXED}
    )
    notes, asked = carried_out(world)
    assert notes == []
    assert all('"size": 10' in one or '"size": 9' in one for one in asked)
    assert has_all(world, world.blue)


NOT_INDEXED = {"type": "keyword", "index": False, "doc_values": False}


def test_a_backfill_too(world: World) -> None:
    seed(world)
    new = {"flight": {"type": "integer"}, "again": {"type": "keyword"}}
    plan = world.make_plan(migrate={"backfill": True}, properties=new)
    assert "backfill" in [step["kind"] for step in plan["steps"]]
    notes, asked = carried_out(world)
    assert notes == []
    assert all("scroll_size=9" in one or "scroll_size=10" in one for one in asked)


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A server that refuses batches of more than so many documents, as a real one says it."""
    most = [7]
    wait = reindex.wait

    def waited(step: Any, run: Any, watch: Any) -> Any:
        found = wait(step, run, watch)
        size = min(run.batches.get(step.address, 1000), batches.size_of(step))
        if size <= most[0]:
            return found
        error = {"type": "es_rejected_execution_exception", "reason": "rejected execution"}
        failures = [{"status": 429, "cause": error}]
        return {**found, "response": {**found["response"], "failures": failures}}

    monkeypatch.setattr(reindex, "wait", waited)
    return most


@pytest.mark.parametrize("writes", ["block", "catch-up"])
def test_a_batch_that_is_refused_is_halved(world: World, refusing: list[int], writes: str) -> None:
    assert refusing == [7]
    world.seed(300)
    world.make_plan(migrate={"writes": writes})
    notes, asked = carried_out(world)
    assert notes[-1].endswith("starting again with 7")
    assert len(notes) == 7
    assert '"size": 7' in asked[-1]
    world.assert_switched()


def test_where_single_documents_are_refused_it_says_so(world: World, refusing: list[int]) -> None:
    refusing[0] = 0
    world.seed(50)
    world.make_plan()
    with pytest.raises(Exception, match="refuses single documents") as raised:
        carried_out(world)
    assert "ESP-3305" in str(raised.value)
    world.assert_on(world.green)


def test_what_servers_say_of_too_much(engine: Engine) -> None:
    """Found in the answers of tasks, at any depth."""
    del engine
    refused = {"type": "circuit_breaking_exception", "reason": "[parent] Data too large"}
    phase = {"type": "search_phase_execution_exception", "failed_shards": [{"reason": refused}]}
    remote = {"type": "illegal_argument_exception", "caused_by": {
        "type": "content_too_long_exception", "reason": "entity content is too long"}}  # fmt: skip
    assert all(map(batches.is_too_large, (refused, phase, remote, [{"cause": refused}])))
    assert not batches.is_too_large({"type": "mapper_parsing_exception", "reason": "no date"})
    full = {"type": "cluster_block_exception", "reason": "disk usage exceeded flood-stage"}
    assert not batches.is_too_large([{"status": 429, "cause": full}])
    assert not batches.is_too_large([{"status": 400, "cause": {"type": "strict_dynamic"}}])


def test_nested_documents_are_no_documents_of_a_plan(world: World) -> None:
    """`_stats` counts each of them, and so 100 times too many."""
    stops = {"type": "nested", "properties": {"at": {"type": "keyword"}}}
    properties = {"flight": {"type": "integer"}, "deep": {"properties": {"stops": stops}}}
    body = {"mappings": {"properties": properties}, "aliases": {world.name: {}}}
    body |= {"settings": {"number_of_replicas": 0}}
    world.cluster.change("PUT", f"/{world.green}", None, body)
    legs = [{"at": str(at)} for at in range(100)]
    world.documents = {str(n): {"flight": n, "deep": {"stops": legs}} for n in range(60)}
    world.load(world.green, world.documents)
    desired = {"flight": {"type": "keyword"}, "deep": {"properties": {"stops": stops}}}
    plan = world.make_plan(properties=desired)
    counts = {step["estimate"].get("documents", 60) for step in plan["steps"]}
    assert counts == {60}
    world.apply()
    world.assert_switched()
