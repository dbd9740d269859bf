"""Hooks: programs of the operator that an apply runs, with the event as JSON on stdin.

Which programs stands in esplan.yaml alone: no plan can name one. There is no shell. A hook gets no
credential, runs in a process group of its own, and is killed with that group when its time is up.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Literal, cast

from esplan.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from esplan.model import JSON

EVENTS = (
    "before_apply",
    "after_apply",
    "before_step",
    "after_step",
    "before_switch",
    "after_switch",
    "failure",
)

PREFIX = "ESPLAN_"
"""How the variables begin that say what happens; all others of this prefix are left out."""

OUTPUT = 16 * 1024
"""Bytes of a hook's output that are kept."""

LONGEST = 4 * 1024
"""Characters of a variable."""

TICK = 0.02
"""Seconds between two looks whether a hook has ended that keeps its output open."""

LONG_SECRET = 8
"""Characters from which on a secret is looked for inside of other values, too."""


@dataclass(frozen=True)
class Hook:
    """One program: `run` as the file names it, relative to `folder`, where it runs.

    `on`: the events that it wants. `timeout`: seconds.
    """

    run: str
    folder: Path
    on: frozenset[str]
    timeout: float = 60.0

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.folder / self.run


Outcome = Literal["ok", "failed", "timed out", "not started"]


@dataclass(frozen=True)
class Ran:
    """What became of one hook. `output`: the beginning of what it wrote, on stdout and stderr."""

    hook: str
    on: str
    outcome: Outcome
    exit_code: int | None
    seconds: float
    output: str
    step: str = ""
    address: str = ""

    @property
    def why(self) -> str:
        """How it ended, in words, with the last line that it wrote."""
        how = self.outcome if self.exit_code is None else f"exit code {self.exit_code}"
        if self.outcome == "timed out":
            how = f"killed after {self.seconds:.0f} s"
        last = self.output.strip().rpartition("\n")[2].strip()
        return f"{how}: {last}" if last else how


def require_runnable(hooks: Iterable[Hook]) -> None:
    """Raise Refused, before anything is changed, where a hook is no program."""
    for hook in hooks:
        if not (hook.path.is_file() and os.access(hook.path, os.X_OK)):
            why = "it is no executable file" if hook.path.exists() else "there is no such file"
            raise Refused(
                f"the hook {hook.run} cannot be run",
                code="ESP-4020",
                where=str(hook.path),
                why=why,
                remedy="correct hooks in esplan.yaml; a hook is a program, with chmod +x",
            )


def environment(
    environ: Mapping[str, str], names: Collection[str], secrets: Collection[str]
) -> dict[str, str]:
    """What of this process's environment a hook gets: no credential by its name or its value.

    `names`: of variables that hold one. `secrets`: those in use.
    """
    hidden = {*names, *(f"{name}_FILE" for name in names)}
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith(PREFIX) and name not in hidden and not _holds(value, secrets)
    }


def _holds(value: str, secrets: Collection[str]) -> bool:
    return any(
        one and (one == value or (len(one) >= LONG_SECRET and one in value)) for one in secrets
    )


def run(hook: Hook, event: JSON, variables: Mapping[str, str], environ: Mapping[str, str]) -> Ran:
    """Run one hook to its end, or until its time is up. Raises nothing for what it does."""
    began = time.monotonic()
    step = event.get("step", {})
    about = {"step": step.get("id", ""), "address": variables.get(f"{PREFIX}ADDRESS", "")}
    shown = {name: _plain(value) for name, value in variables.items()}
    try:
        outcome, code, output = _run(hook, json.dumps(event), {**environ, **shown})
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        outcome, code, output = "not started", None, why
    seconds = time.monotonic() - began
    return Ran(hook.run, event["event"], outcome, code, round(seconds, 3), output, **about)


def _plain(value: str) -> str:
    """Nothing in a variable but what a person can read: names come from elsewhere."""
    return "".join(one if one.isprintable() else "?" for one in value[:LONGEST])


def _run(hook: Hook, text: str, environ: Mapping[str, str]) -> tuple[Outcome, int | None, str]:
    with TemporaryFile() as event:
        event.write(text.encode())
        event.seek(0)
        with subprocess.Popen(  # noqa: S603  (that is what a hook is: the operator's own program)
            [str(hook.path)],
            stdin=event,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=hook.folder,
            env=dict(environ),
            start_new_session=True,
        ) as process:
            try:
                output = _output(process, time.monotonic() + hook.timeout)
                code = process.poll()
            finally:
                _kill(process)
    said = output.decode("utf-8", "replace")
    if code is None:
        return "timed out", None, said
    return "failed" if code else "ok", code, said


def _output(process: subprocess.Popen[bytes], deadline: float) -> bytes:
    """The beginning of what it writes, until it has ended or the time is up.

    What it leaves behind in its process group is killed, and what left that is not waited for.
    """
    kept, pipe = bytearray(), cast("IO[bytes]", process.stdout)
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while time.monotonic() < deadline:
            ended = process.poll() is not None
            if ended:
                _kill(process)
            if selector.get_map() and selector.select(0 if ended else TICK):
                some = os.read(pipe.fileno(), 1 << 16)
                kept += some[: OUTPUT - len(kept)]
                if not some:
                    selector.unregister(pipe)
            elif ended:
                break
            else:
                time.sleep(TICK)
    return bytes(kept)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Everything in its process group, be it ended or not."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
