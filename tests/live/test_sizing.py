"""The numbers are those of `_cat`, to the byte, and the requests do what the advice says."""

from __future__ import annotations

import csv
import io
import json
import math
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import processes
import pytest

from esplan import state_index
from esplan.commands.sizing import sizing
from esplan.errors import EsplanError, ServerError
from esplan.sizing.model import Advice, Goals, Sizing

if TYPE_CHECKING:
    import subprocess

    from engine import Engine

    from esplan.cluster import Cluster

EXACT = {"store.stats_refresh_interval": "0s"}
"""The server keeps sizes for ten seconds otherwise, and `_cat` may be newer than sizing."""


def make(cluster: Cluster, index: str, shards: int, replicas: int = 0, **body: Any) -> None:
    settings = {"number_of_shards": shards, "number_of_replicas": replicas, **EXACT}
    settings |= body.pop("settings", {})
    cluster.change("PUT", f"/{index}", None, {"settings": settings, **body})


def load(cluster: Cluster, index: str, rounds: int, each: int = 40) -> None:
    """Every round makes a segment in each shard."""
    for part in range(rounds):
        lines: list[Any] = []
        for number in range(each):
            lines += [{"index": {"_id": f"{part}-{number}"}}, {"n": number, "text": "ü" * number}]
        answer = cluster.change("POST", f"/{index}/_bulk", {"refresh": "true"}, lines)
        assert answer["errors"] is False


def delete(cluster: Cluster, index: str, below: int) -> None:
    query = {"query": {"range": {"n": {"lt": below}}}}
    cluster.change("POST", f"/{index}/_delete_by_query", {"refresh": "true"}, query)


def send(cluster: Cluster, request: dict[str, Any]) -> Any:
    """A request of an advice, as it stands there."""
    method, path, body = request["method"], request["path"], request["body"]
    if method == "GET":
        return cluster.read(path)
    return cluster.change(method, path, None, body)


def one(cluster: Cluster, index: str, goals: Goals | None = None) -> Sizing:
    (row,) = sizing(cluster, index, goals).rows
    return row


def advice(row: Sizing, kind: str) -> Advice:
    (found,) = (each for each in row.advice if each.kind == kind)
    return found


