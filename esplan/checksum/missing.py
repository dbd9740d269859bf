"""Shards that are missing at this moment: what is in them cannot be known, and may come back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from esplan.errors import TIMED_OUT, ServerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.live import Reader
    from esplan.model import JSON

COMING_BACK = "30s"
"""For how long a shard that is missing is waited for: a node that was just started finds it."""

AWAY = frozenset(
    {
        "already_closed_exception",
        "connect_transport_exception",
        "illegal_index_shard_state_exception",
        "index_shard_closed_exception",
        "index_shard_not_started_exception",
        "index_shard_recovering_exception",
        "no_shard_available_action_exception",
        "node_closed_exception",
        "node_disconnected_exception",
        "node_not_connected_exception",
        "search_context_missing_exception",  # of a scroll: it was on a node that is gone
        "send_request_transport_exception",
        "shard_not_found_exception",
        "unavailable_shards_exception",
    }
)
"""What the server says of a shard that is not there, or whose node is not: not of one that failed.

They are those that the server itself takes for that (TransportActions, ExceptionsHelper)."""


def await_primaries(cluster: Reader, names: Sequence[str]) -> None:
    """Of these, or of all: a server that was just started answers before its shards are back."""
    path = f"/_cluster/health/{','.join(quote(name, safe='') for name in names)}".rstrip("/")
    try:
        cluster.read(path, {"wait_for_status": "yellow", "timeout": COMING_BACK})
    except ServerError as error:
        if error.type not in TIMED_OUT and error.status != 408:  # noqa: PLR2004  (HTTP)
            raise


GONE = re.compile(r"node \[[^\]]*\] is not available")
"""The same, of a scroll, in a type that says nothing (SearchScrollAsyncAction)."""


def is_away(error: Any) -> bool:
    """Whether a task ended because shards were missing, and not because one has failed."""
    if not isinstance(error, dict):
        return False
    if error.get("type") == "search_phase_execution_exception":
        return all(map(is_of_missing, error.get("failed_shards") or []))
    return error.get("type") in AWAY


def is_of_missing(failure: JSON) -> bool:
    """Whether a failure, of a shard or of a write to one, says no more than that it is away."""
    reason = failure.get("cause") or failure.get("reason")
    if not isinstance(reason, dict):
        return False
    return reason.get("type") in AWAY or bool(GONE.fullmatch(str(reason.get("reason"))))
