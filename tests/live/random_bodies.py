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
SCRIPT = {
    "script": st.sampled_from(
        ["return", {"source": "return"}, {"source": "return", "lang": "painless", "params": {}}]
    )
}
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
        "term_vector": st.sampled_from(["no", "yes", "with_offsets", "with_positions_offsets"]),
        "similarity": st.sampled_from(["BM25", "boolean", None]),
        "fielddata": FLAGS,
        "index_phrases": FLAGS,
        "index_prefixes": st.sampled_from(
            [None, {}, {"min_chars": 1}, {"max_chars": "9"}, {"min_chars": 2, "max_chars": 5}]
        ),
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
    "integer": {**NUMBERS, "null_value": st.sampled_from([None, "7", 7.0])},
    "short": {**NUMBERS, "null_value": st.sampled_from([None, "+7", -7])},
    "long_range": {**COLUMN, "coerce": FLAGS},
    "double_range": {**COLUMN, "coerce": FLAGS},
    "date_nanos": {
        **COLUMN,
        **LOOSE,
        **DATES,
        "format": st.sampled_from(
            [
                "strict_date_optional_time_nanos||epoch_millis",
                "strict_date_optional_time||epoch_millis",
                "yyyy-MM-dd",
            ]
        ),
        "null_value": st.sampled_from([None, "2020-01-01"]),
    },
    "join": {
        "relations": st.sampled_from([{}, {"a": "b"}, {"a": ["c", "b"], "b": ["d"]}]),
        "eager_global_ordinals": FLAGS,
        "meta": st.just({}),
    },
    "sparse_vector": {"meta": st.sampled_from([{}, {"m": "1"}])},
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
        "preserve_position_increments": FLAGS,
        "max_input_length": st.sampled_from([50, "60"]),
        "contexts": st.sampled_from(
            [
                [{"name": "c", "type": "category"}],
                {"name": "c", "type": "GEO", "precision": "5"},
                [{"name": "g", "type": "geo"}, {"name": "c", "type": "category", "path": "p"}],
            ]
        ),
    },
    "dense_vector": {
        "dims": st.sampled_from([64, "64"]),
        "index": FLAGS,
        "element_type": st.sampled_from(["float", "byte", "bit"]),
        "similarity": st.sampled_from(["cosine", "l2_norm", "dot_product", "max_inner_product"]),
        "index_options": st.fixed_dictionaries(
            {"type": st.sampled_from(["hnsw", "int8_hnsw", "int4_hnsw", "int4_flat", "flat"])},
            optional={"m": st.sampled_from([16, "8"]), "ef_construction": st.just(100)},
        ),
    },
    "counted_keyword": {"index": FLAGS},
}


def one_type(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(kind)}, optional=TYPES[kind])


