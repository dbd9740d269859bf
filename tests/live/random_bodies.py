"""Any valid body of a create-index call, from parts that go together."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

FLAGS = st.sampled_from([True, False, "true", "false"])
COMMON = {
    "index": FLAGS,
    "store": FLAGS,
    "meta": st.sampled_from([{}, {"unit": "ms"}]),
    "copy_to": st.sampled_from(["z", ["z"], ["z", "y"], []]),
}
COLUMN = {**COMMON, "doc_values": FLAGS}
LOOSE = {"ignore_malformed": FLAGS}
NUMBERS = {**COLUMN, **LOOSE, "coerce": FLAGS}
TERMS = {
    "eager_global_ordinals": FLAGS,
    "ignore_above": st.sampled_from([5, "256", 2147483647]),
    "null_value": st.sampled_from([None, 0, "x", True, 1.5]),
    "split_queries_on_whitespace": FLAGS,
    "similarity": st.sampled_from(["BM25", "boolean", None]),
    "index_options": st.sampled_from(["docs", "freqs"]),
}
DATES = {
    "format": st.sampled_from(["strict_date_optional_time||epoch_millis", "yyyy"]),
    "locale": st.sampled_from(["en", "", "de-de", "ROOT"]),
}
ANALYZERS = st.sampled_from(["default", "standard", "english", "simple"])
TYPES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "text": {
        **COMMON,
        "norms": FLAGS,
        "analyzer": ANALYZERS,
        "search_analyzer": ANALYZERS,
        "search_quote_analyzer": ANALYZERS,
        "index_options": st.sampled_from(["positions", "offsets"]),
        "term_vector": st.sampled_from(["no", "yes"]),
        "position_increment_gap": st.sampled_from([100, "7"]),
        "eager_global_ordinals": FLAGS,
        "fielddata_frequency_filter": st.sampled_from([{}, {"min": 0.1}, {"max": "0.5"}]),
    },
    "keyword": {
        **COLUMN,
        **TERMS,
        "norms": FLAGS,
        "normalizer": st.sampled_from([None, "lowercase"]),
    },
    "flattened": {
        **{name: one for name, one in COLUMN.items() if name not in ("store", "copy_to")},
        **TERMS,
        "depth_limit": st.sampled_from([20, "5"]),
    },
    "long": {**NUMBERS, "null_value": st.sampled_from([None, 5, "5", 5.0, "5.0"])},
    "byte": {**NUMBERS, "null_value": st.sampled_from([None, 0, "1"])},
    "double": {**NUMBERS, "null_value": st.floats(-1e300, 1e300) | st.just("1e3")},
    "float": {**NUMBERS, "null_value": st.floats(-1e30, 1e30, width=64)},
    "half_float": {**NUMBERS, "null_value": st.floats(-60000, 60000, width=64)},
    "date": {**COLUMN, **LOOSE, **DATES, "null_value": st.sampled_from([None, "2020"])},
    "date_range": {**COLUMN, "coerce": FLAGS, **DATES},
    "boolean": {**COLUMN, **LOOSE, "null_value": FLAGS},
    "ip": {**COLUMN, **LOOSE, "null_value": st.sampled_from([None, "::1"])},
    "binary": {"doc_values": FLAGS, "store": FLAGS},
    "ip_range": {**COLUMN, "coerce": FLAGS},
    "geo_point": {
        **COLUMN,
        **LOOSE,
        "ignore_z_value": FLAGS,
        "null_value": st.sampled_from([None, "1,2", [2, 1.5], {"lat": -1, "lon": "2"}]),
    },
    "completion": {
        "analyzer": ANALYZERS,
        "search_analyzer": ANALYZERS,
        "preserve_separators": FLAGS,
        "max_input_length": st.sampled_from([50, "60"]),
    },
    "dense_vector": {
        "dims": st.just(16),
        "similarity": st.sampled_from(["cosine", "l2_norm"]),
        "index_options": st.sampled_from([{"type": t} for t in ("hnsw", "int8_hnsw", "int4_flat")]),
    },
    "counted_keyword": {"index": FLAGS},
}


def one_type(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(kind)}, optional=TYPES[kind])


SUB_FIELDS = one_type("keyword").map(
    lambda field: {name: value for name, value in field.items() if name != "copy_to"}
)
LEAVES = st.one_of(*map(one_type, TYPES)) | st.builds(
    lambda field, inner: field | {"fields": inner},
    one_type("text"),
    st.dictionaries(st.sampled_from(["raw", "b"]), SUB_FIELDS, max_size=2),
)
NAMES = st.sampled_from(["a", "b", "c", "d", "properties", "fields", "type"])
DYNAMIC = st.sampled_from([True, "true", False, "strict", "STRICT", "runtime"])
OBJECT = {"dynamic": DYNAMIC, "enabled": FLAGS}
NESTED = {**OBJECT, "include_in_parent": FLAGS, "include_in_root": FLAGS}


def holding(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    tree = {"properties": st.dictionaries(NAMES, inner, max_size=3)}
    nested = {"type": st.just("nested"), **tree}
    return st.fixed_dictionaries(
        {"type": st.just("object"), **tree}, optional={**OBJECT, "subobjects": FLAGS}
    ) | st.fixed_dictionaries(nested, optional=NESTED)


DOTTED = st.sampled_from(["a", "b", "c", "d", "e.f", "e.g", "e.g.h", "i.f"])
FIELDS = st.dictionaries(DOTTED, st.recursive(LEAVES, holding, max_leaves=5), max_size=5)
MAPPINGS = st.fixed_dictionaries(
    {},
    optional={
        "properties": FIELDS,
        "dynamic": DYNAMIC,
        "date_detection": FLAGS,
        "numeric_detection": FLAGS,
        "dynamic_date_formats": st.sampled_from(["none", "yyyy", ["yyyy", "MM"], []]),
        "_meta": st.sampled_from([{}, {"owner": "me"}]),
        "_source": st.sampled_from([{}, {"enabled": "true"}, {"excludes": ["a"], "includes": []}]),
        "_routing": st.fixed_dictionaries({}, optional={"required": FLAGS}),
        "runtime": st.dictionaries(
            st.sampled_from(["r", "r.s"]),
            st.sampled_from(
                [
                    {"type": "long", "script": "emit(1)"},
                    {"type": "date", "format": "yyyy", "meta": {}},
                    {"type": "keyword", "on_script_error": "fail"},
                ]
            ),
        ),
        "dynamic_templates": st.lists(
            st.sampled_from(
                [
                    {"t": {"match": ["a*"], "mapping": {"type": "long"}}},
                    {
                        "u": {
                            "match_mapping_type": ["string", "long"],
                            "mapping": {"index": "false"},
                        }
                    },
                ]
            ),
            max_size=2,
        ),
    },
)
AMOUNTS = st.builds(
    "{}{}".format, st.integers(1, 5000), st.sampled_from(["ms", "s", "m", "h", " S"])
)
BYTES = st.builds(
    "{}{}".format, st.integers(1, 5000), st.sampled_from(["mb", "MB", "gb", "m", "G", " gb"])
)
INDEX_SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "number_of_shards": st.sampled_from([1, "2"]),
        "index.number_of_replicas": st.sampled_from([0, "1"]),
        "refresh_interval": AMOUNTS | st.sampled_from([-1, "-1"]),
        "index": st.fixed_dictionaries(
            {},
            optional={
                "gc_deletes": AMOUNTS,
                "hidden": FLAGS,
                "translog": st.fixed_dictionaries({"flush_threshold_size": BYTES}),
                "search.slowlog.threshold.query": st.fixed_dictionaries({"warn": AMOUNTS}),
            },
        ),
        "merge.policy.max_merged_segment": BYTES,
        "query.default_field": st.lists(st.sampled_from(["a", "b*", "c,d"]), max_size=2),
        "max_result_window": st.integers(1, 50000),
        "codec": st.sampled_from(["default", "best_compression"]),
        "priority": st.none() | st.integers(1, 9),
        "routing.allocation.exclude.box": st.sampled_from(["60m", "1024kb", "x,y"]),
        "mapping.ignore_malformed": FLAGS,
        "mapping.ignore_above": st.sampled_from([5, "256"]),
        "mapping.coerce": FLAGS,
        "analysis.analyzer.default_search.type": st.just("english"),
    },
)
ANY_BODY = st.fixed_dictionaries({"settings": INDEX_SETTINGS, "mappings": MAPPINGS})
