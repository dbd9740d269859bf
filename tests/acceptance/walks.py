"""The tutorial, followed word by word: in a terminal, and through --json."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from terminal import PATIENCE, Terminal
from tutorial import CODE, QUESTION, YES, Example, completed, difference

if TYPE_CHECKING:
    from pathlib import Path

INSTALL = ("python3 -m venv ", ". .venv/", "pip install ", "esplan --version")
"""What is not done a second time."""


@dataclass
class Walk:
    """What became of each example, by its line in the page: exit codes, and what was wrong."""

    codes: dict[int, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def note(self, example: Example, code: int, trouble: str) -> None:
        """One example has ended."""
        self.codes[example.line] = code
        if code != example.code:
            trouble += f"\nit ended with {code}, and the page says {example.code}"
        if trouble:
            self.wrong.append(f"line {example.line}: {example.command}\n{trouble}")


def in_terminal(terminal: Terminal, found: list[Example]) -> Walk:
    """Type each command, answer, and compare; ends at the first that is not as the page says."""
    walk = Walk()
    for example in found:
        command = completed(example.command, "\n".join(terminal.lines()))
        before = terminal.begin(command)
        _answer(terminal, example, before)
        code = terminal.ended(before)
        trouble = difference(example.at_the_end, terminal.output())
        walk.note(example, code, trouble)
        if walk.wrong:
            walk.wrong.append("\n".join(["the whole of it:", *terminal.output()]))
            break
    return walk


def _answer(terminal: Terminal, example: Example, before: int) -> None:
    """Say yes, and press Ctrl-C, each when it is time."""

    def is_over() -> bool:
        return len(terminal.codes) > before

    def asked() -> bool:
        return any(line.endswith(QUESTION) for line in terminal.output())

    def seen() -> bool:
        return not difference(example.before_stop, [*terminal.output()])

    if example.asks:
        terminal.until(lambda: asked() or is_over(), QUESTION)
        terminal.type(YES)
    if example.is_stopped:
        terminal.until(lambda: seen() or is_over(), "progress as the page shows it")
        terminal.press("C-c")


@dataclass
class Programs:
    """The same commands, each with --json, in one folder and with the same variables."""

    folder: Path
    environ: dict[str, str]
    walk: Walk = field(default_factory=Walk)
    seen: str = ""

    def run(self, found: list[Example]) -> Walk:
        """One after the other; what was installed is installed."""
        for example in found:
            if not example.command.startswith(INSTALL):
                self.one(example)
        return self.walk

    def one(self, example: Example) -> None:
        """A command of esplan as a program would call it, any other as it stands."""
        command = completed(example.command, self.seen)
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            self.environ[name] = value
        elif command == CODE:
            code = [*self.walk.codes.values()][-1]
            self.walk.note(example, 0, difference(example.expected, [str(code)]))
        elif command.startswith("esplan "):
            code, out = self._esplan(example, command)
            self.seen += out
            self.walk.note(example, code, not_json(out))
        else:
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=self.folder,
                env=self.environ,
                capture_output=True,
                text=True,
                check=False,
            )
            shown = done.stdout.splitlines()
            self.walk.note(example, done.returncode, difference(example.at_the_end, shown))

    def _esplan(self, example: Example, command: str) -> tuple[int, str]:
        arguments = [*shlex.split(command), "--json", *["--auto-approve"] * example.asks]
        out: list[str] = []
        with subprocess.Popen(
            arguments,
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout
            for line in process.stdout:
                out.append(line)
                if example.is_stopped and is_progress(line):
                    process.send_signal(signal.SIGINT)
                    out.append(process.stdout.read())
            return process.wait(PATIENCE), "".join(out)


def is_progress(line: str) -> bool:
    """Whether something was copied."""
    event = json.loads(line)
    return event["event"] == "step_progress" and event["done"] > 0


def not_json(out: str) -> str:
    """Empty where it is one JSON document, or one a line, each with its `format_version`."""
    try:
        found: list[Any] = [json.loads(out)]
    except ValueError:
        found = []
        for line in out.splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                return f"this is no JSON: {line}"
    without = [one for one in found if "format_version" not in one]
    return f"no format_version: {without[0]}" if without else "" if found else "it says nothing"
