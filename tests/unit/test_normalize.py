from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esplan import diff, normalize

ECHOES = json.loads(
    (Path(__file__).parents[1] / "cases" / "echoes.json").read_text(encoding="utf-8")
)


def field(**definition: Any) -> dict[str, Any]:
    return normalize.field(definition)


# What a real server gave back for what it was sent


@pytest.mark.parametrize("echo", ECHOES, ids=lambda echo: json.dumps(echo["sent"]))
def test_what_was_just_created_is_no_difference(echo: dict[str, Any]) -> None:
    sent, returned = echo["sent"], echo["returned"]
    wanted = normalize.body(sent.get("settings", {}), sent.get("mappings", {}))
    live = normalize.body(returned["settings"], returned["mappings"])
    wanted = normalize.read_by(wanted, "8518000")
    projected = diff.projected(live, wanted)
    # `list(differences) == []` alone would miss a difference that deepdiff does not see
    assert list(diff.differences(projected, diff.shown(wanted))) == []
    assert projected == diff.shown(wanted)


@pytest.mark.parametrize(
    "echo", [e for e in ECHOES if "aliases" in e["sent"]], ids=lambda e: json.dumps(e["sent"])
)
def test_an_alias_just_created_is_no_difference(echo: dict[str, Any]) -> None:
    sent, returned = echo["sent"]["aliases"], echo["returned"]["aliases"]
    assert sent
    for name, options in sent.items():
        assert normalize.alias_options(options) == normalize.alias_options(returned[name])


# Settings


@pytest.mark.parametrize(
    "form",
    [
        {"number_of_shards": 2, "refresh_interval": "30s"},
        {"index.number_of_shards": "2", "index.refresh_interval": "30000ms"},
        {"index": {"number_of_shards": "2", "refresh_interval": "30s"}},
        {"settings": {"index": {"number_of_shards": 2}, "index.refresh_interval": "30s"}},
        {"settings": {"number_of_shards": 2, "refresh_interval": "30000ms"}},
    ],
)
def test_every_form_of_settings_is_one_form(form: dict[str, Any]) -> None:
    expected = {"index.number_of_shards": "2", "index.refresh_interval": "30s"}
    assert normalize.canonical_settings(form) == expected


def test_what_the_server_adds_is_no_setting() -> None:
    added = {
        "index": {
            "uuid": "u",
            "creation_date": "1",
            "provided_name": "x",
            "version": {"created": "8518000"},
            "routing": {
                "allocation": {
                    "include": {"_tier_preference": "data_content"},
                    "initial_recovery": {"_id": "n"},
                }
            },
            "resize": {"source": {"name": "y"}},
            "soft_deletes": {"enabled": "true"},
            "history": {"uuid": "h"},
            "verified_before_close": "true",
        }
    }
    assert normalize.canonical_settings(added) == {}


DATES = [{"type": kind, "locale": one} for kind in ("date", "date_range") for one in ("en", "")]
NANOS = [
    {"type": "date_nanos", "format": f"strict_date_optional_time{kind}||epoch_millis"}
    for kind in ("_nanos", "")
]


@pytest.mark.parametrize(
    ("made", "unsaid"),
    [
        ("8518000", (DATES[0], DATES[2], NANOS[0])),
        ("136408327", (DATES[1], DATES[3], NANOS[1])),
        ("7172999", (DATES[1], DATES[3], NANOS[0])),
    ],
)
def test_what_a_date_says_is_sent_and_compared_as_the_engine_reads_it(
    made: str, unsaid: tuple[dict[str, Any], ...]
) -> None:
    for one in (*DATES, *NANOS):
        body = normalize.body({}, {"properties": {"f": one}})
        assert body.mappings["properties"]["f"] == one
        read = normalize.read_by(body, made).mappings["properties"]["f"]
        assert read == ({"type": one["type"]} if one in unsaid else one)


