"""YAML 1.2 with positions, built from ruamel.yaml's events.

Only the core schema: `on`, `no` and dates are strings. Events rather than the loader, because
depth, expansion and tags are then refused before anything is built from them.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field, replace
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
    from collections.abc import Iterator, Mapping

    from esplan.codes import Code
    from esplan.source.node import Problem

    Parsed = tuple[Node | None, list[Problem]]

MOST_NODES = 100_000
"""Values in one file after every alias was expanded: far above any desired file."""

CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
DECIMAL = re.compile(r"[-+]?[0-9]+")
OCTAL = re.compile(r"0o[0-7]+")
HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
REAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
STRING_TAGS = ("!", "tag:yaml.org,2002:str")
MERGE = "<<"

UNLIKE = re.compile(r"[\t\r\x85\u2028\u2029\ufeff]|^(?:---|\.\.\.|%)|(?:^|[\s\[{,])!", re.MULTILINE)
"""What libyaml, a parser of YAML 1.1, reads or places otherwise: breaks, markers, tags, tabs."""


def parse(text: str) -> Parsed:
    """The root (None: nothing in it), and what is wrong in a file that is otherwise readable.

    Raises Unreadable at the first place that is not YAML, or not safe to build.
    """
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    found = None if UNLIKE.search(text) else _quickly(text)
    if found is not None:
        return found
    try:
        return _document(text, pure=True)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise Unreadable(place, f"not YAML: {_reason(error)}") from None
    except (YAMLError, ValueError, OverflowError) as error:
        raise Unreadable((1, 1), f"not YAML: {str(error).splitlines()[0]}") from None


def _reason(error: Any) -> str:
    """The parser's problem, after what it was doing then."""
    parts = (str(part).strip() for part in (error.context, error.problem) if part)
    return ", ".join(part.splitlines()[0] for part in parts if part)


def _quickly(text: str) -> Parsed | None:
    """By libyaml, 18 times as fast. None where anything is wrong: it says less about it."""
    from ruamel.yaml.error import YAMLError

    try:
        found = _document(text, pure=False)
    except (YAMLError, ValueError, OverflowError, Unreadable):
        return None
    return None if found[1] else found


