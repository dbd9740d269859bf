"""Each check finds its problem, and is silent without it; reading, options, views."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from esplan import cli, doctor
from esplan.commands import doctor as commands
from esplan.disk import free_at
from esplan.doctor import Diagnosis, Facts, Finding, examine
from esplan.doctor.aliases import base_of
from esplan.doctor.facts import (
    DAY,
    Breaker,
    Explanation,
    FailedTask,
    Health,
    Held,
    Index,
    LifecycleError,
    Node,
    PendingTask,
    Pool,
    Privileges,
    Shard,
    Task,
    Unreadable,
)
from esplan.doctor.indices import LUCENE, count_fields
from esplan.doctor.privileges import lacking
from esplan.doctor.sources import SOURCES, read
from esplan.errors import ServerError, Unreachable, UsageError
from esplan.holder import Holder
from esplan.state_index import Unfinished
from esplan.views import doctor as views

if TYPE_CHECKING:
    from collections.abc import Callable

GIB = 1024**3
NOW = 1_800_000_000_000
PAGE = Path(__file__).parents[2] / "docs" / "doctor.md"


def indices(*found: Index) -> dict[str, Index]:
    return {one.name: one for one in found}


def on(name: str, *aliases: str, made_for: str = "", **settings: Any) -> Index:
    """An index behind aliases. `made_for`: esplan made it for this alias, by the plan `p`."""
    mark = {"_meta": {"esplan": {"address": f"alias.{made_for}", "plan": "p"}}} if made_for else {}
    flat = {f"index.{key.replace('__', '.')}": value for key, value in settings.items()}
    return Index(name, flat, mark, {alias: {} for alias in aliases})


def shard(index: str, size: int | None = 1, **parts: Any) -> Shard:
    return replace(Shard(index, 0, primary=True, state="STARTED", size=size, node="n"), **parts)


def node(**parts: Any) -> Node:
    known = {"roles": ("data", "master"), "heap": GIB, "disk": 100 * GIB, "free": 50 * GIB}
    return Node(**{"name": "n", "timestamp": NOW, **known, **parts})


LOST = shard("a", None, state="UNASSIGNED", node="", primary=False)
REPLICAS = {"number_of_replicas": "1"}
HOLDER = Holder("token", "host", "m", 7, "1", "abcdefghijklmnop", "2027-01-15T07:00:00+00:00")
APPLY = Unfinished(HOLDER.plan, "p", "host", "2027-01-15", "2027-01-16", 2, 8)
DISK = "cluster.routing.allocation.disk."
MARKS = {
    f"{DISK}watermark.low": "85%",
    f"{DISK}watermark.high": "90%",
    f"{DISK}watermark.flood_stage": "95%",
}
ROOT = {"version": {"number": "8.16.1"}}
FIVE = Index("a", {"index.mapping.total_fields.limit": "5"}, {"properties": {"a": {}, "b": {}}})
FULL = replace(FIVE, mappings={"properties": {name: {} for name in "abcde"}})

CASES: dict[str, tuple[Facts, str, str, Facts]] = {
    # check: facts with its problem, severity, message; facts without it
    "answers": (
        Facts(unreadable={"health": Unreadable("failed", "no master")}),
        "error",
        "the server does not answer: the fact `health` could not be read",
        Facts(
            unreadable={"health": Unreadable("forbidden", "no"), "ilm": Unreadable("absent", "")}
        ),
    ),
    "cluster-health": (
        Facts(health=Health("yellow", 2, unassigned=1), shards=(LOST,)),
        "warning",
        "the cluster is yellow",
        Facts(health=Health("green", 1)),
    ),
    "unassigned-shards": (
        Facts(explanations=(Explanation("a", 0, True, "NODE_LEFT", 2, ("a",)),)),
        "error",
        "2 primary shards on no node (NODE_LEFT)",
        Facts(),
    ),
    "allocation": (
        Facts(settings={"cluster.routing.allocation.enable": "primaries"}),
        "warning",
        "cluster.routing.allocation.enable is primaries",
        Facts(settings={"cluster.routing.allocation.enable": "all"}),
    ),
    "pending-tasks": (
        Facts(pending=(PendingTask("put-mapping", 45_000), PendingTask("x", 1))),
        "warning",
        "changes of the cluster state wait for 45 s",
        Facts(pending=(PendingTask("put-mapping", 29_000),)),
    ),
    "master-nodes": (
        Facts(nodes=(node(), node(name="m"), node(name="d", roles=("data",)))),
        "warning",
        "2 of 3 nodes can be master: none of them may be lost",
        Facts(nodes=(node(),)),
    ),
    "disk-watermarks": (
        Facts(nodes=(node(free=12 * GIB),), settings=MARKS),
        "warning",
        "the disk is past the low watermark: it gets no new shards",
        Facts(nodes=(node(free=16 * GIB),), settings=MARKS),
    ),
    "flood-stage": (
        Facts(indices=indices(on("a", blocks__read_only_allow_delete="true"))),
        "error",
        "1 index refuses writes: the disk was too full",
        Facts(indices=indices(on("a", blocks__read_only_allow_delete="false"))),
    ),
    "write-blocks": (
        Facts(indices=indices(on("a", "x", blocks__write="true"))),
        "warning",
        "a refuses writes, and is behind x",
        Facts(indices=indices(on("archive", blocks__write="true"), on("b", "x"))),
    ),
    "read-only": (
        Facts(indices=indices(on("a", blocks__metadata="true"))),
        "warning",
        "a refuses every change of its settings, mapping and aliases",
        Facts(indices=indices(on("a")), settings={"cluster.blocks.read_only": "false"}),
    ),
    "closed-indices": (
        Facts(indices=indices(on("a", "x", verified_before_close="true"))),
        "warning",
        "a is closed, and behind x",
        Facts(indices=indices(on("a", verified_before_close="true"), on("b", "x"))),
    ),
    "alias-on-several": (
        Facts(indices=indices(on("x_green", "x"), on("x_blue", "x", creation_date="2"))),
        "warning",
        "the alias x is on 2 indices",
        Facts(indices=indices(on("x_green", "x"), on("x_blue", "esplan-copy-p-1"))),
    ),
    "alias-on-none": (
        Facts(indices=indices(on("x_green", made_for="x"))),
        "error",
        "the alias x is on no index",
        Facts(indices=indices(on("x_green", "x", made_for="x"), on("x_blue", made_for="x"))),
    ),
    "name-clash": (
        Facts(indices=indices(on("x"), on("x_green"))),
        "warning",
        "x is an index, and looks like an alias",
        Facts(indices=indices(on("x"), on("x_yearly"))),
    ),
    "orphan-indices": (
        Facts(now=NOW, indices=indices(on("x_green", "x"), on("x_blue", creation_date=str(NOW)))),
        "info",
        "no alias points at x_blue",
        Facts(now=NOW, indices=indices(on("x_green", "x"), on("x_notes"), on("y_blue"))),
    ),
    "guard-aliases": (
        Facts(indices=indices(on("x_green", "esplan-copy-q-1")), journals=(APPLY,)),
        "warning",
        "the guard alias esplan-copy-q-1 is left over on x_green",
        Facts(indices=indices(on("x_green", "esplan-copy-p-1")), journals=(APPLY,)),
    ),
    "field-limit": (
        Facts(root=ROOT, indices=indices(FULL)),
        "error",
        "a has 5 of 5 fields",
        Facts(root=ROOT, indices=indices(FIVE)),
    ),
    "huge-shards": (
        Facts(shards=(shard("a", 60 * GIB), shard("a", 51 * GIB))),
        "warning",
        "a has a shard of 60 GB",
        Facts(shards=(shard("a", 50 * GIB), shard("a", 60 * GIB, primary=False))),
    ),
    "tiny-shards": (
        Facts(shards=(shard("a"), shard("a"))),
        "info",
        "1 index has more shards than needed",
        Facts(shards=(shard("a"), shard("a", primary=False), *[shard("b", 5 * GIB // 2)] * 2)),
    ),
    "lucene-limit": (
        Facts(lucene={"a": int(LUCENE * 0.9)}),
        "warning",
        "a shard of a has 1,932,735,167 documents",
        Facts(lucene={"a": LUCENE // 2}),
    ),
    "replicas": (
        Facts(health=Health("green", 2), indices=indices(on("a", "x", number_of_replicas="0"))),
        "warning",
        "1 of the indices behind aliases have no replica",
        Facts(health=Health("green", 1), indices=indices(on("a", "x", number_of_replicas="0"))),
    ),
    "provable": (
        Facts(indices=indices(Index("a", {}, {"_source": {"excludes": ["b"]}}, {"x": {}}))),
        "warning",
        "a cannot be replaced by a proven copy",
        Facts(indices=indices(on("a", "x"), Index("b", {}, {"_source": {"enabled": False}}))),
    ),
    "shard-limit": (
        Facts(
            health=Health("green", 2),
            settings={"cluster.max_shards_per_node": "5"},
            shards=(shard("a"),) * 8,
        ),
        "warning",
        "8 of 10 shards are taken",
        Facts(health=Health("green", 2), shards=(shard("a"),) * 8),
    ),
    "shards-per-heap": (
        Facts(nodes=(node(),), shards=(shard("a"),) * 21),
        "info",
        "n has 21 shards a GB of heap",
        Facts(nodes=(node(),), shards=(*(shard("a"),) * 20, LOST)),
    ),
    "heap-pressure": (
        Facts(nodes=(node(old=int(GIB * 0.8)),)),
        "warning",
        "80% of the heap of n is in use",
        Facts(nodes=(node(old=GIB // 2),)),
    ),
    "circuit-breakers": (
        Facts(nodes=(node(breakers=(Breaker("parent", 100, 95, 3),)),)),
        "warning",
        "circuit breakers of n have tripped",
        Facts(nodes=(node(breakers=(Breaker("parent", 100, 95, 0),)),)),
    ),
    "rejections": (
        Facts(nodes=(node(pools=(Pool("write", 0, 12), Pool("search", 0, 0))),)),
        "info",
        "n has refused work",
        Facts(nodes=(node(pools=(Pool("write", 9, 0),)),)),
    ),
    "clocks": (
        Facts(nodes=(node(timestamp=NOW - 7000),), asked=NOW, answered=NOW + 40),
        "warning",
        "the clock of n is 7.0 s behind this machine",
        Facts(nodes=(node(timestamp=NOW - 4999),), asked=NOW, answered=NOW + 9000),
    ),
    "node-versions": (
        Facts(versions={"n": "8.16.1", "m": "8.19.7"}),
        "warning",
        "the nodes run 2 versions",
        Facts(versions={"n": "8.16.1", "m": "8.16.1"}),
    ),
    "long-tasks": (
        Facts(tasks=(Task("n:1", "indices:data/write/reindex", "d", 90_000, True, 1, 2),)),
        "warning",
        "indices:data/write/reindex runs for 25.0 h",
        Facts(tasks=(Task("n:1", "indices:data/write/reindex", "d", 3599, True),)),
    ),
    "failed-tasks": (
        Facts(failures=(FailedTask("n:1", "reindex", "from a to b", "no such field"),)),
        "info",
        "reindex has failed",
        Facts(),
    ),
    "ilm-stopped": (
        Facts(ilm="STOPPED"),
        "warning",
        "index lifecycle management is STOPPED",
        Facts(ilm="RUNNING"),
    ),
    "ilm-errors": (
        Facts(ilm_errors=(LifecycleError("a", "hot", "rollover", "no alias"),)),
        "warning",
        "the policy hot is stuck in the step rollover",
        Facts(),
    ),
    "lock": (
        Facts(now=NOW, lock=Held(HOLDER, is_dead=True)),
        "warning",
        "the lock is held by a dead process",
        Facts(),
    ),
    "unfinished-applies": (
        Facts(journals=(APPLY,)),
        "warning",
        "an apply has not ended: 2 of 8 steps are done",
        Facts(),
    ),
    "damaged-journals": (
        Facts(damaged=("0" * 64,)),
        "warning",
        "its journal in the cluster cannot be read",
        Facts(journals=(APPLY,)),
    ),
    "throwaways": (
        Facts(now=NOW, throwaways=(on("esplan-oracle-b", creation_date=str(NOW - 660_000)),)),
        "warning",
        "a run of `plan --oracle` that was killed left this index",
        Facts(now=NOW, throwaways=(on("esplan-oracle-b", creation_date=str(NOW - 540_000)),)),
    ),
    "privileges": (
        Facts(privileges=Privileges("u", plan={"a": ["read"]}), indices=indices(on("a", "x"))),
        "error",
        "u lacks privileges that plan needs",
        Facts(privileges=Privileges("u")),
    ),
    "forbidden": (
        Facts(unreadable={"indices": Unreadable("forbidden", "unauthorized for user [u]")}),
        "error",
        "the credentials may not read `indices`, which plan or apply needs",
        Facts(
            unreadable={"lock": Unreadable("forbidden", ""), "nodes": Unreadable("forbidden", "")}
        ),
    ),
    "server-version": (
        Facts(root={"version": {"number": "3.1.0", "distribution": "opensearch"}}),
        "warning",
        "opensearch 3.1.0 is not a server that esplan knows",
        Facts(root={"version": {"number": "8.16.1"}}),
    ),
    "auto-create": (
        Facts(settings={"action.auto_create_index": "true"}),
        "info",
        "a write to a name that does not exist creates an index",
        Facts(settings={"action.auto_create_index": ".*,logs-*"}),
    ),
    "destructive-names": (
        Facts(settings={"action.destructive_requires_name": "false"}),
        "info",
        "a wildcard may delete indices",
        Facts(settings={"action.destructive_requires_name": "true"}),
    ),
}


def found(name: str, facts: Facts) -> list[Finding]:
    return list(examine(facts, (commands.find(name),)).findings)


def test_every_check_has_its_case() -> None:
    assert sorted(CASES) == sorted(one.name for one in doctor.CHECKS)
    assert len(CASES) >= 20


@pytest.mark.parametrize("name", CASES)
def test_a_check_finds_its_problem(name: str) -> None:
    facts, severity, message, _ = CASES[name]
    (one,) = found(name, facts)
    assert (one.check, one.severity, one.message) == (name, severity, message)
    assert one.subject
    assert one.evidence
    assert one.remedy
    assert one.request
    assert one.request["path"].startswith("/")


@pytest.mark.parametrize("name", CASES)
def test_a_check_is_silent_without_its_problem(name: str) -> None:
    assert found(name, CASES[name][3]) == []


@pytest.mark.parametrize("one", doctor.CHECKS, ids=lambda one: one.name)
def test_a_check_explains_itself_and_asks_for_facts_that_exist(one: doctor.Check) -> None:
    assert one.looks_at.endswith(".")
    assert one.why.endswith(".")
    assert set(one.needs) | set(one.uses) <= set(SOURCES)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", one.name)


# Severities and evidence that the table above does not show


def severities(name: str, facts: Facts) -> list[str]:
    return [one.severity for one in found(name, facts)]


def test_yellow_for_replicas_that_one_node_cannot_hold_is_no_warning() -> None:
    facts = Facts(health=Health("yellow", 1, unassigned=1), shards=(LOST,))
    assert severities("cluster-health", facts) == ["info"]
    assert severities("cluster-health", replace(facts, shards=())) == ["warning"]
    assert severities("cluster-health", replace(facts, health=Health("red", 1))) == ["error"]


def test_a_replica_that_fits_is_a_warning_and_one_that_does_not_is_none() -> None:
    why = (("same_shard", "a copy is already on this node"),)
    group = Explanation("a", 0, False, "NODE_LEFT", 1, ("a",), deciders=why)
    facts = Facts(indices=indices(on("a", **REPLICAS)), explanations=(group,))
    (one,) = found("unassigned-shards", replace(facts, health=Health("yellow", 2)))
    assert (one.severity, one.message) == ("warning", "1 replica shard on no node (NODE_LEFT)")
    assert one.evidence == "shard 0 of a: same_shard: a copy is already on this node"
    assert one.remedy == "add a data node, or ask for fewer replicas"
    assert severities("unassigned-shards", replace(facts, health=Health("yellow", 1))) == ["info"]


@pytest.mark.parametrize(
    ("free", "expected"), [(16, []), (12, ["warning"]), (9, ["error"]), (4, ["error"])]
)
def test_only_the_worst_watermark_is_reported(free: int, expected: list[str]) -> None:
    facts = Facts(nodes=(node(free=free * GIB),), settings=MARKS)
    assert severities("disk-watermarks", facts) == expected


def test_watermarks_that_are_switched_off_do_not_act() -> None:
    off = {**MARKS, f"{DISK}threshold_enabled": "false"}
    (one,) = found("disk-watermarks", Facts(nodes=(node(free=1),), settings=off))
    assert (one.severity, one.message) == ("info", "the disk watermarks are switched off")


@pytest.mark.parametrize(
    ("watermark", "headroom", "free"),
    [
        ("85%", "", 150 * GIB),
        ("0.85", "-1", 150 * GIB),
        ("85%", "100GB", 100 * GIB),
        ("85%", "200gb", 150 * GIB),
        ("50gb", "", 50 * GIB),
    ],
)
def test_a_watermark_in_every_spelling(watermark: str, headroom: str, free: int) -> None:
    assert free_at(watermark, headroom, 1000 * GIB) == pytest.approx(free)


def test_a_watermark_that_is_none() -> None:
    with pytest.raises(ValueError, match="not a size: much"):
        free_at("much", "", 1)


def test_the_block_of_a_running_apply_is_no_warning() -> None:
    facts = Facts(indices=indices(on("a", "x", blocks__write="true")), journals=(APPLY,))
    (one,) = found("write-blocks", facts)
    assert (one.severity, one.evidence) == (
        "warning",
        "index.blocks.write: true; an apply of esplan is unfinished",
    )
    running = replace(facts, lock=Held(HOLDER, is_dead=False))
    assert severities("write-blocks", running) == ["info"]
    assert severities("unfinished-applies", running) == ["info"]


def test_a_block_on_the_whole_cluster_is_an_error() -> None:
    facts = Facts(settings={"cluster.blocks.read_only_allow_delete": "true"})
    assert severities("read-only", facts) == ["error"]


def test_an_alias_of_esplan_on_two_indices_is_an_error_write_index_or_not() -> None:
    one, other = on("x_1", "x", made_for="x", creation_date="1"), on("x_2", "x", creation_date="2")
    other = replace(other, aliases={"x": {"is_write_index": True}})
    (said,) = found("alias-on-several", Facts(indices=indices(one, other)))
    assert (said.severity, said.evidence) == ("error", "x_1, x_2; esplan made it for one")
    remove = {"remove": {"index": "x_1", "alias": "x", "must_exist": True}}
    assert said.request
    assert said.request["body"] == {"actions": [remove]}


def test_aliases_for_searching_many_indices_are_one_piece_of_information() -> None:
    several = [on("a", "x", "y"), on("b", "x", "y")]
    (one,) = found("alias-on-several", Facts(indices=indices(*several)))
    assert (one.severity, one.subject) == ("info", "x, y")
    assert one.message == "2 aliases on several indices, without a write index"
    written = [replace(i, aliases={"x": {"is_write_index": i.name == "a"}}) for i in several]
    assert found("alias-on-several", Facts(indices=indices(*written))) == []


def test_an_alias_that_an_unfinished_apply_will_set_is_no_error() -> None:
    facts = Facts(indices=indices(on("x_green", made_for="x")), journals=(APPLY,))
    assert severities("alias-on-none", facts) == ["info"]


def test_an_index_in_the_place_of_an_alias_of_esplan_is_an_error() -> None:
    facts = Facts(indices=indices(on("x"), on("x_green", made_for="x")))
    (one,) = found("name-clash", facts)
    assert (one.severity, one.message) == ("error", "x is an index, and should be an alias")
    assert found("alias-on-none", facts) == []


def test_an_orphan_says_its_bytes_and_its_age() -> None:
    old = on("x_blue", made_for="x", creation_date=str(NOW - 8 * DAY))
    facts = Facts(
        now=NOW, indices=indices(on("x_green", "x"), old), shards=(shard("x_blue", 9000),)
    )
    (one,) = found("orphan-indices", facts)
    assert one.severity == "warning"
    assert one.evidence == "x is on x_green; 9,000 bytes, 8 days old, made by esplan"
    assert one.request == {"method": "DELETE", "path": "/x_blue"}
    assert found("orphan-indices", replace(facts, journals=(APPLY,))) == []


PROD = on("customer-2_0_0-20261120t060000z", "customer-prod")


@pytest.mark.parametrize(
    ("served", "index", "alias"),
    [
        (PROD, "customer-2_0_0-20261119t060000z", "customer-prod"),
        (PROD, "customer-2_0_0-2026-11-19t06-00-00.000z", "customer-prod"),
        (PROD, "customer-2_0_0-20261121t060000z", ""),
        (PROD, "customer-2_0_1-20261119t060000z", ""),
        (on("x_green", "y"), "x_blue", "y"),
        (on("x_green", "esplan-copy-p-1"), "x_blue", ""),
        (on("x_000002", "x"), "x_000001", "x"),
        (on("x_1", "x"), "x_2", ""),
    ],
)
def test_an_orphan_is_a_leftover_as_maintain_has_it(served: Index, index: str, alias: str) -> None:
    """The name of the alias is no part of the rule, and a newer run is a release to come."""
    facts = Facts(now=NOW, indices=indices(served, on(index)))
    said = [
        f"{one.subject}: {one.evidence.split(';')[0]}" for one in found("orphan-indices", facts)
    ]
    assert said == ([f"{index}: {alias} is on {served.name}"] if alias else [])


def test_what_a_copy_is_filled_through_is_no_orphan() -> None:
    """It has a check of its own: guard-aliases."""
    facts = Facts(now=NOW, indices=indices(on("x_green", "x"), on("x_blue", "esplan-copy-p-1")))
    assert found("orphan-indices", facts) == []
    assert len(found("guard-aliases", facts)) == 1


@pytest.mark.parametrize(
    ("index", "base"),
    [
        ("x_green", "x"),
        ("x-1.blue", "x-1"),
        ("x_000002", ""),
        ("x-20260102t030405z", ""),
        ("x", ""),
        ("xgreen", ""),
        ("x_greenhouse", ""),
    ],
)
def test_what_comes_before_a_colour(index: str, base: str) -> None:
    assert base_of(index) == base


def test_colours_of_one_another_need_not_be_called_as_their_alias() -> None:
    facts = Facts(indices=indices(on("x-1_green", "prod"), on("x-1_blue", "prod")))
    assert severities("alias-on-several", facts) == ["warning"]
    facts = Facts(indices=indices(on("x_green", "prod"), on("y_blue", "prod")))
    assert severities("alias-on-several", facts) == ["info"]


def test_shards_with_many_documents_are_not_tiny() -> None:
    facts = Facts(shards=(shard("a"), shard("a")), lucene={"a": 19_999_999})
    assert severities("tiny-shards", facts) == ["info"]
    assert severities("tiny-shards", replace(facts, lucene={"a": 20_000_000})) == []


def test_an_index_name_is_quoted_in_a_request() -> None:
    (one,) = found("write-blocks", Facts(indices=indices(on("a%b", "x", blocks__write="true"))))
    assert one.request
    assert one.request["path"] == "/a%25b/_settings"


@pytest.mark.parametrize(
    ("part", "expected"), [(79, []), (80, ["warning"]), (99, ["warning"]), (100, ["error"])]
)
def test_limits_are_near_from_four_fifths(part: int, expected: list[str]) -> None:
    fields = {"properties": {f"f{number}": {} for number in range(part)}}
    index = Index("a", {"index.mapping.total_fields.limit": "100"}, fields)
    assert severities("field-limit", Facts(root=ROOT, indices=indices(index))) == expected
    shards = Facts(
        health=Health("green", 2),
        settings={"cluster.max_shards_per_node": "50"},
        shards=(shard("a"),) * part,
    )
    assert severities("shard-limit", shards) == expected


def test_fields_are_counted_as_the_server_counts_them() -> None:
    """`tests/live/test_doctor.py` asks the server."""
    fields = {"k": {"type": "keyword"}, "n": {"type": "long"}}
    text = {"type": "text", "fields": fields}
    mappings = {
        "properties": {"a": text, "o": {"properties": {"b": text, "p": {"type": "alias"}}}},
        "runtime": {"r": {"type": "composite", "fields": fields}},
    }
    assert count_fields(mappings, 8) == 9
    assert count_fields(mappings, 7) == 8
    index = replace(FIVE, mappings={"runtime": {name: {} for name in "abcde"}})
    for number, expected in (("7.17.29", []), ("8.16.1", ["error"])):
        facts = Facts(root={"version": {"number": number}}, indices=indices(index))
        assert severities("field-limit", facts) == expected


def test_a_task_that_cannot_be_cancelled_is_only_looked_at() -> None:
    task = Task("n:1", "indices:admin/forcemerge", "", 7200, cancellable=False)
    (one,) = found("long-tasks", Facts(tasks=(task,)))
    assert (one.severity, one.evidence) == ("info", "no description")
    assert one.remedy == "it cannot be cancelled: wait for its end, or restart the node"
    assert one.request == {"method": "GET", "path": "/_tasks/n:1"}


@pytest.mark.parametrize(("hours", "severity"), [(1, "info"), (25, "warning")])
def test_a_live_lock_is_information_until_it_is_old(hours: int, severity: str) -> None:
    facts = Facts(now=1_799_996_400_000 + hours * 3_600_000, lock=Held(HOLDER, is_dead=False))
    (one,) = found("lock", facts)
    assert (one.severity, one.message) == (severity, "an apply holds the lock")
    assert f"for {hours}.0 h; lock id token" in one.evidence


def test_a_lock_without_a_readable_time_is_still_shown() -> None:
    held = Held(replace(HOLDER, since="yesterday"), is_dead=False)
    assert severities("lock", Facts(now=NOW, lock=held)) == ["info"]


def test_the_role_that_is_needed_is_in_the_request() -> None:
    facts = Facts(privileges=Privileges("u", apply={"a": ["write"]}), indices=indices(on("a", "x")))
    (one,) = found("privileges", facts)
    assert (one.severity, one.evidence) == ("warning", "a: write")
    assert one.request
    assert (one.request["method"], one.request["path"]) == ("PUT", "/_security/role/esplan")
    body = one.request["body"]
    assert body["cluster"] == ["monitor", "cancel_task", "cluster:admin/reindex/rethrottle"]
    assert body["indices"][0] == {"names": ["a"], "privileges": ["manage", "read", "write"]}
    assert [i["names"] for i in body["indices"][1:]] == [
        ["esplan-copy-*"],
        ["esplan-state"],
        ["esplan-fence-*"],
    ]
    (one,) = found("privileges", replace(facts, indices={}))
    assert one.request
    assert one.request["body"]["indices"][0]["names"] == ["<PATTERN>"], "a role needs names"


def test_what_is_missing_on_esplans_own_index_only_apply_needs() -> None:
    denied = {"read": False, "write": False}
    answer = {
        "username": "u",
        "cluster": {"monitor": False, "cancel_task": False},
        "index": {"a": {"read": True, "manage": False}, "esplan-state": denied},
    }
    apply = {"the cluster": ["cancel_task"], "a": ["manage"], "esplan-state": ["read", "write"]}
    assert lacking(answer) == Privileges("u", {"the cluster": ["monitor"]}, apply)


@pytest.mark.parametrize(
    ("number", "expected"),
    [("6.8.0", ["warning"]), ("7.17.29", ["info"]), ("9.4.3", []), ("10.0.0", ["warning"])],
)
def test_versions_at_the_edges(number: str, expected: list[str]) -> None:
    assert severities("server-version", Facts(root={"version": {"number": number}})) == expected


@pytest.mark.parametrize(
    ("number", "expected"), [("1.3.20", ["warning"]), ("2.19.5", []), ("3.0.0", ["warning"])]
)
def test_versions_of_opensearch(number: str, expected: list[str]) -> None:
    version = {"number": number, "distribution": "opensearch"}
    assert severities("server-version", Facts(root={"version": version})) == expected


# Results


def test_a_check_without_its_facts_is_not_checked_and_no_finding() -> None:
    facts = Facts(unreadable={"ilm": Unreadable("absent", "this server does not have GET /_ilm")})
    (one,) = examine(facts, (commands.find("ilm-stopped"),)).checks
    assert (one.state, one.reason) == ("not checked", "this server does not have GET /_ilm")


def test_a_check_goes_on_without_the_facts_that_it_only_uses() -> None:
    facts = replace(CASES["write-blocks"][0], unreadable={"lock": Unreadable("forbidden", "no")})
    assert severities("write-blocks", facts) == ["warning"]


def diagnosis(*names: str) -> Diagnosis:
    results = [examine(CASES[name][0], (commands.find(name),)).checks for name in names]
    return Diagnosis(tuple(one for found in results for one in found))


@pytest.mark.parametrize(
    ("names", "code"), [((), 0), (("auto-create",), 0), (("clocks",), 2), (("flood-stage",), 2)]
)
def test_information_alone_is_no_reason_for_exit_2(names: tuple[str, ...], code: int) -> None:
    assert diagnosis(*names).exit_code == code


def shown(found: Diagnosis) -> str:
    out = io.StringIO()
    console = Console(file=out, no_color=True, highlight=False, soft_wrap=True)
    for one in views.diagnosis(found):
        console.print(one)
    return out.getvalue()


def test_findings_are_shown_worst_first_with_a_summary_as_the_last_line() -> None:
    missing = Facts(unreadable={"ilm": Unreadable("absent", "no ILM here")})
    unchecked = examine(missing, (commands.find("ilm-stopped"),)).checks
    fine = examine(Facts(), (commands.find("lock"),)).checks
    found = diagnosis("auto-create", "write-blocks", "flood-stage")
    text = shown(Diagnosis((*found.checks, *unchecked, *fine)))
    order = ["Errors", "Warnings", "For information", "Could not be checked"]
    assert [line for line in text.splitlines() if line in order] == order
    assert 'By hand: PUT /a/_settings {"index.blocks.write": null}' in text
    assert "  ilm-stopped: no ILM here" in text
    last = "5 checks: 1 fine, 1 error, 1 warning, 1 info, 1 not checked"
    assert text.splitlines()[-1] == last


def test_nothing_in_a_finding_steers_the_terminal() -> None:
    evil = on("\x1b[2J\u202e", "x", blocks__write="true")
    text = shown(examine(Facts(indices=indices(evil)), (commands.find("write-blocks"),)))
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_json_has_the_findings_and_the_state_of_every_check() -> None:
    found = views.diagnosis_json(diagnosis("clocks"))
    assert found["format_version"] == "1.0"
    assert found["checks"] == [
        {"name": "clocks", "title": "The clocks agree", "state": "warning", "reason": ""}
    ]
    assert found["findings"][0]["check"] == "clocks"
    assert json.loads(json.dumps(found)) == found


# Reading


class Answers:
    """A cluster of canned answers by path; what is missing is 404."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {"/": {"version": {"number": "8.16.1"}}, **answers}
        self.asked: list[str] = []

    def read(self, path: str, params: Any = None, body: Any = None, *, timeout: float = 60) -> Any:
        del params, body, timeout
        self.asked.append(path)
        answer = self.answers.get(path)
        if isinstance(answer, Exception):
            raise answer
        return answer


