"""kill -9 at every step boundary and in the middle of the long steps; then apply again."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import processes
import pytest
from world import HERE, SENT, STEPS, World

from esplan import state_index
from esplan.plan import STATE_INDEX

pytestmark = pytest.mark.live

POINTS = ["before-intent", "after-intent", "after-request", "before-done", "after-done"]
BOUNDARIES = [
    f"{when}:{step}"
    for step in STEPS
    for when in POINTS
    if not (step not in SENT and when in ("before-intent", "after-intent", "after-request"))
]


def test_the_points_are_those_of_the_plan(world: World) -> None:
    world.seed(10)
    assert [step["id"] for step in world.make_plan()["steps"]] == STEPS


@pytest.mark.parametrize("point", BOUNDARIES)
def test_a_kill_at_a_step_boundary_loses_nothing(world: World, point: str) -> None:
    world.seed(300)
    world.make_plan()
    world.crash(point)
    world.apply()
    world.assert_switched()


def test_a_kill_in_the_middle_of_the_copy_adopts_the_running_task(world: World) -> None:
    world.seed(5000)
    world.make_plan(migrate={"requests_per_second": 1000})
    world.crash("middle:03-reindex")
    assert "runs already" in world.apply().stderr
    world.assert_switched()


def test_a_kill_in_the_middle_of_a_sliced_copy_adopts_the_running_task(world: World) -> None:
    world.seed(6000, shards=2)
    world.make_plan(migrate={"requests_per_second": 1000})
    world.crash("middle:03-reindex")
    assert "runs already" in world.apply().stderr
    world.assert_switched()


def test_a_copy_whose_task_was_lost_is_started_again(world: World) -> None:
    world.seed(5000)
    world.make_plan(migrate={"requests_per_second": 1000})
    world.crash("middle:03-reindex")
    running = world.cluster.read("/_tasks", {"actions": "*reindex", "detailed": "true"})
    tasks = [
        name
        for node in running["nodes"].values()
        for name, task in node["tasks"].items()
        if world.name in task["description"]
    ]
    assert len(tasks) == 1
    world.cluster.change("POST", f"/_tasks/{tasks[0]}/_cancel", {"wait_for_completion": "true"})
    assert len(world.read_documents(world.blue)) < 5000
    assert "runs already" not in world.apply().stderr
    world.assert_switched()


def test_a_kill_in_the_middle_of_the_proof_proves_again(world: World) -> None:
    """Half of the sides is read when it dies: nothing of that is believed."""
    world.seed(2000)
    world.make_plan()
    world.crash("middle:04-verify")
    assert "[4/8] prove that" in world.apply().stderr
    world.assert_switched()


@pytest.mark.parametrize(
    "point", ["after-request:02-block_writes", "after-request:08-delete_index"]
)
def test_another_host_resumes_with_nothing_but_the_plan(world: World, point: str) -> None:
    world.seed(300)
    world.make_plan()
    world.crash(point)
    elsewhere = world.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "plan.json").write_bytes(world.plan.read_bytes())
    world.esplan("apply", str(elsewhere / "plan.json"), "--auto-approve")
    world.assert_switched()
    lines = (elsewhere / "plan.json.journal.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["event"] == "end"


def test_a_kill_while_taking_back_is_taken_back_by_the_next_apply(world: World) -> None:
    """Documents that the new mapping rejects: the failure is undone, also after a crash."""
    world.seed(300)
    world.make_plan(properties={"text": {"type": "date"}})
    world.crash("before-undone:02-block_writes")
    again = world.apply(code=1)
    assert "the new index rejected documents" in again.stderr
    world.assert_on(world.green)


def test_an_apply_that_began_is_seen_at_once(world: World) -> None:
    world.seed(10)
    digest = world.make_plan()["digest"]
    state_index.ensure(world.cluster)
    with_refresh(world, "-1")  # else it is there within a second anyway
    try:
        world.apply("--through", "prepare")
        said = world.esplan("status").stdout
    finally:
        with_refresh(world, None)
    assert f"Unfinished apply of plan {digest[:12]}: 1 of " in said
    world.apply()


def with_refresh(world: World, interval: str | None) -> None:
    """Of esplan's own index."""
    body = {"index.refresh_interval": interval}
    world.cluster.change("PUT", f"/{STATE_INDEX}/_settings", None, body)


def test_abandon_takes_an_unfinished_apply_back(world: World) -> None:
    world.seed(300)
    world.make_plan()
    world.crash("after-done:04-verify")
    world.apply("--abandon")
    world.assert_on(world.green)


def test_the_journal_on_a_full_disk_stops_before_the_next_change(world: World) -> None:
    """A file size limit is how a full disk looks to one process."""
    world.seed(300)
    world.make_plan()
    script = f"ulimit -f 1; exec {sys.executable} -m esplan --url {world.url} apply {world.plan}"
    done = subprocess.run(
        ["bash", "-c", f"{script} --auto-approve -q"],
        env=processes.environment(["apply"]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert "cannot be written" in done.stderr
    assert "make room" in done.stderr
    world.apply()
    world.assert_switched()


def test_ctrl_c_stops_at_a_safe_point_and_says_how_to_go_on(world: World) -> None:
    import signal

    world.seed(5000)
    world.make_plan(migrate={"requests_per_second": 1000})
    command = [sys.executable, "-m", "esplan", "--url", world.url, "apply", str(world.plan)]
    with subprocess.Popen(
        [*command, "--auto-approve", "--json"],
        env=processes.environment(command),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        for line in process.stdout:
            if json.loads(line)["event"] == "step_progress":
                break
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    assert process.returncode == 3
    last = json.loads(rest.splitlines()[-1])
    assert last["what"] == "interrupted: the apply stopped at a safe point"
    assert last["remedy"].startswith("apply the same plan again")
    shown = world.esplan("status", str(world.plan)).stdout
    assert "Lock: free" in shown
    assert "Unfinished apply of plan" in shown
    assert "reindex from" in shown
    time.sleep(1)
    world.apply()
    world.assert_switched()


def test_the_harness_dies_where_it_says(world: World) -> None:
    """A point that never comes must not pass for a crash."""
    world.seed(10)
    world.make_plan()
    with pytest.raises(AssertionError, match="did not kill"):
        world.crash("after-intent:99-nothing")
    assert (HERE / "crashing.py").exists()
