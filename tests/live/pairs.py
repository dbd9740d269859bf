"""Definitions before and after a change: at least one pair for each rule about a route, and both
ways for each parameter of each type of field.

A pair is the name of its group, the body before and the body after. The pairs of a group speak of
different settings and fields, so that they can be asked about at once. The tables have a row for
each row of the rules' tables: `tests/unit/test_oracle.py` fails where one lacks.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from bodies import DIFFERENT, fields, mapping

if TYPE_CHECKING:
    from collections.abc import Iterator

Body = dict[str, Any]
Pair = tuple[str, Body, Body]

DYNAMIC: dict[str, tuple[str, Any]] = {
    "index.allocation.max_retries": ("", "9"),
    "index.bloom_filter_for_id_field.enabled": ("", "false"),
    "index.compound_format": ("", "0.2"),
    "index.flush_after_merge": ("", "256mb"),
    "index.soft_deletes.retention.operations": ("", "9"),
    "index.soft_deletes.retention_lease.period": ("", "10h"),
    "index.translog.generation_threshold_size": ("", "32mb"),
    "index.auto_expand_replicas": ("", "0-1"),
    "index.blocks.": ("write", "true"),
    "index.default_pipeline": ("", "p"),
    "index.final_pipeline": ("", "p"),
    "index.gc_deletes": ("", "70s"),
    "index.hidden": ("", "false"),
    "index.highlight.max_analyzed_offset": ("", "5000"),
    "index.indexing.slowlog.": ("threshold.index.warn", "10s"),
    "index.lifecycle.": ("name", "p"),
    "index.mapping.depth.limit": ("", "30"),
    "index.mapping.dimension_fields.limit": ("", "100"),
    "index.mapping.field_name_length.limit": ("", "100"),
    "index.mapping.nested_fields.limit": ("", "60"),
    "index.mapping.nested_objects.limit": ("", "9000"),
    "index.mapping.total_fields.": ("limit", "2000"),
    "index.max_": ("result_window", "20000"),
    "index.merge.policy.": ("segments_per_tier", "5"),
    "index.merge.scheduler.": ("max_thread_count", "1"),
    "index.number_of_replicas": ("", "1"),
    "index.priority": ("", "5"),
    "index.query.default_field": ("", "a"),
    "index.refresh_interval": ("", "5s"),
    "index.requests.cache.enable": ("", "false"),
    "index.routing.allocation.": ("require.box", "hot"),
    "index.routing.rebalance.enable": ("", "none"),
    "index.search.idle.after": ("", "10s"),
    "index.search.slowlog.": ("threshold.query.warn", "10s"),
    "index.search.throttled": ("", "true"),
    "index.translog.durability": ("", "async"),
    "index.translog.flush_threshold_size": ("", "1gb"),
    "index.translog.sync_interval": ("", "10s"),
    "index.unassigned.node_left.delayed_timeout": ("", "5m"),
    "index.warmer.enabled": ("", "false"),
    "index.write.wait_for_active_shards": ("", "0"),
}
"""By prefix of the rule: the rest of a setting's name, and a value other than the default."""

STATIC: dict[str, tuple[str, Any]] = {
    "index.analysis.": ("analyzer.loud.type", "simple"),
    "index.codec": ("", "best_compression"),
    "index.fielddata.cache": ("", "none"),
    "index.load_fixed_bitset_filters_eagerly": ("", "false"),
    "index.mapping.coerce": ("", "false"),
    "index.mapping.ignore_above": ("", "100"),
    "index.mapping.synthetic_source_keep": ("", "arrays"),
    "index.mapping.ignore_malformed": ("", "true"),
    "index.queries.cache.enabled": ("", "false"),
    "index.query.parse.allow_unmapped_fields": ("", "false"),
    "index.shard.check_on_startup": ("", "checksum"),
    "index.similarity.": ("s.type", "boolean"),
    "index.store.preload": ("", ["nvd"]),
    "index.store.stats_refresh_interval": ("", "20s"),
    "index.store.type": ("", "niofs"),
}

