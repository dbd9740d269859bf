"""Documents of an index as they lie there: `_id`, `_routing` and `_source` to the byte.

A search answers with the `_source` that was stored, unless something asks it to take it apart
(`filter_path` does). Python's JSON would change it: 1e3, 1.10, the order of keys. So the answer
is cut at the right places, and what is between them is not looked at.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from esplan import unreadable
from esplan.checksum.shards import require_one
from esplan.checksum.side import HISTOGRAM_BUCKETS, LONGEST_REQUEST, Part, spans, whole
from esplan.errors import StepFailed
from esplan.request import index_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.checksum.side import Span
    from esplan.cluster import Cluster
    from esplan.model import JSON

MOST_DOCUMENTS = 2_000
"""A page, and a span of pages."""

AIM, MOST_BYTES = 1_000_000, 2_000_000
"""Bytes that a page should have, and may have. One document alone may have any length."""

UNLIMITED = 1 << 40

NAMED = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
BRACKET = re.compile(rb'(?:[^{}\[\]"]++|' + NAMED.pattern + rb")*+[{}\[\]]", re.DOTALL)
"""Up to the next bracket that is not in a string."""

SCALAR = re.compile(rb"[^,\]}\s]+")
SPACE = re.compile(rb"\s*")
LINE_BREAKS = bytes.maketrans(b"\r\n", b"  ")
"""In JSON they stand between values only; a bulk request has a document a line."""


@dataclass(frozen=True)
class Document:
    """All JSON as it came; `routing` is empty for none."""

    id: bytes
    routing: bytes
    source: bytes
    seq_no: int

    def lines(self) -> tuple[bytes, bytes]:
        """The two lines of a bulk request that create it."""
        routing = b',"routing":' + self.routing if self.routing else b""
        several = b"\n" in self.source or b"\r" in self.source
        source = self.source.translate(LINE_BREAKS) if several else self.source
        return b'{"create":{"_id":' + self.id + routing + b"}}", source


@dataclass
class Pager:
    """Reads one index; `size` documents a page, which follows what the documents turn out to be.

    `most`: documents a page whatever they are.

    A page is of one shard, in the order of its sequence numbers: where it ends, the next one can
    begin at any later time. No view of the index is kept open.
    """

    cluster: Cluster
    index: str
    size: int
    most: int = MOST_DOCUMENTS

    def __post_init__(self) -> None:
        """Not more than the most, and not none."""
        self.most = max(1, min(self.most, MOST_DOCUMENTS))
        self.size = max(1, min(self.size, self.most))

    def spans(self, shard: int, low: int, high: int) -> list[Span]:
        """What a shard has from one sequence number up to another one, cut for several readers."""
        interval = 1 + max(0, high - low) // HISTOGRAM_BUCKETS
        aggregation = {"field": "_seq_no", "interval": interval, "min_doc_count": 1}
        query = {"range": {"_seq_no": {"gte": low, "lte": high}}}
        body = {"size": 0, "query": query, "aggs": {"spread": {"histogram": aggregation}}}
        path = index_path(self.index, "/_search")
        answer = self.cluster.read(path, _on(shard), body, timeout=LONGEST_REQUEST)
        if answer is None:
            raise StepFailed(
                f"the index {self.index} is gone from {self.cluster.connection.url}",
                code="ESP-3304",
                remedy="see which indices there are: GET _cat/indices",
            )
        buckets = _of_one(answer, self.index)["aggregations"]["spread"]["buckets"]
        counts = tuple((int(one["key"]), one["doc_count"]) for one in buckets)
        return [
            replace(span, low=max(low, span.low))
            for span in spans(Part(counts, interval), self.most)
        ]

    def pages(self, shard: int, low: int, high: int) -> Iterator[list[Document]]:
        """Every document from `low` up to below `high`. A page that is too long is asked anew."""
        while low < high:
            size = self.size
            found = self._page(shard, low, high, size)
            if found is None:
                self.size = max(1, size // 4)
                continue
            self._follow(size, found)
            if found:
                yield found
            if len(found) < size:
                return
            low = found[-1].seq_no + 1

    def _follow(self, size: int, found: list[Document]) -> None:
        much = sum(len(one.source) for one in found)
        if much > AIM:
            self.size = max(1, len(found) * AIM // much)
        elif len(found) == size and 2 * much < AIM:
            self.size = min(self.most, 2 * size)

    def _page(self, shard: int, low: int, high: int, size: int) -> list[Document] | None:
        body: JSON = {
            "size": size,
            "query": {"range": {"_seq_no": {"gte": low, "lt": high}}},
            "sort": ["_seq_no"],
            "track_total_hits": False,
        }
        most = MOST_BYTES if size > 1 else UNLIMITED
        path = index_path(self.index, "/_search")
        answer = self.cluster.read_bytes(path, _on(shard), body, most=most, timeout=LONGEST_REQUEST)
        if answer is None:
            return None
        try:
            return parsed(answer, self.index)
        except (ValueError, KeyError):
            from esplan.cluster import foreign

            raise unreadable.quoted(answer) or foreign(self.cluster.connection.url) from None


def _on(shard: int) -> JSON:
    return {
        "preference": f"_shards:{shard}",
        "allow_partial_search_results": "false",
        "request_cache": "false",
    }


def parsed(answer: bytes, index: str) -> list[Document]:
    """The documents of a search's answer. Raises StepFailed where a part of it is missing."""
    reader, outer, found = _Reader(answer), {}, []
    for name in reader.members():
        if name == "hits":
            for inner in reader.members():
                if inner == "hits":
                    found = [_document(reader, index) for _ in reader.elements()]
                else:
                    reader.raw()
        else:
            outer[name] = json.loads(reader.raw())
    _of_one(outer, index)
    return found


