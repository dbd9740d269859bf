"""Prove that the copy equals its source, document by document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import checksum, rates
from esplan.errors import VerificationFailed
from esplan.plan import Step

if TYPE_CHECKING:
    from esplan.checksum import Report
    from esplan.model import JSON, Index, Verify
    from esplan.run import Run

REPEAT = True
"""A proof is always made anew: the cluster may have changed since the last one."""


def describe(
    address: str, source: Index, target: str, how: Verify, preconditions: tuple[JSON, ...]
) -> Step:
    """It only reads, so the plan shows no request."""
    said = "a keyed checksum of every document" if how.method == "checksum" else "counting"
    return Step(
        kind="verify",
        phase="switch",
        address=address,
        description=f"prove that {target} equals {source.name} by {said}",
        preconditions=preconditions,
        estimate={"documents": source.documents, "bytes": source.size},
        arguments={"source": source.name, "target": target, "method": how.method},
    )


def probe(_step: Step, _run: Run) -> bool:
    """A proof leaves nothing behind in the cluster that could be missing."""
    return True


def execute(step: Step, run: Run) -> JSON:
    """The report, as evidence; VerificationFailed names the documents that differ."""
    names = step.arguments
    report = checksum.compare(
        run.cluster,
        names["source"],
        names["target"],
        method=names["method"],
        progress=lambda done, total: run.listener.step_progress(step, done, total),
    )
    rejected = run.rejected.get(step.address, {})
    if not report.equal and not _lacks_only(report, rejected):
        raise VerificationFailed(
            f"{names['target']} is not equal to {names['source']}",
            why=_differences(report, rejected),
            remedy="nothing was switched; look at these documents on both sides",
        )
    said = report.to_json() | ({"rejected": rejected} if rejected.get("documents") else {})
    if report.method == "count":
        return said
    return said | rates.evidence(step, report.seconds, report.source_documents)


def _lacks_only(report: Report, rejected: JSON) -> bool:
    """Missing are the documents that the copy says were rejected, all of them, and no other."""
    if not rejected.get("documents") or report.moved:
        return False
    if report.source_documents - report.target_documents != rejected["documents"]:
        return False
    if report.method == "count":
        return True
    missing = (report.missing.count, report.missing.digest)
    same = missing == (rejected["ids"], rejected["digest"])
    return same and not report.extra.count and not report.different.count


def _differences(report: Report, rejected: JSON) -> str:
    parts = [f"{report.source_documents} documents against {report.target_documents}"]
    if rejected.get("documents"):
        parts.append(f"{rejected['documents']} of them the new mapping has rejected, no other")
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
