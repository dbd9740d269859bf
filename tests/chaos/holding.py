"""Applies in processes of their own that stop themselves at a point (see leasing.py)."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from world import World

AGAIN = "apply the same plan again"


@contextmanager
def applying(world: World, plan: Path | None = None, **options: Any) -> Iterator[processes.Process]:
    """An apply with options of leasing.py; nothing is left of it."""
    arguments = ["--url", world.url, "apply", str(plan or world.plan), "--auto-approve"]
    process = processes.start([json.dumps(options), *arguments], "leasing:main")
    try:
        yield process
    finally:
        process.close()


@contextmanager
def stopped(world: World, point: str, **options: Any) -> Iterator[processes.Process]:
    """An apply that has stopped itself at a point, with the lock."""
    marker = world.folder / "stopped"
    marker.unlink(missing_ok=True)
    with applying(world, point=point, marker=str(marker), **options) as process:
        until(lambda: marker.exists() and is_stopped(process), process)
        yield process


def until(true: Callable[[], Any], process: processes.Process, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, process.output()
        time.sleep(0.02)


def is_stopped(process: processes.Process) -> bool:
    return state(process) == "T"


def state(process: processes.Process) -> str:
    """A letter, as the kernel shows it; nothing when it has ended."""
    try:
        stat = Path(f"/proc/{process.pid}/stat").read_text()
    except FileNotFoundError:
        return ""
    return stat.rpartition(")")[2].split()[0]
