"""A rollback is the inverse of the copy, or is refused; and a try that failed bars no other one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from world import World, back, blocks

from esplan import journal

pytestmark = pytest.mark.live


def switched(world: World, *options: str, count: int = 100, **parts: Any) -> None:
    world.seed(count)
    world.make_plan(**{"finish": {}, **parts})
    world.apply(*options)


def late(world: World, name: str = "late", number: int = 3) -> None:
    """What a client writes after the switch."""
    world.load(world.name, {name: {"flight": number}})
    world.documents[name] = {"flight": number}


def again(world: World, *options: str) -> dict[str, Any]:
    """A new plan for the way back, of the apply that `back` has put aside."""
    (world.folder / "plan.json.journal.jsonl").unlink(missing_ok=True)
    (world.folder / "applied.jsonl").rename(world.folder / "plan.json.journal.jsonl")
    world.plan.write_text((world.folder / "applied.json").read_text())
    plan: dict[str, Any] = back(world, *options)
    return plan


def first(world: World, *options: str) -> dict[str, Any]:
    (world.folder / "applied.json").write_text(world.plan.read_text())
    plan: dict[str, Any] = back(world, *options)
    return plan


def assert_back(world: World) -> None:
    found = world.everything()
    assert list(found[world.green]["aliases"]) == [world.name]
    assert all(blocks(one) == {} for one in found.values())
    assert world.read_documents(world.green) == world.documents
    world.assert_quiet()


# The plan's own block


@pytest.mark.parametrize("writes", ["block", "catch-up"])
def test_the_block_that_the_plan_has_left_is_lifted_on_the_way_back(
    world: World, writes: str
) -> None:
    """The delete is still to come, so the old index is blocked."""
    parts = {"finish": {"delete_old": True}, "migrate": {"writes": writes}}
    switched(world, "--through", "switch", **parts)
    late(world)
    kinds = [step["kind"] for step in first(world)["steps"]]
    assert kinds[:3] == ["guard_index", "unblock_writes", "catch_up"]
    world.apply()
    assert_back(world)


def test_a_way_back_that_is_abandoned_blocks_the_old_index_again(world: World) -> None:
    switched(world, "--through", "switch", finish={"delete_old": True})
    late(world)
    first(world)
    world.apply("--through", "prepare")
    assert blocks(world.everything()[world.green]) == {}
    world.apply("--abandon")
    assert blocks(world.everything()[world.green]) == {"write": "true"}
    again(world)
    world.apply()
    assert_back(world)


def test_a_block_of_somebody_else_bars_the_way_back(world: World) -> None:
    switched(world)
    world.cluster.change("PUT", f"/{world.green}/_block/write")
    assert f"{world.green} is write-blocked" in back(world, code=4).stderr


# Parts


def test_a_part_of_the_documents_has_no_way_back(world: World) -> None:
    """An excluded document would be overwritten by one that a client made anew."""
    query = {"range": {"flight": {"gte": 50}}}
    switched(world, migrate={"query": query})
    world.load(world.name, {"7": {"flight": "70"}})
    before = world.read_documents(world.green)
    done = back(world, code=4)
    assert f"{world.blue} has a part of the documents of {world.green}" in done.stderr
    assert world.read_documents(world.green) == before


DECIDING = {
    "op": "if (ctx._source.flight < 50) { ctx.op = 'noop' }",
    "_id": "ctx._id = 'x' + ctx._id",
    "_routing": "ctx['_routing'] = ctx._id",
}


@pytest.mark.scripts
@pytest.mark.parametrize("what", DECIDING)
def test_a_script_that_decides_which_documents_there_are_has_no_way_back(
    world: World, what: str
) -> None:
    inverse = {"source": "ctx._source.remove('more')"}
    switched(world, migrate={"script": {"source": DECIDING[what]}, "inverse": inverse})
    assert f"its script sets ctx.{what}" in back(world, code=4).stderr


# Tried more than once


POINTS = ["01-guard_index", "02-catch_up", "04-catch_up", "05-block_writes", "06-catch_up"]


@pytest.mark.parametrize("point", [*POINTS, "07-verify"])
def test_a_way_back_that_was_killed_and_abandoned_bars_no_other(world: World, point: str) -> None:
    """What it has written stays in the old index, and is known as its own."""
    switched(world)
    late(world)
    world.cluster.change("DELETE", f"/{world.name}/_doc/5", {"refresh": "true"})
    del world.documents["5"]
    first(world)
    world.crash(f"after-done:{point}")
    done = world.apply("--abandon")
    assert f"stays: copy what clients write to {world.blue}" in done.stderr or point[1] == "1"
    late(world, "later")
    world.cluster.change("DELETE", f"/{world.name}/_doc/late", {"refresh": "true"})
    del world.documents["late"]
    again(world)
    world.apply()
    assert_back(world)


def test_a_way_back_that_was_killed_while_it_copied_bars_no_other(world: World) -> None:
    """Nobody has counted its writes; the server has."""
    switched(world)
    late(world)
    first(world)
    world.crash("after-request:02-catch_up")
    world.apply("--abandon")
    again(world)
    world.apply()
    assert_back(world)


def test_a_way_back_that_failed_bars_no_other(world: World) -> None:
    """The first two times a document does not fit into the old index."""
    switched(world)
    late(world)
    world.load(world.name, {"wrong": {"flight": "no number"}})
    first(world)
    for _ in range(2):
        done = world.apply(code=1)
        assert "every change was taken back" not in done.stderr
        assert list(world.everything()[world.blue]["aliases"]) == [world.name]
        again(world)
    world.cluster.change("DELETE", f"/{world.name}/_doc/wrong", {"refresh": "true"})
    world.apply()
    assert_back(world)


def test_what_somebody_else_wrote_meanwhile_bars_the_next_one(world: World) -> None:
    """Beside the rollback's own writes: it would be deleted as a document that clients deleted."""
    switched(world)
    late(world)
    first(world)
    world.apply("--through", "prepare")
    world.load(world.green, {"foreign": {"flight": 1}})
    world.apply("--abandon")
    (world.folder / "plan.json.journal.jsonl").unlink(missing_ok=True)
    (world.folder / "applied.jsonl").rename(world.folder / "plan.json.journal.jsonl")
    world.plan.write_text((world.folder / "applied.json").read_text())
    assert f"somebody has written to {world.green}" in back(world, code=4).stderr
    assert "foreign" in world.read_documents(world.green)


