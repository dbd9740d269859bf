"""What `esplan verify` says of documents that differ; how they are found is in test_checksum."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from esplan import cli
from esplan.checksum import Ids, Report
from esplan.checksum.document import MOST, Document, Field, differing
from esplan.commands.verify import Verified, verify
from esplan.errors import Refused, UsageError
from esplan.views.verify import text

EQUAL = Report("checksum", "a", "b", 2, 2, {}, buckets=16, seconds=1.5)


class Pages:
    """Answers a search in `a` or `b` with these hits, and `GET /NAME` with these indices."""

    def __init__(self, one: list[Any], other: list[Any] | None = None, **on: list[str]) -> None:
        self.hits, self.on = {"/a/_search": one, "/b/_search": other or []}, on

    def read(self, path: str, params: Any = None, body: Any = None) -> Any:
        if body is None:
            assert params == {"filter_path": "*.settings.index.uuid"}
            return {index: {} for index in self.on.get(path[1:], [])} or None
        return {"hits": {"hits": self.hits[path]}}


def hit(source: Any, id_: str = "1", **more: Any) -> Any:
    return {"_id": id_, "_source": source, **more}


def found(old: Any, new: Any, **more: Any) -> Document:
    (one,) = differing(Pages([hit(old)], [hit(new, **more)]), "a", "b", ["1"])
    return one


def test_fields_are_named_by_where_they_are_and_what_happened_to_them() -> None:
    old = {"same": 1, "n": 1, "gone": None, "deep": {"list": [1, 2]}}
    new = {"same": 1, "n": "1", "new": {"a": 1}, "deep": {"list": [1, 3]}}
    one = found(old, new, _routing="r")
    assert one.fields == (
        Field("changed", ("_routing",), None, "r"),
        Field("changed", ("_source", "deep", "list", 1), 2, 3),
        Field("removed", ("_source", "gone"), None, None),
        Field("changed", ("_source", "n"), 1, "1"),
        Field("added", ("_source", "new"), None, {"a": 1}),
    )
    assert one.count == 5


def test_a_document_with_many_fields_is_cut_and_counted() -> None:
    one = found({str(n): 1 for n in range(80)}, {str(n): 2 for n in range(80)})
    assert (len(one.fields), one.count) == (MOST, 80)
    assert f"and {80 - MOST} fields more" in shown(replace(EQUAL, differing=1), one)


def test_the_same_values_written_otherwise() -> None:
    one = found({"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert one == Document("1")
    assert "the order of keys" in shown(replace(EQUAL, differing=1), one)


def test_an_id_may_stand_for_several_documents() -> None:
    pages = Pages([hit({}, _routing="x"), hit({}, _routing="y")], [hit({})])
    (one,) = differing(pages, "a", "b", ["1"])
    assert one == Document("1", copies=(2, 1))
    said = shown(replace(EQUAL, differing=1), one)
    assert "2 documents of this id in the first, 1 in the second" in said


def test_nothing_is_read_where_nothing_differs() -> None:
    assert differing(Pages([]), "a", "b", []) == []


def shown(report: Report, *documents: Document) -> str:
    return "\n".join(line.plain for line in text(Verified(report, documents)))


def test_a_report_of_equal_sides() -> None:
    assert shown(EQUAL).splitlines() == [
        "a: 2 documents",
        "b: 2 documents",
        "  compared by a keyed checksum of every document (16 buckets), in 1.5 s",
        "",
        "Equal: both hold the same documents, ids and routings.",
    ]
    counted = replace(EQUAL, method="count", source_documents=1, target_documents=1)
    said = shown(counted)
    assert "a: 1 document\n" in said
    assert said.endswith("As many documents in both. What they hold was not compared.")


def test_a_report_of_what_differs() -> None:
    report = replace(
        EQUAL,
        target_documents=3,
        differing=2,
        missing=Ids(1, ("m\x1b",)),
        extra=Ids(120, ("x", "y")),
        different=Ids(1, ("d",)),
    )
    field = Field("added", ("_source", "a.b"), None, "ü\x1b")
    said = shown(report, Document("d", (field,), 1))
    assert "1 only in the first\n  m\\x1b\n" in said
    assert "120 only in the second\n  x, y and 118 more\n" in said
    assert "1 in both, and different\n  d\n" in said
    assert "\nd\n  $._source['a.b']: only in the second: \"ü\\u001b\"\n" in said
    assert said.endswith("\nNot equal.")


def test_writes_meanwhile_prove_nothing() -> None:
    moved = Verified(replace(EQUAL, moved=True))
    assert moved.exit_code == 4
    assert shown(moved.report).endswith(
        "Nothing is proven: somebody wrote to one of them while they were read."
    )


@pytest.mark.parametrize("name", ["", "a*", "a,b", "-a", "_all", ".kibana", "<a-{now/d}>", "a/b"])
def test_a_name_that_could_be_several(name: str) -> None:
    with pytest.raises(UsageError, match="is not the name of one index or alias"):
        verify(Pages([]), name, "b")


def test_names_that_are_none_the_same_or_several() -> None:
    with pytest.raises(UsageError, match="there is no index and no alias gone"):
        verify(Pages([], a=["a"]), "a", "gone")
    with pytest.raises(UsageError, match="x and a are the same index a"):
        verify(Pages([], a=["a"], x=["a"]), "x", "a")
    with pytest.raises(Refused, match="the alias x is on 2 indices: a, b"):
        verify(Pages([], a=["a"], x=["a", "b"]), "x", "a")


def test_the_command_needs_a_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["verify", "a", "b"]) == 64
    assert "--url" in capsys.readouterr().err
