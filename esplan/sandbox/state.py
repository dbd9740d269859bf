"""Which server runs: the state file, and whether the process it names is still that server."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from esplan import durable


@dataclass(frozen=True)
class Sandbox:
    """A server that runs on localhost.

    `started` is ISO 8601 in UTC. `was_running`: it ran already when it was asked to start.
    """

    engine: str
    url: str
    port: int
    pid: int
    started: str
    was_running: bool = False


def state_file(cache: Path) -> Path:
    """Where the server that was started last is written down."""
    return cache / "state.json"


def run_folder(cache: Path, engine: str) -> Path:
    """The folder of an engine's config, data and logs."""
    return cache / "run" / engine


def pid_file(run: Path) -> Path:
    """Where the server writes its process id, in a folder of its own account."""
    return run / "tmp" / "pid"


def start_log(run: Path) -> Path:
    """What the launcher printed, and a server that shares its output."""
    return run / "start.log"


def save(cache: Path, sandbox: Sandbox) -> None:
    """Write the state file in one piece."""
    text = json.dumps(asdict(sandbox), indent=2) + "\n"
    durable.write_whole(state_file(cache), text.encode(), durable.SHARED)


def running(cache: Path) -> Sandbox | None:
    """The server that runs; None where there is none, or the state file speaks of a dead one.

    Until a start is complete the state has the launcher's pid. A server whose starter was killed
    is found all the same: it writes its own.
    """
    state = _read(state_file(cache))
    if state is None:
        return None
    pids = (_read_pid(pid_file(run_folder(cache, state.engine))), state.pid)
    pid = next((pid for pid in pids if pid and is_server(pid, cache)), None)
    return replace(state, pid=pid) if pid else None


def _read(file: Path) -> Sandbox | None:
    """The state file's contents; None where it is missing or is not one."""
    try:
        fields: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return Sandbox(**fields)
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _read_pid(file: Path) -> int:
    """The process id in a pid file, 0 where there is none."""
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def is_server(pid: int, cache: Path) -> bool:
    """Whether that process was started from this cache's engines: pids are used again.

    The folder may be a link, which the server follows before it shows where it is.
    """
    engines, words = cache / "engines", command_line(pid)
    return str(engines) in words or str(engines.resolve()) in words


def command_line(pid: int) -> str:
    """The words a process was started with; empty when it is gone (or only waits to be)."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        except OSError:
            return ""
    command = ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603  (a pid is a number)
