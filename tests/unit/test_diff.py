from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esplan import diff, normalize
from esplan.model import Address, Alias, Body, Index, Naming, State


def body(mappings: dict[str, Any] | None = None, *, exact: bool = False, **settings: Any) -> Body:
    return normalize.body(settings, mappings or {}, exact=exact)


def fields(**definitions: Any) -> dict[str, Any]:
    return {"properties": definitions}


def found(live: Body, desired: Body) -> dict[tuple[str, ...], tuple[Any, Any]]:
    """path → (before, after)."""
    differences = diff.differences(diff.projected(live, desired), diff.shown(desired))
    return {one.path: (one.before, one.after) for one in differences}


def test_nothing_differs() -> None:
    same = body(fields(a={"type": "long"}), number_of_shards=1)
    assert found(same, same) == {}


def test_what_only_live_has_is_kept() -> None:
    live = body(
        fields(
            a={"type": "text", "fields": {"raw": {"type": "keyword"}}},
            b={"type": "long"},
            o={"properties": {"x": {"type": "long"}, "y": {"type": "long"}}, "dynamic": "strict"},
        )
        | {"dynamic": "strict", "_meta": {"a": 1}, "runtime": {"r": {"type": "long"}}},
        number_of_shards=1,
        refresh_interval="5s",
    )
    desired = body(
        fields(a={"type": "text"}, o={"properties": {"x": {"type": "long"}}}), number_of_shards=1
    )
    assert found(live, desired) == {}


def test_exact_keeps_nothing() -> None:
    live = body(fields(a={"type": "long"}, b={"type": "long"}))
    desired = body(fields(a={"type": "long"}), exact=True)
    assert found(live, desired) == {("mappings", "properties", "b"): ({"type": "long"}, None)}


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("chosen", ["int8_hnsw", "bbq_hnsw", "bbq_disk"])
def test_what_the_server_chose_is_no_difference(chosen: str, *, exact: bool) -> None:
    vector: dict[str, Any] = {"type": "dense_vector", "dims": 512}
    path = ("mappings", "properties", "a", "index_options")
    live, own = ({**vector, "index_options": {"type": kind}} for kind in (chosen, "hnsw"))
    assert found(body(fields(a=live)), body(fields(a=vector), exact=exact)) == {}
    assert found(body(fields(a=live)), body(fields(a=own), exact=exact)) == {
        path: ({"type": chosen}, {"type": "hnsw"})
    }
    assert found(body(fields(a=own)), body(fields(a=vector), exact=exact)) == {
        path: ({"type": "hnsw"}, None)
    }


@pytest.mark.parametrize(("created", "same"), [("8518000", True), ("9094000", False)])
def test_a_desired_body_is_read_as_the_version_of_the_live_index(
    created: str, *, same: bool
) -> None:
    live = body(fields(a={"type": "text"}), mode="logsdb")
    wanted = body(fields(a={"type": "text", "store": True}), mode="logsdb")
    index = Index("i", live, created=created)
    (one,) = diff.compare(State({"i": Index("i", wanted)}), State({"i": index}))
    assert (one.differences == ()) is same


@pytest.mark.parametrize(
    ("settings", "returned", "said", "expected"),
    [
        ({"index.mapping.ignore_malformed": True}, {}, {"ignore_malformed": True}, None),
        (
            {"index.mapping.ignore_malformed": True},
            {"ignore_malformed": False},
            {"ignore_malformed": False},
            None,
        ),
        ({"index.mapping.ignore_malformed": True}, {}, {}, None),
        ({"index.mapping.ignore_malformed": True}, {}, {"ignore_malformed": False}, (None, False)),
        ({"index.mode": "logsdb"}, {}, {"ignore_malformed": True}, None),
        ({"refresh_interval": "1s"}, {"ignore_malformed": True}, {}, (True, None)),
    ],
)
def test_a_setting_that_only_live_has_is_a_default_of_the_mapping(
    settings: dict[str, Any],
    returned: dict[str, Any],
    said: dict[str, Any],
    expected: tuple[Any, Any] | None,
) -> None:
    """What GET returns there was seen on 8.16.1."""
    written = fields(f={"type": "date", **said})
    live = Index("i", body(fields(f={"type": "date", **returned}), **settings), {"a": {}})
    wanted = replace(body(written), said=written)
    path = ("mappings", "properties", "f", "ignore_malformed")
    own = diff.compare(State({"i": Index("i", wanted)}), State({"i": live}))
    behind = diff.compare(
        State({}, {"a": Alias("a", body=wanted)}),
        State({"i": live}, {"a": Alias("a", indices=("i",))}),
    )
    run = diff.compare(
        State({}, {"a": Alias("a", body=wanted, indices=("i",))}),
        State({"i": live}, {"a": Alias("a", indices=("i",))}),
    )
    for (found,) in (own, behind, run):
        shown = {one.path: (one.before, one.after) for one in found.differences}
        shown.pop(("index",), None)
        assert shown == ({path: expected} if expected else {})
        assert diff.shown(found.desired.body)["mappings"] == found.after["mappings"]


