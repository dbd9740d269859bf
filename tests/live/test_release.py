"""Releases by run id: four sources, several runs and entities, and a writer that goes on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from loader import Writer, load, load_slow
from world import World

if TYPE_CHECKING:
    from engine import Engine

    from esplan.cluster import Cluster

pytestmark = pytest.mark.live

EXAMPLE = Path(__file__).parents[2] / "docs" / "releases"

NAMES = (
    "{}customer-2_0_0-{}",
    "{}transaction-1_0_0-{}",
    "{}smr-{}",
    "{}smr-{}-employee",
    "{}smr-employee-{}",
)
OLD, NEW = "20261119t060000z", "2026-11-20t06-00-00.000z"


class Releases(World):
    """The worked example of the documentation, under names of this test's own."""

    @property
    def desired(self) -> list[str]:
        return ["-d", str(self.folder / "desired.yaml"), "--env", "test"]

    def set_up(self) -> None:
        shutil.copy(EXAMPLE / "desired.yaml", self.folder)
        variables = {"stage": self.name, "prefix": f"{self.name}-", "replicas": "0"}
        config = {"version": 1, "environments": {"test": {"vars": variables}}}
        (self.folder / "esplan.yaml").write_text(json.dumps(config))

    def load_run(self, run: str, *, but: str = "", count: int = 100) -> None:
        for pattern in NAMES:
            index = pattern.format(f"{self.name}-", run)
            if pattern != but:
                load(self.cluster, index, count)

    def release(self) -> dict[str, Any]:
        self.esplan("plan", *self.desired, "-o", str(self.plan))
        plan: dict[str, Any] = json.loads(self.plan.read_text())
        return plan

    def on(self) -> dict[str, str]:
        """Where every alias of this test is, by its name without what makes it unique."""
        found = self.cluster.read(f"/_alias/*{self.name}") or {}
        pairs = [(alias, index) for index, one in found.items() for alias in one["aliases"]]
        assert len(dict(pairs)) == len(pairs), "an alias is on two indices"
        return {alias.removesuffix(f"-{self.name}"): index for alias, index in pairs}

    def expected(self, run: str) -> dict[str, str]:
        aliases = ("customer", "transaction", "smr", "smr-with-employee", "smr-employee")
        names = [pattern.format(f"{self.name}-", run) for pattern in NAMES]
        return dict(zip(aliases, names, strict=True))

    def segments(self, index: str) -> int:
        """What searches see; OpenSearch's see the old ones until the next refresh."""
        self.cluster.read(f"/{index}/_refresh")
        rows = self.cluster.read(f"/_cat/segments/{index}", {"format": "json"})
        return len(rows)

    def failing(self, *, code: int = 4) -> str:
        return self.esplan("plan", *self.desired, code=code).stderr


@pytest.fixture
def world(cluster: Cluster, url: str, name: str, folder: Path) -> Releases:
    made = Releases(cluster, url, name, folder)
    made.set_up()
    return made


def kinds(plan: dict[str, Any], address: str) -> list[str]:
    return [step["kind"] for step in plan["steps"] if step["address"] == address]


def test_the_worked_example_with_a_writer_on_transaction(world: Releases) -> None:
    """First release, then the next run, while somebody writes to transaction all the time."""
    world.load_run(OLD)
    world.release()
    world.apply()
    assert world.on() == world.expected(OLD)

    world.load_run(NEW, count=120)
    with Writer(world.cluster.connection, f"{world.name}-transaction-1_0_0-{NEW}") as writer:
        plan = world.release()
        assert plan["summary"] == {"create": 0, "update": 0, "replace": 5, "delete": 0}
        customer = ["update_settings", "await_health", "force_merge", "await_health"]
        customer += ["update_aliases", "retire_index", "delete_index"]
        assert kinds(plan, f"alias.customer-{world.name}") == customer
        transaction = ["update_settings", "await_health", "update_aliases"]
        assert kinds(plan, f"alias.transaction-{world.name}") == transaction
        world.apply()
    assert world.on() == world.expected(NEW)
    left = [index for index in world.everything() if OLD in index]
    assert left == [f"{world.name}-transaction-1_0_0-{OLD}"]
    assert world.segments(f"{world.name}-customer-2_0_0-{NEW}") == 1
    found = world.read_documents(f"{world.name}-transaction-1_0_0-{NEW}")
    assert len(found) == 4 * 120 + len(writer.written)
    again = world.esplan("plan", *world.desired, "--detailed-exitcode")
    assert "No changes: 5 objects are as the files say" in again.stdout
    world.assert_quiet()