def refused(status: int, what: str, type_: str = "") -> ServerError:
    return ServerError(f"the server refused GET /_ilm/status: {what}", status=status, type_=type_)


@pytest.mark.parametrize(
    ("error", "kind", "why"),
    [
        (refused(400, "no handler found for uri"), "absent", "does not have GET /_ilm/status"),
        (refused(405, "Incorrect HTTP method for uri"), "absent", "does not have"),
        (refused(500, "failed to find action [x]"), "absent", "does not have"),
        (refused(403, "action [x] is unauthorized"), "forbidden", "is unauthorized"),
        (refused(403, "FORBIDDEN/9", "cluster_block_exception"), "blocked", "FORBIDDEN/9"),
        (refused(503, "no master"), "failed", "no master"),
        (Unreachable("no answer from u", why="timed out"), "failed", "no answer from u: timed out"),
    ],
)
def test_why_a_fact_could_not_be_read(error: Exception, kind: str, why: str) -> None:
    facts = read(Answers(**{"/_ilm/status": error}), ["ilm"])  # type: ignore[arg-type]  (enough of a Cluster)
    assert facts.unreadable["ilm"].kind == kind
    assert why in facts.unreadable["ilm"].why


def test_a_block_is_not_blamed_on_the_credentials() -> None:
    said = "index [a] blocked by: [FORBIDDEN/9/index metadata (api)]"
    facts = Facts(unreadable={"indices": Unreadable("blocked", said)})
    (found,) = examine(facts, [commands.find("forbidden")]).findings
    assert found.message == "a block of an index hides `indices`, which plan or apply needs"
    assert found.request == {
        "method": "PUT",
        "path": "/<INDEX>/_settings",
        "body": {"index.blocks.metadata": None},
    }


