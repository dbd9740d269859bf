"""Real problems on a real server, and what `esplan doctor` says about them."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import processes
import pytest
from fixtures import ROLES

from esplan import state_index
from esplan.doctor import sources
from esplan.doctor.indices import count_fields
from esplan.errors import ServerError
from esplan.holder import this_process
from esplan.lock import LOCK_PATH

if TYPE_CHECKING:
    import subprocess

    from engine import Engine
    from world import World


pytestmark = pytest.mark.live

ELSEWHERE = [
    "unfinished-applies",
    "damaged-journals",
    "heap-pressure",
    "write-blocks",
    "cluster-health",
]
"""Other tests stop applies on purpose, make the server busy, and leave an index when killed."""

APPLYING = ["privileges"] if ROLES else []
"""Whoever only looks may not apply, and doctor says so."""

REQUESTS = 17
"""All of them but `_cluster/allocation/explain`, of which there are five at most."""


def skipping(*checks: str) -> list[str]:
    return [word for check in (*checks, *APPLYING) for word in ("--skip", check)]


def make(world: World, suffix: str = "", *aliases: str, **parts: Any) -> str:
    """An index under the test's name, green on any number of nodes unless `parts` say otherwise."""
    settings = {"number_of_replicas": 0, **parts.pop("settings", {})}
    body = {"settings": settings, "aliases": {alias: {} for alias in aliases}, **parts}
    path = f"/{world.name}{suffix}"
    world.cluster.change("PUT", path, {"wait_for_active_shards": "0"}, body)
    return path


