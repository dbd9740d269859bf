"""A real terminal: bash in tmux, typed into like a person would, and looked at."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Self

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

PROMPT = "$ "
LOOK = 0.3
"""Seconds between two looks at the screen."""

PATIENCE = float(os.environ.get("ESPLAN_TEST_PATIENCE", "600"))
"""Seconds for one command: a machine may be busy."""

CONFIGURATION = """\
set -g history-limit 50000
set -g status off
set -g default-terminal screen-256color
"""


class Terminal:
    """`width` columns and `height` lines, in a folder. The exit code of each command is kept."""

    def __init__(
        self, folder: Path, environ: Mapping[str, str], width: int = 100, height: int = 40
    ) -> None:
        """Fails the test, and says what to install, where there is no tmux."""
        if not shutil.which("tmux"):
            pytest.fail("tmux is needed here: install it (apt-get install tmux, brew install tmux)")
        self._name = f"esplan-{secrets.token_hex(4)}"
        self._work = folder / ".terminal"
        self._work.mkdir()
        self._codes = self._work / "codes"
        (self._work / "tmux.conf").write_text(CONFIGURATION)
        self._codes.touch()
        own = {
            "PS1": PROMPT,
            "PROMPT_COMMAND": f"echo $? >> {self._codes}",
            "VIRTUAL_ENV_DISABLE_PROMPT": "1",
            "LC_ALL": "C.UTF-8",
        }
        size = ["-x", str(width), "-y", str(height)]
        command = ["new-session", "-d", *size, "-c", str(folder), "bash", "--norc", "--noprofile"]
        self._tmux(*command, env={**environ, **own})
        self.until(lambda: self.codes, "a prompt")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._tmux("kill-server")

    def _tmux(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        configured = ["tmux", "-L", self._name, "-f", str(self._work / "tmux.conf")]
        done = subprocess.run(
            [*configured, *arguments], env=env, capture_output=True, text=True, check=True
        )
        return done.stdout

    @property
    def codes(self) -> list[int]:
        """The exit codes so far; the first is that of the prompt itself."""
        return [int(line) for line in self._codes.read_text().split()]

    def lines(self) -> list[str]:
        """All that is on the screen, and above it; a line that was wrapped is one."""
        shown = self._tmux("capture-pane", "-p", "-J", "-S", "-")
        return [line.rstrip() for line in shown.rstrip().split("\n")]

    def screen(self) -> list[str]:
        """The lines as they are seen, each as wide as the terminal at most."""
        return [line.rstrip() for line in self._tmux("capture-pane", "-p").split("\n")[:-1]]

    def type(self, text: str) -> None:
        """And press Enter."""
        self._tmux("send-keys", "-l", text)
        self._tmux("send-keys", "Enter")

    def press(self, key: str) -> None:
        """One key, as tmux calls it: `C-c`."""
        self._tmux("send-keys", key)

    def until(self, seen: Callable[[], object], what: str) -> None:
        """Wait; fail with the screen when it takes too long."""
        give_up = time.monotonic() + PATIENCE
        while not seen():
            if time.monotonic() > give_up:
                shown = "\n".join(self.lines()[-60:])
                pytest.fail(f"after {PATIENCE:.0f} s there is no {what} on the screen:\n{shown}")
            time.sleep(LOOK)

    def begin(self, command: str) -> int:
        """Type it; returns how many commands have ended by now, for `output` and `ended`."""
        before = len(self.codes)
        self.type(command)
        return before

    def ended(self, before: int) -> int:
        """Wait for the prompt; returns the exit code."""
        self.until(lambda: len(self.codes) > before, "prompt")
        code = self.codes[before]
        self.until(lambda: self.lines()[-1].startswith(PROMPT.rstrip()), "prompt")
        return code

    def run(self, command: str) -> int:
        """Type it and wait for its end; returns the exit code."""
        return self.ended(self.begin(command))

    def output(self) -> list[str]:
        """The lines below the last command, without the prompt after it."""
        lines = self.lines()
        if lines[-1] == PROMPT.rstrip():
            lines.pop()
        typed = [at for at, line in enumerate(lines) if line.startswith(PROMPT)]
        return lines[typed[-1] + 1 :]


def plain(environ: Mapping[str, str]) -> dict[str, str]:
    """This process's variables without those that change what a command does."""
    hidden = re.compile(r"ESPLAN_|PYTHON|COVERAGE_|VIRTUAL_ENV|NO_COLOR|FORCE_COLOR|TMUX|COLUMNS")
    return {name: value for name, value in environ.items() if not hidden.match(name)}