def test_the_latest_run_by_time_not_by_text(world: Releases) -> None:
    for run in ("999999999999", "20261118t060000z", "1763532000"):
        if run != "999999999999":
            world.load_run(run, count=1)
    world.load_run("2026-11-19_06-00-00", count=1)
    world.release()
    world.apply()
    assert world.on() == world.expected("2026-11-19_06-00-00")


def test_a_run_that_one_entity_lacks(world: Releases) -> None:
    world.load_run(OLD, count=1)
    world.release()
    world.apply()
    world.load_run(NEW, but="{}smr-{}-employee", count=1)
    before = world.everything()
    said = world.failing()
    assert f"run {NEW} is missing for smr-employee" in said
    assert f"smr          | {NEW}, {OLD}" in said
    assert f"smr-employee | {OLD}" in said
    assert f"wait for the loader, or pin an older run with `runs.run: {OLD}`" in said
    assert world.everything() == before
    # The other sources can go ahead; the aliases of this one stay.
    target = f"alias.customer-{world.name}"
    plan = world.esplan("plan", *world.desired, "--target", target)
    assert f"customer-2_0_0-{NEW} (release)" in plan.stdout


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ("20269999t060000z", "'20269999t060000z' is no point in time"),
        ("20990101t000000z", "is in the future"),
        ("2026-11-19t06-00-00.000z", "are the same instant, 2026-11-19T06:00:00Z"),
    ],
)
def test_runs_that_cannot_be_put_in_order(world: Releases, run: str, said: str) -> None:
    load(world.cluster, f"{world.name}-customer-2_0_0-{OLD}", 1, 1)
    load(world.cluster, f"{world.name}-customer-2_0_0-{run}", 1, 1)
    target = f"alias.customer-{world.name}"
    failed = world.esplan("plan", *world.desired, "--target", target, code=4).stderr
    assert "the run ids cannot be put in order" in failed
    assert said in failed
    assert f"the runs of customer: {world.name}-customer-2_0_0-{{run_id}}" in failed


def test_no_run_at_all(world: Releases) -> None:
    target = f"alias.customer-{world.name}"
    assert (
        "there is no run" in world.esplan("plan", *world.desired, "--target", target, code=4).stderr
    )


def one(world: Releases, **parts: Any) -> None:
    """A desired file with one release, of customer."""
    runs = {"source": f"{world.name}-customer", "index_base": f"{world.name}-customer-2_0_0"}
    alias = {
        "index": {"name": "{index_base}-{run_id}", **parts.pop("index", {})},
        "runs": {**runs, **parts.pop("runs", {})},
        "finish": {"replicas": 0, "delete_old": True, **parts},
    }
    path = world.folder / "desired.yaml"
    path.write_text(json.dumps({"version": 1, "aliases": {f"customer-{world.name}": alias}}))


def customer(world: Releases, run: str, base: str = "2_0_0") -> str:
    return f"{world.name}-customer-{base}-{run}"


def test_the_release_of_the_readme(world: Releases) -> None:
    example = (EXAMPLE / "customer.yaml").read_text().replace("replicas: 1", "replicas: 0")
    renamed = example.replace("customer", f"{world.name}-customer")
    assert renamed.count(world.name) == 3
    (world.folder / "desired.yaml").write_text(renamed)
    for run in (OLD, NEW):
        load(world.cluster, customer(world, run))
        world.release()
        world.apply()
    assert list(world.everything()) == [customer(world, NEW)]
    assert list(world.everything()[customer(world, NEW)]["aliases"]) == [
        f"{world.name}-customer-prod"
    ]


