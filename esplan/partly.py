"""What an apply says that went on with the others (`keep_going`): what failed, what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.errors import EsplanError, PartlyFailed

if TYPE_CHECKING:
    from esplan.journal import Journal
    from esplan.plan import Step
    from esplan.run import Run


def partly(run: Run, journal: Journal, failed: dict[str, EsplanError]) -> EsplanError:
    """What failed, what was done, how to go on. Closes the journal where nothing is half done."""
    objects = list(dict.fromkeys(o for step in run.plan.steps for o in _objects(step)))
    lost = [one for step in run.plan.steps if step.address in failed for one in _objects(step)]
    lost = list(dict.fromkeys(lost))
    open_ = {s.address for s in run.plan.steps if journal.state(s.id) != "done"}
    open_ = {one for one in objects if one in open_ and one not in lost}
    if not open_:
        journal.append("undone")
    done = [address for address in objects if address not in lost and address not in open_]
    first = next(iter(failed.values()))
    return PartlyFailed(
        f"{len(lost)} of {len(objects)} objects failed: {', '.join(lost)}",
        code="ESP-5005",
        where=_whereabouts(done, sorted(open_)),
        why="\n".join(f"{address}: {_said(error)}" for address, error in failed.items()),
        remedy="cure the causes, then apply the same plan again: it retries only what failed",
        exit_code=first.exit_code,
    )


def _objects(step: Step) -> list[str]:
    """The addresses of what a step is about: of a group's, its members."""
    found: list[str] = step.arguments.get("members", [step.address])
    return found


def _whereabouts(done: list[str], waiting: list[str]) -> str:
    parts = (("done", done), ("waiting for later phases", waiting))
    said = [f"{what}: {', '.join(addresses)}" for what, addresses in parts if addresses]
    return "; ".join(said) or "nothing else was done"


def _said(error: EsplanError) -> str:
    """An error in one line; the code at its end."""
    parts = (error.what, error.where, error.why, error.remedy, error.code)
    return "; ".join(part for part in parts if part)
