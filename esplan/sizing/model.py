"""What sizing speaks of: a copy of a shard, an index with its numbers, advice. All in bytes."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Literal

from esplan.sizing import GIB, SEGMENT, SHARD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.model import JSON

Severity = Literal["critical", "warning", "info"]
Kind = Literal["allocation", "shards", "replicas", "force_merge", "expunge_deletes", "empty"]
Route = Literal["shrink", "split", "reindex"]

SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")


@dataclass(frozen=True)
class Goals:
    """What is wanted: bytes of a segment after a force merge, bytes of a shard."""

    segment: int = SEGMENT
    shard: int = SHARD


@dataclass(frozen=True)
class Advice:
    """One thing that is off, and what to do about it.

    `problem` is a word or two for a table. `arguments`, by kind: `shards` has `shards` and
    `route`; `replicas` has `replicas`; `force_merge` has `max_num_segments`. `requests` are
    `{method, path, body}`, in the order in which a person runs them.
    """

    kind: Kind
    problem: str
    severity: Severity
    reason: str
    remedy: str
    arguments: JSON = field(default_factory=dict)
    requests: tuple[JSON, ...] = ()


@dataclass(frozen=True)
class Copy:
    """One started copy of a shard: `segments` as `_cat/segments` lists them.

    That is what searches see, and what the last commit still holds: just after a merge the same
    documents are in both. `searchable` counts the first alone. `size` is that of all listed.
    """

    shard: int
    is_primary: bool
    node: str
    segments: int
    searchable: int
    size: int


@dataclass(frozen=True)
class Sizing:
    """One index. None is what nobody knows: a closed index has no documents to count.

    `shards` are primaries. `routing_shards`: what the server would split it into at most.
    `primary_bytes` and `total_bytes` are stores, as `_cat/shards` has them. `documents` are
    Lucene's: nested ones count too. `max_num_segments` is for one shard.
    """

    name: str
    is_open: bool
    shards: int
    replicas: int
    routing_shards: int
    expands: bool = False
    primary_bytes: int | None = None
    total_bytes: int | None = None
    documents: int | None = None
    deleted: int | None = None
    copies: tuple[Copy, ...] = ()
    max_num_segments: int | None = None
    advice: tuple[Advice, ...] = ()

    @property
    def primaries(self) -> tuple[Copy, ...]:
        """The primary of each shard that has one."""
        return tuple(one for one in self.copies if one.is_primary)

    @property
    def missing(self) -> tuple[int, ...]:
        """The shards of an open index without a started primary."""
        there = {one.shard for one in self.primaries}
        return tuple(n for n in range(self.shards) if self.is_open and n not in there)

    @property
    def fullest(self) -> tuple[str, int]:
        """The node that has copies of the most of its shards, and of how many: for a shrink."""
        on: dict[str, set[int]] = defaultdict(set)
        for copy in self.copies:
            on[copy.node].add(copy.shard)
        return max(
            ((name, len(on[name])) for name in sorted(on)), key=itemgetter(1), default=("", 0)
        )

    @property
    def segments(self) -> int | None:
        """Of the primaries."""
        return sum(one.segments for one in self.primaries) if self.copies else None

    @property
    def searchable(self) -> int | None:
        """Those of the primaries that searches see: what a force merge would merge."""
        return sum(one.searchable for one in self.primaries) if self.copies else None

    @property
    def segment_bytes(self) -> int | None:
        """Bytes of the segments of the primaries: the store without its list of segments."""
        return sum(one.size for one in self.primaries) if self.copies else None

    @property
    def all_segments(self) -> int | None:
        """Of all copies."""
        return sum(one.segments for one in self.copies) if self.copies else None

    @property
    def all_segment_bytes(self) -> int | None:
        """Bytes of the segments of all copies."""
        return sum(one.size for one in self.copies) if self.copies else None

    @property
    def gb_per_shard(self) -> float | None:
        """Of the primaries; a GB is 1,024³ bytes."""
        return None if self.primary_bytes is None else self.primary_bytes / GIB / self.shards

    @property
    def segments_per_shard(self) -> float | None:
        """Of the primaries."""
        return None if self.segments is None else self.segments / self.shards

    @property
    def segments_per_gb(self) -> float | None:
        """Of the primaries; None where there are no bytes."""
        if self.segments is None or not self.primary_bytes:
            return None
        return self.segments / self.primary_bytes * GIB

    @property
    def deleted_share(self) -> float | None:
        """Deleted documents among all, 0 to 1."""
        if self.documents is None or self.deleted is None:
            return None
        return self.deleted / max(1, self.documents + self.deleted)

    @property
    def proposal(self) -> JSON:
        """`{"shards": 3, "route": "shrink"}`, or nothing."""
        return next((one.arguments for one in self.advice if one.kind == "shards"), {})

    @property
    def rank(self) -> float:
        """How bad it is: 0 is the worst; infinite without advice."""
        found = [SEVERITIES.index(one.severity) for one in self.advice]
        return min(found, default=math.inf)


@dataclass(frozen=True)
class Totals:
    """Sums over the rows; what is unknown counts as nothing. `shards` are primaries."""

    indices: int
    shards: int
    all_shards: int
    primary_bytes: int
    total_bytes: int
    documents: int
    deleted: int
    segments: int
    all_segments: int


def totals(rows: Sequence[Sizing]) -> Totals:
    """The last line of the table. `all_shards` counts replicas, also those without a node."""
    return Totals(
        indices=len(rows),
        shards=sum(one.shards for one in rows),
        all_shards=sum(one.shards * (1 + one.replicas) for one in rows),
        primary_bytes=sum(one.primary_bytes or 0 for one in rows),
        total_bytes=sum(one.total_bytes or 0 for one in rows),
        documents=sum(one.documents or 0 for one in rows),
        deleted=sum(one.deleted or 0 for one in rows),
        segments=sum(one.segments or 0 for one in rows),
        all_segments=sum(one.all_segments or 0 for one in rows),
    )
