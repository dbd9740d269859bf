"""The legacy job config, exactly as the team has it, on a real server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from loader import Writer, load
from world import World

if TYPE_CHECKING:
    from pathlib import Path

    from esplan.cluster import Cluster

pytestmark = pytest.mark.live

OLD, NEW = "20261119t060000z", "2026-11-20t06-00-00.000z"


class Jobs(World):
    """A job config on names of this test's own."""

    source = "customer"

    @property
    def job(self) -> Path:
        return self.folder / "job.json"

    def index(self, run: str) -> str:
        return f"{self.name}-2_0_0-{run}"

    def write_job(self, **values: str) -> None:
        config = {
            "abort_run": "False",
            "alias_name": f"{self.name}-prod",
            "data_source": self.source,
            "delete_old": "True",
            "forcemerge_new": "False",
            "index_base": f"{self.name}-2_0_0",
            "new_replicas": "0",
            **values,
        }
        self.job.write_text(json.dumps(config, indent=4))

    def plan_job(self, *, code: int = 0) -> str:
        done = self.esplan("plan", "--job", str(self.job), "-o", str(self.plan), code=code)
        return done.stderr if code else done.stdout

    def steps(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.plan.read_text())["steps"]
        return found

    def kinds(self) -> list[str]:
        return [step["kind"] for step in self.steps()]

    def on(self) -> list[str]:
        return list(self.cluster.read(f"/_alias/{self.name}-prod") or {})


@pytest.fixture
def world(cluster: Cluster, url: str, name: str, folder: Path) -> Jobs:
    return Jobs(cluster, url, name, folder)


def test_a_first_release_and_the_next(world: Jobs) -> None:
    world.write_job(forcemerge_new="True")
    load(world.cluster, world.index(OLD))
    assert f"create: {world.index(OLD)} (release)" in world.plan_job()
    world.apply()
    assert world.on() == [world.index(OLD)]
    load(world.cluster, world.index(NEW))
    world.plan_job()
    assert world.kinds() == [
        "update_settings",
        "await_health",
        "force_merge",
        "await_health",
        "update_aliases",
        "retire_index",
        "delete_index",
    ]
    world.apply()
    assert world.on() == list(world.everything()) == [world.index(NEW)]
    settings = world.everything()[world.index(NEW)]["settings"]["index"]
    assert settings["number_of_replicas"] == "0"
    world.assert_quiet()


@pytest.mark.parametrize("delete_old", ["True", "False"])
def test_old_is_new_is_an_error_and_never_a_delete(world: Jobs, delete_old: str) -> None:
    world.write_job(delete_old=delete_old)
    load(world.cluster, world.index(NEW), 10, 1)
    world.plan_job()
    world.apply()
    world.plan.unlink()
    said = world.plan_job(code=4)
    assert f"is on {world.index(NEW)} already, and that is the latest run" in said
    assert "there is nothing to release, and nothing to delete" in said
    assert not world.plan.exists()
    assert list(world.everything()) == [world.index(NEW)]


def test_the_job_and_its_converted_form_give_the_same_plan(world: Jobs) -> None:
    world.write_job(max_segment_size_bytes="1048576", new_replicas="0")
    load(world.cluster, world.index(NEW), 10, 1)
    converted = world.folder / "desired.yaml"
    converted.write_text(world.esplan("job", "convert", str(world.job)).stdout)
    assert "max_segment_size: 1mb" in converted.read_text()
    plans = []
    for source in (["--job", str(world.job)], ["-d", str(converted)]):
        made = world.esplan("plan", *source, "--format", "json")
        plan = json.loads(made.stdout)
        own = {"id", "created_at", "digest"}
        plans.append({key: value for key, value in plan.items() if key not in own})
    assert plans[0] == plans[1]
    assert plans[0]["steps"]


def test_abort_run_has_no_steps_and_says_why(world: Jobs) -> None:
    world.write_job(abort_run="TRUE")
    load(world.cluster, world.index(NEW), 10, 1)
    assert "runs.abort is true, so nothing is released" in world.plan_job()
    assert world.steps() == []
    assert world.on() == []


def test_without_force_merge_and_delete(world: Jobs) -> None:
    world.write_job(forcemerge_new="false", delete_old="False")
    for run in (OLD, NEW):
        load(world.cluster, world.index(run), 10, 1)
        world.plan_job()
        assert {"force_merge", "delete_index"}.isdisjoint(world.kinds())
        world.apply()
    assert world.on() == [world.index(NEW)]
    assert sorted(world.everything()) == sorted([world.index(OLD), world.index(NEW)])


def test_max_segment_size_bytes_decides_how_many_segments(world: Jobs) -> None:
    world.write_job(forcemerge_new="True", max_segment_size_bytes="65536")
    load(world.cluster, world.index(NEW), 2000, 8)
    world.plan_job()
    (merge,) = (step for step in world.steps() if step["kind"] == "force_merge")
    assert merge["arguments"]["segments"] == -(-merge["estimate"]["bytes"] // 65536) > 1


def test_several_indices_behind_the_alias_are_named(world: Jobs) -> None:
    world.write_job()
    for run in (OLD, NEW):
        load(world.cluster, world.index(run), 1, 1)
        action = {"add": {"index": world.index(run), "alias": f"{world.name}-prod"}}
        world.cluster.change("POST", "/_aliases", None, {"actions": [action]})
    said = world.plan_job(code=4)
    both = ", ".join(sorted((world.index(OLD), world.index(NEW))))
    assert f"alias.{world.name}-prod is on 2 indices: {both}" in said


def test_transaction_is_released_under_writes_and_never_merged(world: Jobs) -> None:
    world.source = "transaction"
    world.write_job(forcemerge_new="True")
    load(world.cluster, world.index(NEW))
    with Writer(world.cluster.connection, world.index(NEW)) as writer:
        assert "is not force merged: runs.writes is ongoing" in world.plan_job()
        assert "force_merge" not in world.kinds()
        world.apply()
    assert world.on() == [world.index(NEW)]
    assert len(world.read_documents(world.index(NEW))) == 400 + len(writer.written)


def test_smr_waits_for_its_employees(world: Jobs) -> None:
    world.source = "smr"
    world.write_job()
    load(world.cluster, world.index(NEW), 1, 1)
    said = world.plan_job(code=4)
    assert f"run {NEW} is missing for smr-employee" in said
    assert "smr-employee | none" in said
    load(world.cluster, f"{world.index(NEW)}-employee", 1, 1)
    world.plan_job()
    world.apply()
    assert world.on() == [world.index(NEW)]


def test_a_wrong_config(world: Jobs) -> None:
    config = json.loads(
        '{"abort_run": "maybe", "alias_name": "a", "data_source": "customer",'
        ' "delete_olde": "True", "forcemerge_new": "True", "index_base": "A", "new_replicas": "-1"}'
    )
    world.job.write_text(json.dumps(config))
    done = world.esplan("plan", "--job", str(world.job), code=1)
    assert 'unknown key "delete_olde"; did you mean "delete_old"?' in done.stdout
    assert 'the key "delete_old" is missing' in done.stdout
    for part in ("abort_run", "new_replicas", '"A" is no valid index name'):
        assert part in done.stdout
    assert "5 errors in the input files" in done.stderr