def test_a_pinned_run_in_another_spelling_goes_back(world: Releases) -> None:
    for run in (OLD, NEW):
        load(world.cluster, customer(world, run), 10)
    one(world)
    world.release()
    world.apply()
    assert world.on() == {"customer": customer(world, NEW)}
    load(world.cluster, customer(world, "20261119-070000"), 10)
    one(world, runs={"run": "2026-11-19T06:00:00Z"}, delete_old=False)
    world.release()
    world.apply()
    assert world.on() == {"customer": customer(world, OLD)}
    one(world, runs={"run": "2026-11-18"})
    assert "run 2026-11-18 is missing for" in world.failing()


def test_the_run_that_is_released_is_no_change_and_never_deleted(world: Releases) -> None:
    load(world.cluster, customer(world, OLD), 10, 1)
    one(world)
    world.release()
    world.apply()
    plan = world.release()
    assert plan["steps"] == []
    assert list(world.everything()) == [customer(world, OLD)]


def test_a_new_base_replaces_the_old_one(world: Releases) -> None:
    load(world.cluster, customer(world, OLD, "1_0_0"), 10, 1)
    alias = {"actions": [{"add": {"index": customer(world, OLD, "1_0_0"), "alias": "x"}}]}
    alias["actions"][0]["add"]["alias"] = f"customer-{world.name}"
    world.cluster.change("POST", "/_aliases", None, alias)
    load(world.cluster, customer(world, NEW), 10, 1)
    one(world)
    world.release()
    world.apply()
    assert list(world.everything()) == [customer(world, NEW)]


def test_an_old_index_that_is_no_run_is_not_deleted(world: Releases) -> None:
    by_hand = f"{world.name}-by-hand"
    load(world.cluster, by_hand, 10, 1)
    action = {"add": {"index": by_hand, "alias": f"customer-{world.name}"}}
    world.cluster.change("POST", "/_aliases", None, {"actions": [action]})
    load(world.cluster, customer(world, NEW), 10, 1)
    one(world)
    said = world.failing()
    assert f"delete_old would delete {by_hand}, which is no run of" in said
    assert "set finish.delete_old: false" in said


def test_an_alias_on_two_indices(world: Releases) -> None:
    for run in (OLD, NEW):
        load(world.cluster, customer(world, run), 1, 1)
        action = {"add": {"index": customer(world, run), "alias": f"customer-{world.name}"}}
        world.cluster.change("POST", "/_aliases", None, {"actions": [action]})
    one(world)
    said = world.failing()
    both = ", ".join(sorted((customer(world, OLD), customer(world, NEW))))
    assert f"alias.customer-{world.name} is on 2 indices: {both}" in said


def test_abort_releases_nothing_and_says_why(world: Releases) -> None:
    load(world.cluster, customer(world, NEW), 1, 1)
    one(world, runs={"abort": True})
    done = world.esplan("plan", *world.desired, "-o", str(world.plan), "--detailed-exitcode")
    assert "runs.abort is true, so nothing is released" in done.stdout
    assert json.loads(world.plan.read_text())["steps"] == []


def test_the_loader_made_it_otherwise(world: Releases) -> None:
    load(world.cluster, customer(world, NEW), 1, 1)
    one(world, index={"mappings": {"properties": {"n": {"type": "keyword"}}}})
    said = world.failing()
    assert f"the loader made {customer(world, NEW)} otherwise than the desired file says" in said
    assert "mappings.properties.n.type: 'integer', not 'keyword'" in said


def test_a_field_that_the_loader_left_out_is_added_before_the_switch(world: Releases) -> None:
    load(world.cluster, customer(world, NEW), 1, 1)
    one(world, index={"mappings": {"properties": {"added": {"type": "keyword"}}}})
    plan = world.release()
    assert plan["steps"][0]["kind"] == "put_mapping"
    assert plan["steps"][0]["phase"] == "prepare"
    world.apply()
    found = world.everything()[customer(world, NEW)]
    assert found["mappings"]["properties"]["added"] == {"type": "keyword"}
    assert world.on() == {"customer": customer(world, NEW)}