@pytest.mark.parametrize(("made", "usual"), [("8518000", "en"), ("7172999", "")])
def test_what_a_runtime_date_says_is_compared_as_the_engine_reads_it(made: str, usual: str) -> None:
    for said in ("en", "", "fr"):
        body = normalize.body({}, {"runtime": {"f": {"type": "date", "locale": said}}})
        assert body.mappings["runtime"]["f"]["locale"] == said
        read = normalize.read_by(body, made).mappings["runtime"]["f"]
        assert read == ({"type": "date"} if said == usual else body.mappings["runtime"]["f"])


def test_the_default_that_opensearch_adds_is_no_setting() -> None:
    assert normalize.canonical_settings({"replication.type": "DOCUMENT"}) == {}
    chosen = {"index.replication.type": "SEGMENT"}
    assert normalize.canonical_settings(chosen) == chosen


def test_an_allocation_filter_of_a_user_stays() -> None:
    settings = {"index.routing.allocation.include._name": "n1"}
    assert normalize.canonical_settings(settings) == settings


@pytest.mark.parametrize(
    ("value", "canonical"),
    [
        (True, "true"),
        (False, "false"),
        (1, "1"),
        (-1, "-1"),
        (0.5, "0.5"),
        (None, None),
        (["a"], "a"),
        (["a", 1], ["a", "1"]),
        ([], []),
        ("30000ms", "30s"),
        ("90s", "90s"),
        ("60m", "1h"),
        ("0s", "0ms"),
        ("0", "0"),
        ("1024MB", "1gb"),
        ("1023mb", "1023mb"),
        ("1.5gb", "1.5gb"),
        ("text", "text"),
    ],
)
def test_setting_values(value: Any, canonical: Any) -> None:
    assert normalize.setting_value("index.x", value) == canonical


def test_free_form_values_are_no_units() -> None:
    name = "index.analysis.analyzer.a.stopwords"
    assert normalize.setting_value(name, ["1000ms", "1024kb"]) == ["1000ms", "1024kb"]
    assert normalize.setting_value(name, "1000ms") == "1000ms"


@pytest.mark.parametrize(("one", "other"), [("1000ms", "1s"), ("24h", "1d"), ("1024kb", "1MB")])
def test_equal_amounts_are_equal(one: str, other: str) -> None:
    assert normalize.setting_value("index.x", one) == normalize.setting_value("index.x", other)


@pytest.mark.parametrize(("one", "other"), [("1s", "1m"), ("1kb", "1mb"), ("1000kb", "1mb")])
def test_different_amounts_stay_different(one: str, other: str) -> None:
    assert normalize.setting_value("index.x", one) != normalize.setting_value("index.x", other)


# Mappings


def test_dotted_names_unfold_and_merge() -> None:
    dotted = {"a.b": {"type": "long"}, "a": {"properties": {"c": {"type": "date"}}}}
    nested = {"a": {"properties": {"b": {"type": "long"}, "c": {"type": "date"}}}}
    assert normalize.properties(dotted) == normalize.properties(nested) == nested


def test_a_field_that_the_server_flattens_keeps_its_copies() -> None:
    """As all versions do where it is sent with its dotted name."""
    copied = {"type": "long", "copy_to": "z"}
    objects = {"subobjects": False, "properties": {"a": {"properties": {"b": copied}}}}
    dotted = {"subobjects": False, "properties": {"a.b": copied}}
    both = [normalize.body({}, one).mappings["properties"] for one in (objects, dotted)]
    assert both == [{"a.b": {"type": "long", "copy_to": ["z"]}}] * 2


def test_dotted_names_stay_without_subobjects() -> None:
    mappings = {"subobjects": False, "properties": {"a.b": {"type": "long"}}}
    assert normalize.canonical_mappings(mappings)["properties"] == {"a.b": {"type": "long"}}


def test_a_leading_mapping_type_is_unwrapped() -> None:
    properties = {"a": {"type": "long"}}
    assert normalize.canonical_mappings({"_doc": {"properties": properties}}) == {
        "properties": properties
    }