MORE: dict[str, Any] = {
    "index.lifecycle.rollover_alias": "a",
    "index.mapping.total_fields.ignore_dynamic_beyond_limit": "true",
    "index.max_docvalue_fields_search": "90",
    "index.max_inner_result_window": "90",
    "index.max_ngram_diff": "3",
    "index.max_refresh_listeners": "90",
    "index.max_regex_length": "900",
    "index.max_rescore_window": "9000",
    "index.max_script_fields": "30",
    "index.max_shingle_diff": "4",
    "index.max_slices_per_scroll": "900",
    "index.max_terms_count": "60000",
    "index.merge.policy.deletes_pct_allowed": "25",
    "index.merge.policy.floor_segment": "4mb",
    "index.merge.policy.max_merge_at_once": "5",
    "index.merge.policy.max_merged_segment": "2gb",
    "index.merge.scheduler.auto_throttle": "false",
    "index.routing.allocation.enable": "none",
    "index.routing.allocation.total_shards_per_node": "5",
    "index.indexing.slowlog.source": "5",
}
"""Further settings."""

FIXED: dict[str, Any] = {
    "index.mode": "logsdb",
    "index.routing_path": ["k"],
    "index.sort.field": "k",
    "index.merge.policy.type": "time_based",
    "index.mapping.source.mode": "stored",
    "index.unheard_of": "1",
}
"""Settings of no table: the rule is that they need a new index."""

ANALYSIS = "index.analysis."
LOUD = {f"{ANALYSIS}analyzer.loud.tokenizer": "keyword"}


def settings(**given: Any) -> Body:
    return {"settings": given}


def setting_pairs() -> Iterator[Pair]:
    plain = fields(k={"type": "keyword"})
    for table, rows in (("dynamic", DYNAMIC), ("static", STATIC)):
        for prefix, (rest, value) in rows.items():
            yield from _both_ways(table, prefix + rest, value, plain)
    for table, others in (("more", MORE), ("fixed", FIXED)):
        for name, value in others.items():
            yield from _both_ways(table, name, value, plain)


def _both_ways(table: str, name: str, value: Any, plain: Body) -> Iterator[Pair]:
    """Set; and reset: live has a value, and the files ask for the default."""
    given = {**plain, "settings": {name: value}}
    yield f"{table} set", plain, given
    yield f"{table} reset", given, {**plain, "settings": {name: None}}


SETTINGS: list[Pair] = [
    ("split", settings(number_of_shards=2), settings(number_of_shards=4)),
    ("split one", settings(number_of_shards=1), settings(number_of_shards=3)),
    ("shrink", settings(number_of_shards=4), settings(number_of_shards=2)),
    ("neither", settings(number_of_shards=2), settings(number_of_shards=3)),
    (
        "routing_partition_size",
        {"settings": {"number_of_shards": 4}, **mapping(_routing={"required": True})},
        {
            "settings": {"number_of_shards": 4, "routing_partition_size": 2},
            **mapping(_routing={"required": True}),
        },
    ),
    (
        "analyzer there",
        {"settings": LOUD},
        {"settings": {**LOUD, f"{ANALYSIS}analyzer.loud.filter": "lowercase"}},
    ),
    (
        "analyzer there, another tokenizer",
        {"settings": LOUD},
        {"settings": {f"{ANALYSIS}analyzer.loud.tokenizer": "standard"}},
    ),
    (
        "analyzer in use",
        fields(a={"type": "text", "analyzer": "english"}),
        {
            "settings": {f"{ANALYSIS}analyzer.english.type": "simple"},
            **fields(a={"type": "text", "analyzer": "english"}),
        },
    ),
    ("default analyzer", {}, {"settings": {f"{ANALYSIS}analyzer.default.type": "simple"}}),
    ("default_search", {}, {"settings": {f"{ANALYSIS}analyzer.default_search.type": "simple"}}),
    (
        "a filter, and an analyzer of it",
        {},
        {
            "settings": {
                f"{ANALYSIS}filter.s": {"type": "stop", "stopwords": ["a", "b"]},
                f"{ANALYSIS}analyzer.n": {"tokenizer": "standard", "filter": ["s"]},
            },
            **fields(a={"type": "text", "analyzer": "n"}),
        },
    ),
    (
        "discount_overlaps",
        {"settings": {"similarity.s.type": "BM25"}},
        {"settings": {"similarity.s": {"type": "BM25", "discount_overlaps": "false"}}},
    ),
    (
        "a similarity's k1",
        {"settings": {"similarity.s.type": "BM25"}},
        {"settings": {"similarity.s": {"type": "BM25", "k1": "2"}}},
    ),
    (
        "a similarity's k1 reset",
        {"settings": {"similarity.s": {"type": "BM25", "k1": "2"}}},
        {"settings": {"similarity.s": {"type": "BM25", "k1": None}}},
    ),
    (
        "max_thread_count and max_merge_count",
        {},
        {"settings": {"merge.scheduler": {"max_thread_count": 9, "max_merge_count": 12}}},
    ),
]

