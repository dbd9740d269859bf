"""How far a copy follows an index that clients write to, to the last document.

The proof in two parts. First every document of both sides is hashed at a point in time; what
differs is remembered. After that only what was touched has to be looked at again: on a side,
that is what has a sequence number above the marks of the view, and what the view had and a later
one has not. A document that nobody touched is as it was when it was compared. So once writes are
blocked, looking at the touched ones again proves all of them.

What has gone is found without reading documents: below the marks a shard can only lose sequence
numbers, so two histograms of them differ exactly where something went.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from esplan.checksum.comparison import Pair, hashes, joined, summed, unlike
from esplan.checksum.reading import PLAIN
from esplan.checksum.side import Named, Part, Span, read_part, search
from esplan.checksum.view import View, open_view
from esplan.errors import Refused, VerificationFailed
from esplan.request import pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from esplan.checksum.comparison import Hashes, Progress
    from esplan.checksum.reading import Reading
    from esplan.cluster import Cluster

Rows = dict[str, tuple[str, ...]]
"""The hashes of all documents of an id, sorted: several where ids are routed."""

MOST = 100_000
"""Ids of one kind that a copy may differ in before it is called wrong, and not late."""

FINER = 16
"""Times the buckets of a proof: what clients write meanwhile differs, and only the buckets that
differ are read again. With 400 of 300,000 documents these hold 5 % of them, and not half."""

PIECE = 20_000
"""Sequence numbers a request of rows; all of them may be in the answer."""

NAMED = 2_000
"""Ids or sequence numbers that one request asks for by name."""

RANGES = 500
"""Ranges that one request asks for."""


@dataclass(frozen=True)
class Standing:
    """Both sides at a point in time, source first, and the ids that differed then.

    The marks of the source are those up to which the target was filled before. `extra`: only in
    the target. `wrong`: not in it, or otherwise. `documents` of the source, as the copy should
    have them. `pair`: how to hash. `has_more`: more differs than `wrong` names.
    """

    source: View
    target: View
    pair: Pair
    documents: int
    extra: frozenset[str] = frozenset()
    wrong: frozenset[str] = frozenset()
    has_more: bool = False

    @property
    def differing(self) -> frozenset[str]:
        """All ids that differed."""
        return self.extra | self.wrong

    @property
    def keeps_ids(self) -> bool:
        """Whether a document of the source is found by the id that its copy has."""
        return self.pair.hashes[0].reading.script is None

    def left(self, since: Touched) -> frozenset[str]:
        """Ids that differ, and that nobody has touched since: no write will mend these."""
        return self.differing - since.fresh.keys() - since.gone

    def ready(self) -> None:
        """Ask now for what is needed once writes are blocked."""
        _together(self.source.ready, self.target.ready)

    def close(self) -> None:
        """Give the server its files back."""
        self.source.close()
        self.target.close()


@dataclass(frozen=True)
class Touched:
    """What happened to the source from a standing to the view `now`.

    `fresh`: what was written, as the copy should have it. `gone`: ids that were removed, or
    written anew. `documents` of the source then.
    """

    now: View
    fresh: Rows
    gone: frozenset[str]
    documents: int

    def __len__(self) -> int:
        """How many documents."""
        return len(self.fresh.keys() | self.gone)


def survey(
    cluster: Cluster,
    names: tuple[str, str],
    copied: Sequence[int],
    progress: Progress,
    reading: Reading = PLAIN,
    *,
    mirrored: bool = False,
    some: bool = False,
) -> Standing:
    """Compare every document of both, source first, at a point in time. It only reads.

    `copied`: the marks of the source up to which the target was filled already. `mirrored`: it is
    the target that `reading` is about, on the way back to where the source was copied from.
    Raises as `compare` does, and VerificationFailed where far too much differs: with `some` only
    where that is in the target alone.
    """
    old, new = open_view(cluster, names[0]), open_view(cluster, names[1])
    old = replace(old, marks=tuple(copied))
    pair = _hashes(cluster, (old, new), reading, mirrored=mirrored)
    sums, _ = summed(pair, progress)
    standing = Standing(old, new, pair, sum(sums[0][::3]))
    differing = unlike(sums)
    if not differing:
        return standing
    missing, extra, different = joined(pair, differing, progress, lambda one: one.whole(MOST))
    has_more = max(len(missing), len(different)) == MOST
    if len(extra) == MOST or (has_more and not some):
        standing.close()
        raise VerificationFailed(
            f"{names[1]} differs from {names[0]} in {MOST:,} documents or more",
            code="ESP-4703",
            why="that is more than clients write during one comparison",
            remedy="apply the plan again at a quieter time; or declare `writes: block`",
        )
    wrong = frozenset([*missing, *different])
    return replace(standing, extra=frozenset(extra), wrong=wrong, has_more=has_more)


def touched(cluster: Cluster, standing: Standing) -> Touched:
    """What clients have done to the source since a standing."""
    now = open_view(cluster, standing.source.index)
    (fresh, came), (gone, went) = _moved(standing.pair.hashes[0], standing.source, now)
    return Touched(now, fresh, gone, standing.documents + came - went)


def settled(cluster: Cluster, standing: Standing, since: Touched) -> tuple[Standing, int]:
    """The standing after a target was brought up to `since`, and how many ids were compared.

    Raises as `compare` does. The caller closes the old standing.
    """
    target = open_view(cluster, standing.target.index)
    (mine, _), (left, _) = _moved(standing.pair.hashes[1], standing.target, target)
    again = since.fresh.keys() | since.gone | standing.differing | mine.keys() | left
    wanted, found = _both_of(standing, since, target, sorted(again))
    stuck = frozenset() if standing.keeps_ids else standing.left(since) & standing.wrong
    differ = {id_ for id_ in again if wanted.get(id_) != found.get(id_)} | stuck
    extra = frozenset(id_ for id_ in differ if id_ not in wanted and id_ not in stuck)
    newer = replace(
        standing,
        source=since.now,
        target=target,
        documents=since.documents,
        extra=extra,
        wrong=frozenset(differ) - extra,
    )
    return newer, len(again)


def _hashes(
    cluster: Cluster, views: tuple[View, View], reading: Reading, *, mirrored: bool
) -> Pair:
    old, new = views
    if not mirrored:
        return hashes(cluster, old.side(reading.query), new.side(), reading, finer=FINER)
    pair = hashes(cluster, new.side(reading.query), old.side(), reading, finer=FINER)
    return Pair((pair.sides[1], pair.sides[0]), (pair.hashes[1], pair.hashes[0]), pair.buckets)


def _both_of(
    standing: Standing, since: Touched, target: View, ids: Sequence[str]
) -> tuple[Rows, Rows]:
    """The documents of these ids as they should be, and as they are."""
    old, new = standing.pair.hashes
    found = partial(_of_ids, new, target, ids)
    if not standing.keeps_ids:
        return since.fresh, found()
    wanted, found_ = _together(partial(_of_ids, old, since.now, ids), found)
    return wanted, found_


# Documents of a side


def _rows(one: Hashes, spans: Sequence[Span | Named]) -> tuple[Rows, int]:
    """By id, and how many documents they are."""
    whole, found = one.whole(), Counter[tuple[str, str]]()
    for span in spans:
        found.update(whole.rows(span, [0]))
    rows: dict[str, list[str]] = {}
    for (id_, hashed), times in found.items():
        rows.setdefault(id_, []).extend([hashed] * times)
    return {id_: tuple(sorted(several)) for id_, several in rows.items()}, found.total()


def _together(*asked: Callable[[], Any]) -> list[Any]:
    """Answers to questions that do not wait for each other: writes may be blocked meanwhile."""
    with ThreadPoolExecutor(len(asked)) as pool:
        return [one.result() for one in [pool.submit(question) for question in asked]]


def _moved(one: Hashes, old: View, new: View) -> list[Any]:
    """What came between two views (see `_above`), and what went (see `_gone`)."""
    if len(old.marks) != len(new.pits):
        raise Refused(
            f"{new.index} has {len(new.pits)} shards, and had {len(old.marks)}",
            code="ESP-4601",
            why="it was made anew by another while its documents were compared",
            remedy="the cluster has changed since the plan was made: make a new plan",
        )
    return _together(partial(_above, one, new, old.marks), partial(_gone, one, old, new))


def _above(one: Hashes, view: View, marks: Sequence[int]) -> tuple[Rows, int]:
    """What a view has above the marks of an earlier one."""
    shards = zip(marks, view.highest, view.pits, strict=True)
    spans = [
        Span(low, min(low + PIECE, highest + 1), PIECE, pit)
        for mark, highest, pit in shards
        for low in range(mark + 1, highest + 1, PIECE)
    ]
    return _rows(one, spans)


def _of_ids(one: Hashes, view: View, ids: Sequence[str]) -> Rows:
    """The documents of these ids."""
    named = [Named("_id", some, pit) for some in pieces(ids, NAMED) for pit in view.pits]
    return _rows(one, named)[0]


def _gone(one: Hashes, old: View, new: View) -> tuple[frozenset[str], int]:
    """Ids that a view had, and a later one has not in that writing; and how many documents.

    What the view had above its marks counts as gone, whether or not it is: it is fresh, too.
    """
    named: list[Named] = []
    for shard, pit in enumerate(old.pits):
        numbers = sorted(_numbers_gone(old, new, shard))
        named += [Named("_seq_no", some, pit) for some in pieces(numbers, NAMED)]
    rows, count = _rows(one, named)
    return frozenset(rows), count


def _numbers_gone(old: View, new: View, shard: int) -> set[int]:
    mark, highest = old.marks[shard], old.highest[shard]
    before = old.parts[shard]
    after = read_part(new.cluster, new.index, highest, new.pits[shard])
    ranges = [(low, min(low + before.interval, mark + 1)) for low in _lost(before, after, mark)]
    had, has, above = _together(
        partial(_numbers, old, shard, ranges),
        partial(_numbers, new, shard, ranges),
        partial(_numbers, old, shard, [(mark + 1, highest + 1)]),
    )
    gone: set[int] = (had - has) | above
    return gone


def _lost(before: Part, after: Part, mark: int) -> Iterator[int]:
    """Where buckets begin that reach below the mark, and have another number of documents.

    In the bucket of the mark itself what came may make up for what went: it is always one.
    """
    now = dict(after.histogram)
    for low, documents in before.histogram:
        if low <= mark and (now.get(low) != documents or low + before.interval > mark + 1):
            yield low


def _numbers(view: View, shard: int, ranges: Sequence[tuple[int, int]]) -> set[int]:
    """The sequence numbers that a view has in the ranges: lowest inclusive, highest exclusive."""
    found: set[int] = set()
    for some in pieces(_merged(ranges), RANGES):
        should = [{"range": {"_seq_no": {"gte": low, "lt": high}}} for low, high in some]
        for page in _pages(view, shard, {"bool": {"should": should}}):
            found.update(page)
    return found


def _merged(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Neighbours joined, empty ones left out."""
    joined_: list[tuple[int, int]] = []
    for low, high in ranges:
        if joined_ and joined_[-1][1] == low:
            joined_[-1] = (joined_[-1][0], high)
        elif low < high:
            joined_.append((low, high))
    return joined_


def _pages(view: View, shard: int, query: dict[str, object]) -> Iterator[list[int]]:
    """The sequence numbers of the documents of a query, a page at a time."""
    body = {
        "size": view.window,
        "query": query,
        "sort": [{"_seq_no": "asc"}],
        "_source": False,
        "track_total_hits": False,
    }
    while True:
        hits = search(view.cluster, view.index, body, view.pits[shard])["hits"]["hits"]
        if hits:
            yield [int(hit["sort"][0]) for hit in hits]
        if len(hits) < view.window:
            return
        body["search_after"] = hits[-1]["sort"]
