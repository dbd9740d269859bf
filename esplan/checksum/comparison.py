"""Compare two indices document by document, without moving the documents."""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from esplan import synthetic
from esplan.checksum.client_hash import ClientHash
from esplan.checksum.cluster_hash import ClusterHash
from esplan.checksum.difference import SHOWN, Difference
from esplan.checksum.moment import reached
from esplan.checksum.reading import PLAIN
from esplan.checksum.report import Marks, Method, Report
from esplan.checksum.side import Place, count, marks, read_part, read_side, refresh
from esplan.errors import Refused, StepFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from esplan.checksum.ahead import Known
    from esplan.checksum.reading import Reading
    from esplan.checksum.side import Named, Side, Span
    from esplan.cluster import Cluster
    from esplan.model import JSON

    Progress = Callable[[int, int], None]

Answer = TypeVar("Answer")

CHUNK = 100_000
"""Documents a request while summing: about a second."""

CHUNK_BYTES = 200_000_000
"""Stored bytes a request, where documents are large."""

FEWEST = 10_000
"""Documents a request where there are only some: so that both threads end together."""

DETAIL = 25_000
"""Documents a request while listing ids: all of them may be in the answer."""

PAGE, PAGE_BYTES = 2_000, 4_000_000
"""Documents, and stored bytes, a page that the client reads."""

THREADS = 2
"""Requests at a time: seen to be 1.85 times as fast as one, on a server with two cores."""


class Hashes(Protocol):
    """One index, hashed in the cluster or here."""

    def sums(self, span: Span) -> list[int]:
        """Three numbers a bucket: documents, first lane, second lane; see `cluster_hash`."""

    def rows(self, span: Span | Named, wanted: Sequence[int]) -> Iterable[tuple[str, str]]:
        """`(id, hash)` of every document in the wanted buckets."""

    @property
    def reading(self) -> Reading:
        """How the documents are read."""

    def whole(self) -> Self:
        """The same hash with one bucket, 0, for rows of all documents; their routing counts."""


@dataclass(frozen=True)
class Pair:
    """Both sides, source first, and how to hash them."""

    sides: tuple[Side, Side]
    hashes: tuple[Hashes, Hashes]
    buckets: int


@dataclass(frozen=True)
class _How:
    """What `compare` was asked for."""

    progress: Progress
    chunk: int
    listed: int
    reading: Reading
    known: Known | None = None


def compare(  # noqa: PLR0913  (what one comparison may be asked for)
    cluster: Cluster,
    source: str | Place,
    target: str,
    *,
    method: Method = "checksum",
    progress: Progress | None = None,
    chunk: int = CHUNK,
    reading: Reading = PLAIN,
    listed: int = SHOWN,
    known: Known | None = None,
) -> Report:
    """Tell whether the index `target` holds exactly the documents of `source`.

    `source` is an index of the same cluster, or the place of one in another.

    `checksum` compares `_id`, `_routing` and `_source` of every document, `count` only their
    number. `progress` gets documents done and in total, both sides together, in this thread;
    where the sides differ it starts again from 0 for the search after the ids. What it raises
    ends the comparison. `chunk`: documents a request, fewer where they are large. `reading`: how
    the source is read, where the target is no plain copy of it. `listed`: ids of each kind that
    the report names. `known`: what was summed of them before, if that still holds.
    Raises Refused where `_source` is not kept whole, StepFailed where a part of an index did
    not answer, ServerError and Unreachable.
    """
    began = time.monotonic()
    # First how far everything is carried out, then the refresh: all of that is visible. A write
    # that is in flight meanwhile is above it, and the marks at the end are others.
    old = source if isinstance(source, Place) else Place(cluster, source)
    places = (old, Place(cluster, target))
    before = marks_of(*places, reached)
    _refresh(*places)
    if method == "count":
        counts = (count(old.cluster, old.index, reading.query), count(cluster, target))
        report = Report(method, old.name, target, *counts, before)
    else:
        how = _How(progress or _silent, chunk, listed, reading, known)
        report = _checksum(*places, before, how)
    moved = report.moved or marks_of(*places) != before
    return replace(report, moved=moved, seconds=time.monotonic() - began)


def _refresh(source: Place, target: Place) -> None:
    if source.cluster is target.cluster:
        refresh(target.cluster, [source.index, target.index])
        return
    for place in (source, target):
        refresh(place.cluster, [place.index])


