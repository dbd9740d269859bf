"""Run the esplan command line on a disk that fails at one call for the journal.

Its arguments are FAULT NUMBER MARKER ARGUMENT…: the NUMBER-th call (from 1) of the fault's kind
fails; `limit` is a real one, by the kernel: no file may be longer than NUMBER bytes. MARKER is a
file that says afterwards, as JSON, how often it failed, how often something was written to the
journal after that, and which changes were sent.
"""

from __future__ import annotations

import errno
import json
import os
import resource
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from esplan import cli, durable
from esplan.cluster import Cluster

FAULTS: dict[str, tuple[str, int]] = {
    "no space": ("write", errno.ENOSPC),
    "write error": ("write", errno.EIO),
    "short write": ("write", 0),
    "fsync error": ("fsync", errno.EIO),
    "open error": ("open", errno.EMFILE),
    "read-only": ("open", errno.EROFS),
    "rename error": ("replace", errno.EIO),
}
"""The call that fails, and how; a short write takes half of the record and says so."""


def main(arguments: list[str]) -> int:
    """In a process of its own (`processes.start`): what it patches stays patched."""
    fault, number, marker = arguments[0], int(arguments[1]), Path(arguments[2])
    seen: dict[str, Any] = {"faults": 0, "written": 0, "sent": []}
    if fault == "limit":
        _limit(number, seen)
    else:
        _patch(*FAULTS[fault], number, seen)
    _watch(seen)
    try:
        return cli.run(arguments[3:])
    finally:
        marker.write_text(json.dumps(seen))


def _patch(call: str, error: int, number: int, seen: dict[str, Any]) -> None:
    """In place of the `os` of esplan.durable, so that nothing else fails."""
    left = [number]

    def failing(name: str) -> Any:
        real = getattr(os, name)

        def call_it(*arguments: Any, **options: Any) -> Any:
            if seen["faults"] and name == "write":
                seen["written"] += 1
            if name == call and (name != "open" or arguments[1] & os.O_WRONLY):
                left[0] -= 1
                if left[0] == 0:
                    seen["faults"] += 1
                    if error:
                        raise OSError(error, os.strerror(error))
                    return real(arguments[0], arguments[1][: len(arguments[1]) // 2])
            return real(*arguments, **options)

        return call_it

    patched = {name: failing(name) for name in ("write", "fsync", "open")}
    durable.os = SimpleNamespace(**{**vars(os), **patched})
    if call == "replace":
        os.replace = failing("replace")


def _limit(size: int, seen: dict[str, Any]) -> None:
    """Only around each write of the journal: what is printed goes to files, too."""
    real = os.write

    def limited(descriptor: int, data: bytes) -> int:
        seen["written"] += bool(seen["faults"])
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        try:
            count = real(descriptor, data)
        except OSError:
            seen["faults"] += 1
            raise
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        seen["faults"] += count != len(data)
        return count

    durable.os = SimpleNamespace(**{**vars(os), "write": limited})


def _watch(seen: dict[str, Any]) -> None:
    """Changes sent after the fault; giving the lock back is none."""
    change = Cluster.change

    def noted(self: Any, method: str, path: str, *arguments: Any, **options: Any) -> Any:
        if seen["faults"] and not path.endswith("/_doc/lock"):
            seen["sent"].append(f"{method} {path}")
        return change(self, method, path, *arguments, **options)

    Cluster.change = noted  # type: ignore[method-assign]
