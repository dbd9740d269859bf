"""Prove that the copy equals its source, document by document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import checksum, rates, transform
from esplan.checksum import Reading, expectation
from esplan.errors import VerificationFailed
from esplan.plan import Step
from esplan.steps import ahead, catch_up, heirs

if TYPE_CHECKING:
    from esplan.checksum import Report
    from esplan.model import JSON, Index, Migrate, Verify
    from esplan.run import Run

REPEAT = True
"""A proof is always made anew: the cluster may have changed since the last one."""


def describe(  # noqa: PLR0913  (what one proof is about)
    address: str,
    source: Index,
    target: str,
    how: Verify,
    preconditions: tuple[JSON, ...],
    *,
    migrate: Migrate | None = None,
    caught_up: bool = False,
    origin: JSON | None = None,
) -> Step:
    """It only reads, so the plan shows no request. `migrate`: what the copy did to documents.

    `caught_up`: every document was compared before, so it looks again at those that were touched.
    `origin`: where the source is in another cluster (see `origin.Origin`).
    """
    reading = read_as(migrate, how)
    named = f"{origin['environment']}:{source.name}" if origin else source.name
    again = {"caught_up": True} if caught_up else {}
    known = {"origin": origin} if origin else {}
    parts: JSON = {"reading": reading, "expect": list(how.expect), **again, **known}
    return Step(
        kind="verify",
        phase="switch",
        address=address,
        description=_said(named, target, how, changed="script" in reading)
        + " (what was touched since it was compared)" * caught_up,
        preconditions=preconditions,
        estimate={} if caught_up else {"documents": source.documents, "bytes": source.size},
        arguments={
            "source": named,
            "target": target,
            "method": how.method,
            **{name: part for name, part in parts.items() if part},
        },
    )


def read_as(migrate: Migrate | None, how: Verify) -> JSON:
    """How the source is read, for a plan: as the copy makes it."""
    script = transform.script(migrate) if migrate else None
    given = {name: script[name] for name in ("source", "params")} if script else None
    return Reading(given, migrate.query if migrate else None, how.ignore).to_json()


def _said(source: str, target: str, how: Verify, *, changed: bool) -> str:
    by = "a keyed checksum of every document" if how.method == "checksum" else "counting"
    equal = f"equals {source} as the transform makes it," if changed else f"equals {source}"
    without = f", without {', '.join(how.ignore)}" if how.ignore else ""
    number = len(how.expect)
    expected = f", and {number} expectation{'' if number == 1 else 's'}" if number else ""
    return f"prove that {target} {equal} by {by}{without}{expected}"


def probe(_step: Step, _run: Run) -> bool:
    """A proof leaves nothing behind in the cluster that could be missing."""
    return True


def execute(step: Step, run: Run) -> JSON:
    """The report, as evidence; VerificationFailed names the documents that differ."""
    names = step.arguments
    about = {heirs.IDENTITIES: heirs.identities(run.cluster, names)}
    report = catch_up.prove(step, run) if names.get("caught_up") else _compared(step, run)
    expected, rejected = names.get("expect", []), run.rejected.get(step.address, {})
    if not (report.equal or _is_as_expected(report, expected) or _lacks_only(report, rejected)):
        raise VerificationFailed(
            f"{names['target']} is not equal to {names['source']}",
            code="ESP-4701",
            why=_differences(report, rejected),
            remedy="nothing was switched; look at these documents on both sides"
            + ", and let nobody write to the other cluster meanwhile" * ("origin" in names),
        )
    if expected:
        expectation.require(run.cluster, names["target"], expected)
        _refuse_moved(names, run, report)
    left_out = {"rejected": rejected} if rejected.get("documents") else {}
    said = report.to_json() | about | left_out
    if report.method == "count" or names.get("caught_up"):
        return said
    return said | rates.evidence(step, report.seconds, report.source_documents)


def _refuse_moved(names: JSON, run: Run, report: Report) -> None:
    """The expectations were looked at after the proof: they hold for the same documents."""
    if marks_now(names, run) != report.marks:
        raise VerificationFailed(
            f"{names['target']} or {names['source']} was written to during the proof",
            code="ESP-4706",
            why="verify.expect was checked on other documents than those that were compared",
            remedy="nothing was switched; let nothing write to them, then apply the plan again",
        )


def _compared(step: Step, run: Run) -> Report:
    names = step.arguments
    return checksum.compare(
        run.cluster,
        source_of(names, run),
        names["target"],
        method=names["method"],
        progress=lambda done, total: run.listener.step_progress(step, done, total),
        reading=checksum.from_json(names.get("reading", {})),
        known=ahead.take(step, run),
    )


def _is_as_expected(report: Report, expected: list[JSON]) -> bool:
    """Where numbers alone are proven, an expected one stands for that of the source."""
    said = any(expectation.is_total(one) for one in expected)
    return report.method == "count" and said and not report.moved


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


def _differences(report: Report, rejected: JSON) -> str:
    left_out = f" and {report.left_out} left out" if report.left_out else ""
    parts = [f"{report.source_documents} documents{left_out} against {report.target_documents}"]
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
