"""`esplan rollback`: back to the old index, with everything that clients wrote to the new one."""

from __future__ import annotations

from typing import Any

import pytest
from clients import Readers, Writer
from world import World, back

pytestmark = pytest.mark.live

STEPS = [
    "guard_index",
    "catch_up",
    "await_health",
    "catch_up",
    "block_writes",
    "catch_up",
    "verify",
    "update_aliases",
    "unblock_writes",
]


def migrated(world: World, count: int = 2000, **parts: Any) -> None:
    world.seed(count)
    world.make_plan(**{"finish": {}, **parts})
    world.apply()


def assert_back(world: World) -> None:
    """The alias is on the old index, nothing blocks or guards, and all documents are there."""
    found = world.everything()
    assert list(found[world.green]["aliases"]) == [world.name]
    for index in found.values():
        assert "blocks" not in index["settings"]["index"]
    assert world.read_documents(world.green) == world.documents
    assert found[world.green]["mappings"]["properties"]["flight"] == {"type": "integer"}
    world.assert_quiet()


@pytest.mark.parametrize("writes", ["block", "catch-up"])
def test_what_clients_wrote_since_is_carried_back_while_they_write_on(
    world: World, writes: str
) -> None:
    migrated(world, migrate={"writes": writes})
    with Readers(world) as readers, Writer(world) as writer:
        while writer.done < 300:
            pass
        plan = back(world)
        world.apply()
    assert [step["kind"] for step in plan["steps"]] == STEPS
    assert plan["summary"]["replace"] == 1
    assert readers.errors == []
    assert readers.indices == {(world.green,), (world.blue,)}
    assert_back(world)
    assert world.blue in world.everything()


def test_the_new_index_goes_only_by_name(world: World) -> None:
    migrated(world, 50)
    world.load(world.name, {"late": {"flight": 3}})
    world.documents["late"] = {"flight": 3}
    back(world, "--allow-delete", f"alias.{world.name}")
    world.apply()
    assert_back(world)
    assert world.blue not in world.everything()


def test_a_plan_rolled_back_can_be_planned_again(world: World) -> None:
    migrated(world, 50)
    back(world, "--allow-delete", f"alias.{world.name}")
    world.apply()
    world.make_plan()
    world.apply()
    world.assert_switched()


@pytest.mark.parametrize(
    "point",
    [
        "after-done:01-guard_index",
        "after-done:02-catch_up",
        "after-request:06-catch_up",
        "after-request:08-update_aliases",
    ],
)
def test_a_kill_on_the_way_back_loses_nothing(world: World, point: str) -> None:
    migrated(world, 500)
    with Writer(world):
        back(world)
        world.crash(point)
        world.apply()
    assert_back(world)


def test_what_the_old_index_cannot_take_is_refused_and_nothing_changes(world: World) -> None:
    migrated(world, 50)
    world.load(world.name, {"late": {"flight": "no number"}})
    world.documents["late"] = {"flight": "no number"}
    back(world)
    done = world.apply(code=1)
    assert "rejected documents" in done.stderr
    assert "late" in done.stderr
    found = world.everything()
    assert list(found[world.blue]["aliases"]) == [world.name]
    assert found[world.green]["aliases"] == {}
    assert "blocks" not in found[world.blue]["settings"]["index"]


def test_there_is_no_way_back_to_what_was_deleted(world: World) -> None:
    migrated(world, 20, finish={"delete_old": True})
    done = back(world, code=4)
    assert f"{world.green} is gone, so there is no way back to it" in done.stderr


def test_what_was_never_applied_is_not_taken_back(world: World) -> None:
    world.seed(20)
    world.make_plan()
    assert "was never applied: there is nothing to take back" in back(world, code=4).stderr


def test_somebody_wrote_to_the_old_index(world: World) -> None:
    """Not through the alias, so nobody knows which of the two is right."""
    migrated(world, 50)
    changed = {"refresh": "true"}
    world.cluster.change("PUT", f"/{world.green}/_doc/7", changed, {"flight": 70})
    done = back(world, code=4)
    assert f"somebody has written to {world.green} since the switch" in done.stderr


def test_somebody_writes_to_the_old_index_after_the_plan(world: World) -> None:
    migrated(world, 50)
    back(world)
    changed = {"refresh": "true"}
    world.cluster.change("PUT", f"/{world.green}/_doc/7", changed, {"flight": 70})
    assert f"{world.green} was written to since the plan was made" in world.apply(code=4).stderr
    assert world.everything()[world.green]["aliases"] == {}


