"""Bodies of create-index calls that the server gives back in another form."""

from __future__ import annotations

from typing import Any

LONG: dict[str, Any] = {"type": "long"}
WORD: dict[str, Any] = {"type": "keyword"}
SERIES = {
    "mode": "time_series",
    "routing_path": ["d"],
    "time_series": {"start_time": "2024-01-01T00:00:00Z", "end_time": "2025-01-01T00:00:00Z"},
}


def fields(**definitions: Any) -> dict[str, Any]:
    return {"mappings": {"properties": definitions}}


def mapping(**parameters: Any) -> dict[str, Any]:
    return {"mappings": parameters}


def setting(name: str, value: Any) -> dict[str, Any]:
    return {"settings": {name: value}}


TEXTS = [
    fields(f={"type": "text"}),
    fields(f={"type": "text", "index": "false", "norms": "false"}),
    fields(f={"type": "text", "analyzer": "default", "search_analyzer": "default"}),
    fields(f={"type": "text", "analyzer": "default", "search_analyzer": "simple"}),
    fields(f={"type": "text", "search_analyzer": "simple"}),
    fields(f={"type": "text", "search_quote_analyzer": "simple"}),
    fields(f={"type": "text", "analyzer": "english", "search_quote_analyzer": "simple"}),
    fields(
        f={
            "type": "text",
            "analyzer": "english",
            "search_analyzer": "simple",
            "search_quote_analyzer": "english",
        }
    ),
    fields(f={"type": "text", "index_prefixes": {"min_chars": "3"}}),
    fields(f={"type": "text", "index_prefixes": None, "similarity": None}),
    fields(f={"type": "text", "index_phrases": True, "term_vector": "with_positions_offsets"}),
    fields(f={"type": "text", "fielddata": True, "fielddata_frequency_filter": {"min": "0.1"}}),
    fields(
        f={
            "type": "text",
            "fielddata_frequency_filter": {"min": 0, "max": 2147483647, "min_segment_size": "0"},
        }
    ),
    fields(f={"type": "text", "position_increment_gap": "7", "index_options": "offsets"}),
    fields(f={"type": "text", "copy_to": ["b", "a", "b"], "meta": {"unit": "x"}}),
    fields(
        f={
            "type": "text",
            "fields": {
                "raw": {"type": "keyword", "ignore_above": 256.0, "index": True},
                "as": {"type": "text", "analyzer": "simple", "search_analyzer": "simple"},
            },
        }
    ),
    fields(f={"type": "text", "fields": []}),
]
VALUES = [
    fields(f={"type": "keyword", "null_value": True, "norms": True, "doc_values": False}),
    fields(f={"type": "keyword", "null_value": 1.0, "normalizer": None, "meta": {}}),
    fields(f={"type": "keyword", "script": {"source": "emit('a')", "params": {"x": 1}}}),
    fields(f={"type": "keyword", "script": "emit('a')", "on_script_error": "continue"}),
    fields(f={"type": "keyword", "time_series_dimension": True, "index_options": "freqs"}),
    fields(f={"type": "long", "null_value": "5.0", "coerce": "true", "ignore_malformed": False}),
    fields(f={"type": "long", "null_value": 9007199254740993, "time_series_metric": "gauge"}),
    fields(f={"type": "integer", "null_value": "+5"}, g={"type": "short"}, h={"type": "byte"}),
    fields(f={"type": "float", "null_value": 16777217}, g={"type": "float", "null_value": 1 / 3}),
    fields(f={"type": "half_float", "null_value": 0.1}, g={"type": "double", "null_value": "1e3"}),
    fields(f={"type": "boolean", "null_value": "false", "ignore_malformed": "true"}),
    fields(f={"type": "binary", "store": True, "doc_values": True}, g={"type": "binary"}),
    fields(f={"type": "ip", "null_value": "::0001", "ignore_malformed": False}),
    fields(f={"type": "date", "null_value": 0, "ignore_malformed": "false"}),
    fields(f={"type": "date", "format": "yyyy", "locale": "de-de"}, g={"type": "date"}),
    fields(f={"type": "date", "locale": "ROOT"}, g={"type": "date", "locale": "EN"}),
    fields(f={"type": "date_nanos", "format": "strict_date_optional_time||epoch_millis"}),
    fields(
        f={"type": "date_nanos", "format": "strict_date_optional_time_nanos||epoch_millis"},
        g={"type": "date_range", "format": "yyyy", "locale": "fr"},
    ),
    fields(
        a={"type": "integer_range", "coerce": False},
        b={"type": "long_range", "locale": "fr"},
        c={"type": "float_range", "store": True},
        d={"type": "double_range", "index": False},
        e={"type": "ip_range", "doc_values": False},
    ),
    *[
        fields(f={"type": "geo_point", "null_value": value, "ignore_z_value": "true"})
        for value in (
            [2, 1],
            [2.5, 1, 3],
            "1, 2",
            "1,2,3",
            "POINT (2 1)",
            {"lat": "1", "lon": 2},
            {"type": "Point", "coordinates": [2, 1]},
        )
    ],
    fields(f={"type": "flattened", "depth_limit": "20", "null_value": 0, "ignore_above": "5"}),
    fields(f={"type": "flattened", "time_series_dimensions": ["a"]}, g={"type": "flattened"}),
    fields(f={"type": "counted_keyword", "index": "false"}, g={"type": "sparse_vector"}),
    fields(f={"type": "semantic_text", "inference_id": "x"}),
    fields(f={"type": "completion", "contexts": {"name": "c", "type": "Category"}}),
    fields(f={"type": "completion", "contexts": [{"name": "c", "type": "geo", "precision": 6}]}),
    fields(
        f={
            "type": "completion",
            "analyzer": "standard",
            "search_analyzer": "simple",
            "contexts": [{"name": "c", "type": "geo"}, {"name": "b", "type": "category"}],
        },
        g={"type": "completion", "search_analyzer": "simple", "max_input_length": "60"},
    ),
    fields(f={"type": "join", "relations": {"q": ["b", "a", "a"], "a": "z"}, "meta": {}}),
    fields(f={"type": "join", "relations": {"q": []}, "eager_global_ordinals": False}),
    fields(f={"type": "join"}),
    *[
        fields(f={"type": "dense_vector", "dims": 64} | more)
        for more in (
            {"element_type": "float", "similarity": "cosine"},
            {"index": "false"},
            {"similarity": "l2_norm", "index_options": {"type": "hnsw"}},
            {"index_options": {"type": "int8_hnsw", "m": 16}},
            {"index_options": {"type": "int8_hnsw", "m": 8, "ef_construction": 50}},
            {"index_options": {"type": "int4_hnsw", "confidence_interval": 0}},
            {"index_options": {"type": "int4_flat"}},
            {"index_options": {"type": "flat"}},
            {"index_options": {"type": "bbq_hnsw"}},
            {"dims": 384},
            {"dims": 384, "index_options": {"type": "int8_hnsw"}},
            {"dims": 384, "index_options": {"type": "bbq_hnsw", "m": 8}},
            {"element_type": "byte"},
            {"element_type": "byte", "index_options": {"type": "hnsw", "ef_construction": 100}},
            {"element_type": "bit"},
            {"element_type": "bit", "similarity": "l2_norm", "index": True},
        )
    ],
    fields(z=WORD, a={"type": "alias", "path": "z"}),
]
OBJECTS = [
    fields(f={"properties": []}, g={"enabled": "false"}, h={"type": "object", "dynamic": "STRICT"}),
    fields(f={"type": "nested", "include_in_root": "true", "include_in_parent": True}),
    fields(
        f={
            "type": "nested",
            "include_in_parent": True,
            "properties": {
                "g": {
                    "type": "nested",
                    "include_in_root": True,
                    "include_in_parent": True,
                    "properties": {
                        "h": {
                            "type": "nested",
                            "include_in_root": True,
                            "include_in_parent": True,
                            "properties": {"v": LONG},
                        }
                    },
                }
            },
        }
    ),
    fields(f={"type": "nested", "dynamic": False, "properties": {"a.b": LONG, "c": WORD}}),
    fields(**{"a.b": LONG, "a": {"properties": {"b": WORD, "c": LONG}}}),
    fields(**{"a.b": {"properties": {"c": WORD}}, "a": {"properties": {"b.c": LONG}}}),
    fields(**{"a.b.c": LONG, "a": {"type": "object", "subobjects": False}, "d.": WORD}),
    fields(**{"a.b": LONG, "a": {"enabled": False}}),
    fields(f={"type": "passthrough", "priority": "5", "properties": {"b.c": LONG}}),
    fields(
        f={"type": "passthrough", "priority": 1, "properties": {"b": {"properties": {"c": WORD}}}}
    ),
    fields(properties=LONG, fields={"properties": {"type": LONG}}, type=WORD),
    mapping(
        subobjects="False", properties={"a": {"properties": {"b.c": LONG}}, "d": {"properties": {}}}
    ),
    mapping(
        subobjects=False,
        dynamic="strict",
        properties={
            "a": {"dynamic": "strict", "type": "object", "properties": {"b": LONG}},
            "a.": WORD,
        },
    ),
    mapping(subobjects="true", properties={"a.b": LONG}),
]
ROOTS = [
    {},
    mapping(),
    mapping(properties=[], runtime={}),
    mapping(enabled="false"),
    mapping(enabled=True, date_detection="false", numeric_detection=True),
    mapping(dynamic=False, dynamic_date_formats="yyyy"),
    mapping(dynamic="Runtime", dynamic_date_formats="none"),
    mapping(dynamic_date_formats=["yyyy", "MM"]),
    mapping(_meta=None),
    mapping(_meta={"a": {"b": [1, None]}}),
    mapping(_source={"enabled": True, "excludes": ["a"], "includes": []}),
    mapping(_source={"enabled": "false"}),
    mapping(_source={"mode": "SYNTHETIC"}, properties={"f": {"type": "text", "store": False}}),
    mapping(_routing={"required": "true"}),
    mapping(_routing={}, _field_names={}, _data_stream_timestamp={"enabled": "false"}),
    mapping(
        dynamic_templates=[
            {
                "b": {
                    "match": 5,
                    "unmatch": ["x", "y"],
                    "mapping": {"store": "true", "type": "text"},
                }
            },
            {"a": {"match": [], "match_mapping_type": ["string"], "runtime": {}}},
            {
                "c": {
                    "path_match": ["a,b"],
                    "mapping": {"type": "{dynamic_type}", "null_value": None},
                }
            },
        ]
    ),
    mapping(
        runtime={
            "a.b": {"type": "date", "format": "yyyy", "locale": "en"},
            "c": {"type": "keyword", "script": "emit('a')", "on_script_error": "fail"},
            "d": {"type": "date", "format": None, "locale": ""},
            "e": {
                "type": "composite",
                "script": {"source": "emit('a',1)", "lang": "painless"},
                "fields": {"a": {"type": "date", "meta": {}}},
            },
            "f": {
                "type": "lookup",
                "target_index": "x",
                "input_field": "a",
                "target_field": "b",
                "fetch_fields": ["c", {"field": "d", "format": "yyyy"}],
            },
        }
    ),
]
SETTINGS = [
    {"settings": {"index": {"number_of_shards": 2}, "number_of_shards": 1}},
    {"settings": {"number_of_shards": 1, "index": {"number_of_shards": 2}}},
    {"settings": {"number_of_shards": "5", "number_of_routing_shards": 30}},
    {
        "settings": {"number_of_shards": 4, "routing_partition_size": 2},
        "mappings": {"_routing": {"required": True}},
    },
    setting("refresh_interval", " 30 S "),
    setting("refresh_interval", "1000000micros"),
    setting("refresh_interval", -1),
    setting("translog.flush_threshold_size", "60m"),
    setting("translog.flush_threshold_size", "2048 KB"),
    setting("translog", {"durability": "ASYNC", "sync_interval": "5000ms"}),
    setting("merge.policy", {"max_merged_segment": "1024mb", "floor_segment": "2048k"}),
    setting("merge", {"policy.segments_per_tier": 5.0, "scheduler.max_thread_count": 1}),
    setting("query.default_field", ["a"]),
    setting("query.default_field", ["a,b"]),
    setting("query.default_field", ["a", True, 1.5]),
    setting("query.default_field", []),
    setting("blocks", {"write": "false", "read": True}),
    setting("priority", None),
    setting("search.slowlog.threshold", {"query": {"warn": "10000ms"}, "fetch.debug": "500ms"}),
    setting("indexing.slowlog", {"source": True, "threshold.index.info": "5000ms"}),
    setting("routing.allocation.require.box", "60m"),
    setting("unassigned.node_left.delayed_timeout", "0"),
    setting("gc_deletes", "60000ms"),
    setting("similarity", {"default": {"type": "boolean"}, "s": {"type": "BM25", "b": 0.5}}),
    setting("codec", "best_compression"),
    setting("store.preload", ["nvd", "dvd"]),
    setting("soft_deletes.retention_lease.period", "12h"),
    setting("default_pipeline", "_none"),
    {
        "settings": {
            "sort": {"field": ["a", "b"], "order": ["desc", "asc"], "missing": "_last,_last"}
        },
        **fields(a=LONG, b=LONG),
    },
    {"settings": {"sort.field": ["a"], "sort.order": ["desc"]}, **fields(a=LONG)},
    {
        "settings": {
            "analysis": {
                "analyzer": {
                    "a": {"tokenizer": "standard", "filter": ["s", "lowercase"]},
                    "b": {"type": "stop", "stopwords": ["_none_"]},
                    "c": {"type": "standard", "stopwords": "_none_", "max_token_length": 5},
                    "d": {"type": "custom", "tokenizer": "t", "char_filter": ["m"]},
                },
                "filter": {
                    "s": {"type": "synonym", "synonyms": ["a, b => c"]},
                    "w": {"type": "word_delimiter", "type_table": ["# => ALPHA"]},
                },
                "char_filter": {"m": {"type": "mapping", "mappings": [" a => b"]}},
                "tokenizer": {"t": {"type": "ngram", "min_gram": 1, "max_gram": 2}},
                "normalizer": {"n": {"filter": ["lowercase"]}},
            }
        },
        **fields(f={"type": "text", "analyzer": "a"}, g={"type": "keyword", "normalizer": "n"}),
    },
    {
        "settings": {"analysis.analyzer.default_search.type": "simple"},
        **fields(
            f={"type": "text", "analyzer": "default", "search_analyzer": "default"},
            g={"type": "text", "search_quote_analyzer": "english"},
            h={"type": "text", "search_analyzer": "default_search"},
            i={"type": "text", "analyzer": "english", "search_analyzer": "english"},
        ),
    },
    {
        "settings": {
            "analysis.analyzer.default.type": "english",
            "analysis.analyzer.default_search_quote.type": "simple",
        },
        **fields(
            f={"type": "text"},
            h={"type": "text", "search_analyzer": "english"},
            i={"type": "text", "search_quote_analyzer": "default"},
        ),
    },
    {
        "settings": {"mapping": {"ignore_malformed": True, "coerce": "false"}},
        **fields(
            a={"type": "date", "ignore_malformed": True},
            b={"type": "ip", "ignore_malformed": False},
            c={"type": "long", "coerce": False, "ignore_malformed": True},
        ),
    },
    {
        "settings": {"mapping.ignore_above": 100},
        **fields(f={**WORD, "ignore_above": 100}, g={**WORD, "ignore_above": 2147483647}),
    },
    {
        "settings": {"mapping.source.mode": "synthetic"},
        **fields(f={"type": "text", "store": False}, g={"type": "text", "store": True}),
    },
    {
        "settings": {"mode": "logsdb"},
        **fields(
            a={**WORD, "ignore_above": 8191},
            b={**WORD, "ignore_above": 2147483647},
            c={"type": "date", "ignore_malformed": True},
            d={"type": "ip", "ignore_malformed": False},
            e={"type": "text", "store": True},
            f={"type": "text", "store": False},
            g={"type": "text", "store": False, "fields": {"k": WORD}},
            h={"type": "text", "store": True, "fields": {"k": WORD}},
            i={"type": "text", "store": True, "fields": {"k": {**WORD, "normalizer": "lowercase"}}},
            j={"type": "text", "store": True, "fields": {"k": {**WORD, "doc_values": False}}},
        ),
    },
    {
        "settings": SERIES,
        **fields(
            d={**WORD, "time_series_dimension": "true"},
            a={**LONG, "time_series_metric": "gauge", "index": True},
            b={**LONG, "time_series_metric": "counter", "index": False},
            c={**LONG, "index": False},
            e={"type": "geo_point", "time_series_metric": "position", "index": False},
            f={"type": "text", "store": True},
            g={**LONG, "index": True},
            h={"type": "boolean", "index": False},
            i={"type": "date", "index": False},
            j={"type": "binary", "doc_values": True},
        ),
    },
    mapping(
        dynamic_templates=[
            {"a": {"match": "a*", "mapping": LONG}},
            {"b": {"match": "b*", "mapping": LONG}},
            {"a": {"match": "c*", "mapping": WORD}},
        ]
    ),
]
BODIES = [*TEXTS, *VALUES, *OBJECTS, *ROOTS, *SETTINGS]

