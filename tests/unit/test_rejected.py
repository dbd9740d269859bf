"""Rejected documents: what counts as one, the list, the ranges of a copy, and the proof."""

from __future__ import annotations

import json
import stat
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from esplan import checksum, rejected
from esplan.checksum import Ids, Report
from esplan.errors import (
    JournalError,
    Refused,
    ServerError,
    StepFailed,
    Unreachable,
    VerificationFailed,
)
from esplan.model import Migrate
from esplan.plan import Plan, Step
from esplan.preconditions import require
from esplan.rejected import Rejected
from esplan.run import Run
from esplan.steps import heirs, tolerant, verify
from esplan.views.progress import Silent

if TYPE_CHECKING:
    from pathlib import Path

BATCH = 10


def failure(id_: str, status: int = 400) -> Any:
    cause = {"type": "document_parsing_exception", "reason": "no", "caused_by": {"reason": "x"}}
    return {"id": id_, "status": status, "cause": cause}


def one(id_: str, index: str = "a") -> Rejected:
    return Rejected(index, id_, None, "t", "r")


# What is one


def test_only_a_document_that_the_mapping_refuses_is_rejected() -> None:
    assert rejected.rejections("a", [failure("1")]) == [
        Rejected("a", "1", None, "document_parsing_exception", "no: x")
    ]
    for status in (403, 404, 429, 503):
        assert rejected.rejections("a", [failure("1"), failure("2", status)]) is None
    assert rejected.rejections("a", [{"shard": 0, "status": 400, "reason": {}}]) is None


@pytest.mark.parametrize(
    ("kind", "words", "expected"),
    [
        ("mapper_parsing_exception", "failed to parse", True),
        ("strict_dynamic_mapping_exception", "mapping set to strict", True),
        ("illegal_argument_exception", "Limit of total fields [1] has been exceeded", True),
        ("illegal_argument_exception", "mapper [a] cannot be changed from type [long]", True),
        ("illegal_argument_exception", "Document contains at least one immense term in f", True),
        ("illegal_argument_exception", "pipeline with id [p] does not exist", False),
        ("illegal_argument_exception", "field [x] not present as part of path [x]", False),
        ("routing_missing_exception", "routing is required for [a]/[1]", False),
        ("script_exception", "runtime error", False),
        ("index_closed_exception", "closed", False),
        ("", "", False),
    ],
)
def test_only_a_refusal_of_the_mapping_counts(kind: str, words: str, expected: bool) -> None:  # noqa: FBT001
    """Others have the status 400, too."""
    found = rejected.rejections(
        "a", [{"id": "1", "status": 400, "cause": {"type": kind, "reason": words}}]
    )
    assert (found is not None) is expected


def test_the_evidence_is_of_the_set_of_ids() -> None:
    said = rejected.evidence([one("b"), one("a"), one("b")])
    assert said == {"documents": 3, "ids": 2, "digest": rejected.fingerprint(["a", "b"])}
    assert rejected.fingerprint(["a", "b"]) != rejected.fingerprint(["ab"])


def test_the_routing_is_looked_up_and_left_open_where_an_id_is_there_twice() -> None:
    hits = [{"_id": "1", "_routing": "r"}, {"_id": "2"}, {"_id": "3", "_routing": "x"}]
    answer = {"hits": {"hits": [*hits, {"_id": "3"}]}}
    cluster: Any = SimpleNamespace(read=lambda *_: answer)
    found = rejected.routed(cluster, "a", [one("3"), one("2"), one("1")])
    assert [(each.id, each.routing) for each in found] == [("1", "r"), ("2", None), ("3", None)]


# The list