def test_the_mark_is_not_part_of_the_mapping() -> None:
    mark = {"address": "alias.a", "plan": "p"}
    marked = {"_meta": {"esplan": mark, "owner": "me"}, "properties": {}}
    assert normalize.canonical_mappings(marked) == {"_meta": {"owner": "me"}, "properties": {}}
    assert normalize.canonical_mappings({"_meta": {"esplan": mark}}) == {"properties": {}}
    assert normalize.canonical_mappings({"_meta": {}}) == {"properties": {}}, "else for ever"
    assert normalize.mark(marked) == mark


@pytest.mark.parametrize("mappings", [{}, {"_meta": {}}, {"_meta": {"esplan": "text"}}])
def test_no_mark(mappings: dict[str, Any]) -> None:
    assert normalize.mark(mappings) == {}


def test_a_difference_that_matters_is_kept() -> None:
    assert field(type="text", index=False) == {"type": "text", "index": False}
    assert field(type="wildcard", doc_values=True) == {"type": "wildcard", "doc_values": True}
    assert field(type="wildcard", doc_values=False) == {"type": "wildcard"}, "of OpenSearch"
    assert field(type="text", norms=False) == {"type": "text", "norms": False}
    assert field(type="keyword", norms=True) == {"type": "keyword", "norms": True}
    assert field(type="date", format="yyyy") == {"type": "date", "format": "yyyy"}
    assert field(type="text", analyzer="a", search_analyzer="b")["search_analyzer"] == "b"


def test_doc_values_of_a_binary_field_are_not_its_default() -> None:
    """`binary` is the type whose doc_values are off unless asked for."""
    assert field(type="binary", doc_values=True) != field(type="binary")


# What depends on the version that made the index

EIGHT, NINE = "8518000", "9094000"
KEYWORD = {"type": "keyword"}


def read(created: str, mode: str | None = None, **fields: Any) -> Any:
    """Fields as a version reads them, beside what the canonical form keeps of them."""
    body = normalize.body({"mode": mode} if mode else {}, {"properties": fields})
    return normalize.read_by(body, created).mappings["properties"]


def test_a_text_of_a_series_is_stored_by_default_in_8_alone() -> None:
    stored, unstored = {"type": "text", "store": True}, {"type": "text", "store": False}
    fields = {"a": stored, "b": unstored, "c": {**stored, "fields": {"k": KEYWORD}}}
    assert read("", "logsdb", **fields) == fields
    eight, nine = read(EIGHT, "logsdb", **fields), read(NINE, "logsdb", **fields)
    assert eight == {"a": {"type": "text"}, "b": unstored, "c": fields["c"]}
    assert nine == {"a": stored, "b": {"type": "text"}, "c": fields["c"]}


def test_what_has_doc_values_is_not_indexed_in_a_time_series_of_9() -> None:
    yes, no = {"type": "ip", "index": True}, {"type": "ip", "index": False}
    date = {"type": "date", "index": False}
    assert read("", "time_series", a=yes, b=no) == {"a": yes, "b": no}
    assert read(EIGHT, "time_series", a=yes, b=no) == {"a": {"type": "ip"}, "b": no}
    assert read(NINE, "time_series", a=yes, b=no, c=date) == {
        "a": yes,
        "b": {"type": "ip"},
        "c": date,
    }
    assert read(NINE, "logsdb", a=yes, b=no) == {"a": {"type": "ip"}, "b": no}
    assert read(NINE, None, a=yes, b=no) == {"a": {"type": "ip"}, "b": no}


@pytest.mark.parametrize("created", ["", EIGHT, NINE])
def test_a_binary_field_of_a_series_has_doc_values(created: str) -> None:
    kept, usual = {"type": "binary", "doc_values": False}, {"type": "binary"}
    fields = {"a": kept, "b": usual | {"doc_values": True}}
    assert read(created, "logsdb", **fields) == {"a": kept, "b": usual}


@pytest.mark.parametrize("dims", ["64", "many"])
def test_the_length_of_a_vector_may_be_a_text_or_wrong(dims: str) -> None:
    """What is no number is for the server to refuse."""
    options = {"type": "int8_hnsw"}
    assert field(type="dense_vector", dims=dims, index_options=options)["type"] == "dense_vector"


