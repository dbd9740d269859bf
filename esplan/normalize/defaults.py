"""What a parameter of a field means when it is not there: tables by field type.

GET leaves out a parameter that was sent with the value it has anyway. What is in no table comes
back as it was sent: `coerce`, for example, even where it is the default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from esplan.model import JSON

MODES_OF_SERIES = ("logsdb", "time_series")
"""Values of `index.mode` that change what fields do by default."""

NO_LIMIT = 2147483647
MILLIS = "strict_date_optional_time||epoch_millis"
NANOS = "strict_date_optional_time_nanos||epoch_millis"
CREATED = "index.version.created"
"""The version that made an index, as GET returns it: `8518000` is of 8.16, `9094000` of 9.4."""

UNKNOWN: Any = None
"""No default: it depends on the version, which desired files do not know."""

METRICS = ("long", "integer", "short", "byte", "double", "float", "half_float", "geo_point")

NOT_INDEXED = ("boolean", "ip", "keyword", *METRICS[:-1])
"""Types that a time series does not index from version 9 on, where nothing asks for it."""

OBJECT_KINDS = ("object", "nested", "passthrough")
"""Types that hold fields: they know none of the parameters of a field with values."""

EVERY_FIELD: JSON = {
    "index": True,
    "doc_values": True,
    "store": False,
    "meta": {},
    "copy_to": [],
    "fields": {},
    "on_script_error": "fail",
    "time_series_dimension": False,
}

INDEXED_TEXT: JSON = {"norms": True, "index_options": "positions", "term_vector": "no"}
TERMS: JSON = {
    "eager_global_ordinals": False,
    "index_options": "docs",
    "split_queries_on_whitespace": False,
}
DATES: JSON = {"format": MILLIS}
LOCALIZED = ("date", "date_nanos", "date_range")

BY_TYPE: dict[str, JSON] = {
    "object": {"enabled": True},
    "nested": {"enabled": True, "include_in_parent": False, "include_in_root": False},
    "passthrough": {"enabled": True},
    "text": {
        **INDEXED_TEXT,
        "eager_global_ordinals": False,
        "fielddata": False,
        "fielddata_frequency_filter": {},
        "index_phrases": False,
        "position_increment_gap": 100,
    },
    "keyword": {**TERMS, "norms": False},
    "flattened": {**TERMS, "depth_limit": 20, "time_series_dimensions": []},
    "binary": {"doc_values": False},
    "date": DATES,
    "date_range": DATES,
    **dict.fromkeys(
        ("integer_range", "long_range", "float_range", "double_range", "ip_range"), DATES
    ),
    "completion": {
        "max_input_length": 50,
        "preserve_position_increments": True,
        "preserve_separators": True,
    },
    "dense_vector": {"element_type": "float"},
    "join": {"eager_global_ordinals": True, "relations": {}},
    # Of modules that the bundled server lacks: from its source, not seen.
    "annotated_text": INDEXED_TEXT,
    "search_as_you_type": {**INDEXED_TEXT, "max_shingle_size": 3},
    "token_count": {"enable_position_increments": True},
    "rank_feature": {"positive_score_impact": True},
    # The columns are those of OpenSearch 2.19, which returns them; Elasticsearch knows none.
    "wildcard": {"ignore_above": NO_LIMIT, "doc_values": False},
}

ANALYZERS = {
    "text": "default",
    "completion": "simple",
    # Not seen, as above.
    "annotated_text": "default",
    "search_as_you_type": "default",
}
"""Types with an `analyzer` and a `search_analyzer`, and the analyzer they have by default."""


def defaults(definition: JSON, settings: JSON) -> JSON:
    """The defaults of one field, in an index with these canonical settings."""
    kind = definition.get("type", "object")
    common = {} if kind in OBJECT_KINDS else EVERY_FIELD
    return (
        common
        | BY_TYPE.get(kind, {})
        | _malformed(kind, settings)
        | _ignored(kind, settings)
        | _dated(kind, settings)
        | _in_series(definition, settings)
    )


def _malformed(kind: str, settings: JSON) -> JSON:
    """`index.mapping.ignore_malformed` is the default of these types; others keep what is sent."""
    if kind not in ("date", "date_nanos", "ip"):
        return {}
    unsaid = "true" if settings.get("index.mode") == "logsdb" else "false"
    said = settings.get("index.mapping.ignore_malformed") or unsaid
    return {"ignore_malformed": said == "true"}


def _ignored(kind: str, settings: JSON) -> JSON:
    """`index.mapping.ignore_above` is the default of these types."""
    if kind not in ("keyword", "flattened"):
        return {}
    unsaid = 8191 if settings.get("index.mode") == "logsdb" else NO_LIMIT
    said: Any = settings.get("index.mapping.ignore_above")
    is_number = isinstance(said, str) and said.isdecimal()
    return {"ignore_above": int(said) if is_number else unsaid}


def _dated(kind: str, settings: JSON) -> JSON:
    """The locale of dates, and the format of those with nanoseconds, by engine."""
    if kind not in LOCALIZED:
        return {}
    unsaid = {"locale": locale(settings)}
    return unsaid | {"format": _format(settings)} if kind == "date_nanos" else unsaid


def locale(settings: JSON) -> Any:
    """The language of dates, runtime fields too: English from Elasticsearch 8 on, else none."""
    made: str = settings.get(CREATED, "")
    if not made:
        return UNKNOWN
    return "" if is_opensearch(made) or is_seven(made) else "en"


def _format(settings: JSON) -> Any:
    """How dates with nanoseconds are written."""
    made: str = settings.get(CREATED, "")
    if not made:
        return UNKNOWN
    return MILLIS if is_opensearch(made) else NANOS


def is_opensearch(created: str) -> bool:
    """Whether OpenSearch made the index: `136408327` is of 2.19, and the bit marks it."""
    return created.isdecimal() and int(created) >= 1 << 27


def is_seven(created: str) -> bool:
    """Whether Elasticsearch 7 made the index: `7172999` is of 7.17.29."""
    return created.isdecimal() and int(created) < 8_000_000  # noqa: PLR2004  (8.0.0)


def _in_series(definition: JSON, settings: JSON) -> JSON:
    """Text is stored where nothing else keeps it (8); what has doc values is not indexed (9).

    The modes imply a synthetic `_source`, which 8 reads from the text's keyword sub-field, and
    binary fields from their doc values. A metric is not indexed in either version.
    """
    mode, kind = settings.get("index.mode"), definition.get("type")
    if mode not in MODES_OF_SERIES:
        return {}
    made: str = settings.get(CREATED, "")
    if kind in ("text", "binary"):
        return {"doc_values": True} if kind == "binary" else {"store": _stored(definition, made)}
    if mode != "time_series":
        return {}
    if kind in METRICS and "time_series_metric" in definition:
        return {"index": False}
    unsaid = not is_nine(made) if made else UNKNOWN
    return {"index": unsaid} if kind in NOT_INDEXED else {}


def is_nine(created: str) -> bool:
    """Whether Elasticsearch 9 made the index. OpenSearch's numbers have more digits."""
    return created.isdecimal() and 9_000_000 <= int(created) < 10_000_000  # noqa: PLR2004  (as said)


def _stored(text: JSON, created: str) -> Any:
    """Whether a text field is stored where it does not say."""
    if not created:
        return UNKNOWN
    kept = any(map(_keeps_text, text.get("fields", {}).values()))
    return not is_nine(created) and not kept


def _keeps_text(sub_field: JSON) -> bool:
    is_plain = sub_field.get("type") == "keyword" and "normalizer" not in sub_field
    return is_plain and (sub_field.get("doc_values", True) or sub_field.get("store", False))
