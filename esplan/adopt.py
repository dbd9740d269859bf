"""A live State → the desired files that say it: what `esplan adopt` writes, as plain data.

Every object gets the shortest entry whose plan is empty. Which alias names its indices how is told
from the name of the index that it is on; where two objects would want the same names, one of them
gets another pattern, since desired files must not hold both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from esplan import naming as names
from esplan.desired import merge
from esplan.desired.build import based
from esplan.desired.naming import (
    DEFAULT_COLORS,
    name_problems,
    naming,
    pattern_problems,
    possible_names,
    run_pattern_problems,
)
from esplan.errors import Refused
from esplan.leftovers import COLOR, COLORS, family_of
from esplan.model import Address, Alias, Runs
from esplan.plan import FENCE, GUARD, STATE_INDEX
from esplan.route import resolved
from esplan.route.context import EXPANSION, REPLICAS, SHARDS
from esplan.runs import LATEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from esplan.model import JSON, Index, State

OWN_ALIASES = (GUARD, FENCE.partition("{")[0])
"""How the aliases begin that esplan sets for itself."""

MOMENTARY = ("index.blocks.",)
"""Settings that say what goes on at the moment, not how an index should be."""

UNSENT = {SHARDS: "1", REPLICAS: "1"}
"""Settings that GET always returns, and their values where nobody has set them."""

VERSION = re.compile(r"(?:[-_.]v?\d+)+$", re.ASCII)
"""The version in a loader's base: `customer-2_0_0` is of the source `customer`."""

INTEGER = re.compile(r"0|-?[1-9]\d{0,17}", re.ASCII)
VARIABLE = "${"


@dataclass(frozen=True)
class Adopted:
    """One object. `entry` is what stands under its name; `note` is what a person should check."""

    address: Address
    index: str
    entry: JSON
    note: str = ""


@dataclass(frozen=True)
class LeftOut:
    """An index that no entry is made for, and why."""

    index: str
    why: str


@dataclass(frozen=True)
class Adoption:
    """What was found, in the order of addresses and names."""

    objects: tuple[Adopted, ...]
    left_out: tuple[LeftOut, ...] = ()


def adopt(live: State, now: datetime) -> Adoption:
    """An entry for every alias and index; `now` (aware) tells which runs lie in the future."""
    state = _without_own(live)
    homes = _named(state, now)
    left = _siblings(state, homes)
    behind = {state.aliases[name].indices[0] for name in homes}
    out = behind | {one.index for one in left}
    aliases = [_alias(one, state.indices[state.aliases[n].indices[0]]) for n, one in homes.items()]
    indices = [_index(one) for name, one in state.indices.items() if name not in out]
    return Adoption(tuple(sorted([*aliases, *indices], key=lambda one: one.address)), left)


def selected(found: Adoption, patterns: Sequence[str]) -> Adoption:
    """The objects whose name, or whose index, one of the patterns matches (`*` is anything)."""
    given = [part.strip() for pattern in patterns for part in pattern.split(",")]
    parts = [".*".join(map(re.escape, part.split("*"))) for part in given if part]
    shape = re.compile("|".join(f"(?:{part})" for part in parts))
    return Adoption(
        tuple(
            one
            for one in found.objects
            if shape.fullmatch(one.address.name) or shape.fullmatch(one.index)
        ),
        tuple(one for one in found.left_out if shape.fullmatch(one.index)),
    )