def test_a_binary_field_has_no_index() -> None:
    assert field(type="binary", index=False) == field(type="binary")


@pytest.mark.parametrize(("created", "kept"), [("", 1), (EIGHT, 1), ("136418127", 0)])
def test_opensearch_forgets_whether_points_are_indexed(created: str, kept: int) -> None:
    off = {"type": "geo_point", "index": False}
    assert read(created, None, a=off) == {"a": off if kept else {"type": "geo_point"}}


@pytest.mark.parametrize(("created", "names"), [("", 3), (EIGHT, 3), (NINE, 2), ("136418127", 3)])
def test_9_keeps_the_last_of_two_templates_of_one_name(created: str, names: int) -> None:
    a, b, c = ({name: {"match": m}} for name, m in [("t", "a*"), ("u", "b*"), ("t", "c*")])
    body = normalize.body({}, {"dynamic_templates": [a, b, c]})
    found = normalize.read_by(body, created).mappings["dynamic_templates"]
    assert found == ([a, b, c] if names == 3 else [c, b])


@pytest.mark.parametrize(
    ("options", "canonical"),
    [
        ({"type": "bbq_hnsw", "rescore_vector": {"oversample": 3}}, {"type": "bbq_hnsw"}),
        (
            {"type": "bbq_flat", "rescore_vector": {"oversample": "2"}},
            {"type": "bbq_flat", "rescore_vector": {"oversample": 2.0}},
        ),
        ({"type": "int4_flat", "confidence_interval": 0}, {"type": "int4_flat"}),
        ({"type": "bbq_disk", "bits": 1, "cluster_size": 384}, {"type": "bbq_disk"}),
    ],
)
def test_options_of_vectors_without_what_some_versions_add(
    options: dict[str, Any], canonical: dict[str, Any]
) -> None:
    vector = {"type": "dense_vector", "dims": 512}
    assert field(**vector, index_options=options)["index_options"] == canonical


def test_the_options_that_only_some_versions_choose_are_kept() -> None:
    options = {"type": "int8_hnsw", "m": 16}
    vector = {"type": "dense_vector", "element_type": "bfloat16"}
    assert "index_options" not in field(**vector, dims=383, index_options=options)
    for more in ({"dims": 384}, {}):
        kept = field(**vector, **more, index_options=options)
        assert kept["index_options"] == {"type": "int8_hnsw"}