def _document(text: str, *, pure: bool) -> Parsed:
    from ruamel.yaml import YAML
    from ruamel.yaml.events import DocumentStartEvent, NodeEvent

    events = YAML(typ="safe", pure=pure).parse(text)
    builder, root, documents = _Builder(events), None, 0
    for event in events:
        if isinstance(event, DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise Unreadable(_mark(event), "a second document: only one a file is allowed")
        elif isinstance(event, NodeEvent):
            root = builder.node(event, 0)
    return root, builder.problems


def _mark(event: Any) -> Mark:
    return event.start_mark.line + 1, event.start_mark.column + 1


@dataclass
class _Builder:
    events: Iterator[Any]
    anchors: dict[str, Node | None] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    built: int = 0

    def node(self, event: Any, depth: int) -> Node:
        """The node that begins with `event`; its other events are consumed."""
        from ruamel.yaml.events import AliasEvent

        if depth > DEEPEST:
            message = f"the nesting is deeper than {DEEPEST} levels"
            raise Unreadable(_mark(event), message, code="ESP-2104")
        if isinstance(event, AliasEvent):
            return self.counted(event, self.alias(event))
        if event.anchor:
            self.anchors[event.anchor] = None
        node = self.content(event, depth)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def counted(self, event: Any, node: Node) -> Node:
        """Every value counts once for each place where it appears."""
        self.built += node.size
        if self.built > MOST_NODES:
            message = f"more than {MOST_NODES:,} values, aliases expanded"
            remedy = "split the file, or use fewer aliases"
            raise Unreadable(_mark(event), message, remedy, code="ESP-2104")
        return node

    def alias(self, event: Any) -> Node:
        name = event.anchor
        if name not in self.anchors:
            raise Unreadable(_mark(event), f"the alias *{name} has no anchor &{name} before it")
        node = self.anchors[name]
        if node is None:
            raise Unreadable(_mark(event), f"the alias *{name} contains itself")
        return node

    def content(self, event: Any, depth: int) -> Node:
        from ruamel.yaml.events import MappingStartEvent, ScalarEvent, SequenceStartEvent

        if isinstance(event, ScalarEvent):
            return self.counted(event, self.scalar(event))
        if event.tag is not None:
            self.problem(_mark(event), f"the tag {_shown(event.tag)} is not allowed")
        self.counted(event, Node(None, _mark(event)))
        if isinstance(event, MappingStartEvent):
            return self.mapping(_mark(event), depth)
        if isinstance(event, SequenceStartEvent):
            return sequence(_mark(event), list(self.items(depth)))
        raise Unreadable(_mark(event), "not YAML: expected a value")

    def scalar(self, event: Any) -> Node:
        mark, text, tag = _mark(event), event.value, event.tag
        code: Code = "ESP-2103"
        if problem := text_problem(text):
            code = "ESP-2102"
        if tag is not None and tag not in STRING_TAGS:
            problem = f"the tag {_shown(tag)} is not allowed"
        value: Any = text
        if tag is None and event.implicit[0]:
            value, number = resolve(text)
            problem = problem or number
        if problem:
            self.problem(mark, problem, code)
        return Node(value, mark)

    def items(self, depth: int) -> Iterator[Node]:
        from ruamel.yaml.events import SequenceEndEvent

        for event in self.events:
            if isinstance(event, SequenceEndEvent):
                return
            yield self.node(event, depth + 1)

    def mapping(self, start: Mark, depth: int) -> Node:
        from ruamel.yaml.events import MappingEndEvent

        children: dict[str, Node] = {}
        keys: dict[str, Mark] = {}
        merged: dict[str, tuple[Node, Mark]] = {}
        for event in self.events:
            if isinstance(event, MappingEndEvent):
                break
            name = self.key(event, depth)
            child = self.node(next(self.events), depth + 1)
            if child.value is None:  # the parser has no place for a value that is not there
                child = replace(child, mark=_mark(event))
            if name == MERGE and event.implicit[0]:
                merged = self.merge(child) | merged
            elif name is not None and name in keys:
                self.problem(_mark(event), duplicate(name, keys[name]), "ESP-2105")
            elif name is not None:
                children[name], keys[name] = child, _mark(event)
        return _with_merged(start, children, keys, merged)

    def key(self, event: Any, depth: int) -> str | None:
        """The name; None for a key that is no string, which is a problem."""
        node = self.node(event, depth + 1)
        if isinstance(node.value, str):
            return node.value
        shown = json.dumps(node.value)[:40] if not node.children else "a list or an object"
        self.problem(_mark(event), f"the key {shown} is not a string: put it in quotes")
        return None

    def merge(self, node: Node) -> dict[str, tuple[Node, Mark]]:
        """`<<: *base`: the keys of one object or several, the first one wins."""
        sources = list(node.children.values()) if isinstance(node.value, list) else [node]
        merged: dict[str, tuple[Node, Mark]] = {}
        for source in reversed(sources):
            if not isinstance(source.value, dict):
                self.problem(source.mark, "<< takes an object or a list of objects")
                continue
            merged |= {name: (source.children[name], mark) for name, mark in source.keys.items()}
        return merged

    def problem(self, mark: Mark, message: str, code: Code = "ESP-2103") -> None:
        self.problems.append((mark, message, code))


def _with_merged(
    start: Mark,
    children: dict[str, Node],
    keys: dict[str, Mark],
    merged: Mapping[str, tuple[Node, Mark]],
) -> Node:
    """An object's own keys win over merged ones."""
    extra = {name: part for name, part in merged.items() if name not in keys}
    more = {name: node for name, (node, _) in extra.items()}
    places = {name: mark for name, (_, mark) in extra.items()}
    return mapping(start, more | children, places | keys)


def resolve(text: str) -> tuple[Any, str]:
    """A plain scalar's value by YAML 1.2's core schema (§10.3.2), and what is wrong with it."""
    if text in CONSTANTS:
        return CONSTANTS[text], ""
    if NOT_FINITE.fullmatch(text):
        return None, f"{text} is not a JSON value"
    if len(text) > LONGEST_NUMBER and REAL.fullmatch(text):
        return None, "the number is too long"
    for pattern, base in ((DECIMAL, 10), (OCTAL, 8), (HEXADECIMAL, 16)):
        if pattern.fullmatch(text):
            return int(text.removeprefix("0o") if base == 8 else text, base), ""  # noqa: PLR2004  (octal)
    if not REAL.fullmatch(text):
        return text, ""
    value = float(text)
    return (value, "") if math.isfinite(value) else (None, "the number is too large")


def _shown(tag: Any) -> str:
    return str(tag).replace("tag:yaml.org,2002:", "!!")
