"""Run the esplan command line as a holder of the lock to whom something happens.

Its arguments are OPTIONS ARGUMENT…: OPTIONS is JSON, every part of it may be missing.

    go          a file: it begins when that is there
    lease       [EXPIRY, GRACE, RENEWAL] in seconds, in place of esplan's own
    patience    seconds for which it asks again
    machine     what it takes its machine for: with another one nobody can look at its process
    point       as in crashing.py, or `in-send:<step>`: when all its own checks are behind it.
                There it writes `marker`, and stops itself (SIGSTOP), once
    clock       at the point its wall clock jumps by so many seconds, in place of the stop
    clock_now   the same, from the beginning
    blind       it does not find out that its lock is gone
    unfenced    it leaves the fence out of its requests
    lock        what becomes of its writes of the lock: `lost` (the answer of the first),
                `unheard` (every answer), `dropped` (every one after it has taken it)
"""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import crashing

from esplan import cli, holder, journal, lock
from esplan.cli import apply as command
from esplan.cluster import Cluster
from esplan.errors import OutcomeUnknown
from esplan.plan import STATE_INDEX
from esplan.steps import request


def main(arguments: list[str]) -> int:
    """In a process of its own (`processes.start`): what it patches stays patched."""
    options = json.loads(arguments[0])
    if "lease" in options:
        lock.EXPIRY, lock.GRACE, lock.RENEWAL = options["lease"]
    command.PATIENCE = options.get("patience", command.PATIENCE)
    if "machine" in options:
        holder._machine = lambda: str(options["machine"])
    if options.get("blind"):
        lock.Lock.check = lambda _self: None
    if options.get("unfenced"):
        _take_off_the_fence()
    if "lock" in options:
        _patch_lock_writes(options["lock"])
    if "clock_now" in options:
        _move_clock(options["clock_now"])
    if "point" in options:
        _patch_point(options)
    while "go" in options and not Path(options["go"]).exists():
        time.sleep(0.001)
    return cli.run(arguments[1:])


def _take_off_the_fence() -> None:
    filled = request.filled

    def without(value: Any, token: str) -> Any:
        whole = filled(value, token)
        if isinstance(whole, dict) and isinstance(whole.get("actions"), list):
            kept = [a for a in whole["actions"] if STATE_INDEX not in str(a)]
            return {**whole, "actions": kept}
        return whole

    request.filled = without


def _patch_point(options: Any) -> None:
    when, _, step = options["point"].partition(":")
    marker = Path(options["marker"])

    def act() -> None:
        if marker.exists():
            return
        marker.write_text(options["point"])
        if "clock" in options:
            _move_clock(options["clock"])
        else:
            os.kill(os.getpid(), signal.SIGSTOP)

    if when == "in-send":
        _patch_send(step, act)
    else:
        crashing.patch(when, step, act)


def _patch_send(step: str, act: Any) -> None:
    change = Cluster.change

    def stopped(self: Any, *arguments: Any, opaque_id: str = "", **named: Any) -> Any:
        if opaque_id.endswith(f":{step}"):
            act()
        return change(self, *arguments, opaque_id=opaque_id, **named)

    Cluster.change = stopped


def _move_clock(seconds: float) -> None:
    """What a program sees of a wall clock that somebody has set."""
    now = time.time

    class Moved(dt.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return dt.datetime.fromtimestamp(time.time(), tz)

    time.time = lambda: now() + seconds
    time.time_ns = lambda: int(time.time() * 1e9)
    holder.datetime = journal.datetime = Moved


def _patch_lock_writes(fate: str) -> None:
    change, seen = Cluster.change, []

    def unlucky(self: Any, method: str, path: str, *arguments: Any, **named: Any) -> Any:
        if (method, path) != ("PUT", lock.LOCK_PATH):
            return change(self, method, path, *arguments, **named)
        seen.append(path)
        if fate == "dropped" and len(seen) > 2:
            raise OutcomeUnknown("the outcome is unknown", why="dropped")
        answer = change(self, method, path, *arguments, **named)
        if fate == "unheard" or (fate == "lost" and len(seen) == 1):
            raise OutcomeUnknown("the outcome is unknown", why="lost")
        return answer

    Cluster.change = unlucky