ROOT: dict[str, list[Any]] = {
    "_meta": [{"a": 1}, {"a": 2}],
    "date_detection": [False, True],
    "numeric_detection": [False, True],
    "dynamic": ["strict", "runtime", False, True],
    "dynamic_date_formats": [["yyyy"], ["MM"]],
    "dynamic_templates": [
        [{"t": {"match": "a", "mapping": {"type": "long"}}}],
        [{"u": {"match": "b", "mapping": {"type": "long"}}}],
    ],
    "runtime": [{"r": {"type": "long"}}, {"r": {"type": "keyword"}, "s": {"type": "long"}}],
    "_source": [{"enabled": False}, {"excludes": ["a"]}, {"mode": "synthetic"}],
    "_routing": [{"required": True}],
    "subobjects": [False, True],
    "enabled": [False],
    "_field_names": [{"enabled": False}],
}
"""By parameter of the root: values that it may have."""

TYPES: dict[str, Body] = {
    "long": {},
    "integer": {},
    "double": {},
    "half_float": {},
    "keyword": {},
    "text": {},
    "boolean": {},
    "date": {},
    "date_nanos": {},
    "ip": {},
    "binary": {},
    "geo_point": {},
    "geo_shape": {},
    "shape": {},
    "point": {},
    "flattened": {},
    "completion": {},
    "dense_vector": {"dims": 4},
    "sparse_vector": {},
    "integer_range": {},
    "date_range": {},
    "ip_range": {},
    "join": {"relations": {"q": "a"}},
    "nested": {},
    "object": {},
    "passthrough": {"priority": 1},
    "scaled_float": {"scaling_factor": 10},
    "unsigned_long": {},
    "wildcard": {},
    "constant_keyword": {},
    "version": {},
    "token_count": {"analyzer": "standard"},
    "rank_feature": {},
    "rank_features": {},
    "search_as_you_type": {},
    "annotated_text": {},
    "histogram": {},
    "aggregate_metric_double": {"metrics": ["min", "max"], "default_metric": "min"},
    "semantic_text": {"inference_id": "x"},
    "counted_keyword": {},
    "percolator": {},
    "murmur3": {},
    "icu_collation_keyword": {},
    "match_only_text": {},
}
"""By type: what a field of it needs."""

NUMBERS = "long integer double half_float scaled_float unsigned_long".split()
COLUMNS = [*NUMBERS, *"keyword boolean date date_nanos ip binary geo_point".split()]
RANGES = "integer_range date_range ip_range".split()
TEXTS = "text search_as_you_type annotated_text".split()
OBJECTS = ["object", "nested", "passthrough"]
TERMS = ["keyword", "flattened"]