def test_the_limit_that_only_live_has() -> None:
    written = fields(f={"type": "keyword", "ignore_above": 7}, g={"type": "keyword"})
    live = body(fields(f={"type": "keyword"}, g={"type": "keyword"}), mapping={"ignore_above": 7})
    wanted = State({"i": Index("i", replace(body(written), said=written))})
    (found,) = diff.compare(wanted, State({"i": Index("i", live)}))
    assert found.differences == ()


def test_the_file_wins_over_the_live_setting() -> None:
    written = fields(f={"type": "keyword", "ignore_above": 7})
    live = body(fields(f={"type": "keyword"}), mapping={"ignore_above": 7})
    wanted = replace(body(written, mapping={"ignore_above": 9}), said=written)
    (found,) = diff.compare(State({"i": Index("i", wanted)}), State({"i": Index("i", live)}))
    paths = {one.path: (one.before, one.after) for one in found.differences}
    assert paths == {
        ("settings", "index.mapping.ignore_above"): ("7", "9"),
        ("mappings", "properties", "f", "ignore_above"): (None, 7),
    }


def test_a_setting() -> None:
    path = ("settings", "index.number_of_replicas")
    assert found(body(number_of_replicas=1), body(number_of_replicas=2)) == {path: ("1", "2")}
    assert found(body(), body(number_of_replicas=2)) == {path: (None, "2")}
    assert found(body(number_of_replicas=2), body(number_of_replicas=None)) == {path: ("2", "1")}
    assert found(body(number_of_replicas=1), body(number_of_replicas=None)) == {}
    interval = ("settings", "index.refresh_interval")
    assert found(body(refresh_interval="1s"), body(refresh_interval=None)) == {
        interval: ("1s", None)
    }
    assert found(body(), body(refresh_interval=None)) == {}


def test_a_list_setting_is_one_difference() -> None:
    live, desired = body(**{"sort.field": ["a", "b"]}), body(**{"sort.field": ["a", "c"]})
    assert found(live, desired) == {
        ("settings", "index.sort.field"): (["a", "b"], ["a", "c"]),
    }


def test_a_new_field_is_one_difference() -> None:
    desired = body(fields(o={"properties": {"x": {"type": "text", "analyzer": "a"}}}))
    assert list(found(body(), desired)) == [("mappings", "properties", "o")]
    live = body(fields(o={"properties": {"y": {"type": "long"}}}))
    assert list(found(live, desired)) == [("mappings", "properties", "o", "properties", "x")]


def test_a_parameter_of_a_field() -> None:
    live = body(
        fields(
            a={"type": "text", "analyzer": "x", "index_prefixes": {"min_chars": 1, "max_chars": 9}}
        )
    )
    desired = body(
        fields(
            a={"type": "text", "analyzer": "y", "index_prefixes": {"min_chars": 2, "max_chars": 9}}
        )
    )
    assert found(live, desired) == {
        ("mappings", "properties", "a", "analyzer"): ("x", "y"),
        ("mappings", "properties", "a", "index_prefixes"): (
            {"min_chars": 1, "max_chars": 9},
            {"min_chars": 2, "max_chars": 9},
        ),
    }


def test_a_parameter_left_out_goes_back_to_its_default() -> None:
    live = body(fields(a={"type": "keyword", "ignore_above": 256}))
    path = ("mappings", "properties", "a", "ignore_above")
    assert found(live, body(fields(a={"type": "keyword"}))) == {path: (256, None)}


def test_a_multi_field() -> None:
    live = body(fields(a={"type": "text"}))
    desired = body(fields(a={"type": "text", "fields": {"raw": {"type": "keyword"}}}))
    assert list(found(live, desired)) == [("mappings", "properties", "a", "fields")]
    live = body(fields(a={"type": "text", "fields": {"other": {"type": "keyword"}}}))
    assert list(found(live, desired)) == [("mappings", "properties", "a", "fields", "raw")]


