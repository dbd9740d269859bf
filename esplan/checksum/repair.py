"""Make single documents of an index as another one has them: conditional writes, nothing blind.

A document is written only if it is still as it was read here: `create` where it was missing,
sequence number and term where it was there. Who writes at the same time wins, and is reported.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from esplan import rejected
from esplan.checksum.document import COPIES
from esplan.errors import StepFailed
from esplan.request import index_path, pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from esplan.checksum.report import Report
    from esplan.cluster import Cluster
    from esplan.model import JSON

PAGE = 50
"""Documents a request: of one megabyte each they stay below what a server takes (100 MB)."""

Kind = Literal["missing", "extra", "different"]
SIDES: dict[Kind, tuple[int, int]] = {"missing": (1, 0), "extra": (0, 1), "different": (1, 1)}
"""How many documents of an id there are on each side."""


@dataclass
class Repaired:
    """How many documents were made, removed and replaced; and by id why one was left as it is."""

    created: int = 0
    deleted: int = 0
    replaced: int = 0
    left: dict[str, str] = field(default_factory=dict)


def repair(cluster: Cluster, report: Report, check: Callable[[], None]) -> Repaired:
    """Only the target is written to, and only what is as it was compared. The report has all ids.

    `check` is called before every write; what it raises ends it. Raises ServerError, Unreachable,
    and OutcomeUnknown: doing it again is harmless.
    """
    done = Repaired()
    for kind in SIDES:
        for ids in pieces(getattr(report, kind).sample, PAGE):
            _page(cluster, report, (kind, ids), check, done)
    return done


def _page(
    cluster: Cluster,
    report: Report,
    some: tuple[Kind, Sequence[str]],
    check: Callable[[], None],
    done: Repaired,
) -> None:
    """Deletes first: a document whose routing differs is on another shard, and made after that."""
    kind, ids = some
    target = report.target
    old, new = (_read(cluster, name, ids, report) for name in (report.source, target))
    pairs = [(id_, old.get(id_, []), new.get(id_, [])) for id_ in ids]
    clear = {i: (a, b) for i, a, b in pairs if not _unclear(kind, a, b)}
    done.left |= {i: _unclear(kind, a, b) for i, a, b in pairs if i not in clear}
    removals = {i: b[0] for i, (a, b) in clear.items() if b and (not a or _moves(a[0], b[0]))}
    gone = _sent(cluster, target, {i: [_delete(b)] for i, b in removals.items()}, check, done)
    writes = {
        i: [*_write(a[0], b[0] if b and i not in removals else None)]
        for i, (a, b) in clear.items()
        if a and (i not in removals or i in gone)
    }
    written = _sent(cluster, target, writes, check, done)
    if kind == "extra":
        done.deleted += len(gone)
    elif kind == "missing":
        done.created += len(written)
    else:
        done.replaced += len(written)


def _unclear(kind: Kind, old: list[JSON], new: list[JSON]) -> str:
    """Why a document is left alone; empty where it is not."""
    if len(old) > 1 or len(new) > 1:
        return f"{len(old)} documents of this id are in the first and {len(new)} in the second"
    if (len(old), len(new)) != SIDES[kind] or any(hit["late"] for hit in (*old, *new)):
        return "it has changed since it was compared"
    return ""


def _moves(old: JSON, new: JSON) -> bool:
    return bool(old.get("_routing") != new.get("_routing"))


def _read(
    cluster: Cluster, index: str, ids: Sequence[str], report: Report
) -> dict[str, list[JSON]]:
    """Search hits by id, whatever their routing is, with what a conditional write needs.

    `late`: written after the marks of the report. An explanation names the shard, which has them.
    """
    body = {
        "query": {"ids": {"values": list(ids)}},
        "size": COPIES * len(ids),
        "seq_no_primary_term": True,
        "track_total_hits": True,
        "explain": True,
    }
    whole = {"allow_partial_search_results": "false"}
    answer = cluster.read(index_path(index, "/_search"), whole, body)
    if answer is None:
        raise StepFailed(
            f"the index {index} is gone",
            code="ESP-3304",
            remedy="see which indices there are: GET _cat/indices",
        )
    hits = answer["hits"]["hits"]
    if answer["hits"]["total"]["value"] > len(hits):
        raise StepFailed(
            f"too many documents of {index} have the same ids: nobody can tell them",
            code="ESP-4804",
            remedy="write these documents by hand, or load the index anew",
        )
    found: dict[str, list[JSON]] = {}
    for hit in hits:
        shard = hit["_shard"].rpartition("[")[2].rstrip("]")
        late = hit["_seq_no"] > report.marks[index][shard]
        found.setdefault(hit["_id"], []).append({**hit, "late": late})
    return found


def _delete(new: JSON) -> JSON:
    return {"delete": {"_id": new["_id"], **_routing(new), **_unless_changed(new)}}


def _write(old: JSON, new: JSON | None) -> Iterator[Any]:
    """The document of the first side, in the place of the second side's, or where there is none."""
    meta = {"_id": old["_id"], **_routing(old)}
    yield {"index": {**meta, **_unless_changed(new)}} if new else {"create": meta}
    yield old["_source"]


def _routing(hit: JSON) -> JSON:
    return {"routing": hit["_routing"]} if "_routing" in hit else {}


def _unless_changed(hit: JSON) -> JSON:
    return {"if_seq_no": hit["_seq_no"], "if_primary_term": hit["_primary_term"]}


def _sent(
    cluster: Cluster,
    index: str,
    lines: dict[str, list[Any]],
    check: Callable[[], None],
    done: Repaired,
) -> set[str]:
    """The ids that were taken, past any default pipeline; the others are left, with the reason."""
    if not lines:
        return set()
    check()
    body = [line for each in lines.values() for line in each]
    params = {"pipeline": "_none", "require_alias": "false"}
    answer = cluster.change("POST", index_path(index, "/_bulk"), params, body, timeout=300)
    items = [next(iter(one.values())) for one in answer["items"]]
    refused = {one["_id"]: _reason(one["error"]) for one in items if "error" in one}
    refused |= {one["_id"]: "it was not there" for one in items if one["status"] == NOT_FOUND}
    done.left |= refused
    return lines.keys() - refused.keys()


NOT_FOUND = 404


def _reason(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    if error.get("type") == "version_conflict_engine_exception":
        return "somebody wrote it meanwhile"
    return rejected.reason(error)
