"""estimates.py: seconds from journals, else from a measurement, else none; how many requests."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from esplan import checksum, disk, estimates, rates, state_index
from esplan.errors import ServerError
from esplan.estimates import estimated, nearest
from esplan.journal import Record
from esplan.model import Body, Index, State
from esplan.plan import LONG_KINDS, Plan, Step
from esplan.rates import Measured
from esplan.views.estimate import WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

AT = "2026-01-02T03:04:05+00:00"
SHARDS = "index.number_of_shards"
LIVE = State(
    {
        "a_green": Index("a_green", Body({SHARDS: "2"}), documents=50_000, size=10_000),
        "b_green": Index("b_green", Body(), documents=100, size=9_000),
    }
)
STATE, SAMPLED = f"/{state_index.STATE_INDEX}/_search", "/a_green/_search"
DISKS = ["/_nodes/stats/fs", "/_cluster/settings"]


def step(kind: str, address: str = "alias.a", **parts: Any) -> Step:
    name = f"{address.partition('.')[2]}_green"
    index = LIVE.indices[name]
    whole: dict[str, Any] = {
        "estimate": {"documents": index.documents, "bytes": index.size},
        "arguments": {"index": name} if kind in ("force_merge", "backfill") else {"source": name},
        "request": {"method": "POST", "path": "/x?requests_per_second=-1", "body": None},
    }
    return Step(kind, "switch", address, kind, **whole | parts)


def past(kind: str, address: str = "alias.a", seconds: float = 4.0, **parts: Any) -> Measured:
    return replace(Measured(kind, address, 100_000, 20_000, seconds, AT), **parts)


def remembered(cluster: Any, *records: Measured) -> None:
    for number, one in enumerate(records):
        made = Step(one.kind, "switch", one.address, "", estimate={"bytes": one.bytes})
        data = rates.evidence(made, one.seconds, one.documents)
        at = f"2026-01-{28 - number:02d}T00:00:00+00:00"
        record = Record(0, "", "done", "s", at, data).sealed()
        state_index.store(cluster, str(number) * 64, record)


def filled(cluster: Any, *steps: Step, indices: State = LIVE) -> Plan:
    for index in indices.indices.values():
        cluster.make(index.name, documents=index.documents)
    cluster.asked.clear()
    return estimated(cluster, Plan("p", "", "", {}, "", steps=steps), indices)


# Requests


def test_without_a_long_step_nothing_is_asked(cluster: Any) -> None:
    made = filled(cluster, step("update_aliases"), step("verify", arguments={"method": "count"}))
    assert cluster.asked == []
    assert made.estimate == {}


def test_with_a_record_nothing_is_measured(cluster: Any) -> None:
    remembered(cluster, past("reindex"), past("verify"))
    filled(cluster, step("reindex"), step("verify"), step("reindex", "alias.b"))
    assert cluster.asked == [STATE, *DISKS]


def test_one_measurement_of_the_largest_source_for_all_that_nobody_knows(cluster: Any) -> None:
    steps = [step(kind, address) for kind in ("reindex", "verify") for address in ("alias.b",)]
    filled(cluster, *steps, step("reindex"), step("verify"), step("backfill"))
    assert cluster.asked == [STATE, SAMPLED, SAMPLED, SAMPLED, *DISKS]


def test_a_proof_alone_needs_no_disk(cluster: Any) -> None:
    made = filled(cluster, step("verify"))
    assert cluster.asked == [STATE, SAMPLED, SAMPLED, SAMPLED]
    assert "disk" not in made.estimate


def test_a_merge_that_nobody_knows_is_not_measured(cluster: Any) -> None:
    made = filled(cluster, step("force_merge"))
    assert cluster.asked == [STATE, *DISKS]
    assert made.steps[0].estimate == {"documents": 50_000, "bytes": 10_000, "shards": 2}
    assert made.estimate["long_steps"] == made.estimate["unknown"] == 1
    assert "seconds" not in made.estimate


# Whose record


@pytest.mark.parametrize(
    ("records", "which"),
    [
        ([], None),
        ([past("verify")], None),
        ([past("reindex", "alias.b"), past("reindex", seconds=1), past("reindex", seconds=2)], 1),
        ([past("reindex", "alias.b"), past("reindex", "alias.c", bytes=90_000)], 1),
        ([past("backfill"), past("reindex", "alias.b")], 1),
        ([past("backfill")], 0),
        ([past("reindex", documents=0, bytes=0)], None),
        ([past("reindex", documents=4_999, bytes=9, seconds=1.9)], None),
        ([past("reindex", documents=4_999, bytes=9, seconds=2.0)], 0),
        ([past("reindex", documents=5_000, bytes=9, seconds=0.1)], 0),
    ],
    ids=lambda value: "" if isinstance(value, list) else str(value),
)
def test_the_newest_of_the_same_object_else_the_largest(
    records: Sequence[Measured], which: int | None
) -> None:
    """And nothing of a moment's work, for one that is more than ten times as large."""
    assert nearest(step("reindex"), records) == (None if which is None else records[which])


