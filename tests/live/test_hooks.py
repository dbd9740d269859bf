"""Hooks, windows and rules of environments on a real server, with real programs."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import processes
import pytest
from fixtures import ROLES

if TYPE_CHECKING:
    from world import World

pytestmark = pytest.mark.live

signs_in = pytest.mark.skipif(ROLES, reason="it signs in with credentials of its own")

CANARY = "canary-VnVhQ2ZHY0JDZGJrUW0"
ALWAYS = {"from": "00:00", "to": "24:00", "timezone": "Europe/Amsterdam"}
NEVER = {**ALWAYS, "dates": ["2100-01-01"]}
EVERY = ["before_apply", "after_apply", "before_step", "after_step", "before_switch"]
EVERY += ["after_switch", "failure"]

REMEMBER = """#!/bin/sh
env > "env.$ESPLAN_EVENT.$ESPLAN_STEP"
{ cat; echo; } >> events
"""


def script(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return name


def configure(world: World, *hooks: dict[str, Any], **rules: Any) -> None:
    """An environment prod of the cluster, with these hooks beside one that remembers all."""
    run = script(world.folder, "remember.sh", REMEMBER)
    prod = {
        "url": world.url,
        "cluster_uuid": world.cluster.read("/")["cluster_uuid"],
        "hooks": [{"run": run, "on": EVERY}, *hooks],
        **rules,
    }
    named = {"credentials": {"api_key": "PPTE_KEY"}}
    whole = {"version": 1, "environments": {"prod": prod, "ppte": named}}
    (world.folder / "esplan.yaml").write_text(json.dumps(whole))


def events(world: World) -> list[dict[str, Any]]:
    path = world.folder / "events"
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return [json.loads(line) for line in lines if line]


def names(found: list[dict[str, Any]]) -> list[str]:
    return [f"{one['event']} {one.get('step', {}).get('kind', '')}".strip() for one in found]


def records(world: World) -> list[dict[str, Any]]:
    text = (world.folder / "plan.json.journal.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


@signs_in
@pytest.mark.parametrize("writes", ["block", "catch-up"])
def test_the_hooks_of_a_whole_apply(world: World, writes: str) -> None:
    """Leaving --env out is no way around them; and none runs while clients are refused."""
    configure(world)
    world.seed(200)
    plan = world.make_plan(migrate={"writes": writes})
    extra = {"ESPLAN_API_KEY": CANARY, "PPTE_KEY": "other", "COPY": f"ApiKey {CANARY}", "MINE": "1"}
    arguments = ["--url", world.url, "apply", "plan.json", "--auto-approve", "--json"]
    done = processes.run(arguments, **extra)
    assert done.returncode == 0, done.stdout + done.stderr
    world.assert_on(world.blue)
    found = events(world)
    prepared = [one["kind"] for one in plan["steps"] if one["phase"] == "prepare"]
    switch = [one["kind"] for one in plan["steps"] if one["phase"] == "switch"]
    assert names(found) == [
        "before_apply",
        *[f"{when} {kind}" for kind in prepared for when in ("before_step", "after_step")],
        "before_switch",
        *[f"before_step {kind}" for kind in switch],
        *[f"after_step {kind}" for kind in switch],
        "after_switch",
        "before_step delete_index",
        "after_step delete_index",
        "after_apply",
    ]
    moves = [{"alias": world.name, "from": [world.green], "to": [world.blue]}]
    assert [one["switch"]["moves"] for one in found if "switch" in one] == [moves, moves]
    assert {one["plan"]["digest"] for one in found} == {plan["digest"]}
    (proof,) = [one for one in found if names([one]) == ["after_step verify"]]
    assert (proof["outcome"], proof["evidence"]["source_documents"]) == ("done", 200)
    assert_none_within(world, plan, found)
    assert_no_credential(world, found)
    told = [one for one in map(json.loads, done.stdout.splitlines()) if one["event"] == "hook"]
    assert [one["on"] for one in told] == [one["event"] for one in found]
    assert {one["outcome"] for one in told} == {"ok"}


def assert_none_within(world: World, plan: dict[str, Any], found: list[dict[str, Any]]) -> None:
    """By the journal's time and that of the events."""
    ids = {one["kind"]: one["id"] for one in plan["steps"]}
    at = {(one["event"], one["step"]): one["at"] for one in records(world)}
    began = at["intent", ids["block_writes"]]
    ended = at["done", ids["update_aliases"]]
    assert began < ended
    assert [one["event"] for one in found if began < one["at"] < ended] == []


