from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Self, get_args

import pytest
from rich.console import Console

from esplan import cli, cluster, sizing
from esplan.commands import sizing as commands
from esplan.errors import EsplanError
from esplan.model import Body, Index
from esplan.sizing import GIB, advice, model, order, read, requests, shards
from esplan.sizing.model import Copy, Goals, Sizing
from esplan.views import sizing as views

if TYPE_CHECKING:
    from collections.abc import Sequence

GOALS = Goals()


def index(
    name: str = "one",
    gb: float | None = 20,
    count: int = 1,
    segments: int | None = None,
    **parts: Any,
) -> Sizing:
    """`segments` in every shard; all primaries are on one node."""
    each = 1 if segments is None else segments
    copies = [Copy(n, True, "node", each, each, 100) for n in range(count)]
    given: dict[str, Any] = {
        "is_open": True,
        "shards": count,
        "replicas": 0,
        "routing_shards": 1024,
        "primary_bytes": None if gb is None else int(gb * GIB),
        "total_bytes": None if gb is None else int(gb * GIB),
        "documents": 1000,
        "deleted": 0,
        "copies": tuple(copies),
    }
    return Sizing(name=name, **(given | parts))


def advised(one: Sizing, goals: Goals = GOALS, data_nodes: int = 1) -> Sequence[model.Advice]:
    return advice.advised(one, goals, data_nodes).advice


def only(one: Sizing, goals: Goals = GOALS, data_nodes: int = 1) -> model.Advice:
    (found,) = advised(one, goals, data_nodes)
    return found


# The rule of segments, and sizes


@pytest.mark.parametrize(
    ("size", "count", "segment", "wanted"),
    [
        (0, 1, 2 * GIB, 1),
        (2 * GIB, 1, 2 * GIB, 1),
        (2 * GIB + 1, 1, 2 * GIB, 2),
        (30 * GIB, 3, 2 * GIB, 5),
        (30 * GIB + 1, 3, 2 * GIB, 6),
        (10 * GIB, 1, 5 * GIB, 2),
    ],
)
def test_max_num_segments(size: int, count: int, segment: int, wanted: int) -> None:
    assert sizing.max_num_segments(size, count, segment) == wanted


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2gb", 2 * GIB),
        (" 1.5 GB ", 3 * GIB // 2),
        ("512mb", GIB // 2),
        ("2147483648", 2 * GIB),
        ("1b", 1),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert sizing.byte_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "gb", "2 g", "-1gb", "0", "0.1b", "1e3", "2gb2", "²gb", 400 * "9"]
)
def test_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="is no size: write 2gb, 512mb, or a number of bytes"):
        sizing.byte_size(text)


# Advice


@pytest.mark.parametrize(
    "one",
    [
        index(gb=20),
        index(gb=50),
        index(gb=5, count=2),
        index(gb=0.001),
        index(gb=20, segments=20),
        index(deleted=250),
        index(is_open=False, documents=None, deleted=None, copies=()),
    ],
)
def test_nothing_is_off(one: Sizing) -> None:
    assert advised(one) == ()


def test_huge_shards_are_split() -> None:
    found = only(index(gb=50.1))
    assert (found.kind, found.problem, found.severity) == ("shards", "huge shards", "warning")
    assert found.arguments == {"shards": 3, "route": "split"}
    assert found.reason.startswith("1 shard of 50.1 GB and 1,000 documents each (25 GB and 200,")
    assert found.remedy.startswith("3 shards of 16.7 GB, by split: hard links")


def test_too_many_documents_are_split_too() -> None:
    found = only(index(gb=1, documents=300_000_000, deleted=1))
    assert found.arguments == {"shards": 2, "route": "split"}
    assert advised(index(gb=1, count=2, documents=300_000_000)) == ()


def test_tiny_shards_are_shrunk() -> None:
    found = only(index(gb=5, count=4))
    assert (found.problem, found.severity) == ("tiny shards", "info")
    assert found.reason == "4 shards of 1.2 GB each (25 GB desired)"
    assert found.arguments == {"shards": 1, "route": "shrink"}
    assert only(index(gb=5, count=5)).severity == "warning"


