"""What a plan says that it will take, and what it then takes, on a real server."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from fixtures import ROLES
from world import World

from esplan import state_index

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine import Engine

    from esplan.cluster import Cluster

pytestmark = pytest.mark.live

FACTOR = 5.0
"""Times that a second apply may be slower or faster than the first: two cores, other load."""

MOMENT = 0.5
"""Seconds that any step may take, whatever its size."""

DISK = "cluster.routing.allocation.disk."
READS = ("GET /", "GET /*,-.*", "GET /_stats/docs,store")
TEMPLATES = ("GET /_index_template", "GET /_component_template", "GET /_template")
CREATES = (*READS, *TEMPLATES)
TRIAL = "POST /_index_template/_simulate"


@pytest.fixture
def unmeasured(cluster: Cluster) -> None:
    """A cluster in which nothing has been applied yet."""
    if cluster.read("/esplan-state") is not None:
        cluster.change("DELETE", "/esplan-state")


def estimates(plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {step["kind"]: step["estimate"] for step in plan["steps"] if step["estimate"]}


def requests(world: World, desired: Path) -> list[str]:
    """What a plan asks, in order, beside what it may."""
    done = world.esplan("-v", "plan", "-d", str(desired))
    asked = [line for line in done.stderr.splitlines() if line.startswith(("GET /", "POST /"))]
    return [line for line in asked if not line.endswith("/_has_privileges")]


def took(world: World) -> dict[str, float]:
    """Seconds of every step by kind, as the journal says."""
    lines = world.plan.with_name("plan.json.journal.jsonl").read_text().splitlines()
    measured = [json.loads(line)["data"].get("measured") for line in lines]
    return {one["kind"]: one["seconds"] for one in measured if one}


def assert_measured(world: World, plan: dict[str, Any]) -> None:
    copy, proof = (estimates(plan)[kind] for kind in ("reindex", "verify"))
    for one in (copy, proof):
        low, high = one["range"]
        assert 0 <= low <= one["seconds"] <= high, "in tenths: a fast machine takes one or none"
        assert one["basis"]["from"] == "measurement"
        assert 1_000 <= one["basis"]["documents"] <= 20_000
    shown = world.esplan("show", str(world.plan)).stdout
    assert re.search(r"\n      copy (roughly .+ to \d|under a second)", shown)
    assert f"(guessed from {copy['basis']['documents']:,} documents)" in shown
    assert re.search(r"\nTime: (roughly |under a second)", shown)


@pytest.mark.usefixtures("unmeasured")
def test_measured_at_first_and_from_the_journal_afterwards(world: World, engine: Engine) -> None:
    world.seed(20_000, shards=2)
    first = world.make_plan()
    for kind in ("reindex", "verify"):
        one = estimates(first)[kind]
        assert {"documents": 20_000, "shards": 2}.items() <= one.items()
        assert one["bytes"] > 100_000
        assert ("seconds" in one) == (measuring(engine) > 1)
    if measuring(engine) > 1:
        assert_measured(world, first)
    world.apply()
    measured = took(world)
    world.assert_switched()

    world.cluster.read("/esplan-state/_refresh")
    again = world.make_plan(properties={"flight": {"type": "long"}})
    for kind in ("reindex", "verify"):
        one = estimates(again)[kind]
        assert one["seconds"] == pytest.approx(measured[kind], abs=0.06)
        assert "range" not in one
        assert one["basis"]["from"] == "journal"
        assert one["basis"]["address"] == f"alias.{world.name}"
    shown = world.esplan("show", str(world.plan)).stdout
    assert f"(as on {one['basis']['at'][:10]})" in shown
    assert re.search(r"^Time: (about \d+ s|under a second)$", shown, re.MULTILINE), "no range"
    world.apply()
    for kind, seconds in took(world).items():
        expected = estimates(again)[kind]["seconds"]
        assert seconds <= FACTOR * expected + MOMENT
        assert expected <= FACTOR * seconds + MOMENT


@pytest.mark.usefixtures("unmeasured")
def test_the_number_of_requests_is_fixed(world: World, engine: Engine) -> None:
    world.seed(50)
    nothing = world.desire(properties={"flight": {"type": "integer"}})
    assert requests(world, nothing) == list(READS), "no long step, no further request"
    in_place = world.desire(properties={"flight": {"type": "integer"}, "new": {"type": "long"}})
    assert requests(world, in_place) == [*READS, f"GET /{world.green}", TRIAL]
    more = ["POST /esplan-state/_search", "GET /_nodes/stats/fs", "GET /_cluster/settings"]
    sampled = [f"POST /{world.green}/_search"] * measuring(engine)
    versions = f"POST /{world.green}/_search"
    asked = [*CREATES, more[0], *sampled, *more[1:], TRIAL, versions]
    assert requests(world, world.desire()) == asked
    world.make_plan()
    world.apply()
    world.cluster.read("/esplan-state/_refresh")
    again = world.desire(properties={"flight": {"type": "long"}})
    assert requests(world, again) == [*CREATES, *more, TRIAL, f"POST /{world.blue}/_search"]


def measuring(engine: Engine) -> int:
    """Requests of a measurement; the first is refused without scripts, or the privilege `read`."""
    return 3 if engine.has_scripts and not ROLES else 1


def test_three_copies_ask_no_more_than_one(world: World, engine: Engine) -> None:
    aliases = {}
    for number in range(3):
        one = World(world.cluster, world.url, f"{world.name}-{number}", world.folder)
        one.seed(20)
        aliases |= json.loads(one.desire().read_text())["aliases"]
    path = world.folder / "desired.json"
    path.write_text(json.dumps({"version": 1, "aliases": aliases}))
    asked = requests(world, path)
    assert 10 <= len(asked) <= 14
    about = [one for one in asked if f"/{world.name}" in one]
    assert len(about) in (1, 1 + measuring(engine))  # one is for the versions of all of them


def test_every_long_kind_leaves_its_time_in_the_journal(world: World) -> None:
    """Hard links, a backfill and a merge, beside the copy and the proof of the other tests."""
    world.seed(300)
    raw = {"text": {"type": "text", "fields": {"raw": {"type": "keyword"}}}}
    world.make_plan(
        settings={"number_of_replicas": 0, "codec": "best_compression"},
        properties={"flight": {"type": "integer"}} | raw,
        migrate={"backfill": True},
        finish={"delete_old": True, "forcemerge": 1},
    )
    world.apply()
    assert {"resize_index", "backfill", "verify", "force_merge"} >= set(took(world))
    assert {"resize_index", "backfill", "verify"} <= set(took(world))


def test_what_the_disk_needs(world: World) -> None:
    world.seed(500, number_of_replicas=1, auto_expand_replicas=False)
    plan = world.make_plan(
        settings={"number_of_replicas": 1}, finish={"delete_old": False, "forcemerge": 1}
    )
    disk, size = plan["estimate"]["disk"], estimates(plan)["reindex"]["bytes"]
    copies = 2 if disk["nodes"] > 1 else 1
    assert disk["needed"] == 2 * copies * size, "the copy, and the merge of it"
    assert disk["fits"] is True
    assert disk["free"] >= disk["room"] > disk["needed"]
    assert "Disk: up to " in world.esplan("show", str(world.plan)).stdout


# A disk without room


@contextmanager
def no_room(cluster: Cluster) -> Iterator[None]:
    """Watermarks that every disk is past: the server gives no node a shard then."""
    marks = {"low": "900tb", "high": "900tb", "flood_stage": "1b"}
    full = {f"{DISK}watermark.{name}": value for name, value in marks.items()}
    full[f"{DISK}threshold_enabled"] = "true"
    settings: dict[str, Any] = {"persistent": full}
    cluster.change("PUT", "/_cluster/settings", None, settings)
    try:
        yield
    finally:
        settings = {"persistent": dict.fromkeys(full)}
        cluster.change("PUT", "/_cluster/settings", None, settings)


def planned_full(world: World) -> str:
    with no_room(world.cluster):
        return world.esplan("plan", "-d", str(world.desire()), "-o", str(world.plan)).stdout


def test_a_plan_that_cannot_fit_says_so_and_is_refused_with_nothing_changed(world: World) -> None:
    world.seed(300)
    state_index.ensure(world.cluster)  # no index is made while the disks are full
    before = world.everything()
    shown = planned_full(world)
    assert "this plan does not fit on the disks: " in shown
    assert "the data nodes take 0 B before their high watermark" in shown
    assert json.loads(world.plan.read_text())["estimate"]["disk"]["fits"] is False
    with no_room(world.cluster):
        done = world.apply(code=4)
    assert "01-create_index" in done.stderr
    assert "the data nodes take 0 B before their high watermark" in done.stderr
    assert "make room on the disks" in done.stderr
    assert "every change was taken back" in done.stderr
    assert world.everything() == before
    world.assert_on(world.green)


def test_apply_looks_anew(world: World) -> None:
    """A plan from when there was room is refused; one from when there was none is carried out."""
    world.seed(300)
    world.make_plan()
    with no_room(world.cluster):
        assert "make room on the disks" in world.apply(code=4).stderr
    world.assert_on(world.green)
    world.apply()
    world.assert_switched()


def test_hard_links_need_a_node_above_the_low_watermark(world: World) -> None:
    """Refused before the write block: a shard by hard links would never start there."""
    world.seed(300)
    world.make_plan(
        settings={"number_of_replicas": 0, "codec": "best_compression"},
        properties={"flight": {"type": "integer"}},
    )
    with no_room(world.cluster):
        done = world.apply(code=4)
    assert "every data node is past its low watermark" in done.stderr
    assert "[1/" in done.stderr
    assert "[2/" not in done.stderr
    world.assert_on(world.green)
