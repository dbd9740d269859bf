"""Plans that between them have every step kind, and what must be so before and after each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import processes
from world import PROPERTIES, REPLICAS, World, back, blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

POINTS = ["before-intent", "after-intent", "after-send", "before-done"]
UNDOING = ["before-undone", "after-undone"]

SMALL = 60
"""Documents: a trial is about its crash, not about its copy."""

ANALYZER = {"analyzer": {"quiet": {"tokenizer": "standard", "filter": ["stop"]}}}
RAW = {"text": {"type": "text", "fields": {"raw": {"type": "keyword"}}}}


@dataclass(frozen=True)
class Scenario:
    """`prepare` makes an index and a plan; `left` are the suffixes of the indices at the end.

    The first of `left` is the one that the alias is on at the end.
    """

    name: str
    prepare: Callable[[World], Any]
    left: tuple[str, ...]
    fails: bool = False
    closes: bool = False

    def points(self, world: World) -> list[tuple[str, str]]:
        """(step kind, point) in the order in which one apply after the other comes there."""
        made = steps(world)
        if not self.fails:
            return [(kind, f"{when}:{step}") for step, kind in made for when in POINTS]
        begun = made[: [kind for _, kind in made].index("reindex") + 1]
        there = [(kind, f"{when}:{step}") for step, kind in begun for when in POINTS]
        undone = [(kind, f"{when}:{step}") for step, kind in reversed(begun) for when in UNDOING]
        return [*there[:-1], *undone]  # the copy is never done

    def assert_held(self, world: World) -> None:
        """At any moment: the alias is on one index, which has every document.

        A server that was just asked to close an index may do so while it is read.
        """
        (index,) = on(world)
        assert index in (world.green, world.blue)
        if not self.closes:
            assert world.read_documents(index) == world.documents

    def assert_ended(self, world: World) -> None:
        """As planned, and nothing of the plan is left over."""
        found = world.everything()
        assert sorted(found) == sorted(f"{world.name}_{one}" for one in self.left)
        assert on(world) == [f"{world.name}_{self.left[0]}"]
        for index in found.values():
            assert blocks(index) == {}
            assert set(index["aliases"]) <= {world.name}
            assert "refresh_interval" not in index["settings"]["index"]
        assert not closed(world)
        assert world.read_documents(on(world)[0]) == world.documents
        world.assert_quiet()


def on(world: World) -> list[str]:
    """The indices that the alias is on."""
    return sorted(name for name, one in world.everything().items() if world.name in one["aliases"])


def closed(world: World) -> list[str]:
    params = {"h": "index,status", "format": "json", "expand_wildcards": "all"}
    found = world.cluster.read(f"/_cat/indices/{world.name}*", params)
    return [one["index"] for one in found if one["status"] != "open"]


def _copy(world: World) -> None:
    world.seed(SMALL, shards=2)
    world.make_plan(finish={"delete_old": True, "forcemerge": 1})


def _catch_up(world: World) -> None:
    world.seed(SMALL)
    world.make_plan(migrate={"writes": "catch-up"})


def _in_place(world: World) -> None:
    world.seed(SMALL)
    properties = {"flight": {"type": "integer"}, **RAW}
    settings = {**REPLICAS, "max_result_window": 20000}
    backfill = {"backfill": True}
    world.make_plan(properties=properties, settings=settings, migrate=backfill, protect=True)


def _close(world: World) -> None:
    world.seed(SMALL)
    settings = {**REPLICAS, "analysis": ANALYZER}
    file = world.desire(properties={"flight": {"type": "integer"}}, settings=settings)
    consent = ["--allow-close", f"alias.{world.name}"]
    world.esplan("plan", "-d", str(file), "-o", str(world.plan), *consent)


def _split(world: World) -> None:
    world.seed(SMALL)
    world.make_plan(settings={**REPLICAS, "number_of_shards": 2}, properties=PROPERTIES)


def _back(world: World) -> None:
    world.seed(SMALL)
    world.make_plan(finish={})
    world.apply()
    back(world)


def _rejected(world: World) -> None:
    world.seed(SMALL)
    world.make_plan(properties={"text": {"type": "date"}})


SCENARIOS = {
    one.name: one
    for one in (
        Scenario("copy", _copy, ("blue",)),
        Scenario("catch-up", _catch_up, ("blue",)),
        Scenario("in place", _in_place, ("green",)),
        Scenario("close", _close, ("green",), closes=True),
        Scenario("split", _split, ("blue",)),
        Scenario("back", _back, ("green", "blue")),
        Scenario("rejected", _rejected, ("green",), fails=True),
    )
}


def steps(world: World) -> list[tuple[str, str]]:
    """(id, kind) of every step of the plan."""
    return [(one["id"], one["kind"]) for one in json.loads(world.plan.read_text())["steps"]]


def kill(world: World, point: str) -> None:
    """Apply until that point, and no further. Raises AssertionError where it did not die there."""
    marker = world.folder / "crashed"
    marker.unlink(missing_ok=True)
    arguments = ["--url", world.url, "apply", str(world.plan), "--auto-approve"]
    done = processes.run([point, str(marker), *arguments], "killing:main")
    assert done.returncode == -9, f"{point} did not kill: {done.stdout}\n{done.stderr}"
    assert marker.read_text() == point


def finish(world: World, scenario: Scenario) -> str:
    """Apply to the end, which may be a failure that was planned; what it said."""
    arguments = ["--url", world.url, "apply", str(world.plan), "--auto-approve"]
    done = processes.run(arguments, "killing:quick")
    assert done.returncode == int(scenario.fails), f"{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stderr


def fresh(world: World, number: int) -> Iterator[World]:
    """A world of its own for one trial, which is gone afterwards."""
    folder = world.folder / str(number)
    folder.mkdir()
    made = World(world.cluster, world.url, f"{world.name}-{number}", folder)
    yield made
    for index in made.everything():
        made.cluster.change("DELETE", f"/{index}")