# Seconds


def timed(cluster: Any, one: Step, *records: Measured) -> Any:
    remembered(cluster, *records)
    return filled(cluster, one).steps[0].estimate


def test_the_same_object_by_documents(cluster: Any) -> None:
    """Its bytes change with every merge."""
    found = timed(cluster, step("reindex"), past("reindex"))
    at = "2026-01-28T00:00:00+00:00"
    basis = {"from": "journal", "address": "alias.a", "at": at, "kind": "reindex"}
    size = {"documents": 50_000, "bytes": 10_000, "shards": 2}
    assert found == {**size, "seconds": 2.0, "basis": basis}


def test_another_object_by_bytes_and_roughly(cluster: Any) -> None:
    found = timed(cluster, step("reindex"), past("reindex", "alias.b", bytes=5_000))
    assert (found["seconds"], found["range"]) == (8.0, [3.2, 20.0])
    assert found["basis"]["address"] == "alias.b"


def test_another_order_of_size_is_rough_too(cluster: Any) -> None:
    found = timed(cluster, step("reindex"), past("reindex", documents=1_000))
    assert (found["seconds"], found["range"]) == (200.0, [80.0, 500.0])


def test_hard_links_take_what_they_took(cluster: Any) -> None:
    names = {"source": "a_green", "index": "a_blue"}
    request = {"method": "POST", "path": "/a_green/_clone/a_blue", "body": {"settings": {}}}
    link = step("resize_index", arguments=names, request=request)
    found = timed(cluster, link, past("resize_index", documents=1, bytes=1))
    assert found["seconds"] == 4.0
    assert "range" not in found


def test_a_merge_goes_by_bytes(cluster: Any) -> None:
    merged = step("force_merge", estimate={"bytes": 5_000})
    assert timed(cluster, merged, past("force_merge", documents=None))["seconds"] == 1.0


def test_a_measurement_is_a_range(cluster: Any) -> None:
    """The fake hashes ten documents a millisecond: 50,000 in five seconds."""
    made = filled(cluster, step("reindex"), step("verify"))
    copy, proof = (one.estimate for one in made.steps)
    assert (copy["seconds"], copy["range"]) == (20.0, [7.5, 50.0])
    assert (proof["seconds"], proof["range"]) == (3.0, [1.0, 15.0])
    assert copy["basis"] == proof["basis"] == {"from": "measurement", "documents": 4_000}
    assert (made.estimate["seconds"], made.estimate["range"]) == (23.0, [8.5, 65.0])


def test_a_known_step_counts_as_it_is_in_the_range_of_the_whole(cluster: Any) -> None:
    remembered(cluster, past("reindex"))
    made = filled(cluster, step("reindex"), step("verify"), step("force_merge"))
    assert (made.estimate["seconds"], made.estimate["range"]) == (5.0, [3.0, 17.0])
    assert (made.estimate["long_steps"], made.estimate["unknown"]) == (3, 1)