def esplan(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return processes.run(["--url", url, "sizing", *arguments])


def cat(cluster: Cluster, kind: str, pattern: str, columns: str) -> list[dict[str, Any]]:
    params = {"bytes": "b", "format": "json", "h": columns}
    found: list[dict[str, Any]] = cluster.read(f"/_cat/{kind}/{pattern}", params)
    return found


def expected(cluster: Cluster, name: str) -> dict[str, Counter[str]]:
    """What `_cat/shards` and `_cat/segments` add up to, an index each.

    In a wildcard `_cat/segments` finds no hidden index.
    """
    pattern = f"{name}*,{name}-hidden"
    found: dict[str, Counter[str]] = {}
    for row in cat(cluster, "shards", pattern, "index,prirep,store"):
        sums = found.setdefault(row["index"], Counter())
        store = int(row["store"] or 0)
        sums["total_bytes"] += store
        sums["primary_bytes"] += store * (row["prirep"] == "p")
    for row in cat(cluster, "segments", pattern, "index,prirep,size,docs.count,docs.deleted"):
        sums, is_primary = found[row["index"]], row["prirep"] == "p"
        sums["all_segments"] += 1
        sums["all_segment_bytes"] += int(row["size"])
        sums["segments"] += is_primary
        sums["segment_bytes"] += int(row["size"]) * is_primary
        sums["documents"] += int(row["docs.count"]) * is_primary
        sums["deleted_documents"] += int(row["docs.deleted"]) * is_primary
    return found


def seeded(cluster: Cluster, name: str) -> None:
    make(cluster, f"{name}-a", 3)
    make(cluster, f"{name}-b", 1, 2)
    make(cluster, f"{name}-empty", 2)
    make(cluster, f"{name}-hidden", 2, 0, settings={"hidden": True, "codec": "best_compression"})
    for index, rounds in ((f"{name}-a", 7), (f"{name}-b", 4), (f"{name}-hidden", 2)):
        load(cluster, index, rounds)
    delete(cluster, f"{name}-a", 15)
    delete(cluster, f"{name}-b", 3)
    cluster.change("POST", f"/{name}*/_flush", {"expand_wildcards": "all", "force": "true"})


def settled(cluster: Cluster, name: str) -> None:
    """Merges in the background have ended when `_cat` says the same twice."""
    before: Any = None
    while before != (before := expected(cluster, name)):
        time.sleep(0.5)


def test_every_number_is_that_of_cat_to_the_byte(cluster: Cluster, url: str, name: str) -> None:
    seeded(cluster, name)
    settled(cluster, name)
    wanted = expected(cluster, name)
    said = json.loads(esplan(url, f"{name}*", "--format", "json").stdout)
    assert expected(cluster, name) == wanted
    rows = {row["index"]: row for row in said["rows"]}
    assert set(rows) == {f"{name}-{x}" for x in ("a", "b", "empty", "hidden")}
    columns = ["primary_bytes", "total_bytes", "segments", "all_segments", "segment_bytes"]
    columns += ["all_segment_bytes", "documents", "deleted_documents"]
    for index, sums in wanted.items():
        assert {c: rows[index][c] for c in columns} == {c: sums[c] for c in columns}, index
    assert wanted[f"{name}-a"]["deleted_documents"] > 0
    assert wanted[f"{name}-a"]["segments"] > 3
    for column in ("primary_bytes", "total_bytes", "segments", "all_segments", "documents"):
        assert said["totals"][column] == sum(sums[column] for sums in wanted.values())
    assert said["totals"]["shards"] == 8
    assert said["totals"]["all_shards"] == 10


def test_just_after_a_merge_the_old_segments_are_listed_too(cluster: Cluster, name: str) -> None:
    make(cluster, name, 1)
    load(cluster, name, 5)
    cluster.change("POST", f"/{name}/_flush")
    cluster.change("POST", f"/{name}/_forcemerge", {"max_num_segments": 1, "flush": "false"})
    cluster.change("POST", f"/{name}/_refresh")
    row = one(cluster, name)
    # OpenSearch merges at the flush, too.
    assert row.segments == len(cat(cluster, "segments", name, "segment")) >= 6
    assert row.searchable == 1
    assert not [each for each in row.advice if each.kind == "force_merge"]


def test_a_closed_index_has_a_size_and_nothing_else(
    cluster: Cluster, engine: Engine, name: str
) -> None:
    make(cluster, name, 1)
    load(cluster, name, 2)
    cluster.change("POST", f"/{name}/_close")
    cluster.read("/_cluster/health", {"wait_for_no_initializing_shards": "true"})
    row = one(cluster, name)
    assert (row.is_open, row.documents, row.segments, row.advice) == (False, None, None, ())
    if engine.shows_closed_shards:
        (shard,) = cat(cluster, "shards", name, "store")
        assert row.primary_bytes == int(shard["store"]) > 0
    else:
        assert row.primary_bytes is None
        with pytest.raises(ServerError, match=f"GET /_cat/shards/{name}: closed"):
            cat(cluster, "shards", name, "store")


def test_what_a_pattern_can_be(cluster: Cluster, name: str) -> None:
    make(cluster, f"{name}-1", 1, aliases={name: {}})
    make(cluster, f"{name}-2", 1, aliases={name: {}})
    make(cluster, f"{name}-+%=ü", 1)

    def names(pattern: str | None) -> list[str]:
        rows = sizing(cluster, pattern, sort="name").rows
        return [row.name for row in rows if row.name.startswith((name, "."))]

    assert names(name) == [f"{name}-1", f"{name}-2"]
    assert names(f"{name}-2") == [f"{name}-2"]
    assert names(f"{name}-1, {name}-2") == [f"{name}-1", f"{name}-2"]
    assert names(f"{name}*,-{name}-1") == [f"{name}-+%=ü", f"{name}-2"]
    assert names(f"{name}-+%=ü") == [f"{name}-+%=ü"]
    assert names(None) == [f"{name}-+%=ü", f"{name}-1", f"{name}-2"]


@pytest.mark.parametrize("pattern", ["{}", "{}-not*", "{}-there,{}-not,{}-neither", "", " , "])
def test_a_pattern_that_matches_nothing(cluster: Cluster, name: str, pattern: str) -> None:
    make(cluster, f"{name}-there", 1)
    with pytest.raises(EsplanError, match="no index matches") as error:
        sizing(cluster, pattern.replace("{}", name))
    assert error.value.exit_code == 1
    if "there" in pattern:
        assert str(error.value).startswith(f"no index matches '{name}-not, {name}-neither'\n")


def test_the_index_of_esplan_itself_is_not_listed(cluster: Cluster, name: str) -> None:
    del name
    state_index.ensure(cluster)
    assert "esplan-state" not in {row.name for row in sizing(cluster).rows}
    assert one(cluster, "esplan-state").name == "esplan-state"


def test_four_requests_and_a_fifth_for_definitions(url: str, cluster: Cluster, name: str) -> None:
    for number in range(5):
        make(cluster, f"{name}-{number}", 1)
    load(cluster, f"{name}-1", 1)
    done = esplan(url, f"{name}-*", "-v")
    assert len(done.stderr.splitlines()) == 4, done.stderr
    make(cluster, f"{name}-more", 2)
    load(cluster, f"{name}-more", 1)
    assert len(esplan(url, f"{name}-*", "-v").stderr.splitlines()) == 5


# The advice, carried out


def test_a_force_merge(cluster: Cluster, name: str) -> None:
    make(cluster, name, 1)
    load(cluster, name, 6)
    row = one(cluster, name)
    assert row.searchable == 6
    found = advice(row, "force_merge")
    assert found.arguments == {"max_num_segments": 1}
    (request,) = found.requests
    assert request["path"] == f"/{name}/_forcemerge?max_num_segments=1"
    send(cluster, request)
    assert one(cluster, name).segments == 1
    assert one(cluster, name).advice == ()


def test_several_segments_are_wanted_where_they_are_large(cluster: Cluster, name: str) -> None:
    make(cluster, name, 1)
    load(cluster, name, 9, 400)
    size = one(cluster, name).primary_bytes or 0
    row = one(cluster, name, Goals(segment=size // 3 + 1))
    assert row.max_num_segments == 3
    send(cluster, advice(row, "force_merge").requests[0])
    cluster.change("POST", f"/{name}/_refresh")  # OpenSearch leaves the old ones to searches
    assert one(cluster, name).searchable == 3


def test_deleted_documents(cluster: Cluster, name: str) -> None:
    """The server lets deletes go half a minute after the flush that follows them."""
    make(cluster, name, 1)
    load(cluster, name, 1, 100)
    delete(cluster, name, 40)
    row = one(cluster, name)
    # Until they are merged away, each delete is a document of its own too.
    assert (row.documents, row.deleted) == (60, 80)
    found = advice(row, "expunge_deletes")
    assert found.reason == "57% of its documents are deleted ones (80) that still take space"
    deadline = time.monotonic() + 60
    while row.deleted and time.monotonic() < deadline:
        for request in found.requests:
            send(cluster, request)
        time.sleep(1)
        row = one(cluster, name)
    assert (row.documents, row.deleted, row.advice) == (60, 0, ())


def test_replicas_that_have_no_place(cluster: Cluster, name: str) -> None:
    nodes = cluster.read("/_cluster/health")["number_of_data_nodes"]
    make(cluster, name, 1, nodes)
    load(cluster, name, 1)
    assert cluster.read(f"/_cluster/health/{name}")["status"] == "yellow"
    found = advice(one(cluster, name), "replicas")
    assert "two copies are never on one node" in found.reason
    send(cluster, found.requests[0])
    health = cluster.read(f"/_cluster/health/{name}", {"wait_for_status": "green"})
    assert health["status"] == "green"
    assert one(cluster, name).advice == ()


def test_replicas_that_follow_the_nodes_are_never_too_many(cluster: Cluster, name: str) -> None:
    make(cluster, name, 1, settings={"auto_expand_replicas": "0-all"})
    load(cluster, name, 1)
    assert one(cluster, name).advice == ()


def test_an_index_without_its_primary(cluster: Cluster, name: str) -> None:
    nowhere = {"index.routing.allocation.require._name": "no-such-node"}
    body = {"settings": {**nowhere, "number_of_replicas": 0, "number_of_shards": 2}}
    cluster.change("PUT", f"/{name}", {"wait_for_active_shards": "0"}, body)
    row = one(cluster, name)
    assert (row.primary_bytes, row.segments, row.missing) == (None, None, (0, 1))
    found = advice(row, "allocation")
    assert found.severity == "critical"
    assert found.reason.startswith("2 of 2 shards have no primary")
    said = send(cluster, found.requests[0])
    assert (said["index"], said["current_state"]) == (name, "unassigned")


ALIAS = {"filter": {"range": {"n": {"gte": 0}}}, "routing": "r"}


@pytest.mark.parametrize(
    ("shards", "settings", "count", "route"),
    [
        (4, {}, 1, "shrink"),
        (1, {}, 3, "split"),
        (3, {"number_of_routing_shards": 9}, 9, "split"),
        (3, {"number_of_routing_shards": 3}, 8, "reindex"),
    ],
)
def test_another_count_of_shards(
    cluster: Cluster, name: str, shards: int, settings: Any, count: int, route: str
) -> None:
    index = f"{name}-old"
    mappings = {"properties": {"n": {"type": "short"}}}
    make(cluster, index, shards, aliases={name: ALIAS}, settings=settings, mappings=mappings)
    load(cluster, index, 1, 300)
    size = one(cluster, index).primary_bytes or 0
    goals = Goals() if count < shards else Goals(shard=math.ceil(size / count))
    found = advice(one(cluster, index, goals), "shards")
    assert found.arguments == {"shards": count, "route": route}
    for request in found.requests:
        answer = send(cluster, request)
        assert not answer.get("timed_out"), request
        assert not answer.get("failures"), request
        assert not answer.get("errors"), request
    new = f"{index}-{count}-shards"
    body = cluster.read(f"/{new}")[new]
    assert body["settings"]["index"]["number_of_shards"] == str(count)
    assert body["settings"]["index"].get("blocks", {}).get("write") is None
    assert body["mappings"]["properties"]["n"] == {"type": "short"}
    options = {"filter": ALIAS["filter"], "index_routing": "r", "search_routing": "r"}
    assert body["aliases"] == {name: options}
    assert cluster.read(f"/{index}")[index]["aliases"] == {}
    cluster.read(f"/{new}/_refresh")
    assert cluster.read(f"/{new}/_count")["count"] == 300


# As a user sees it


def test_the_formats_agree(cluster: Cluster, url: str, name: str) -> None:
    make(cluster, f"{name}-a", 2)
    load(cluster, f"{name}-a", 5)
    make(cluster, f"{name}-b", 1)
    pattern = f"{name}*"
    rows = json.loads(esplan(url, pattern, "--json").stdout)["rows"]
    assert rows == json.loads(esplan(url, pattern, "--format", "json").stdout)["rows"]
    table = list(csv.DictReader(io.StringIO(esplan(url, pattern, "--format", "csv").stdout)))
    assert [one["index"] for one in table] == [f"{name}-a", f"{name}-b"]
    assert table[0]["primary_bytes"] == str(rows[0]["primary_bytes"])
    assert table[0]["commands"].split("; ") == rows[0]["commands"]
    markdown = esplan(url, pattern, "--format", "markdown").stdout.splitlines()
    assert len({line.count("|") for line in markdown}) == 1
    text = esplan(url, pattern)
    assert text.stderr == ""
    for command in rows[0]["commands"]:
        assert f"    {command}\n" in text.stdout


def test_the_exit_code_for_nothing(url: str, name: str) -> None:
    done = esplan(url, f"{name}*")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"Error ESP-1007: no index matches '{name}*'\nTo do: ")
