"""What a process knew that is gone: a copy beside which clients write is caught up with again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.steps import KINDS

if TYPE_CHECKING:
    from esplan.journal import Journal
    from esplan.plan import Step
    from esplan.run import Run

BEGUN = ("intent", "done")

REWOUND = ("catch_up", "block_writes", "update_settings", "verify")
"""Kinds that begin again when a copy is brought up to date again: a pipeline that the new index has
must not act on it, and is taken off."""


def rewind(run: Run, journal: Journal) -> None:
    """How far a copy follows its source was in the memory of the process that is gone.

    So it is brought up to date again, with the write block lifted meanwhile: writes that come
    then are copied, too. What was switched stays, and a switch of unknown outcome is asked about.
    """
    for first in [one for one in run.plan.steps if _is_behind(one)]:
        own = run.own(first)
        switch = next(one for one in own if one.kind == "update_aliases")
        if journal.state(switch.id) == "done" or journal.state(first.id) not in BEGUN:
            continue
        if journal.state(switch.id) == "intent" and KINDS[switch.kind].probe(switch, run):
            continue
        for step in reversed(own[own.index(first) :]):
            if journal.state(step.id) in BEGUN and step.kind in REWOUND:
                run.lock.check()
                KINDS[step.kind].undo(step, run)
                journal.append("undone", step.id)


def _is_behind(step: Step) -> bool:
    """It brings a copy up to date while clients write."""
    return step.kind == "catch_up" and not step.arguments["blocked"]


def is_soon_over(step: Step, run: Run, journal: Journal) -> bool:
    """An index is closed, or write-blocked for the last round of a catch-up, or left blocked."""
    own = run.own(step)
    done = {one.kind for one in own if journal.state(one.id) == "done"}
    if "close_index" in {one.kind for one in own if journal.state(one.id)}:
        return "open_index" not in done
    ours = any(one.kind == "block_writes" and "request" in one.undo for one in own)
    if ours and "block_writes" in done and "update_aliases" not in done:
        return any(_is_behind(one) for one in own)
    unblocks = [one for one in own if one.kind == "unblock_writes"]
    left = any(journal.state(one.id) != "done" for one in unblocks)
    return left and "update_aliases" in done
