"""What of a document a client gets back: whole fields, whole documents, and what stands against it.

A server may hide the value of a field from `_source` (version 9.2 and later hide vectors, and
`semantic_text` its inference results). Only types that are known to be shown whole may be read,
hashed or written by a client; the rest is for the cluster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.model import JSON

SHOWN = frozenset(
    """
    aggregate_metric_double alias annotated_text binary boolean byte completion constant_keyword
    counted_keyword date date_nanos date_range derived double double_range flat_object flattened
    float float_range geo_point geo_shape half_float histogram icu_collation_keyword integer
    integer_range ip ip_range join keyword long long_range match_only_text murmur3 nested object
    passthrough pattern_text percolator point rank_feature rank_features scaled_float
    search_as_you_type shape short star_tree string text token_count unsigned_long version wildcard
    xy_point xy_shape
    """.split()
)
"""Field types whose values are in `_source` as they were sent, on every engine."""

FROZEN = ("index.search.throttled", "index.frozen")
"""Settings of an index that searches leave out."""


def types(mappings: JSON) -> Iterator[tuple[str, str]]:
    """The path and the type of every field, those within objects and of several kinds too."""
    return _types(mappings, "")


def _types(mapping: JSON, above: str) -> Iterator[tuple[str, str]]:
    for part in ("properties", "fields"):
        inner: dict[str, Any] = mapping.get(part) or {}
        for name, one in inner.items():
            path = f"{above}{name}"
            yield path, str(one.get("type", "object"))
            yield from _types(one, f"{path}.")


def hidden_types(mappings: JSON) -> list[str]:
    """Types of fields that a server may hide from a client, or that esplan does not know.

    Dynamic templates count, too: the next document may bring such a field.
    """
    found = {kind for _, kind in types(mappings)}
    templates = (one for named in mappings.get("dynamic_templates") or () for one in named.values())
    found |= {str(one.get("mapping", {}).get("type", "object")) for one in templates}
    return sorted(kind for kind in found - SHOWN if not kind.startswith("{"))


def is_frozen(settings: JSON) -> bool:
    """Whether searches leave the index out. `settings` are flat."""
    return any(str(settings.get(name)) == "true" for name in FROZEN)
