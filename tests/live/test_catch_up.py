"""`writes: catch-up`: clients write during the whole copy, and nothing is lost."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from clients import Readers, Writer
from world import World, run

from esplan import planfile
from esplan.commands.apply import apply
from esplan.steps import catch_up
from esplan.views.progress import Silent

if TYPE_CHECKING:
    from engine import Engine


pytestmark = pytest.mark.live

CATCH_UP: dict[str, Any] = {"writes": "catch-up"}

STEPS = [
    "01-create_index",
    "02-mark_writes",
    "03-reindex",
    "04-update_settings",
    "05-catch_up",
    "06-await_health",
    "07-catch_up",
    "08-block_writes",
    "09-catch_up",
    "10-verify",
    "11-update_aliases",
    "12-delete_index",
]


def evidence(world: World, step: str) -> dict[str, Any]:
    """What the journal's last `done` record of a step carries."""
    lines = (world.folder / "plan.json.journal.jsonl").read_text().splitlines()
    done = [one for one in map(json.loads, lines) if (one["step"], one["event"]) == (step, "done")]
    found: dict[str, Any] = done[-1]["data"]
    return found


def test_the_steps_block_writes_only_at_the_end(world: World) -> None:
    world.seed(10)
    assert [step["id"] for step in world.make_plan(migrate=CATCH_UP)["steps"]] == STEPS


@pytest.mark.parametrize("shards", [1, 3])
def test_clients_write_on_and_nothing_is_lost(world: World, shards: int) -> None:
    world.seed(20_000, shards=shards)
    world.make_plan(migrate=CATCH_UP | {"requests_per_second": 5000})
    with Readers(world) as readers, Writer(world) as writer:
        world.apply()
    assert readers.errors == []
    assert readers.indices == {(world.green,), (world.blue,)}
    assert set(writer.refused) <= {(403, "cluster_block_exception")}
    assert writer.done > 500
    assert writer.kinds["delete"] > 100
    assert evidence(world, "03-reindex")["total"] >= 19_000
    assert evidence(world, "10-verify")["again"] > 0
    world.assert_switched()


CRASHES = [
    "after-request:01-create_index",
    "before-done:02-mark_writes",
    "after-done:02-mark_writes",
    "middle:03-reindex",
    "after-request:03-reindex",
    "after-done:03-reindex",
    "after-request:05-catch_up",
    "after-done:05-catch_up",
    "after-done:07-catch_up",
    "after-request:08-block_writes",
    "after-done:08-block_writes",
    "after-request:09-catch_up",
    "after-done:09-catch_up",
    "after-done:10-verify",
    "after-intent:11-update_aliases",
    "after-request:11-update_aliases",
    "after-done:11-update_aliases",
    "after-intent:12-delete_index",
]


@pytest.mark.parametrize("point", CRASHES)
def test_a_kill_loses_nothing_of_what_clients_write(world: World, point: str) -> None:
    world.seed(4000)
    world.make_plan(migrate=CATCH_UP | {"requests_per_second": 4000})
    with Writer(world):
        world.crash(point)
        world.apply()
    world.assert_switched()


def test_a_resume_lets_clients_write_again_before_it_catches_up(world: World) -> None:
    world.seed(500)
    world.make_plan(migrate=CATCH_UP)
    world.crash("after-done:09-catch_up")
    assert world.everything()[world.green]["settings"]["index"]["blocks"] == {"write": "true"}
    world.crash("after-done:05-catch_up")
    assert "blocks" not in world.everything()[world.green]["settings"]["index"]
    world.load(world.green, {"late": {"flight": 1}})
    world.documents["late"] = {"flight": 1}
    world.apply()
    world.assert_switched()


# Prepared before the window


def test_a_prepared_copy_that_has_gone_stale_is_brought_up_to_date(world: World) -> None:
    world.seed(3000, shards=2)
    world.make_plan(migrate=CATCH_UP)
    world.apply("--through", "prepare")
    made = world.everything()[world.blue]["settings"]["index"]["uuid"]
    assert "blocks" not in world.everything()[world.green]["settings"]["index"]
    with Writer(world, rate=2000) as writer:
        while writer.done < 2500:
            pass
    world.apply("--through", "prepare")
    with Writer(world, rate=2000) as writer:
        while writer.done < 1000:
            pass
    world.apply()
    assert world.everything()[world.blue]["settings"]["index"]["uuid"] == made
    world.assert_switched()


