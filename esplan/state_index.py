"""esplan's own hidden index: the mirror of every journal, beside the lock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from esplan import journal
from esplan.errors import EsplanError, JournalError, OutcomeUnknown, ServerError, Unreachable
from esplan.plan import FENCE, STATE_INDEX
from esplan.request import document, there

if TYPE_CHECKING:
    from esplan.cluster import Cluster
    from esplan.journal import Record
    from esplan.model import JSON

BODY: JSON = {
    "settings": {
        "index.hidden": True,
        "index.number_of_shards": 1,
        "index.auto_expand_replicas": "0-1",
    },
    "mappings": {
        "dynamic": False,
        "_meta": {"esplan": {"purpose": "lock, fence and journals"}},
        "properties": {
            "at": {"type": "date"},
            "kind": {"type": "keyword"},
            "plan": {"type": "keyword"},
            "seq": {"type": "integer"},
        },
    },
    "aliases": {FENCE.format_map({"token": "first"}): {"is_hidden": True}},
}

PAGE = 200
"""Records asked for in one request; an ordinary apply has fewer."""


ATTEMPTS = 3
"""How often a record is sent whose outcome nobody knew and which then was not there."""

FOUND_AT_ONCE = {"refresh": "true"}
"""An apply's first record: a search finds its journal from then on, the rest is read by its ids."""

MEASURED = "measured"
"""The key of evidence that says how long a step took; such records are found by it."""

PLANS = 1000
"""Plans that `unfinished` and the history look at: the newest."""


@dataclass(frozen=True)
class Unfinished:
    """An apply that began and has not ended. Times are ISO 8601, by its host's clock."""

    plan: str
    plan_id: str
    host: str
    since: str
    last: str
    done: int
    steps: int


def ensure(cluster: Cluster) -> None:
    """Make the index unless it is there."""
    if cluster.read(f"/{STATE_INDEX}", {"filter_path": "*.aliases"}) is not None:
        return
    try:
        cluster.change("PUT", f"/{STATE_INDEX}", None, BODY)
    except ServerError as error:
        if error.type != "resource_already_exists_exception":
            raise
    except OutcomeUnknown:
        if cluster.read(f"/{STATE_INDEX}", {"filter_path": "*.aliases"}) is None:
            raise


def record_id(plan_digest: str, seq: int) -> str:
    """One document a record; creating it twice is impossible."""
    return f"journal-{plan_digest[:32]}-{seq}"


def store(cluster: Cluster, plan_digest: str, record: Record) -> None:
    """Mirror one record. Raises JournalError when it is not certainly there afterwards.

    What got lost on the way is sent again: one document a record, so that it is made once.
    """
    path = f"/{STATE_INDEX}/_create/{record_id(plan_digest, record.seq)}"
    kind = ["journal", MEASURED] if MEASURED in record.data else "journal"
    keys = {"kind": kind, "plan": plan_digest, "seq": record.seq, "at": record.at}
    body = {**keys, "record": record.line()}
    how = {"require_alias": "false"} | (FOUND_AT_ONCE if record.event == "start" else {})
    trouble: EsplanError | None = None
    for _ in range(ATTEMPTS):
        try:
            cluster.change("PUT", path, how, body)
        except (ServerError, OutcomeUnknown) as error:
            trouble = error
        else:
            return
        kept = _is_there(cluster, plan_digest, record)
        if kept:
            return
        if kept is None or isinstance(trouble, ServerError):
            break
    raise _not_mirrored(trouble)


def _not_mirrored(error: EsplanError | None) -> JournalError:
    return JournalError(
        "the journal cannot be mirrored in the cluster",
        code="ESP-5206",
        why=f"{error.what}: {error.why}" if error else "",
        remedy="nothing is changed without it: cure the cause, then apply again",
    )


def _is_there(cluster: Cluster, plan_digest: str, record: Record) -> bool | None:
    """After an answer that was lost or refused: the write may have been ours. None: unknown."""
    path = f"/{STATE_INDEX}/_doc/{record_id(plan_digest, record.seq)}"
    try:
        found = document(cluster.read(path), path)
    except EsplanError:
        return None
    return found is not None and found["_source"].get("record") == record.line()


