"""What may stand at the cursor of a command line: commands, options, and what files name."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Any

from esplan.cli.line import is_option, long_name, read
from esplan.commands import completion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from esplan.cli.line import Line

SAFE = re.compile(r"[\w./+%,-]+")
"""What each shell takes for nothing but itself: names in files are hostile, no others come here."""

FILES = ":files"
"""The last line of an answer where a file may stand there too; else it is NOTHING."""

NOTHING = ":"

HELP = ("--help", "Show this message and exit.")
WIDEST = 60
"""Characters of a command's help."""


def _config(line: Line) -> str:
    return next(iter(line.values("--config")), "")


def _environments(line: Line) -> list[str]:
    return completion.environments(_config(line))


def _plans(_line: Line) -> list[str]:
    return completion.plans()


def _addresses(line: Line) -> list[str]:
    """Of the files that this line names; where it names none, of its plan."""
    plan, env = next(iter(line.arguments), ""), next(iter(line.values("--env")), "")
    return completion.addresses(line.values("--desired"), plan, config=_config(line), env=env)


OPTIONS: dict[str, Callable[[Line], list[str]]] = {
    "--env": _environments,
    "--plan": _plans,
    **dict.fromkeys(("--target", "--exclude"), _addresses),
    **dict.fromkeys(
        (f"--allow-{what}" for what in ("close", "delete", "discard", "drop")), _addresses
    ),
    **dict.fromkeys(("--only", "--skip", "--explain"), lambda _line: completion.checks()),
    "--engine": lambda _line: completion.engines(),
}
"""Where the values of an option come from, unless it has choices."""

ARGUMENTS: dict[str, Callable[[Line], list[str]]] = {
    "plan": _plans,
    "codes": lambda _line: completion.codes(),
}
WITH_FILES = frozenset({"output"})
"""Parameters that take a path, though their type does not say so."""


def answer(root: Any, typed: str) -> list[str]:
    """The lines for a shell: a word, a tab, what it means; then FILES or NOTHING.

    Never raises: an error would stand in the middle of the command line.
    """
    try:
        return list(_lines(read(root, typed)))
    except Exception:  # noqa: BLE001  (see above)
        return [NOTHING]


def _lines(line: Line) -> Iterator[str]:
    prefix = ""
    if line.pending is not None and line.word.startswith("--"):
        prefix = f"{line.word.partition('=')[0]}="
    offered = {word: meaning for word, meaning in _offers(line) if SAFE.fullmatch(word)}
    for word, meaning in offered.items():
        if f"{prefix}{word}".startswith(line.word):
            yield f"{prefix}{word}\t{' '.join(meaning.split())}"
    yield FILES if _takes_files(line) else NOTHING


def _offers(line: Line) -> Iterator[tuple[str, str]]:
    parameter = _parameter(line)
    if parameter is not None:
        yield from ((word, "") for word in values(line, parameter))
    elif line.word.startswith("-") and not line.only_arguments:
        yield from _options(line)
    else:
        commands = line.commands.items()
        yield from ((name, one.get_short_help_str(WIDEST)) for name, one in commands)


def _parameter(line: Line) -> Any:
    """The option or argument whose value is at the cursor; None where it is none."""
    if line.pending is not None:
        return line.pending
    if line.word.startswith("-") and not line.only_arguments:
        return None
    left = [one for one in line.command.params if not is_option(one)]
    for _ in line.arguments:
        if left and left[0].nargs != -1:
            left.pop(0)
    return left[0] if left else None


def values(line: Line, parameter: Any) -> list[str]:
    """What is known of a parameter's values."""
    choices = parameter.type_descriptor.choices
    if choices:
        return [str(one.value if isinstance(one, Enum) else one) for one in choices]
    known = OPTIONS.get(long_name(parameter)) if is_option(parameter) else None
    found = known or (None if is_option(parameter) else ARGUMENTS.get(parameter.name))
    return found(line) if found else []


def _takes_files(line: Line) -> bool:
    parameter = _parameter(line)
    return parameter is not None and takes_files(parameter)


def takes_files(parameter: Any) -> bool:
    """Whether its value is a path."""
    kind = parameter.type_descriptor
    return bool(kind.is_path or kind.envvar_list_splitter or parameter.name in WITH_FILES)


def _options(line: Line) -> Iterator[tuple[str, str]]:
    """Those that are not there yet, or may be there again."""
    for one in line.parameters:
        if is_option(one) and (one.multiple or not line.values(long_name(one))):
            yield from ((name, one.help or "") for name in one.opts)
    yield HELP
