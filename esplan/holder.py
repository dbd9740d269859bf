"""Who holds the lock, and whether that process is still there: told apart on its own machine."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Holder:
    """Who holds the lock. `machine` tells boots and containers apart, `started` reused pids."""

    token: str
    host: str
    machine: str
    pid: int
    started: str
    plan: str
    since: str

    def __str__(self) -> str:
        """As whoever is refused reads it."""
        return f"{self.host}, pid {self.pid}, since {self.since}, plan {self.plan[:12]}"


def this_process(plan_digest: str) -> Holder:
    """A holder with a fresh token."""
    return Holder(
        token=secrets.token_hex(8),
        host=socket.gethostname(),
        machine=_machine(),
        pid=os.getpid(),
        started=started_at(os.getpid()),
        plan=plan_digest,
        since=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _machine() -> str:
    """Boot and pid namespace: two processes with the same one can see each other's pids."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def started_at(pid: int) -> str:
    """Start time of a process in clock ticks since boot; empty when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    state, *rest = stat.rpartition(")")[2].split()
    return "" if state in ("Z", "X") else rest[18]


def is_dead(holder: Holder) -> bool:
    """Certainly gone: its machine is this one, and its process is not there any more."""
    return _is_here(holder) and started_at(holder.pid) != holder.started


def is_alive(holder: Holder) -> bool:
    """Certainly there: its machine is this one, and so is its process."""
    return _is_here(holder) and started_at(holder.pid) == holder.started


def _is_here(holder: Holder) -> bool:
    return bool(holder.machine and holder.started) and holder.machine == _machine()
