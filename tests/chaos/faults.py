"""Every way in which an exchange goes wrong: the network, a gateway, and the server itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from proxy import Answer, Asked, Fault

if TYPE_CHECKING:
    from collections.abc import Callable


def _error(status: int, kind: str, reason: str) -> Callable[[Answer], Answer]:
    """As Elasticsearch says it."""
    cause = {"type": kind, "reason": reason}
    body = {"error": {"root_cause": [cause], **cause}, "status": status}
    return lambda _answer: Answer(status, json.dumps(body).encode())


def _page(status: int, said: str) -> Callable[[Answer], Answer]:
    """As a gateway says it."""
    body = f"<html><head><title>{status} {said}</title></head><body>nginx</body></html>".encode()
    return lambda _answer: Answer(status, body, "text/html")


def _whole(answer: Answer) -> Any:
    """The answer's JSON; None where it is none."""
    try:
        return json.loads(answer.body)
    except ValueError:
        return None


def _changed(change: Callable[[Any], Any]) -> Callable[[Answer], Answer]:
    """The answer with another body."""
    return lambda answer: Answer(answer.status, json.dumps(change(_whole(answer))).encode())


def _is(key: str) -> Callable[[Asked, Answer], bool]:
    """The answer has it."""

    def fits(_asked: Asked, answer: Answer) -> bool:
        found = _whole(answer)
        return answer.status < 300 and isinstance(found, dict) and key in found

    return fits


def _is_task(asked: Asked, answer: Answer) -> bool:
    return asked.path.startswith("/_tasks/") and "_cancel" not in asked.path and answer.status < 300


def _is_changing(asked: Asked, answer: Answer) -> bool:
    return _is("acknowledged")(asked, answer)


def _failed_shards(found: Any) -> Any:
    reason = {"type": "node_disconnected_exception", "reason": "disconnected"}
    failure = {"shard": 0, "index": "x", "node": "n", "reason": reason}
    shards = {**found["_shards"], "failed": 1, "failures": [failure]}
    return {**_fewer(found), "_shards": shards | {"successful": found["_shards"]["successful"] - 1}}


def _fewer(found: Any) -> Any:
    """Without what the failed shard, or the time that ran out, has kept."""
    lost = {"count": 0} if "count" in found else {}
    if "hits" in found:
        lost["hits"] = {**found["hits"], "hits": []}
    return {**found, **lost}


def _task(**parts: Any) -> Callable[[Answer], Answer]:
    """It is completed, and not well."""

    def change(found: Any) -> Any:
        rest = {name: part for name, part in found.items() if name not in ("response", "error")}
        return {**rest, "completed": True, **parts}

    return _changed(change)


FAILURE = {
    "index": "x",
    "id": "1",
    "cause": {"type": "mapper_parsing_exception", "reason": "failed to parse field [flight]"},
    "status": 400,
}
ENDED = {
    "took": 1,
    "timed_out": False,
    "total": 1,
    "created": 0,
    "updated": 0,
    "deleted": 0,
    "batches": 1,
    "noops": 0,
    "version_conflicts": 0,
    "failures": [FAILURE],
    "_shards": {"total": 1, "successful": 0, "failed": 1, "failures": [{"reason": {}}]},
}


def _none(_answer: Answer) -> Answer | None:
    return None


def _played(how: str) -> Callable[[Answer], Answer]:
    return lambda _answer: Answer(200, b"{}", played=how)


def _cut(answer: Answer) -> Answer:
    half = len(answer.body) // 2
    return Answer(answer.status, answer.body[:half], answer.kind, short=len(answer.body) - half + 9)


NOT_DONE = b'{"acknowledged": false, "shards_acknowledged": false, "indices": []}'
CLOSED = {"type": "node_closed_exception", "reason": "node closed"}


FAULTS = {
    one.name: one
    for one in (
        Fault("refused", _played("refused")),
        Fault("reset before", _none),
        Fault("reset after", _none, delivered=True),
        Fault("hang before", _played("hang")),
        Fault("hang after", _played("hang"), delivered=True),
        Fault("cut body", _cut, delivered=True),
        Fault(
            "truncated",
            lambda one: Answer(one.status, one.body[: len(one.body) // 2]),
            delivered=True,
            fits=lambda _asked, answer: answer.status < 300,
        ),
        Fault("401", _error(401, "security_exception", "missing authentication credentials")),
        Fault("403", _error(403, "security_exception", "action is unauthorized for this user")),
        Fault("404", _error(404, "index_not_found_exception", "no such index [x]")),
        Fault("404 page", _page(404, "Not Found")),
        Fault("409", _error(409, "version_conflict_engine_exception", "version conflict")),
        Fault(  # a gateway that has sent it twice
            "409 after",
            _error(409, "version_conflict_engine_exception", "version conflict"),
            delivered=True,
        ),
        Fault("413", _page(413, "Request Entity Too Large")),
        Fault("429", _error(429, "es_rejected_execution_exception", "rejected execution")),
        Fault("500", _error(500, "null_pointer_exception", "Cannot invoke")),
        Fault("500 after", _error(500, "exception", "x"), delivered=True),
        Fault("502", _page(502, "Bad Gateway")),
        Fault("503", _error(503, "master_not_discovered_exception", "no master")),
        Fault("503 after", _error(503, "process_cluster_event_timeout", "30s"), delivered=True),
        Fault("504", _page(504, "Gateway Time-out")),
        Fault("504 after", _page(504, "Gateway Time-out"), delivered=True),
        Fault("bad JSON", lambda _answer: Answer(200, b'{"acknowledged": tru')),
        Fault("a page", _page(200, "Welcome")),
        Fault(
            "not acknowledged, and done",
            _changed(lambda found: {**found, "acknowledged": False, "shards_acknowledged": False}),
            delivered=True,
            fits=_is_changing,
        ),
        Fault(
            "not acknowledged, nor done", lambda _answer: Answer(200, NOT_DONE), fits=_is_changing
        ),
        Fault("shards failed", _changed(_failed_shards), delivered=True, fits=_is("_shards")),
        Fault(
            "timed out",
            _changed(lambda found: {**_fewer(found), "timed_out": True}),
            delivered=True,
            fits=_is("timed_out"),
        ),
        Fault("task: failures", _task(response=ENDED), delivered=True, fits=_is_task),
        Fault("task: error", _task(error=CLOSED), delivered=True, fits=_is_task),
        Fault(
            "task: unknown",
            _error(404, "resource_not_found_exception", "task isn't running and hasn't stored"),
            delivered=True,
            fits=_is_task,
        ),
    )
}
