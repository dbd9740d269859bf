"""A value of an input file together with the places where it and its parts stand."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from esplan.errors import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from esplan.codes import Code, Coded

    Problem = tuple[tuple[int, int], str, Code]
    """Where, what, and its code, in a file that is otherwise readable."""

Mark = tuple[int, int]
"""Line and column, both from 1."""

Path = tuple[str | int, ...]
"""Keys and indices that lead from the root to a value."""

DEEPEST = 100
"""Levels of nesting: Elasticsearch's own limits on mappings and queries are lower."""

LONGEST_NUMBER = 400
"""Characters: a longer one is no number that JSON readers agree on."""

PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
SURROGATE = re.compile("[\ud800-\udfff]")


NOTHING: Mapping[Any, Any] = MappingProxyType({})
"""Shared by all plain values: most nodes are one."""


@dataclass(frozen=True, slots=True)
class Node:
    """A plain value, where it begins, and the nodes (by key or index) and key places of its parts.

    `size` counts the nodes in it with every alias expanded.
    """

    value: Any
    mark: Mark
    children: Mapping[Any, Node] = field(default_factory=lambda: NOTHING)
    keys: Mapping[str, Mark] = field(default_factory=lambda: NOTHING)
    size: int = 1


@dataclass(frozen=True)
class Document:
    """One input file: its name as messages show it, and what stands in it."""

    file: str
    root: Node

    @property
    def data(self) -> Any:
        """The plain value of the whole file."""
        return self.root.value

    def mark(self, path: Sequence[str | int] = (), *, key: bool = False) -> Mark:
        """Where the value at `path` (with `key`: its key) begins; else its nearest ancestor."""
        node, mark = self.root, self.root.mark
        for part in path:
            child = node.children.get(part)
            if child is None:
                return node.mark
            mark = node.keys.get(str(part), child.mark) if key else child.mark
            node = child
        return mark

    def diagnostic(
        self,
        path: Sequence[str | int],
        message: str,
        *,
        code: Coded = "",
        remedy: str = "",
        key: bool = False,
    ) -> Diagnostic:
        """A problem with the value (or the key) at `path`."""
        line, column = self.mark(path, key=key)
        return Diagnostic(self.file, line, column, message, json_path(path), remedy, code=code)


class Unreadable(Exception):
    """The rest of the file cannot be read."""

    def __init__(
        self, mark: Mark, message: str, remedy: str = "", *, code: Code = "ESP-2103"
    ) -> None:
        """Where, what, and the remedy."""
        super().__init__(message)
        self.mark, self.message, self.remedy, self.code = mark, message, remedy, code


def mapping(mark: Mark, children: Mapping[str, Node], keys: Mapping[str, Mark]) -> Node:
    """An object."""
    value = {name: child.value for name, child in children.items()}
    size = 1 + sum(child.size for child in children.values())
    return Node(value, mark, children, keys, size)


def sequence(mark: Mark, items: Sequence[Node]) -> Node:
    """A list."""
    size = 1 + sum(item.size for item in items)
    return Node([item.value for item in items], mark, dict(enumerate(items)), size=size)


def json_path(path: Sequence[str | int]) -> str:
    """`$.indices['audit-2026'].aliases[0]`."""
    return "$" + "".join(_step(part) for part in path)


def _step(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    if PLAIN.fullmatch(part):
        return f".{part}"
    quoted = json.dumps(part, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("'", "\\'")
    return f"['{quoted}']"


def text_problem(text: str) -> str:
    """Why a string cannot be sent to a server; empty when it can."""
    if SURROGATE.search(text):
        return "the string holds half of a surrogate pair, which is no character"
    return ""


def duplicate(name: str, first: Mark) -> str:
    """The message for a key that stands twice in one object."""
    return f"the key {json.dumps(name, ensure_ascii=False)} is already on line {first[0]}"