def test_documents_that_only_the_old_index_has_are_never_deleted(world: World) -> None:
    """Those that the new mapping has rejected: nobody could tell them from deleted ones."""
    world.seed(50)
    world.load(world.green, {"bad": {"text": "x" * 40_000}})
    properties = {"flight": {"type": "keyword"}, "text": {"type": "keyword"}}
    world.make_plan(finish={}, properties=properties, migrate={"max_rejected": 1})
    world.apply()
    done = back(world, code=4)
    assert f"the copy left out 1 documents, which only {world.green} has" in done.stderr


def test_numbers_alone_are_no_proof_to_go_back_on(world: World) -> None:
    world.seed(50)
    world.make_plan(finish={}, verify={"method": "count"})
    world.apply()
    assert "was not proven equal" in back(world, code=4).stderr


def test_what_was_discarded_has_no_way_back(world: World) -> None:
    world.seed(50)
    path = str(world.desire(finish={}, migrate={"data": "discard"}))
    consent = ["--allow-discard", f"alias.{world.name}"]
    world.esplan("plan", "-d", path, *consent, "-o", str(world.plan))
    world.apply()
    assert "was not proven equal" in back(world, code=4).stderr


def test_settings_and_options_go_back_in_place(world: World) -> None:
    world.seed(20)
    world.make_plan(
        properties={"flight": {"type": "integer"}, "new": {"type": "keyword"}},
        settings={"refresh_interval": "7s"},
        filter={"term": {"flight": 3}},
    )
    world.apply()
    assert world.everything()[world.green]["settings"]["index"]["refresh_interval"] == "7s"
    plan = back(world)
    assert any("stays" in warning for warning in plan["warnings"])
    world.apply()
    found = world.everything()[world.green]
    assert "refresh_interval" not in found["settings"]["index"]
    assert found["aliases"] == {world.name: {}}


# Documents that the copy has changed


RENAMED: dict[str, Any] = {"rename": {"text": "words"}}


def words(documents: dict[str, Any]) -> dict[str, Any]:
    """As `RENAMED` makes them."""
    return {
        key: {("words" if name == "text" else name): value for name, value in one.items()}
        for key, one in documents.items()
    }


def written(number: int) -> dict[str, Any]:
    """What a client of the new index writes."""
    return {"flight": number, "words": f"written {number}"}


def text(documents: dict[str, Any]) -> dict[str, Any]:
    """The way back."""
    return {
        key: {("text" if name == "words" else name): value for name, value in one.items()}
        for key, one in documents.items()
    }


@pytest.mark.scripts
def test_a_rename_is_undone_for_what_clients_wrote_since(world: World) -> None:
    world.seed(500)
    world.make_plan(finish={}, migrate=RENAMED)
    world.apply()
    world.documents = words(world.documents)
    with Writer(world, make=written) as writer:
        while writer.done < 100:
            pass
        back(world)
        world.apply("--through", "prepare")
    world.apply()
    world.documents = text(world.documents)
    assert_back(world)


INVERSE: dict[str, Any] = {
    "script": {"source": "ctx._source.words = ctx._source.remove('text').toUpperCase()"},
    "inverse": {"source": "ctx._source.text = ctx._source.remove('words').toLowerCase()"},
}


@pytest.mark.scripts
def test_a_declared_inverse_brings_back_what_a_script_has_changed(world: World) -> None:
    world.seed(100)
    world.make_plan(finish={}, migrate=INVERSE)
    world.apply()
    late = {"flight": 1, "words": "LATE"}
    world.load(world.name, {"late": late})
    world.documents["late"] = {"flight": 1, "text": "late"}
    back(world)
    world.apply()
    assert_back(world)


@pytest.mark.scripts
def test_an_inverse_that_is_none_is_found(world: World) -> None:
    """The old document, put through the script again, must be the new one."""
    world.seed(100)
    world.make_plan(finish={}, migrate={**INVERSE, "inverse": {"source": "ctx._source.text = ''"}})
    world.apply()
    world.load(world.name, {"late": {"flight": 1, "words": "LATE"}})
    back(world)
    assert "documents differ that no client has touched: late" in world.apply(code=4).stderr
    assert list(world.everything()[world.blue]["aliases"]) == [world.name]


@pytest.mark.scripts
def test_a_script_without_an_inverse_has_no_way_back(world: World) -> None:
    world.seed(20)
    world.make_plan(finish={}, migrate={"script": INVERSE["script"]})
    world.apply()
    assert "nobody has said how a document" in back(world, code=4).stderr


@pytest.mark.scripts
def test_what_was_dropped_is_brought_back_by_consent_only_where_nobody_wrote(world: World) -> None:
    world.seed(20)
    world.make_plan(finish={}, migrate={"drop": ["text"]})
    world.apply()
    assert "documents that clients wrote since lack text" in back(world, code=4).stderr
    world.load(world.name, {"3": {"flight": 33}})
    world.documents["3"] = {"flight": 33}
    back(world, "--allow-drop", f"alias.{world.name}")
    world.apply()
    assert_back(world)
