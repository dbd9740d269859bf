"""Field types whose parameters depend on each other: one function a type."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from esplan.normalize.defaults import ANALYZERS, CREATED, is_opensearch
from esplan.normalize.values import alone, an_object, decimal, many, text, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from esplan.model import JSON

QUANTIZED = {"type": "int8_hnsw"}
"""The `index_options` that a short indexed vector of floats gets by itself."""

FLOATS = ("float", "bfloat16")
LONG_VECTOR = 384
"""From this many dimensions on, version 9.1 chooses `bbq_hnsw`."""

CHOSEN: tuple[JSON, ...] = (
    QUANTIZED,
    {"type": "bbq_hnsw"},
    # With an enterprise licence: from the server's source, not seen.
    {"type": "bbq_disk"},
    {"type": "bbq_disk", "bits": 4},
)
"""What the server chooses where no `index_options` are said: by version, dimensions and licence."""

METRES = {
    "mm": 0.001,
    "cm": 0.01,
    "in": 0.0254,
    "ft": 0.3048,
    "yd": 0.9144,
    "m": 1.0,
    "km": 1000.0,
    "mi": 1609.344,
    "nmi": 1852.0,
    "NM": 1852.0,
}
DISTANCE = re.compile(rf"\s*(\d+\.?\d*)\s*({'|'.join(METRES)})?\s*", re.ASCII)
WIDEST = 40075016.68557849 + 19970326.371122
"""The equator and the way from pole to pole, in metres."""

GRAPH: JSON = {"m": 16, "ef_construction": 100}
USUAL_OPTIONS: JSON = {
    "bbq": {"rescore_vector": {"oversample": 3.0}},
    "bbq_disk": {
        "bits": 1,
        "cluster_size": 384,
        "default_visit_percentage": 0.0,
        "flat_index_threshold": -1,
    },
    "int4": {"confidence_interval": 0.0},
}
"""Defaults by how the type begins; which of them GET adds depends on the version."""


def analyzers(definition: JSON, settings: JSON) -> JSON:
    """An analyzer equal to the one that would be taken without it says nothing.

    Searches take the analyzer of the field, or the index's `default_search` where the field names
    none; phrases take what searches take, or the index's `default_search_quote`. GET adds the ones
    before a later one that differs, and never shows one for phrases that searches have too.
    """
    usual = ANALYZERS[definition["type"]]
    own = definition.get("analyzer", usual)
    search = _unsaid(own, usual, "default_search", settings)
    searches = definition.get("search_analyzer", search)
    is_named = own != usual or searches != search
    quote = searches if is_named else _unsaid(own, usual, "default_search_quote", settings, search)
    unsaid = {
        "analyzer": (usual,),
        "search_analyzer": (search,),
        "search_quote_analyzer": (quote, searches),
    }
    return {name: value for name, value in definition.items() if value not in unsaid.get(name, ())}


def _unsaid(own: str, usual: str, default: str, settings: JSON, otherwise: str = "") -> str:
    """The index's analyzer of that name where the field has none of its own."""
    there = any(name.startswith(f"index.analysis.analyzer.{default}.") for name in settings)
    return default if there and own == usual == "default" else otherwise or own


def completion(definition: JSON, settings: JSON) -> JSON:
    """Contexts are a list, their types come back in capitals, a precision of 6 is added."""
    result = analyzers(definition, settings)
    if "contexts" in result:
        result["contexts"] = [_context(one) for one in many(result["contexts"])]
    return result


def _context(context: Any) -> JSON:
    parts = {**an_object(context, "a context")}
    parts["type"] = text(parts.get("type")).lower()
    if "precision" in parts:
        parts["precision"] = geohash_level(parts["precision"])
    if parts["type"] == "geo" and parts.get("precision") == 6:  # noqa: PLR2004  (the default)
        del parts["precision"]
    return parts


def geohash_level(precision: Any) -> Any:
    """A string is a distance, in metres or with its unit: the level whose cells are about as large.

    Read off 8.16.1 at the border of every level; 0 is level 24.
    """
    match = DISTANCE.fullmatch(precision) if isinstance(precision, str) else None
    if not match:
        return whole(precision)
    metres = float(match[1]) * METRES[match[2] or "m"]
    if not metres:
        return 24
    bits = math.ceil(math.log2(WIDEST / metres))
    return next(level for level in range(1, bits + 2) if bits <= math.ceil(2.5 * (level + 1)))


def dense_vector(definition: JSON, _settings: JSON) -> JSON:
    """An indexed vector gains a similarity, by its element type, and the options of its graph."""
    element = definition.get("element_type", "float")
    result = {**definition}
    if result.get("similarity") == ("l2_norm" if element == "bit" else "cosine"):
        del result["similarity"]
    if "index_options" in result:
        result["index_options"] = _index_options(result["index_options"])
        dims = whole(result.get("dims", LONG_VECTOR))
        short = isinstance(dims, int) and dims < LONG_VECTOR
        if short and element in FLOATS and result["index_options"] == QUANTIZED:
            del result["index_options"]
    return result


def _index_options(value: Any) -> JSON:
    """Every graph has `m` and `ef_construction`; four-bit vectors an interval of 0.

    Version 9 takes an interval and has no use for it; it adds how binary vectors are rescored.
    """
    options = {**an_object(value, "`index_options`")}
    for name in ("m", "ef_construction"):
        options[name] = whole(options.get(name, GRAPH[name]))
    if "confidence_interval" in options:
        options["confidence_interval"] = decimal(options["confidence_interval"])
    if isinstance(options.get("rescore_vector"), dict):
        options["rescore_vector"] = {n: decimal(v) for n, v in options["rescore_vector"].items()}
    usual = {**GRAPH}
    for begin, added in USUAL_OPTIONS.items():
        usual |= added if str(options.get("type")).startswith(begin) else {}
    return {name: part for name, part in options.items() if usual.get(name, ...) != part}


def join(definition: JSON, _settings: JSON) -> JSON:
    """The children of a relation are a set; one child is its name alone. `meta` is forgotten."""
    relations = an_object(definition.get("relations", {}), "`relations`")
    kept = {name: value for name, value in definition.items() if name != "meta"}
    return {**kept, "relations": {name: _children(one) for name, one in relations.items()}}


def _children(value: Any) -> Any:
    return alone(sorted({text(one) for one in many(value)}))


def numeric_range(definition: JSON, _settings: JSON) -> JSON:
    """Ranges without dates take a `locale`, and forget it."""
    return {name: value for name, value in definition.items() if name != "locale"}


def binary(definition: JSON, _settings: JSON) -> JSON:
    """Version 7 and OpenSearch take `index`, and forget it; later versions refuse it."""
    return {name: value for name, value in definition.items() if name != "index"}


def geo_point(definition: JSON, settings: JSON) -> JSON:
    """OpenSearch takes `index`, and forgets it."""
    if not is_opensearch(settings.get(CREATED, "")):
        return definition
    return {name: value for name, value in definition.items() if name != "index"}


SPECIAL: dict[str, Callable[[JSON, JSON], JSON]] = {
    **dict.fromkeys(ANALYZERS, analyzers),
    **dict.fromkeys(
        ("integer_range", "long_range", "float_range", "double_range", "ip_range"), numeric_range
    ),
    "binary": binary,
    "completion": completion,
    "dense_vector": dense_vector,
    "geo_point": geo_point,
    "join": join,
}
"""What is done with all parameters of a field at once, given the index's canonical settings."""