PARAMETERS: list[tuple[str, list[str], list[Any]]] = [
    ("index", [*COLUMNS, *TEXTS, *RANGES, "dense_vector", "counted_keyword"], [False]),
    ("doc_values", [*COLUMNS, *RANGES, "flattened", "version"], [False, True]),
    ("store", [*COLUMNS, *TEXTS, *RANGES], [True]),
    ("meta", [*COLUMNS, *TEXTS, *RANGES, "completion", "dense_vector", "join"], [{"unit": "ms"}]),
    ("copy_to", [*COLUMNS, *TEXTS, *RANGES], [["z"]]),
    ("fields", [*COLUMNS, *TEXTS], [{"raw": {"type": "keyword"}}]),
    ("coerce", [*NUMBERS, *RANGES, "geo_shape"], [False, True]),
    ("ignore_malformed", [*COLUMNS, "geo_shape", "histogram"], [True]),
    ("ignore_z_value", ["geo_point", "geo_shape", "point"], [False]),
    ("orientation", ["geo_shape"], ["left"]),
    ("eager_global_ordinals", [*TERMS, "text", "join"], [True, False]),
    ("ignore_above", [*TERMS, "wildcard"], [5, 9]),
    ("split_queries_on_whitespace", TERMS, [True]),
    ("normalizer", ["keyword"], ["lowercase"]),
    ("norms", ["keyword", *TEXTS], [True, False]),
    ("index_options", ["keyword", "flattened"], ["freqs"]),
    ("index_options", TEXTS, ["docs", "offsets"]),
    (
        "index_options",
        ["dense_vector"],
        [{"type": "hnsw"}, {"type": "flat"}, {"type": "int8_flat"}, {"type": "hnsw", "m": 32}],
    ),
    ("similarity", ["keyword", "flattened", *TEXTS], ["boolean", "BM25"]),
    ("similarity", ["dense_vector"], ["l2_norm"]),
    ("element_type", ["dense_vector"], ["byte", "bit"]),
    ("dims", ["dense_vector"], [8]),
    ("term_vector", TEXTS, ["yes"]),
    ("position_increment_gap", ["text"], [7]),
    ("fielddata", ["text"], [True]),
    ("fielddata_frequency_filter", ["text"], [{"min": 0.1}]),
    ("index_phrases", ["text"], [True]),
    ("index_prefixes", ["text"], [{}, {"min_chars": 1}]),
    ("analyzer", [*TEXTS, "completion", "token_count"], ["english", "simple"]),
    ("search_analyzer", [*TEXTS, "completion"], ["english", "simple"]),
    ("search_quote_analyzer", ["text"], ["english", "simple"]),
    ("null_value", ["long", "integer", "double", "half_float", "scaled_float"], [1, 2]),
    ("null_value", ["keyword", "flattened", "wildcard"], ["a", "b"]),
    ("null_value", ["boolean"], [True]),
    ("null_value", ["date", "date_nanos"], ["2020-01-01"]),
    ("null_value", ["ip"], ["::1"]),
    ("null_value", ["geo_point"], [{"lat": 1, "lon": 2}]),
    ("format", ["date", "date_nanos", "date_range"], ["yyyy"]),
    ("locale", ["date", "date_nanos", "date_range"], ["fr"]),
    ("script", ["long", "double", "keyword", "date", "boolean", "ip", "geo_point"], ["emit(1)"]),
    ("on_script_error", ["long", "keyword", "date", "boolean", "ip"], ["continue"]),
    ("time_series_dimension", ["keyword", "long", "ip"], [True]),
    ("time_series_dimensions", ["flattened"], [["a"]]),
    ("time_series_metric", ["long", "double"], ["gauge", "counter"]),
    ("depth_limit", ["flattened"], [5]),
    ("max_input_length", ["completion"], [60]),
    ("preserve_separators", ["completion"], [False]),
    ("preserve_position_increments", ["completion"], [False]),
    (
        "contexts",
        ["completion"],
        [[{"name": "c", "type": "category"}], [{"name": "c", "type": "geo"}]],
    ),
    (
        "relations",
        ["join"],
        [{"q": ["a", "b"]}, {"q": "a", "a": "c"}, {"q": "b"}, {"q": "a", "r": "s"}],
    ),
    ("dynamic", OBJECTS, ["strict", "false", "true", "runtime"]),
    ("enabled", ["object", "nested"], [False]),
    ("include_in_parent", ["nested"], [True]),
    ("include_in_root", ["nested"], [True]),
    ("subobjects", ["object"], [False, True]),
    ("priority", ["passthrough"], [5]),
    ("time_series_dimension", ["passthrough"], [True]),
    ("properties", OBJECTS, [{"n": {"type": "long"}}]),
    ("scaling_factor", ["scaled_float"], [100]),
    ("value", ["constant_keyword"], ["a"]),
    ("enable_position_increments", ["token_count"], [False]),
    ("positive_score_impact", ["rank_feature", "rank_features"], [False]),
    ("max_shingle_size", ["search_as_you_type"], [4]),
    ("default_metric", ["aggregate_metric_double"], ["max"]),
    ("inference_id", ["semantic_text"], ["y"]),
]
"""A parameter, the types that have it, and values that it may have."""


