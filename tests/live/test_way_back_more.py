"""A rollback touches nothing that somebody else has changed since the apply."""

from __future__ import annotations

import json
from typing import Any

import pytest
from test_way_back import again, assert_back, first, switched
from world import REPLICAS, World, back, blocks

pytestmark = pytest.mark.live


# A release


OLD, NEW = "20261119t060000z", "20261120t060000z"


def run_of(world: World, run: str) -> str:
    return f"{world.name}-base-{run}"


def released(world: World, count: int = 30) -> None:
    """The alias is on the new run of a loader; the old one is kept."""
    for run, aliases in ((OLD, {world.name: {}}), (NEW, {})):
        make(world, run_of(world, run), count, aliases)
    index = {"name": "{index_base}-{run_id}"}
    runs = {"source": world.name, "index_base": f"{world.name}-base"}
    alias = {"index": index, "runs": runs, "finish": {"delete_old": False}}
    path = world.folder / "desired.json"
    path.write_text(json.dumps({"version": 1, "aliases": {world.name: alias}}))
    world.esplan("plan", "-d", str(path), "-o", str(world.plan))
    world.apply()
    assert on(world) == [run_of(world, NEW)]


def make(world: World, index: str, count: int, aliases: dict[str, Any]) -> None:
    world.cluster.change("PUT", f"/{index}", None, {"settings": REPLICAS, "aliases": aliases})
    world.load(index, {str(number): {"flight": number} for number in range(count)})


def on(world: World) -> list[str]:
    return [name for name, one in world.everything().items() if world.name in one["aliases"]]


def spoil(world: World, how: str) -> None:
    old = run_of(world, OLD)
    if how == "anew":
        world.cluster.change("DELETE", f"/{old}")
        make(world, old, 30, {})
    else:
        query = {"query": {"match_all": {}} if how == "emptied" else {"ids": {"values": ["7"]}}}
        world.cluster.change("POST", f"/{old}/_delete_by_query?refresh=true", None, query)


SPOILT = {"anew": "another index", "emptied": "has 0 documents", "less": "has 29 documents"}


@pytest.mark.parametrize("how", ["emptied", "less"])
def test_the_run_before_has_lost_documents_when_the_way_back_is_planned(
    world: World, how: str
) -> None:
    released(world)
    spoil(world, how)
    assert SPOILT[how] in back(world, code=4).stderr


@pytest.mark.parametrize("how", SPOILT)
def test_the_run_before_is_not_what_it_was_when_the_alias_goes_back(world: World, how: str) -> None:
    released(world)
    back(world)
    spoil(world, how)
    assert SPOILT[how] in world.apply(code=4).stderr
    assert on(world) == [run_of(world, NEW)]


def test_the_run_before_may_have_got_more(world: World) -> None:
    released(world)
    world.load(run_of(world, OLD), {"more": {"flight": 1}})
    back(world)
    world.load(run_of(world, OLD), {"again": {"flight": 1}})
    world.apply()
    assert on(world) == [run_of(world, OLD)]


# What nobody wrote


FILLED = {"flight": {"type": "keyword", "fields": {"words": {"type": "text"}}}}


@pytest.mark.scripts
def test_what_a_backfill_has_written_keeps_the_field_that_the_copy_dropped(world: World) -> None:
    """The old index has these documents whole; only what clients wrote lacks the field."""
    switched(world, count=20, migrate={"drop": ["text"]})
    own = world.folder / "applied.json"
    own.write_text(world.plan.read_text())
    (world.folder / "plan.json.journal.jsonl").rename(world.folder / "applied.jsonl")
    world.make_plan(finish={}, properties=FILLED, migrate={"drop": ["text"], "backfill": True})
    world.apply()
    world.load(world.name, {"3": {"flight": 33}, "late": {"flight": 34}})
    world.documents |= {"3": {"flight": 33}, "late": {"flight": 34}}
    world.cluster.change("DELETE", f"/{world.name}/_doc/5", {"refresh": "true"})
    del world.documents["5"]
    again(world, "--allow-drop", f"alias.{world.name}")
    world.apply()
    assert_back(world)


@pytest.mark.scripts
def test_what_is_written_anew_while_the_way_back_runs_keeps_it_too(world: World) -> None:
    switched(world, count=20, migrate={"drop": ["text"]})
    back(world, "--allow-drop", f"alias.{world.name}")
    world.apply("--through", "prepare")
    world.cluster.change("POST", f"/{world.blue}/_update_by_query?refresh=true")
    world.apply()
    assert_back(world)


LOSSY: dict[str, Any] = {
    "script": {"source": "ctx._source.text = ctx._source.text.toLowerCase()"},
    "inverse": {"source": "ctx._source.text = ctx._source.text.toUpperCase()"},
}


@pytest.mark.scripts
def test_an_inverse_does_not_touch_what_nobody_wrote(world: World) -> None:
    """It need not make the very document of before: `flight 7 ü`, and not `FLIGHT 7 Ü`."""
    switched(world, count=20, migrate=LOSSY)
    world.cluster.change("POST", f"/{world.blue}/_update_by_query?refresh=true")
    world.load(world.name, {"late": {"flight": 1, "text": "late"}})
    world.documents["late"] = {"flight": 1, "text": "LATE"}
    back(world)
    world.apply()
    assert_back(world)