def test_what_somebody_else_wrote_after_it_bars_the_next_one(world: World) -> None:
    switched(world)
    late(world)
    first(world)
    world.apply("--through", "prepare")
    world.apply("--abandon")
    world.load(world.green, {"foreign": {"flight": 1}})
    (world.folder / "plan.json.journal.jsonl").unlink(missing_ok=True)
    (world.folder / "applied.jsonl").rename(world.folder / "plan.json.journal.jsonl")
    world.plan.write_text((world.folder / "applied.json").read_text())
    assert f"somebody has written to {world.green}" in back(world, code=4).stderr


def test_a_way_back_that_has_not_ended_is_named(world: World) -> None:
    switched(world)
    late(world)
    first(world)
    world.apply("--through", "prepare")
    own = world.plan.read_text()
    (world.folder / "plan.json.journal.jsonl").rename(world.folder / "own.jsonl")
    (world.folder / "applied.jsonl").rename(world.folder / "plan.json.journal.jsonl")
    world.plan.write_text((world.folder / "applied.json").read_text())
    assert f"a rollback that has not ended fills {world.green}" in back(world, code=4).stderr
    world.plan.write_text(own)
    (world.folder / "own.jsonl").replace(world.folder / "plan.json.journal.jsonl")
    world.apply()
    assert_back(world)