SCRIPTED_FIELDS = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "double", "boolean", "date", "keyword"]), **SCRIPT},
    optional={"on_script_error": st.sampled_from(["fail", "continue"]), "store": FLAGS},
)
SUB_FIELDS = one_type("keyword").map(
    lambda field: {name: value for name, value in field.items() if name != "copy_to"}
)
LEAVES = st.one_of(*map(one_type, TYPES), SCRIPTED_FIELDS) | st.builds(
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
        "enabled": st.sampled_from([True, "true"]),
        "subobjects": st.sampled_from([True, "true", False, "false"]),
        "_field_names": st.just({}),
        "_meta": st.sampled_from([{}, {"owner": "me"}, {"a": {"b": [1, None, "1"]}}, None]),
        "_source": st.sampled_from([{}, {"enabled": "true"}, {"excludes": ["a"], "includes": []}]),
        "_routing": st.fixed_dictionaries({}, optional={"required": FLAGS}),
        "runtime": st.dictionaries(
            st.sampled_from(["r", "r.s"]),
            st.sampled_from(
                [
                    {"type": "long", "script": "emit(1)"},
                    {"type": "date", "format": "yyyy", "meta": {}},
                    {"type": "keyword", "script": "return", "on_script_error": "fail"},
                    {"type": "double", "script": {"source": "emit(1)", "params": {"a": 1}}},
                    {"type": "date", "locale": "de", "format": "yyyy||MM"},
                    {"type": "date", "locale": ""},
                    {"type": "date", "locale": "en"},
                    {"type": "date", "locale": "ROOT"},
                    {"type": "date", "locale": "fr-fr"},
                    {"type": "geo_point"},
                    {"type": "ip", "script": {"lang": "painless", "source": "emit('::1')"}},
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
                    {"v": {"path_match": "a.*", "path_unmatch": ["*.b"], "runtime": {}}},
                    {"w": {"unmatch": 7, "match_pattern": "simple", "mapping": {"type": "ip"}}},
                    {
                        "x": {
                            "match": "^n_\\d+$",
                            "match_pattern": "regex",
                            "mapping": {"type": "keyword", "ignore_above": "9", "norms": "true"},
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
FALSE = st.sampled_from([False, "false"])
WORDS = st.sampled_from([["a", "b"], ["a"], "a", "a, b", "_none_", ["_none_"], []])
ANALYSIS = st.fixed_dictionaries(
    {},
    optional={
        "analyzer": st.dictionaries(
            st.sampled_from(["own", "other"]),
            st.fixed_dictionaries({"type": st.just("stop")}, optional={"stopwords": WORDS})
            | st.fixed_dictionaries(
                {"tokenizer": st.sampled_from(["standard", "keyword"])},
                optional={
                    "type": st.just("custom"),
                    "filter": st.sampled_from(["lowercase", ["lowercase"], ["lowercase", "trim"]]),
                    "position_increment_gap": st.sampled_from([0, "7"]),
                },
            ),
            max_size=2,
        ),
        "filter": st.dictionaries(
            st.sampled_from(["f1", "f2"]),
            st.fixed_dictionaries({"type": st.just("stop")}, optional={"stopwords": WORDS})
            | st.sampled_from(
                [
                    {"type": "ngram", "min_gram": 2, "max_gram": "3"},
                    {"type": "edge_ngram", "min_gram": "1", "max_gram": "5"},
                    {"type": "synonym", "synonyms": ["a, b => c"]},
                    {"type": "length", "min": 0, "max": "60"},
                    {"type": "truncate", "length": 10},
                ]
            ),
            max_size=2,
        ),
        "normalizer": st.sampled_from(
            [{"n": {"type": "custom", "filter": "lowercase"}}, {"n": {"filter": ["lowercase"]}}]
        ),
        "char_filter": st.sampled_from(
            [{"m": {"type": "mapping", "mappings": [" a => b", "ph=>f"]}}, {}]
        ),
    },
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
                "indexing.slowlog": st.fixed_dictionaries(
                    {},
                    optional={
                        "threshold.index.info": AMOUNTS,
                        "source": st.sampled_from([1000, "true", False]),
                        "reformat": FLAGS,
                    },
                ),
                "search.idle.after": AMOUNTS,
                "default_pipeline": st.just("_none"),
                "blocks": st.fixed_dictionaries({}, optional={"write": FLAGS, "metadata": FALSE}),
                "unassigned.node_left": st.fixed_dictionaries({"delayed_timeout": AMOUNTS}),
                "similarity": st.sampled_from(
                    [
                        {"s": {"type": "BM25", "b": 0.5, "k1": "1.2"}},
                        {"default": {"type": "boolean"}},
                        {"s.type": "LMDirichlet", "s": {"mu": 2000}},
                    ]
                ),
                "analysis": ANALYSIS,
                "sort": st.sampled_from([{}, {"field": []}, {"order": []}]),
            },
        ),
        "merge.policy.max_merged_segment": BYTES,
        "query.default_field": st.lists(st.sampled_from(["a", "b*", "c,d"]), max_size=2),
        "merge.scheduler.max_thread_count": st.sampled_from([1, "2"]),
        "translog.durability": st.sampled_from(["async", "REQUEST"]),
        "number_of_routing_shards": st.just(8),
        "auto_expand_replicas": st.sampled_from(["0-1", "0-all", False, "false"]),
        "max_inner_result_window": st.none() | st.integers(1, 500),
        "mapping": st.fixed_dictionaries(
            {},
            optional={
                "total_fields.limit": st.sampled_from([2000, "3000"]),
                "depth.limit": st.just("20"),
                "nested_objects.limit": st.just(10000),
                "field_name_length.limit": st.none() | st.just(50),
            },
        ),
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
ALIAS = st.fixed_dictionaries(
    {},
    optional={
        "filter": st.sampled_from(
            [{}, {"term": {"a": 1}}, {"bool": {"must": [{"match_all": {}}]}}]
        ),
        "routing": st.sampled_from(["1", ""]),
        "index_routing": st.just("2"),
        "search_routing": st.sampled_from(["1", "a,b"]),
        "is_write_index": st.booleans(),
        "is_hidden": st.booleans(),
    },
)
ANY_BODY = st.fixed_dictionaries({"settings": INDEX_SETTINGS, "mappings": MAPPINGS})
ALIASES = st.dictionaries(st.sampled_from(["one", "two"]), ALIAS, max_size=2)