def test_an_answer_of_an_unknown_form_is_no_traceback() -> None:
    facts = read(Answers(**{"/_ilm/status": {"other": 1}}), ["ilm"])  # type: ignore[arg-type]  (the same)
    assert facts.unreadable["ilm"].kind == "failed"
    assert "has a form that this esplan does not know" in facts.unreadable["ilm"].why


def test_a_fact_that_depends_on_another_names_that_ones_reason() -> None:
    answers = Answers(**{"/*,-.*": refused(403, "is unauthorized")})
    facts = read(answers, ["privileges"])  # type: ignore[arg-type]  (the same)
    assert facts.unreadable["privileges"] == facts.unreadable["indices"]
    assert "/_security/user/_has_privileges" not in answers.asked


def test_a_server_without_its_root_is_diagnosed_all_the_same() -> None:
    answers = Answers(**{"/": None, "/_ilm/status": {"operation_mode": "RUNNING"}})
    facts = read(answers, ["root", "ilm"])  # type: ignore[arg-type]  (the same)
    assert facts.unreadable["root"] == Unreadable("absent", "this server does not have GET /")
    assert facts.ilm == "RUNNING"


@pytest.mark.parametrize("error", [Unreachable("no answer"), refused(401, "who are you?")])
def test_no_server_and_unknown_credentials_are_errors(error: Exception) -> None:
    with pytest.raises(type(error)):
        read(Answers(**{"/": error}), ["ilm"])  # type: ignore[arg-type]  (the same)


