"""The orders in which a table can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from esplan.sizing.model import Sizing

Sort = Literal[
    "size",
    "name",
    "severity",
    "total-size",
    "documents",
    "deleted",
    "shards",
    "replicas",
    "segments",
    "gb-per-shard",
    "segments-per-shard",
    "segments-per-gb",
]

COLUMNS: dict[Sort, str] = {
    "size": "primary_bytes",
    "severity": "rank",
    "total-size": "total_bytes",
    "deleted": "deleted_share",
}
"""Where the name of an order is not that of the column."""

ASCENDING: tuple[Sort, ...] = ("name", "severity")
"""Orders that begin with the smallest; the others begin with the largest."""


def ordered(rows: Iterable[Sizing], sort: Sort, *, reverse: bool = False) -> list[Sizing]:
    """The largest first, names and severities from their beginning; unknown values at the end."""
    column = COLUMNS.get(sort, sort.replace("-", "_"))
    by_name = sorted(rows, key=lambda one: one.name)
    known = [one for one in by_name if getattr(one, column) is not None]
    unknown = [one for one in by_name if getattr(one, column) is None]
    down = (sort not in ASCENDING) != reverse
    return sorted(known, key=lambda one: getattr(one, column), reverse=down) + unknown
