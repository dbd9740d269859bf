"""Checks of blocks: what was meant for a moment, and stayed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.doctor.model import Finding, check, request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.doctor.facts import Facts, Index

WRITE = "index.blocks.write"

REFUSED = {
    "index.blocks.read_only": "writes and every change of its settings, mapping and aliases",
    "index.blocks.metadata": "every change of its settings, mapping and aliases",
    "index.blocks.read": "searches",
}
"""What each block refuses."""


@check(
    "write-blocks",
    "No write block was left behind",
    why="Clients that write through the alias get HTTP 403; a bulk request answers 200 with the "
    "refusals inside, so that nobody may notice.",
    needs=("indices",),
    uses=("lock", "journals"),
    thresholds=(
        "warning: no apply runs",
        "info: an apply of esplan runs, and blocks its source for a while",
        "an archive that is blocked on purpose is reported too: esplan cannot know",
    ),
)
def write_blocks(facts: Facts) -> Iterator[Finding]:
    """The setting index.blocks.write of each index that has an alias, or that esplan made."""
    for index in facts.indices.values():
        if index.is_set(WRITE) and (index.served or index.mark):
            yield Finding(
                "info" if facts.running else "warning",
                index.name,
                f"{index.name} refuses writes{_behind(index)}",
                f"{WRITE}: true" + _apply(facts),
                "finish or abandon the unfinished apply, which lifts it"
                if facts.journals
                else "lift it, unless somebody wants it so",
                request("PUT", f"{index.path}/_settings", {WRITE: None}),
            )


def _behind(index: Index) -> str:
    return f", and is behind {', '.join(index.served)}" if index.served else ""


def _apply(facts: Facts) -> str:
    return "; an apply of esplan is unfinished" if facts.journals else ""


@check(
    "read-only",
    "Nothing is read-only",
    why="A read-only index or cluster refuses every step of a plan.",
    needs=("indices", "settings"),
    thresholds=("error: the whole cluster", "warning: an index"),
)
def read_only(facts: Facts) -> Iterator[Finding]:
    """The cluster settings cluster.blocks.*, and index.blocks.read_only, .metadata and .read."""
    for name in ("cluster.blocks.read_only", "cluster.blocks.read_only_allow_delete"):
        if str(facts.settings.get(name)).lower() == "true":
            yield Finding(
                "error",
                "cluster",
                "the whole cluster is read-only",
                f"{name}: true",
                "lift it, unless somebody wants it so",
                request("PUT", "/_cluster/settings", {"persistent": {name: None}}),
            )
    for index in facts.indices.values():
        for name in [one for one in REFUSED if index.is_set(one)]:
            yield Finding(
                "warning",
                index.name,
                f"{index.name} refuses {REFUSED[name]}",
                f"{name}: true",
                "lift it, unless somebody wants it so",
                request("PUT", f"{index.path}/_settings", {name: None}),
            )


@check(
    "closed-indices",
    "No alias is on a closed index",
    why="A search through the alias fails as a whole (HTTP 400), and esplan cannot copy it.",
    needs=("indices",),
)
def closed_indices(facts: Facts) -> Iterator[Finding]:
    """Whether the indices behind aliases are open."""
    for index in facts.indices.values():
        if not index.is_open and index.served:
            yield Finding(
                "warning",
                index.name,
                f"{index.name} is closed, and behind {', '.join(index.served)}",
                "index.verified_before_close: true",
                "open it, or take the alias off it",
                request("POST", f"{index.path}/_open"),
            )
