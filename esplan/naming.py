"""The names of the concrete indices behind an alias: colours, generations, dates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from esplan.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from esplan.model import Alias, Index, Naming, State

GENERATION = r"\d{6,}"
DATE = r"\d{4}\.\d{2}\.\d{2}"
PLACEHOLDER = re.compile(r"\{(color|generation|date)\}")


def matches(naming: Naming, name: str) -> bool:
    """Whether the pattern can make this name."""
    return _regex(naming).fullmatch(name) is not None


def _regex(naming: Naming) -> re.Pattern[str]:
    colors = "|".join(re.escape(color) for color in naming.colors) or "(?!)"
    forms = {"color": f"(?:{colors})", "generation": f"({GENERATION})", "date": f"(?:{DATE})"}
    parts = PLACEHOLDER.split(naming.pattern)
    return re.compile(
        "".join(forms[part] if odd % 2 else re.escape(part) for odd, part in enumerate(parts))
    )


def next_index(alias: Alias, current: Index | None, live: State, today: date) -> str:
    """The name of the index that comes next.

    The first colour that is not the current one, the generation after the highest, today. Raises
    Refused when that name is taken: nothing is ever filled into an index that was there before.
    """
    candidates = list(_candidates(alias.naming, live, today))
    others = [name for name in candidates if current is None or name != current.name]
    free = [name for name in others if name not in live.indices and name not in live.aliases]
    if free:
        return free[0]
    raise _taken(alias, others or candidates, live)


def _candidates(naming: Naming, live: State, today: date) -> Iterable[str]:
    generation = f"{_last_generation(naming, live) + 1:06d}"
    base = naming.pattern.replace("{date}", today.strftime("%Y.%m.%d"))
    base = base.replace("{generation}", generation)
    if "{color}" not in base:
        return [base]
    return [base.replace("{color}", color) for color in naming.colors]


def _last_generation(naming: Naming, live: State) -> int:
    if "{generation}" not in naming.pattern:
        return 0
    regex = _regex(naming)
    found = (regex.fullmatch(name) for name in live.indices)
    return max((int(match[1]) for match in found if match), default=0)


def _taken(alias: Alias, names: list[str], live: State) -> Refused:
    taken = "; ".join(_described(name, alias, live) for name in names)
    return Refused(
        f"alias.{alias.name}: no name is free for the new index: {taken}",
        code="ESP-4111",
        remedy="delete the index if it is a leftover, or add another colour to `colors`",
    )


def _described(name: str, alias: Alias, live: State) -> str:
    index = live.indices.get(name)
    if index is None:
        return f"{name} is an alias"
    made = "made by esplan" if index.mark.get("address") == f"alias.{alias.name}" else "foreign"
    documents = "an unknown number of" if index.documents is None else str(index.documents)
    return f"{name} exists ({made}, {documents} documents, UUID {index.uuid})"
