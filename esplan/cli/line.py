"""A command line as far as it is typed: what stands at the cursor, and what before it."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import Any

ASSIGNMENT = re.compile(r"\w+=")
OPTIONAL = "output"
"""The option that also works without a value (esplan.arguments)."""


@dataclass
class Line:
    """`word` is the one at the cursor, `pending` the option whose value it is.

    `given` has what was given for each option, by its longest name, `arguments` the rest.
    """

    root: Any
    command: Any
    word: str = ""
    pending: Any = None
    arguments: list[str] = field(default_factory=list)
    given: dict[str, list[str]] = field(default_factory=dict)
    only_arguments: bool = False

    @property
    def commands(self) -> dict[str, Any]:
        """Commands that may come next."""
        return dict(vars(self.command).get("commands", {}))

    @property
    def parameters(self) -> list[Any]:
        """Of the command, and the global ones, which work in any place."""
        return [*self.command.params, *(() if self.command is self.root else self.root.params)]

    def option(self, name: str) -> Any:
        """The option of that name, long or short; None where there is none."""
        return next((one for one in self.parameters if is_option(one) and name in one.opts), None)

    def values(self, name: str) -> list[str]:
        """What was given for an option so far."""
        return self.given.get(name, [])

    def read(self, word: str) -> None:
        """One whole word."""
        if self.pending is not None and not self._is_without_value(word):
            self._take(self.pending, word)
        elif word == "--":
            self.only_arguments = True
        elif word.startswith("-") and not self.only_arguments:
            self._read_option(word)
        elif word in self.commands:
            self.command = self.commands[word]
        else:
            self.arguments.append(word)

    def _is_without_value(self, word: str) -> bool:
        """`-o` may stand alone."""
        alone = self.pending.name == OPTIONAL and word.startswith("-")
        self.pending = None if alone else self.pending
        return alone

    def _read_option(self, word: str) -> None:
        name, joined, value = word.partition("=")
        found = self.option(name)
        if found is None:
            return
        if joined or found.is_flag:
            self._take(found, value)
        else:
            self.pending = found

    def _take(self, option: Any, value: str) -> None:
        self.given.setdefault(long_name(option), []).append(value)
        self.pending = None

    def end(self, word: str) -> None:
        """The word at the cursor; `--env=d` is a value of --env."""
        self.word = word
        if self.pending is not None and self._is_without_value(word):
            return
        name, joined, _ = word.partition("=")
        if self.pending is None and joined and word.startswith("--") and not self.only_arguments:
            self.pending = self.option(name)


def is_option(parameter: Any) -> bool:
    """Of Typer's two kinds of parameters."""
    return bool(parameter.param_type_name == "option")


def long_name(option: Any) -> str:
    """`--desired` of `-d` and `--desired`."""
    return str(max(option.opts, key=len))


def read(root: Any, typed: str) -> Line:
    """The line `typed`, up to the cursor, for the program whose Typer command is `root`."""
    words = split(typed)
    at_cursor = words.pop() if words and not typed[-1:].isspace() else ""
    while words and ASSIGNMENT.match(words[0]):
        words.pop(0)
    line = Line(root, root)
    for word in words[1:]:
        line.read(word)
    line.end(at_cursor)
    return line


def split(typed: str) -> list[str]:
    """Words as a shell has them; a quote that is still open ends with the line."""
    lexer = shlex.shlex(typed, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    try:
        words.extend(lexer)
    except ValueError:
        words.append(lexer.token)
    return words
