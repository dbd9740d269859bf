"""A copy is proven equal, and every way in which it is not is found and named."""

from __future__ import annotations

import copy
import itertools
import json
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from esplan.checksum import Report, comparison, marks, missing
from esplan.checksum import compare as compare_indices
from esplan.errors import Incomplete, Refused, ServerError, StepFailed
from esplan.rejected import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from esplan.cluster import Cluster

    Names = Callable[[str], str]

pytestmark = pytest.mark.live

LONG_TEXT = "abc\u00e9" * 375_000
DOCUMENTS: dict[str, Any] = {
    "1": {"number": 1, "text": "one", "flag": True, "nothing": None, "list": [1, 2, [3, 4]]},
    "2": {"number": 2, "text": "two", "object": {"a": "1, b=2"}, "empty": {}},
    "3": {"big": 2**53 + 1, "bigger": 2**64 + 1, "decimal": 1.5, "none": []},
    "4": {"text": unicodedata.normalize("NFC", "Zoé 🛫"), "people": [{"name": "A"}, {"name": "B"}]},
    "5": {"long": LONG_TEXT, "number": 1},
    "routed": {"number": 7},
}
ROUTING = {"routed": "somewhere"}
CODECS = ["default", "best_compression"]


def fill(
    cluster: Cluster,
    index: str,
    documents: dict[str, Any],
    *,
    shards: int = 1,
    routing: dict[str, str] = ROUTING,
    codec: str = "default",
    mappings: Any = None,
) -> None:
    shape = {"number_of_shards": shards, "number_of_replicas": 0, "codec": codec}
    stored = mappings or {"properties": {"kept": {"type": "object", "enabled": False}}}
    cluster.change("PUT", f"/{index}", body={"settings": shape, "mappings": stored})
    lines: list[Any] = []
    for id_, document in documents.items():
        kept = document if mappings else {"kept": document}
        lines += [{"index": {"_id": id_, "routing": routing.get(id_)}}, kept]
    if lines:
        answer = cluster.change("POST", f"/{index}/_bulk", {"refresh": "true"}, lines)
        assert not answer["errors"], answer


def reindex(cluster: Cluster, source: str, target: str) -> None:
    body = {"source": {"index": source}, "dest": {"index": target}}
    answer = cluster.change("POST", "/_reindex", body=body)
    assert not answer["failures"], answer


def make(cluster: Cluster, index: str, shards: int = 3, **mappings: Any) -> None:
    mapping = mappings or {"properties": {"kept": {"type": "object", "enabled": False}}}
    shape = {"number_of_shards": shards, "number_of_replicas": 0}
    cluster.change("PUT", f"/{index}", body={"settings": shape, "mappings": mapping})


def found(report: Report) -> dict[str, tuple[str, ...]]:
    kinds = {"missing": report.missing, "extra": report.extra, "different": report.different}
    return {kind: ids.sample for kind, ids in kinds.items() if ids.count}


@pytest.fixture
def names(name: str) -> Names:
    """Makes index names, each other than the ones before."""
    numbers = itertools.count()
    return lambda kind: f"{name}-{kind}-{next(numbers)}"


def test_a_copy_with_other_shards_is_equal(cluster: Cluster, names: Names) -> None:
    source, target = names("source"), names("target")
    fill(cluster, source, DOCUMENTS)
    make(cluster, target)
    reindex(cluster, source, target)
    seen: list[tuple[int, int]] = []
    report = compare_indices(
        cluster, source, target, method="checksum", progress=lambda *step: seen.append(step)
    )
    assert report.equal
    assert (report.source_documents, report.target_documents) == (6, 6)
    assert found(report) == {}
    assert report.buckets == 16
    assert report.differing == 0
    assert seen[-1] == (12, 12)
    assert set(report.marks[target]) == {"0", "1", "2"}
    assert json.loads(json.dumps(report.to_json()))["equal"] is True