@pytest.mark.parametrize(
    ("one", "proposed"),
    [
        (index(gb=20, count=9), (1, "shrink")),
        (index(gb=60, count=25), (5, "shrink")),
        (index(gb=60, count=29), (3, "reindex")),
        (index(gb=200, count=2), (8, "split")),
        (index(gb=200, count=3, routing_shards=3), (8, "reindex")),
        (index(gb=200, count=3, routing_shards=9), (9, "split")),
        (index(gb=225, count=3, routing_shards=12), (6, "split")),
        (index(gb=350, count=3, routing_shards=6), (14, "reindex")),
        (index(gb=5, count=2, documents=90_000_000), (1, "shrink")),
    ],
)
def test_the_count_and_the_way(one: Sizing, proposed: tuple[int, str]) -> None:
    assert shards.proposal(one, GOALS) == proposed


def test_a_proposal_is_never_off_itself() -> None:
    for gb in (1, 30, 100, 3000):
        for count in range(1, 60):
            one = index(gb=gb, count=count, segments=1)
            found = [a for a in advised(one) if a.kind == "shards"]
            for each in found:
                after = index(gb=gb, count=each.arguments["shards"])
                assert not [a for a in advised(after) if a.kind == "shards"], (gb, count)
                assert each.arguments["shards"] != count


def test_the_desired_size_moves_both_ends() -> None:
    assert only(index(gb=21), Goals(shard=10 * GIB)).arguments["shards"] == 3
    assert advised(index(gb=2, count=2), Goals(shard=10 * GIB)) == ()


def test_too_many_segments() -> None:
    found = only(index("a+b", gb=20, segments=21))
    assert (found.kind, found.severity) == ("force_merge", "warning")
    assert found.arguments == {"max_num_segments": 10}
    assert found.reason == "21 segments in 1 shard, where 10 would do (2 GB a segment)"
    path = "/a%2Bb/_forcemerge?max_num_segments=10"
    assert found.requests == ({"method": "POST", "path": path, "body": None},)
    small = only(index(gb=3, segments=5))
    assert (small.severity, small.arguments) == ("info", {"max_num_segments": 2})
    assert "where 2 each would do" in only(index(gb=8, count=2, segments=5)).reason


def test_segments_that_no_search_sees_are_not_too_many() -> None:
    merged = Copy(0, True, "node", 40, 1, 100)
    assert advised(index(copies=(merged,))) == ()


def test_deleted_documents() -> None:
    found = only(index("o", deleted=251))
    assert (found.problem, found.severity) == ("deleted", "warning")
    assert found.reason == "20% of its documents are deleted ones (251) that still take space"
    assert [r["path"] for r in found.requests] == [
        "/o/_flush",
        "/o/_forcemerge?only_expunge_deletes=true",
    ]


def test_one_merge_is_enough() -> None:
    merge, expunge = advised(index(deleted=900, segments=30))
    assert (merge.kind, expunge.kind) == ("force_merge", "expunge_deletes")
    assert expunge.requests == ()
    assert expunge.remedy == "the force merge to fewer segments drops them"


@pytest.mark.parametrize(
    ("replicas", "nodes", "said"),
    [
        (1, 1, "1 replica, and there is one data node: two copies are never on one node, so none"),
        (2, 2, "2 replicas, and there are 2 data nodes: two copies are never on one node, so at"),
        (1, 0, "1 replica, and there are 0 data nodes"),
    ],
)
def test_replicas_without_a_place(replicas: int, nodes: int, said: str) -> None:
    found = only(index(replicas=replicas), data_nodes=nodes)
    assert said in found.reason
    assert found.arguments == {"replicas": max(0, nodes - 1)}
    (request,) = found.requests
    assert request["body"] == {"index.number_of_replicas": max(0, nodes - 1)}


def test_replicas_with_a_place() -> None:
    assert advised(index(replicas=1), data_nodes=2) == ()
    assert advised(index(replicas=1, expands=True), data_nodes=1) == ()


def test_an_index_that_is_not_whole_gets_no_advice_on_its_size() -> None:
    one = index(gb=100, count=2, copies=(Copy(1, True, "node", 99, 99, 1),), deleted=9999)
    found = only(one)
    assert (found.kind, found.severity) == ("allocation", "critical")
    assert found.reason.startswith("1 of 2 shards have no primary")
    assert found.requests[0]["body"] == {"index": "one", "shard": 0, "primary": True}


