from __future__ import annotations

from typing import Any

import pytest

from esplan import diff, normalize
from esplan.diff import Difference
from esplan.model import Body
from esplan.route import rules
from esplan.route.rules import Route

PATH = ("mappings", "properties", "a")


def route(path: str, before: Any, after: Any) -> Route:
    return rules.reason(Difference(tuple(path.split("/")), before, after))[0]


@pytest.mark.parametrize(
    ("path", "before", "after", "expected"),
    [
        ("options/filter", None, {}, Route.ALIAS),
        ("aliases/a", None, {}, Route.ALIAS),
        ("settings/index.number_of_replicas", "0", "1", Route.SETTINGS),
        ("settings/index.refresh_interval", "1s", None, Route.SETTINGS),
        ("settings/index.blocks.write", None, "true", Route.SETTINGS),
        ("settings/index.max_result_window", None, "1", Route.SETTINGS),
        ("settings/index.number_of_shards", "1", "2", Route.SPLIT),
        ("settings/index.number_of_shards", "6", "2", Route.SHRINK),
        ("settings/index.number_of_shards", "2", None, Route.SHRINK),
        ("settings/index.number_of_shards", "2", "3", Route.REINDEX),
        ("settings/index.sort.field", None, "a", Route.REINDEX),
        ("settings/index.codec", None, "best_compression", Route.CLOSE),
        ("settings/index.analysis.analyzer.a.type", None, "simple", Route.CLOSE),
        ("settings/index.unheard_of", None, "1", Route.REINDEX),
        ("settings/index.allocation.max_retries", None, "9", Route.SETTINGS),
        ("settings/index.bloom_filter_for_id_field.enabled", None, "false", Route.SETTINGS),
        ("settings/index.compound_format", None, "0.2", Route.SETTINGS),
        ("settings/index.flush_after_merge", None, "256mb", Route.SETTINGS),
        ("settings/index.soft_deletes.retention.operations", None, "9", Route.SETTINGS),
        ("settings/index.soft_deletes.retention_lease.period", None, "9h", Route.SETTINGS),
        ("settings/index.translog.generation_threshold_size", None, "9mb", Route.SETTINGS),
        ("settings/index.mapping.ignore_above", None, "9", Route.CLOSE),
        ("settings/index.mapping.synthetic_source_keep", None, "arrays", Route.CLOSE),
        ("mappings/properties/a/path", "b", "c", Route.MAPPING),
        ("mappings/properties/a/on_script_error", None, "continue", Route.MAPPING),
        ("mappings/properties/a/ignore_z_value", None, False, Route.MAPPING),
        ("mappings/properties/a/depth_limit", None, 5, Route.MAPPING),
        ("mappings/properties/a/max_input_length", None, 60, Route.MAPPING),
        ("mappings/properties/a/norms", True, None, Route.MAPPING),
        ("mappings/properties/a/priority", 1, 5, Route.MAPPING),
        ("mappings/properties/a/priority", 5, 1, Route.REINDEX),
        ("mappings/properties/a/relations", {"q": "a"}, {"q": ["a", "b"]}, Route.MAPPING),
        ("mappings/properties/a/relations", {"q": "a"}, {"q": "a", "r": "s"}, Route.MAPPING),
        ("mappings/properties/a/relations", {"q": "a"}, {"q": "a", "a": "c"}, Route.REINDEX),
        ("mappings/properties/a/relations", {"q": "a"}, {"q": "b"}, Route.REINDEX),
        ("mappings/properties/a/index_options", {"type": "flat"}, None, Route.REINDEX),
        ("mappings/dynamic", None, "strict", Route.MAPPING),
        ("mappings/_meta", {"a": 1}, {"a": 2}, Route.MAPPING),
        ("mappings/_meta", {"a": 1}, None, Route.REINDEX),
        ("mappings/_source", None, {"enabled": False}, Route.REINDEX),
        ("mappings/_routing", None, {"required": True}, Route.REINDEX),
        ("mappings/subobjects", None, False, Route.REINDEX),
        ("mappings/runtime", None, {"r": {}}, Route.MAPPING),
        ("mappings/runtime/r", {}, None, Route.MAPPING),
        ("mappings/properties/a", None, {"type": "long"}, Route.MAPPING),
        ("mappings/properties/a", {"type": "long"}, None, Route.REINDEX),
        ("mappings/properties/a/type", "long", "ip", Route.REINDEX),
        ("mappings/properties/a/analyzer", None, "x", Route.REINDEX),
        ("mappings/properties/a/index", None, False, Route.REINDEX),
        ("mappings/properties/a/format", "yyyy", "MM", Route.REINDEX),
        ("mappings/properties/a/null_value", None, 1, Route.REINDEX),
        ("mappings/properties/a/enabled", None, False, Route.REINDEX),
        ("mappings/properties/a/norms", None, False, Route.MAPPING),
        ("mappings/properties/a/norms", False, None, Route.REINDEX),
        ("mappings/properties/a/norms", None, True, Route.REINDEX),
        ("mappings/properties/a/ignore_above", 1, 2, Route.MAPPING),
        ("mappings/properties/a/ignore_above", 1, None, Route.MAPPING),
        ("mappings/properties/a/copy_to", None, ["b"], Route.MAPPING),
        ("mappings/properties/a/search_analyzer", "x", "y", Route.MAPPING),
        ("mappings/properties/a/fields", None, {"raw": {}}, Route.MAPPING),
        ("mappings/properties/a/fields/raw", None, {}, Route.MAPPING),
        ("mappings/properties/a/fields/raw/type", "text", "keyword", Route.REINDEX),
        ("mappings/properties/o/properties/a", None, {}, Route.MAPPING),
        ("mappings/properties/o/dynamic", None, "strict", Route.MAPPING),
    ],
)
def test_the_route_that_a_difference_forces(
    path: str, before: Any, after: Any, expected: Route
) -> None:
    assert route(path, before, after) == expected


