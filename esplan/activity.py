"""Whether somebody writes to an index at this moment."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from esplan import checksum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.checksum import Marks
    from esplan.live import Reader
    from esplan.model import JSON

PAUSE = 2.0
"""Seconds between two looks: a loader's bulks, and a server's own refreshes, come faster."""


@dataclass(frozen=True)
class Activity:
    """`marks`: the highest sequence number of every shard. `written`: they rose while we looked."""

    marks: Marks = field(default_factory=dict)
    written: frozenset[str] = frozenset()


QUIET = Activity()


def observe(cluster: Reader, indices: Sequence[str]) -> Activity:
    """Look twice. Every write, a delete too, raises a sequence number.

    A write that is in flight all the time counts as one: it has its number, and is not carried out.
    A writer that pauses for longer than `PAUSE` is not seen: declare it.
    """
    if not indices:
        return QUIET
    before = checksum.reached(cluster, indices)
    time.sleep(PAUSE)
    after = checksum.marks(cluster, indices)
    return Activity(after, frozenset(name for name in indices if before[name] != after[name]))


def is_written(
    cluster: Reader, index: str, planned: JSON | None, proven: JSON | None = None
) -> bool:
    """Whether anything was written since a plan was made, whose marks of the index are `planned`.

    An index that the plan itself makes has none: since its proof then, and for a while.
    """
    if planned:
        return checksum.marks(cluster, [index])[index] != planned
    seen = observe(cluster, [index])
    return index in seen.written or seen.marks[index] != (proven or seen.marks[index])
