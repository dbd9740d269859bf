"""The examples of a page, and whether what appears is what the page says.

`…` alone in a line stands for any lines, within a line for anything; in a command for what the
screen says in its place. `^C` is pressed when all before it is seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANY = "…"
STOP = "^C"
CODE = "echo $?"
QUESTION, YES = "Only 'yes' does it:", "yes"
"""How a question ends, and what a person answers."""


@dataclass(frozen=True)
class Example:
    """One command of a page, what the page shows below it, and in which line it stands.

    `code`: how it ends. Not 0 only where the page asks for `$?` after it.
    """

    line: int
    command: str
    expected: tuple[str, ...]
    code: int = 0

    @property
    def asks(self) -> bool:
        """Whether it waits for a yes."""
        return any(QUESTION in one for one in self.expected)

    @property
    def is_stopped(self) -> bool:
        """Whether Ctrl-C is pressed."""
        return STOP in self.expected

    @property
    def before_stop(self) -> list[str]:
        """What must be seen while it runs; all of it where nothing is pressed."""
        lines = list(self.expected)
        return lines[: lines.index(STOP)] if self.is_stopped else lines

    @property
    def at_the_end(self) -> list[str]:
        """What stays."""
        lines = list(self.expected)
        return [ANY, *lines[lines.index(STOP) + 1 :]] if self.is_stopped else lines


def examples(page: Path) -> list[Example]:
    """In their order."""
    text, found = page.read_text(encoding="utf-8"), []
    for block in BLOCK.finditer(text):
        first = text.count("\n", 0, block.start()) + 2
        lines = block[1].splitlines()
        starts = [at for at, line in enumerate(lines) if line.startswith("$ ")]
        for at, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            found.append(Example(first + at, lines[at][2:], tuple(lines[at + 1 : end])))
    codes = [int(after.expected[0]) if after.command == CODE else 0 for after in found[1:]]
    return [replace(one, code=code) for one, code in zip(found, [*codes, 0], strict=True)]


def pattern(line: str, any_: str = ".*") -> re.Pattern[str]:
    """A line of a page, as what it stands for."""
    return re.compile(any_.join(map(re.escape, line.split(ANY))))


def difference(expected: Sequence[str], shown: Sequence[str]) -> str:
    """Empty where the lines are those of the page; else what is missing, and after which line."""
    at, skips = 0, False
    for line in expected:
        if line == ANY:
            skips = True
            continue
        rest = range(at, len(shown)) if skips else range(at, min(at + 1, len(shown)))
        found = next((n for n in rest if pattern(line).fullmatch(shown[n])), None)
        if found is None:
            below = "\n".join(shown[at : at + 40])
            return f"the page says:\n{line}\nand the screen:\n{below}"
        at, skips = found + 1, False
    if at < len(shown) and not skips:
        return "the screen says more than the page:\n" + "\n".join(shown[at:])
    return ""


def completed(command: str, seen: str) -> str:
    """A command with what the last thing that looks like it on the screen has in place of `…`."""
    words = [word for word in re.split(r"[\s=]", command) if ANY in word]
    for word in words:
        found = pattern(word, r"""[^\s"']+""").findall(seen)
        if not found:
            raise AssertionError(f"nothing on the screen looks like {word}")
        command = command.replace(word, found[-1])
    return command
