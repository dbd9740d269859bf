"""Desired files → State: the aliases and indices that a cluster should have."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esplan import schema, source
from esplan.desired import merge
from esplan.desired.build import Builder, Entry, mapping_path, unwrapped
from esplan.desired.variables import SECTIONS, substitute
from esplan.errors import Diagnostic, InvalidInput
from esplan.model import JSON, Address, Alias, Index, State
from esplan.source import Found

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from esplan.source import Document

__all__ = ["Desired", "Place", "Survey", "of", "read", "survey"]

KINDS: dict[str, Any] = {"aliases": "alias", "indices": "index"}


@dataclass(frozen=True)
class Place:
    """Where an object is defined; line and column from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        """The form that editors and CI logs make clickable."""
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Desired:
    """What the files say.

    `digest`: SHA-256, in hex, over the canonical JSON of all files merged, variables replaced,
    mapping and script files read in. `places`: where each object of `state` is defined.
    """

    state: State
    digest: str
    places: Mapping[Address, Place] = field(default_factory=dict)


@dataclass(frozen=True)
class Survey:
    """Files read as far as they can be. `desired` is None when there are diagnostics."""

    diagnostics: tuple[Diagnostic, ...]
    files: int
    aliases: int
    indices: int
    desired: Desired | None = None


@dataclass(frozen=True)
class _Loaded:
    found: Found
    document: Document | None
    problems: list[Diagnostic]
    unresolved: list[Diagnostic]


def read(paths: Sequence[Path], variables: Mapping[str, str] | None = None) -> Desired:
    """The desired state in `paths` (files, or directories of files).

    `variables` are those of the chosen environment, None without one. Raises InvalidInput with
    every diagnostic of every file.
    """
    result = survey(paths, variables)
    if result.desired is None:
        raise InvalidInput(result.diagnostics)
    return result.desired


def of(document: Document) -> Desired:
    """The desired state in a document that is already here. Raises InvalidInput."""
    problems = schema.check(document, "desired")
    result = _surveyed([_Loaded(Found(Path(document.file)), document, problems, [])], [])
    if result.desired is None:
        raise InvalidInput(result.diagnostics)
    return result.desired


def survey(paths: Sequence[Path], variables: Mapping[str, str] | None = None) -> Survey:
    """The same without raising: everything that is wrong, and how much there is."""
    found, problems = source.find(paths)
    within = source.folders(paths)
    files = _without_mapping_files([_load(one, variables, within) for one in found])
    return _surveyed(files, problems, within)


def _surveyed(
    files: list[_Loaded], problems: list[Diagnostic], within: Sequence[Path] = ()
) -> Survey:
    """`within`: the folders in which a file may be that another one names."""
    invalid = [problem for file in files for problem in file.problems]
    entries, twice = merge.first_of_each([e for file in files for e in _entries(file.document)])
    state, more, builder = _state(entries, _failing(entries, invalid), within)
    unresolved = [problem for file in files for problem in file.unresolved]
    settled = {(one.file, one.line, one.column) for one in unresolved}
    others = [*invalid, *twice, *builder.problems, *more]
    kept = [one for one in others if (one.file, one.line, one.column) not in settled]
    diagnostics = tuple(sorted({*problems, *unresolved, *kept}))
    kinds = [address.kind for address in entries]
    desired = None if diagnostics else Desired(state, _digest(entries, builder), _places(entries))
    return Survey(diagnostics, len(files), kinds.count("alias"), kinds.count("index"), desired)


def _load(found: Found, variables: Mapping[str, str] | None, within: Sequence[Path]) -> _Loaded:
    try:
        document = source.read(found.path, within=within if found.walked else None)
    except InvalidInput as error:
        return _Loaded(found, None, list(error.diagnostics), [])
    document, unresolved = substitute(document, variables)
    return _Loaded(found, document, schema.check(document, "desired"), unresolved)


