"""Documents that the new mapping rejects: counted, listed, tolerated as declared, never lost."""

from __future__ import annotations

import json
import stat
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from engine import Engine
    from world import World


pytestmark = pytest.mark.live

NUMBER = {"code": {"type": "integer"}}


def seed(world: World, count: int, bad: int, shards: int = 1, **settings: Any) -> set[str]:
    """Documents of which every so manyth has a code that is no number; the ids of those."""
    world.seed(0, shards, **settings)
    documents = {
        str(number): {"code": f"x{number}" if number % bad == 3 else str(number)}
        for number in range(count)
    }
    world.load(world.green, documents)
    world.documents = {k: v for k, v in documents.items() if not v["code"].startswith("x")}
    return documents.keys() - world.documents.keys()


def plan(world: World, **parts: Any) -> dict[str, Any]:
    return world.make_plan(properties=NUMBER, **parts)


def listed(world: World) -> dict[str, dict[str, Any]]:
    path = world.folder / "plan.json.rejected.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = [json.loads(line) for line in path.read_text().splitlines()]
    assert len({one["id"] for one in found}) == len(found)
    return {one["id"]: one for one in found}


def journal(world: World, step: str) -> Any:
    lines = (world.folder / "plan.json.journal.jsonl").read_text().splitlines()
    done = [r["data"] for r in map(json.loads, lines) if (r["step"], r["event"]) == (step, "done")]
    return done[-1]


def assert_whole(world: World, rejected: set[str]) -> None:
    """The alias is on the new index, which has all but these, and the list says which."""
    assert world.read_documents(world.blue) == world.documents
    assert list(world.everything()[world.blue]["aliases"]) == [world.name]
    assert listed(world).keys() == rejected
    world.assert_quiet()


def test_without_tolerance_the_copy_is_taken_back_and_the_documents_are_listed(
    world: World, engine: Engine
) -> None:
    rejected = seed(world, 3000, bad=100)
    plan(world)
    error = world.apply(code=1).stderr
    assert "the new index rejected documents of" in error
    assert "failed to parse field [code] of type [integer]" in error
    assert f"see {world.plan}.rejected.jsonl" in error
    assert "the copy stopped there, so there may be more" in error
    assert list(world.everything()) == [world.green]
    found = listed(world)
    assert len(found) >= 10
    assert found.keys() <= rejected
    (one,) = (found[key] for key in sorted(found)[:1])
    assert one.keys() == {"index", "id", "routing", "type", "reason"}
    assert (one["index"], one["routing"]) == (world.green, None)
    assert one["type"] == engine.unreadable
    assert 'For input string: "x' in one["reason"]


@pytest.mark.parametrize("shards", [1, 3])
def test_what_is_declared_is_left_out_and_nothing_else(world: World, shards: int) -> None:
    rejected = seed(world, 6000, bad=100, shards=shards)
    made = plan(world, migrate={"max_rejected": 60}, finish={})
    assert (
        "up to 60 documents that the new mapping rejects will be left out" in made["warnings"][-1]
    )
    said = world.apply().stderr
    assert f"60 documents of {world.green} are rejected and left out" in said
    assert "equal but 60 rejected documents" in said
    assert_whole(world, rejected)
    copied = journal(world, "03-reindex")["rejected"]
    assert (copied["documents"], copied["ids"]) == (60, 60)
    assert copied["file"] == "plan.json.rejected.jsonl"
    assert journal(world, "04-verify")["rejected"] == copied


def test_one_more_than_declared_is_a_failure(world: World) -> None:
    rejected = seed(world, 6000, bad=100)
    plan(world, migrate={"max_rejected": 59})
    error = world.apply(code=1).stderr
    assert "60 so far, and the plan allows 59" in error
    assert "allow more with migrate.max_rejected" in error
    assert list(world.everything()) == [world.green]
    assert listed(world).keys() == rejected


def test_the_old_index_stays_as_long_as_it_alone_has_them(world: World) -> None:
    rejected = seed(world, 300, bad=100)
    plan(world, migrate={"max_rejected": 10})
    error = world.apply(code=4).stderr
    assert f"{world.blue} rejected 3 documents, which only {world.green} has" in error
    assert "the switch stays, and so does the old index" in error
    assert_whole(world, rejected)
    assert len(world.read_documents(world.green)) == 300
    assert world.everything()[world.green]["settings"]["index"]["blocks"] == {"write": "true"}
    again = ["plan", "-d", str(world.folder / "desired.json"), "-o", str(world.plan)]
    assert "No changes" in world.esplan(*again).stdout, "a new plan may take its place"