def marks_of(
    source: Place, target: Place, read: Callable[[Cluster, Sequence[str]], Marks] = marks
) -> Marks:
    """The marks of both sides, by their names; `read` is `marks` or `reached`."""
    if source.cluster is target.cluster:
        return read(target.cluster, [source.index, target.index])
    return {
        place.name: read(place.cluster, [place.index])[place.index] for place in (source, target)
    }


def _silent(done: int, total: int) -> None:
    """Nobody watches."""


def _checksum(source: Place, target: Place, before: Marks, how: _How) -> Report:
    """Sum both sides in buckets, and look into the buckets that differ."""
    old = side_of(source, before[source.name], how.reading.query)
    new = side_of(target, before[target.name], None)
    pair = hashes(target.cluster, old, new, how.reading, origin=source.cluster)
    known = how.known.checked(pair, before[source.name]) if how.known else None
    sums, left_out = summed(pair, how.progress, how.chunk, known)
    old_count, new_count = (sum(one[::3]) for one in sums)
    names = (source.name, target.name)
    report = Report("checksum", *names, old_count, new_count, before, left_out=left_out[0])
    if marks_of(source, target) != before:
        return replace(report, moved=True)
    _refuse_uncounted(pair.sides, (old_count + left_out[0], new_count + left_out[1]))
    differing = unlike(sums)
    report = replace(report, buckets=pair.buckets, differing=len(differing))
    if not differing:
        return report
    ids = partial(Difference.ids, listed=how.listed)
    missing, extra, different = joined(pair, differing, how.progress, ids, how.chunk)
    return replace(report, missing=missing, extra=extra, different=different)


def side_of(place: Place, shards: dict[str, int], query: JSON | None) -> Side:
    """A refreshed index with these marks; `query`: of these documents alone."""
    highest = max(shards.values(), default=-1)
    part = read_part(place.cluster, place.index, highest, query=query)
    return read_side(place.cluster, place.index, (part,), query)


def hashes(
    cluster: Cluster,
    source: Side,
    target: Side,
    reading: Reading,
    *,
    finer: int = 1,
    origin: Cluster | None = None,
) -> Pair:
    """Hash in the cluster, or on the client where that is too slow or not possible.

    A script runs in the cluster only. `finer`: times as many buckets, where it is known that some
    documents differ. `origin`: the cluster of the source, where it is another one.
    """
    _refuse_unsure(source)
    sides, readings = (source, target), (reading, reading.of_target())
    buckets = finer * bucket_count(max(source.documents, target.documents))
    routed = bool(source.routed or target.routed)
    clusters = (origin or cluster, cluster)
    inside = (
        ClusterHash(clusters[0], source.index, buckets, routed, readings[0]),
        ClusterHash(clusters[1], target.index, buckets, routed, readings[1]),
    )
    different = inside if clusters[0] is not cluster else inside[:1]
    if reading.script or _stays_inside(sides, different):
        return Pair(sides, inside, buckets)
    pages = (side.page(min(PAGE, side.window), PAGE_BYTES) for side in sides)
    outside = (
        ClientHash(one, side.index, buckets, page, read)
        for one, side, page, read in zip(clusters, sides, pages, readings, strict=True)
    )
    return Pair(sides, (next(outside), next(outside)), buckets)


def _refuse_unsure(source: Side) -> None:
    """What equals such documents may lack what they did not give back.

    The other side may be of that kind: what is equal to a whole document is whole.
    """
    if source.unsure:
        raise Refused(
            f"no copy can be proven equal to {source.index}",
            code="ESP-4125",
            why=source.unsure,
            remedy=synthetic.REMEDY,
        )


def _stays_inside(sides: tuple[Side, Side], hashes: Sequence[ClusterHash]) -> bool:
    """Where the documents are hashed, decided before the first of them is read.

    Version 9 hides vectors from the client, so only the cluster can compare them: there a cluster
    without scripts is an error, never a proof that leaves them out. The client reads in the order
    of sequence numbers.
    """
    if any(side.vectors or not side.numbered for side in sides):
        return True
    return not any(side.slow_ids for side in sides) and all(one.is_possible() for one in hashes)