def _without_mapping_files(files: list[_Loaded]) -> list[_Loaded]:
    """Mapping files in a directory of desired files are not desired files themselves."""
    named = {source.real(path) for path in {p for f in files for p in _mapping_files(f.document)}}
    return [
        file
        for file in files
        if not file.found.walked
        or _looks_desired(file)
        or source.real(file.found.path) not in named
    ]


def _looks_desired(file: _Loaded) -> bool:
    data = file.document.data if file.document else None
    return isinstance(data, dict) and not {"version", *SECTIONS}.isdisjoint(data)


def _mapping_files(document: Document | None) -> Iterable[Path]:
    for entry in _entries(document):
        raw = entry.raw if isinstance(entry.raw, dict) else {}
        for body in (raw, raw.get("index")):
            mappings = body.get("mappings") if isinstance(body, dict) else None
            name = mappings.get("file") if isinstance(mappings, dict) else None
            if document and isinstance(name, str) and "\0" not in name:
                yield mapping_path(document, name)


def _entries(document: Document | None) -> list[Entry]:
    data = document.data if document else None
    if document is None or not isinstance(data, dict):
        return []
    return [
        Entry(Address(kind, name), document, (section, name))
        for section, kind in KINDS.items()
        if isinstance(data.get(section), dict)
        for name in data[section]
    ]


def _failing(entries: Mapping[Address, Entry], problems: list[Diagnostic]) -> set[Address]:
    """The objects that break the schema: nothing more can be said about them."""
    if not problems:
        return set()
    by_path = {(e.document.file, source.json_path(e.path)): a for a, e in entries.items()}
    places = ((one.file, start) for one in problems for start in _ancestors(one.path))
    return {by_path[place] for place in places if place in by_path}


def _ancestors(path: str) -> Iterator[str]:
    """A JSON path, and every JSON path that it begins with."""
    yield path
    yield from (path[:at] for at, sign in enumerate(path) if sign in ".[")


def _state(
    entries: Mapping[Address, Entry], failing: set[Address], within: Sequence[Path]
) -> tuple[State, list[Diagnostic], Builder]:
    builder = Builder(tuple(within))
    aliases: dict[Address, Alias] = {}
    indices: dict[str, Index] = {}
    for address in sorted(set(entries) - failing):
        if address.kind == "alias":
            aliases[address] = builder.alias(entries[address])
        else:
            indices[address.name] = builder.index(entries[address])
    state = State(indices, {address.name: alias for address, alias in aliases.items()})
    return state, list(merge.conflicts(entries, aliases)), builder


def _places(entries: Mapping[Address, Entry]) -> dict[Address, Place]:
    return {
        address: Place(entry.document.file, *entry.document.mark(entry.path, key=True))
        for address, entry in entries.items()
    }


def _digest(entries: Mapping[Address, Entry], builder: Builder) -> str:
    merged: JSON = {"version": 1, "aliases": {}, "indices": {}}
    for address, entry in entries.items():
        body, raw = entry.path[0], dict(entry.raw)
        holder = raw = _inlined(raw, entry, builder)
        if address.kind == "alias":
            holder = _scripted(raw, builder.scripts.get(address, {}))
            holder |= {"index": _inlined(raw["index"], entry, builder)}
        merged[body][address.name] = holder
    text = json.dumps(merged, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _scripted(raw: JSON, sources: dict[str, str]) -> JSON:
    """An alias whose scripts, if they stand in files, are part of it."""
    migrate = dict(raw.get("migrate", {}))
    for name, text in sources.items():
        rest = {key: part for key, part in migrate[name].items() if key != "file"}
        migrate[name] = rest | {"source": text}
    return raw | {"migrate": migrate} if sources else raw


def _inlined(body: JSON, entry: Entry, builder: Builder) -> JSON:
    """A body whose mapping file, if it names one, is part of it."""
    mappings = body.get("mappings", {})
    if "file" not in mappings:
        return body
    document = builder.files[mapping_path(entry.document, mappings["file"])]
    content = unwrapped(document.data) if document else {}
    return body | {"mappings": {**content, "exact": mappings.get("exact", False)}}
