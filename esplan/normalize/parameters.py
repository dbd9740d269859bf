"""Parameters of fields: the type and the form that the server gives to each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from esplan.normalize.values import an_object, boolean, decimal, half, many, single, text, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from esplan.model import JSON

BOOLEANS = (
    "coerce doc_values eager_global_ordinals enabled fielddata ignore_malformed ignore_z_value "
    "include_in_parent include_in_root index index_phrases norms positive_score_impact "
    "preserve_position_increments preserve_separators split_queries_on_whitespace store "
    "time_series_dimension"
).split()
INTEGERS = "depth_limit ignore_above max_input_length max_shingle_size position_increment_gap "
INTEGERS += "priority"

NULLABLE = ("index_prefixes", "normalizer", "null_value", "similarity", "time_series_metric")
"""Parameters that the server takes as null, which is their default."""

PAIR = re.compile(r"\s*([-+.\d]+)\s*,\s*([-+.\d]+)\s*(,[^,]*)?", re.ASCII)
POINT = re.compile(r"\s*POINT\s*Z?\s*\(\s*([-+.\d]+)\s+([-+.\d]+).*\)\s*", re.ASCII | re.IGNORECASE)


def sent_null(name: str, value: Any) -> bool:
    """Whether a parameter says nothing since it is null. Raises ValueError where none may be."""
    if value is None and name not in NULLABLE:
        raise ValueError(f"the parameter {name!r} of a field must not be null")
    return value is None


def dynamic(value: Any) -> str:
    """`dynamic: true` comes back as the lower-case string."""
    if value is None:
        raise ValueError("`dynamic` must not be null")
    return str(value).lower()


def subobjects(value: Any) -> Any:
    """A boolean, in whatever case its string was."""
    return boolean(text(value).lower())


def locale(value: Any) -> Any:
    """`en-us` is `en_US`, and `ROOT` is the empty one."""
    if not isinstance(value, str):
        return value
    language, *rest = re.split("[-_]", value)
    country = [rest[0].upper(), *rest[1:]] if rest else []
    return "_".join(["" if language.lower() == "root" else language.lower(), *country])


def script(value: Any) -> Any:
    """A script given as a string becomes an object that names its language."""
    if value is None:
        raise ValueError("a script must not be null")
    given = {"source": value} if isinstance(value, str) else an_object(value, "a script")
    empty = ("params", "options")
    kept = {name: part for name, part in given.items() if name not in empty or part}
    return kept if "id" in kept else {"lang": "painless", **kept}


def frequency_filter(value: Any) -> JSON:
    """`fielddata_frequency_filter` gains the bounds that it does not name."""
    read = _members(value, {"min": decimal, "max": decimal, "min_segment_size": whole})
    usual = {"min": 0.0, "max": 2147483647.0, "min_segment_size": 0}
    return {name: part for name, part in read.items() if usual.get(name, ...) != part}


def prefixes(value: Any) -> JSON:
    """`index_prefixes` gains the bounds that it does not name; `{}` asks for both."""
    read = _members(value, {"min_chars": whole, "max_chars": whole})
    return {"min_chars": 2, "max_chars": 5, **read}


def _members(value: Any, readers: dict[str, Callable[[Any], Any]]) -> JSON:
    parts = an_object(value, "a parameter with parts")
    return {name: readers.get(name, lambda v: v)(part) for name, part in parts.items()}


def null_value(kind: str, value: Any) -> Any:
    """In the type of its field: `"5"` is 5 in a `long`, and 0 is `"0"` in a `keyword`."""
    return NULL_VALUES[kind](value) if kind in NULL_VALUES else value


def geo_point(value: Any) -> Any:
    """Latitude and longitude, from any form but a geohash, which stays as it is."""
    found = _coordinates(value)
    read = {"lat": decimal(found[0]), "lon": decimal(found[1])} if found else {}
    return read if read and all(isinstance(v, float) for v in read.values()) else value


def _coordinates(value: Any) -> tuple[Any, Any] | None:
    """Of `{lat, lon}`, `[lon, lat]`, GeoJSON, `"lat,lon"` and `"POINT (lon lat)"`."""
    if isinstance(value, dict) and "lat" in value and "lon" in value:
        return value["lat"], value["lon"]
    pair = value.get("coordinates") if isinstance(value, dict) else value
    if isinstance(pair, list) and len(pair) in (2, 3):
        return pair[1], pair[0]
    if isinstance(pair, str) and (match := PAIR.fullmatch(pair)):
        return match[1], match[2]
    if isinstance(pair, str) and (match := POINT.fullmatch(pair)):
        return match[2], match[1]
    return None


READERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(BOOLEANS, boolean),
    **dict.fromkeys(INTEGERS.split(), whole),
    "copy_to": many,
    "dynamic": dynamic,
    "fielddata_frequency_filter": frequency_filter,
    "index_prefixes": prefixes,
    "locale": locale,
    "script": script,
    "subobjects": subobjects,
}

NULL_VALUES: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("long", "integer", "short", "byte"), whole),
    **dict.fromkeys(("keyword", "flattened", "date", "date_nanos"), text),
    "boolean": boolean,
    "double": decimal,
    "float": single,
    "geo_point": geo_point,
    "half_float": half,
    # Of modules that the bundled server lacks: from its source, not seen.
    "scaled_float": decimal,
    "unsigned_long": text,
}
"""The type of `null_value` by the type of its field; others keep what was sent."""