def assert_no_credential(world: World, found: list[dict[str, Any]]) -> None:
    seen = {path.name: path.read_text() for path in world.folder.glob("env.*")}
    assert {"env.before_apply.", "env.after_apply.", "env.after_step.01-create_index"} <= set(seen)
    for name, text in [*seen.items(), ("events", json.dumps(found))]:
        assert CANARY not in text, name
        assert "PPTE_KEY" not in text, name
    variables = seen["env.before_step.01-create_index"].splitlines()
    own = {line for line in variables if line.startswith("ESPLAN_")}
    assert {
        "ESPLAN_EVENT=before_step",
        "ESPLAN_ENV=prod",
        "ESPLAN_STEP=01-create_index",
        f"ESPLAN_ADDRESS=alias.{world.name}",
        "ESPLAN_PHASE=prepare",
    } <= own
    assert "MINE=1" in variables


@pytest.mark.parametrize(
    ("on", "state"),
    [("before_step", "create_index"), ("before_switch", "")],
)
def test_a_hook_stops_and_the_apply_goes_on_from_there(world: World, on: str, state: str) -> None:
    gate = script(world.folder, "gate.sh", 'echo "the ticket is closed"; test -e open')
    configure(world, {"run": gate, "on": [on]})
    world.seed(50)
    world.make_plan()
    done = world.apply(code=3)
    assert "the hook gate.sh stopped the apply" in done.stderr
    assert "exit code 1: the ticket is closed" in done.stderr
    assert "apply the same plan again: it goes on from here" in done.stderr
    found = events(world)
    assert (found[-1]["event"], found[-1]["error"]["exit_code"]) == ("failure", 3)
    assert names(found)[-2] == f"{on} {state}".strip()
    world.load(world.green, {"49": world.documents["49"]})  # clients write
    (world.folder / "open").touch()
    again = world.apply()
    assert "gate.sh: the ticket is closed" in again.stderr
    assert events(world)[0]["resumed"]
    world.assert_on(world.blue)


def test_a_hook_that_refuses_changes_nothing(world: World) -> None:
    gate = script(world.folder, "gate.sh", "echo no >&2; exit 9")
    configure(world, {"run": gate, "on": ["before_apply"]})
    world.seed(20)
    world.make_plan()
    done = world.apply(code=4)
    assert "the hook gate.sh refused the apply: nothing was changed" in done.stderr
    assert names(events(world)) == ["before_apply", "failure"]
    assert not (world.folder / "plan.json.journal.jsonl").exists()
    assert world.cluster.read(f"/{world.blue}") is None
    world.assert_quiet()


def test_a_hook_that_takes_too_long_is_killed_with_its_child(world: World) -> None:
    slow = script(world.folder, "slow.sh", "sleep 600 & echo $! > child; wait")
    configure(world, {"run": slow, "on": ["before_switch"], "timeout": 1})
    world.seed(20)
    world.make_plan()
    done = world.apply(code=3)
    assert "the hook slow.sh stopped the apply before: the switch of" in done.stderr
    assert "killed after" in done.stderr
    child = int((world.folder / "child").read_text())
    for _ in range(100):
        if not is_running(child):
            break
        time.sleep(0.1)
    assert not is_running(child)
    world.assert_quiet()