def bucket_count(documents: int) -> int:
    """A power of two from 16 to 4,096: some 500 documents a bucket while that is possible."""
    return 1 << max(4, min(12, (documents // 500).bit_length()))


def summed(
    pair: Pair, progress: Progress, chunk: int = CHUNK, known: Known | None = None
) -> tuple[tuple[list[int], list[int]], tuple[int, int]]:
    """The sums of both sides over all of their spans; how many documents a script left out.

    `known`: as far as somebody has summed them.
    """
    sums = known.sums if known else ([0] * (3 * pair.buckets), [0] * (3 * pair.buckets))
    jobs = _jobs(pair, chunk, known)
    done, total = 0, sum(span.documents for _, span in jobs)

    def take(side: int, span: Span, answer: list[int]) -> None:
        nonlocal done
        sums[side][:] = added(sums[side], answer)
        done += span.documents
        progress(done, total)

    _run(jobs, lambda side, span: pair.hashes[side].sums(span), take)
    most = 3 * pair.buckets
    old, new = sums
    return (old[:most], new[:most]), (sum(old[most:]), sum(new[most:]))


def added(sums: list[int], more: list[int]) -> list[int]:
    """Number by number; one of them may have one more at its end."""
    return [a + b for a, b in zip_longest(sums, more, fillvalue=0)]


def unlike(sums: tuple[list[int], list[int]]) -> list[int]:
    """Buckets whose count or lanes differ. Lanes wrap at 64 bits in the cluster, not here."""
    differ = {at // 3 for at, (a, b) in enumerate(zip(*sums, strict=True)) if (a - b) % 2**64}
    return sorted(differ)


def _refuse_uncounted(sides: tuple[Side, Side], counted: Sequence[int]) -> None:
    """Every document that `_count` knows must have been hashed: otherwise nothing is proven."""
    for side, hashed in zip(sides, counted, strict=True):
        if side.documents != hashed:
            raise StepFailed(
                f"the checksum of {side.index} saw {hashed} of {side.documents} documents",
                code="ESP-4705",
                why="nobody wrote to it meanwhile, so the sequence numbers do not cover it",
                remedy="declare verify: {method: count} for it, and report this",
            )


def joined(
    pair: Pair,
    differing: Sequence[int],
    progress: Progress,
    said: Callable[[Difference], Answer],
    chunk: int = CHUNK,
) -> Answer:
    """What `said` reads off the documents of the buckets that differ."""
    jobs = _jobs(pair, min(chunk, DETAIL))
    done, total = 0, sum(span.documents for _, span in jobs)
    with Difference() as difference:

        def take(side: int, span: Span, rows: Iterable[tuple[str, str]]) -> None:
            nonlocal done
            difference.add(side, rows)
            done += span.documents
            progress(done, total)

        _run(jobs, lambda side, span: pair.hashes[side].rows(span, differing), take)
        return said(difference)


def _jobs(pair: Pair, chunk: int, known: Known | None = None) -> list[tuple[int, Span]]:
    """The spans of both sides in turn, each with the number of its side."""
    documents = sum(side.documents for side in pair.sides) - (known.documents if known else 0)
    chunk = min(chunk, max(FEWEST, documents // (2 * THREADS)))
    source, target = pair.sides
    left = known.left if known else source.cut(chunk, CHUNK_BYTES)
    rest = target.cut(chunk, CHUNK_BYTES)
    turns = zip_longest(left, known.rest(rest) if known else rest)
    return [(side, span) for turn in turns for side, span in enumerate(turn) if span]


def _run(
    jobs: Iterable[tuple[int, Span]],
    ask: Callable[[int, Span], Answer],
    take: Callable[[int, Span, Answer], None],
) -> None:
    """Ask for every job in threads and take the answers in this one, a few at a time.

    An error, an interrupt too, ends it as soon as the requests on their way have answered.
    """
    pool = ThreadPoolExecutor(THREADS)
    waiting: dict[Future[Answer], tuple[int, Span]] = {}

    def drain(most: int) -> None:
        while len(waiting) > most:
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                take(*waiting.pop(future), future.result())

    try:
        for side, span in jobs:
            waiting[pool.submit(ask, side, span)] = (side, span)
            drain(2 * THREADS)
        drain(0)
    finally:
        pool.shutdown(cancel_futures=True)
