"""Checks of indices: their fields, their shards, and what esplan's proof needs of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.doctor.model import Finding, check, listed, request
from esplan.request import index_path
from esplan.sizing import GIB, SHARD
from esplan.sizing import shards as rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.doctor.facts import Facts, Index
    from esplan.model import JSON

NEAR = 0.8
"""The part of a limit from which it is near."""

HUGE, TINY, FEW = SHARD * rule.HUGE, SHARD * rule.TINY, int(rule.DOCUMENTS * rule.TINY)
"""Bytes of a shard, and documents of a tiny one: the limits of `esplan sizing`."""

LUCENE = 2_147_483_519
"""Documents that Lucene can hold in one shard, deleted and nested ones included."""

FIELDS = "index.mapping.total_fields.limit"

SEVEN = 7
"""The last major version that does not count runtime fields; OpenSearch has none."""


def count_fields(mappings: JSON, major: int) -> int:
    """Fields as the server of that major version counts them against the limit.

    Fields, objects, multi-fields, field aliases and runtime fields are one each; sub-fields of a
    composite runtime field and metadata fields none. Version 7 leaves runtime fields out. Seen on
    8.16.1 and 7.17.29 by finding the smallest limit that each mapping is accepted with.
    """
    inner = sum(
        1
        + len(one.get("fields", {}))
        + count_fields({"properties": one.get("properties", {})}, major)
        for one in mappings.get("properties", {}).values()
    )
    return inner + (len(mappings.get("runtime", {})) if major > SEVEN else 0)


@check(
    "field-limit",
    "No mapping is near its field limit",
    why="At the limit a document with a new field is refused, and so is a mapping addition of a "
    "plan. A copy with more fields fails half-way.",
    needs=("root", "indices"),
    thresholds=(f"warning: from {NEAR:.0%} of {FIELDS} (1000 by default)", "error: at the limit"),
)
def field_limit(facts: Facts) -> Iterator[Finding]:
    """The fields of each mapping, counted as the server counts them."""
    major = int(facts.root["version"]["number"].partition(".")[0])
    for index in facts.indices.values():
        limit = int(index.settings.get(FIELDS, 1000))
        fields = count_fields(index.mappings, major)
        if fields < NEAR * limit:
            continue
        yield Finding(
            "error" if fields >= limit else "warning",
            index.name,
            f"{index.name} has {fields:,} of {limit:,} fields",
            f"{fields / limit:.0%} of {FIELDS}",
            "stop the growth (dynamic: false, or the type flattened); raising the limit costs heap",
            request("PUT", f"{index.path}/_settings", {FIELDS: limit * 2}),
        )


@check(
    "huge-shards",
    "No shard is huge",
    why="A huge shard takes long to recover, to move and to merge, and a copy of it is slow.",
    needs=("shards",),
    thresholds=(f"warning: more than {HUGE / GIB:g} GB in one shard",),
)
def huge_shards(facts: Facts) -> Iterator[Finding]:
    """The size of each primary shard; one finding an index, for its largest."""
    largest: dict[str, int] = {}
    for shard in facts.shards:
        if shard.primary and (shard.size or 0) > HUGE:
            largest[shard.index] = max(shard.size or 0, largest.get(shard.index, 0))
    for name, size in sorted(largest.items()):
        count = sum(one.index == name and one.primary for one in facts.shards)
        yield Finding(
            "warning",
            name,
            f"{name} has a shard of {size / GIB:.0f} GB",
            f"{count} primary shard{'' if count == 1 else 's'}, "
            f"{facts.bytes_of(name) / GIB:.0f} GB in all",
            "plan more shards (number_of_shards), so that each has 10 to 50 GB",
            request("GET", f"/_cat/shards{index_path(name)}?v&s=store:desc"),
        )


@check(
    "tiny-shards",
    "Small indices have few shards",
    why="Each shard costs heap, file handles and a part of every search, however small it is.",
    needs=("shards",),
    uses=("lucene",),
    thresholds=(
        f"info: several shards, with less than {TINY / GIB:g} GB in each on average",
        f"an index with a shard of {FEW:,} documents needs its shards for those",
    ),
)
def tiny_shards(facts: Facts) -> Iterator[Finding]:
    """Primary shards, bytes and documents of each index, those of the server itself left out."""
    shards: dict[str, int] = {}
    for one in facts.shards:
        if one.primary and not one.index.startswith("."):
            shards[one.index] = shards.get(one.index, 0) + 1
    several = [n for n, count in sorted(shards.items()) if count > 1]
    small = [n for n in several if facts.bytes_of(n) < TINY * shards[n]]
    tiny = [n for n in small if facts.lucene.get(n, 0) < FEW]
    if tiny:
        said = [f"{n}: {shards[n]} shards, {facts.bytes_of(n):,} bytes" for n in tiny[:3]]
        yield Finding(
            "info",
            listed(tiny),
            f"{len(tiny)} ind{'ex has' if len(tiny) == 1 else 'ices have'} more shards than needed",
            "; ".join(said),
            "plan fewer shards, unless the index is about to grow",
            request("GET", "/_cat/shards?v&s=store"),
        )


@check(
    "lucene-limit",
    "No shard is near the most documents it can hold",
    why="At the limit the shard refuses every write, and only a new index with more shards helps.",
    needs=("lucene",),
    thresholds=(
        f"warning: from {NEAR:.0%} of 2,147,483,519 documents in one shard",
        "error: from 95%",
    ),
)
def lucene_limit(facts: Facts) -> Iterator[Finding]:
    """The documents of each shard, deleted and nested ones included."""
    for name, documents in sorted(facts.lucene.items()):
        part = documents / LUCENE
        if part < NEAR:
            continue
        yield Finding(
            "error" if part >= 0.95 else "warning",  # noqa: PLR2004  (in the thresholds)
            name,
            f"a shard of {name} has {documents:,} documents",
            f"{part:.0%} of the {LUCENE:,} that Lucene can hold",
            "plan more shards; deleted documents go with a force merge",
            request("GET", f"/_cat/shards{index_path(name)}?v&s=docs:desc"),
        )


@check(
    "replicas",
    "What aliases serve has a replica",
    why="Without a replica the loss of one node loses the documents.",
    needs=("health", "indices"),
    thresholds=("warning: no replica, although there is more than one data node",),
)
def replicas(facts: Facts) -> Iterator[Finding]:
    """The number of replicas of each open index behind an alias.

    On one data node nothing is reported: a replica could not be anywhere.
    """
    found = [one.name for one in facts.indices.values() if one.served and _is_single(one)]
    if found and facts.data_nodes > 1:
        yield Finding(
            "warning",
            listed(found),
            f"{len(found)} of the indices behind aliases have no replica",
            f"index.number_of_replicas: 0, with {facts.data_nodes} data nodes",
            "plan a replica for each",
            request("PUT", f"{index_path(found[0])}/_settings", {"index.number_of_replicas": 1}),
        )


def _is_single(index: Index) -> bool:
    return index.is_open and str(index.settings.get("index.number_of_replicas")) == "0"


@check(
    "provable",
    "What aliases serve can be copied and proven",
    why="A change that needs a new index is refused for it: the copy could not be whole, or not "
    "be proven.",
    needs=("indices",),
)
def provable(facts: Facts) -> Iterator[Finding]:
    """Whether indices behind aliases keep their whole `_source`."""
    for index in facts.indices.values():
        reasons = list(_unprovable(index)) if index.served else []
        if reasons:
            yield Finding(
                "warning",
                index.name,
                f"{index.name} cannot be replaced by a proven copy",
                "; ".join(reasons),
                "when it must change, load the new index from where the data came from",
                request("GET", f"{index.path}/_mapping"),
            )


def _unprovable(index: Index) -> Iterator[str]:
    source = index.mappings.get("_source", {})
    if str(source.get("enabled", True)).lower() == "false":
        yield "mappings._source.enabled: false"
    yield from (f"mappings._source.{name}" for name in ("includes", "excludes") if source.get(name))
