"""Prove that the copy equals its source, document by document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import checksum, rates
from esplan.errors import VerificationFailed
from esplan.plan import Step
from esplan.steps import catch_up

if TYPE_CHECKING:
    from esplan.checksum import Report
    from esplan.model import JSON, Index, Verify
    from esplan.run import Run

REPEAT = True
"""A proof is always made anew: the cluster may have changed since the last one."""


def describe(
    address: str,
    source: Index,
    target: str,
    how: Verify,
    preconditions: tuple[JSON, ...],
    *,
    caught_up: bool = False,
    origin: JSON | None = None,
) -> Step:
    """It only reads, so the plan shows no request.

    `caught_up`: every document was compared before, so it looks again at those that were touched.
    `origin`: where the source is in another cluster (see `origin.Origin`).
    """
    said = "a keyed checksum of every document" if how.method == "checksum" else "counting"
    said += " that was touched since it was compared" * caught_up
    again: JSON = {"caught_up": True} if caught_up else {}
    named = source.name
    if origin:
        again, named = {"origin": origin}, f"{origin['environment']}:{source.name}"
    return Step(
        kind="verify",
        phase="switch",
        address=address,
        description=f"prove that {target} equals {named} by {said}",
        preconditions=preconditions,
        estimate={} if caught_up else {"documents": source.documents, "bytes": source.size},
        arguments={"source": named, "target": target, "method": how.method, **again},
    )


def probe(_step: Step, _run: Run) -> bool:
    """A proof leaves nothing behind in the cluster that could be missing."""
    return True


def execute(step: Step, run: Run) -> JSON:
    """The report, as evidence; VerificationFailed names the documents that differ."""
    names = step.arguments
    report = catch_up.prove(step, run) if names.get("caught_up") else _compared(step, run)
    if not report.equal:
        raise VerificationFailed(
            f"{names['target']} is not equal to {names['source']}",
            why=_differences(report),
            remedy="nothing was switched; look at these documents on both sides"
            + ", and let nobody write to the other cluster meanwhile" * ("origin" in names),
        )
    if report.method == "count" or names.get("caught_up"):
        return report.to_json()
    return report.to_json() | rates.evidence(step, report.seconds, report.source_documents)


def _compared(step: Step, run: Run) -> Report:
    names = step.arguments
    return checksum.compare(
        run.cluster,
        source_of(names, run),
        names["target"],
        method=names["method"],
        progress=lambda done, total: run.listener.step_progress(step, done, total),
    )


def source_of(names: JSON, run: Run) -> str | checksum.Place:
    """The source of a proof: an index here, or the place of the `origin` in its cluster."""
    origin = names.get("origin")
    if not origin:
        return str(names["source"])
    environment = origin["environment"]
    return checksum.Place(run.other(environment), origin["index"], environment)


def marks_now(names: JSON, run: Run) -> checksum.Marks:
    """Of both sides of a proof; `names` are its source, target and origin, if there is one."""
    source, target = source_of(names, run), names["target"]
    if isinstance(source, str):
        return checksum.marks(run.cluster, [source, target])
    return checksum.marks_of(source, checksum.Place(run.cluster, target))


def _differences(report: Report) -> str:
    parts = [f"{report.source_documents} documents against {report.target_documents}"]
    if report.moved:
        parts.append("somebody wrote to one of them while it was read")
    for said in ("missing", "extra", "different"):
        found = getattr(report, said)
        if found.count:
            ids = ", ".join(found.sample[:10])
            parts.append(f"{found.count} {said}: {ids}{' …' if found.count > 10 else ''}")  # noqa: PLR2004
    return "; ".join(parts)


def undo(_step: Step, _run: Run) -> None:
    """It changed nothing."""
