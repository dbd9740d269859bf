"""The force merge of a new index: how many segments, and whether it may be merged at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.route.context import SHARDS
from esplan.segments import max_num_segments
from esplan.steps import force_merge

if TYPE_CHECKING:
    from esplan.activity import Activity
    from esplan.model import JSON, Finish, Index
    from esplan.plan import Phase, Step


def merge_step(
    address: str,
    index: Index,
    finish: Finish,
    activity: Activity,
    same: JSON,
    *,
    phase: Phase,
    ongoing: bool = False,
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """The step if there is one, and the warning if one was asked for and is not safe.

    `same` is the precondition that it is still this index.
    Merged segments are too large to be merged again: in an index that is written to, deleted
    documents would stay in them for ever.
    """
    if finish.forcemerge == "off":
        return (), ()
    if ongoing or index.name in activity.written:
        why = "runs.writes is ongoing" if ongoing else "somebody writes to it"
        return (), (f"{address}: {index.name} is not force merged: {why}",)
    segments = wanted(index, finish)
    marks = activity.marks.get(index.name)
    return (force_merge.describe(address, index, segments, same, phase=phase, marks=marks),), ()


def wanted(index: Index, finish: Finish) -> int:
    """Segments a shard: the number in the file, or by the size of the index."""
    if isinstance(finish.forcemerge, int):
        return finish.forcemerge
    shards = int(index.body.settings.get(SHARDS, 1))
    return max_num_segments(index.size or 0, shards, finish.segment)