@pytest.mark.parametrize(("limit", "seconds"), [("1000", 50.0), ("1000000", 2.0), ("-1", 2.0)])
def test_no_faster_than_requests_per_second(cluster: Any, limit: str, seconds: float) -> None:
    request = {"method": "POST", "path": f"/_reindex?a=b&requests_per_second={limit}", "body": None}
    found = timed(cluster, step("reindex", request=request), past("reindex"))
    assert found["seconds"] == seconds
    assert found["basis"]["from"] == ("limit" if limit == "1000" else "journal")


def test_what_cannot_be_measured_is_not_known(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Any:
        raise ServerError("no scripts here", status=400)

    monkeypatch.setitem(cluster.READS, "_search", refuse)
    made = filled(cluster, step("reindex"))
    assert "seconds" not in made.steps[0].estimate
    assert made.estimate["unknown"] == 1


def asked_of(index: Index, took: int) -> list[int]:
    """The sequence numbers below which each request hashes; each takes so many milliseconds."""
    asked: list[int] = []

    class Answers:
        def read(self, _path: str, _params: Any = None, body: Any = None) -> Any:
            asked.append(body["query"]["range"]["_seq_no"]["lt"])
            assert body["timeout"] == "500ms", "the server itself ends what takes too long"
            return {"took": took, "aggregations": {"hash": {"value": [500, 0, 0]}}}

    checksum.sample(Answers(), index)
    return asked


@pytest.mark.parametrize(
    ("parts", "took", "asked"),
    [
        ({}, 100, [10, 1000, 4000]),
        ({"body": Body({SHARDS: "4"})}, 100, [2, 250, 1000]),
        ({}, 10, [10, 1000, 20_000]),
        ({}, 450, [10, 1000, 1000]),
        ({"documents": 3}, 1, [3, 3, 3]),
        ({"size": 500_000 * 100_000}, 1, [10, 50, 20_000]),
        ({"documents": 0}, 1, []),
        ({"documents": None}, 1, []),
    ],
)
def test_a_measurement_is_short(parts: dict[str, Any], took: int, asked: list[int]) -> None:
    """Few documents where they are large or slow; every shard numbers its own."""
    assert asked_of(replace(Index("a", documents=500_000, size=1000), **parts), took) == asked


def test_a_handful_of_documents_is_no_measurement(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {"took": 1, "aggregations": {"hash": {"value": [7, 0, 0]}}}
    monkeypatch.setitem(cluster.READS, "_search", lambda *_: few)
    assert "seconds" not in filled(cluster, step("reindex")).steps[0].estimate


# Disk


def test_a_plan_that_fits(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = (disk.Node("a", 90_000, high=5_000), disk.Node("b", 10_000, high=20_000))
    monkeypatch.setattr(disk, "read", lambda _: nodes)
    made = filled(cluster, step("reindex"))
    assert made.estimate["disk"] == {
        "needed": 20_000,
        "free": 100_000,
        "room": 85_000,
        "nodes": 2,
        "fits": True,
    }
    assert made.warnings == ()
    need = {"check": "fits", "bytes": 20_000, "shard": 5_000, "low": True}
    assert made.steps[0].preconditions == (need,)


def test_a_plan_that_does_not_fit_says_so(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "read", lambda _: (disk.Node("a", 9_999),))
    made = filled(cluster, step("reindex"))
    assert made.estimate["disk"]["fits"] is False
    (warning,) = made.warnings
    assert warning == (
        "this plan does not fit on the disks: 9.8 KB of disk are needed, and the data nodes take "
        "9.8 KB before their high watermark (9.8 KB are free); apply will refuse it"
    )


def test_disks_that_nobody_may_see(cluster: Any) -> None:
    made = filled(cluster, step("reindex"))
    assert made.estimate["disk"] == {"needed": 20_000, "free": None, "room": None, "fits": None}
    assert made.warnings == ()


def test_the_kinds_are_known_to_the_journal() -> None:
    assert set(estimates.SAMPLED) < set(estimates.LIKE)


def test_every_long_kind_has_records_and_a_word() -> None:
    assert set(estimates.LIKE) == set(WORDS) == LONG_KINDS