def test_an_empty_run_is_warned_of(world: Releases) -> None:
    load(world.cluster, customer(world, OLD), 10, 1)
    one(world)
    world.release()
    world.apply()
    load(world.cluster, customer(world, NEW), 0, 0)
    said = world.esplan("plan", *world.desired).stdout
    assert f"{customer(world, NEW)} (0 documents) has few documents" in said
    assert f"{customer(world, OLD)} (10 documents) is served now" in said


# Force merge


def test_an_index_seen_writing_during_the_plan_is_not_merged(world: Releases) -> None:
    load(world.cluster, customer(world, NEW), 10)
    one(world, forcemerge="auto")
    with Writer(world.cluster.connection, customer(world, NEW)):
        plan = world.release()
    assert "force_merge" not in [step["kind"] for step in plan["steps"]]
    assert f"{customer(world, NEW)} is not force merged: somebody writes to it" in str(
        plan["warnings"]
    )


def test_an_index_written_to_after_the_plan_is_not_merged(world: Releases) -> None:
    load(world.cluster, customer(world, NEW), 10)
    one(world, forcemerge="auto")
    world.release()
    with Writer(world.cluster.connection, customer(world, NEW)):
        said = world.apply(code=4).stderr
    assert f"{customer(world, NEW)} was written to since the plan was made: wait" in said
    assert "every change was taken back" in said
    settings = world.everything()[customer(world, NEW)]["settings"]["index"]
    assert settings["number_of_replicas"] == "1"
    assert world.segments(customer(world, NEW)) > 1
    assert world.on() == {}
    world.assert_quiet()


def test_the_number_of_segments_is_that_of_the_rule(world: Releases) -> None:
    load(world.cluster, customer(world, NEW), 2000, 8, number_of_shards=2)
    one(world, forcemerge="auto", max_segment_size="64kb")
    plan = world.release()
    (merge,) = [step for step in plan["steps"] if step["kind"] == "force_merge"]
    size = merge["estimate"]["bytes"]
    wanted = -(-size // (2 * 64 * 1024))
    assert wanted > 1
    path = f"/{customer(world, NEW)}/_forcemerge"
    awaited = merge["request"]["path"].removesuffix("&wait_for_completion=false")  # not on 7
    assert awaited == f"{path}?max_num_segments={wanted}"
    world.apply()
    assert world.segments(customer(world, NEW)) <= 2 * wanted


def merging(world: Releases) -> list[str]:
    answer = world.cluster.read("/_tasks", {"actions": "*forcemerge", "detailed": "true"})
    return [
        name
        for node in answer["nodes"].values()
        for name, task in node["tasks"].items()
        if world.name in task["description"]
    ]


def test_a_merge_that_runs_is_adopted_after_a_crash(world: Releases, engine: Engine) -> None:
    load_slow(world.cluster, customer(world, NEW), vectors=engine.has_vectors)
    one(world, forcemerge="auto")
    plan = world.release()
    (merge,) = [step["id"] for step in plan["steps"] if step["kind"] == "force_merge"]
    world.crash(f"middle:{merge}")
    assert len(merging(world)) == 1, "the crash was not in the middle of the merge"
    done = world.apply("-v")
    assert "a force merge runs already" in done.stderr
    assert "/_forcemerge?" not in done.stderr
    assert world.segments(customer(world, NEW)) == 1
    assert world.on() == {"customer": customer(world, NEW)}
    world.assert_quiet()


def test_a_replacement_merges_after_the_switch(world: Releases) -> None:
    world.seed(3000, shards=2)
    world.make_plan(finish={"delete_old": True, "forcemerge": 1})
    plan = json.loads(world.plan.read_text())
    assert [step["kind"] for step in plan["steps"]][-3:] == [
        "update_aliases",
        "force_merge",
        "delete_index",
    ]
    world.apply()
    assert world.segments(world.blue) == 2
    world.assert_switched()
