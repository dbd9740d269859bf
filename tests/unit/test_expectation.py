from __future__ import annotations

from typing import Any

import pytest

from esplan.checksum import Report, expectation
from esplan.errors import VerificationFailed
from esplan.steps.verify import _is_as_expected

SHARDS = {"failed": 0, "successful": 1, "total": 1}


class Server:
    """An index whose documents all match."""

    def __init__(self, *documents: Any, total: int | None = None) -> None:
        self.documents = documents
        self.total = len(documents) if total is None else total
        self.asked: list[Any] = []

    def read(self, path: str, params: Any = None, body: Any = None, **_: Any) -> Any:
        self.asked.append((path, params, body))
        if path.endswith("/_refresh"):
            return {"_shards": SHARDS}
        if not path.endswith("/_search"):
            return {"i": {"settings": {"index": {"number_of_shards": SHARDS["total"]}}}}
        hits = [{"_id": str(n), "_source": one} for n, one in enumerate(self.documents)]
        return {
            "_shards": SHARDS,
            "hits": {"hits": hits, "total": {"value": self.total}},
            "aggregations": {"sum": {"value": 0.1 + 0.2}},
        }


def wrong(server: Server, *expected: Any) -> str:
    with pytest.raises(VerificationFailed) as caught:
        expectation.require(server, "i", expected)
    assert caught.value.what == "i is not as verify.expect says"
    assert caught.value.exit_code == 4
    return caught.value.why


def test_nothing_is_asked_where_nothing_is_expected() -> None:
    server = Server()
    expectation.require(server, "i", [])
    assert server.asked == []


def test_what_holds() -> None:
    server = Server({"a": {"b": 1}}, {"a.b": 1})
    expected = [
        {"count": 2},
        {"query": {"q": 1}, "count": 2},
        {"sum": {"field": "n", "value": 0.3}},
        {"value": {"field": "a.b", "is": 1}},
        {"value": {"field": "none", "is": None}},
    ]
    expectation.require(server, "i", expected)
    assert server.asked[0][0] == "/i/_refresh"
    searches = [one for one in server.asked[1:] if one[0].endswith("_search")]
    assert {one[1]["allow_partial_search_results"] for one in searches} == {"false"}


def test_what_does_not_hold_is_said_all_at_once() -> None:
    said = wrong(
        Server({"a": 1}),
        {"count": 2},
        {"query": {"q": 1}, "count": 0},
        {"sum": {"field": "n", "value": 0.31}},
    )
    assert said.splitlines() == [
        "1 documents, not 2",
        '1 documents among {"q": 1}, not 0',
        "the sum of n is 0.3, not 0.31",
    ]


@pytest.mark.parametrize(
    ("document", "is_", "said"),
    [
        ({"a": 2}, 1, "a is 2 in the document 0, not 1"),
        ({"a": "1"}, 1, 'a is "1" in the document 0, not 1'),
        ({"a": 1.0}, 1, "a is 1.0 in the document 0, not 1"),
        ({"a": True}, 1, "a is true in the document 0, not 1"),
        ({}, 1, "a is nothing in the document 0, not 1"),
        ({"a": [1, 1]}, 1, "a is 1, 1 in the document 0, not 1"),
    ],
)
def test_another_value(document: Any, is_: Any, said: str) -> None:
    assert wrong(Server(document), {"value": {"field": "a", "is": is_}}) == said


@pytest.mark.parametrize("total", [0, 101])
def test_a_value_is_expected_of_a_few_documents(total: int) -> None:
    said = wrong(Server({"a": 1}, total=total), {"value": {"field": "a", "is": 1}})
    assert said == f"{total} documents: a value is expected of 1 to 100"


@pytest.mark.parametrize(
    ("method", "expected", "moved", "holds"),
    [
        ("count", [{"count": 1}], False, True),
        ("count", [{"count": 1}], True, False),
        ("count", [{"count": 1, "query": {}}], False, False),
        ("count", [], False, False),
        ("checksum", [{"count": 1}], False, False),
    ],
)
def test_an_expected_number_stands_for_that_of_the_source(
    method: Any, expected: Any, *, moved: bool, holds: bool
) -> None:
    report = Report(method, "a", "b", 2, 1, {}, moved=moved)
    assert _is_as_expected(report, expected) == holds
