"""Groups on a real cluster, by the command line: all aliases in one call, or none."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import pytest
from loader import load
from world import PROPERTIES, REPLICAS, World

from esplan.cluster import Cluster, Connection

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.live

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
        """Every index of this test, and the aliases on it, without what makes them unique."""
        found = self.everything().items()
        cut = len(self.name) + 1
        return {name[cut:]: sorted(a[cut:] for a in one["aliases"]) for name, one in found}

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

    url: str
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
        with Cluster(Connection(self.url)) as cluster:
            while not self._stop.is_set():
                try:
                    answer = cluster.read(f"/{self.name}*/_alias/{self.name}*") or {}
                except BaseException as error:  # noqa: BLE001  (shown by the test's own thread)
                    self.failures.append(error)
                    return
                on = {(a, index) for index, one in answer.items() for a in one["aliases"]}
                self.seen.append(frozenset(on))


def calls(said: str) -> int:
    """How many requests to `_aliases` the log of an apply has."""
    return said.count("POST /_aliases")


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
    "14-unblock_writes",
    "15-unblock_writes",
    "16-delete_index",
    "17-delete_index",
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
    with Reader(world.url, world.name) as reader:
        said = world.apply("-v").stderr
    print(said)
    before = {(a, f"{a}_green"), (b, f"{b}_green")}
    after = {(a, f"{a}_blue"), (b, f"{b}_blue")}
    assert len(reader.seen) > 50
    assert {frozenset(one & (before | after)) for one in reader.seen} == {
        frozenset(before),
        frozenset(after),
    }
    world.assert_both_switched()
