"""Count documents where some are nested: `_stats` counts each nested object as one more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from esplan.errors import EsplanError
from esplan.request import batches

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from esplan.live import Reader
    from esplan.model import Index


def counted(cluster: Reader, indices: Mapping[str, Index]) -> dict[str, Index]:
    """The same indices, with the documents that searches find in the place of those of `_stats`.

    It asks about the indices with nested fields alone, all of them at once. What cannot be asked
    stays as it is: a number for a text is no reason to fail.
    """
    names = [name for name, one in indices.items() if one.documents and _has_nested(one)]
    found: dict[str, int] = {}
    for some in batches(names):
        found |= _asked(cluster, some)
    own = {name: replace(indices[name], documents=many) for name, many in found.items()}
    return {**indices, **own}


def _has_nested(index: Index) -> bool:
    return _is_nested({"properties": index.body.mappings.get("properties", {})})


def _is_nested(field: Any) -> bool:
    if not isinstance(field, dict):
        return False
    inside = field.get("properties")
    return field.get("type") == "nested" or (
        isinstance(inside, dict) and any(map(_is_nested, inside.values()))
    )


def _asked(cluster: Reader, names: Sequence[str]) -> dict[str, int]:
    """By index; nothing where a shard did not answer, or none may be read."""
    path = f"/{','.join(quote(name, safe='') for name in names)}/_search"
    shape = {"terms": {"field": "_index", "size": len(names)}}
    body = {"size": 0, "track_total_hits": False, "aggs": {"indices": shape}}
    try:
        answer = cluster.read(path, {"ignore_unavailable": "true"}, body)
    except EsplanError:
        return {}
    if answer is None or answer["_shards"]["failed"] or answer.get("timed_out"):
        return {}
    buckets = answer.get("aggregations", {}).get("indices", {}).get("buckets", [])
    found = {bucket["key"]: bucket["doc_count"] for bucket in buckets}
    return {name: found[name] for name in names if name in found}
