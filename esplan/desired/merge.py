"""What must hold between the objects of all files together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from esplan.desired.naming import TOKEN, possible_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from esplan.desired.build import Entry
    from esplan.errors import Diagnostic
    from esplan.model import Address, Alias, Naming

    Entries = Mapping[Address, Entry]
    Prefixes = dict[str, list[tuple[Address, Naming]]]

TAKEN = "Elasticsearch keeps both in one namespace; rename one"


def first_of_each(entries: list[Entry]) -> tuple[dict[Address, Entry], list[Diagnostic]]:
    """Every object once, and a diagnostic for each further definition of it."""
    firsts: dict[Address, Entry] = {}
    problems = []
    for entry in entries:
        first = firsts.setdefault(entry.address, entry)
        if first is not entry:
            message = f"{entry.address} is already defined at {place(first)}"
            problems.append(
                entry.problem(code="ESP-2302", message=message, remedy="keep one of them")
            )
    return firsts, problems


def place(entry: Entry) -> str:
    """file:line of an object's name."""
    return f"{entry.document.file}:{entry.document.mark(entry.path, key=True)[0]}"


def conflicts(entries: Entries, aliases: Mapping[Address, Alias]) -> Iterator[Diagnostic]:
    """Names that two objects want. `aliases` holds the entries that could be built."""
    yield from _shared_names(entries)
    yield from _same_patterns(entries, aliases)
    yield from _generated_names(entries, aliases)


def _shared_names(entries: Entries) -> Iterator[Diagnostic]:
    """A name is one alias with one owner, or one index."""
    by_name = {(address.kind, address.name): entry for address, entry in entries.items()}
    for address, entry in entries.items():
        if address.kind == "alias" and ("index", address.name) in by_name:
            other = place(by_name["index", address.name])
            message = f'"{address.name}" is also the name of an index, at {other}'
            yield entry.problem(code="ESP-2303", message=message, remedy=TAKEN)
    for entry, name in _inline_aliases(entries):
        for kind in ("alias", "index"):
            if (kind, name) in by_name:
                what = "defined under aliases" if kind == "alias" else "the name of an index"
                message = f'"{name}" is also {what}, at {place(by_name[kind, name])}'
                yield entry.document.diagnostic(
                    (*entry.path, "aliases", name),
                    message,
                    code="ESP-2303",
                    key=True,
                    remedy="keep one of them",
                )


def _inline_aliases(entries: Entries) -> Iterator[tuple[Entry, str]]:
    """The aliases that stand with an index."""
    for address, entry in entries.items():
        raw = entry.raw if address.kind == "index" and isinstance(entry.raw, dict) else {}
        names = raw.get("aliases")
        yield from ((entry, name) for name in (names if isinstance(names, dict) else ()))


def _same_patterns(entries: Entries, aliases: Mapping[Address, Alias]) -> Iterator[Diagnostic]:
    """Two aliases may be on the same runs of a loader; two that make indices may not."""
    firsts: dict[str, Address] = {}
    for address, alias in aliases.items():
        if alias.runs:
            continue
        first = firsts.setdefault(alias.naming.pattern, address)
        if first != address:
            message = f"the index name is also that of {first}, at {place(entries[first])}"
            remedy = "give each alias its own index name"
            yield entries[address].problem(
                "index", "name", code="ESP-2303", message=message, remedy=remedy
            )


def _generated_names(entries: Entries, aliases: Mapping[Address, Alias]) -> Iterator[Diagnostic]:
    """A name in the files that esplan may also give to a new index behind an alias."""
    patterns = by_prefix(aliases)
    inline = [(e, name, (*e.path, "aliases", name)) for e, name in _inline_aliases(entries)]
    names = [(entry, address.name, entry.path) for address, entry in entries.items()]
    for entry, name, path in (*names, *inline):
        for owner in owners(name, patterns):
            other = place(entries[owner])
            message = f'"{name}" is a name that {owner} may give to its index, at {other}'
            yield entry.document.diagnostic(path, message, code="ESP-2303", key=True, remedy=TAKEN)


def by_prefix(aliases: Mapping[Address, Alias]) -> Prefixes:
    """The patterns by what comes before their placeholder: thousands are looked up at once.

    They are compiled when they are looked up: few names ever begin as another alias's pattern.
    """
    found: Prefixes = {}
    for address, alias in aliases.items():
        prefix, *rest = TOKEN.split(alias.naming.pattern)
        if rest:
            found.setdefault(prefix, []).append((address, alias.naming))
    return found


def owners(name: str, patterns: Prefixes) -> Iterator[Address]:
    """The aliases that may call an index `name`."""
    for end in range(len(name) + 1):
        for address, one in patterns.get(name[:end], ()):
            if re.fullmatch(possible_names(one), name):
                yield address