# Behind the tool's back


@pytest.mark.parametrize("point", ["03-reindex", "05-catch_up"])
@pytest.mark.parametrize("how", ["changed", "removed", "added", "swapped"])
def test_a_copy_that_somebody_else_wrote_to_is_never_switched_to(
    world: World, how: str, point: str
) -> None:
    world.seed(600)
    world.make_plan(migrate=CATCH_UP)
    world.crash(f"after-done:{point}")
    tamper(world, how)
    done = world.apply(code=0 if how == "added" else 4)
    if how == "added":
        world.assert_switched()
        return
    assert f"{world.blue} is not equal to {world.green}" in done.stderr
    world.assert_on(world.green)


def tamper(world: World, how: str) -> None:
    """What a person or a stray client could do to the copy."""
    path, fresh = f"/{world.blue}/_doc", {"refresh": "true"}
    if how in ("changed", "swapped"):
        world.cluster.change("PUT", f"{path}/7", fresh, world.documents["8"])
    if how == "swapped":
        world.cluster.change("PUT", f"{path}/8", fresh, world.documents["7"])
    if how == "removed":
        world.cluster.change("DELETE", f"{path}/9", fresh)
    if how == "added":
        world.cluster.change("PUT", f"{path}/stray", fresh, {"flight": 1})


def test_a_write_to_the_copy_between_proof_and_switch_is_refused(world: World) -> None:
    world.seed(200)
    world.make_plan(migrate=CATCH_UP)
    world.crash("after-done:10-verify")
    tamper(world, "changed")
    world.apply(code=4)
    world.assert_on(world.green)


@pytest.mark.parametrize("count", [0, 1])
def test_a_small_index_catches_up(world: World, count: int) -> None:
    world.seed(count)
    world.make_plan(migrate=CATCH_UP)
    world.apply()
    world.assert_switched()


def test_the_pipelines_of_the_new_index_never_act_on_the_copy(world: World) -> None:
    """The server counts what goes through them."""
    world.seed(100)
    path = f"/_ingest/pipeline/{world.name}"
    world.cluster.change("PUT", path, None, {"processors": []})
    settings = {"index.final_pipeline": world.name, "index.default_pipeline": world.name}
    plan = world.make_plan(migrate=CATCH_UP, settings=settings, finish={})
    world.crash(f"after-done:{plan['steps'][10]['id']}")
    assert f'"final_pipeline": "{world.name}"' in json.dumps(world.everything()[world.blue])
    assert [plan["steps"][at]["kind"] for at in (4, 10)] == ["catch_up", "update_settings"]
    world.crash(f"after-done:{plan['steps'][4]['id']}")
    world.load(world.green, {"late": {"flight": 1}})
    world.documents["late"] = {"flight": 1}
    world.apply()
    assert world.read_documents(world.blue) == world.documents
    assert world.piped(world.name) == 0
    assert f'"final_pipeline": "{world.name}"' in json.dumps(world.everything()[world.blue])


def test_a_routing_of_its_own_and_a_twin(world: World) -> None:
    """The same id under two routings is two documents: one is deleted, the other one stays."""
    world.seed(50, shards=2)
    for routing in ("a", "b", "c", "d"):
        parameters = {"routing": routing, "refresh": "true"}
        world.cluster.change("PUT", f"/{world.green}/_doc/twin", parameters, {"flight": 5})
    before = count(world, world.green)
    world.make_plan(migrate=CATCH_UP, finish={})
    world.crash("after-done:05-catch_up")
    world.cluster.change("DELETE", f"/{world.green}/_doc/twin", {"routing": "a"})
    world.apply()
    assert count(world, world.blue) == count(world, world.green) == before - 1


def count(world: World, index: str) -> int:
    world.cluster.read(f"/{index}/_refresh")
    return int(world.cluster.read(f"/{index}/_count")["count"])