# The way back of a way back


def there(world: World) -> None:
    """Back once; then once more, from that plan: the new index serves again."""
    back(world)
    world.apply()
    world.load(world.name, {"old": {"flight": 7, "text": "Old", "at": "2013-01-01"}})
    world.cluster.change("DELETE", f"/{world.name}/_doc/5", {"refresh": "true"})
    back(world)
    world.apply()
    assert on(world) == [world.blue]


TRANSFORMS: dict[str, Any] = {
    "rename": {"rename": {"text": "words"}},
    "script": {
        "script": {"source": "ctx._source.words = ctx._source.remove('text')"},
        "inverse": {"source": "ctx._source.text = ctx._source.remove('words')"},
    },
    "both": {"rename": {"text": "words"}, "writes": "catch-up"},
}


@pytest.mark.scripts
@pytest.mark.parametrize("how", TRANSFORMS)
def test_a_way_back_is_taken_back_with_the_script_of_the_copy(world: World, how: str) -> None:
    switched(world, count=20, migrate=TRANSFORMS[how])
    new = world.read_documents(world.blue)
    world.load(world.name, {"new": {"flight": 8, "words": "New", "at": "2013-01-01"}})
    there(world)
    new |= {key: {"flight": n, "words": word, "at": "2013-01-01"} for key, n, word in WRITTEN}
    del new["5"]
    assert world.read_documents(world.blue) == new
    world.load(world.name, {"new": {"flight": 9, "words": "Newer", "at": "2013-01-01"}})
    back(world)
    world.apply()
    old = world.read_documents(world.green)
    assert old["new"] == {"flight": 9, "text": "Newer", "at": "2013-01-01"}
    assert old["old"] == {"flight": 7, "text": "Old", "at": "2013-01-01"}
    assert old["7"] == world.documents["7"]
    assert on(world) == [world.green]


WRITTEN = [("old", 7, "Old"), ("new", 8, "New")]


# A block of somebody else


@pytest.mark.parametrize("end", ["applied", "abandoned"])
def test_a_block_that_a_person_has_put_on_the_new_index_stays(world: World, end: str) -> None:
    switched(world, count=20)
    world.cluster.change("PUT", f"/{world.blue}/_block/write")
    plan = back(world)
    assert f"{world.blue} is write-blocked and stays so" in str(plan["warnings"])
    if end == "applied":
        world.apply()
    else:
        world.crash("after-done:06-catch_up")
        world.apply("--abandon")
    found = world.everything()
    assert blocks(found[world.blue]) == {"write": "true"}
    assert blocks(found[world.green]) == {}
    assert on(world) == [world.green if end == "applied" else world.blue]
    assert world.read_documents(world.green) == world.documents


# What was changed in place


def in_place(world: World) -> None:
    world.seed(20)
    world.make_plan(
        properties={"flight": {"type": "integer"}},
        settings={"refresh_interval": "7s"},
        filter={"term": {"flight": 3}},
    )
    world.apply()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_setting_that_somebody_changed_since_is_not_set_back(world: World, when: str) -> None:
    in_place(world)
    if when == "after":
        back(world)
    own = {"index.refresh_interval": "5s"}
    world.cluster.change("PUT", f"/{world.green}/_settings", None, own)
    done = back(world, code=4) if when == "before" else world.apply(code=4)
    assert "refresh_interval was 7s" in done.stderr
    assert "is 5s" in done.stderr
    assert world.everything()[world.green]["settings"]["index"]["refresh_interval"] == "5s"


@pytest.mark.parametrize("when", ["before", "after"])
def test_options_that_somebody_changed_since_are_not_put_back(world: World, when: str) -> None:
    in_place(world)
    if when == "after":
        back(world)
    own = {"term": {"flight": 4}}
    add = {"index": world.green, "alias": world.name, "filter": own}
    world.cluster.change("POST", "/_aliases", None, {"actions": [{"add": add}]})
    done = back(world, code=4) if when == "before" else world.apply(code=4)
    assert f"the options of the alias {world.name}" in done.stderr
    assert world.everything()[world.green]["aliases"][world.name]["filter"] == own
    assert world.everything()[world.green]["settings"]["index"]["refresh_interval"] == "7s"


def test_documents_that_were_rejected_make_no_room_for_a_clients_write(world: World) -> None:
    """A document that the mapping refuses takes no number: the write is not the rollback's own."""
    switched(world, count=20)
    world.load(world.name, {"bad": {"flight": "no number"}, "worse": {"flight": "none"}})
    first(world)
    world.crash("before-failed:")
    world.load(world.green, {"client": {"flight": 555}})
    world.apply("--abandon")
    world.cluster.change("DELETE", f"/{world.name}/_doc/bad", {"refresh": "true"})
    world.cluster.change("DELETE", f"/{world.name}/_doc/worse", {"refresh": "true"})
    restore(world)
    assert f"somebody has written to {world.green}" in back(world, code=4).stderr
    assert world.read_documents(world.green)["client"] == {"flight": 555}


def restore(world: World) -> None:
    """The plan that was applied, and its journal, where the way back was."""
    (world.folder / "plan.json.journal.jsonl").unlink(missing_ok=True)
    (world.folder / "applied.jsonl").rename(world.folder / "plan.json.journal.jsonl")
    world.plan.write_text((world.folder / "applied.json").read_text())