def test_an_empty_index() -> None:
    found = only(index(gb=0, count=9, documents=0))
    assert (found.kind, found.severity, found.requests) == ("empty", "info", ())
    assert found.reason == "it has no documents, and 9 shards"


def test_the_worst_comes_first() -> None:
    found = advised(index(gb=1, count=2, segments=3, deleted=900, replicas=1))
    assert [a.severity for a in found] == ["warning", "warning", "info", "info"]
    gone = advised(index(replicas=1, copies=()))
    assert [a.problem for a in gone] == ["red", "replicas"]


# Requests for another count


def definition(**aliases: Any) -> Index:
    settings = {"index.number_of_shards": "2", "index.codec": "b", "index.blocks.write": "true"}
    return Index("one", Body(settings, {"properties": {}}), aliases)


def carried(one: Sizing, body: Index) -> list[tuple[str, Any]]:
    row = requests.with_requests(advice.advised(one, GOALS, 2), body)
    (found,) = (a for a in row.advice if a.kind == "shards")
    return [(f"{r['method']} {r['path'].split('?')[0]}", r["body"]) for r in found.requests]


def test_a_shrink() -> None:
    sent = carried(index(gb=1, count=2, replicas=1), definition(al={"filter": {}}))
    assert [name for name, _ in sent] == [
        "PUT /one/_block/write",
        "PUT /one/_shrink/one-1-shards",
        "GET /_cluster/health/one-1-shards",
        "POST /_aliases",
    ]
    assert sent[1][1]["settings"] == {
        "index.number_of_shards": 1,
        "index.number_of_replicas": 1,
        "index.blocks.write": None,
    }
    assert sent[3][1]["actions"] == [
        {"remove": {"index": "one", "alias": "al", "must_exist": True}},
        {"add": {"index": "one-1-shards", "alias": "al", "filter": {}}},
    ]


def test_a_shrink_gathers_the_shards_on_the_fullest_node() -> None:
    nodes = ["a", "b", "b"]
    copies = tuple(Copy(n, True, node, 1, 1, 1) for n, node in enumerate(nodes))
    sent = carried(index(gb=1, count=3, copies=copies), definition())
    assert sent[0] == ("PUT /one/_settings", {requests.REQUIRE: "b"})
    assert sent[1][0] == "GET /_cluster/health/one"
    assert sent[3][1]["settings"][requests.REQUIRE] is None
    replica = (Copy(0, False, "b", 1, 1, 1),)
    assert carried(index(gb=1, count=3, copies=copies + replica), definition())[0] == (
        "PUT /one/_block/write",
        None,
    )


def test_a_reindex() -> None:
    sent = carried(index(gb=200, count=3, routing_shards=3), definition())
    assert [name for name, _ in sent] == [
        "PUT /one/_block/write",
        "PUT /one-8-shards",
        "POST /_reindex",
        "GET /one/_count",
        "GET /one-8-shards/_count",
        "GET /_cluster/health/one-8-shards",
    ]
    assert sent[1][1] == {
        "settings": {"index.number_of_shards": "8", "index.codec": "b"},
        "mappings": {"properties": {}},
    }


def test_who_has_to_move_is_said() -> None:
    one = advice.advised(index(gb=1, count=2), GOALS, 1)
    said = requests.with_requests(one, definition()).advice[0].remedy
    assert said.endswith("; clients must be moved to one-1-shards, and one stays, write-blocked")
    said = requests.with_requests(one, definition(al={})).advice[0].remedy
    assert "; the alias moves to one-1-shards," in said


# Reading


def raw(shards: int = 1, **settings: Any) -> dict[str, Any]:
    numbers = {"number_of_shards": str(shards), "number_of_replicas": "1"}
    return {
        "state": settings.pop("state", "open"),
        "routing_num_shards": 1024,
        "settings": {"index": numbers | settings},
    }