def document(objects: Sequence[Adopted]) -> JSON:
    """A desired file with these objects; a plain `${` written so that it is no variable."""
    sections: JSON = {"aliases": {}, "indices": {}}
    for one in objects:
        section = "aliases" if one.address.kind == "alias" else "indices"
        sections[section][_escaped(one.address.name)] = _escaped(one.entry)
    return {"version": 1, **{name: entries for name, entries in sections.items() if entries}}


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {_escaped(name): _escaped(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_escaped(inner) for inner in value]
    return value.replace(VARIABLE, f"${VARIABLE}") if isinstance(value, str) else value


# Which objects there are


def _without_own(live: State) -> State:
    """Without esplan's own index and aliases, and aliases that no desired file can name."""
    indices = {
        name: replace(one, aliases={a: o for a, o in one.aliases.items() if not _is_own(a)})
        for name, one in live.indices.items()
        if name != STATE_INDEX
    }
    aliases = {name: one for name, one in live.aliases.items() if not _is_own(name)}
    return replace(live, indices=indices, aliases=aliases)


def _is_own(alias: str) -> bool:
    return alias.startswith(OWN_ALIASES) or bool(list(name_problems(alias, lower=False)))


def _named(state: State, now: datetime) -> dict[str, Alias]:
    """Each alias that is alone on its only index, with the first names that nothing else wants."""
    alone = {
        name: state.indices[alias.indices[0]]
        for name, alias in sorted(state.aliases.items())
        if len(alias.indices) == 1 and len(state.indices[alias.indices[0]].aliases) == 1
    }
    choices = {name: list(_choices(name, index, state, now)) for name, index in alone.items()}
    while True:
        chosen = {name: left[0] for name, left in choices.items() if left}
        losers = _losers(chosen, state)
        if not losers:
            return chosen
        for name in losers:
            choices[name].pop(0)


def _losers(chosen: Mapping[str, Alias], state: State) -> set[str]:
    """The aliases whose pattern an earlier one has, or may give a name that is taken for good."""
    made = {name: one for name, one in chosen.items() if not one.runs}
    firsts = {one.naming.pattern: name for name, one in reversed(made.items())}
    shared = {name for name, one in made.items() if firsts[one.naming.pattern] != name}
    behind = {state.aliases[name].indices[0] for name in chosen}
    wanted = merge.by_prefix({Address("alias", n): one for n, one in chosen.items()})
    clashing = {
        owner.name
        for name in (*state.indices, *state.aliases)
        for owner in merge.owners(name, wanted)
        if _clashes(name, chosen[owner.name], state, behind)
    }
    return shared | clashing


def _clashes(name: str, alias: Alias, state: State, behind: set[str]) -> bool:
    """Whether a name that the pattern may give belongs to something else.

    An index without an alias is a sibling, if the pattern is that of the alias's own index.
    """
    own = state.aliases[alias.name].indices[0]
    if name in state.aliases or name == own:
        return name in state.aliases
    is_served = bool(state.indices[name].aliases)
    if alias.runs:
        return is_served and name not in behind
    return is_served or not re.fullmatch(possible_names(alias.naming), own)


def _siblings(state: State, homes: Mapping[str, Alias]) -> tuple[LeftOut, ...]:
    """Other colours, generations and runs: a desired file must not name them."""
    wanted = merge.by_prefix({Address("alias", n): one for n, one in homes.items()})
    found = (
        LeftOut(name, f"{owner} may give that name to its index")
        for name in sorted(state.indices)
        if not state.indices[name].aliases
        for owner in list(merge.owners(name, wanted))[:1]
    )
    return tuple(found)


# How an alias names its indices


def _choices(name: str, index: Index, state: State, now: datetime) -> Iterator[Alias]:
    """The pattern of the index's own name, then two that are made from the alias."""
    family = family_of(index.name)
    own = family.pattern if family else ""
    if "{run_id}" in own:
        yield from _loaded(name, index, own, state, now)
    elif own:
        yield from _pattern(name, own, _colors(own, index.name, state))
    yield from _pattern(name, f"{name.lower()}_{{color}}", None)
    yield from _pattern(name, f"{name.lower()}-{{generation}}", None)


def _pattern(name: str, pattern: str, colors: Sequence[str] | None) -> Iterator[Alias]:
    if not list(pattern_problems(pattern, colors)):
        yield Alias(name, naming=naming(pattern, colors))


def _colors(pattern: str, index: str, state: State) -> Sequence[str] | None:
    """Green and blue, unless the index has another colour: that one, and its siblings'."""
    color = COLOR.search(index)
    if color is None or color[0] in DEFAULT_COLORS:
        return None
    there = [one for one in COLORS if pattern.replace("{color}", one) in state.indices]
    known = tuple(dict.fromkeys((color[0], *there)))
    return known if len(known) > 1 else (*known, DEFAULT_COLORS[0])


def _loaded(name: str, index: Index, own: str, state: State, now: datetime) -> Iterator[Alias]:
    """On the runs of a loader; a date as esplan writes it itself is no run."""
    before, _, after = own.partition("{run_id}")
    run = index.name[len(before) : len(index.name) - len(after)]
    if re.fullmatch(names.DATE, run):
        yield from _pattern(name, own.replace("{run_id}", "{date}"), None)
        return
    base = before.rstrip("-_.")
    pattern = f"{{index_base}}{before[len(base) :]}{{run_id}}{after}" if base else own
    if list(run_pattern_problems(pattern, base)) or not index.is_open:
        return
    source = VERSION.sub("", base) or name
    whole = based(pattern, base)
    loaded = Runs(source, pattern, base, {source: whole})
    alias = Alias(name, naming=naming(whole, None), runs=loaded)
    pinned = replace(alias, runs=replace(loaded, run=run))
    yield from [one for one in (alias, pinned) if _is_on(one, index, state, now)][:1]


def _is_on(alias: Alias, index: Index, state: State, now: datetime) -> bool:
    """Whether a plan would leave the alias on this index."""
    try:
        return resolved(alias, state, now).indices == (index.name,)
    except Refused:
        return False


# What an entry says


def _alias(alias: Alias, index: Index) -> Adopted:
    address, options = Address("alias", alias.name), _options(index.aliases[alias.name])
    if alias.runs:
        said = f"{address}: `source: {alias.runs.source}` is guessed from the name {index.name}"
        return Adopted(address, index.name, _run_entry(alias.runs, index) | options, said)
    one = alias.naming
    colors = {"colors": list(one.colors)} if one.colors not in ((), DEFAULT_COLORS) else {}
    entry = {"index": {"name": one.pattern, **colors, **_body(index)}, **options}
    return Adopted(address, index.name, entry)


def _run_entry(loaded: Runs, index: Index) -> JSON:
    """The loader makes the rest. Replicas are set by each release."""
    runs: JSON = {"source": loaded.source}
    if loaded.base:
        runs["index_base"] = loaded.base
    if loaded.run != LATEST:
        runs["run"] = loaded.run
    replicas = index.body.settings.get(REPLICAS)
    kept = {} if replicas is None or _expands(index) else {"finish": {"replicas": int(replicas)}}
    return {"index": {"name": loaded.pattern}, "runs": runs, **kept}


def _index(index: Index) -> Adopted:
    options = {name: _options(one) for name, one in sorted(index.aliases.items())}
    aliases = {"aliases": options} if options else {}
    return Adopted(Address("index", index.name), index.name, _body(index) | aliases)


def _options(options: JSON) -> JSON:
    """One `routing` where both are the same."""
    both = options.get("index_routing")
    if both is None or both != options.get("search_routing"):
        return options
    rest = {n: v for n, v in options.items() if n not in ("index_routing", "search_routing")}
    return {**rest, "routing": both}


def _body(index: Index) -> JSON:
    settings = nested(_said(index))
    mappings = {n: v for n, v in index.body.mappings.items() if (n, v) != ("properties", {})}
    parts = {"settings": settings, "mappings": mappings}
    return {name: part for name, part in parts.items() if part}


def _said(index: Index) -> JSON:
    """Settings that somebody has chosen, by their names without `index.`."""
    settings = index.body.settings
    unsaid = {REPLICAS} if _expands(index) else set()
    unsaid |= {name for name, usual in UNSENT.items() if settings.get(name) == usual}
    return {
        name.removeprefix("index."): _value(value)
        for name, value in sorted(settings.items())
        if name not in unsaid and not name.startswith(MOMENTARY)
    }


def _expands(index: Index) -> bool:
    """Whether the server itself sets the number of replicas."""
    return str(index.body.settings.get(EXPANSION, "false")) != "false"


def _value(value: Any) -> Any:
    """A number or a boolean where its text is the setting's."""
    if value in ("true", "false"):
        return value == "true"
    return int(value) if isinstance(value, str) and INTEGER.fullmatch(value) else value


def nested(flat: JSON) -> JSON:
    """Dotted names as a tree, each branch as short as it can be: `a.b.c: 1`, `a: {b: 1, c: 2}`."""
    branches: dict[str, JSON] = {}
    for name, value in flat.items():
        head, _, rest = name.partition(".")
        branches.setdefault(head, {})[rest] = value
    tree: JSON = {}
    for head, branch in branches.items():
        if "" in branch:  # a value, and perhaps names that go on behind it
            tree |= {f"{head}.{rest}" if rest else head: one for rest, one in branch.items()}
            continue
        inner = nested(branch)
        single = len(inner) == 1
        tree |= {f"{head}.{name}": one for name, one in inner.items()} if single else {head: inner}
    return tree
