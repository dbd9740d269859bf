from __future__ import annotations

import copy
from typing import Any

import pytest

from esplan.checksum import PLAIN, Reading, from_json
from esplan.checksum.cluster_hash import INIT, REDUCE, aggregation, map_script, transformed
from esplan.checksum.reading import text, without


def test_a_plain_reading_says_nothing() -> None:
    assert PLAIN.to_json() == {}
    assert from_json({}) == PLAIN
    assert not PLAIN.changes
    query = {"range": {"_seq_no": {"gte": 1}}}
    assert PLAIN.within(query) is query


def test_a_reading_goes_through_a_plan() -> None:
    one = Reading({"source": "x", "params": {"p": 1}}, {"term": {"a": 1}}, ("a.b", "c"))
    assert from_json(one.to_json()) == one
    assert one.of_target() == Reading(ignore=("a.b", "c"))
    assert one.within({"q": 1}) == {"bool": {"filter": [{"q": 1}, {"term": {"a": 1}}]}}


def test_the_text_of_the_hash_takes_its_values_from_params() -> None:
    """The server limits how many texts it compiles a minute."""
    one = Reading({"source": "x", "params": {"p": 1}}, ignore=("a",))
    other = Reading({"source": "x", "params": {"p": 2}}, {"q": 1}, ("b", "c"))
    assert text(one.script) == text(other.script)
    sent = transformed(aggregation(8, routed=True), other, "i", show=False)["scripted_metric"]
    assert sent["params"]["reading"] == {
        "index": "i",
        "params": {"p": 2},
        "ignore": [["b"], ["c"]],
        "show": False,
    }
    assert sent["init_script"] == INIT.replace("3 * params.buckets", "3 * params.buckets + 1")
    assert sent["init_script"] != INIT
    assert sent["reduce_script"] != REDUCE


def test_names_of_a_users_functions_are_free() -> None:
    source = "void absorb(long[] h, long word) { } ctx._source.a = 1"
    found = text({"source": source, "params": {}})
    assert found.count("void absorb(long[] h, long word)") == 1
    assert "void esplanHash_absorb(long[] h, long word)" in found
    assert "esplanHash_absorbMap(h, source" in found
    assert found.count("void esplanDrop(") == 1


def test_functions_of_drop_are_there_once() -> None:
    from esplan import transform
    from esplan.model import Migrate

    script = transform.script(Migrate(drop=("a",)))
    assert text(script).count("void esplanDrop(") == 1


def test_the_plain_text_is_what_it_was() -> None:
    """Past proofs, the sample of the estimates and the cassettes know it."""
    import hashlib

    digest = hashlib.sha256(map_script().encode()).hexdigest()
    assert digest == "6286c6287d0f7afd342cddfce76082ed5b4c82136ecfa2357077cea276673406"


@pytest.mark.parametrize(
    ("document", "path", "left"),
    [
        ({"a": 1, "b": 2}, "a", {"b": 2}),
        ({"a": {"b": 1, "c": 2}}, "a.b", {"a": {"c": 2}}),
        ({"a": {"b": 1}}, "a.b", {}),
        ({"a": {}}, "a.b", {"a": {}}),
        ({"a.b": 1, "a": {"b": 2}}, "a.b", {}),
        ({"a.b": {"c": 1}}, "a.b.c", {}),
        ({"a": {"b.c": 1, "d": 1}}, "a.b.c", {"a": {"d": 1}}),
        ({"a": [{"b": 1}, {"b": 2, "c": 3}, 4]}, "a.b", {"a": [{}, {"c": 3}, 4]}),
        ({"a": None}, "a.b", {"a": None}),
        ({"a": None}, "a", {}),
        ({"a": 1}, "x.y", {"a": 1}),
    ],
)
def test_paths_that_are_left_out_by_the_client(document: Any, path: str, left: Any) -> None:
    """The cluster's own code for this is tested in tests/live/test_reading.py."""
    assert without(copy.deepcopy(document), (path,)) == left