def test_key_order_does_not_matter(cluster: Cluster, names: Names) -> None:
    source, target = names("source"), names("target")
    document = {f"field{number}": number for number in range(40)}
    fill(cluster, source, {"1": document})
    fill(cluster, target, {"1": dict(reversed(document.items()))})
    written = cluster.read(f"/{target}/_doc/1")["_source"]["kept"]
    assert list(written) == list(reversed(document)), "the server changes the order"
    assert compare_indices(cluster, source, target).equal


def changed(id_: str, field: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    def change(documents: dict[str, Any]) -> Any:
        documents[id_][field] = value
        return {"different": (id_,)}

    return change


def dropped(documents: dict[str, Any]) -> Any:
    del documents["2"]["text"]
    return {"different": ("2",)}


def field_renamed(documents: dict[str, Any]) -> Any:
    documents["2"]["txet"] = documents["2"].pop("text")
    return {"different": ("2",)}


def values_swapped(documents: dict[str, Any]) -> Any:
    old = documents["1"]
    old["number"], old["text"] = old["text"], old["number"]
    return {"different": ("1",)}


def removed(documents: dict[str, Any]) -> Any:
    del documents["3"]
    return {"missing": ("3",)}


def added(documents: dict[str, Any]) -> Any:
    documents["6"] = {}
    return {"extra": ("6",)}


def sources_swapped(documents: dict[str, Any]) -> Any:
    documents["1"], documents["2"] = documents["2"], documents["1"]
    return {"different": ("1", "2")}


def renamed(documents: dict[str, Any]) -> Any:
    documents["x"] = documents.pop("1")
    return {"missing": ("1",), "extra": ("x",)}


MUTATIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "value": changed("1", "number", 2),
    "integer to text": changed("1", "number", "1"),
    "integer to decimal": changed("1", "number", 1.0),
    "boolean to text": changed("1", "flag", "true"),
    "boolean flipped": changed("1", "flag", False),
    "null to text": changed("1", "nothing", "null"),
    "null to absent": changed("1", "text", None),
    "absent to null": changed("2", "nothing", None),
    "absent to empty": changed("1", "empty", {}),
    "empty map to empty list": changed("2", "empty", []),
    "empty list to null": changed("3", "none", None),
    "value in a list twice": changed("1", "list", [1, 2, 2, [3, 4]]),
    "list flattened": changed("1", "list", [1, 2, 3, 4]),
    "list in another order": changed("1", "list", [2, 1, [3, 4]]),
    "single value to list": changed("1", "number", [1]),
    "nested object": changed("2", "object", {"a": "1", "b": "2"}),
    "long past 2^53": changed("3", "big", 2**53),
    "integer past 2^64": changed("3", "bigger", 2**64),
    "integer past 2^64 to text": changed("3", "bigger", str(2**64 + 1)),
    "decimal": changed("3", "decimal", 1.25),
    "decimal to the integer of its bits": changed("3", "decimal", 0x3FF8000000000000),
    "sign": changed("3", "decimal", -1.5),
    "normal form": changed("4", "text", unicodedata.normalize("NFD", "Zoé 🛫")),
    "objects in a list swapped": changed("4", "people", [{"name": "B"}, {"name": "A"}]),
    "last character of a long text": changed("5", "long", LONG_TEXT[:-1] + "e"),
    "middle of a long text": changed("5", "long", LONG_TEXT[:749_999] + "x" + LONG_TEXT[750_000:]),
    "same hashCode": changed("1", "text", "BB"),
    "field dropped": dropped,
    "field renamed": field_renamed,
    "values of two fields swapped": values_swapped,
    "document removed": removed,
    "document added": added,
    "sources swapped": sources_swapped,
    "id changed": renamed,
}


