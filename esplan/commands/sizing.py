"""`esplan sizing`: how large each index is, what is off with it, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from esplan import live
from esplan.plan import STATE_INDEX
from esplan.sizing.advice import advised
from esplan.sizing.model import Goals, Sizing, Totals, totals
from esplan.sizing.order import ordered
from esplan.sizing.read import measured, path, read
from esplan.sizing.requests import with_requests

if TYPE_CHECKING:
    from esplan.cluster import Cluster
    from esplan.sizing.order import Sort

EVERYTHING = f"{live.EVERYTHING},-{STATE_INDEX}*".removeprefix("/")
"""Every index but the server's own and esplan's."""


@dataclass(frozen=True)
class Report:
    """Every index in the wanted order, and the sums."""

    rows: tuple[Sizing, ...]
    totals: Totals
    goals: Goals


def sizing(
    cluster: Cluster,
    pattern: str | None = None,
    goals: Goals | None = None,
    *,
    sort: Sort = "size",
    reverse: bool = False,
) -> Report:
    """Four requests, and a fifth where a count of shards is off, whatever the number of indices.

    Without a pattern: every index but the server's own. Raises EsplanError when a pattern
    matches nothing.
    """
    wanted = goals or Goals()
    where = EVERYTHING if pattern is None else pattern
    answers = read(cluster, where)
    found = measured(answers, pattern or "")
    rows = [advised(one, wanted, answers.data_nodes) for one in found]
    if any(one.proposal for one in rows):
        rows = _with_requests(cluster, where, rows)
    return Report(tuple(ordered(rows, sort, reverse=reverse)), totals(rows), wanted)


def _with_requests(cluster: Cluster, where: str, rows: list[Sizing]) -> list[Sizing]:
    """One more request, for the definitions. An index that has gone keeps its advice bare."""
    raw = cluster.read(path(where), {"expand_wildcards": "all"}) or {}
    return [
        with_requests(one, live.index(one.name, raw[one.name], {}))
        if one.proposal and one.name in raw
        else one
        for one in rows
    ]
