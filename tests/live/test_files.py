"""Files: what is read stays in the given folders, and what is written is nobody else's."""

from __future__ import annotations

import json
import stat
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


def test_a_plan_with_a_key_twice_is_not_applied(world: World) -> None:
    """Its digest is right: of two values one is hashed, and another program may take the other."""
    world.make_plan()
    text = world.plan.read_text()
    again = text.replace('  "esplan_version"', '  "esplan_version": "0",\n  "esplan_version"', 1)
    assert json.loads(again) == json.loads(text)
    world.plan.write_text(again)
    said = world.apply(code=4).stderr
    assert "is not as esplan wrote it" in said
    assert 'an object has the key "esplan_version" twice' in said
    assert list(world.everything()) == [world.green]
    world.plan.write_text(text)
    world.apply()
    world.assert_switched()


@pytest.mark.parametrize("way", ["jq", "crlf"])
def test_a_plan_that_was_written_anew_is_not_applied(world: World, way: str) -> None:
    world.make_plan()
    text = world.plan.read_text()
    anew = text.replace("\n", "\r\n") if way == "crlf" else json.dumps(json.loads(text))
    world.plan.write_text(anew, newline="")
    assert "Error ESP-2405" in world.apply(code=4).stderr
    assert list(world.everything()) == [world.green]


# Writing


def test_a_journal_that_others_may_write_to_is_not_believed(world: World) -> None:
    """What the message says to do works: the cluster has the journal, too."""
    world.make_plan()
    world.crash("after-done:03-reindex")
    journal = world.plan.with_name(f"{world.plan.name}.journal.jsonl")
    journal.chmod(0o666)
    said = world.apply(code=1).stderr
    assert "may have been written by others, so it is not believed" in said
    assert "others may write to it (mode 0666)" in said
    journal.unlink()
    world.apply()
    world.assert_switched()


def test_a_list_of_rejected_documents_is_written_to_no_file_that_was_prepared(
    world: World,
) -> None:
    world.load(world.green, {"bad": {"code": "x"}})
    listed = world.plan.with_name(f"{world.plan.name}.rejected.jsonl")
    prepared = listed.with_name(f"{listed.name}.new")
    prepared.touch()
    prepared.chmod(0o666)
    world.make_plan(properties={"flight": {"type": "keyword"}, "code": {"type": "integer"}})
    assert f"see {listed}" in world.apply(code=1).stderr
    assert stat.S_IMODE(listed.stat().st_mode) == 0o600
    assert prepared.read_bytes() == b""