def parameter_pairs() -> Iterator[Pair]:
    """Each value set, reset, and exchanged for the next one."""
    for name, types, values in PARAMETERS:
        for kind in types:
            bare = {"type": kind, **TYPES[kind]}
            given = [bare, *({**bare, name: value} for value in values)]
            if name == "on_script_error":
                given = [{**one, "script": "emit(params.x)"} for one in given]
            for way, one, other in _steps(given):
                field = f"{kind}_{name}_{way}".replace(" ", "_")
                yield f"type {kind}", fields(**{field: one}), fields(**{field: other})


def _steps(values: list[Any]) -> Iterator[tuple[str, Any, Any]]:
    """From the first to each and back, and from each to the next."""
    first, *others = values
    for number, one in enumerate(others):
        yield f"{number} set", first, one
        yield f"{number} reset", one, first
    for number, (one, other) in enumerate(pairwise(others)):
        yield f"{number} exchanged", one, other


def root_pairs() -> Iterator[Pair]:
    for name, values in ROOT.items():
        for way, one, other in _steps([{}, *(mapping(**{name: value}) for value in values)]):
            yield f"root {way}", one, other


LONG = {"type": "long"}
FIELDS: list[Pair] = [
    ("a field added", {}, fields(a=LONG)),
    ("removed field", fields(a=LONG), fields(b=LONG)),
    ("a type changed", fields(a=LONG), fields(a={"type": "keyword"})),
    ("a type that is nearly the same", fields(a=LONG), fields(a={"type": "integer"})),
    (
        "a number that becomes text",
        fields(a={**LONG, "coerce": False}),
        fields(a={"type": "text", "fielddata": True}),
    ),
    (
        "an object that becomes nested",
        fields(a={"properties": {"b": LONG}}),
        fields(a={"type": "nested", "properties": {"b": LONG}}),
    ),
    ("an object that becomes a field", fields(a={"properties": {"b": LONG}}), fields(a=LONG)),
    (
        "a sub-field added",
        fields(a={"properties": {"b": LONG}}),
        fields(a={"properties": {"b": LONG, "c": LONG}}),
    ),
    (
        "a field called fields",
        fields(fields={"type": "keyword"}),
        fields(fields={"type": "keyword", "null_value": "x"}),
    ),
    (
        "an alias of a field",
        fields(a=LONG, b=LONG, z={"type": "alias", "path": "a"}),
        fields(a=LONG, b=LONG, z={"type": "alias", "path": "b"}),
    ),
]


def ways_of_fields() -> Iterator[Pair]:
    """Pairs of one field that the server keeps apart."""
    for number, (one, other) in enumerate(DIFFERENT):
        there, back = f"apart_{number}", f"apart_{number}_back"
        yield "apart", fields(**{there: one}), fields(**{there: other})
        yield "apart", fields(**{back: other}), fields(**{back: one})


PAIRS: list[Pair] = [
    *setting_pairs(),
    *((f"one: {name}", before, after) for name, before, after in [*SETTINGS, *FIELDS]),
    *root_pairs(),
    *parameter_pairs(),
    *ways_of_fields(),
]