def test_the_list_has_each_index_once_and_is_nobody_elses(tmp_path: Path) -> None:
    path = rejected.beside(tmp_path / "plan.json")
    rejected.write(path, "a", [one("1")])
    rejected.write(path, "b", [one("2", "b")])
    rejected.write(path, "a", [one("3")])
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ["2", "3"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    rejected.write(path, "a", [])
    rejected.write(path, "b", [])
    assert list(tmp_path.iterdir()) == []


def test_a_list_that_cannot_be_written_stops_the_apply(tmp_path: Path) -> None:
    path = tmp_path / "no folder" / "x"
    with pytest.raises(JournalError) as caught:
        rejected.write(path, "a", [one("1")])
    assert f"{path} cannot be written" in caught.value.what
    foreign = tmp_path / "x"
    foreign.write_text("not json\n")
    with pytest.raises(JournalError, match="cannot be written"):
        rejected.write(foreign, "a", [one("1")])
    assert foreign.read_text() == "not json\n"


# The ranges


class Server:
    """Documents by sequence number; a copy ends after the first batch with a bad one."""

    def __init__(self, count: int, bad: set[int]) -> None:
        self.numbers, self.bad = range(count), bad
        self.copied: set[int] = set()
        self.tried = 0

    def read(self, path: str, *_: Any) -> Any:
        if path.endswith("/_stats"):
            seq = {"routing": {"primary": True}, "seq_no": {"max_seq_no": len(self.numbers) - 1}}
            return {"indices": {"a": {"shards": {"0": [seq]}}}}
        return {"a": {"settings": {"index": {"number_of_shards": "1"}}}}

    def copy(self, step: Step, _run: Any = None) -> Any:
        query = (step.request or {})["body"]["source"].get("query")
        span = query["bool"]["filter"][-1]["range"]["_seq_no"] if query else WHOLE
        todo = [n for n in self.numbers if span["gte"] <= n < span["lt"]]
        counts = {"total": len(todo), "created": 0, "version_conflicts": 0}
        failures: list[Any] = []
        while todo and not failures:
            for number in todo[:BATCH]:
                self.tried += 1
                if number in self.bad:
                    failures.append(failure(str(number)))
                else:
                    counts["version_conflicts" if number in self.copied else "created"] += 1
                    self.copied.add(number)
            del todo[:BATCH]
        return {"response": {**counts, "failures": failures}}


WHOLE = {"gte": 0, "lt": 10**9}
SPAN = {"range": {"_seq_no": WHOLE}}


def copying(most: int) -> Step:
    body = {"source": {"index": "a"}, "dest": {"index": "b"}}
    request = {"method": "POST", "path": "/_reindex", "body": body}
    given = {"source": "a", "target": "b", "max_rejected": most}
    return Step("reindex", "switch", "alias.a", "copy", request, arguments=given, id="03-reindex")


def run_of(cluster: Any) -> Run:
    lock: Any = SimpleNamespace(token="t", check=lambda: None)
    return Run(cluster, Plan("p", "", "", {}, ""), lock, Silent())


def from_elsewhere(there: Any, plan_path: Path) -> tuple[Step, Run]:
    """A copy from another cluster, whose documents this one does not know."""
    here = SimpleNamespace(read=lambda *_: pytest.fail("this cluster has no such index"))
    run = run_of(here)
    run.plan_path, run.others["old"] = plan_path, there
    origin = {"environment": "old", "index": "a"}
    given = {"source": "old:a", "target": "b", "origin": origin}
    return Step("remote_copy", "switch", "alias.a", "copy", arguments=given), run


def test_the_routing_is_looked_up_where_the_documents_are(tmp_path: Path) -> None:
    asked: list[str] = []

    def read(path: str, *_: Any) -> Any:
        asked.append(path)
        return {"hits": {"hits": [{"_id": "1", "_routing": "r"}]}}

    step, run = from_elsewhere(SimpleNamespace(read=read), tmp_path / "plan.json")
    error = tolerant.failed(step, run, [failure("1")])
    assert error.what == "the new index rejected documents of old:a"
    (line,) = rejected.beside(tmp_path / "plan.json").read_text().splitlines()
    assert (json.loads(line)["routing"], asked) == ("r", ["/a/_search"])


@pytest.mark.parametrize("why", [ServerError("refused", status=403), Unreachable("no answer")])
def test_a_list_that_cannot_be_made_does_not_hide_the_failure(tmp_path: Path, why: Any) -> None:
    def read(*_: Any) -> Any:
        raise why

    step, run = from_elsewhere(SimpleNamespace(read=read), tmp_path / "plan.json")
    error = tolerant.failed(step, run, [failure("1")])
    assert error.what == "the new index rejected documents of old:a"
    assert error.why.startswith("1: no: x; ")
    assert why.what in error.why


@pytest.mark.parametrize(
    "bad", [set(), {0}, {999}, {5, 6, 7}, set(range(0, 1000, 7)), set(range(1000))]
)
def test_every_document_is_copied_or_named(bad: set[int]) -> None:
    server, step = Server(1000, bad), copying(-1)
    run = run_of(server)
    said = tolerant.copied(step, run, server.copy(step)["response"], server.copy)
    assert server.copied == set(range(1000)) - bad
    digest = rejected.fingerprint(sorted(map(str, bad)))
    expected = {"documents": len(bad), "ids": len(bad), "digest": digest}
    assert said == ({"rejected": expected} if bad else {})
    assert run.rejected == {"alias.a": expected}


def test_the_work_grows_with_the_documents_not_with_their_square() -> None:
    """One bad document in each batch: the worst there is."""
    tried = []
    for count in (1000, 10_000):
        server, step = Server(count, set(range(3, count, BATCH))), copying(-1)
        tolerant.copied(step, run_of(server), server.copy(step)["response"], server.copy)
        tried.append(server.tried / count)
    assert max(tried) < 4
    assert tried[1] < 1.5 * tried[0]


def test_a_range_keeps_the_query_and_has_a_name_of_its_own() -> None:
    seen: list[Step] = []
    server, step = Server(100, {3}), copying(5)
    mine = {"bool": {"filter": [{"term": {"a": 1}}, SPAN]}}
    (step.request or {})["body"]["source"]["query"] = mine

    def copy(part: Step, _run: Any) -> Any:
        seen.append(part)
        return server.copy(part)

    tolerant.copied(step, run_of(server), server.copy(step)["response"], copy)
    filters = (seen[0].request or {})["body"]["source"]["query"]["bool"]["filter"]
    assert filters[0] == mine
    assert {part.id for part in seen} == {"03-reindex:part"}


def test_more_than_the_plan_allows() -> None:
    server, step = Server(100, {3, 30, 60}), copying(2)
    with pytest.raises(StepFailed) as caught:
        tolerant.copied(step, run_of(server), server.copy(step)["response"], server.copy)
    assert "3 so far, and the plan allows 2" in caught.value.what
    assert "3: no: x; 30: no: x; 60: no: x" in caught.value.why


def test_a_full_queue_is_no_property_of_a_document() -> None:
    response = {"total": 9, "created": 8, "failures": [failure("1", 429)]}
    server = Server(9, set())
    with pytest.raises(StepFailed, match="documents of a could not be copied"):
        tolerant.copied(copying(-1), run_of(server), response, server.copy)


# What a file declares


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (Migrate(), 0),
        (Migrate(max_rejected=0, on_rejected="skip"), 0),
        (Migrate(max_rejected=5), 5),
        (Migrate(max_rejected=5, on_rejected="skip"), 5),
        (Migrate(on_rejected="skip"), -1),
    ],
)
def test_the_tolerance_that_a_file_declares(declared: Migrate, expected: int) -> None:
    assert declared.tolerance == expected
    step = Step("reindex", "switch", "a", "", arguments=tolerant.arguments(declared))
    assert tolerant.limit(step) == expected