@pytest.mark.parametrize("name", ["fields", "properties", "runtime"])
def test_a_fixed_parameter_of_a_field_of_any_name(name: str) -> None:
    """A field may be called `fields`: its parameters are no fields."""
    assert route(f"mappings/properties/{name}/null_value", None, "x") == Route.REINDEX


def test_the_reason_says_path_values_rule_and_route() -> None:
    _, reason = rules.reason(Difference((*PATH, "type"), "long", "ip"))
    assert (reason.path, reason.before, reason.after) == (
        "mappings.properties.a.type",
        "long",
        "ip",
    )
    assert reason.rule.startswith("the type of a field is fixed")
    assert reason.route == "reindex"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("mappings/properties/a/time_series_dimension", "have their ids without this dimension"),
        ("mappings/properties/a/inference_id", "keep the inferences of the other model"),
        ("mappings/_field_names", "keep the field names that they were indexed with"),
        ("mappings/_source", "keep the `_source` that they have"),
        ("settings/index.routing_partition_size", "stay in the shards that they were routed to"),
    ],
)
def test_documents_that_are_there_need_a_new_index(path: str, why: str) -> None:
    """Some server takes each of them in place; the documents would not be as if made so."""
    found, reason = rules.reason(Difference(tuple(path.split("/")), None, True))
    assert found is Route.REINDEX
    assert reason.rule == f"documents that are there {why}"


@pytest.mark.parametrize(
    ("kind", "name", "after", "expected"),
    [
        ("geo_point", "ignore_malformed", None, Route.REINDEX),
        ("geo_point", "ignore_z_value", None, Route.REINDEX),
        ("geo_point", "ignore_malformed", True, Route.MAPPING),
        ("long", "ignore_malformed", None, Route.MAPPING),
    ],
)
def test_what_opensearch_would_leave_as_it_is(
    kind: str, name: str, after: Any, expected: Route
) -> None:
    live = Body({}, {"properties": {"a": {"properties": {"b": {"type": kind}}}}})
    path = (*PATH, "properties", "b", name)
    assert rules.reason(Difference(path, False, after), live)[0] is expected


def test_routes_are_ordered_by_their_cost() -> None:
    assert sorted(Route) == [
        Route.NOTHING,
        Route.ALIAS,
        Route.SETTINGS,
        Route.MAPPING,
        Route.RELEASE,
        Route.CLOSE,
        Route.CLONE,
        Route.SHRINK,
        Route.SPLIT,
        Route.REINDEX,
    ]
    assert all(route.title for route in Route)


# Bodies


def canonical(**fields: Any) -> dict[str, Any]:
    return normalize.canonical_mappings({"properties": fields})