def _of_one(answer: JSON, index: str) -> JSON:
    """The answer, if it is that of one shard. Raises StepFailed and Incomplete."""
    one = whole(answer, index)
    require_one(one, index)
    return one


def _document(reader: _Reader, index: str) -> Document:
    parts = {name: reader.raw() for name in reader.members()}
    if "_source" not in parts:
        raise StepFailed(
            f"{index} does not keep its documents: {parts.get('_id', b'').decode()} has no _source",
            code="ESP-4110",
            remedy="load the new index from where the data came from",
        )
    seq_no = int(parts["sort"][1:-1])
    return Document(parts["_id"], parts.get("_routing", b""), parts["_source"], seq_no)


class _Reader:
    """Goes through JSON that a server has written, value by value."""

    def __init__(self, text: bytes) -> None:
        self.text, self.at = text, 0

    def members(self) -> Iterator[str]:
        """The names of an object; whoever takes one reads its value before the next."""
        self._take(b"{")
        if self._next(b"}"):
            return
        while True:
            name = self.raw()[1:-1].decode()
            self._take(b":")
            yield name
            if self._take(b",}") == b"}":
                return

    def elements(self) -> Iterator[None]:
        """Once for each element of a list; it has to be read before the next."""
        self._take(b"[")
        if self._next(b"]"):
            return
        while True:
            yield None
            if self._take(b",]") == b"]":
                return

    def raw(self) -> bytes:
        """The next value, as it stands there."""
        start = self._skip()
        sign = self.text[start : start + 1]
        if sign in (b"{", b"["):
            self.at = self._end(start)
        else:
            self.at = self._matched(NAMED if sign == b'"' else SCALAR, start)
        return self.text[start : self.at]

    def _end(self, start: int) -> int:
        """Where an object or a list ends; however deep it is."""
        depth, at = 1, start + 1
        while depth:
            at = self._matched(BRACKET, at)
            depth += 1 if self.text[at - 1] in b"{[" else -1
        return at

    def _matched(self, pattern: re.Pattern[bytes], start: int) -> int:
        found = pattern.match(self.text, start)
        if found is None:
            raise ValueError(f"no JSON at byte {start}")
        return found.end()

    def _skip(self) -> int:
        self.at = self._matched(SPACE, self.at)
        return self.at

    def _next(self, sign: bytes) -> bool:
        start = self._skip()
        is_it = self.text[start : start + 1] == sign
        self.at += is_it
        return is_it

    def _take(self, signs: bytes) -> bytes:
        start = self._skip()
        sign = self.text[start : start + 1]
        if not sign or sign not in signs:
            raise ValueError(f"no JSON at byte {start}")
        self.at = start + 1
        return sign


def first_size(documents: int | None, size: int | None) -> int:
    """Documents of the first page: as stored, JSON is a fraction of what it is on the wire."""
    if not documents:
        return MOST_DOCUMENTS
    return max(1, min(MOST_DOCUMENTS, AIM // 4 * documents // max(1, size or 1)))


def shards(marks: dict[str, int]) -> list[tuple[int, int]]:
    """Number and highest sequence number of every shard, in order."""
    found: list[Any] = sorted((int(number), highest) for number, highest in marks.items())
    return found
