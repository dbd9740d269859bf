"""Plain data as a YAML file for people and for version control."""

from __future__ import annotations

import json
import re
from functools import cache
from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from esplan.model import JSON

WIDEST = 10_000
"""Characters of a line before it is broken: names are never broken."""

SHORT = 64
"""Characters of JSON that are shown on one line, in braces."""

NEVER = 1_000
"""A depth that no document has."""

LINES = re.compile(r"(?!\s)(?:[ -~]*[!-~])?(?:\n(?:[ -~]*[!-~])?)+", re.ASCII)
"""Text of several lines that a block of lines can hold as it is."""

PLAIN = re.compile(r"[\w$./][\w$./@%+*() -]*", re.ASCII)
"""Text without any sign that YAML could take for its own."""


def dumps(document: JSON, *, inline: int = NEVER) -> str:
    """The document in block style, in its own order, without the last line break.

    A string is quoted where a reader of YAML 1.1 or 1.2 would take it for something else, as
    `off`, and where it holds a placeholder. What lies `inline` levels deep, or deeper, and is
    short stands on one line.
    """
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = WIDEST
    stream = StringIO()
    yaml.dump(_quoted(document, inline), stream)
    return stream.getvalue().rstrip("\n")


def _quoted(value: Any, inline: int) -> Any:
    if not isinstance(value, dict | list):
        return _text(value) if isinstance(value, str) else value
    if inline <= 0 and value and _is_short(value):
        return _in_line(value)
    if isinstance(value, dict):
        return {_word(name): _quoted(inner, inline - 1) for name, inner in value.items()}
    return [_quoted(inner, inline - 1) for inner in value]


def _is_short(value: Any) -> bool:
    said = json.dumps(value, ensure_ascii=False)
    return len(said) <= SHORT and "\\n" not in said


def _in_line(value: Any) -> Any:
    """The value in braces, where more signs mean something than in lines of their own."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if isinstance(value, dict | list):
        whole = (
            CommentedMap((_in_line(name), _in_line(inner)) for name, inner in value.items())
            if isinstance(value, dict)
            else CommentedSeq(map(_in_line, value))
        )
        whole.fa.set_flow_style()
        return whole
    if isinstance(value, str):
        return _word(value) if PLAIN.fullmatch(value) else DoubleQuotedScalarString(value)
    return value


def _text(text: str) -> str:
    from ruamel.yaml.scalarstring import LiteralScalarString

    if "\n" in text and LINES.fullmatch(text):
        lines: str = LiteralScalarString(text)
        return lines
    return _word(text)


@cache
def _word(text: str) -> str:
    from ruamel.yaml.resolver import implicit_resolvers
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    meanings = (regexp for _versions, _tag, regexp, _first in implicit_resolvers)
    if "{" in text or any(regexp.match(text) for regexp in meanings):
        quoted: str = DoubleQuotedScalarString(text)
        return quoted
    return text
