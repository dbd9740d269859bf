"""What differs in single documents: for people, after the proof has named them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from esplan.checksum.side import search
from esplan.request import index_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from esplan.cluster import Cluster
    from esplan.model import JSON

COPIES = 10
"""Documents of one id that are looked for, on average."""

MOST = 50
"""Fields of one document that are shown; all are counted."""

Kind = Literal["changed", "removed", "added"]
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Field:
    """One value of a document: `path` leads to it, below `_source` or to `_routing`.

    `kind`: `changed`; `removed`, where only the source has it; `added`, where only the target has.
    The value of the other side is None then.
    """

    kind: Kind
    path: Path
    source: Any
    target: Any


@dataclass(frozen=True)
class Document:
    """One document that differs. No `fields`: what the server shows of it is the same.

    Then it is the order of keys, the spelling of a number as in 1.0 and 1.00, or a vector, which
    version 9 shows to nobody who does not ask for it. `count`: how many fields differ. `copies`:
    how many documents of this id there are on each side, which is more than one where ids are
    routed.
    """

    id: str
    fields: tuple[Field, ...] = ()
    count: int = 0
    copies: tuple[int, int] = (1, 1)


def differing(cluster: Cluster, source: str, target: str, ids: Sequence[str]) -> list[Document]:
    """The documents of these ids, field by field. At most a few: they are read whole.

    One request a side. Raises ServerError and Unreachable.
    """
    if not ids:
        return []
    old, new = (_read(cluster, index, ids) for index in (source, target))
    return [_document(id_, old.get(id_, []), new.get(id_, [])) for id_ in ids]


def _read(cluster: Cluster, index: str, ids: Sequence[str]) -> dict[str, list[JSON]]:
    """`_source` and `_routing` by id: a search finds them whatever their routing is."""
    query = {"query": {"ids": {"values": list(ids)}}, "size": COPIES * len(ids)}
    whole = {"allow_partial_search_results": "false"}
    answer = cluster.read(index_path(index, "/_search"), whole, query) or {}
    found: dict[str, list[JSON]] = {}
    for hit in answer.get("hits", {}).get("hits", ()):
        one = {"_routing": hit.get("_routing"), "_source": hit.get("_source", {})}
        found.setdefault(hit["_id"], []).append(one)
    return found


def places(
    cluster: Cluster, index: str, ids: Sequence[str], query: JSON | None = None
) -> list[JSON]:
    """Where the documents of these ids are, as a conditional write names them; not what they say.

    `query`: those of them that match. A refresh has to come before it. Raises ServerError and
    Unreachable.
    """
    size = len(ids)
    while True:
        named: JSON = {"terms": {"_id": list(ids)}}
        within = {"bool": {"filter": [named, query]}} if query else named
        body: JSON = {"query": within, "size": size, "seq_no_primary_term": True, "_source": False}
        hits = search(cluster, index, body)["hits"]["hits"]
        if len(hits) < size or size > COPIES * len(ids):
            return [_place(hit) for hit in hits]
        size *= 2


def _place(hit: JSON) -> JSON:
    return {
        "_id": hit["_id"],
        "routing": hit.get("_routing"),
        "if_seq_no": hit["_seq_no"],
        "if_primary_term": hit["_primary_term"],
    }


def _document(id_: str, old: list[JSON], new: list[JSON]) -> Document:
    copies = (len(old), len(new))
    if copies != (1, 1):
        return Document(id_, copies=copies)
    fields = sorted(_fields(old[0], new[0]), key=lambda one: [*map(str, one.path)])
    return Document(id_, tuple(fields[:MOST]), len(fields))


def _fields(old: JSON, new: JSON) -> Iterator[Field]:
    from deepdiff import DeepDiff
    from deepdiff.helper import notpresent

    tree = DeepDiff(
        old, new, view="tree", threshold_to_diff_deeper=0, ignore_private_variables=False
    )
    levels: Iterable[Any] = (level for group in tree.values() for level in group)
    for level in levels:
        path = tuple(level.path(output_format="list"))
        if level.t1 is notpresent:
            yield Field("added", path, None, level.t2)
        elif level.t2 is notpresent:
            yield Field("removed", path, level.t1, None)
        else:
            yield Field("changed", path, level.t1, level.t2)