@pytest.mark.parametrize("name", ["properties", "fields", "runtime", "type", "settings", "a.b"])
def test_fields_may_have_any_name(name: str) -> None:
    mappings = {"subobjects": False, "properties": {name: {"type": "keyword"}}}
    live = normalize.body({}, mappings)
    wanted = {"subobjects": False, "properties": {name: {"type": "keyword", "null_value": "x"}}}
    path = ("mappings", "properties", name, "null_value")
    assert found(live, normalize.body({}, wanted)) == {path: (None, "x")}


@pytest.mark.parametrize("name", ["__v", "__typename", "_x", "x__"])
def test_no_field_is_private(name: str) -> None:
    """Deepdiff leaves out keys with two leading underscores unless it is told not to."""
    live, desired = body(fields(**{name: {"type": "long"}})), body(fields(**{name: {"type": "ip"}}))
    path = ("mappings", "properties", name, "type")
    assert found(live, desired) == {path: ("long", "ip")}
    assert list(found(body(), desired)) == [("mappings", "properties", name)]


@pytest.mark.parametrize("name", ["it's", 'say "x"', "root['a']", "[0]", "ünï", "a b", ""])
def test_names_that_look_like_syntax(name: str) -> None:
    settings = {f"index.analysis.analyzer.{name}.type": "simple"}
    live = Body(dict.fromkeys(settings, "standard"))
    path = ("settings", *settings)
    assert found(live, Body(settings)) == {path: ("standard", "simple")}


def test_equal_numbers_are_no_difference_beside_another_one() -> None:
    """`null_value: 5` of a double comes back as 5.0: that forces nothing, whatever else differs."""
    live = body(fields(a={"type": "double", "null_value": 5.0}), number_of_replicas=0)
    desired = body(fields(a={"type": "double", "null_value": 5}), number_of_replicas=1)
    assert list(found(live, desired)) == [("settings", "index.number_of_replicas")]


def test_an_alias_is_compared_with_the_index_behind_it() -> None:
    live_body = body(fields(a={"type": "long"}))
    state = State(
        {"f_green": Index("f_green", live_body, {"f": {"index_routing": "1"}}, uuid="u")},
        {"f": Alias("f", {"index_routing": "1"}, ("f_green",), live_body)},
    )
    desired = Alias("f", {"index_routing": "2"}, body=live_body, naming=Naming("f_green"))
    (comparison,) = diff.compare(State(aliases={"f": desired}), state)
    assert comparison.address == Address("alias", "f")
    assert comparison.index == state.indices["f_green"]
    assert [(d.path, d.before, d.after) for d in comparison.differences] == [
        (("options", "index_routing"), "1", "2")
    ]


def test_what_is_not_there_has_no_before() -> None:
    (comparison,) = diff.compare(State({"i": Index("i", body(number_of_shards=1))}), State())
    assert (comparison.index, comparison.before, comparison.differences) == (None, None, ())
    assert comparison.after["settings"] == {"index.number_of_shards": "1"}


def test_aliases_of_an_index_that_the_files_do_not_name_are_kept() -> None:
    live = State({"i": Index("i", body(), {"kept": {}, "changed": {}})})
    desired = State({"i": Index("i", body(), {"changed": {"is_hidden": True}, "new": {}})})
    (comparison,) = diff.compare(desired, live)
    assert {d.path: (d.before, d.after) for d in comparison.differences} == {
        ("aliases", "changed", "is_hidden"): (None, True),
        ("aliases", "new"): (None, {}),
    }


def test_comparisons_come_in_the_order_of_their_addresses() -> None:
    desired = State(
        {name: Index(name) for name in ("b", "a")},
        {name: Alias(name) for name in ("z", "y")},
    )
    addresses = [str(one.address) for one in diff.compare(desired, State())]
    assert addresses == ["alias.y", "alias.z", "index.a", "index.b"]


VALUES = st.sampled_from(["a", "b", False, 1, 1.0, 2, ["a"], ["a", "b"], {"x": 1}, {"x": 2}, None])
TREES = st.dictionaries(
    st.sampled_from(["settings", "options"]),
    st.dictionaries(st.text(max_size=4), VALUES, max_size=4),
)


@given(TREES, TREES)
def test_two_trees_differ_if_and_only_if_there_is_a_difference(before: Any, after: Any) -> None:
    shape = {"settings": {}, "options": {}}
    one, other = shape | before, shape | after
    different = any(
        one[part].get(name) != other[part].get(name)
        for part in shape
        for name in {*one[part], *other[part]}
    )
    seen = list(diff.differences(one, other))
    if different:
        assert seen
    assert len({d.path for d in seen}) == len(seen)
    assert all(d.before != d.after for d in seen if (d.before, d.after) != (None, None))