DIFFERENT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"type": "binary", "doc_values": True}, {"type": "binary"}),
    ({"type": "keyword", "norms": True}, {"type": "keyword"}),
    ({"type": "long", "coerce": True}, {"type": "long"}),
    ({"type": "date", "locale": ""}, {"type": "date"}),
    (
        {"type": "date_nanos", "format": "strict_date_optional_time||epoch_millis"},
        {"type": "date_nanos"},
    ),
    ({"type": "text", "similarity": "BM25"}, {"type": "text"}),
    ({"type": "text", "analyzer": "standard"}, {"type": "text"}),
    ({"type": "text", "index_prefixes": {}}, {"type": "text"}),
    ({"type": "keyword", "null_value": ""}, {"type": "keyword"}),
    ({"type": "keyword", "ignore_above": 0}, {"type": "keyword"}),
    ({"type": "join", "eager_global_ordinals": False}, {"type": "join"}),
    ({"type": "completion", "analyzer": "default"}, {"type": "completion"}),
    ({"type": "dense_vector", "index_options": {"type": "hnsw"}}, {"type": "dense_vector"}),
    (
        {"type": "dense_vector", "element_type": "byte", "index_options": {"type": "hnsw"}},
        {"type": "dense_vector", "element_type": "byte"},
    ),
    ({"type": "object", "subobjects": True}, {"type": "object"}),
    ({"type": "object", "dynamic": "true"}, {"type": "object"}),
    ({"type": "nested", "include_in_root": True}, {"type": "nested", "include_in_parent": True}),
    ({"type": "float", "null_value": 16777216}, {"type": "float", "null_value": 16777218}),
]
"""Pairs of a field that the server keeps apart."""
