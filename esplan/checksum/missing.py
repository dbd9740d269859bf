"""Shards that are missing at this moment: what is in them cannot be known, and may come back."""

from __future__ import annotations

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
        "no_shard_available_action_exception",
        "unavailable_shards_exception",
        "node_disconnected_exception",
        "node_not_connected_exception",
        "search_context_missing_exception",  # of a scroll: it was on a node that is gone
    }
)
"""What the server says of a shard that is not there, and not of one that has failed."""


def await_primaries(cluster: Reader, names: Sequence[str]) -> None:
    """Of these, or of all: a server that was just started answers before its shards are back."""
    path = f"/_cluster/health/{','.join(quote(name, safe='') for name in names)}".rstrip("/")
    try:
        cluster.read(path, {"wait_for_status": "yellow", "timeout": COMING_BACK})
    except ServerError as error:
        if error.type not in TIMED_OUT and error.status != 408:  # noqa: PLR2004  (HTTP)
            raise


def is_away(error: Any) -> bool:
    """Whether a task ended because shards were missing, and not because one has failed."""
    if not isinstance(error, dict):
        return False
    if error.get("type") == "search_phase_execution_exception":
        return {_type(one) for one in error.get("failed_shards") or []} <= AWAY
    return error.get("type") in AWAY


def is_of_missing(failure: JSON) -> bool:
    """Whether a failure, of a shard or of a write to one, says no more than that it is away."""
    return _type(failure) in AWAY


def _type(failure: JSON) -> str:
    reason = failure.get("cause") or failure.get("reason")
    return str(reason.get("type")) if isinstance(reason, dict) else ""
