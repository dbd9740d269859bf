"""While a copy runs, its source is hashed for the proof that the plan has of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import checksum
from esplan.steps import governor
from esplan.throttle import UNLIMITED

if TYPE_CHECKING:
    from esplan.checksum import Known
    from esplan.plan import Step
    from esplan.run import Run

SMALLEST = 100_000
"""Documents. Fewer are hashed in less than a second, by the proof itself."""


def begin(step: Step, run: Run) -> None:
    """Only under the write block, and only beside a copy that may go as fast as it can."""
    proof = _proof(step, run)
    if proof is None or step.arguments.get("live"):
        return
    if (step.estimate.get("documents") or 0) < SMALLEST:
        return
    if governor.rate_of(governor.rated(step, run)) != UNLIMITED:
        return
    names = proof.arguments
    reading = checksum.from_json(names.get("reading", {}))
    ahead = checksum.Ahead(run.cluster, names["source"], names["target"], reading)
    run.ahead[step.address] = ahead
    ahead.begin()


def _proof(step: Step, run: Run) -> Step | None:
    mine = ("verify", step.address)
    proof = next((one for one in run.plan.steps if (one.kind, one.address) == mine), None)
    return proof if proof and proof.arguments["method"] == "checksum" else None


def slow_down(step: Step, run: Run) -> None:
    """The cluster is under pressure, or somebody wants the copy to be slower."""
    if step.address in run.ahead:
        run.ahead[step.address].stop()


def take(step: Step, run: Run) -> Known | None:
    """What is known when the proof begins."""
    ahead = run.ahead.pop(step.address, None)
    return ahead.take() if ahead else None