NO_JOIN = {"type": "object", "enabled": False}
SHAPES = {
    "flight": {"type": "integer"},
    "relation": {"type": "join", "relations": {"flight": "leg"}},
    "stops": {"type": "nested", "properties": {"at": {"type": "keyword"}}},
    "blob": {"type": "keyword", "index": False, "doc_values": False},
}


def shaped(number: int) -> dict[str, Any]:
    """A parent with nested documents; every hundredth has a megabyte."""
    stops = [{"at": f"{number}-{stop}"} for stop in range(number % 4)]
    blob = {"blob": "x" * 1_000_000} if number % 100 == 0 else {}
    return {"flight": number, "relation": "flight", "stops": stops, **blob}


def test_nested_joined_and_large_documents(world: World, engine: Engine) -> None:
    shapes = SHAPES if engine.has_joins else {**SHAPES, "relation": NO_JOIN}
    body = {
        "settings": {"number_of_replicas": 0},
        "mappings": {"properties": shapes},
        "aliases": {world.name: {}},
    }
    world.cluster.change("PUT", f"/{world.green}", None, body)
    world.documents = {str(number): shaped(number) for number in range(1000)}
    world.load(world.green, world.documents)
    for number in range(50):
        leg = {"flight": number, "relation": {"name": "leg", "parent": str(number)}}
        parameters = {"routing": str(number), "refresh": "true"}
        world.cluster.change("PUT", f"/{world.green}/_doc/leg{number}", parameters, leg)
        world.documents[f"leg{number}"] = leg
    properties = {**shapes, "flight": {"type": "keyword"}}
    world.make_plan(migrate=CATCH_UP, properties=properties)
    with Readers(world) as readers, Writer(world, make=shaped):
        world.apply()
    assert readers.errors == []
    world.assert_switched()


def test_a_point_in_time_that_the_server_forgot_is_taken_anew(world: World) -> None:
    """An object of a large plan may wait for hours between its copy and its switch."""
    world.seed(500)
    world.make_plan(migrate=CATCH_UP)
    forgetting = Path(__file__).parent / "forgetting.py"
    command = [sys.executable, str(forgetting), "--url", world.url, "apply", str(world.plan)]
    with Writer(world):
        done = run([*command, "--auto-approve"])
    assert done.returncode == 0, done.stderr
    assert "comparing every document again" in done.stderr
    world.assert_switched()


def test_no_view_is_left_open(world: World) -> None:
    """The server would keep files for them, for half an hour."""
    world.seed(300, shards=2)
    world.make_plan(migrate=CATCH_UP, finish={})
    world.apply()
    for index in (world.green, world.blue):
        stats = world.cluster.read(f"/{index}/_stats/search")
        assert stats["_all"]["total"]["search"]["open_contexts"] == 0


def test_a_document_that_comes_back_just_after_a_look_is_late_and_not_wrong(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leaves the subset before the comparison, and is in it again before the next copy."""
    world.seed(500)
    few = {"range": {"flight": {"lt": 250}}}
    world.make_plan(migrate={**CATCH_UP, "query": few}, finish={})
    surveys, looks = catch_up.survey, catch_up.touched

    def written(number: int, flight: int) -> None:
        world.documents[str(number)] = {"flight": flight}
        world.load(world.name, {str(number): world.documents[str(number)]})

    def survey(*given: Any, **named: Any) -> Any:
        written(7, 900)
        return surveys(*given, **named)

    def touched(*given: Any) -> Any:
        if found:
            return looks(*given)
        for other in range(100, 201):
            written(other, other)
        found.append(looks(*given))
        written(7, 7)
        return found[0]

    found: list[Any] = []
    monkeypatch.setattr(catch_up, "survey", survey)
    monkeypatch.setattr(catch_up, "touched", touched)
    apply(world.cluster, planfile.read(world.plan), world.plan, Silent())
    assert "7" not in found[0].fresh
    assert len(found[0].fresh) == 101
    expected = {key: one for key, one in world.documents.items() if one["flight"] < 250}
    assert world.read_documents(world.blue) == expected
