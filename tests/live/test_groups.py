"""Groups on a real cluster, by the command line: all aliases in one call, or none."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import pytest
from loader import load
from world import PROPERTIES, REPLICAS, World, back

from esplan.cluster import Cluster
from esplan.errors import ServerError

if TYPE_CHECKING:
    from pathlib import Path

    from esplan.connection import Connection

pytestmark = pytest.mark.live

COLORS = ("green", "blue")
KEYWORD, INTEGER = {"flight": {"type": "keyword"}}, {"flight": {"type": "integer"}}


@dataclass
class Groups(World):
    """Several aliases: `<name>-a` on `<name>-a_green`, and so on."""

    def alias(self, letter: str) -> str:
        return f"{self.name}-{letter}"

    def seed_one(self, letter: str, count: int = 20, **body: Any) -> None:
        mappings = {"properties": PROPERTIES}
        aliases = {self.alias(letter): {}}
        whole = {"settings": REPLICAS, "mappings": mappings, "aliases": aliases, **body}
        self.cluster.change("PUT", f"/{self.alias(letter)}_green", None, whole)
        self.load(f"{self.alias(letter)}_green", {str(n): {"flight": n} for n in range(count)})

    def entry(self, letter: str, fields: dict[str, Any], **parts: Any) -> dict[str, Any]:
        index = {
            "name": f"{self.alias(letter)}_{{color}}",
            "settings": REPLICAS,
            "mappings": {"properties": fields},
        }
        return {"index": index, "group": "g", "finish": {"delete_old": True}, **parts}

    def plan_of(self, *options: str, **aliases: dict[str, Any]) -> dict[str, Any]:
        wanted = {self.alias(letter): one for letter, one in aliases.items()}
        path = self.folder / "desired.json"
        path.write_text(json.dumps({"version": 1, "aliases": wanted}))
        self.esplan("plan", "-d", str(path), "-o", str(self.plan), *options)
        plan: dict[str, Any] = json.loads(self.plan.read_text())
        return plan

    def two(self) -> dict[str, Any]:
        """Two aliases whose field becomes another type: both need a new index."""
        for letter in "ab":
            self.seed_one(letter)
        return self.plan_of(a=self.entry("a", KEYWORD), b=self.entry("b", KEYWORD))

    def on(self) -> dict[str, list[str]]:
        """Every index of this test, and its aliases on it, without what makes them unique."""
        return {
            index.removeprefix(f"{self.name}-"): sorted(
                alias.removeprefix(f"{self.name}-")
                for alias in one["aliases"]
                if alias.startswith(self.name)
            )
            for index, one in self.everything().items()
        }

    def blocked(self) -> list[str]:
        found = self.everything().items()
        return [name for name, one in found if "blocks" in one["settings"]["index"]]

    def assert_both_switched(self) -> None:
        assert self.on() == {"a_blue": ["a"], "b_blue": ["b"]}
        assert self.blocked() == []
        for letter in "ab":
            found = self.read_documents(f"{self.alias(letter)}_blue")
            assert found == {str(n): {"flight": n} for n in range(20)}
        self.assert_quiet()
        again = ["plan", "-d", str(self.folder / "desired.json"), "--detailed-exitcode"]
        assert "No changes: 2 objects are as the files say" in self.esplan(*again).stdout

    def assert_taken_back(self) -> None:
        assert self.on() == {"a_green": ["a"], "b_green": ["b"]}
        assert self.blocked() == []
        self.assert_quiet()


@pytest.fixture
def world(cluster: Cluster, url: str, name: str, folder: Path) -> Groups:
    return Groups(cluster, url, name, folder)


@dataclass
class Reader:
    """Asks all the time where the aliases are, in one request each time."""

    connection: Connection
    name: str
    seen: list[frozenset[tuple[str, str]]] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        assert self.failures == []

    def _run(self) -> None:
        with Cluster(self.connection) as cluster:
            while not self._stop.is_set():
                try:
                    answer = cluster.read(f"/{self.name}*/_alias/{self.name}*") or {}
                except BaseException as error:  # noqa: BLE001  (shown by the test's own thread)
                    self.failures.append(error)
                    return
                on = {(a, index) for index, one in answer.items() for a in one["aliases"]}
                self.seen.append(frozenset(on))


def calls(said: str) -> int:
    """How many requests to `_aliases` the log of an apply has, but for that of its own fence.

    A delete sends two: one holds the heir, and the other asserts it and deletes.
    """
    return said.count("POST /_aliases") - 1


SWITCH = [
    "01-create_index",
    "02-create_index",
    "03-block_writes",
    "04-reindex",
    "05-verify",
    "06-update_settings",
    "07-block_writes",
    "08-reindex",
    "09-verify",
    "10-update_settings",
    "11-await_health",
    "12-await_health",
    "13-update_aliases",
    "14-delete_index",
    "15-delete_index",
]


def test_two_copies_are_switched_in_one_call(world: Groups) -> None:
    plan = world.two()
    assert [step["id"] for step in plan["steps"]] == SWITCH
    (switch,) = [step for step in plan["steps"] if step["kind"] == "update_aliases"]
    assert switch["address"] == "group.g"
    a, b = world.alias("a"), world.alias("b")
    assert switch["description"] == (
        f"in one call for the group g: switch the alias {a} from {a}_green to {a}_blue; "
        f"switch the alias {b} from {b}_green to {b}_blue"
    )
    with Reader(world.cluster.connection, world.name) as reader:
        said = world.apply("-v").stderr
    assert calls(said) == 1 + 2 * 2, "one switch and two deletes"
    before = {(a, f"{a}_green"), (b, f"{b}_green")}
    after = {(a, f"{a}_blue"), (b, f"{b}_blue")}
    assert len(reader.seen) > 50
    assert {frozenset(one & (before | after)) for one in reader.seen} == {
        frozenset(before),
        frozenset(after),
    }
    world.assert_both_switched()


POINTS = ["before-intent", "after-intent", "after-request", "before-done", "after-done"]


def test_a_kill_at_every_boundary_one_after_the_other(world: Groups) -> None:
    """Each apply goes on where the one before was killed, and is killed at the next boundary."""
    assert [step["id"] for step in world.two()["steps"]] == SWITCH
    for step in SWITCH:
        probed = "await_health" in step  # green at once on one node, so never sent
        for when in POINTS[3:] if probed else POINTS:
            world.crash(f"{when}:{step}")
            moved = {name for name, aliases in world.on().items() if aliases}
            assert len({name.partition("_")[2] for name in moved}) == 1, "one of them was moved"
    world.apply()
    world.assert_both_switched()


@pytest.mark.parametrize("when", POINTS[:3])
def test_a_kill_at_the_switch_then_one_apply(world: Groups, when: str) -> None:
    world.two()
    world.crash(f"{when}:13-update_aliases")
    world.apply()
    world.assert_both_switched()


def test_one_that_fails_its_copy_keeps_all_of_the_group(world: Groups) -> None:
    """What b holds is no integer; a is copied and proven by then. c is alone, and goes on."""
    for letter in "abc":
        world.seed_one(letter, mappings={"properties": KEYWORD})
    world.load(f"{world.alias('b')}_green", {"x": {"flight": "no number"}})
    alone = {**world.entry("c", INTEGER), "group": "other"}
    world.plan_of(a=world.entry("a", INTEGER), b=world.entry("b", INTEGER), c=alone)
    said = world.apply("--keep-going", code=1).stderr
    a, b, c = (f"alias.{world.alias(letter)}" for letter in "abc")
    assert f"2 of 3 objects failed: {a}, {b}" in said
    assert f"Where: done: {c}" in said
    assert "Why: group.g: " in said
    assert "failed to parse" in said
    assert world.on() == {"a_green": ["a"], "b_green": ["b"], "c_blue": ["c"]}
    assert world.blocked() == []
    world.assert_quiet()
    assert "Unfinished applies: none" in world.esplan("status", str(world.plan)).stdout
    world.load(f"{world.alias('b')}_green", {"x": {"flight": "7"}})
    assert calls(world.apply("-v", "--keep-going").stderr) == 1 + 2 * 2, "a switch, two deletes"
    assert world.on() == {"a_blue": ["a"], "b_blue": ["b"], "c_blue": ["c"]}


def test_one_that_is_not_equal_keeps_all_of_the_group(world: Groups) -> None:
    """Somebody writes to the new index of b before it is proven."""
    world.two()
    world.crash("after-done:08-reindex")
    world.load(f"{world.alias('b')}_blue", {"3": {"flight": 4}})
    said = world.apply(code=4).stderr
    assert f"{world.alias('b')}_blue is not equal to {world.alias('b')}_green" in said
    assert "every change was taken back" in said
    world.assert_taken_back()


def test_an_alias_that_was_moved_keeps_all_of_the_group(world: Groups) -> None:
    world.two()
    b, third = world.alias("b"), world.alias("third")
    world.crash("after-done:12-await_health")
    world.cluster.change("PUT", f"/{third}")
    moved = [
        {"remove": {"index": f"{b}_green", "alias": b}},
        {"add": {"index": third, "alias": b}},
    ]
    world.cluster.change("POST", "/_aliases", None, {"actions": moved})
    done = world.apply("-v", code=4).stderr
    assert f"the alias {b} is on {third}, not on {b}_green" in done
    assert world.on() == {"a_green": ["a"], "b_green": [], "third": ["b"]}
    assert world.blocked() == []
    world.assert_quiet()


def test_the_cluster_itself_refuses_when_one_moves_at_the_last_moment(world: Groups) -> None:
    """After the last look: the call asserts where every alias is, and nothing of it is applied."""
    world.two()
    b = world.alias("b")
    world.crash("after-intent:13-update_aliases")
    plan = json.loads(world.plan.read_text())
    (switch,) = [step for step in plan["steps"] if step["kind"] == "update_aliases"]
    actions = [one for one in switch["request"]["body"]["actions"] if "fence" not in str(one)]
    gone = {"remove": {"index": f"{b}_green", "alias": b}}
    world.cluster.change("POST", "/_aliases", None, {"actions": [gone]})
    before = world.on()
    with pytest.raises(ServerError) as refused:
        world.cluster.change("POST", "/_aliases", None, {"actions": actions})
    assert refused.value.status == 404
    assert world.on() == before, "nothing of it was applied"
    back = {"add": {"index": f"{b}_green", "alias": b}}
    world.cluster.change("POST", "/_aliases", None, {"actions": [back]})
    world.apply()
    world.assert_both_switched()


def test_only_one_moved_by_hand_is_never_guessed(world: Groups) -> None:
    """Just as wanted, but not by the one call: nothing is switched or deleted, and it says so."""
    world.two()
    a = world.alias("a")
    world.crash("after-done:12-await_health")
    moved = [
        {"remove": {"index": f"{a}_green", "alias": a}},
        {"add": {"index": f"{a}_blue", "alias": a}},
    ]
    world.cluster.change("POST", "/_aliases", None, {"actions": moved})
    said = world.apply(code=4).stderr
    assert f"in the cluster: the index {a}_blue, behind {a}; the old index {a}_green" in said
    assert f"the alias {a} is on {a}_blue, not on {a}_green" in said
    assert world.on() == {"a_blue": ["a"], "a_green": [], "b_green": ["b"]}
    assert world.blocked() == []
    moved = [
        {"remove": {"index": f"{a}_blue", "alias": a}},
        {"add": {"index": f"{a}_green", "alias": a}},
    ]
    world.cluster.change("POST", "/_aliases", None, {"actions": moved})
    world.apply(code=4)  # the write block was lifted: what this plan has proven is not so any more
    assert world.on() == {"a_green": ["a"], "b_green": ["b"]}
    world.apply()
    world.assert_both_switched()


def test_a_creation_a_copy_and_an_option_in_one_call(world: Groups) -> None:
    for letter in "ab":
        world.seed_one(letter)
    plan = world.plan_of(
        a=world.entry("a", KEYWORD),
        b=world.entry("b", INTEGER, filter={"term": {"flight": 1}}),
        c=world.entry("c", INTEGER),
        d={**world.entry("d", INTEGER), "group": "alone"},
    )
    called = [step for step in plan["steps"] if step["kind"] == "update_aliases"]
    assert [step["address"] for step in called] == ["group.g", f"alias.{world.alias('d')}"]
    world.apply()
    assert world.on() == {"a_blue": ["a"], "b_green": ["b"], "c_green": ["c"], "d_green": ["d"]}
    found = world.cluster.read(f"/{world.alias('b')}/_count")
    assert found["count"] == 1


# A source with several entities


def entity(world: Groups, name: str, pattern: str, **parts: Any) -> dict[str, Any]:
    prefix = world.name
    entities = {"smr": f"{prefix}-smr-{{run_id}}", "emp": f"{prefix}-smr-{{run_id}}-employee"}
    return {
        "index": {"name": f"{prefix}-{pattern}"},
        "runs": {"source": name, "entities": entities},
        "finish": {"replicas": 0, "delete_old": True},
        **parts,
    }


def test_the_entities_of_a_source_are_released_in_one_call(world: Groups) -> None:
    """smr-again is on the run of smr, too: the old run is deleted once both have left it."""
    for run in ("20261119t060000z", "20261120t060000z"):
        for index in (f"smr-{run}", f"smr-{run}-employee"):
            load(world.cluster, f"{world.name}-{index}", 10, 1)
        plan = world.plan_of(
            smr=entity(world, "smr", "smr-{run_id}"),
            again=entity(world, "smr", "smr-{run_id}"),
            employee=entity(world, "smr", "smr-{run_id}-employee"),
        )
        kinds = [step["kind"] for step in plan["steps"]]
        assert kinds.count("update_aliases") == 1
        said = world.apply("-v").stderr
        assert calls(said) == 1 + 2 * kinds.count("delete_index")
        assert world.on() == {
            f"smr-{run}": ["again", "smr"],
            f"smr-{run}-employee": ["employee"],
        }
    assert kinds.count("delete_index") == 2
    half = ["plan", "-d", str(world.folder / "desired.json"), "--target"]
    said = world.esplan(*half, f"alias.{world.alias('smr')}", code=4).stderr
    assert "--target and --exclude leave only a part of the group smr" in said
    assert f"alias.{world.alias('employee')}" in said
    drift = world.esplan("drift", "-d", str(world.folder / "desired.json")).stdout
    assert "No drift" in drift


@pytest.mark.parametrize("killed", [False, True])
def test_a_group_goes_back_in_one_call_with_what_was_written_since(
    world: Groups, *, killed: bool
) -> None:
    for letter in "ab":
        world.seed_one(letter)
    world.plan_of(**{letter: world.entry(letter, KEYWORD, finish={}) for letter in "ab"})
    world.apply()
    since = {"3": {"flight": 33}, "new": {"flight": 7}}
    for letter in "ab":
        world.load(f"{world.alias(letter)}_blue", since)
        world.cluster.change("DELETE", f"/{world.alias(letter)}/_doc/4", {"refresh": "true"})
    switches = [one["id"] for one in back(world)["steps"] if one["kind"] == "update_aliases"]
    assert len(switches) == 1
    with Reader(world.cluster.connection, world.name) as reader:
        if killed:
            world.crash(f"after-request:{switches[0]}")
        world.apply()
    both = {(world.alias(one), f"{world.alias(one)}_{color}") for one in "ab" for color in COLORS}
    seen = {frozenset(one & both) for one in reader.seen}
    assert {tuple(sorted({index[-5:] for _, index in one})) for one in seen} <= {
        ("_blue",),
        ("green",),
    }
    assert world.on() == {"a_blue": [], "a_green": ["a"], "b_blue": [], "b_green": ["b"]}
    assert world.blocked() == []
    expected = {str(n): {"flight": n} for n in range(20) if n != 4} | since
    for letter in "ab":
        assert world.read_documents(f"{world.alias(letter)}_green") == expected
    world.assert_quiet()


def test_options_of_a_group_go_back_in_one_call(world: Groups) -> None:
    for letter in "ab":
        world.seed_one(letter)
    few = {"term": {"flight": 1}}
    world.plan_of(**{letter: world.entry(letter, INTEGER, filter=few) for letter in "ab"})
    world.apply()
    assert world.cluster.read(f"/{world.alias('a')}/_count")["count"] == 1
    plan = back(world)
    assert [one["kind"] for one in plan["steps"]] == ["update_aliases"]
    world.apply()
    for letter in "ab":
        one = world.cluster.read(f"/_alias/{world.alias(letter)}") or {}
        assert one[f"{world.alias(letter)}_green"]["aliases"] == {world.alias(letter): {}}


def test_a_release_goes_back_to_the_run_before_in_one_call(world: Groups) -> None:
    """The loader has made both: nothing is carried, and the plan says so."""
    for run in ("20261119t060000z", "20261120t060000z"):
        for index in (f"smr-{run}", f"smr-{run}-employee"):
            load(world.cluster, f"{world.name}-{index}", 10, 1)
        world.plan_of(
            smr=entity(world, "smr", "smr-{run_id}", finish={"replicas": 0}),
            employee=entity(world, "smr", "smr-{run_id}-employee", finish={"replicas": 0}),
        )
        world.apply()
        (world.folder / "plan.json.journal.jsonl").rename(world.folder / run)
    (world.folder / run).rename(world.folder / "plan.json.journal.jsonl")
    plan = back(world)
    assert {one["kind"] for one in plan["steps"]} == {"await_health", "update_aliases"}
    assert [one["kind"] for one in plan["steps"]].count("update_aliases") == 1
    assert all("is not in" in one for one in plan["warnings"])
    assert len(plan["warnings"]) == 2
    world.apply()
    found = {index: aliases for index, aliases in world.on().items() if aliases}
    assert found == {
        "smr-20261119t060000z": ["smr"],
        "smr-20261119t060000z-employee": ["employee"],
    }


def test_a_thousand_aliases_in_one_call(world: Groups) -> None:
    index = f"{world.name}-one"
    names = [f"{world.name}-alias-{n:04d}" for n in range(1000)]
    body = {"settings": REPLICAS, "aliases": {name: {} for name in names}}
    world.cluster.change("PUT", f"/{index}", None, body)
    wanted = {
        name: {
            "index": {"name": f"{name}_{{color}}"},
            "routing": "1",
            "group": "g",
        }
        for name in names
    }
    path = world.folder / "desired.json"
    path.write_text(json.dumps({"version": 1, "aliases": wanted}))
    world.esplan("plan", "-d", str(path), "-o", str(world.plan))
    plan = json.loads(world.plan.read_text())
    assert [step["kind"] for step in plan["steps"]] == ["update_aliases"]
    said = world.apply("-v", "--allow-many").stderr
    assert calls(said) == 1
    assert said.count("GET ") < 30
    found = world.everything()[index]["aliases"]
    assert list(found.values()) == [{"index_routing": "1", "search_routing": "1"}] * 1000
