"""Whole definitions in the style of real projects, and what each engine lacks of them."""

from __future__ import annotations

from typing import Any

KEY: dict[str, Any] = {"type": "keyword"}
TEXT: dict[str, Any] = {"type": "text"}
DATE: dict[str, Any] = {"type": "date"}
RAW = {"type": "text", "fields": {"raw": {"type": "keyword", "ignore_above": 256}}}


def made(properties: Any, settings: Any = None, **root: Any) -> dict[str, Any]:
    return {"settings": settings or {}, "mappings": {"properties": properties, **root}}


def analysis(**parts: Any) -> dict[str, Any]:
    return {"index": {"analysis": parts}}


PREFIX = analysis(
    analyzer={
        "prefix": {"tokenizer": "standard", "filter": ["lowercase", "prefixes"]},
        "prefix_search": {"tokenizer": "standard", "filter": "lowercase"},
    },
    filter={"prefixes": {"type": "edge_ngram", "min_gram": 1, "max_gram": "15"}},
)
DEFINITIONS: dict[str, dict[str, Any]] = {
    "articles": made({"title": RAW, "body": {**TEXT, "analyzer": "english"}, "published": DATE}),
    "as-you-type": made(
        {"name": {**TEXT, "analyzer": "prefix", "search_analyzer": "prefix_search"}}, PREFIX
    ),
    "synonyms": made(
        {"q": {**TEXT, "analyzer": "words"}},
        analysis(
            analyzer={"words": {"tokenizer": "standard", "filter": ["lowercase", "same"]}},
            filter={"same": {"type": "synonym", "synonyms": ["tv, television", "pc => computer"]}},
        ),
    ),
    "languages": made(
        {"t": {**TEXT, "fields": {x: {**TEXT, "analyzer": x} for x in ("german", "french")}}}
    ),
    "normalised-keywords": made(
        {"code": {**KEY, "normalizer": "plain"}},
        analysis(normalizer={"plain": {"type": "custom", "filter": ["lowercase", "asciifolding"]}}),
    ),
    "html": made(
        {"page": {**TEXT, "analyzer": "page"}},
        analysis(
            analyzer={"page": {"tokenizer": "standard", "char_filter": ["html_strip", "amp"]}},
            char_filter={"amp": {"type": "mapping", "mappings": ["& => and"]}},
        ),
    ),
    "logs": made(
        {"@timestamp": DATE, "message": TEXT, "log.level": KEY, "log": {"properties": {"n": KEY}}},
        {"refresh_interval": "30s", "codec": "best_compression", "number_of_shards": "1"},
        dynamic_templates=[
            {"labels": {"path_match": "labels.*", "mapping": {**KEY, "ignore_above": 1024}}},
            {"texts": {"match_mapping_type": "string", "mapping": KEY}},
        ],
    ),
    "access-logs": made(
        {
            "time": {**DATE, "format": "yyyy-MM-dd HH:mm:ss Z||epoch_second"},
            "client": {"type": "ip", "ignore_malformed": "true"},
            "status": {"type": "short"},
            "bytes": {"type": "long", "index": "false"},
        },
        {"index.mapping.total_fields.limit": "2000"},
        date_detection="false",
    ),
    "audit": made(
        {"who": KEY, "what": {**KEY, "doc_values": True}, "detail": {"enabled": False}},
        {"index": {"hidden": True, "number_of_replicas": 0}},
        dynamic="STRICT",
    ),
    "metrics": made(
        {"host": KEY, "cpu": {"type": "half_float"}, "load": {"type": "double"}},
        {"index.sort.field": ["host"], "index.sort.order": ["asc"]},
        numeric_detection=True,
    ),
    "events-nanos": made({"at": {"type": "date_nanos"}, "took": {"type": "integer"}}),
    "products": made(
        {
            "sku": {**KEY, "eager_global_ordinals": "true"},
            "name": {**RAW, "copy_to": "all"},
            "all": {**TEXT, "norms": False},
            "price": {"type": "double", "coerce": False},
            "stock": {"type": "integer", "null_value": "0"},
        },
        _source={"excludes": ["all"]},
    ),
    "offers": made(
        {"variants": {"type": "nested", "include_in_root": True, "properties": {"size": KEY}}},
        {"mapping": {"nested_objects.limit": 5000}},
    ),
    "orders": made(
        {
            "customer": {"properties": {"id": KEY, "name": RAW}},
            "lines": {"type": "nested", "dynamic": False, "properties": {"sku": KEY}},
            "valid": {"type": "date_range", "format": "yyyy-MM-dd"},
        },
        _routing={"required": "true"},
    ),
    "carts": made({"ttl": {"type": "long_range"}, "ages": {"type": "integer_range"}}),
    "reviews": made({"stars": {"type": "byte"}, "text": {**TEXT, "term_vector": "yes"}}),
    "attributes": made({"attr": {"type": "flattened", "depth_limit": 5}}),
    "places": made(
        {"where": {"type": "geo_point", "ignore_z_value": True, "null_value": [0, 51.5]}}
    ),
    "regions": made({"shape": {"type": "geo_shape"}, "name": KEY}),
    "place-suggest": made(
        {
            "s": {
                "type": "completion",
                "contexts": [{"name": "near", "type": "geo", "precision": "5km"}],
            }
        }
    ),
    "suggest": made({"s": {"type": "completion", "analyzer": "simple", "max_input_length": 60}}),
    "questions": made(
        {"relation": {"type": "join", "relations": {"question": ["answer", "vote"]}}}
    ),
    "comments": made({"thread": {"type": "nested", "properties": {"by": KEY, "text": TEXT}}}),
    "percolator": made({"query": {"type": "percolator"}, "body": TEXT}),
    "runtime": made(
        {"at": DATE},
        runtime={"day": {"type": "keyword", "script": "emit('x')"}, "n": {"type": "long"}},
    ),
    "runtime-types": made({"a": KEY}, runtime={"seen": {"type": "date", "format": "yyyy"}}),
    "vectors": made({"v": {"type": "dense_vector", "dims": 64}, "id": KEY}),
    "rank": made({"pagerank": {"type": "rank_feature"}, "topics": {"type": "rank_features"}}),
    "scaled": made({"price": {"type": "scaled_float", "scaling_factor": 100}}),
    "search-as-you-type": made({"t": {"type": "search_as_you_type", "max_shingle_size": 3}}),
    "similar": made(
        {"t": {**TEXT, "similarity": "flat"}},
        {"similarity": {"flat": {"type": "BM25", "b": 0, "k1": "1.2"}}},
    ),
    "phrases": made(
        {"t": {**TEXT, "index_phrases": True, "index_prefixes": {"max_chars": 8}}},
    ),
    "aliased-field": made({"name": KEY, "title": {"type": "alias", "path": "name"}}),
    "files": made({"hash": {"type": "binary", "doc_values": True}, "path": KEY}),
    "wide": made({f"f{n}": KEY for n in range(300)}, {"mapping.total_fields.limit": 400}),
    "deep": made({"a.b.c.d": KEY, "a": {"properties": {"b.x": DATE}}}),
    "tuned": {
        "settings": {
            "index": {"translog": {"durability": "async", "sync_interval": "30000ms"}},
            "merge.policy.max_merged_segment": "5120mb",
            "search.slowlog.threshold.query.warn": "10000ms",
            "unassigned.node_left.delayed_timeout": "300s",
            "auto_expand_replicas": "0-1",
            "number_of_replicas": 1,
        },
        "aliases": {"{name}-tuned": {"filter": {"term": {"a": 1}}, "routing": "1"}},
    },
    "partitioned": made(
        {"tenant": KEY},
        {"number_of_shards": 2, "number_of_routing_shards": 8},
        _meta={"owner": "search"},
    ),
    "subobjects": made({"host": KEY, "host.name": KEY}, subobjects=False),
}