def test_facts_depend_on_facts_that_are_read_before_and_on_no_further_ones() -> None:
    names = list(SOURCES)
    for name, (needs, _) in SOURCES.items():
        assert [names.index(need) < names.index(name) for need in needs] == [True] * len(needs)
        assert [SOURCES[need][0] for need in needs] == [()] * len(needs)


def test_only_asks_for_what_it_needs() -> None:
    answers = Answers(**{"/_ilm/status": {"operation_mode": "RUNNING"}})
    found = commands.diagnose(answers, only=["ilm-stopped"])  # type: ignore[arg-type]  (the same)
    assert answers.asked == ["/", "/_ilm/status"]
    assert [one.state for one in found.checks] == ["fine"]


# Options


def test_only_and_skip() -> None:
    assert [one.name for one in commands.chosen(["lock", "clocks"])] == ["clocks", "lock"]
    assert len(commands.chosen(skip=["lock"])) == len(doctor.CHECKS) - 1


def test_an_unknown_check_is_told_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        commands.find("unasigned-shards")
    assert (
        caught.value.what == "there is no check 'unasigned-shards': did you mean unassigned-shards?"
    )
    assert "flood-stage" in caught.value.remedy


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("ESPLAN_URL", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.run(["doctor", *arguments])
        return (code, *capsys.readouterr())

    return run


def test_explain_needs_no_cluster(run: Callable[..., Any]) -> None:
    code, out, _ = run("--explain", "field-limit")
    assert code == 0
    assert out.startswith("field-limit: No mapping is near its field limit\n\nLooks at: The fields")
    assert "\nWhy: At the limit a document" in out
    assert "  - error: at the limit\n" in out


def test_explain_for_programs(run: Callable[..., Any]) -> None:
    code, out, _ = run("--explain", "lock", "--json")
    found = json.loads(out)
    assert (code, found["name"], found["needs"]) == (0, "lock", ["lock"])
    assert found["thresholds"][1] == "info: held"


@pytest.mark.parametrize("option", ["--explain", "--only", "--skip"])
def test_an_unknown_check_is_a_usage_error(run: Callable[..., Any], option: str) -> None:
    code, _, err = run(option, "flod-stage", "--url", "http://localhost:1")
    assert code == 64
    assert "there is no check 'flod-stage': did you mean flood-stage?" in err


def test_list_names_every_check(run: Callable[..., Any]) -> None:
    code, out, _ = run("--list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == [one.name for one in doctor.CHECKS]
    code, out, _ = run("--list", "--json")
    assert [one["name"] for one in json.loads(out)["checks"]] == [o.name for o in doctor.CHECKS]


def test_no_cluster_is_exit_1(run: Callable[..., Any]) -> None:
    code, out, err = run("--url", "http://localhost:1")
    assert (code, out) == (1, "")
    assert "no answer from http://localhost:1" in err


# docs/doctor.md


def test_the_page_has_every_check_as_the_registry_has_it() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+) \| (.+) \|$", text, re.MULTILINE)
    assert rows == [
        (one.name, one.title, "<br>".join(one.thresholds) or "-") for one in doctor.CHECKS
    ]
