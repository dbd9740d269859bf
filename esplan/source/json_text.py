"""JSON with positions: the standard decoder reads the scalars, this keeps the places.

JSON is not quite YAML 1.2 (surrogate pairs, long keys, tabs), so JSON files are read as JSON.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from esplan.source.node import (
    DEEPEST,
    LONGEST_NUMBER,
    Mark,
    Node,
    Unreadable,
    duplicate,
    mapping,
    sequence,
    text_problem,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.codes import Code
    from esplan.source.node import Problem

SPACE = re.compile(r"[ \t\n\r]*")
NEWLINE = re.compile(r"\n|\r(?!\n)")


def parse(text: str) -> tuple[Node, list[Problem]]:
    """The root, and what is wrong in a file that is otherwise readable.

    Raises Unreadable at the first place that is not JSON.
    """
    reader = _Reader(text, [0, *(match.end() for match in NEWLINE.finditer(text))])
    root, end = reader.value(reader.skip(0), 0)
    end = reader.skip(end)
    if end < len(text):
        raise reader.error(end, "the file goes on after its end: only one document is allowed")
    return root, reader.problems


def _integer(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise ValueError("the number is too long")
    return int(text)


def _real(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("the number is too large")
    return value


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")


DECODER = json.JSONDecoder(parse_int=_integer, parse_float=_real, parse_constant=_constant)


@dataclass
class _Reader:
    """A text with its line starts; methods take an offset and say where what they read ends.

    `reached`: the end of the member read last; after a list or an object, behind its bracket.
    """

    text: str
    lines: list[int]
    problems: list[Problem] = field(default_factory=list)
    reached: int = 0

    def mark(self, offset: int) -> Mark:
        line = bisect_right(self.lines, offset)
        return line, offset - self.lines[line - 1] + 1

    def error(self, offset: int, message: str, *, code: Code = "ESP-2103") -> Unreadable:
        return Unreadable(self.mark(offset), message, code=code)

    def skip(self, offset: int) -> int:
        match = SPACE.match(self.text, offset)
        return match.end() if match else offset

    def value(self, offset: int, depth: int) -> tuple[Node, int]:
        if depth > DEEPEST:
            message = f"the nesting is deeper than {DEEPEST} levels"
            raise self.error(offset, message, code="ESP-2104")
        start = self.text[offset : offset + 1]
        if start == "{":
            return self.object(offset, depth)
        if start == "[":
            return self.array(offset, depth)
        return self.scalar(offset)

    def scalar(self, offset: int) -> tuple[Node, int]:
        mark = self.mark(offset)
        try:
            value, end = DECODER.raw_decode(self.text, offset)
        except json.JSONDecodeError as error:
            raise self.error(error.pos, f"not JSON: {error.msg}") from None
        except ValueError as error:
            raise Unreadable(mark, str(error)) from None
        problem = text_problem(value) if isinstance(value, str) else ""
        if problem:
            self.problems.append((mark, problem, "ESP-2102"))
        return Node(value, mark), end

    def array(self, offset: int, depth: int) -> tuple[Node, int]:
        items = []
        for position in self.members(offset, "]"):
            item, self.reached = self.value(position, depth + 1)
            items.append(item)
        return sequence(self.mark(offset), items), self.reached

    def object(self, offset: int, depth: int) -> tuple[Node, int]:
        children: dict[str, Node] = {}
        keys: dict[str, Mark] = {}
        for position in self.members(offset, "}"):
            name, at = self.key(position)
            child, self.reached = self.value(at, depth + 1)
            mark = self.mark(position)
            if name in keys:
                self.problems.append((mark, duplicate(name, keys[name]), "ESP-2105"))
                continue
            children[name], keys[name] = child, mark
        return mapping(self.mark(offset), children, keys), self.reached

    def key(self, offset: int) -> tuple[str, int]:
        """A member's name, and where its value begins."""
        if self.text[offset : offset + 1] != '"':
            raise self.error(offset, "not JSON: expected a key in double quotes")
        node, end = self.scalar(offset)
        end = self.skip(end)
        if self.text[end : end + 1] != ":":
            raise self.error(end, "not JSON: expected ':' after the key")
        return node.value, self.skip(end + 1)

    def members(self, offset: int, close: str) -> Iterator[int]:
        """Where each member begins; the caller reads it and says in `reached` where it ends."""
        at = self.skip(offset + 1)
        if self.text[at : at + 1] == close:
            self.reached = at + 1
            return
        while True:
            yield at
            at = self.skip(self.reached)
            sign = self.text[at : at + 1]
            if sign == close:
                self.reached = at + 1
                return
            if sign != ",":
                raise self.error(at, f"not JSON: expected ',' or '{close}'")
            at = self.skip(at + 1)
