"""The command line before Typer sees it: global options work in any place."""

from __future__ import annotations

from esplan.errors import UsageError

WITH_VALUE = ("--url", "--cloud-id", "--env", "--config")
FLAGS = ("--insecure", "--no-color", "--json", "-q", "--quiet", "-v", "--verbose")

HELP = "see esplan --help"

DEFAULT_OUTPUT = "-"
"""Stands for `-o` without a path: a file under `plans/`."""


def arranged(arguments: list[str]) -> list[str]:
    """Global options first, and `-o` without a path given its stand-in.

    Typer knows global options only before the command; people write them after it. Raises
    UsageError for a global option without its value.
    """
    first: list[str] = []
    rest: list[str] = []
    queue = list(arguments)
    while queue:
        word = queue.pop(0)
        if word == "--":
            rest += [word, *queue]
            break
        if word in FLAGS or word.startswith(tuple(f"{name}=" for name in WITH_VALUE)):
            first.append(word)
        elif word in WITH_VALUE:
            if not queue:
                raise UsageError(
                    f"Option '{word}' requires an argument.", code="ESP-1001", remedy=HELP
                )
            first += [word, queue.pop(0)]
        elif word in ("-o", "--output") and (not queue or queue[0].startswith("-")):
            rest += [word, DEFAULT_OUTPUT]
        else:
            rest.append(word)
    return first + rest
