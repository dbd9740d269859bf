"""`${var}` in the strings and keys of desired files."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from esplan.errors import Diagnostic
from esplan.schema import nearest
from esplan.source import Document, Mark, Node, json_path
from esplan.source.node import mapping, sequence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from esplan.codes import Code
    from esplan.source.node import Path

TOKEN = re.compile(r"\$\$\{|\$\{([^{}]*)(\}?)")
SECTIONS = ("aliases", "indices")


def substitute(
    document: Document, variables: Mapping[str, str] | None
) -> tuple[Document, list[Diagnostic]]:
    """The document with every `${var}` replaced, once, and `$${` turned into a plain `${`.

    Without an environment `variables` is None. What cannot be replaced stays and is reported.
    Only what stands under `aliases` and `indices` is looked at.
    """
    pass_ = _Pass(document.file, variables)
    root = document.root
    if not isinstance(root.value, dict) or "${" not in json.dumps(root.value):
        return document, []
    sections = {
        str(name): pass_.node(child, (name,)) if name in SECTIONS else child
        for name, child in root.children.items()
    }
    new = mapping(root.mark, sections, root.keys)
    return replace(document, root=new), pass_.problems


@dataclass
class _Pass:
    file: str
    variables: Mapping[str, str] | None
    problems: list[Diagnostic] = field(default_factory=list)

    def node(self, node: Node, path: Path) -> Node:
        if isinstance(node.value, str):
            return replace(node, value=self.text(node.value, node.mark, path))
        if isinstance(node.value, dict):
            return self.object(node, path)
        if isinstance(node.value, list):
            items = [self.node(child, (*path, at)) for at, child in node.children.items()]
            return sequence(node.mark, items)
        return node

    def object(self, node: Node, path: Path) -> Node:
        children: dict[str, Node] = {}
        keys: dict[str, Mark] = {}
        for name, mark in node.keys.items():
            new = self.text(name, mark, (*path, name))
            if new in keys:
                message = f'the key "{new}" is already on line {keys[new][0]}, after ${{…}}'
                self.report("ESP-2105", mark, (*path, name), message)
            children[new], keys[new] = self.node(node.children[name], (*path, new)), mark
        return mapping(node.mark, children, keys)

    def text(self, text: str, mark: Mark, path: Path) -> str:
        def value(match: re.Match[str]) -> str:
            name, closed = match[1], match[2]
            if name is None:
                return "${"
            if closed and self.variables is not None and name in self.variables:
                return self.variables[name]
            self.report("ESP-2301", mark, path, *self.unknown(name, closed=bool(closed)))
            return match[0]

        return TOKEN.sub(value, text) if "${" in text else text

    def unknown(self, name: str, *, closed: bool) -> tuple[str, str]:
        """The message and the remedy."""
        plain = "write $${ for a plain ${"
        if not closed:
            return f"${{ without its }}; {plain}", plain
        if self.variables is None:
            return f"${{{name}}}: no environment is chosen", "choose one with --env"
        near = nearest(name, self.variables) or "give it under vars in esplan.yaml"
        return f"unknown variable ${{{name}}}; {near}", plain

    def report(self, code: Code, mark: Mark, path: Path, message: str, remedy: str = "") -> None:
        found = Diagnostic(self.file, *mark, message, json_path(path), remedy, code=code)
        self.problems.append(found)
