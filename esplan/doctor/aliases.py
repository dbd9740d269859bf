"""Checks of aliases: on one index each, and of what was left beside them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING
from urllib.parse import quote

from esplan.doctor.facts import DAY
from esplan.doctor.model import Finding, check, listed, request
from esplan.leftovers import family_of, leftovers
from esplan.plan import GUARD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.doctor.facts import Facts, Index
    from esplan.doctor.model import Severity

KEPT = 7
"""Days for which an index that no alias points at may be kept for a way back."""


@check(
    "alias-on-several",
    "Each alias is on one index",
    why="A search finds every document twice, a write fails, and plan refuses the alias.",
    needs=("indices",),
    thresholds=(
        "error: esplan manages the alias",
        "warning: the indices look like colours of one another (`x_green` and `x_blue`)",
        "info: other aliases on several indices, none of which is the write index",
    ),
)
def alias_on_several(facts: Facts) -> Iterator[Finding]:
    """The indices behind each alias, and esplan's mark in them.

    An alias over many indices that are not colours of one another may be meant to be so.
    """
    readers = []
    for alias, names in facts.members.items():
        members = [facts.indices[name] for name in names]
        if len(members) == 1 or _writes_to_one(alias, members):
            continue
        if any(one.alias == alias for one in members) or _are_colors(members):
            yield _several(alias, members)
        else:
            readers.append(alias)
    if readers:
        yield Finding(
            "info",
            listed(readers),
            f"{len(readers)} alias{'' if len(readers) == 1 else 'es'} on several indices, "
            "without a write index",
            "; ".join(f"{a}: {listed(facts.members[a])}" for a in readers[:3]),
            "fine for searching; name a write index where clients write through it",
            request("GET", "/_alias/" + ",".join(quote(one, safe="") for one in readers[:3])),
        )


def _writes_to_one(alias: str, members: list[Index]) -> bool:
    """One of them takes the writes; an alias that esplan made is meant for one index alone."""
    managed = any(one.alias == alias for one in members)
    return not managed and any(one.aliases[alias].get("is_write_index") for one in members)


def _are_colors(members: list[Index]) -> bool:
    bases = {base_of(one.name) for one in members}
    return len(bases) == 1 and bases != {""}


def base_of(name: str) -> str:
    """What comes before the colour: `x` of `x_green`; empty for a name without a colour."""
    family = family_of(name)
    found = family.pattern if family else ""
    return found.removesuffix("{color}")[:-1] if found.endswith("{color}") else ""


def _several(alias: str, members: list[Index]) -> Finding:
    managed = any(one.alias == alias for one in members)
    newest = max(members, key=lambda one: one.created)
    others = [one.name for one in members if one is not newest]
    severity: Severity = "error" if managed else "warning"
    return Finding(
        severity,
        alias,
        f"the alias {alias} is on {len(members)} indices",
        listed([one.name for one in members])
        + ("; esplan made it for one" if managed else "; they look like colours of one another"),
        f"take it off all but one; this request keeps the newest, {newest.name}",
        request(
            "POST",
            "/_aliases",
            {
                "actions": [
                    {"remove": {"index": n, "alias": alias, "must_exist": True}} for n in others
                ]
            },
        ),
    )


@check(
    "alias-on-none",
    "Each alias that esplan made is there",
    why="Clients that ask for the alias get HTTP 404; one that writes may create an index in its "
    "place, with a guessed mapping.",
    needs=("indices",),
    uses=("journals",),
    thresholds=(
        "error: the alias is gone",
        "info: an apply is unfinished that made the index: it sets the alias later",
    ),
)
def alias_on_none(facts: Facts) -> Iterator[Finding]:
    """The alias that esplan's mark in each index names.

    An alias that was removed on purpose, with its index kept, is reported too.
    """
    wanted: dict[str, list[Index]] = {}
    for index in facts.indices.values():
        if index.alias and index.alias not in facts.members and index.alias not in facts.indices:
            wanted.setdefault(index.alias, []).append(index)
    for alias, indices in sorted(wanted.items()):
        newest = max(indices, key=lambda one: one.created)
        begun = any(one.mark.get("plan") in facts.plan_ids for one in indices)
        add = {"add": {"index": newest.name, "alias": alias}}
        yield Finding(
            "info" if begun else "error",
            alias,
            f"the alias {alias} is on no index",
            f"esplan made {listed([one.name for one in indices])} for it"
            + ("; the apply is unfinished" if begun else ""),
            "finish the apply" if begun else f"put it on an index; this takes {newest.name}",
            request("POST", "/_aliases", {"actions": [add]}),
        )


@check(
    "name-clash",
    "No index has the name of an alias",
    why="An alias and an index cannot share a name. Mostly a writer created the index while the "
    "alias was missing: it has a guessed mapping, and documents that nobody looks for there.",
    needs=("indices",),
    thresholds=(
        "error: esplan's mark in another index says that the name is an alias",
        "warning: the index `x` stands beside `x_green` or `x_blue`",
        "an alias that only a desired file names is not known here: `esplan plan -d` looks",
    ),
)
def name_clash(facts: Facts) -> Iterator[Finding]:
    """Indices whose name esplan knows as an alias, or that have a colour of that name beside."""
    by_mark, by_color = defaultdict(list), defaultdict(list)
    for one in facts.indices.values():
        by_mark[one.alias].append(one.name)
        by_color[base_of(one.name)].append(one.name)
    for name, index in facts.indices.items():
        made, colors = [n for n in by_mark[name] if n != name], by_color[name]
        if not (made or colors):
            continue
        yield Finding(
            "error" if made else "warning",
            name,
            f"{name} is an index, and {'should be' if made else 'looks like'} an alias",
            f"beside it: {listed(made or colors)}",
            "move its documents where they belong, then delete it; see what it holds first",
            request("GET", f"{index.path}/_search?size=3"),
        )


@check(
    "orphan-indices",
    "No old colour or run is left over",
    why="It takes disk, heap and shards, and a plan finds no free name for the next index.",
    needs=("indices", "shards"),
    uses=("journals",),
    thresholds=(
        f"warning: older than {KEPT} days",
        "info: younger (it may be kept for a way back)",
        "the age is that of the index: when it lost its alias is not known",
    ),
)
def orphan_indices(facts: Facts) -> Iterator[Finding]:
    """Indices that no alias points at, and that once served one, as far as it can be seen.

    That is: esplan's mark says so, or the name is that of an index behind an alias but for a
    colour, a generation or an older run id. `esplan maintain` goes by the same rule.
    """
    for left in leftovers(facts.state):
        index = facts.indices[left.index.name]
        if index.mark.get("plan") in facts.plan_ids:
            continue
        days = (facts.now - index.created) / DAY
        yield Finding(
            "warning" if days > KEPT else "info",
            index.name,
            f"no alias points at {index.name}",
            f"{left.alias} is on {listed(facts.members[left.alias])}; "
            f"{facts.bytes_of(index.name):,} bytes, {days:.0f} days old"
            + (", made by esplan" if index.mark else ""),
            "delete it if nobody needs the way back",
            request("DELETE", index.path),
        )


@check(
    "guard-aliases",
    "No guard alias is left over",
    why="A copy is filled through an alias of its own; one that stays shows a copy that was "
    "given up half-way, in an index that is not whole.",
    needs=("indices", "journals"),
)
def guard_aliases(facts: Facts) -> Iterator[Finding]:
    """Aliases called esplan-copy-* whose plan is not being applied."""
    for index in facts.indices.values():
        for alias in sorted(one for one in index.aliases if one.startswith(GUARD)):
            if any(alias.startswith(f"{GUARD}{plan}-") for plan in facts.plan_ids):
                continue
            remove = {"remove": {"index": index.name, "alias": alias, "must_exist": True}}
            yield Finding(
                "warning",
                index.name,
                f"the guard alias {alias} is left over on {index.name}",
                f"no unfinished apply is known that it belongs to; {index.name} may be half filled",
                "delete the index if it is a leftover; else remove the alias",
                request("POST", "/_aliases", {"actions": [remove]}),
            )
