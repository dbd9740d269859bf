"""Plain data as a YAML file for people and for version control."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from esplan.model import JSON

WIDEST = 10_000
"""Characters of a line before it is broken: names are never broken."""


def dumps(document: JSON) -> str:
    """The document in block style, in its own order, without the last line break.

    A string is quoted where a reader of YAML 1.1 or 1.2 would take it for something else, as
    `off`, and where it holds a placeholder.
    """
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = WIDEST
    stream = StringIO()
    yaml.dump(_quoted(document), stream)
    return stream.getvalue().rstrip("\n")


def _quoted(value: Any) -> Any:
    if isinstance(value, dict):
        return {_quoted(name): _quoted(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_quoted(inner) for inner in value]
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    from ruamel.yaml.resolver import implicit_resolvers
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    meanings = (regexp for _versions, _tag, regexp, _first in implicit_resolvers)
    if "{" in text or any(regexp.match(text) for regexp in meanings):
        quoted: str = DoubleQuotedScalarString(text)
        return quoted
    return text
