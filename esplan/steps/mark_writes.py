"""Remember how far an index is written before its copy begins: later writes are copied after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import checksum
from esplan.plan import Step

if TYPE_CHECKING:
    from esplan.model import JSON
    from esplan.run import Run

REPEAT = False

MARKS = "caught_up_to"
"""The key in the evidence: sequence numbers of the source, by shard from 0."""


def describe(address: str, source: str, preconditions: tuple[JSON, ...]) -> Step:
    """It only reads; what it read is in the journal, and outlives a crash."""
    return Step(
        kind="mark_writes",
        phase="prepare",
        address=address,
        description=f"remember how far {source} is written",
        preconditions=preconditions,
        arguments={"source": source},
    )


def probe(step: Step, run: Run) -> bool:
    """Once remembered it stays: the copy has begun from there."""
    return step.address in run.caught_up


def execute(step: Step, run: Run) -> JSON:
    """The global checkpoints of its shards: up to them everything is there for good.

    The refresh after it shows all of that to the copy.
    """
    marks = checksum.checkpoints(run.cluster, step.arguments["source"])
    checksum.refresh(run.cluster, [step.arguments["source"]])
    run.caught_up[step.address] = marks
    return {MARKS: marks}


def undo(step: Step, run: Run) -> None:
    """The copy is gone, so the next one begins anew."""
    run.caught_up.pop(step.address, None)
