"""Indices that once served an alias and do not any more: old colours, generations, runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from esplan import runs
from esplan.errors import InvalidRunIds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.model import Index, State

    Homes = dict[str, tuple[str, str, datetime | None]]
    """By pattern: an alias, the index that it is on, and that index's run."""

COLORS = tuple("green blue red yellow black white orange purple pink".split())
COLOR = re.compile(rf"(?<=[-_.])(?:{'|'.join(COLORS)})$")
NUMBER = re.compile(r"(?<=[-_.])\d{6}$")
OLDEST = datetime.min.replace(tzinfo=UTC)
SEPARATOR = re.compile(r"[-_.]")
RUN = re.compile(r"(?:\A|(?<=[-_.]))(?=\d{4}|[a-z_]+__)")
"""Where a run id may begin; see `runs.LOOKS`."""


@dataclass(frozen=True)
class Family:
    """What an index name has in common with its siblings: `classes_{color}`, and its run."""

    pattern: str
    run: datetime | None = None


@dataclass(frozen=True)
class Leftover:
    """An index that no alias is on, the alias that it served, and who serves that now."""

    index: Index
    alias: str
    served_by: str


def leftovers(state: State) -> list[Leftover]:
    """Every leftover, by name.

    Told by esplan's mark, or by a name that differs from that of an index behind an alias only
    in a colour, an older number, or an older run. A newer one is a release to come.
    """
    served = {alias.name: alias.indices for alias in state.aliases.values()}
    homes = _homes(served)
    found = (_leftover(one, served, homes) for one in state.indices.values() if not one.aliases)
    return sorted(filter(None, found), key=lambda one: one.index.name)


def _homes(served: dict[str, tuple[str, ...]]) -> Homes:
    """Of several runs or generations the oldest: newer ones wait for its alias."""
    found = [
        ((family.pattern, family.run or OLDEST, name), (alias, name, family.run))
        for alias, names in served.items()
        for name in names
        if (family := family_of(name))
    ]
    newest_first = sorted(found, key=lambda pair: pair[0], reverse=True)
    return {pattern: home for (pattern, _, _), home in newest_first}


def _leftover(index: Index, served: dict[str, tuple[str, ...]], homes: Homes) -> Leftover | None:
    address = str(index.mark.get("address", ""))
    marked = address.removeprefix("alias.")
    if address.startswith("alias.") and marked in served:
        return Leftover(index, marked, served[marked][0])
    family = family_of(index.name)
    if family is None or family.pattern not in homes or _is_newer(family, index.name, homes):
        return None
    alias, name, _ = homes[family.pattern]
    return Leftover(index, alias, name)


def _is_newer(family: Family, name: str, homes: Homes) -> bool:
    """Whether a run or a generation comes after the one that is served. Colours have no order."""
    _, served, run = homes[family.pattern]
    if family.run and run:
        return family.run > run
    return family.pattern.endswith("{generation}") and name > served


def family_of(name: str) -> Family | None:
    """The family of an index name; None for a name without colour, number or run id.

    Six digits at the end are a number, unless they are the time of a run: `20261121-060000`.
    """
    if COLOR.search(name):
        return Family(COLOR.sub("{color}", name))
    starts = (match.start() for match in RUN.finditer(name))
    spans = ((start, end) for start in starts for end in _ends(name, start))
    found = next(filter(None, (_of_run(name, start, end) for start, end in spans)), None)
    if NUMBER.search(name) and not (found and found.pattern.endswith("{run_id}")):
        return Family(NUMBER.sub("{generation}", name))
    return found


def _ends(name: str, start: int) -> Iterator[int]:
    """Where a run id may end, the longest first."""
    yield len(name)
    ends = [match.start() for match in SEPARATOR.finditer(name, start)]
    yield from reversed(ends)


def _of_run(name: str, start: int, end: int) -> Family | None:
    text = name[start:end]
    if not runs.looks_like_run_id(text):
        return None
    try:
        run = runs.run_id_to_timestamp(text)
    except InvalidRunIds:
        return None
    return Family(f"{name[:start]}{{run_id}}{name[end:]}", run)
