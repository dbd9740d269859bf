"""Finds a Java that can run the server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esplan.errors import EsplanError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SYSTEM_FOLDERS = ("/usr/lib/jvm/*", "/Library/Java/JavaVirtualMachines/*/Contents/Home")


def find_java(
    minimum: int, maximum: int, account: Mapping[str, Any], module: str = "java.base"
) -> Path:
    """The home of the first Java that has `module` and a feature release in range, ends included.

    Looked for in ESPLAN_JAVA_HOME (and then nowhere else), JAVA_HOME, `java` on PATH, and the
    system's folders. `account` holds Popen's arguments of the account that must be able to run
    it. Raises EsplanError, with what was looked at.
    """
    seen: list[str] = []
    for home in dict.fromkeys(_candidates()):
        version = java_version(home, account)
        if version is None:
            seen.append(f"{home} is no Java that runs")
        elif not minimum <= version <= maximum:
            seen.append(f"{home} is Java {version}")
        elif module != "java.base" and not has_module(home, account, module):
            seen.append(f"{home} is Java {version} without the module {module}")
        else:
            return home
    raise EsplanError(
        f"no Java from {minimum} to {maximum} was found, and the sandbox needs one",
        code="ESP-6108",
        why="; ".join(seen) or "neither JAVA_HOME, nor java on PATH, nor a system folder has one",
        remedy=f"install Java {minimum} (any vendor's full JDK), or set ESPLAN_JAVA_HOME to its "
        "home, or do without the sandbox: --url of any cluster",
    )


def _candidates() -> Iterator[Path]:
    """Java homes in the order of preference; they may repeat or not exist."""
    if chosen := os.environ.get("ESPLAN_JAVA_HOME"):
        yield Path(chosen).expanduser()
        return
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home)
    if command := shutil.which("java"):
        yield Path(command).resolve().parent.parent
    for pattern in SYSTEM_FOLDERS:
        yield from sorted(path.resolve() for path in Path("/").glob(pattern[1:]))


def java_version(home: Path, account: Mapping[str, Any]) -> int | None:
    """The feature release (`1.8.0_392` is 8), or None where there is no Java that runs."""
    answer = _ask(home, account, "-version")
    found = re.search(r'version "(?:1\.)?(\d+)', answer) if answer is not None else None
    return int(found[1]) if found else None


def has_module(home: Path, account: Mapping[str, Any], module: str) -> bool:
    """Whether a Java of release 9 or newer has the module: a runtime image may be a small one."""
    answer = _ask(home, account, "--add-modules", module, "-version")
    return answer is not None


def _ask(home: Path, account: Mapping[str, Any], *arguments: str) -> str | None:
    """What Java prints; None where it does not run or takes the arguments for wrong."""
    try:
        answer = subprocess.run(  # noqa: S603  (the user's own Java)
            [str(home / "bin/java"), *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            cwd="/",
            **account,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stderr + answer.stdout if answer.returncode == 0 else None
