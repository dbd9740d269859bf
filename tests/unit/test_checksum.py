"""What a comparison does without a server: cutting, counting, hashing here, joining, refusing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esplan.checksum import Ids, Report, marks
from esplan.checksum.client_hash import ClientHash, content_hash
from esplan.checksum.cluster_hash import ClusterHash, map_script
from esplan.checksum.comparison import (
    _refuse_uncounted,
    _stays_inside,
    bucket_count,
    hashes,
    unlike,
)
from esplan.checksum.difference import Difference
from esplan.checksum.reading import PLAIN
from esplan.checksum.side import (
    Part,
    Side,
    Span,
    Whole,
    count,
    read_part,
    read_side,
    refresh,
    search,
    spans,
)
from esplan.errors import EsplanError, Incomplete, Refused, ServerError, StepFailed
from esplan.model import UNNUMBERED
from esplan.rejected import fingerprint


class Answers:
    """A cluster that answers reads from a table of path prefixes, longest first."""

    def __init__(self, table: dict[str, Any]) -> None:
        self.table = dict(sorted(table.items(), key=lambda item: -len(item[0])))
        self.asked: list[str] = []

    def read(self, path: str, *_: Any, **__: Any) -> Any:
        self.asked.append(path)
        answer = next((self.table[key] for key in self.table if path.startswith(key)), None)
        if isinstance(answer, EsplanError):
            raise answer
        return answer


def side(**parts: Any) -> Side:
    whole: dict[str, Any] = {"index": "a", "documents": 10, "size": 1000, "routed": 0}
    rest = {
        "slow_ids": False,
        "vectors": False,
        "parts": (Part(((0, 4), (10, 4), (20, 2)), 10),),
    }
    return Side(**(whole | rest | parts))


def test_neighbours_are_joined_while_they_fit() -> None:
    assert side().cut(8, 10**9) == [Span(0, 20, 8), Span(20, 30, 2)]
    assert side().cut(1, 10**9) == [Span(0, 10, 4), Span(10, 20, 4), Span(20, 30, 2)]
    assert side(documents=0, parts=()).cut(8, 10**9) == []


def test_large_documents_make_small_spans() -> None:
    assert side(size=1000).page(8, 400) == 4
    assert side(size=10**12).page(8, 400) == 1
    assert side(size=0).page(8, 400) == 8


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 100)), unique_by=lambda one: one[0]),
    st.integers(1, 1000),
)
def test_spans_hold_every_document_once(histogram: list[tuple[int, int]], most: int) -> None:
    histogram = sorted((low * 5, documents) for low, documents in histogram)
    cut = spans(Part(tuple(histogram), 5), most)
    for low, documents in histogram:
        (holder,) = [span for span in cut if span.low <= low and low + 5 <= span.high]
        assert documents <= holder.documents
    assert sum(span.documents for span in cut) == sum(documents for _, documents in histogram)
    assert all(span.documents <= max(most, 100) for span in cut)


@pytest.mark.parametrize(
    ("documents", "buckets"), [(0, 16), (10_000, 32), (337_000, 1024), (10**9, 4096)]
)
def test_buckets_are_a_power_of_two(documents: int, buckets: int) -> None:
    assert bucket_count(documents) == buckets


def test_sums_that_wrapped_are_equal() -> None:
    assert unlike(([1, 5, 2**64 - 1, 0, 0, 0], [1, 5 - 2**64, -1, 0, 0, 0])) == []
    assert unlike(([1, 5, 7, 2, 0, 0], [1, 5, 7, 1, 0, 1])) == [1]


def test_documents_that_were_not_hashed_prove_nothing() -> None:
    _refuse_uncounted((side(), side()), (10, 10))
    with pytest.raises(StepFailed, match="the checksum of a saw 9 of 10 documents"):
        _refuse_uncounted((side(), side()), (10, 9))


def test_ids_are_joined_as_multisets() -> None:
    with Difference() as difference:
        difference.add(0, [("same", "h"), ("only", "h"), ("twice", "h"), ("twice", "h")])
        difference.add(0, [("other", "h"), ("nul\0a", "h")])
        difference.add(1, [("same", "h"), ("new", "h"), ("twice", "h"), ("other", "i")])
        difference.add(1, [("nul\0b", "h")])
        missing, extra, different = difference.ids()
    for found, *ids in (
        (missing, "nul\0a", "only"),
        (extra, "new", "nul\0b"),
        (different, "other", "twice"),
    ):
        assert found == Ids(2, tuple(ids), fingerprint(ids))


def test_ids_past_a_hundred_are_counted() -> None:
    with Difference() as difference:
        difference.add(1, [(f"{number:04}", "h") for number in range(250)])
        _, extra, _ = difference.ids()
    assert extra.count == 250
    assert extra.sample == tuple(f"{number:04}" for number in range(100))
    assert extra.digest == fingerprint(f"{number:04}" for number in range(250))


def test_nothing_has_no_digest_and_order_is_that_of_python() -> None:
    odd = ["é", "z", "\U0001f600", "\uffff", "a"]
    with Difference() as difference:
        difference.add(0, [(id_, "h") for id_ in odd])
        missing, extra, _ = difference.ids()
    assert extra == Ids()
    assert missing == Ids(5, tuple(sorted(odd)), fingerprint(sorted(odd)))


def test_the_client_keeps_kinds_apart() -> None:
    values: list[Any] = [1, "1", 1.0, True, "true", None, "null", {}, [], [1], [[1]], -0.0, 0.0, ""]
    values += [2**53, 2**53 + 1, 2**64, str(2**64), {"a": "1, b=2"}, {"a": "1", "b": "2"}]
    values += ["\u00e9", "e\u0301", "\ud800"]
    hashes = {content_hash({"_id": "1", "_source": {"a": value}}) for value in values}
    hashes.add(content_hash({"_id": "1", "_source": {}}))
    hashes.add(content_hash({"_id": "1", "_source": {"a": 1}, "_routing": "x"}))
    hashes.add(content_hash({"_id": "2", "_source": {"a": 1}}))
    assert len(hashes) == len(values) + 3
    one, other = {"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}
    assert content_hash({"_id": "1", "_source": one}) == content_hash(
        {"_id": "1", "_source": other}
    )


SETTINGS = {"a": {"settings": {"index": {"number_of_shards": "1"}}, "mappings": {}}}


class Numbered:
    """An index of documents with these sequence numbers, on any number of shards."""

    def __init__(self, numbers: list[int]) -> None:
        self.numbers = sorted(numbers)

    def read(self, path: str, _params: Any = None, body: Any = None, **_: Any) -> Any:
        if path == "/a":
            return SETTINGS
        within = body["query"]["range"]["_seq_no"]
        hits = [
            {"_id": str(at), "_source": {}, "sort": [number]}
            for at, number in enumerate(self.numbers)
            if within["gte"] <= number < within["lt"]
        ]
        assert body["sort"] == ["_seq_no"]
        return {"_shards": SHARDS, "hits": {"hits": hits[: body["size"]]}}


@given(st.lists(st.integers(0, 30)), st.integers(1, 5))
def test_pages_hold_every_document_of_the_span_once(numbers: list[int], page: int) -> None:
    hashes = ClientHash(Numbered(numbers), "a", 1, page)
    inside = [str(at) for at, number in enumerate(sorted(numbers)) if 5 <= number < 25]
    assert [id_ for id_, _ in hashes.rows(Span(5, 25, len(inside)), [0])] == inside


def test_the_report_says_what_it_is() -> None:
    report = Report("checksum", "a", "b", 2, 2, {"a": {"0": 1}}, buckets=16, seconds=1.23456)
    assert report.equal
    assert report.to_json()["seconds"] == 1.235
    assert report.to_json()["missing"] == {"count": 0, "sample": (), "digest": ""}
    for parts in ({"differing": 1}, {"moved": True}):
        assert not Report("checksum", "a", "b", 2, 2, {}, **parts).equal
    assert not Report("count", "a", "b", 2, 3, {}).equal


SHARDS = {"total": 1, "successful": 1, "failed": 0}
COUNTED = {"_shards": SHARDS, "hits": {"total": {"value": 3}}}


def test_a_part_is_not_the_whole() -> None:
    body = {"query": {"match_all": {}}}
    failures = [{"reason": {"reason": "disk gone"}}]
    lost = {"_shards": SHARDS | {"failed": 1, "failures": failures}, "timed_out": False}
    with pytest.raises(StepFailed, match="only a part of a answered") as caught:
        search(Answers({"/a/_search": lost}), "a", body)
    assert caught.value.why == "1 of 1 shards failed: disk gone"
    failures[0]["reason"]["type"] = "no_shard_available_action_exception"
    with pytest.raises(Incomplete, match="only a part of a answered"):
        search(Answers({"/a/_search": lost}), "a", body)
    late = {"_shards": SHARDS, "timed_out": True}
    with pytest.raises(StepFailed) as caught:
        search(Answers({"/a/_search": late}), "a", body)
    assert caught.value.why == "the search ran out of time"


def definition(mappings: Any, codec: str | None = None) -> dict[str, Any]:
    index = {"number_of_shards": "1"} | ({"codec": codec} if codec else {})
    return {
        "/a": {"a": {"settings": {"index": index}, "mappings": mappings}},
        "/a/_stats": {"_all": {"primaries": {"store": {"size_in_bytes": 5}}}},
        "/a/_search": COUNTED,
    }


@pytest.mark.parametrize(("set_", "window"), [({"max_result_window": "7"}, 7), ({}, 10_000)])
def test_how_much_an_index_returns_at_once(set_: dict[str, str], window: int) -> None:
    table = definition({})
    table["/a"]["a"]["settings"]["index"] |= set_
    assert read_side(Answers(table), "a", ()).window == window


@pytest.mark.parametrize(
    ("codec", "kind", "slow"),
    [
        (None, "keyword", False),
        ("default", "keyword", False),
        ("best_compression", "keyword", True),
        ("zstd", "keyword", True),
        ("best_compression", "dense_vector", True),
    ],
)
def test_a_slow_codec_is_seen(codec: str | None, kind: str, slow: bool) -> None:  # noqa: FBT001  (a table's column)
    mappings = {"properties": {"field": {"type": kind}}}
    read = read_side(Answers(definition(mappings, codec)), "a", ())
    assert read.slow_ids is slow
    assert read.vectors is (kind == "dense_vector")


NO_PAINLESS = ServerError("script_lang not supported [painless]", status=400)


@pytest.mark.parametrize(
    ("parts", "answer", "inside"),
    [
        ({}, {"aggregations": {"hash": {"value": []}}, "_shards": SHARDS}, True),
        ({}, NO_PAINLESS, False),
        ({"slow_ids": True}, {}, False),
        ({"slow_ids": True, "vectors": True}, {}, True),
        ({"vectors": True}, NO_PAINLESS, True),
    ],
)
def test_where_the_documents_are_hashed(parts: Any, answer: Any, inside: bool) -> None:  # noqa: FBT001  (the same)
    hashes = ClusterHash(Answers({"/a/_search": answer, "/a": SETTINGS}), "a", 16, routed=False)
    assert _stays_inside((side(), side(**parts)), [hashes]) is inside


def test_a_busy_cluster_is_not_one_without_scripts() -> None:
    busy = ServerError("too busy", status=429)
    with pytest.raises(ServerError, match="too busy"):
        ClusterHash(Answers({"/a/_search": busy}), "a", 16, routed=False).is_possible()


@pytest.mark.parametrize(
    "source", [{"mode": "disabled"}, {"enabled": "false"}, {"includes": ["a"]}]
)
def test_an_incomplete_source_is_refused(source: Any) -> None:
    with pytest.raises(Refused, match="the documents of a cannot be compared"):
        read_side(Answers(definition({"_source": source})), "a", ())


def test_a_synthetic_source_is_seen_in_the_settings_too() -> None:
    answers = definition({"properties": {"a": {"type": "text"}}})
    index = answers["/a"]["a"]["settings"]["index"]
    index["mapping"] = {"source": {"mode": "synthetic"}}
    found = read_side(Answers(answers), "a", ())
    assert "may not be all of a" in found.unsure
    with pytest.raises(Refused, match="no copy can be proven equal to a") as caught:
        hashes(Answers(answers), found, found, PLAIN)  # type: ignore[arg-type]  (enough of one)
    assert caught.value.code == "ESP-4125"


def test_a_cluster_without_painless_has_a_remedy() -> None:
    hashes = ClusterHash(Answers({"/a/_search": NO_PAINLESS}), "a", 16, routed=False)
    with pytest.raises(StepFailed, match="cannot be hashed in the cluster") as caught:
        hashes.sums(Span(0, 1, 1))
    assert "declare verify: {method: count}" in caught.value.remedy
    assert "not supported" in caught.value.why


def test_a_shard_that_goes_away_is_no_lack_of_painless() -> None:
    reason = {"type": "node_disconnected_exception", "reason": "disconnected"}
    body = {"type": "search_phase_execution_exception", "failed_shards": [{"reason": reason}]}
    error = ServerError("all shards failed", status=500, answer={"error": body})
    with pytest.raises(Incomplete, match="a cannot be hashed: a shard is not there"):
        ClusterHash(Answers({"/a/_search": error}), "a", 16, routed=False).sums(Span(0, 1, 1))


def test_marks_are_those_of_the_primaries() -> None:
    def shard(highest: int, *, primary: bool) -> dict[str, Any]:
        return {"routing": {"primary": primary}, "seq_no": {"max_seq_no": highest}}

    table = {
        "/b": {"b": {"settings": {"index": {"number_of_shards": "2"}}}},
        "/b/_stats": {"indices": {"b": {"shards": {
            "1": [shard(5, primary=False), shard(7, primary=True)],
            "0": [shard(-1, primary=True)],
        }}}},
    }  # fmt: skip
    assert marks(Answers(table), ["b"]) == {"b": {"0": -1, "1": 7}}
    table["/b/_stats"]["indices"]["b"]["shards"]["1"][1].pop("seq_no")
    table["/_cluster/health/b"] = {"status": "red"}
    with pytest.raises(Incomplete, match="b is not complete: 1 of 2 primary shards are there"):
        marks(Answers(table), ["b"])
    with pytest.raises(StepFailed, match="c is not there to be compared"):
        marks(Answers(table), ["c"])


def test_a_primary_that_comes_back_is_waited_for() -> None:
    """A server that was just started answers before its shards are there."""
    shard = {"routing": {"primary": True}, "seq_no": {"max_seq_no": 7}}

    class Starting(Answers):
        def read(self, path: str, *_: Any, **__: Any) -> Any:
            if path == "/_cluster/health/b":
                self.table["/b/_stats"] = {"indices": {"b": {"shards": {"0": [shard]}}}}
            return super().read(path)

    table = {
        "/b/_stats": {"indices": {}},
        "/b": {"b": {"settings": {"index": {"number_of_shards": "1"}}}},
        "/_cluster/health/b": ServerError("no", status=408, type_=""),
    }
    assert marks(Starting(table), ["b"]) == {"b": {"0": 7}}


@pytest.mark.parametrize("letter", ["x" * 250, "ü" * 125])
def test_many_indices_take_several_requests(letter: str) -> None:
    """A letter that is quoted takes six characters."""
    shape = {"settings": {"index": {"number_of_shards": "0"}}}
    names = [f"{number:02}-{letter}" for number in range(40)]
    answers = Answers({"/": dict.fromkeys(names, shape)})
    assert sorted(marks(answers, names)) == names
    assert max(len(path) for path in answers.asked) < 4096


def test_every_loop_of_the_script_is_bounded() -> None:
    # Painless ends a function after a million rounds: each loop is over a piece or over pieces.
    loops = re.findall(r"(?:for|while) \(.*\{", map_script())
    assert len(loops) == 9
    assert not [loop for loop in loops if " : " in loop]


def test_an_index_without_sequence_numbers_is_read_whole() -> None:
    why = f"all shards failed: cannot be queried when [{UNNUMBERED}] is [true]"
    refused = ServerError(why, status=400)

    class Unnumbered(Answers):
        def read(self, path: str, params: Any = None, body: Any = None, **_: Any) -> Any:
            if "aggs" in (body or {}):
                raise refused
            return super().read(path, params, body)

    counted = {"_shards": SHARDS, "hits": {"total": {"value": 7}}}
    server: Any = Unnumbered({"/a/_search": counted, "/a": SETTINGS})
    part = read_part(server, "a", 6)
    assert spans(part, 3) == [Whole(0, 1, 7)]
    assert spans(part, 3)[0].query() == {"match_all": {}}
    assert side(parts=(part,)).numbered is False
    assert _stays_inside((side(), side(parts=(part,))), []) is True
    other: Any = Answers({"/a/_search": ServerError("too busy", status=429)})
    with pytest.raises(ServerError, match="too busy"):
        read_part(other, "a", 6)


@pytest.mark.parametrize(
    ("about", "error"),
    [
        # Frozen: nothing was asked, and nothing has failed.
        ({"total": 0, "successful": 0, "skipped": 0, "failed": 0}, StepFailed),
        ({"total": 1, "successful": 1, "failed": 0}, StepFailed),
        ({"total": 2, "successful": 1, "failed": 0}, Incomplete),
    ],
)
def test_an_answer_about_fewer_shards_is_none(about: Any, error: type[EsplanError]) -> None:
    """An answer about nothing was an index without documents."""
    settings = {"a": {"settings": {"index": {"number_of_shards": "2"}}, "mappings": {}}}
    answer = {"_shards": about, "hits": {"total": {"value": 0}}}
    server: Any = Answers({"/a/_search": answer, "/a": settings})
    with pytest.raises(error, match="only a part of a answered") as caught:
        count(server, "a")
    assert caught.value.code == ("ESP-3307" if error is StepFailed else "ESP-3301")
    away: Any = Answers({"/a/_refresh": answer, "/a": settings})
    with pytest.raises(Incomplete):
        refresh(away, ["a"])


def test_an_answer_about_a_point_in_time_is_about_one_shard() -> None:
    none = {"_shards": {"total": 0, "successful": 0, "failed": 0}, "hits": {"hits": []}}
    server: Any = Answers({"/_search": none})
    with pytest.raises(StepFailed, match="only a part of a answered"):
        search(server, "a", {"query": {"match_all": {}}}, "pit")


def test_an_index_that_was_made_anew_is_asked_for_its_shards_again() -> None:
    server: Any = Answers({"/a/_search": COUNTED, "/a": SETTINGS})
    assert count(server, "a") == 3
    assert count(server, "a") == 3
    assert server.asked.count("/a") == 1
    two = {"total": 2, "successful": 2, "failed": 0}
    server.table["/a/_search"] = {**COUNTED, "_shards": two}
    server.table["/a"] = {"a": {"settings": {"index": {"number_of_shards": "2"}}}}
    assert count(server, "a") == 3


@pytest.mark.parametrize("setting", [{"search": {"throttled": "true"}}, {"frozen": "true"}])
def test_a_frozen_index_is_refused(setting: Any) -> None:
    table = definition({})
    table["/a"]["a"]["settings"]["index"] |= setting
    server: Any = Answers(table)
    with pytest.raises(Refused, match="the documents of a cannot be compared") as caught:
        read_side(server, "a", ())
    assert caught.value.code == "ESP-4119"
