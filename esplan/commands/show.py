"""`esplan show`: a plan with what its journal says, or a journal by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from esplan import journal
from esplan.errors import EsplanError
from esplan.timeline import timeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from esplan.plan import Plan
    from esplan.timeline import Timeline


@dataclass(frozen=True)
class Applied:
    """What an apply did. `plan` is its plan, and `path` that file; None and empty without it."""

    timeline: Timeline
    plan: Plan | None = None
    path: str = ""


def is_journal(path: Path) -> bool:
    """By its name; by its first line where it has another one. A pipe can be read only once."""
    if path.name.endswith(journal.ENDING):
        return True
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            journal.parse(file.readline(journal.LARGEST).removesuffix(b"\n"))
    except (OSError, ValueError, RecursionError):
        return False
    return True


def of_plan(plan: Plan, path: Path) -> Timeline | None:
    """What the journal beside a plan says, if there is one.

    Raises JournalError where it is damaged, or of another plan.
    """
    records = journal.open_journal(journal.beside(path), plan.digest, believed=False).records
    return timeline(records, plan) if records else None


def of_journal(path: Path, read: Callable[[Path], Plan]) -> Applied:
    """The same of a journal, with the plan that it lies beside, if that is its plan.

    `read` reads a plan file. Raises JournalError where the journal is damaged or empty.
    """
    records = journal.read(path)
    plan_path = path.with_name(path.name.removesuffix(journal.ENDING) or path.name)
    try:
        plan = read(plan_path)
    except EsplanError:
        return Applied(timeline(records))
    if plan.digest != records[0].data.get("plan"):
        return Applied(timeline(records))
    return Applied(timeline(records, plan), plan, str(plan_path))
