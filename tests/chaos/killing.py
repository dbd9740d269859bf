"""An apply that dies by SIGKILL, with the waits of an apply made short.

What is shortened are only waits for others: the second between switch and delete, and the wait for
the answer of a force merge. The points are those of tests/live/crashing.py and one more:
`after-send`, where the first change of a step has left, and its answer has not been read.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import crashing
from urllib3.connection import HTTPConnection

from esplan import cli, cluster
from esplan.steps import await_health, force_merge, settling

SETTLING = 0.05


def quick(arguments: list[str]) -> int:
    """The command line, with short waits."""
    _shorten()
    return cli.run(arguments)


def main(arguments: list[str]) -> int:
    """POINT MARKER ARGUMENT…, as for `crashing.main`."""
    _shorten()
    when, _, step = arguments[0].partition(":")
    if step.endswith("await_health") and when != "before-done":
        _not_healthy_at_first()
    if when != "after-send":
        return crashing.main(arguments)
    _die_after_sending(step, arguments[0], Path(arguments[1]))
    return cli.run(arguments[2:])


def _shorten() -> None:
    settling.SECONDS = SETTLING
    force_merge.PATIENCE = 0.2


def _not_healthy_at_first() -> None:
    """On one node the index is green at once, and the step would never be sent."""
    probe, answers = await_health.probe, [False]

    def late(step: Any, run: Any) -> bool:
        return answers.pop() if answers else probe(step, run)

    await_health.probe = late


def _die_after_sending(step: str, point: str, marker: Path) -> None:
    here = threading.local()
    change, receive = cluster.Cluster.change, HTTPConnection.getresponse

    def die() -> None:
        marker.write_text(point)
        os.kill(os.getpid(), signal.SIGKILL)

    def sending(self: Any, *arguments: Any, **options: Any) -> Any:
        here.sending = getattr(here, "at", "") == step
        try:
            return change(self, *arguments, **options)
        finally:
            here.sending = False

    def receiving(self: Any) -> Any:
        if getattr(here, "sending", False):
            die()
        return receive(self)

    def noticed(execute: Any, one: Any, run: Any) -> Any:
        """One that changed nothing has sent its reads by its end."""
        here.at = one.id
        evidence = execute(one, run)
        if one.id == step:
            die()
        here.at = ""
        return evidence

    cluster.Cluster.change = sending
    HTTPConnection.getresponse = receiving
    crashing.wrap_execute(noticed)