# What the proof accepts

SAID = {"documents": 2, "ids": 2, "digest": rejected.fingerprint(["1", "2"])}
MISSING = Ids(2, ("1", "2"), rejected.fingerprint(["1", "2"]))
OTHERS = Ids(2, ("1", "3"), rejected.fingerprint(["1", "3"]))


def proven(monkeypatch: pytest.MonkeyPatch, said: Any, **parts: Any) -> Any:
    given = {"differing": 1, "missing": MISSING, **parts}
    method, counts = given.pop("method", "checksum"), given.pop("counts", (10, 8))
    report = Report(method, "a", "b", *counts, {}, **given)
    monkeypatch.setattr(checksum, "compare", lambda *_, **__: report)
    monkeypatch.setattr(heirs, "identities", lambda *_: {})
    names = {"source": "a", "target": "b", "method": method}
    run = run_of(None)
    run.rejected["alias.a"] = said
    return verify.execute(Step("verify", "switch", "alias.a", "", arguments=names), run)


def test_exactly_the_rejected_documents_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert proven(monkeypatch, SAID)["rejected"] == SAID
    assert proven(monkeypatch, SAID, method="count", missing=Ids())["rejected"] == SAID


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        ({}, {}),
        ({"documents": 0, "ids": 0, "digest": ""}, {}),
        (SAID, {"missing": OTHERS}),
        (SAID, {"extra": Ids(1, ("9",), "d"), "counts": (10, 9)}),
        (SAID, {"extra": Ids(1, ("9",), "d")}),
        (SAID, {"different": Ids(1, ("9",), "d")}),
        (SAID, {"moved": True}),
        (SAID, {"counts": (10, 7)}),
        (SAID, {"method": "count", "counts": (10, 7)}),
        ({**SAID, "documents": 3}, {}),
    ],
)
def test_nothing_else_may_differ(monkeypatch: pytest.MonkeyPatch, said: Any, parts: Any) -> None:
    with pytest.raises(VerificationFailed, match="b is not equal to a"):
        proven(monkeypatch, said, **parts)


# The old index


def test_the_old_index_is_not_deleted_while_it_alone_has_them() -> None:
    check = {"check": "nothing_rejected", "source": "a", "target": "b"}
    step = Step("delete_index", "finish", "alias.a", "delete a", preconditions=(check,), id="09")
    run = run_of(None)
    require(step, run)
    run.rejected["alias.a"] = SAID
    with pytest.raises(Refused) as caught:
        require(step, run)
    assert caught.value.why == "b rejected 2 documents, which only a has"
    assert "esplan maintain --allow-delete index.NAME" in caught.value.remedy


def test_a_file_that_somebody_has_prepared_is_not_written_to(tmp_path: Path) -> None:
    """It had a name that everybody knew: PLAN.rejected.jsonl.new."""
    path = tmp_path / "p.rejected.jsonl"
    prepared = path.with_name(f"{path.name}.new")
    prepared.touch()
    prepared.chmod(0o666)
    rejected.write(path, "a", [one("1")])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert prepared.read_text() == ""


def test_a_list_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    path, target = tmp_path / "p.rejected.jsonl", tmp_path / "precious"
    target.write_text('{"index": "b"}\n')
    path.symlink_to(target)
    with pytest.raises(JournalError, match="cannot be written") as error:
        rejected.write(path, "a", [one("1")])
    assert "a link" in error.value.why
    assert target.read_text() == '{"index": "b"}\n'
