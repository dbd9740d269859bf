"""How many shards an index should have, and how it gets them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from esplan.sizing.model import Goals, Route, Sizing

TINY = 0.1
"""Below this part of the desired size a shard is tiny. With 25 GB: 2.5 GB, far below the 10 GB
that Elastic gives as the lower end."""

HUGE = 2
"""Beyond this many times the desired size a shard is huge. With 25 GB: the 50 GB that Elastic
gives as the upper end."""

DOCUMENTS = 200_000_000
"""Documents of a shard at most, says the same page. Lucene's own limit is 2,147,483,519."""

MOST = 1024
"""Shards of an index at most, unless the server was started with another limit
(`es.index.max_number_of_shards`)."""


def is_tiny(one: Sizing, goals: Goals, shards: int | None = None) -> bool:
    """Shards far below the desired size, and the documents too. A single shard never is."""
    count = shards or one.shards
    is_small = (one.primary_bytes or 0) / count < goals.shard * TINY
    return count > 1 and is_small and _documents(one) / count < DOCUMENTS * TINY


def is_huge(one: Sizing, goals: Goals, shards: int | None = None) -> bool:
    """Shards far beyond the desired size, or with too many documents."""
    count = shards or one.shards
    too_large = (one.primary_bytes or 0) / count > goals.shard * HUGE
    return too_large or _documents(one) / count > DOCUMENTS


def _documents(one: Sizing) -> int:
    """Deleted ones occupy a shard like others until they are merged away."""
    return (one.documents or 0) + (one.deleted or 0)


def wanted(one: Sizing, goals: Goals) -> int:
    """The count with which no shard is above the desired size, or has too many documents."""
    by_size = math.ceil((one.primary_bytes or 0) / goals.shard)
    return min(MOST, max(1, by_size, math.ceil(_documents(one) / DOCUMENTS)))


def proposal(one: Sizing, goals: Goals) -> tuple[int, Route]:
    """A count that is neither tiny nor huge, and the cheapest way there.

    Of the counts that hard links can reach, the one nearest to what is wanted; only if none of
    them is any good a reindex, which reaches every count.
    """
    goal = wanted(one, goals)
    fewer = goal < one.shards
    near = [n for n in (_fewer(one) if fewer else _more(one)) if _is_good(one, goals, n)]
    if not near:
        return goal, "reindex"
    return min(near, key=lambda n: (abs(n - goal), n)), "shrink" if fewer else "split"


def _is_good(one: Sizing, goals: Goals, shards: int) -> bool:
    return not is_tiny(one, goals, shards) and not is_huge(one, goals, shards)


def _fewer(one: Sizing) -> list[int]:
    """`_shrink` takes a count that divides the present one."""
    return [n for n in range(1, one.shards) if one.shards % n == 0]


def _more(one: Sizing) -> list[int]:
    """`_split` takes a multiple that divides the routing shards; a single shard, any count."""
    if one.shards == 1:
        return list(range(2, MOST + 1))
    multiples = range(2 * one.shards, min(MOST, one.routing_shards) + 1, one.shards)
    return [n for n in multiples if one.routing_shards % n == 0]