def test_norms_of_a_field_that_is_no_text_are_not_its_default() -> None:
    assert field(type="keyword", norms=True) != field(type="keyword")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"properties": {"title": "text"}}, "the field 'title' must be an object with a type"),
        ({"properties": ["title"]}, "properties must be an object of fields by name"),
        ({"properties": {"a": {"properties": {"b": 1}}}}, "the field 'b' must be an object"),
    ],
)
def test_what_cannot_be_read_says_so(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        normalize.canonical_mappings(bad)


@pytest.mark.parametrize(
    "bad",
    [
        {"properties": {"a": {"type": "text", "fields": {"raw": "keyword"}}}},
        {"properties": {"a": {"type": "text", "fields": ["raw"]}}},
        {"runtime": {"r": "long"}},
        {"runtime": ["r"]},
        {"dynamic_templates": ["t"]},
        {"dynamic_templates": {"t": {}}},
        {"properties": {"a": {"type": ["text"]}}},
    ],
)
def test_nothing_but_value_error_for_a_wrong_form(bad: dict[str, Any]) -> None:
    try:
        normalize.canonical_mappings(bad)
    except ValueError as error:
        assert str(error)  # noqa: PT017  (accepting the form is as good as a reason)


# Aliases


def test_routing_is_split_in_two() -> None:
    assert normalize.alias_options({"routing": "1"}) == {
        "index_routing": "1",
        "search_routing": "1",
    }
    assert normalize.alias_options({"routing": "1", "search_routing": "2"}) == {
        "index_routing": "1",
        "search_routing": "2",
    }


def test_what_means_nothing_is_left_out() -> None:
    assert normalize.alias_options({"filter": {}, "is_hidden": False}) == {}
    assert normalize.alias_options({"is_write_index": False}) == {"is_write_index": False}


def test_routing_is_text() -> None:
    assert normalize.alias_options({"routing": 0})["index_routing"] == "0"


# Properties

NAMES = st.sampled_from(["a", "b", "a.b", "a.c", "properties", "fields", "type", "settings"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 2000),
    st.sampled_from(["1000ms", "0s", "1024kb", "0b", "60m", "true", "x", "", "30 s", "1.5gb"]),
)
SETTINGS = st.recursive(
    SCALARS | st.lists(SCALARS.filter(lambda value: value is not None), max_size=3),
    lambda inner: st.dictionaries(NAMES | st.just("index"), inner, max_size=3),
    max_leaves=8,
).filter(lambda value: isinstance(value, dict))

PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(
            ["text", "keyword", "date", "object", "nested", "join", "long", "binary", "flattened"]
        ),
        "norms": st.sampled_from([True, False, "true", "false"]),
        "index": st.sampled_from([True, False, "true", "false"]),
        "enabled": st.sampled_from([True, False, "true", "false"]),
        "doc_values": st.booleans(),
        "analyzer": st.sampled_from(["a", "b"]),
        "search_analyzer": st.sampled_from(["a", "b"]),
        "search_quote_analyzer": st.sampled_from(["a", "b"]),
        "ignore_above": st.sampled_from([256, "256", 2147483647]),
        "null_value": st.sampled_from([None, 1, "1", "x", True]),
        "copy_to": st.sampled_from(["g", ["g"], ["g", "h"], []]),
        "dynamic": st.sampled_from([True, "true", False, "strict", "Strict"]),
        "subobjects": st.sampled_from([True, False, "false", "true"]),
        "meta": st.sampled_from([{}, {"unit": "ms"}]),
        "format": st.sampled_from(["strict_date_optional_time||epoch_millis", "yyyy"]),
        "eager_global_ordinals": st.booleans(),
    },
)
FIELDS = st.recursive(
    PARAMETERS,
    lambda inner: st.tuples(
        PARAMETERS,
        st.fixed_dictionaries(
            {}, optional={name: st.dictionaries(NAMES, inner) for name in ("properties", "fields")}
        ),
    ).map(lambda pair: pair[0] | pair[1]),
    max_leaves=6,
)
MAPPINGS = st.fixed_dictionaries(
    {},
    optional={
        "properties": st.dictionaries(NAMES, FIELDS, max_size=4),
        "dynamic": st.sampled_from([True, "strict", "Strict"]),
        "subobjects": st.sampled_from([True, False, "false"]),
        "_meta": st.sampled_from([{}, {"a": 1}, {"esplan": {"plan": "p"}}]),
        "_source": st.sampled_from([{}, {"enabled": True}, {"enabled": "true"}, {"excludes": []}]),
        "_routing": st.sampled_from([{"required": True}, {"required": "false"}]),
        "runtime": st.dictionaries(
            NAMES,
            st.sampled_from(
                [{"type": "long", "script": "emit(1)"}, {"type": "long"}, {"type": "date"}]
            ),
            max_size=2,
        ),
        "dynamic_templates": st.just([{"t": {"match": ["a*"], "mapping": {"type": "long"}}}]),
        "dynamic_date_formats": st.sampled_from(["yyyy", ["yyyy"]]),
    },
)


@given(SETTINGS)
def test_canonical_settings_are_idempotent(settings: dict[str, Any]) -> None:
    once = normalize.canonical_settings(settings)
    assert normalize.canonical_settings(once) == once


@given(MAPPINGS)
def test_canonical_mappings_are_idempotent(mappings: dict[str, Any]) -> None:
    once = normalize.canonical_mappings(mappings)
    assert normalize.canonical_mappings(once) == once


@given(MAPPINGS)
def test_normalising_leaves_its_input_alone(mappings: dict[str, Any]) -> None:
    before = json.dumps(mappings)
    normalize.canonical_mappings(mappings)
    assert json.dumps(mappings) == before