def test_an_update_holds_touched_fields_whole() -> None:
    live = canonical(
        a={"type": "text", "analyzer": "x", "fields": {"old": {"type": "keyword"}}},
        b={"type": "long"},
    )
    desired = canonical(
        a={"type": "text", "analyzer": "x", "fields": {"new": {"type": "keyword"}}},
        b={"type": "long"},
        c={"type": "ip"},
    )
    paths = [(*PATH, "fields", "new"), ("mappings", "properties", "c")]
    assert rules.in_place_mapping(paths, live, desired) == {
        "properties": {
            "a": {
                "type": "text",
                "analyzer": "x",
                "fields": {"new": {"type": "keyword"}, "old": {"type": "keyword"}},
            },
            "c": {"type": "ip"},
        }
    }


def test_an_update_of_root_parameters() -> None:
    desired = canonical() | {"dynamic": "strict", "runtime": {"r": {"type": "long"}}}
    paths = [("mappings", "dynamic"), ("mappings", "runtime")]
    assert rules.in_place_mapping(paths, canonical(), desired) == {
        "dynamic": "strict",
        "runtime": {"r": {"type": "long"}},
    }


@pytest.mark.parametrize("left", [{}, {"s": {"type": "long"}}])
def test_a_runtime_field_that_an_exact_mapping_leaves_out_is_removed(left: Any) -> None:
    """`PUT _mapping` removes a runtime field that is sent as null."""
    live = canonical() | {"runtime": {"r": {"type": "long"}, **left}}
    desired = canonical() | ({"runtime": left} if left else {})
    before, after = ({"settings": {}, "mappings": one} for one in (live, desired))
    paths = [one.path for one in diff.differences(before, after)]
    assert rules.in_place_mapping(paths, live, desired) == {"runtime": {"r": None}}


def test_dotted_names_are_sent_as_what_they_are() -> None:
    live = {"subobjects": False, "properties": {"a.b": {"type": "keyword"}}}
    desired = {"subobjects": False, "properties": {"a.b": {"type": "keyword", "copy_to": ["z"]}}}
    paths = [("mappings", "properties", "a.b", "copy_to")]
    assert rules.in_place_mapping(paths, live, desired) == desired
    assert rules.in_place_mapping(
        [("mappings", "date_detection")], live, {"date_detection": True}
    ) == {"date_detection": True}


def test_a_new_index_keeps_what_only_live_has() -> None:
    live = canonical(
        a={"type": "long"},
        b={"type": "text", "fields": {"raw": {"type": "keyword"}}},
        o={"dynamic": "strict", "properties": {"x": {"type": "long"}}},
    ) | {"dynamic": "strict", "runtime": {"r": {"type": "long"}}}
    desired = canonical(
        b={"type": "text", "analyzer": "x"}, o={"properties": {"y": {"type": "ip"}}}
    )
    assert rules.merged(live, desired) == canonical(
        a={"type": "long"},
        b={"type": "text", "analyzer": "x", "fields": {"raw": {"type": "keyword"}}},
        o={"dynamic": "strict", "properties": {"x": {"type": "long"}, "y": {"type": "ip"}}},
    ) | {"dynamic": "strict", "runtime": {"r": {"type": "long"}}}


def test_a_field_of_another_type_keeps_nothing() -> None:
    live = canonical(a={"type": "text", "fields": {"raw": {"type": "keyword"}}})
    assert rules.merged(live, canonical(a={"type": "ip"})) == canonical(a={"type": "ip"})


def test_merging_what_is_merged_changes_nothing() -> None:
    live = canonical(a={"type": "text", "fields": {"raw": {"type": "keyword"}}})
    desired = canonical(a={"type": "text"}, b={"properties": {"c": {"type": "ip"}}})
    once = rules.merged(live, desired)
    assert rules.merged(once, desired) == once
    assert normalize.canonical_mappings(once) == once


def test_what_the_server_chose_stays_when_another_parameter_changes() -> None:
    """9.4 would turn `int8_hnsw` into `bbq_hnsw` in an update that does not name it."""
    vector: dict[str, Any] = {"type": "dense_vector", "dims": 512}
    live = {"properties": {"v": {**vector, "index_options": {"type": "int8_hnsw"}}}}
    wanted = {"properties": {"v": {**vector, "meta": {"a": "b"}}}}
    sent = rules.in_place_mapping([("mappings", "properties", "v", "meta")], live, wanted)
    assert sent["properties"]["v"] == {
        **vector,
        "meta": {"a": "b"},
        "index_options": {"type": "int8_hnsw"},
    }