@pytest.fixture(scope="module", params=CODECS)
def original(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[tuple[str, str]]:
    """The source of all mutations, once a codec."""
    codec = request.param
    index = f"ck-original-{codec}"
    cluster.change("DELETE", f"/{index}", {"ignore_unavailable": "true"})
    before = copy.deepcopy(DOCUMENTS)
    fill(cluster, index, before, codec=codec)
    yield index, codec
    cluster.change("DELETE", f"/{index}")


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_every_mutation_is_named(
    cluster: Cluster, names: Names, original: tuple[str, str], mutation: str
) -> None:
    source, codec = original
    target = names("target")
    documents = copy.deepcopy(DOCUMENTS)
    expected = MUTATIONS[mutation](documents)
    fill(cluster, target, documents, shards=2, codec=codec)
    report = compare_indices(cluster, source, target)
    assert found(report) == expected
    assert not report.equal
    assert report.differing


@pytest.mark.parametrize("codec", CODECS)
def test_texts_of_one_hash_code_differ(cluster: Cluster, names: Names, codec: str) -> None:
    source, target = names("source"), names("target")
    fill(cluster, source, {"1": {"text": "Aa" * 8}}, codec=codec)
    fill(cluster, target, {"1": {"text": "BB" * 8}})
    assert found(compare_indices(cluster, source, target)) == {"different": ("1",)}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("routing", [{}, {"routed": "elsewhere"}])
def test_routing_is_a_part_of_a_document(
    cluster: Cluster, names: Names, codec: str, routing: dict[str, str]
) -> None:
    source, same, other = names("source"), names("same"), names("other")
    fill(cluster, source, DOCUMENTS, codec=codec)
    fill(cluster, same, DOCUMENTS, shards=3, codec=codec)
    fill(cluster, other, DOCUMENTS, shards=3, codec=codec, routing=routing)
    assert compare_indices(cluster, source, same).equal
    assert found(compare_indices(cluster, source, other)) == {"different": ("routed",)}


@pytest.mark.parametrize("codec", CODECS)
def test_an_id_that_is_there_twice_does_not_cancel_out(
    cluster: Cluster, names: Names, codec: str
) -> None:
    source, target = names("source"), names("target")
    fill(cluster, source, {"1": {"a": 1}}, shards=2, routing={}, codec=codec)
    for route in ("a", "b", "c", "d"):  # on both shards by then, each with one routing or more
        cluster.change("PUT", f"/{source}/_doc/2", {"routing": route}, body={"kept": {"a": 2}})
    fill(cluster, target, {"1": {"a": 1}, "2": {"a": 2}}, routing={"2": "a"}, codec=codec)
    report = compare_indices(cluster, source, target)
    assert report.source_documents == 3
    assert found(report) == {"different": ("2",)}


@pytest.mark.parametrize("codec", CODECS)
def test_empty_and_single(cluster: Cluster, names: Names, codec: str) -> None:
    empty, other, single = names("empty"), names("other"), names("single")
    fill(cluster, empty, {}, codec=codec)
    fill(cluster, other, {}, shards=2)
    fill(cluster, single, {"1": {}})
    report = compare_indices(cluster, empty, other)
    assert report.equal
    assert report.marks[empty] == {"0": -1}
    assert compare_indices(cluster, single, single).equal
    assert found(compare_indices(cluster, empty, single)) == {"extra": ("1",)}


@pytest.mark.parametrize("codec", CODECS)
def test_nested_documents_count_once(cluster: Cluster, names: Names, codec: str) -> None:
    source, target = names("source"), names("target")
    nested = {"properties": {"people": {"type": "nested"}}}
    documents = {str(n): {"people": [{"age": n}, {"age": n + 1}]} for n in range(5)}
    fill(cluster, source, documents, codec=codec, mappings=nested)
    make(cluster, target, **nested)
    reindex(cluster, source, target)
    report = compare_indices(cluster, source, target)
    assert report.equal
    assert report.source_documents == 5
    body = {"people": [{"age": 3}, {"age": 5}]}
    cluster.change("PUT", f"/{target}/_doc/3", body=body)
    assert found(compare_indices(cluster, source, target)) == {"different": ("3",)}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("count", [6, 7, 8, 14, 50])
def test_the_edges_of_requests(
    cluster: Cluster, names: Names, codec: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "PAGE", 3)
    source, target = names("source"), names("target")
    documents = {str(number): {"number": number} for number in range(count)}
    fill(cluster, source, documents, codec=codec)
    fill(cluster, target, documents, shards=3)
    cluster.change("DELETE", f"/{source}/_doc/3")
    cluster.change("PUT", f"/{target}/_doc/5", body={"kept": {"number": "5"}})
    report = compare_indices(cluster, source, target, chunk=7)
    assert found(report) == {"extra": ("3",), "different": ("5",)}
    assert (report.source_documents, report.target_documents) == (count - 1, count)
    cluster.change("DELETE", f"/{target}/_doc/3")
    cluster.change("PUT", f"/{target}/_doc/5", body={"kept": {"number": 5}})
    assert compare_indices(cluster, source, target, chunk=7).equal


@pytest.mark.parametrize("codec", CODECS)
def test_all_are_counted_and_a_hundred_are_listed(
    cluster: Cluster, names: Names, codec: str
) -> None:
    source, target = names("source"), names("target")
    old = {f"{number:04}": {"number": number} for number in range(700)}
    new = {f"{number:04}": {"number": float(number)} for number in range(250, 900)}
    fill(cluster, source, old, codec=codec)
    fill(cluster, target, new, shards=2)
    report = compare_indices(cluster, source, target, chunk=100)
    listed = [ids.count for ids in (report.missing, report.extra, report.different)]
    assert listed == [250, 200, 450]
    assert report.different.sample == tuple(f"{n:04}" for n in range(250, 350))
    assert report.different.digest == fingerprint(f"{n:04}" for n in range(250, 700))


def test_a_long_list_and_a_wide_map(cluster: Cluster, names: Names) -> None:
    source, target = names("source"), names("target")
    wide = {"list": list(range(1_100_000)), "map": {f"k{n}": n for n in range(70_000)}}
    fill(cluster, source, {"1": wide})
    fill(cluster, target, {"1": wide}, shards=2)
    assert compare_indices(cluster, source, target).equal
    wide["list"][-1] = 0
    fill(cluster, other := names("other"), {"1": wide})
    assert found(compare_indices(cluster, source, other)) == {"different": ("1",)}


def test_counting_compares_numbers_only(cluster: Cluster, names: Names) -> None:
    source, target, less = names("source"), names("target"), names("less")
    fill(cluster, source, {"1": {}, "2": {}})
    fill(cluster, target, {"1": {}, "3": {}})
    fill(cluster, less, {"1": {}})
    report = compare_indices(cluster, source, target, method="count")
    assert report.equal
    assert report.buckets == 0
    assert not compare_indices(cluster, source, less, method="count").equal


@pytest.mark.parametrize("method", ["checksum", "count"])
def test_a_write_in_between_spoils_the_proof(
    cluster: Cluster, names: Names, method: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = names("source"), names("target")
    fill(cluster, source, {"1": {}})
    fill(cluster, target, {"1": {}})
    refresh = comparison.refresh

    def refresh_and_write(*arguments: Any) -> None:
        refresh(*arguments)
        cluster.change("DELETE", f"/{source}/_doc/1", {"refresh": "true"})

    monkeypatch.setattr(comparison, "refresh", refresh_and_write)
    report = compare_indices(cluster, source, target, method=method)
    assert report.moved
    assert not report.equal
    assert found(report) == {}


@pytest.mark.parametrize(
    ("source_mapping", "why"),
    [({"enabled": False}, "turns _source off"), ({"excludes": ["a"]}, "leaves fields out")],
)
def test_an_incomplete_source_is_refused(
    cluster: Cluster, names: Names, source_mapping: Any, why: str
) -> None:
    whole, broken = names("whole"), names("broken")
    fill(cluster, whole, {"1": {}})
    make(cluster, broken, _source=source_mapping)
    for pair in ((whole, broken), (broken, whole)):
        with pytest.raises(
            Refused, match=f"the documents of {broken} cannot be compared"
        ) as caught:
            compare_indices(cluster, *pair)
        assert why in caught.value.why


def test_a_synthetic_source_that_may_not_be_whole_is_refused(
    cluster: Cluster, names: Names
) -> None:
    """A date comes back by its first format: two that differ by hours look alike."""
    one, other, exact = names("one"), names("other"), names("exact")
    mode: Any = {"_source": {"mode": "synthetic"}}
    at = {"type": "date", "format": "yyyy-MM-dd||strict_date_optional_time"}
    try:
        for index, hour in ((one, 10), (other, 22)):
            make(cluster, index, **mode, properties={"at": at})
            found = {"at": f"2026-01-01T{hour}:00:00Z"}
            cluster.change("PUT", f"/{index}/_doc/1", {"refresh": "true"}, found)
        usual = {"at": {"type": "date"}, "k": {"type": "keyword"}}
        make(cluster, exact, **mode, properties=usual)
    except ServerError as error:
        pytest.skip(f"no synthetic _source here: {error}")
    with pytest.raises(Refused, match=f"no copy can be proven equal to {one}") as caught:
        compare_indices(cluster, one, other)
    assert "may not be all of at" in caught.value.why
    assert compare_indices(cluster, exact, exact).equal


def test_what_is_not_there_is_said(
    cluster: Cluster, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, unassigned = names("source"), names("unassigned")
    fill(cluster, source, {"1": {}})
    with pytest.raises(StepFailed, match="ck-nowhere is not there"):
        compare_indices(cluster, source, "ck-nowhere")
    nowhere = {"index.routing.allocation.require._name": "no-such-node", "number_of_shards": 2}
    cluster.change("PUT", f"/{unassigned}", {"wait_for_active_shards": 0}, {"settings": nowhere})
    monkeypatch.setattr(missing, "COMING_BACK", "1s")
    with pytest.raises(Incomplete, match="is not complete: 0 of 2 primary shards are there"):
        marks(cluster, [source, unassigned])


def test_marks_rise_with_every_write(cluster: Cluster, names: Names) -> None:
    source = names("source")
    fill(cluster, source, {"1": {}, "2": {}})
    assert marks(cluster, [source]) == {source: {"0": 1}}
    cluster.change("DELETE", f"/{source}/_doc/1")
    assert marks(cluster, [source]) == {source: {"0": 2}}


def test_an_error_in_the_progress_ends_it(cluster: Cluster, names: Names) -> None:
    source = names("source")
    fill(cluster, source, {str(number): {} for number in range(100)})

    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare_indices(cluster, source, source, progress=stop, chunk=2)


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc\u00e9", max_size=3), inner),
)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    documents=st.lists(trees, min_size=1, max_size=6),
    replacement=trees,
    place=st.integers(0, 5),
    codec=st.sampled_from(CODECS),
)
def test_any_change_is_caught(
    cluster: Cluster,
    names: Names,
    documents: list[Any],
    replacement: Any,
    place: int,
    codec: str,
) -> None:
    old = {str(number): document for number, document in enumerate(documents)}
    changed_id = str(place % len(documents))
    assume(exact(old[changed_id]) != exact(replacement))
    source, same, other = names("source"), names("same"), names("other")
    fill(cluster, source, old, codec=codec)
    fill(cluster, same, old, shards=2)
    fill(cluster, other, old | {changed_id: replacement}, shards=2)
    assert compare_indices(cluster, source, same).equal
    assert found(compare_indices(cluster, source, other)) == {"different": (changed_id,)}


def exact(tree: Any) -> str:
    """Tells 1 from True and 1.0, which Python's own equality does not."""
    return json.dumps(tree, sort_keys=True)