def test_skip_is_the_consent_to_delete_them(world: World) -> None:
    rejected = seed(world, 2500, bad=3 + 4)
    plan(world, migrate={"on_rejected": "skip"})
    world.apply()
    assert len(rejected) > 300
    assert listed(world).keys() == rejected
    world.assert_on(world.blue)


def test_a_thousand_of_a_hundred_thousand_take_a_linear_time(world: World) -> None:
    rejected = seed(world, 100_000, bad=100, shards=2)
    plan(world, migrate={"max_rejected": 1000}, finish={})
    began = time.monotonic()
    world.apply()
    assert time.monotonic() - began < 90
    assert len(rejected) == 1000
    assert_whole(world, rejected)


@pytest.mark.parametrize("point", ["after-request", "before-done", "after-done"])
@pytest.mark.parametrize("step", ["03-reindex", "04-verify"])
def test_a_kill_forgets_no_rejected_document(world: World, point: str, step: str) -> None:
    rejected = seed(world, 3000, bad=100)
    plan(world, migrate={"max_rejected": 30}, finish={})
    world.crash(f"{point}:{step}")
    world.apply()
    assert_whole(world, rejected)


def test_a_kill_between_the_ranges_of_a_copy(world: World) -> None:
    rejected = seed(world, 5000, bad=10_000)
    plan(world, migrate={"max_rejected": 50, "requests_per_second": 500}, finish={})
    world.crash("range:03-reindex")
    assert ":03-reindex:part" in str(world.cluster.read("/_tasks", {"actions": "*reindex"}))
    assert "runs already" not in world.apply().stderr, "a part is not taken for the whole"
    assert_whole(world, rejected)


def test_another_host_without_the_list_knows_them_all_the_same(world: World) -> None:
    seed(world, 300, bad=100)
    plan(world, migrate={"max_rejected": 10}, finish={})
    world.crash("after-done:03-reindex")
    for one in world.folder.glob("plan.json.*"):
        one.unlink()
    world.apply()
    assert world.read_documents(world.blue) == world.documents


def test_a_lost_document_does_not_pass_for_a_rejected_one(world: World) -> None:
    """Behind the tool: a good document goes from the new index, a rejected one comes into it."""
    rejected = seed(world, 300, bad=100)
    plan(world, migrate={"max_rejected": 10}, finish={})
    world.crash("after-done:03-reindex")
    path = world.folder / "plan.json.rejected.jsonl"
    path.write_text(path.read_text().replace('"id": "3"', '"id": "7"'))
    world.cluster.change("DELETE", f"/{world.blue}/_doc/7", {"refresh": "true"})
    code = {"code": 3}
    world.cluster.change("PUT", f"/{world.blue}/_doc/3", {"refresh": "true"}, code)
    error = world.apply(code=4).stderr
    assert f"{world.blue} is not equal to {world.green}" in error
    assert "1 different: 3" in error
    assert "3 missing: 103, 203, 7" in error
    assert list(world.everything()) == [world.green]
    assert rejected == {"3", "103", "203"}


def test_an_id_that_is_there_twice_is_not_mistaken(world: World) -> None:
    """Two documents of one id, on two shards by their routing; one of them is rejected."""
    seed(world, 100, bad=1000, shards=3)
    for routing, code in (("a", "x1"), ("d", "17")):
        params = {"routing": routing, "refresh": "true"}
        world.cluster.change("PUT", f"/{world.green}/_doc/twin", params, {"code": code})
    count = world.cluster.read(f"/{world.green}/_count")["count"]
    assert count == 102, "the two are on one shard: choose other routings"
    plan(world, migrate={"max_rejected": 10}, finish={})
    error = world.apply(code=4).stderr
    assert "different: twin" in error
    assert list(world.everything()) == [world.green]


def test_the_routing_of_a_rejected_document_is_listed(world: World) -> None:
    seed(world, 100, bad=1000)
    params = {"routing": "r1", "refresh": "true"}
    world.cluster.change("PUT", f"/{world.green}/_doc/routed", params, {"code": "x"})
    plan(world, migrate={"max_rejected": 10}, finish={})
    world.apply()
    assert listed(world)["routed"]["routing"] == "r1"
