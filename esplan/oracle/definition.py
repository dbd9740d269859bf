"""What is asked with: definitions without what a throwaway index must not have."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from esplan.model import JSON, Body
from esplan.route.context import EXPANSION, REPLICAS, SHARDS
from esplan.route.source import new_body

if TYPE_CHECKING:
    from collections.abc import Iterable

    from esplan.diff import Comparison, Difference, Path

DISTURBING = ("index.blocks.", "index.hidden", "index.lifecycle.", "index.routing.allocation.")
"""Never set on a cluster in use: a block of metadata hides every index from everybody, a policy
acts on the index, and a shard without a node is a yellow cluster."""

SMALL: JSON = {SHARDS: "1", REPLICAS: "0", EXPANSION: None}
"""One shard, no copies, unless a difference is about these."""

PARTITIONS = "index.routing_partition_size"
"""Must be smaller than the number of shards, which then stays."""


@dataclass(frozen=True)
class Pair:
    """The definitions before and after a change, and the differences to ask about.

    `before` is None for an object that is new.
    """

    before: Body | None
    after: Body
    differences: tuple[Difference, ...]


def asked(comparison: Comparison, *, everything: bool = False) -> tuple[Difference, ...]:
    """The differences that a server can be asked about: no alias, and nothing that disturbs."""
    return tuple(
        one
        for one in comparison.differences
        if one.path[0] == "mappings"
        or (one.path[0] == "settings" and (everything or not one.path[1].startswith(DISTURBING)))
    )


def pair(comparison: Comparison, *, everything: bool = False) -> Pair:
    """The live definition, and the one that an index made anew would have."""
    differences = asked(comparison, everything=everything)
    about = {one.path[1] for one in differences if one.path[0] == "settings"}
    desired = comparison.desired.body
    if comparison.index is None or comparison.before is None:
        return Pair(None, bare(desired, frozenset()), ())
    live = comparison.index.body
    after = replace(new_body(live, desired), exact=desired.exact)
    if PARTITIONS in after.settings:
        about.add(SHARDS)
    return Pair(bare(live, about), bare(after, about), differences)


def bare(body: Body, about: Iterable[str]) -> Body:
    """The definition on one shard without copies, and without what disturbs.

    `about`: settings that differ, and are kept.
    """
    about = frozenset(about)
    kept = {
        name: value
        for name, value in body.settings.items()
        if name in about or not name.startswith(DISTURBING)
    }
    settings = {**kept, **{name: value for name, value in SMALL.items() if name not in about}}
    creation = dict(body.creation) if SHARDS in about else {}
    if EXPANSION in about and REPLICAS not in about:  # a number says nothing beside it
        creation[REPLICAS] = settings.pop(REPLICAS)
    return Body(settings, body.mappings, body.exact, creation)


def applied(mappings: JSON, differences: Iterable[Difference]) -> JSON:
    """A mapping in which these differences, and no others, have their value of afterwards."""
    result = {"mappings": copy.deepcopy(mappings)}
    for one in differences:
        *parents, name = one.path
        parent: Any = result
        for step in parents:
            parent = parent.setdefault(step, {})
        if one.after is None:
            parent.pop(name, None)
        else:
            parent[name] = copy.deepcopy(one.after)
    return result["mappings"]


def value_at(tree: Any, path: Path) -> Any:
    """The value at a path of a definition, None where there is none."""
    for name in path:
        if not isinstance(tree, dict):
            return None
        tree = tree.get(name)
    return tree