# Pipelines


@pytest.mark.parametrize("kind", ["default_pipeline", "final_pipeline"])
def test_a_pipeline_of_the_old_index_does_not_touch_what_is_carried_back(
    world: World, kind: str
) -> None:
    """It acts on what clients write. Through this one, which is not there, no write goes."""
    switched(world)
    name = {f"index.{kind}": "esplan-no-such-pipeline"}
    world.cluster.change("PUT", f"/{world.green}/_settings", None, name)
    late(world)
    plan = first(world)
    assert [one["kind"] for one in plan["steps"]].count("update_settings") == 2
    world.crash("after-done:04-await_health")
    world.apply("--abandon")
    assert world.everything()[world.green]["settings"]["index"][kind] == "esplan-no-such-pipeline"
    again(world)
    world.apply()
    assert_back(world)
    assert world.everything()[world.green]["settings"]["index"][kind] == "esplan-no-such-pipeline"


# Another index behind the alias


def made_anew(world: World, documents: dict[str, Any]) -> None:
    mappings = world.everything()[world.blue]["mappings"]
    world.cluster.change("DELETE", f"/{world.blue}")
    body = {"aliases": {world.name: {}}, "mappings": mappings}
    world.cluster.change("PUT", f"/{world.blue}", None, body)
    world.load(world.blue, documents)


@pytest.mark.parametrize("left", [0, 3])
def test_an_index_made_anew_behind_the_alias_deletes_nothing_in_the_old_one(
    world: World, left: int
) -> None:
    """What it lacks nobody has deleted. Nor does the plan's mark in its mapping make it ours."""
    switched(world)
    some = {key: world.documents[key] for key in list(world.documents)[:left]}
    made_anew(world, some)
    done = back(world, code=4)
    assert f"{world.blue} is another index than the one that was proven" in done.stderr
    assert world.read_documents(world.green) == world.documents


def test_an_index_made_anew_after_the_plan_deletes_nothing_either(world: World) -> None:
    switched(world)
    first(world)
    made_anew(world, {})
    assert f"{world.blue} is another index" in world.apply(code=4).stderr
    assert world.read_documents(world.green) == world.documents
    assert world.everything()[world.green]["aliases"] == {}


def test_what_clients_have_deleted_one_and_all_goes_in_the_old_index_too(world: World) -> None:
    switched(world)
    query = {"query": {"match_all": {}}}
    world.cluster.change("POST", f"/{world.blue}/_delete_by_query?refresh=true", None, query)
    world.documents = {}
    first(world)
    world.apply()
    assert_back(world)


def test_a_journal_that_does_not_say_which_index_was_proven(world: World) -> None:
    """Of an older esplan: the UUID that the index was made with is in it."""
    switched(world)
    forget_identities(world)
    late(world)
    assert "is known by its UUID" in str(first(world)["warnings"])
    world.apply()
    assert_back(world)


def test_such_a_journal_and_an_index_made_anew(world: World) -> None:
    switched(world)
    forget_identities(world)
    made_anew(world, {})
    done = back(world, code=4)
    assert f"{world.blue} is another index than the one that was proven" in done.stderr


def forget_identities(world: World) -> None:
    """As an older esplan has written it, whose records are chained by their digests."""
    path = world.folder / "plan.json.journal.jsonl"
    records = [journal.parse(line) for line in path.read_text().splitlines()]
    path.unlink()
    query = {"query": {"term": {"kind": "journal"}}}
    world.cluster.read("/esplan-state/_refresh")  # else the last ones are not found
    world.cluster.change("POST", "/esplan-state/_delete_by_query?refresh=true", None, query)
    own = journal.open_journal(path, json.loads(world.plan.read_text())["digest"])
    for one in records:
        own.append(one.event, one.step, without(one.data))


def without(data: dict[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in data.items() if name != "identities"}
