"""What a page shows: its blocks, the commands in them, and what they are said to print."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BLOCK = re.compile(r"^```([\w-]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (\S+\.ya?ml)\n")
CUT = "…"
QUANTITY = re.compile(
    r"\b[0-9a-f]{12,64}\b"  # a digest
    r"|(?:\d[\d,.]*\s?(?:ms|s|min|h|d)\b(?:\s(?=\d))?)+"  # 1 min 02 s
    r"|\d[\d,.]*(?:\s?[KMGT]?B\b)?"
)
"""What is another one each time."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the file that its first line names."""

    kind: str
    text: str

    @property
    def file(self) -> str:
        named = NAMED.match(self.text)
        return named[1] if named else ""


@dataclass(frozen=True)
class Command:
    """A line after `$ `, and the lines that it is said to print."""

    line: str
    shown: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        return shlex.split(self.line)


def blocks(page: Path) -> list[Block]:
    return [Block(*found) for found in BLOCK.findall(page.read_text(encoding="utf-8"))]


def commands(block: Block) -> Iterator[Command]:
    """The commands of a console block; a backslash at the end of a line goes on in the next one."""
    joined = block.text.replace("\\\n", " ")
    for part in re.split(r"^\$ ", joined, flags=re.MULTILINE)[1:]:
        line, *shown = part.rstrip("\n").split("\n")
        yield Command(line, tuple(one for one in shown if one.strip()))


def normal(line: str) -> str:
    """A line without what is another one each time: numbers, times, digests, columns."""
    return " ".join(QUANTITY.sub("0", line).split())


def missing(shown: tuple[str, ...], printed: str) -> list[str]:
    """What is shown and was not printed, whatever the numbers. `…` stands for anything."""
    real = [normal(line) for line in printed.splitlines()]
    wanted = [line for line in shown if line.strip() != CUT]
    return [line for line in wanted if not any(_same(line, one) for one in real)]


def _same(line: str, real: str) -> bool:
    if line.rstrip().endswith(CUT):
        return real.startswith(normal(line.rstrip().removesuffix(CUT)))
    return normal(line) == real
