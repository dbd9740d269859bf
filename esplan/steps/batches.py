"""How many documents a task of a copy or a backfill has in hand at once.

A plan sizes a batch by the stored bytes, and these are compressed: 200 documents of two megabytes
may be stored in one. So before a task is started a few documents are looked at as they are; and
where the server refuses a batch all the same, the task is started again with a smaller one.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from esplan.errors import BLOCKED, EsplanError, StepFailed
from esplan.request import index_path

if TYPE_CHECKING:
    from esplan.cluster import Cluster
    from esplan.model import JSON
    from esplan.plan import Step
    from esplan.run import Run

USUAL = 1000
"""How many documents the server has in hand at once, unless it is told otherwise."""

AIM_BYTES = 20_000_000
"""Bytes of JSON in a batch. A server refuses writes beyond a tenth of its heap."""

COMPRESSED = 1000
"""How many bytes of JSON may be stored in one, at most: a text of one repeated letter."""

LOOKED_AT, LOOKED_AT_BYTES = 10, 20_000_000
"""Documents whose length is measured, and the bytes that are read for that."""

SCROLL_SIZE = re.compile(r"(?<=[?&]scroll_size=)\d+")
"""An update by query has its batch in the path."""

TOO_LARGE = frozenset(
    {
        "circuit_breaking_exception",
        "content_too_long_exception",
        "es_rejected_execution_exception",
        "opensearch_rejected_execution_exception",
        "out_of_memory_error",
        "rejected_execution_exception",
    }
)
"""Types of an error that a smaller batch may not meet."""

REFUSED = (413, 429)
"""How the server answers a document of such a batch."""

TOO_LONG = re.compile(
    r"chunk that was too large|content is too long|java heap space", re.IGNORECASE
)
"""The same, in a type that says nothing."""

IN_HAND = re.compile(r"operation_bytes=(\d+), max_\w+_bytes=(\d+)")
"""How many bytes there were, and how many there may be."""


def size_of(step: Step) -> int:
    """How many documents the step's request has in a batch."""
    request: JSON = step.request or {}
    found = SCROLL_SIZE.search(request["path"])
    source = (request["body"] or {}).get("source", {})
    return int(found[0]) if found else int(source.get("size", USUAL))


def sized(step: Step, size: int) -> Step:
    """The step with batches of so many documents; the same where it has them already."""
    request: JSON = step.request or {}
    if size == size_of(step):
        return step
    if "source" in request["body"]:
        return replace(step, request={**request, "body": body_of(request["body"], size)})
    path = SCROLL_SIZE.sub(str(size), request["path"])
    path = path if SCROLL_SIZE.search(path) else f"{path}&scroll_size={size}"
    return replace(step, request={**request, "path": path})


def body_of(body: JSON, size: int) -> JSON:
    """The body of a `_reindex` with batches of so many documents."""
    return {**body, "source": {**body["source"], "size": size}}


def begun(step: Step, run: Run) -> Step:
    """The step as it is sent: its batch is as small as its documents ask for."""
    known = run.batches.get(step.address)
    if known is None:
        known = _fitting(step, run)
        run.batches[step.address] = known
    return sized(step, min(known, size_of(step)))


def _fitting(step: Step, run: Run) -> int:
    """By the length of a few documents; as planned where they cannot be read."""
    planned = size_of(step)
    documents, size = (step.estimate.get(name) or 0 for name in ("documents", "bytes"))
    if not documents or COMPRESSED * size * min(planned, documents) // documents <= AIM_BYTES:
        return planned
    origin = step.arguments.get("origin")
    cluster = run.other(origin["environment"]) if origin else run.cluster
    index = origin["index"] if origin else step.arguments["source"]
    try:
        average = _length(cluster, index)
    except EsplanError:
        return planned  # the task meets the same, and says what it is
    return max(1, min(planned, AIM_BYTES // average))


def _length(cluster: Cluster, index: str) -> int:
    """Bytes of JSON of a document, on average over a few; at least 1."""
    body = {"size": LOOKED_AT, "track_total_hits": False}
    path = index_path(index, "/_search")
    found = cluster.read_bytes(path, {"request_cache": "false"}, body, most=LOOKED_AT_BYTES)
    return max(1, (LOOKED_AT_BYTES if found is None else len(found)) // LOOKED_AT)


def is_too_large(found: Any) -> bool:
    """Whether an error, or one of several failures, says that there was too much in hand."""
    if isinstance(found, list):
        return any(map(is_too_large, found))
    if not isinstance(found, dict) or BLOCKED in (found.get("type"), _cause(found)):
        return False
    if found.get("type") in TOO_LARGE or found.get("status") in REFUSED:
        return True
    said = found.get("reason")
    if isinstance(said, str) and TOO_LONG.search(said):
        return True
    return any(is_too_large(found[name]) for name in INSIDE if name in found)


def _cause(found: JSON) -> Any:
    """The type of what a document failed for: a full disk blocks an index with 429, too."""
    cause = found.get("cause")
    return cause.get("type") if isinstance(cause, dict) else None


INSIDE = ("caused_by", "cause", "reason", "root_cause", "failed_shards")


def smaller(step: Step, run: Run, error: Any) -> None:
    """Remember a smaller batch for every later task of the object. Raises StepFailed below 1."""
    now = min(size_of(step), run.batches.get(step.address, size_of(step)))
    if now <= 1:
        raise StepFailed(
            f"the cluster refuses single documents of {step.arguments['source']}",
            code="ESP-3305",
            why=_said(error),
            remedy="give the nodes more heap (see `esplan doctor`), or apply at a quieter time",
        )
    run.batches[step.address] = max(1, min(now // 2, _allowed(now, error)))
    run.listener.note(
        f"the cluster refuses batches of {now:,} documents of {step.arguments['source']}: "
        f"starting again with {run.batches[step.address]:,}"
    )


def after_loss(step: Step, run: Run) -> None:
    """A node may have gone for what it had in hand: the next task has half of it."""
    run.batches[step.address] = max(1, size_of(step) // 2)


def _allowed(now: int, error: Any) -> int:
    """What fits twice, where the server says how much there was, and how much there may be."""
    found = IN_HAND.search(_said(error))
    return now * int(found[2]) // (2 * int(found[1])) if found else now


def _said(error: Any) -> str:
    if isinstance(error, list):
        return "; ".join(map(_said, error[:1]))
    if not isinstance(error, dict):
        return str(error)
    inner = error.get("cause") or error.get("reason") or error.get("caused_by") or ""
    return inner if isinstance(inner, str) else _said(inner)
