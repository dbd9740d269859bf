"""Two canonical States → Changes: the facts, without any idea of how to get there.

Live is first cut down to what the desired side speaks of (`project`): fields, settings and
index aliases that the files do not name are kept and are no difference.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from esplan import normalize, transform
from esplan.model import JSON, Address, Alias, Body, Index, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ABSENT: Any = None
"""How a missing value is shown in a difference; canonical forms hold None for nothing else."""

FIELD_MAPS = ("properties", "fields", "runtime")
"""Keys whose children are fields by name: live may have more of them than the files."""

KEPT_PARAMETERS = frozenset({"dynamic"})
"""Object parameters that the server keeps when they are left out of an update."""

Path = tuple[str, ...]
Wanted = TypeVar("Wanted", Alias, Index)


@dataclass(frozen=True)
class Difference:
    """One path that differs. `before` or `after` is None where there is nothing."""

    path: Path
    before: Any
    after: Any


@dataclass(frozen=True)
class Comparison:
    """One desired object beside what is live.

    `index` is the concrete live index (None: there is none). `before` and `after` have the keys
    `settings`, `mappings` and `options` (alias) or `aliases` (index); `before` is cut down to
    what `after` speaks of, and None when the object does not exist. Where the file declares a
    transform they have `migrate`, too: the digest. For a release, `index` is
    the one to release, and `before` and `after` have the key `index` too: its name.
    """

    address: Address
    desired: Alias | Index
    index: Index | None
    before: JSON | None
    after: JSON
    differences: tuple[Difference, ...]


def compare(desired: State, live: State) -> list[Comparison]:
    """A Comparison for every desired object, in the order of their addresses."""
    aliases = [_alias(alias, live) for alias in desired.aliases.values()]
    indices = [_index(index, live) for index in desired.indices.values()]
    return sorted(aliases + indices, key=lambda one: one.address)


def _alias(alias: Alias, live: State) -> Comparison:
    found = live.aliases.get(alias.name)
    index = live.indices[found.indices[0]] if found else None
    if alias.indices:
        return _release(alias, index, live)
    alias = _beside(alias, index)
    wanted = transform.digest(alias.migrate)
    after = _after(alias.body, index) | {"options": alias.options} | _migrated(wanted, wanted)
    before = None
    if index and found:
        before = projected(index.body, alias.body) | {"options": found.options}
        before |= _migrated(index.transform, wanted)
    return _comparison(Address("alias", alias.name), alias, index, before, after)


def _migrated(digest: str, wanted: str) -> JSON:
    """Which transform documents went through. A file without one says nothing about that."""
    return {"migrate": digest or ABSENT} if wanted else {}


def _release(alias: Alias, current: Index | None, live: State) -> Comparison:
    """The alias as it is, and the run to release as the loader made it."""
    run = live.indices[alias.indices[0]]
    alias = _beside(alias, run)
    options = current.aliases[alias.name] if current else {}
    before = {"options": options, "index": current.name if current else None}
    after = _after(alias.body, run) | {"options": alias.options, "index": run.name}
    before |= projected(run.body, alias.body)
    return _comparison(Address("alias", alias.name), alias, run, before, after)


def _index(desired: Index, live: State) -> Comparison:
    found = live.indices.get(desired.name)
    desired = _beside(desired, found)
    after = _after(desired.body, found) | {"aliases": desired.aliases}
    before = None
    if found:
        named = {name: found.aliases[name] for name in desired.aliases if name in found.aliases}
        before = projected(found.body, desired.body) | {"aliases": named}
    return _comparison(Address("index", desired.name), desired, found, before, after)


def _beside(desired: Wanted, live: Index | None) -> Wanted:
    """What the file leaves unsaid is as live has it, and may change what the file says."""
    if live is None or not desired.body.said:
        return desired
    return replace(desired, body=normalize.beside(desired.body, live.body.settings))


def _comparison(
    address: Address, desired: Alias | Index, index: Index | None, before: JSON | None, after: JSON
) -> Comparison:
    found = () if before is None else tuple(differences(before, after))
    return Comparison(address, desired, index, before, after, found)


def _after(desired: Body, live: Index | None) -> JSON:
    """The desired body, as the version that made the live index reads it."""
    return shown(normalize.read_by(desired, live.created) if live else desired)


def shown(body: Body) -> JSON:
    """A body as one JSON object."""
    return {"settings": body.settings, "mappings": body.mappings}


def projected(live: Body, desired: Body) -> JSON:
    """The part of a live body that a desired body speaks of; all of its mapping if exact.

    What the server may have chosen for a field, by its version or licence, is never part of it.
    """
    settings = {name: live.settings.get(name) for name in desired.settings}
    if live.mappings == desired.mappings:
        return {"settings": settings, "mappings": live.mappings}
    mappings = {
        name: _project(name, value, desired.mappings.get(name, {}), exact=desired.exact)
        for name, value in live.mappings.items()
        if desired.exact or name in desired.mappings
    }
    return {"settings": settings, "mappings": mappings}


def _project(name: str, live: Any, desired: Any, *, exact: bool) -> Any:
    """Children of a field map that the desired side does not name are left out."""
    if name not in FIELD_MAPS or not isinstance(live, dict):
        return live
    return {
        field: _project_field(live[field], desired.get(field, {}), exact=exact)
        for field in live
        if exact or field in desired
    }


def _project_field(live: JSON, desired: JSON, *, exact: bool) -> JSON:
    kept = () if exact else (*FIELD_MAPS, *KEPT_PARAMETERS)
    return {
        name: _project(name, value, desired.get(name, {}), exact=exact)
        for name, value in live.items()
        if name in desired or not (name in kept or normalize.is_chosen(name, live))
    }


def differences(before: JSON, after: JSON) -> Iterator[Difference]:
    """What differs, one entry a setting, field, field parameter or alias option."""
    if before == after:
        return
    seen = set()
    for raw in _deep_paths(before, after):
        path = _unit(raw)
        if path not in seen:
            seen.add(path)
            yield Difference(path, _at(before, path), _at(after, path))


def _deep_paths(before: JSON, after: JSON) -> Iterable[Path]:
    from deepdiff import DeepDiff

    tree = DeepDiff(
        before,
        after,
        view="tree",
        threshold_to_diff_deeper=0,
        ignore_private_variables=False,
        ignore_numeric_type_changes=True,
    )
    levels = (level for group in tree.values() for level in group)
    return sorted({tuple(map(str, level.path(output_format="list"))) for level in levels})


def _unit(path: Path) -> Path:
    """The path cut where a difference has a meaning of its own.

    A setting; a field that one side lacks; a parameter of a field; an option of an alias.
    """
    if path[0] != "mappings":  # of `migrate`, the digest alone
        return path[:3] if path[0] == "aliases" else path[:2]
    end = 1
    while end < len(path) and path[end] in FIELD_MAPS and end + 1 < len(path):
        end += 2
    return path[: end + 1]


def _at(tree: Any, path: Path) -> Any:
    """The value at a path, None where there is none."""
    for name in path:
        if not isinstance(tree, dict) or name not in tree:
            return ABSENT
        tree = tree[name]
    return tree
