"""`apply --parallel`: many small aliases side by side, with the same promises."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from world import World

if TYPE_CHECKING:
    from pathlib import Path

    from esplan.cluster import Cluster

pytestmark = pytest.mark.live

DOCUMENTS = 20


@dataclass
class Many:
    """Aliases `<name>-<number>`, each on its green index, and one plan that replaces them all."""

    world: World
    count: int

    def name(self, number: int) -> str:
        return f"{self.world.name}-{number}"

    def seed(self) -> None:
        lines: list[Any] = []
        for number in range(self.count):
            index = f"{self.name(number)}_green"
            body = {
                "settings": {"number_of_replicas": 0},
                "mappings": {"properties": {"n": {"type": "integer"}}},
                "aliases": {self.name(number): {}},
            }
            self.world.cluster.change("PUT", f"/{index}", None, body)
            for key in range(DOCUMENTS):
                lines += [{"index": {"_index": index, "_id": str(key)}}, {"n": key * number}]
        self.world.cluster.change("POST", "/_bulk", {"refresh": "true"}, lines)

    def plan(self, **parts: Any) -> None:
        aliases = {
            self.name(number): {
                "index": {
                    "name": f"{self.name(number)}_{{color}}",
                    "colors": ["green", "blue"],
                    "mappings": {"properties": {"n": {"type": "keyword"}}},
                },
                "finish": {"delete_old": True},
                **parts,
            }
            for number in range(self.count)
        }
        path = self.world.folder / "desired.json"
        path.write_text(json.dumps({"version": 1, "aliases": aliases}))
        self.world.esplan("plan", "-d", str(path), "-o", str(self.world.plan))

    def assert_on(self, number: int, color: str, *, kept: bool = False) -> None:
        """`kept`: the old index may be there still."""
        index = f"{self.name(number)}_{color}"
        found = self.world.cluster.read(f"/{self.name(number)}_*", {"expand_wildcards": "all"})
        assert index in found if kept else list(found) == [index]
        for name, one in found.items():
            assert list(one["aliases"]) == ([self.name(number)] if name == index else [])
            assert "blocks" not in one["settings"]["index"]
        wanted = {str(key): {"n": key * number} for key in range(DOCUMENTS)}
        assert self.world.read_documents(index) == wanted


@pytest.fixture
def many(cluster: Cluster, url: str, name: str, folder: Path) -> Many:
    return Many(World(cluster, url, name, folder), 8)


def apply(many: Many, *options: str, code: int = 0) -> Any:
    return many.world.apply("--allow-many", "--parallel", "4", *options, code=code)


@pytest.mark.parametrize("writes", ["block", "catch-up"])
def test_all_are_switched(many: Many, writes: str) -> None:
    many.seed()
    many.plan(migrate={"writes": writes})
    apply(many)
    for number in range(many.count):
        many.assert_on(number, "blue")
    many.world.assert_quiet()


def test_fifty_small_aliases_in_one_plan(
    cluster: Cluster, url: str, name: str, folder: Path
) -> None:
    many = Many(World(cluster, url, name, folder), 50)
    many.seed()
    many.plan()
    apply(many, "--parallel", "8")
    for number in range(many.count):
        many.assert_on(number, "blue")


def test_one_that_fails_takes_back_all_that_are_not_switched(many: Many) -> None:
    many.seed()
    many.plan()
    many.world.cluster.change("DELETE", f"/{many.name(5)}_green")
    done = apply(many, code=4)
    assert f"the index {many.name(5)}_green is gone" in done.stderr
    on = [each_color(many, number) for number in range(many.count) if number != 5]
    assert set(on) <= {"green", "blue"}
    for number, color in zip([n for n in range(many.count) if n != 5], on, strict=True):
        many.assert_on(number, color, kept=True)
    many.world.assert_quiet()


def each_color(many: Many, number: int) -> str:
    found = many.world.cluster.read(f"/_alias/{many.name(number)}")
    (index,) = found
    return str(index).rpartition("_")[2]


def test_with_keep_going_only_the_one_that_fails_is_left(many: Many) -> None:
    many.seed()
    many.plan()
    many.world.cluster.change("DELETE", f"/{many.name(5)}_green")
    done = apply(many, "--keep-going", code=4)
    assert f"1 of 8 objects failed: alias.{many.name(5)}" in done.stderr
    for number in range(many.count):
        if number != 5:
            many.assert_on(number, "blue")


@pytest.mark.parametrize("point", ["after-request:09-", "after-done:20-", "after-request:31-"])
def test_a_kill_in_the_middle_of_many_loses_nothing(many: Many, point: str) -> None:
    many.seed()
    many.plan()
    plan = json.loads(many.world.plan.read_text())
    when, _, start = point.partition(":")
    (step,) = [one["id"] for one in plan["steps"] if one["id"].startswith(start)]
    many.world.crash(f"{when}:{step}", "--allow-many", "--parallel", "4")
    apply(many)
    for number in range(many.count):
        many.assert_on(number, "blue")


def test_a_group_is_switched_in_one_call_all_the_same(many: Many) -> None:
    many.seed()
    many.plan(group="all", finish={})
    apply(many)
    for number in range(many.count):
        assert each_color(many, number) == "blue"
