"""On the way back of a copy that changed its documents: what is copied, and what is left alone.

The old index has documents whole that the inverse could not make again: with a field that the copy
dropped. So one is copied back only where the old document, put through the script of the copy, is
not the one of the new index. What a backfill, or an update that changed nothing, has written anew
is equal, and stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import checksum
from esplan.checksum.standing import Standing, settled, survey
from esplan.errors import VerificationFailed
from esplan.steps import removing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from esplan.checksum.standing import Touched
    from esplan.plan import Step
    from esplan.run import Run

    Copy = Callable[[Sequence[str]], int]


def is_asked(step: Step) -> bool:
    """Whether the old documents are to be compared before they are written over.

    Not where the proof ignores fields: what clients wrote to these alone would not be seen.
    """
    if not removing.is_mirrored(step) or "since" not in step.arguments:
        return False
    reading = removing.reading(step)
    return reading.script is not None and not reading.ignore


def surveyed(step: Step, run: Run, copy: Copy) -> Standing:
    """Compare all of it first; nothing is copied yet, unless more differs than can be told at once.

    The marks are of the moment before: what is written from there on is looked at again.
    """
    before: frozenset[str] = frozenset()
    while True:
        marks = checksum.checkpoints(run.cluster, step.arguments["source"])
        standing = _compared(step, run, marks)
        if not standing.has_more:
            run.caught_up[step.address] = marks
            return standing
        standing.close()
        _require_fewer(step, standing.wrong, before)
        before = standing.wrong
        copy(sorted(before))
        run.safe_point()


def _compared(step: Step, run: Run, marks: Sequence[int]) -> Standing:
    source, target = step.arguments["source"], step.arguments["target"]
    checksum.refresh(run.cluster, [source])
    return survey(
        run.cluster,
        (source, target),
        marks,
        lambda done, total: run.listener.step_progress(step, done, total),
        removing.reading(step),
        mirrored=True,
        some=True,
    )


def _require_fewer(step: Step, wrong: frozenset[str], before: frozenset[str]) -> None:
    """Most of what was copied a moment ago differs again: no copy will mend that."""
    again = wrong & before
    if 2 * len(again) <= len(before) or not before:
        return
    raise VerificationFailed(
        f"{step.arguments['target']} is not equal to {step.arguments['source']}",
        code="ESP-4701",
        why=f"{len(again):,} documents were copied back, and differ all the same: "
        f"{', '.join(sorted(again)[:10])} …",
        remedy="nothing was switched; is the inverse of the script one? Or clients write much: "
        "apply again at a quieter time",
    )


def differing(run: Run, standing: Standing, since: Touched) -> list[str]:
    """What has to be copied, of what was touched since and what differed before."""
    newer, _ = settled(run.cluster, standing, since)
    newer.target.close()
    return sorted(newer.wrong)
