"""Run the esplan command line and die by SIGKILL at one point of an apply.

Its arguments are POINT MARKER ARGUMENT…: POINT is `<when>:<step id>`, with `before-intent`,
`after-intent`, `after-request`, `before-done`, `after-done`, `middle` for a step that reports
progress, `second-block` for one that drains a write block, or `range` for a copy past rejected
documents, in its fifth range. MARKER is a file written just before.
"""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import esplan.apply
from esplan import cli, journal
from esplan.steps import KINDS, draining, force_merge, reindex
from esplan.views import progress


def main(arguments: list[str]) -> int:
    """In a process of its own (`processes.start`): what it patches stays patched."""
    point, marker = arguments[0], Path(arguments[1])
    when, _, step = point.partition(":")

    def die() -> None:
        marker.write_text(point)
        os.kill(os.getpid(), signal.SIGKILL)

    patch(when, step, die)
    return cli.run(arguments[2:])


def patch(when: str, step: str, die: Any) -> None:
    """Call `die` at a point."""
    force_merge.PATIENCE = 0.2  # for a merge that is shorter than the wait for its answer
    _patch_journal(when, step, die)
    _patch_execute(when, step, die)
    _patch_progress(when, step, die)
    _patch_range(when, die)
    _patch_draining(when, die)


def _patch_journal(when: str, step: str, die: Any) -> None:
    append = journal.Journal.append

    def crashing(self: Any, event: str, at: str = "", data: Any = None) -> Any:
        if (when, step) == (f"before-{event}", at):
            die()
        record = append(self, event, at, data)
        if (when, step) == (f"after-{event}", at):
            die()
        return record

    journal.Journal.append = crashing


def _patch_execute(when: str, step: str, die: Any) -> None:
    def crashing(execute: Any, one: Any, run: Any) -> Any:
        evidence = execute(one, run)
        if (when, step) == ("after-request", one.id):
            die()
        return evidence

    wrap_execute(crashing)


def wrap_execute(around: Any) -> None:
    """Every step is carried out by `around(execute, step, run)`."""
    esplan.apply.KINDS = {name: _wrapped(module, around) for name, module in KINDS.items()}


def _wrapped(module: Any, around: Any) -> Any:
    class Wrapped:
        REPEAT = module.REPEAT
        probe = staticmethod(module.probe)
        undo = staticmethod(module.undo)
        execute = staticmethod(partial(around, module.execute))

    return Wrapped


def _patch_progress(when: str, step: str, die: Any) -> None:
    def crashing(_self: Any, one: Any, done: int, total: int) -> None:
        surplus = one.kind == "force_merge" and done > total  # segments now, and the target
        if (when, step) == ("middle", one.id) and (0 < done < total or surplus):
            die()

    progress.Lines.step_progress = crashing


def _patch_range(when: str, die: Any) -> None:
    copy, left = reindex._ended, [None] * 5  # the whole copy, and four ranges of it

    def crashing(one: Any, run: Any) -> Any:
        if when == "range" and not left:
            reindex.send(one, run)  # it goes on in the cluster
            die()
        left[:1] = []
        return copy(one, run)

    reindex._ended = crashing


def _patch_draining(when: str, die: Any) -> None:
    lift = draining._lift

    def crashing(run: Any, index: Any) -> None:
        if when == "second-block":
            die()
        lift(run, index)

    draining._lift = crashing