def load(cluster: Cluster, plan_digest: str) -> list[Record]:
    """The mirrored records of a plan, in order and checked; [] when there are none."""
    lines: list[str] = []
    while True:
        ids = [record_id(plan_digest, seq) for seq in range(len(lines), len(lines) + PAGE)]
        found = [doc for doc in documents(cluster, ids) if doc.get("found")]
        lines += [doc["_source"]["record"] for doc in found]
        if len(found) < PAGE:
            return _records(lines)


def documents(cluster: Cluster, ids: list[str]) -> list[JSON]:
    """What the index has of these, in their order: `found` or not. Raises Unreachable.

    Where a shard does not answer, nobody can say whether it has a record.
    """
    path = f"/{STATE_INDEX}/_mget"
    docs: list[JSON] = there(cluster.read(path, None, {"ids": ids}), path)["docs"]
    errors = [one["error"] for one in docs if one.get("error")]
    if errors and errors[0].get("type") != "index_not_found_exception":
        raise Unreachable(
            f"the journal in the index {STATE_INDEX} cannot be read",
            code="ESP-3301",
            why=str(errors[0].get("reason", "")),
            remedy="see GET /_cluster/health: a shard may be missing",
        )
    return docs


def remember(cluster: Cluster, name: str, body: JSON) -> None:
    """Keep what a step needs to go on after a crash, in place of what was kept by that name.

    Raises ServerError and OutcomeUnknown.
    """
    path = f"/{STATE_INDEX}/_doc/{name}"
    cluster.change("PUT", path, {"require_alias": "false"}, {"kind": "progress", **body})


def recall(cluster: Cluster, name: str) -> JSON:
    """What was kept by that name; {} where nothing was. Raises Unreachable."""
    path = f"/{STATE_INDEX}/_doc/{name}"
    found = document(cluster.read(path), path)
    return dict(found["_source"]) if found else {}


def forget(cluster: Cluster, name: str) -> None:
    """Keep nothing by that name any more. Raises ServerError and OutcomeUnknown."""
    try:
        cluster.change("DELETE", f"/{STATE_INDEX}/_doc/{name}")
    except ServerError as error:
        if error.status != 404:  # noqa: PLR2004  (HTTP's own number)
            raise


def _records(lines: list[str]) -> list[Record]:
    where = f"the journal in the index {STATE_INDEX}"
    try:
        return journal.chain((journal.parse(line) for line in lines), where)
    except ValueError:
        raise JournalError(
            f"{where} cannot be read",
            code="ESP-5207",
            remedy="was it written by a newer esplan? use that one",
        ) from None


def unfinished(cluster: Cluster) -> tuple[tuple[Unfinished, ...], tuple[str, ...]]:
    """Every apply that has begun and is not closed, newest first.

    Beside them the plans whose journal is damaged, or of another version. Only the last record
    of a closed apply is looked at. That an apply began is found at once. What else was recorded in
    the last second is not searchable yet, but is in the journal as it is loaded.
    """
    journals: list[list[Record]] = []
    unreadable: list[str] = []
    for plan, last in last_records(cluster).items():
        try:
            if not journal.is_closed([journal.parse(last["record"])]):
                journals.append(load(cluster, plan))
        except (ValueError, JournalError):
            unreadable.append(plan)
    begun = (_begun(records) for records in journals if not journal.is_closed(records))
    applies = sorted(filter(None, begun), key=lambda one: one.last, reverse=True)
    return tuple(applies), tuple(unreadable)


def last_records(cluster: Cluster) -> dict[str, JSON]:
    """The last record of every journal as it is stored, by the digest of its plan, newest first."""
    body: JSON = {
        "size": PLANS,
        "query": {"term": {"kind": "journal"}},
        "collapse": {"field": "plan"},
        "sort": [{"at": {"order": "desc", "unmapped_type": "date"}}, {"seq": "desc"}],
    }
    answer = cluster.read(f"/{STATE_INDEX}/_search", None, body) or {"hits": {"hits": []}}
    return {hit["_source"]["plan"]: hit["_source"] for hit in answer["hits"]["hits"]}


def _begun(records: list[Record]) -> Unfinished | None:
    """None for a journal without a start: nothing was begun."""
    starts = [record.data for record in records if record.event == "start"]
    if not starts:
        return None
    last = {record.step: record.event for record in records if record.step}
    return Unfinished(
        plan=starts[-1]["plan"],
        plan_id=starts[-1].get("plan_id", ""),
        host=starts[-1]["host"],
        since=records[0].at,
        last=records[-1].at,
        done=sum(event == "done" for event in last.values()),
        steps=starts[-1]["steps"],
    )