@given(MAPPINGS)
def test_the_canonical_form_does_not_depend_on_the_order_of_keys(mappings: dict[str, Any]) -> None:
    def reverse(tree: Any) -> Any:
        if isinstance(tree, dict):
            return {name: reverse(tree[name]) for name in reversed(tree)}
        return tree

    once = normalize.canonical_mappings(mappings)
    assert normalize.canonical_mappings(reverse(mappings)) == once


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "routing": st.sampled_from(["1", 2, ""]),
            "search_routing": st.sampled_from(["1,2"]),
            "filter": st.sampled_from([{}, {"term": {"a": 1}}]),
            "is_hidden": st.booleans(),
            "is_write_index": st.booleans(),
        },
    )
)
def test_alias_options_are_idempotent(raw: dict[str, Any]) -> None:
    once = normalize.alias_options(raw)
    assert normalize.alias_options(once) == once


def test_the_server_forgets_the_meta_of_a_join() -> None:
    bare = field(type="join", relations={"q": "a"})
    assert field(type="join", relations={"q": "a"}, meta={"unit": "ms"}) == bare


def test_null_is_one_shard_and_one_replica() -> None:
    name = "index.number_of_replicas"
    assert normalize.canonical_settings({"number_of_replicas": None}) == {name: "1"}
    assert normalize.setting_value("index.number_of_shards", None) == "1"
    assert normalize.setting_value("index.refresh_interval", None) is None


@pytest.mark.parametrize(
    ("precision", "level"),
    [("5", 9), ("5km", 5), ("1.7m", 10), ("0", 24), ("1876418m", 1), ("1876416m", 2), ("7.2m", 8)],
)
def test_a_precision_in_a_string_is_a_distance(precision: str, level: int) -> None:
    """Seen on 8.16.1: `"5"` is five metres, not level 5."""
    context = {"name": "c", "type": "geo"}
    sent = {"type": "completion", "contexts": [{**context, "precision": precision}]}
    made = {"type": "completion", "contexts": [{**context, "precision": level}]}
    assert normalize.field(sent) == normalize.field(made)


@pytest.mark.parametrize("mode", ["logsdb", "time_series", "standard"])
def test_the_time_of_a_series(mode: str) -> None:
    """GET returns `ignore_malformed: false` for it, whether it was sent or not; seen on 8.16.1."""
    said = {"@timestamp": {"type": "date", "ignore_malformed": False}}
    found = normalize.body({"index.mode": mode}, {"properties": said}).mappings
    assert found == {"properties": {"@timestamp": {"type": "date"}}}
    other = {"at": {"type": "date", "ignore_malformed": False}}
    found = normalize.body({"index.mode": "logsdb"}, {"properties": other}).mappings
    assert found == {"properties": other}


def test_replicas_that_expand_have_no_number() -> None:
    """GET returns what the nodes allow, whatever number was sent."""
    sent = {"number_of_replicas": 1, "auto_expand_replicas": "0-1"}
    assert normalize.canonical_settings(sent) == {"index.auto_expand_replicas": "0-1"}
    for off in ("false", None):
        kept = normalize.canonical_settings({**sent, "auto_expand_replicas": off})
        assert kept["index.number_of_replicas"] == "1"


def test_alike_mappings_are_read_once_and_told_apart_by_their_types() -> None:
    """The canonical form is remembered; what equals another value in Python alone is not it."""
    one = normalize.canonical_mappings({"_meta": {"a": 1, "esplan": {"plan_id": "x"}}})
    assert normalize.canonical_mappings({"_meta": {"a": 1, "esplan": {"plan_id": "y"}}}) is one
    for value in (True, 1.0):
        other = normalize.canonical_mappings({"_meta": {"a": value}})
        assert json.dumps(other["_meta"]["a"]) == json.dumps(value)
    field = {"properties": {"f": {"type": "keyword", "ignore_above": 5}}}
    formed = normalize.canonical_mappings(field, {"index.mapping.ignore_above": "5"})
    assert formed != normalize.canonical_mappings(field)