def looked(world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A run of doctor with either code: other tests use the same server at the same time."""
    done = processes.run(["--url", world.url, "doctor", *arguments])
    assert done.returncode in (0, 2), done.stdout + done.stderr
    return done


def diagnosed(world: World, *checks: str) -> list[dict[str, Any]]:
    """The findings of some checks that are about this test's objects; the code is that of all."""
    only = [word for check in checks for word in ("--only", check)]
    done = looked(world, "--json", *only)
    found = json.loads(done.stdout)
    assert {one["name"] for one in found["checks"]} == set(checks)
    bad = any(one["severity"] in ("error", "warning") for one in found["findings"])
    assert done.returncode == (2 if bad else 0)
    return [one for one in found["findings"] if world.name in json.dumps(one)]


def send(world: World, request: dict[str, Any]) -> None:
    """The request that a person runs by hand."""
    world.cluster.change(request["method"], request["path"], None, request.get("body"))


def test_a_clean_cluster_is_exit_0(world: World) -> None:
    said = world.esplan("doctor", *skipping(*ELSEWHERE)).stdout
    assert " 0 errors, 0 warnings, " in said.splitlines()[-1]


def test_the_number_of_requests_does_not_depend_on_the_indices(world: World) -> None:
    counts = []
    for number in (1, 6):
        for one in range(number):
            make(world, f"-{number}-{one}")
        traced = looked(world, "-v", *skipping("unassigned-shards", ELSEWHERE[0]))
        sent = [line for line in traced.stderr.splitlines() if line.startswith(("GET ", "POST "))]
        counts.append(len([one for one in sent if "/explain" not in one and "_mget" not in one]))
    assert counts[0] == counts[1] <= REQUESTS


def test_an_alias_on_two_indices_is_found_and_the_request_cures_it(world: World) -> None:
    make(world, "_green", world.name)
    make(world, "_blue", world.name)
    (one,) = diagnosed(world, "alias-on-several")
    assert (one["severity"], one["message"]) == (
        "warning",
        f"the alias {world.name} is on 2 indices",
    )
    send(world, one["request"])
    assert diagnosed(world, "alias-on-several") == []


def test_a_write_block_left_behind_is_found_and_the_request_lifts_it(world: World) -> None:
    path = make(world, "_green", world.name)
    world.cluster.change("PUT", f"{path}/_block/write")
    (one,) = diagnosed(world, "write-blocks")
    assert one["message"] == f"{world.name}_green refuses writes, and is behind {world.name}"
    send(world, one["request"])
    assert diagnosed(world, "write-blocks") == []


def test_an_unassigned_replica_with_the_servers_own_explanation(world: World) -> None:
    nodes = world.cluster.read("/_cluster/health")["number_of_data_nodes"]
    make(world, settings={"number_of_replicas": nodes})
    found = diagnosed(world, "unassigned-shards", "cluster-health")
    (one,) = [one for one in found if one["check"] == "unassigned-shards"]
    assert one["severity"] == "info"
    assert "same_shard: a copy of this shard is already allocated to this node" in one["evidence"]
    assert one["remedy"] == "add a data node, or ask for fewer replicas"


def test_an_unassigned_primary_is_an_error(world: World) -> None:
    make(world, settings={"routing.allocation.require._name": "nowhere"})
    (one,) = diagnosed(world, "unassigned-shards")
    assert (one["severity"], one["message"]) == (
        "error",
        "1 primary shard on no node (INDEX_CREATED)",
    )
    assert "filter: node does not match index setting" in one["evidence"]
    assert 'filters [_name:"nowhere"]' in one["evidence"]


def test_an_orphan_and_the_index_that_took_an_aliass_name(world: World) -> None:
    make(world, "_green", f"{world.name}_x")
    make(world, "_x_000003", f"{world.name}_x")
    world.cluster.change("DELETE", f"/{world.name}_green/_alias/{world.name}_x")
    make(world, "_x_000002")
    make(world)
    found = {one["check"]: one for one in diagnosed(world, "orphan-indices", "name-clash")}
    assert found["orphan-indices"]["message"] == f"no alias points at {world.name}_x_000002"
    assert "0 days old" in found["orphan-indices"]["evidence"]
    assert found["name-clash"]["message"] == f"{world.name} is an index, and looks like an alias"


MAPPINGS: list[dict[str, Any]] = [
    {"properties": {"a": {"type": "text", "fields": {"k": {"type": "keyword"}}}}},
    {"properties": {"o": {"properties": {"x": {"type": "long"}, "p": {"type": "nested"}}}}},
    {"properties": {"a": {"type": "keyword"}, "b": {"type": "alias", "path": "a"}}},
    {"properties": {"a": {"type": "keyword"}}, "runtime": {"r": {"type": "long"}}},
    {"properties": {"a": {"type": "text", "index_prefixes": {}}, "b": {"type": "flattened"}}},
    {"properties": {"j": {"type": "join", "relations": {"q": ["a", "b"]}}, "b": {"type": "long"}}},
    {"subobjects": False, "properties": {"m.a": {"type": "long"}, "m.b": {"type": "long"}}},
    {"properties": {"o": {"type": "object", "enabled": False}, "b": {"type": "long"}}},
]


@pytest.mark.parametrize("mappings", MAPPINGS)
def test_fields_are_counted_as_the_server_counts_them(
    world: World, engine: Engine, mappings: dict[str, Any]
) -> None:
    """The count is the smallest limit that the server takes the mapping with."""
    if engine.refuses(world.cluster, world.name, {"mappings": mappings}):
        return
    count = count_fields(mappings, engine.major)
    with pytest.raises(ServerError, match=r"Limit of total fields \[\d+\] has been exceeded"):
        make(world, settings={"mapping.total_fields.limit": count - 1}, mappings=mappings)
    path = make(world, settings={"mapping.total_fields.limit": count}, mappings=mappings)
    returned = world.cluster.read(f"{path}/_mapping")[world.name]["mappings"]
    assert count_fields(returned, engine.major) == count
    (one,) = diagnosed(world, "field-limit")
    assert (one["severity"], one["message"]) == (
        "error",
        f"{world.name} has {count} of {count} fields",
    )


def test_what_can_not_be_proven_closed_and_read_only(world: World) -> None:
    make(world, "-a", f"{world.name}-x", mappings={"_source": {"enabled": False}})
    path = make(world, "-b", f"{world.name}-y")
    world.cluster.change("POST", f"{path}/_close")
    blocked = make(world, "-c", settings={"blocks.read_only": True})
    found = diagnosed(world, "provable", "closed-indices", "read-only")
    assert sorted(one["message"] for one in found) == [
        f"{world.name}-a cannot be replaced by a proven copy",
        f"{world.name}-b is closed, and behind {world.name}-y",
        f"{world.name}-c refuses writes and every change of its settings, mapping and aliases",
    ]
    unblock = {"index.blocks.read_only": None}
    world.cluster.change("PUT", f"{blocked}/_settings", None, unblock)


def test_a_crashed_apply_leaves_lock_journal_and_block_that_are_found(world: World) -> None:
    world.seed(50)
    plan = world.make_plan()
    world.crash("after-done:03-reindex")
    world.cluster.read("/esplan-state/_refresh")  # else its last second is not searchable
    findings = json.loads(world.esplan("doctor", "--json", code=2).stdout)["findings"]
    warned = [one for one in findings if one["severity"] == "warning"]
    ours = [one for one in warned if one["check"] == "lock" or world.name in json.dumps(one)]
    found = {one["check"]: one for one in ours}
    begun = [one["subject"] for one in findings if one["check"] == "unfinished-applies"]
    assert found["lock"]["message"] == "the lock is held by a dead process"
    assert found["lock"]["remedy"].startswith("esplan unlock ")
    assert f"plan {plan['digest'][:12]}" in begun  # those of other tests are there, too
    assert found["write-blocks"]["evidence"].endswith("an apply of esplan is unfinished")
    assert "guard-aliases" not in found
    assert "orphan-indices" not in found
    world.apply()
    assert diagnosed(world, "lock", "write-blocks") == []


def test_a_live_lock_is_information(world: World) -> None:
    state_index.ensure(world.cluster)
    holder = {"kind": "lock", "beat": 0.0, **vars(this_process(world.name))}
    world.cluster.change("PUT", LOCK_PATH, {"op_type": "create"}, holder)
    try:
        (one,) = diagnosed(world, "lock")
    finally:
        world.cluster.change("DELETE", LOCK_PATH)
    assert (one["severity"], one["message"]) == ("info", "an apply holds the lock")


def test_an_alias_that_esplan_made_and_somebody_removed(world: World) -> None:
    world.make_plan()
    world.apply()
    world.cluster.change("DELETE", f"/{world.green}/_alias/{world.name}")
    (one,) = diagnosed(world, "alias-on-none")
    assert (one["severity"], one["message"]) == ("error", f"the alias {world.name} is on no index")
    send(world, one["request"])
    assert diagnosed(world, "alias-on-none") == []


def test_running_and_failed_tasks_are_read(world: World) -> None:
    """An hour is too long for a test: that a long one is a finding, the unit tests say."""
    path = make(world, "-a")
    world.cluster.change("POST", f"{path}/_doc", {"refresh": "true"}, {"a": "no date"})
    make(world, "-b", mappings={"properties": {"a": {"type": "date"}}})
    body = {"source": {"index": f"{world.name}-a"}, "dest": {"index": f"{world.name}-b"}}
    world.cluster.change("POST", "/_reindex", {"wait_for_completion": "false"}, body)
    deadline = time.monotonic() + 30
    while not (found := diagnosed(world, "failed-tasks")) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert found[0]["message"] == "indices:data/write/reindex has failed"
    assert "failed to parse field [a] of type [date]" in found[0]["evidence"]
    world.load(f"{world.name}-a", {str(number): {"n": number} for number in range(20)})
    body = {"source": {"index": f"{world.name}-a", "size": 1}, "dest": {"index": f"{world.name}-c"}}
    slow = {"wait_for_completion": "false", "requests_per_second": "1"}
    task = world.cluster.change("POST", "/_reindex", slow, body)["task"]
    facts = sources.read(world.cluster, ["tasks"])
    world.cluster.change("POST", f"/_tasks/{task}/_cancel", {"wait_for_completion": "true"})
    (one,) = [one for one in facts.tasks if one.id == task]
    assert (one.action, one.cancellable) == ("indices:data/write/reindex", True)
    assert world.name in one.description


@pytest.mark.filterwarnings("ignore:this request accesses system indices")
def test_the_clocks_of_one_machine_agree_and_its_facts_are_those_of_the_server(
    world: World,
) -> None:
    facts = sources.read(world.cluster, list(sources.SOURCES))
    assert {one.kind for one in facts.unreadable.values()} <= {"absent"}
    for node in facts.nodes:
        assert facts.asked - 5 <= node.timestamp <= facts.answered + 5
        assert node.heap > 0
        assert node.disk > node.free > 0
        assert {one.name for one in node.breakers} >= {"parent", "fielddata"}
        assert {one.name for one in node.pools} >= {"write", "search"}
        assert facts.versions[node.name] == facts.root["version"]["number"]
    assert facts.settings["cluster.max_shards_per_node"] == "1000"


def test_what_the_server_does_not_have_is_no_finding(world: World) -> None:
    """The sandbox has neither ILM nor security; a server with them answers."""
    privileges = [] if ROLES else ["--only", "privileges"]
    found = json.loads(world.esplan("doctor", "--json", "--only", "ilm-errors", *privileges).stdout)
    states = {one["name"]: (one["state"], one["reason"]) for one in found["checks"]}
    assert states["ilm-errors"] in (
        ("not checked", "this server does not have GET /*/_ilm/explain"),
        ("fine", ""),
    )
    assert ROLES or states["privileges"] in (
        ("not checked", "this server does not have POST /_security/user/_has_privileges"),
        ("fine", ""),
    )
