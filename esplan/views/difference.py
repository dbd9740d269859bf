"""Two definitions as lines that stay, go and come."""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

CONTEXT = 3
"""Lines around a difference."""

LONGEST = 4_000
"""Lines of a definition that are compared; longer ones are only shown."""


@dataclass(frozen=True)
class Line:
    """`sign`: `+`, `-`, a blank, or `@` where lines are left out."""

    sign: str
    text: str


def pretty(value: Any) -> str:
    """JSON for people: sorted, indented."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)


def lines(before: Any, after: Any) -> list[Line]:
    """What differs, with a little around it; nothing where nothing does, or it is too long."""
    old, new = pretty(before).split("\n"), pretty(after).split("\n")
    if old == new or max(len(old), len(new)) > LONGEST:
        return []
    found: list[Line] = []
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(CONTEXT):
        if found or group[0][1]:
            found.append(Line("@", f"line {group[0][3] + 1}"))
        for tag, first, last, start, end in group:
            if tag == "equal":
                found += [Line(" ", one) for one in old[first:last]]
                continue
            found += [Line("-", one) for one in old[first:last]]
            found += [Line("+", one) for one in new[start:end]]
    return found
