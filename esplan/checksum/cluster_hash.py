"""Hash documents where they lie: one scripted_metric aggregation a span.

What the hash promises. Two running hashes ("lanes") of 64 bits each take in the `_id`, the
`_routing` and the whole tree of `_source`. Every value begins with a word that names its kind
and, for text, lists and maps, its length, so that 1, 1.0 and "1" differ and no two trees are
written alike. Text goes in whole, four characters a word; `String.hashCode` (32 bits) is not
used. For a fixed word each lane changes by a bijection (exclusive or or addition, an odd factor,
a shifted exclusive or), so nothing that is in a lane gets lost, and a word is spread over all
64 bits before it goes in: two different documents end alike in one lane by chance only, 1 in
2^64, and as the lanes use unlike operators, factors and shifts, 1 in 2^128 in both. The entries
of a map are hashed each from its name and then added, after the finaliser of splitmix64: their
order does not matter, and swapped values do. Documents are added the same way, in buckets by
`_id`, with their number, so a duplicate does not cancel out as it would with exclusive or.
This holds for data that nobody built to collide: the hash has no secret.

What it does not tell apart, as the server itself does not: 1e3 and 1000.0, 1.10 and 1.1, and
decimals beyond double precision.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Self

from esplan.checksum import reading as readings
from esplan.checksum.missing import is_away
from esplan.checksum.reading import PLAIN
from esplan.checksum.side import Named, Span, search
from esplan.errors import Incomplete, ServerError, StepFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from esplan.checksum.reading import Reading
    from esplan.cluster import Cluster
    from esplan.model import JSON

# The texts are constant and take their values from params: the server compiles them once, and
# limits how many it compiles a minute (`script.max_compilations_rate`).
INIT = """\
state.mask = params.buckets - 1;
state.routed = params.routed;
state.names = new HashMap();
state.wanted = new HashSet(params.wanted);
state.found = new ArrayList();
state.sums = new long[3 * params.buckets];
"""

COMBINE = "if (params.wanted.isEmpty()) { return state.sums } else { return state.found }"

REDUCE = """\
if (!params.wanted.isEmpty()) {
  List found = new ArrayList();
  for (shard in states) { if (shard != null) { found.addAll(shard) } }
  return found;
}
long[] total = new long[3 * params.buckets];
for (shard in states) {
  if (shard != null) {
    long[] sums = (long[]) shard;
    for (int i = 0; i < sums.length; i++) { total[i] += sums[i] }
  }
}
return total;
"""


EVERYTHING: dict[str, Any] = {"match_all": {}}
"""The query for all documents."""

LENGTH = "3 * params.buckets"

NOTHING = Span(0, 0, 0)
"""No document: the server compiles the scripts, and runs them over nothing."""


@cache
def map_script() -> str:
    """The painless source of the hash."""
    package = resources.files("esplan.checksum")
    files = ("checksum.painless", "document.painless")
    return "".join(package.joinpath(file).read_text(encoding="utf-8") for file in files)


def aggregation(buckets: int, wanted: Sequence[int] = (), *, routed: bool) -> JSON:
    """The hash as an aggregation; `wanted` buckets ask for their ids in place of sums."""
    params = {"buckets": buckets, "routed": routed, "wanted": list(wanted)}
    scripts = {
        "params": params,
        "init_script": INIT,
        "map_script": map_script(),
        "combine_script": COMBINE,
        "reduce_script": REDUCE,
    }
    return {"scripted_metric": scripts}


def transformed(plain: JSON, reading: Reading, index: str, *, show: bool) -> JSON:
    """The aggregation of documents that are not read as they are.

    After the sums comes one number more: how many documents the script left out. `show`: the
    documents themselves in place of ids.
    """
    scripts = plain["scripted_metric"]
    params = {**scripts["params"], "reading": reading.parameters(index, show=show)}
    texts = {
        "map_script": readings.text(reading.script),
        "init_script": INIT.replace(LENGTH, f"{LENGTH} + 1"),
        "reduce_script": REDUCE.replace(LENGTH, f"{LENGTH} + 1"),
    }
    return {"scripted_metric": {**scripts, **texts, "params": params}}


@dataclass(frozen=True)
class ClusterHash:
    """Hashes of one index, in `buckets` (a power of two) by `_id`.

    `routed` false leaves `_routing` unread, which saves a third of the time: only for a pair
    of indices in which no document has one.
    """

    cluster: Cluster
    index: str
    buckets: int
    routed: bool
    reading: Reading = PLAIN

    def is_possible(self) -> bool:
        """Whether the cluster runs the scripts: it may lack painless, or forbid inline scripts.

        Asked with a search of no document, since `GET _script_language` needs a privilege that
        nothing else here needs.
        """
        try:
            self.sums(NOTHING)
        except StepFailed:
            return False
        return True

    def sums(self, span: Span) -> list[int]:
        """Three numbers a bucket: documents, first lane, second lane (modulo 2^64).

        One more where they are not read as they are: the documents that the script left out.
        """
        return list(self._ask(span.query(), [], pit=span.pit))

    def rows(self, span: Span | Named, wanted: Sequence[int]) -> Iterable[tuple[str, str]]:
        """`(id, hash)` of every document in the wanted buckets."""
        flat = self._ask(span.query(), list(wanted), pit=span.pit)
        return zip(flat[::2], flat[1::2], strict=True)

    def rows_of(self, query: JSON) -> Iterable[tuple[str, str]]:
        """`(id, hash)` of the documents that match; a few, with one bucket."""
        flat = self._ask(query, [0])
        return zip(flat[::2], flat[1::2], strict=True)

    def shown(self, query: JSON) -> list[JSON]:
        """`_id`, `_routing` and `_source` of documents as they are read; a few, with one bucket."""
        return self._ask(query, [0], show=True)

    def whole(self) -> Self:
        """One bucket for all; a document that is new may have a routing."""
        return replace(self, buckets=1, routed=True)

    def _ask(
        self, query: JSON, wanted: list[int], *, show: bool = False, pit: str = ""
    ) -> list[Any]:
        hashed = aggregation(self.buckets, wanted, routed=self.routed)
        if self.reading.changes or show:
            hashed = transformed(hashed, self.reading, self.index, show=show)
        body = {
            "size": 0,
            "query": self.reading.within(query),
            "track_total_hits": False,
            "aggs": {"hash": hashed},
        }
        try:
            answer = search(self.cluster, self.index, body, pit)
        except ServerError as error:
            raise _unscriptable(self.index, error) from None
        return list(answer["aggregations"]["hash"]["value"])


def _unscriptable(index: str, error: ServerError) -> Exception:
    """A script that cannot run asks for another remedy than the server's other errors."""
    if is_away(error.answer.get("error")):
        return Incomplete(
            f"{index} cannot be hashed: a shard is not there",
            code="ESP-3301",
            why=error.what,
            remedy="see GET _cluster/allocation/explain",
        )
    if error.status not in {400, 500}:
        return error
    return StepFailed(
        f"the documents of {index} cannot be hashed in the cluster",
        code="ESP-4704",
        why=error.what,
        remedy="the cluster has to allow inline painless scripts in aggregations "
        "(script.allowed_types, script.allowed_contexts); or declare verify: {method: count}",
    )
