"""Rehearse the copy of some random documents, so that its surprises come before the plan.

They are copied, with the very request of the plan, into a throwaway index that has the definition
of the new one; then the proof of the plan is made of them.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from esplan.checksum import ClusterHash
from esplan.checksum.cluster_hash import EVERYTHING, NOTHING
from esplan.errors import EsplanError, Forbidden, OutcomeUnknown, Refused, ServerError, StepFailed
from esplan.model import UNNUMBERED, Body
from esplan.oracle.throwaway import FORBIDDEN, SAMPLE
from esplan.rejected import reason as reason_of
from esplan.request import index_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from esplan.checksum import Reading
    from esplan.cluster import Cluster
    from esplan.model import JSON
    from esplan.oracle.throwaway import Throwaways

SIZES = (100, 30, 10)
"""Documents of a rehearsal. Where somebody writes to some of them meanwhile, fewer are tried."""

LONGEST = 4_000
"""Characters of a document that is shown as an example."""

SHOWN = 10
"""Rejections, and differing documents, that are named."""

NOT_HERE = ("index.routing.allocation.", "index.auto_expand_replicas", "index.lifecycle.")
"""Settings that are no matter for documents, and may keep a throwaway from starting."""


@dataclass
class Rehearsal:
    """What became of `documents` that were tried. `differing`: what the proof says of them.

    `settled` is false where somebody wrote to some of the documents: nothing is known of the proof.
    """

    documents: int = 0
    taken: int = 0
    left_out: int = 0
    conflicts: int = 0
    rejections: list[JSON] = field(default_factory=list)
    examples: list[JSON] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    proven: bool = False
    settled: bool = True

    def to_json(self) -> JSON:
        """For the plan."""
        return {
            "documents": self.documents,
            "taken": self.taken,
            "left_out": self.left_out,
            "rejected": len(self.rejections),
            "rejections": self.rejections[:SHOWN],
            "examples": self.examples,
            "proven": self.proven,
        }


@dataclass(frozen=True)
class Stage:
    """The copy to rehearse: its body as sent, the definition of the new index, and the reading.

    `reading` is None where the proof compares no documents. `examples`: how many are shown.
    """

    made: Throwaways
    copy: JSON
    definition: JSON
    reading: Reading | None
    examples: int
    seed: int

    @property
    def source(self) -> str:
        """The index to copy from."""
        return str(self.copy["source"]["index"])

    @property
    def _cluster(self) -> Cluster:
        return self.made.cluster

    def rehearse(self) -> Rehearsal:
        """One try, or some where documents change meanwhile.

        Raises Refused for a script that does not compile, ServerError where the server does not
        take the query, or has no throwaway index (403).
        """
        found = Rehearsal()
        for size in SIZES:
            found = self._once(size)
            if found.settled:
                break
        return found

    def _once(self, size: int) -> Rehearsal:
        before = self._chosen(size)
        found = Rehearsal(documents=len(before))
        if not before:
            return found
        target = self.made.create(throwaway_body(self.definition), mark=SAMPLE)
        self.made.sweep(target)
        failed = self._copied(target, list(before), found)
        if self.reading:
            found.differing = self._proof(
                target, [one for one in before if one not in failed], found
            )
            found.settled = not found.differing or self._numbers(list(before)) == before
            found.proven = found.settled and not found.differing
        return found

    # The documents

    def _chosen(self, size: int) -> dict[str, int]:
        """Ids of random documents, each with its sequence number."""
        try:
            return self._random(size, {"seed": self.seed, "field": "_seq_no"})
        except ServerError as error:
            if UNNUMBERED not in error.what:
                raise
        return self._random(size, {})

    def _random(self, size: int, score: JSON) -> dict[str, int]:
        query = self.copy["source"].get("query", {"match_all": {}})
        body = {
            "size": min(size, int(self.copy["source"].get("size", size))),
            "query": {"function_score": {"query": query, "random_score": score}},
        }
        return self._searched(body)

    def _numbers(self, ids: list[str]) -> dict[str, int]:
        return self._searched({"size": len(ids), "query": _ids(ids)})

    def _searched(self, body: JSON) -> dict[str, int]:
        plain = {"_source": False, "seq_no_primary_term": True, "timeout": "10s"}
        answer = self._cluster.read(index_path(self.source, "/_search"), None, {**plain, **body})
        hits = (answer or {}).get("hits", {}).get("hits", [])
        return {hit["_id"]: hit["_seq_no"] for hit in hits}

    # The copy

    def _copied(self, target: str, ids: list[str], found: Rehearsal) -> set[str]:
        """The ids that the script failed on. Examples are copied one by one, to be told apart."""
        failed: set[str] = set()
        shown = self._short(ids[: 5 * self.examples])[: self.examples] if self.examples else []
        for before in shown:
            failed |= self._some(target, [before["_id"]], found)
            after = self._new(target, found)
            found.examples.append({"before": before, "after": after})
        alone = {one["_id"] for one in shown}
        return failed | self._some(target, [one for one in ids if one not in alone], found)

    def _some(self, target: str, ids: list[str], found: Rehearsal) -> set[str]:
        """A script that fails on one document ends the whole copy: then one by one."""
        if not ids:
            return set()
        try:
            self._counted(self._sent(target, ids), found)
        except ServerError as error:
            if "failures" in error.answer:
                self._counted(error.answer, found)
                return set()
            if error.status in FORBIDDEN:  # nothing to do with the documents
                raise
            self._refuse_uncompiled(error)
            if len(ids) > 1:
                return {bad for one in ids for bad in self._some(target, [one], found)}
            found.rejections.append({"id": ids[0], "reason": _reason(error)})
            return set(ids)
        return set()

    def _sent(self, target: str, ids: list[str]) -> Any:
        query = self.copy["source"].get("query")
        chosen = {"bool": {"filter": [_ids(ids), *([query] if query else [])]}}
        body = {
            **self.copy,
            "source": {**self.copy["source"], "query": chosen},
            "dest": {**self.copy["dest"], "index": target},
        }
        return self._cluster.change("POST", "/_reindex", {"refresh": "true"}, body, timeout=120)

    @staticmethod
    def _counted(answer: Any, found: Rehearsal) -> None:
        found.taken += answer["created"]
        found.left_out += answer["noops"] + answer["deleted"]
        found.conflicts += answer["version_conflicts"]
        found.rejections += [
            {"id": str(one.get("id", "?")), "reason": reason_of(one.get("cause", {}))}
            for one in answer["failures"]
        ]

    def _refuse_uncompiled(self, error: ServerError) -> None:
        raw = error.answer.get("error")
        if isinstance(raw, dict) and raw.get("reason") == "compile error":
            raise Refused(
                "migrate.script does not compile",
                code="ESP-4302",
                why=reason_of(raw),
                remedy="correct the script in the desired file",
            )
        if any(said in error.what for said in NO_PAINLESS):
            raise Refused(
                "the cluster does not run Painless, which rename, drop and script need",
                code="ESP-4303",
                why=error.what,
                remedy="install the module lang-painless, or allow inline scripts",
            )

    # What it made of them

    def _short(self, ids: list[str]) -> list[JSON]:
        """Documents that fit into a plan, as they are in the source."""
        hits = self._hits(self.source, {"size": len(ids), "query": _ids(ids)})
        return [one for one in hits if len(json.dumps(one)) <= LONGEST]

    def _new(self, target: str, found: Rehearsal) -> JSON | None:
        """The document that the last copy made; None where it made none."""
        known = [one["after"]["_id"] for one in found.examples if one["after"]]
        query = {"bool": {"must_not": [_ids(known)]}}
        new = self._hits(target, {"size": 1, "query": query})
        return new[0] if new else None

    def _hits(self, index: str, body: JSON) -> list[JSON]:
        answer = self._cluster.read(index_path(index, "/_search"), None, body)
        hits = (answer or {}).get("hits", {}).get("hits", [])
        kept = ("_id", "_routing", "_source")
        return [{name: hit[name] for name in kept if name in hit} for hit in hits]

    # The proof

    def _proof(self, target: str, ids: list[str], found: Rehearsal) -> list[str]:
        """What differs, a line a document; nothing where all are proven equal."""
        if self.reading is None:
            return []
        source = ClusterHash(self._cluster, self.source, 1, routed=True, reading=self.reading)
        copied = ClusterHash(
            self._cluster, target, 1, routed=True, reading=self.reading.of_target()
        )
        rejected = {one["id"] for one in found.rejections}
        query = _ids(ids)
        rows = Counter(row for row in source.rows_of(query) if row[0] not in rejected)
        there = Counter(copied.rows_of(EVERYTHING))
        differ = sorted({id_ for id_, _ in [*(rows - there), *(there - rows)]})[:SHOWN]
        if not differ:
            return []
        old = [one for one in source.shown(query) if one["_id"] in differ]
        new = [one for one in copied.shown(EVERYTHING) if one["_id"] in differ]
        return [_said(id_, _of(old, id_), _of(new, id_)) for id_ in differ]


def _of(documents: Iterable[JSON], id_: str) -> list[JSON]:
    return [one for one in documents if one["_id"] == id_]


def _said(id_: str, old: Sequence[JSON], new: Sequence[JSON]) -> str:
    """One document: the fields in which both sides differ."""
    if len(old) > 1 and len(new) <= 1:
        return f"{id_}: {len(old)} documents would have this _id"
    if not new or not old:
        return f"{id_}: is only in the {'source' if old else 'copy'}"
    fields = sorted(_differing(_content(old[0]), _content(new[0])))
    return f"{id_}: {', '.join(fields) or 'another value of the same spelling'}"


def _content(document: JSON) -> JSON:
    routing = {"_routing": document["_routing"]} if document.get("_routing") is not None else {}
    return {**document["_source"], **routing}


def _differing(old: Any, new: Any, path: str = "") -> set[str]:
    """Paths of fields, as `verify.ignore` takes them."""
    if isinstance(old, dict) and isinstance(new, dict):
        names = old.keys() | new.keys()
        deeper = [
            _differing(
                old.get(name, ABSENT), new.get(name, ABSENT), f"{path}.{name}" if path else name
            )
            for name in names
        ]
        return set().union(*deeper)
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return set().union(*(_differing(a, b, path) for a, b in zip(old, new, strict=True)))
    same = json.dumps(old, default=str) == json.dumps(new, default=str)
    return set() if same else {path}


NO_PAINLESS = ("script_lang not supported", "cannot execute [inline] scripts")

ABSENT = object()
"""Other than every value, null too."""


def _ids(ids: list[str]) -> JSON:
    return {"ids": {"values": ids}}


def _reason(error: ServerError) -> str:
    raw = error.answer.get("error")
    return reason_of(raw) if isinstance(raw, dict) else error.what


def throwaway_body(definition: JSON) -> Body:
    """The definition of a new index, as small as it can be: one shard, no replica."""
    given = {n: v for n, v in definition["settings"].items() if not n.startswith(NOT_HERE)}
    shards = {} if "index.routing_partition_size" in given else {"index.number_of_shards": "1"}
    if shards:
        given.pop("index.number_of_routing_shards", None)
    mappings = {name: part for name, part in definition["mappings"].items() if name != "_meta"}
    return Body({**given, **shards, "index.number_of_replicas": "0"}, mappings)


def uncompiled(hashes: ClusterHash) -> str:
    """Why the proof cannot run the script of the copy; empty where it can."""
    try:
        hashes.rows_of(NOTHING.query())
    except StepFailed as error:
        return error.why
    return ""


def untried(error: EsplanError) -> bool:
    """Whether an error only says that nothing may be tried here."""
    refused = isinstance(error, ServerError) and error.status in FORBIDDEN
    return refused or isinstance(error, Forbidden | OutcomeUnknown)
