"""Known vulnerabilities in what is locked: fails where there is one, says what it cannot find out.

    audit.py LOCK…

The advisories are those of the package index, asked for over the network.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PATIENCE = 180
"""Seconds for one lock file."""


def main(locks: list[str]) -> int:
    """1 where anything locked is known to be vulnerable, else 0."""
    codes = [report(lock, audited(lock)) for lock in locks]
    return max(codes, default=0)


def audited(lock: str) -> list[dict[str, object]] | str:
    """What is said of each package; or why nothing could be asked."""
    tool = Path(sys.executable).with_name("pip-audit")
    options = ["--require-hashes", "--disable-pip", "--progress-spinner=off", "--timeout=10"]
    command = [str(tool), *options, "--format=json", "-r", lock]
    try:
        done = subprocess.run(  # noqa: S603  (our own tool, our own files)
            command, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {PATIENCE} seconds"
    try:
        found: list[dict[str, object]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        return (done.stderr.strip().splitlines() or ["no answer"])[-1]
    return found


def report(lock: str, found: list[dict[str, object]] | str) -> int:
    """Say it, and how grave it is."""
    if isinstance(found, str):
        print(f"{lock}: NOT AUDITED, the advisories cannot be reached: {found}")
        return 0
    unknown = [one["name"] for one in found if "skip_reason" in one]
    known = [one for one in found if one.get("vulns")]
    for one in known:
        ids = ", ".join(advisory["id"] for advisory in one["vulns"])  # type: ignore[attr-defined]
        print(f"{lock}: {one['name']} {one['version']} is vulnerable: {ids}; make lock, or pin it")
    if unknown:
        print(f"{lock}: NOT AUDITED, no advisories to be had for {len(unknown)} of {len(found)}")
    return 1 if known else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