def is_running(pid: int) -> bool:
    """A zombie is not: nobody may have waited for it yet."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_failures_are_told_and_after_hooks_end_nothing(world: World) -> None:
    bad = script(world.folder, "bad.sh", "exit 1")
    configure(world, {"run": bad, "on": ["after_step", "after_switch", "after_apply", "failure"]})
    world.seed(50)
    world.make_plan()
    world.cluster.change("PUT", f"/{world.blue}")  # somebody else has taken the name
    done = world.apply(code=4)
    (failure,) = [one for one in events(world) if one["event"] == "failure"]
    assert failure["error"]["exit_code"] == 4
    assert failure["error"]["what"] in done.stderr
    assert failure["steps_done"] == 0
    world.cluster.change("DELETE", f"/{world.blue}")
    done = world.apply()
    assert "WARNING: the hook bad.sh failed on after_switch" in done.stderr
    world.assert_on(world.blue)


# Windows and rules


def test_outside_of_the_window(world: World) -> None:
    configure(world, windows=[NEVER])
    world.seed(50)
    world.make_plan()
    done = world.apply(code=4)
    said = "the release window of prod is closed; it opens on Fri 2100-01-01 00:00"
    assert said in done.stderr
    assert "--through prepare" not in done.stderr
    configure(world, windows=[NEVER], prepare_windows="any")
    done = world.apply(code=4)
    assert "--through prepare" in done.stderr
    assert events(world) == []
    assert world.cluster.read(f"/{world.blue}") is None
    world.apply("--through", "prepare")
    assert world.cluster.read(f"/{world.blue}") is not None
    world.apply("--through", "switch", code=4)
    configure(world, windows=[NEVER, ALWAYS])
    world.apply("--through", "switch")
    configure(world, windows=[NEVER])
    world.apply(code=4)
    world.apply("--outside-window")
    starts = [one["data"] for one in records(world) if one["event"] == "start"]
    assert [one.get("outside_window", False) for one in starts] == [False, False, True]
    world.assert_on(world.blue)


def test_going_on_after_the_window(world: World) -> None:
    configure(world, windows=[ALWAYS])
    world.seed(200)
    world.make_plan()
    world.crash("after-intent:03-reindex")
    configure(world, windows=[NEVER])
    done = world.apply(code=4)
    assert f"half done: alias.{world.name}; writes to {world.green} are refused" in done.stderr
    assert "--abandon" in done.stderr
    world.apply("--abandon")
    assert world.cluster.read(f"/{world.blue}") is None
    world.load(world.green, {"7": world.documents["7"]})  # clients write


def test_the_rules_of_an_environment(world: World) -> None:
    configure(world, protect=[f"alias.{world.name}"], vars={"type": "keyword"})
    world.seed(20)
    desired = world.desire(properties={"flight": {"type": "${type}"}})
    plan = ["plan", "-d", str(desired), "-o", str(world.plan)]
    done = processes.run([*plan, "--env", "prod"])
    assert done.returncode == 0, done.stderr
    would = f"alias.{world.name} would replace {world.green}, which is protected"
    assert f"apply refuses this: prod: {would}" in done.stdout
    refused = world.apply(code=4)
    assert f"prod: {would}" in refused.stderr
    configure(world, consent={"approve": "digest", "allow_delete": "ask"}, vars={"type": "keyword"})
    refused = world.apply(code=4)
    assert "prod: --auto-approve is not enough here; prod: it deletes" in refused.stderr
    assert events(world) == []
    digest = json.loads(world.plan.read_text())["digest"]
    world.esplan("apply", str(world.plan), "--approve", digest)
    world.assert_on(world.blue)


@signs_in
def test_the_credentials_of_an_environment(world: World) -> None:
    configure(world, credentials={"api_key": "PROD_KEY"})
    key = f"{os.getpid()}-secret"
    done = processes.run(["status", "--env", "prod"], ESPLAN_API_KEY=key)
    assert done.returncode == 64
    assert "esplan.yaml names PROD_KEY: not set" in done.stderr
    assert key not in done.stderr + done.stdout
    assert processes.run(["status", "--env", "prod"], PROD_KEY=key).returncode == 0