NO_TYPE = "No handler for type [{}]"
CORE_ONLY = {
    "percolator": NO_TYPE.format("percolator"),
    "rank": "No handler for type [rank_feature",
    "regions": NO_TYPE.format("geo_shape"),
    "scaled": NO_TYPE.format("scaled_float"),
    "search-as-you-type": NO_TYPE.format("search_as_you_type"),
}
NO_MODULES = {
    **CORE_ONLY,
    "articles": "analyzer [english] has not been configured",
    "as-you-type": "Unknown filter type [edge_ngram]",
    "html": "Unknown char_filter type [mapping]",
    "languages": "analyzer [german] has not been configured",
    "normalised-keywords": "failed to find filter under name [asciifolding]",
    "questions": NO_TYPE.format("join"),
    "runtime": "script_lang not supported [painless]",
    "subobjects": "mapper [host] cannot be changed from type [keyword] to [ObjectMapper]",
    "synonyms": "Unknown filter type [synonym]",
    "vectors": NO_TYPE.format("dense_vector"),
}
LACKING: dict[str, dict[str, str]] = {"elasticsearch 7": NO_MODULES, "elasticsearch 8": CORE_ONLY}
"""By engine and major version: the definitions that it refuses, with its reason."""

LACKING["opensearch 2"] = {
    **CORE_ONLY,
    "attributes": NO_TYPE.format("flattened"),
    "questions": NO_TYPE.format("join"),
    "runtime": "unsupported parameters:  [runtime",
    "runtime-types": "unsupported parameters:  [runtime",
    "subobjects": NO_MODULES["subobjects"],
    "vectors": NO_MODULES["vectors"],
}
LACKING["elasticsearch 9"] = {
    key: said.replace("No handler for type", "The mapper type") for key, said in CORE_ONLY.items()
}
