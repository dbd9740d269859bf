"""Index name patterns: `classes_{color}`, `classes-{generation}`, `classes-{date}`."""

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

SHAPES = {"generation": "[0-9]+", "date": "[0-9][0-9.-]*"}
"""What a placeholder may stand for, as a regular expression. {color} has its own values."""

PLACEHOLDERS = ("color", *SHAPES)
TOKEN = re.compile(r"(?<!\$)\{([^{}]*)\}")
BRACE = re.compile(r"[{}]")


def naming(pattern: str, colors: Sequence[str] | None) -> Naming:
    """The model of a pattern that has no problems."""
    given = tuple(colors or DEFAULT_COLORS)
    return Naming(pattern, given if "{color}" in pattern else ())


def pattern_problems(pattern: str, colors: Sequence[str] | None) -> Iterator[str]:
    """Why no index could be named after `pattern`."""
    names = TOKEN.findall(pattern)
    for name in names:
        if name not in PLACEHOLDERS:
            known = nearest(name, PLACEHOLDERS) or "known are {color}, {generation} and {date}"
            yield f"unknown placeholder {{{name}}} in the index name; {known}"
    if "${" not in pattern and BRACE.search(TOKEN.sub("", pattern)):
        yield "a { or } without its pair in the index name"
    elif not names:
        yield (
            f'the index name "{pattern}" has no placeholder, so a new index could not be named; '
            "add {color}, {generation} or {date}"
        )
    if colors is not None and "color" not in names:
        yield "colors are given, but the index name has no {color}"
    yield from name_problems(longest(pattern, colors or DEFAULT_COLORS))


def longest(pattern: str, colors: Sequence[str]) -> str:
    """The longest name that is likely to come out of the pattern."""
    sample = {"color": max(colors, key=len), "generation": "000001", "date": "2026.01.31"}
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
