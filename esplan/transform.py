"""What a copy does to its documents (`migrate`): its script, as the server gets it, and its digest.

`rename` and `drop` become Painless that runs before the user's own script. The text of it is always
the same and takes the paths from the parameters, so that the server compiles it once.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from esplan.model import JSON, Migrate

OWN = "esplan"
"""The parameter that holds the paths of `rename` and `drop`; a user's script cannot have it."""

RENAME = (
    "for (def one : params.esplan.rename) "
    "{ esplanRename(ctx._source, one.common, 0, one.old, one.named) }"
)
DROP = "for (def path : params.esplan.drop) { esplanDrop(ctx._source, path, 0) }"

WRITES_INDEX = re.compile(
    r"""(?<!\w)_index['"]?\s*\]?\s*=[^=~] | ['"]_index['"]\s*,
    | metadata\s*\(.*\.\s*(?:index\s*=[^=~]|setIndex\s*\()""",
    re.VERBOSE | re.DOTALL,
)
"""A script that sends documents to another index than the new one."""

DECLARATION = re.compile(
    r"[A-Za-z_][\w.]*(?:\s*\[\s*\])*\s+[A-Za-z_]\w*\s*\([\w\s,.\[\]]*\)\s*(?=\{)"
)
"""The head of a function: type, name, parameters."""

SKIPPED = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)+", re.DOTALL)

TOKEN = re.compile(
    r"""
    //[^\n]* | /\*.*?\*/                               # comments
    | "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*'            # text
    | (?:(?<=[(,=:\[!&|?{};~])|(?<=return))\s*/(?![/*])(?:\\.|[^/\\\n])+/  # a pattern, not a slash
    | [{}]
    """,
    re.VERBOSE | re.DOTALL,
)


def is_declared(migrate: Migrate) -> bool:
    """Whether documents do not come out of the copy as they went in, or not all of them."""
    return bool(
        migrate.script or migrate.pipeline or migrate.query or migrate.rename or migrate.drop
    )


def digest(migrate: Migrate) -> str:
    """What an index remembers of the transform of its documents: 32 hex digits; empty for none."""
    if not is_declared(migrate):
        return ""
    parts = [
        migrate.script,
        migrate.pipeline,
        migrate.query,
        [list(one) for one in migrate.rename],
        list(migrate.drop),
    ]
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def none(migrate: Migrate) -> Migrate:
    """The same way of copying, with nothing that changes documents."""
    nothing: dict[str, Any] = dict.fromkeys(("script", "query", "inverse"))
    return replace(migrate, **nothing, pipeline="", rename=(), drop=())


def script(migrate: Migrate) -> JSON | None:
    """The script of `_reindex`, with that of `rename` and `drop`; None where there is none."""
    own = _own(migrate)
    given = migrate.script or {"source": "", "params": {}}
    if not own:
        return {"lang": "painless", **given} if migrate.script else None
    functions, body = parted(given["source"])
    wanted = [name for name in ("rename", "drop") if own[name]]
    calls = [RENAME if name == "rename" else DROP for name in wanted]
    texts = [*(_functions(FILES[name]) for name in wanted), functions, *calls, body]
    source = "\n".join([*filter(None, texts), ""])  # a comment at the very end is an error
    return {"lang": "painless", "source": source, "params": {**given["params"], OWN: own}}


def inverse(migrate: Migrate) -> JSON | None:
    """What a rollback needs to know of a transform: `script`, where one is needed to go back.

    `drops`: what no script brings back. None where nobody has said how to go back.
    """
    if migrate.inverse:
        return {"script": {"lang": "painless", **migrate.inverse}}
    if migrate.script or migrate.pipeline:
        return None
    back = tuple((new, old) for old, new in reversed(migrate.rename))
    undone = script(replace(none(migrate), rename=back))
    parts = {"script": undone, "drops": list(migrate.drop)}
    return {name: part for name, part in parts.items() if part}


FILES = {"rename": "rename.painless", "drop": "transform.painless"}


def drop_functions() -> str:
    """The functions that take paths out of a document."""
    return _functions(FILES["drop"])


@cache
def _functions(file: str) -> str:
    """Without comments: the text is a part of plans."""
    text = resources.files("esplan").joinpath(file).read_text(encoding="utf-8")
    return re.sub(r"^\s*//[^\n]*\n", "", text, flags=re.MULTILINE).strip()


def _own(migrate: Migrate) -> JSON:
    """The paths as lists of names; {} where there are none."""
    if not migrate.rename and not migrate.drop:
        return {}
    renames = [_renamed(old.split("."), new.split(".")) for old, new in migrate.rename]
    return {"rename": renames, "drop": [path.split(".") for path in migrate.drop]}


def _renamed(old: list[str], named: list[str]) -> JSON:
    """The names that both paths begin with, and the rest of each: never nothing."""
    most = min(len(old), len(named)) - 1
    end = next((at for at in range(most) if old[at] != named[at]), most)
    return {"common": old[:end], "old": old[end:], "named": named[end:]}


def parted(source: str) -> tuple[str, str]:
    """The functions that a script begins with, and the rest of it."""
    at = end = 0
    while True:
        if blank := SKIPPED.match(source, at):
            at = blank.end()
        head = DECLARATION.match(source, at)
        if not head:
            return source[:end].strip(), source[end:].strip()
        at = end = _closed(source, head.end())


def _closed(source: str, opening: int) -> int:
    """Behind the brace that closes the one at `opening`; the end where none does."""
    depth = 0
    for token in TOKEN.finditer(source, opening):
        depth += {"{": 1, "}": -1}.get(token.group(), 0)
        if depth == 0 and token.group() == "}":
            return token.end()
    return len(source)


def writes_elsewhere(source: str) -> bool:
    """Whether a script says to which index a document goes."""
    return bool(WRITES_INDEX.search(source))
