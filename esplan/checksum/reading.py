"""How the documents of a side are read: as they are, or as the transform of a copy makes them.

The proof runs the very script of the copy on every document of the source, in memory, and hashes
what comes out. So what a script renames, splits, computes, leaves out or gives another id is proven
as exactly as a plain copy. What a script is given (`ctx`) and what the server makes of its values
was seen on Elasticsearch 8.16.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from esplan import transform

if TYPE_CHECKING:
    from esplan.model import JSON

FUNCTION = re.compile(r"^[a-zA-Z][\w\[\]]* (\w+)\(", re.MULTILINE)


@dataclass(frozen=True)
class Reading:
    """`script`: `source` and `params` of the copy. `query`: the documents that are read.

    `ignore`: paths that are left out. With none of the three, documents are read as they are.
    """

    script: JSON | None = None
    query: JSON | None = None
    ignore: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether documents are read otherwise than they are."""
        return bool(self.script or self.ignore)

    def within(self, query: JSON) -> JSON:
        """A query, and the one that says which documents are read."""
        return {"bool": {"filter": [query, self.query]}} if self.query else query

    def of_target(self) -> Reading:
        """How the other side is read: all of it, and as it is but for what is left out."""
        return Reading(ignore=self.ignore)

    def to_json(self) -> JSON:
        """For a plan; {} where documents are read as they are."""
        parts = {"script": self.script, "query": self.query, "ignore": list(self.ignore)}
        return {name: part for name, part in parts.items() if part}

    def parameters(self, index: str, *, show: bool) -> JSON:
        """What the text of the hash reads as `params.reading`."""
        return {
            "index": index,
            "params": (self.script or {}).get("params", {}),
            "ignore": [path.split(".") for path in self.ignore],
            "show": show,
        }


PLAIN = Reading()


def from_json(raw: JSON) -> Reading:
    """What a plan holds."""
    return replace(PLAIN, **{**raw, "ignore": tuple(raw.get("ignore", ()))})


def without(document: JSON, ignore: tuple[str, ...]) -> JSON:
    """A document without these paths, as the cluster's hash reads it; the given one is changed."""
    for path in ignore:
        _drop(document, path.split("."))
    return document


def _drop(value: Any, path: list[str]) -> None:
    if isinstance(value, list):
        for one in value:
            _drop(one, path)
    if not isinstance(value, dict):
        return
    for at in range(1, len(path) + 1):
        name = ".".join(path[:at])
        inner = value.get(name)
        if at == len(path):
            value.pop(name, None)
        elif inner:
            _drop(inner, path[at:])
            if inner == {}:
                del value[name]


def text(script: JSON | None) -> str:
    """The painless source of the hash of documents that are not read as they are."""
    return _text(script["source"] if script else "")


@cache
def _text(source: str) -> str:
    functions, body = transform.parted(source)
    drop = "" if "esplanDrop(" in functions else transform.drop_functions()
    own, main = _own_functions(), _own("transformed.painless")
    called = f"void esplanTransform(Map ctx, Map params) {{\n{body or 'return;'}\n}}"
    return "\n".join((own[0], drop, functions, called, own[1](main)))


@cache
def _own_functions() -> Any:
    """The functions of the hash by names that no user's function has, and how they are called."""
    whole = _own("checksum.painless")
    names = "|".join(FUNCTION.findall(whole))

    def renamed(text: str) -> str:
        return re.sub(rf"\b({names})\(", r"esplanHash_\1(", text)

    return f"{renamed(whole)}\n{_own('reading.painless')}", renamed


@cache
def _own(file: str) -> str:
    package = resources.files("esplan.checksum")
    return package.joinpath(file).read_text(encoding="utf-8")
