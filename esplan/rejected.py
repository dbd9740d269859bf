"""Documents that a new mapping rejects: who they are, and the file beside the plan that lists them.

The file is for people. Nothing is decided by it: the proof compares the ids that are missing with
a digest in the journal, so a file that is lost or edited changes nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING

from esplan import durable
from esplan.errors import JournalError
from esplan.request import index_path, pieces

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from esplan.cluster import Cluster
    from esplan.model import JSON

TURN = Lock()
"""Objects that change side by side have one file."""

REJECTED = 400
"""The status of a document that the mapping does not take. Others (429, 403, 503) are the cluster's
trouble, and no property of the document."""

LARGEST = 1024**3
"""Bytes of the list: more than any that fits on a screen or in an editor."""
OF_THE_MAPPING = frozenset(
    (
        "document_parsing_exception",  # Elasticsearch from 8.6 on
        "mapper_parsing_exception",
        "strict_dynamic_mapping_exception",
    )
)
"""The types of a mapping's own refusals. A pipeline that is gone, a script in one that fails, a
missing routing, a closed index have the same status, and are no property of the document either."""

ILLEGAL = "illegal_argument_exception"
"""The type of nearly everything else with that status."""

LIMITS = re.compile(
    r"""Limit\ of\ | Document\ contains\ at\ least\ one\ immense\ term
    | mapper\ \[ | object\ mapping\ \[ | can't\ merge\ a\  | The\ number\ of\ nested\ documents
    | Cannot\ update\ parameter\  | Mapper\ for\ \[""",
    re.VERBOSE,
)
"""How reasons of that type begin that are a mapping's: its limits, and fields that do not agree."""

PAGE = 1000
"""Ids a search for their routing."""


@dataclass(frozen=True)
class Rejected:
    """One document. `index` is the one that still has it; `reason` may quote what is in it.

    `routing` is None where it has none, and where several documents have this id.
    """

    index: str
    id: str
    routing: str | None
    type: str
    reason: str


def rejections(index: str, failures: Iterable[JSON]) -> list[Rejected] | None:
    """The documents in a task's failures; None where one of them is no rejection of a document."""
    found = [_rejected(index, failure) for failure in failures]
    return None if None in found else [one for one in found if one]


def _rejected(index: str, failure: JSON) -> Rejected | None:
    if failure.get("status") != REJECTED or "id" not in failure:
        return None
    cause = failure.get("cause") or {}
    if not _is_of_the_mapping(cause):
        return None
    return Rejected(index, str(failure["id"]), None, str(cause.get("type", "")), reason(cause))


def _is_of_the_mapping(cause: JSON) -> bool:
    """By the type, and where that says nothing by the words: what is not known is a failure."""
    kind, words = cause.get("type"), str(cause.get("reason", ""))
    return kind in OF_THE_MAPPING or (kind == ILLEGAL and bool(LIMITS.match(words)))


def reason(cause: JSON) -> str:
    """The server's reason, and the one inside it; of a script with the place in its text."""
    shards = cause.get("failed_shards") or [{}]
    inner = cause.get("caused_by") or shards[0].get("reason") or {}
    said = ": ".join(str(part) for part in (cause.get("reason"), inner.get("reason")) if part)
    stack = cause.get("script_stack") or []
    before = (line for line, arrow in pairwise(stack) if "^---- HERE" in arrow)
    line = " ".join(next(before, "").split())
    return f"{said}, at: {line}" if line else said


def listed(failures: list[JSON]) -> str:
    """The first ten documents that failed, each with its reason."""
    found = failures[:10]
    shown = "; ".join(f"{f.get('id', '?')}: {reason(f.get('cause') or {})}" for f in found)
    more = f" (and {len(failures) - 10} more)" if len(failures) > 10 else ""  # noqa: PLR2004
    return shown + more


def fingerprint(ids: Iterable[str]) -> str:
    """SHA-256 over ids that are in order, a JSON string a line."""
    summed = hashlib.sha256()
    for id_ in ids:
        summed.update(f"{json.dumps(id_)}\n".encode())
    return summed.hexdigest()


def evidence(found: Sequence[Rejected]) -> JSON:
    """For the journal: how many documents, how many ids (an id may be there twice), and which."""
    ids = sorted({one.id for one in found})
    return {"documents": len(found), "ids": len(ids), "digest": fingerprint(ids)}


def routed(cluster: Cluster, index: str, found: Sequence[Rejected]) -> list[Rejected]:
    """The same with their routing, in the order of their ids."""
    ids = sorted({one.id for one in found})
    routing: dict[str, set[str | None]] = {}
    for some in pieces(ids, PAGE):
        query = {"query": {"ids": {"values": list(some)}}, "size": 2 * len(some), "_source": False}
        whole = {"allow_partial_search_results": "false"}
        answer = cluster.read(index_path(index, "/_search"), whole, query) or {}
        for hit in answer.get("hits", {}).get("hits", ()):
            routing.setdefault(hit["_id"], set()).add(hit.get("_routing"))
    ordered = sorted(found, key=lambda one: (one.id, one.reason))
    return [replace(one, routing=_only(routing.get(one.id, set()))) for one in ordered]


def _only(values: set[str | None]) -> str | None:
    return next(iter(values)) if len(values) == 1 else None


def beside(plan_path: Path) -> Path:
    """Where the list of the plan in a file lies."""
    return plan_path.with_name(f"{plan_path.name}.rejected.jsonl")


def write(path: Path, index: str, found: Sequence[Rejected]) -> None:
    """Put these documents of one index in the place of what the file said of it; mode 0600.

    Without any document left in it there is no file. Raises JournalError.
    """
    try:
        with TURN:
            others = [line for line in _lines(path) if json.loads(line).get("index") != index]
            lines = [*others, *(json.dumps(asdict(one), sort_keys=True) for one in found)]
            _replace(path, lines)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it holds something else"
        raise JournalError(
            f"the list of rejected documents {path} cannot be written",
            code="ESP-5203",
            why=str(why or error),
            remedy="make room, or move the file away; then apply the plan again",
        ) from None


def _lines(path: Path) -> Iterator[str]:
    if path.exists():
        yield from durable.read(path, LARGEST).decode().splitlines()


def _replace(path: Path, lines: Sequence[str]) -> None:
    """All of it or nothing: a reader never sees a half."""
    if lines:
        durable.write_whole(path, "".join(f"{line}\n" for line in lines).encode())
        return
    path.unlink(missing_ok=True)
    durable.sync_folder(path.parent)
