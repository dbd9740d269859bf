"""Whether a command line is one: command, options, their values, arguments. Nothing is run."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

from typer.exceptions import TyperException
from typer.main import get_command

from esplan.arguments import arranged
from esplan.cli.commands import app
from esplan.errors import EsplanError

if TYPE_CHECKING:
    from collections.abc import Iterator


def problem(line: str) -> str:
    """What `esplan …` would say of this line; empty if it would take it.

    `…` is a value, or nothing.
    """
    words = shlex.split(line, comments=True)[1:]
    said = _said(line, words)
    return said and _said(line, [word for word in words if word != "…"])


def _said(line: str, words: list[str]) -> str:
    try:
        return _parsed(get_command(app), "esplan", arranged(words))
    except (TyperException, EsplanError) as error:
        said = getattr(error, "format_message", error.__str__)()
        return f"{line}: {said}"


def _parsed(command: Any, name: str, words: list[str], above: Any = None) -> str:
    """Parse as Typer does. With --help nothing has to be there but the command."""
    lenient = "--help" in words
    rest = [word for word in words if word != "--help"]
    context = command.make_context(name, rest, parent=above, resilient_parsing=lenient)
    left = [*getattr(context, "_protected_args", []), *context.args]
    if not left or not hasattr(command, "resolve_command"):
        return ""
    found, inner, rest = command.resolve_command(context, left)
    if inner is None:
        return f"No such command {left[0]!r}."
    return _parsed(inner, found, [*rest, "--help"] if lenient else rest, context)


def lines(script: str) -> Iterator[str]:
    """Every `esplan …` of a shell script, up to where its command line ends."""
    joined = re.sub(r"\\\n\s*", " ", script)
    for line in joined.splitlines():
        for found in re.finditer(r"(?:^|[;&|({]|\bthen\b|\bdo\b)\s*(esplan .*)", line.strip()):
            yield shlex.join(_until_end(found[1]))


def _until_end(line: str) -> list[str]:
    words = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
    words.whitespace_split = True
    found: list[str] = []
    for word in words:
        if set(word) <= set("();<>|&"):
            redirected = word.startswith((">", "<")) and found[-1].isdigit()
            return found[:-1] if redirected else found
        found.append(word)
    return found
