"""Index name patterns: `classes_{color}`, `classes-{generation}`, `customer-{run_id}`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from esplan.model import Naming
from esplan.schema import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DEFAULT_COLORS = ("green", "blue")
LONGEST_NAME = 255
"""Bytes (Elasticsearch, MetadataCreateIndexService.MAX_INDEX_NAME_BYTES)."""

SHAPES = {
    "generation": "[0-9]+",
    "date": "[0-9][0-9.-]*",
    "run_id": "(?:[a-z_]+__)?[0-9][0-9tz.,+_-]*",
}
"""What a placeholder may stand for, as a regular expression. {color} has its own values."""

PLACEHOLDERS = ("color", "generation", "date")
LOADED = ("run_id", "index_base")
"""Placeholders of an index that a loader makes."""

TOKEN = re.compile(r"(?<!\$)\{([^{}]*)\}")
BRACE = re.compile(r"[{}]")
UNPAIRED = "a { or } without its pair in the index name"


def naming(pattern: str, colors: Sequence[str] | None) -> Naming:
    """The model of a pattern that has no problems."""
    given = tuple(colors or DEFAULT_COLORS)
    return Naming(pattern, given if "{color}" in pattern else ())


def pattern_problems(pattern: str, colors: Sequence[str] | None) -> Iterator[str]:
    """Why no index could be named after `pattern`."""
    names = TOKEN.findall(pattern)
    yield from _unknown(names, PLACEHOLDERS, "known are {color}, {generation} and {date}")
    if "${" not in pattern and BRACE.search(TOKEN.sub("", pattern)):
        yield UNPAIRED
    elif not names:
        yield (
            f'the index name "{pattern}" has no placeholder, so a new index could not be named; '
            "add {color}, {generation} or {date}"
        )
    if colors is not None and "color" not in names:
        yield "colors are given, but the index name has no {color}"
    yield from name_problems(longest(pattern, colors or DEFAULT_COLORS))


def run_pattern_problems(pattern: str, base: str) -> Iterator[str]:
    """Why no run could be found by `pattern`; `base` is what {index_base} stands for."""
    names = TOKEN.findall(pattern)
    yield from _unknown(names, LOADED, "with `runs` known are {run_id} and {index_base}")
    if "${" not in pattern and BRACE.search(TOKEN.sub("", pattern)):
        yield UNPAIRED
    elif names.count("run_id") != 1:
        yield f'the index name "{pattern}" needs {{run_id}} once: that is how runs are found'
    elif "index_base" in names and not base:
        yield f'the index name "{pattern}" has {{index_base}}, and runs.index_base is not given'
    else:
        yield from name_problems(longest(pattern.replace("{index_base}", base), ()))


def _unknown(names: list[str], known: tuple[str, ...], otherwise: str) -> Iterator[str]:
    for name in names:
        if name == "run_id" and name not in known:
            yield "{run_id} in the index name needs `runs`: a loader makes such an index"
        elif name not in known:
            hint = nearest(name, known) or otherwise
            yield f"unknown placeholder {{{name}}} in the index name; {hint}"


def longest(pattern: str, colors: Sequence[str]) -> str:
    """The longest name that is likely to come out of the pattern."""
    sample = {"generation": "000001", "date": "2026.01.31", "run_id": "20260131t000000z"}
    sample["color"] = max(colors, key=len, default="")
    return TOKEN.sub(lambda match: sample.get(match[1], match[0]), pattern)


def name_problems(name: str, *, lower: bool = True) -> Iterator[str]:
    """What the schema's pattern cannot say about a name: bytes, and case beyond A to Z."""
    size = len(name.encode())
    if size > LONGEST_NAME:
        yield f'the name "{name[:40]}…" has {size} bytes: at most {LONGEST_NAME} are allowed'
    if name.startswith("."):
        yield f'the name "{name}" begins with a dot, as only the server\'s own indices do'
    if lower and name != name.lower():
        yield f'the index name "{name}" must be lower case'


def possible_names(one: Naming) -> str:
    """A regular expression without groups: every index name the pattern may give."""
    parts = TOKEN.split(one.pattern)
    choices = "|".join(re.escape(color) for color in one.colors)
    shapes = SHAPES | {"color": f"(?:{choices})"}
    return "".join(
        shapes.get(part, re.escape(part)) if at % 2 else re.escape(part)
        for at, part in enumerate(parts)
    )