def stats(primary: int, total: int) -> dict[str, Any]:
    docs = {"count": 7, "deleted": 2}
    primaries = {"docs": docs, "store": {"size_in_bytes": primary}}
    return {"primaries": primaries, "total": {"store": {"size_in_bytes": total}}}


def group(*searchable: bool, primary: bool = True, node: str = "n") -> dict[str, Any]:
    segments = {f"_{n}": {"size_in_bytes": 10 + n, "search": s} for n, s in enumerate(searchable)}
    filtered = {"segments": segments} if segments else {}
    return {"routing": {"primary": primary, "node": node}, **filtered}


class Answers:
    """A Reader with one answer a path; it keeps what was asked."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers, self.asked = answers, list[str]()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def read(self, path: str, _params: Any = None) -> Any:
        self.asked.append(path)
        return self.answers.get(path)


def answers(where: str = f"/{commands.EVERYTHING}", **metadata: Any) -> Answers:
    shards = {"0": [group(True, False, True), group(True, primary=False, node="m")], "1": [group()]}
    return Answers(
        {
            f"{where}/_stats/docs,store": {"indices": {name: stats(100, 150) for name in metadata}},
            f"/_cluster/state/metadata{where}": {"metadata": {"indices": metadata}},
            f"{where}/_segments": {"indices": {name: {"shards": shards} for name in metadata}},
            "/_cluster/health": {"number_of_data_nodes": 2},
            where: {name: {"settings": {"index": {}}, "aliases": {"al": {}}} for name in metadata},
        }
    )


def test_the_numbers_of_an_index() -> None:
    found = read.read(answers("/one", one=raw(2)), "one")
    (one,) = read.measured(found)
    assert (one.shards, one.replicas, one.routing_shards) == (2, 1, 1024)
    assert (one.primary_bytes, one.total_bytes) == (100, 150)
    assert (one.documents, one.deleted) == (7, 2)
    assert (one.segments, one.searchable, one.all_segments) == (3, 2, 4)
    assert (one.segment_bytes, one.all_segment_bytes) == (33, 43)
    assert one.segments_per_shard == 1.5
    assert one.gb_per_shard == 50 / GIB
    assert one.segments_per_gb == 3 / 100 * GIB
    assert one.missing == ()
    assert found.data_nodes == 2


def test_what_nobody_knows() -> None:
    found = answers("/one", one=raw(state="close"))
    found.answers["/one/_segments"] = {}
    (one,) = read.measured(read.read(found, "one"))
    assert (one.is_open, one.primary_bytes, one.documents) == (False, 100, None)
    assert (one.segments, one.segments_per_gb, one.deleted_share) == (None, None, None)


@pytest.mark.parametrize(("value", "expands"), [("0-1", True), ("0-all", True), ("false", False)])
def test_replicas_that_follow_the_nodes(value: str, *, expands: bool) -> None:
    found = read.read(answers("/one", one=raw(auto_expand_replicas=value)), "one")
    assert read.measured(found)[0].expands is expands


def test_an_index_of_the_oracle_is_not_listed() -> None:
    mappings = {"_doc": {"_meta": {"esplan": {"oracle": True}}}}
    found = read.read(answers("/a*", one=raw(), asked=raw() | {"mappings": mappings}), "a*")
    assert [one.name for one in read.measured(found)] == ["one"]


def test_the_requests_of_everything() -> None:
    cluster = answers(one=raw(1), two=raw(1))
    commands.sizing(cluster)  # type: ignore[arg-type]  # (a Reader is all it needs)
    where = "/*,-.*,-esplan-state*"
    assert cluster.asked == [
        f"{where}/_stats/docs,store",
        f"/_cluster/state/metadata{where}",
        f"{where}/_segments",
        "/_cluster/health",
    ]


def test_definitions_are_read_where_a_count_is_off() -> None:
    cluster = answers(one=raw(2), gone=raw(2), single=raw(1))
    del cluster.answers["/*,-.*,-esplan-state*"]["gone"]
    report = commands.sizing(cluster, sort="name")  # type: ignore[arg-type]  # (the same)
    assert cluster.asked[4:] == ["/*,-.*,-esplan-state*"]
    gone, one, single = report.rows
    assert gone.proposal == one.proposal == {"shards": 1, "route": "shrink"}
    assert not next(a for a in gone.advice if a.kind == "shards").requests
    assert next(a for a in one.advice if a.kind == "shards").requests
    assert single.proposal == {}


def test_an_empty_cluster_is_no_error() -> None:
    report = commands.sizing(answers())  # type: ignore[arg-type]  # (the same)
    assert report.rows == ()
    assert shown(report) == "There is no index yet.\n"


@pytest.mark.parametrize(
    ("pattern", "where"),
    [("a+b*", "/a%2Bb*"), ("a, b", "/a,b"), ("<a-{now/d}>", "/%3Ca-%7Bnow%2Fd%7D%3E")],
)
def test_the_path_of_a_pattern(pattern: str, where: str) -> None:
    assert read.path(pattern) == where


@pytest.mark.parametrize("pattern", ["none", "none*", "", " , "])
def test_nothing_matches(pattern: str) -> None:
    found = answers("/none*")
    with pytest.raises(EsplanError, match="no index matches") as error:
        commands.sizing(found, pattern)  # type: ignore[arg-type]  # (the same)
    assert error.value.what == f"no index matches {pattern!r}"
    assert "lists every index" in error.value.remedy


def test_the_names_of_a_list_that_do_not_exist() -> None:
    found = Answers({"/a/_stats/store": {"_shards": {}}})
    with pytest.raises(EsplanError, match="no index matches 'b, c'"):
        read.read(found, "a,b,-x,c")


# Order


def rows() -> list[Sizing]:
    closed = index("closed", gb=None, is_open=False, documents=None, deleted=None, copies=())
    return [index("small", gb=1, deleted=900), index("large", gb=30, segments=5), closed]


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("size", "large small closed"),
        ("name", "closed large small"),
        ("segments", "large small closed"),
        ("deleted", "small large closed"),
    ],
)
def test_orders(sort: order.Sort, names: str) -> None:
    assert [one.name for one in order.ordered(rows(), sort)] == names.split()


def test_the_other_way_round_unknown_values_stay_last() -> None:
    assert [one.name for one in order.ordered(rows(), "size", reverse=True)] == [
        "small",
        "large",
        "closed",
    ]


def test_the_worst_first() -> None:
    found = [advice.advised(one, GOALS, 1) for one in rows()]
    assert order.ordered(found, "severity")[0].name == "small"


@pytest.mark.parametrize("sort", get_args(order.Sort))
def test_every_order_is_a_column(sort: order.Sort) -> None:
    assert len(order.ordered(rows(), sort)) == 3


# Views


def report(*given: Sizing) -> commands.Report:
    found = tuple(advice.advised(one, GOALS, 1) for one in given)
    return commands.Report(found, model.totals(found), GOALS)


def shown(given: commands.Report) -> str:
    console = Console(file=io.StringIO(), width=80, soft_wrap=True, highlight=False)
    for one in views.text(given):
        console.print(one)
    file: Any = console.file
    return str(file.getvalue())


def test_the_table() -> None:
    closed = index("closed", gb=1, is_open=False, documents=None, deleted=None, copies=())
    lines = shown(report(index("many", gb=2, count=4, segments=9), closed)).splitlines()
    assert lines[2].split() == "many 4x1 2.0 GB 2.0 GB 1,000 0% 36 0.50 9.00 18.00 1".split()
    assert lines[3].split() == "closed (closed) 1x1 1.0 GB 1.0 GB - - - 1.00 - - 1".split()
    assert lines[4].split() == "2 indices 5 3.0 GB 3.0 GB 1,000 0% 36 0.60 7.20 12.00".split()
    assert "  info: tiny shards: 4 shards of 512 MB each (25 GB desired)" in lines
    assert "    POST /many/_forcemerge?max_num_segments=1" in lines
    assert lines[-1] == "Force merge only what is no longer written to."


def test_a_usual_name_fits_into_100_columns_and_no_number_is_cut() -> None:
    wide = index("customer-2_0_0-2026-11-21", gb=102.9, count=10, documents=214_748_364)
    lines = shown(report(wide)).splitlines()
    assert max(len(line) for line in lines[:4]) <= 100
    assert "214,748,364" in lines[2]
    long = shown(report(index("x" * 90))).splitlines()
    assert long[2].startswith("x" * views.NAME)
    assert long[4] == "x" * 10 + " " * (len(long[4]) - 10)


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (None, "-"),
        (0, "0.00"),
        (0.001, "<0.01"),
        (1.005, "1.00"),
        (9999, "9999.00"),
        (1e6, ">9,999"),
    ],
)
def test_ratios(ratio: float | None, said: str) -> None:
    assert views._ratio(ratio) == said


def test_a_name_cannot_steer_the_terminal() -> None:
    said = shown(report(index("a\x1b[31m", segments=99)))
    assert "\x1b" not in said
    assert "a\\x1b[31m" in said


def test_csv() -> None:
    named = index("=1+1", gb=2, count=2, segments=9, replicas=1)
    text = views.csv(report(named, index("@x"), index("ok")))
    assert text.count("\r\n") == 4
    assert text.splitlines()[0] == ",".join(views.FIELDS)
    first, second, third = csv.DictReader(io.StringIO(text))
    assert (first["index"], second["index"], third["index"]) == ("'=1+1", "'@x", "ok")
    assert first["primary_bytes"] == str(2 * GIB)
    assert first["problems"] == "replicas; tiny shards; segments"
    assert first["commands"].split("; ")[-1] == "POST /%3D1%2B1/_forcemerge?max_num_segments=1"
    assert third["commands"] == third["severity"] == ""


def test_the_header_is_that_of_the_rows() -> None:
    assert list(views.row(index())) == views.FIELDS


def test_json() -> None:
    said = json.loads(views.json(report(index("one", segments=21), index("two"))))
    assert said["format_version"] == "1.0"
    assert said["goals"] == {"segment_bytes": 2 * GIB, "shard_bytes": 25 * GIB}
    assert said["rows"][0]["commands"] == ["POST /one/_forcemerge?max_num_segments=10"]
    assert said["rows"][0]["advice"][0]["arguments"] == {"max_num_segments": 10}
    assert said["totals"]["primary_bytes"] == 40 * GIB


def test_markdown() -> None:
    lines = views.markdown(report(index("a`b_c", segments=21), index("two"))).splitlines()
    assert len({line.count(" | ") for line in lines}) == 1
    assert lines[2].startswith("| `` a`b_c `` | 1x1 | 20.0 GB |")
    assert lines[2].endswith("| `POST /a%60b_c/_forcemerge?max_num_segments=10` |")
    assert "segments: 21 segments in 1 shard" in lines[2]
    assert lines[-1].startswith("| **2 indices** | **2** |")


# The command line


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Answers:
    monkeypatch.setenv("ESPLAN_URL", "http://localhost:1")
    found = answers(one=raw(1))
    monkeypatch.setattr(cluster, "Cluster", lambda *_args, **_parts: found)
    return found


@pytest.mark.parametrize("how", [["--json"], ["--format", "json"]])
def test_json_on_stdout(given: Answers, capsys: Any, how: list[str]) -> None:
    assert cli.run(["sizing", *how, "--segment-size", "10"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["goals"]["segment_bytes"] == 10
    assert said["rows"][0]["max_num_segments"] == 10
    assert len(given.asked) == 4


@pytest.mark.parametrize(
    ("how", "begins"),
    [("csv", "index,state,"), ("markdown", "| index | shards"), ("text", " ")],
)
def test_formats_on_stdout(given: Answers, capsys: Any, how: str, begins: str) -> None:
    assert cli.run(["sizing", "--format", how]) == 0
    assert capsys.readouterr().out.startswith(begins)
    assert given.asked


@pytest.mark.parametrize("option", ["--segment-size", "--shard-size"])
def test_a_size_that_is_none(given: Answers, capsys: Any, option: str) -> None:
    assert cli.run(["sizing", option, "big"]) == 64
    assert f"{option}: 'big' is no size: write 2gb" in capsys.readouterr().err
    assert given.asked == []


def test_an_order_that_does_not_exist(given: Answers, capsys: Any) -> None:
    assert cli.run(["sizing", "--sort", "colour"]) == 64
    assert "gb-per-shard" in capsys.readouterr().err
    assert given.asked == []
