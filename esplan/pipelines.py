"""Ingest pipelines, as the cluster has them: whether they are there, and whether they are the same.

They are read from the cluster state, which the privilege `monitor` is enough for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from esplan.plan import digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.live import Reader
    from esplan.model import JSON

NONE = "_none"
"""The name that an index setting has for no pipeline."""

FINAL = "index.final_pipeline"
"""The setting of a pipeline that every write goes through, whatever its request says."""

STATE = "/_cluster/state/metadata"


def read(cluster: Reader) -> JSON:
    """Every pipeline by name. Raises ServerError where the credentials may not look."""
    answer = cluster.read(STATE, {"filter_path": "metadata.ingest.pipeline"}) or {}
    found = answer.get("metadata", {}).get("ingest", {}).get("pipeline", [])
    return {one["id"]: one["config"] for one in found}


def whole(found: JSON, name: str) -> JSON:
    """A pipeline and every one that it calls by name: the definition, None for one that is not."""
    known: JSON = {}
    todo = [name]
    while todo:
        one = todo.pop()
        if one not in known:
            known[one] = found.get(one)
            todo += _called(known[one])
    return known


def _called(value: Any) -> Iterator[str]:
    """The names in `pipeline` processors; one that is made from the document is not known."""
    if isinstance(value, list):
        for one in value:
            yield from _called(one)
    if not isinstance(value, dict):
        return
    for name, inner in value.items():
        called = inner.get("name") if name == "pipeline" and isinstance(inner, dict) else None
        if isinstance(called, str):
            if "{{" not in called and not inner.get("ignore_missing_pipeline"):
                yield called
        else:
            yield from _called(inner)


def is_one(name: str | None) -> bool:
    """Whether a setting names a pipeline."""
    return name not in (None, "", NONE)


def missing(found: JSON, name: str) -> list[str]:
    """Which of a pipeline and those that it calls are not there."""
    return sorted(one for one, config in whole(found, name).items() if config is None)


def fingerprint(found: JSON, name: str) -> str:
    """A digest of all that a pipeline does."""
    return digest(whole(found, name))
