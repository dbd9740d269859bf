"""A copy that differs in anything is not proven equal, and the documents that differ are named.

Documents of a copy are changed behind the proof's back, one or many at a time, and put right again.
Nothing but these documents may be named, and an untouched copy is equal: no false alarms.
"""

from __future__ import annotations

import copy
import unicodedata
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from esplan.checksum import comparison
from esplan.commands.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Scale, Tally

    from esplan.cluster import Cluster

pytestmark = pytest.mark.live

TRIAL = "verifier"

DOCUMENTS = 400
SHARDS = 3
AT_ONCE = (1, 1, 1, 1, 5, 25)
"""Mutations before a look: alone, and so many that some could make up for others."""

Source = dict[str, Any]


def source_of(number: int) -> Source:
    """Every kind of value that JSON has."""
    return {
        "number": number,
        "big": 2**53 + number,
        "bigger": 2**64 + number,
        "decimal": number + 0.5,
        "text": unicodedata.normalize("NFC", f"Zoé 🛫 {number}"),
        "flag": number % 2 == 0,
        "nothing": None,
        "list": [number, str(number), None, [True]],
        "one": [number],
        "object": {"a": str(number), "b": {"c": {}}},
        "empty": [],
    }


@dataclass(frozen=True)
class Document:
    id: str
    routing: str | None
    source: Source


@dataclass
class Named:
    """Ids as a report names them."""

    missing: set[str] = field(default_factory=set)
    extra: set[str] = field(default_factory=set)
    different: set[str] = field(default_factory=set)


@dataclass
class Copy:
    """A source and its copy; `touched` ids of the copy are put right by `repair`."""

    cluster: Cluster
    source: str
    target: str
    random: Random
    documents: dict[str, Document]
    shard_of: Callable[[str], int]
    expected: Named = field(default_factory=Named)
    pending: list[Any] = field(default_factory=list)
    touched: dict[tuple[str, str | None], None] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def pick(self) -> Document:
        """One that no other mutation of this round has to do with."""
        free = sorted(self.documents.keys() - self.used)
        chosen = self.documents[self.random.choice(free)]
        self.used.add(chosen.id)
        return chosen

    def put(self, document: Document) -> None:
        self.touched[document.id, document.routing] = None
        self.pending += [
            {"index": {"_id": document.id, "routing": document.routing}},
            {"kept": document.source},
        ]

    def drop(self, document: Document) -> None:
        self.touched[document.id, document.routing] = None
        self.pending.append({"delete": {"_id": document.id, "routing": document.routing}})

    def send(self) -> None:
        path = f"/{self.target}/_bulk"
        answer = self.cluster.change("POST", path, {"refresh": "true"}, self.pending)
        assert not answer["errors"], answer
        self.pending = []

    def repair(self) -> None:
        """Every touched document away, then the true ones there."""
        places = list(self.touched)
        for id_, routing in places:
            self.drop(Document(id_, routing, {}))
        for id_ in {id_ for id_, _ in places} & self.documents.keys():
            self.put(self.documents[id_])
        self.send()
        self.touched.clear()
        self.used.clear()
        self.expected = Named()

    def look(self) -> tuple[Named, bool, int]:
        found = verify(self.cluster, self.source, self.target, listed=DOCUMENTS)
        report = found.report
        ids = (report.missing, report.extra, report.different)
        return Named(*(set(one.sample) for one in ids)), report.equal, found.exit_code


# Mutations


def paths(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    parts = enumerate(value) if isinstance(value, list) else ()
    parts = value.items() if isinstance(value, dict) else parts
    return [before, *(one for key, part in parts for one in paths(part, (*before, key)))]


def changed_value(value: Any, random: Random) -> Any:
    """Another value, or the same one as another type."""
    if value is None or isinstance(value, bool):
        empty = ("null", 0, "", [], {})
        return random.choice(empty if value is None else (not value, str(value).lower(), [value]))
    if isinstance(value, int):
        return random.choice((value + 1, -value - 1, str(value), float(value) + 0.5, [value]))
    if isinstance(value, float):
        return random.choice((value * 2, str(value), int(value), [value]))
    if isinstance(value, str):
        return random.choice((flipped(value, random), value + " ", [value], nfd(value) + "\u0301"))
    if isinstance(value, list):
        other = value[0] if len(value) == 1 else [*value, None]
        return random.choice(([*value, *value, 1], [value], other, None))
    return random.choice(({**value, "x": None}, [value], str(value), {"y": value}))


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def flipped(text: str, random: Random) -> str:
    """One bit of one byte, where that is text again."""
    raw = bytearray(text.encode())
    while raw.decode("utf-8", "replace") in (text, "") or b"\xef\xbf\xbd" in bytes(raw):
        raw = bytearray(text.encode())
        raw[random.randrange(len(raw))] ^= 1 << random.randrange(7)
        raw = bytearray(raw.decode("utf-8", "replace").encode())
    return raw.decode()


def a_value(made: Copy) -> None:
    one = made.pick()
    source = copy.deepcopy(one.source)
    *way, last = made.random.choice(paths(source)[1:])
    place: Any = source
    for part in way:
        place = place[part]
    if made.random.random() < 0.2:
        del place[last]
    elif isinstance(place, dict) and made.random.random() < 0.1:
        place[f"{last}x"] = place.pop(last)
    else:
        place[last] = changed_value(place[last], made.random)
    made.put(Document(one.id, one.routing, source))
    made.expected.different.add(one.id)


def one_to_one_point_zero(made: Copy) -> None:
    one = made.pick()
    number = float(one.source["number"])
    made.put(Document(one.id, one.routing, one.source | {"number": number}))
    made.expected.different.add(one.id)


def dropped(made: Copy) -> None:
    one = made.pick()
    made.drop(one)
    made.expected.missing.add(one.id)


def doubled(made: Copy) -> None:
    """The same content under a new id."""
    one = made.pick()
    made.put(Document(f"{one.id}x", one.routing, one.source))
    made.expected.extra.add(f"{one.id}x")


def twice_by_routing(made: Copy) -> None:
    """The same id and content, in another shard as well."""
    one = made.pick()
    home = made.shard_of(one.routing or one.id)
    others = [f"r{n}" for n in range(20) if made.shard_of(f"r{n}") != home]
    made.put(Document(one.id, made.random.choice(others), one.source))
    made.expected.different.add(one.id)


def routing_changed(made: Copy) -> None:
    one = made.pick()
    other = made.random.choice([f"r{n}" for n in range(20) if f"r{n}" != one.routing])
    made.drop(one)
    made.put(Document(one.id, other, one.source))
    made.expected.different.add(one.id)


def sources_swapped(made: Copy) -> None:
    one, other = made.pick(), made.pick()
    made.put(Document(one.id, one.routing, other.source))
    made.put(Document(other.id, other.routing, one.source))
    made.expected.different |= {one.id, other.id}


def ids_swapped(made: Copy) -> None:
    """With routing and content."""
    one, other = made.pick(), made.pick()
    made.drop(one)
    made.drop(other)
    made.put(Document(one.id, other.routing, other.source))
    made.put(Document(other.id, one.routing, one.source))
    made.expected.different |= {one.id, other.id}


def id_changed(made: Copy) -> None:
    one = made.pick()
    made.drop(one)
    made.put(Document(f"{one.id}y", one.routing, one.source))
    made.expected.missing.add(one.id)
    made.expected.extra.add(f"{one.id}y")


MUTATIONS = [
    a_value,
    a_value,
    a_value,
    a_value,
    one_to_one_point_zero,
    dropped,
    doubled,
    twice_by_routing,
    routing_changed,
    sources_swapped,
    ids_swapped,
    id_changed,
]


@pytest.fixture
def made(cluster: Cluster, name: str) -> Copy:
    """A source with one shard, and a copy with three; a third of the documents is routed."""
    documents = {
        str(n): Document(str(n), f"r{n % 20}" if n % 3 == 0 else None, source_of(n))
        for n in range(DOCUMENTS)
    }
    for kind, shards in (("source", 1), ("target", SHARDS)):
        body = {
            "settings": {"number_of_shards": shards, "number_of_replicas": 0},
            "mappings": {"properties": {"kept": {"type": "object", "enabled": False}}},
        }
        cluster.change("PUT", f"/{name}-{kind}", None, body)
    found: dict[str, int] = {}

    def shard_of(routing: str) -> int:
        if routing not in found:
            answer = cluster.read(f"/{name}-target/_search_shards", {"routing": routing})
            found[routing] = answer["shards"][0][0]["shard"]
        return found[routing]

    whole = Copy(cluster, "", f"{name}-source", Random(1), documents, shard_of)
    for document in documents.values():
        whole.put(document)
    whole.send()
    body = {"source": {"index": f"{name}-source"}, "dest": {"index": f"{name}-target"}}
    cluster.change("POST", "/_reindex", {"refresh": "true"}, body)
    return Copy(cluster, f"{name}-source", f"{name}-target", Random(7), documents, shard_of)


@pytest.mark.parametrize("inside", [True, False], ids=["in the cluster", "by the client"])
def test_every_mutation_is_caught_and_named(
    made: Copy, scale: Scale, tally: Tally, monkeypatch: pytest.MonkeyPatch, *, inside: bool
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(
        comparison, "_stays_inside", lambda *_arguments: (asked.append(inside), inside)[1]
    )
    count, done, looks, wanted = scale(50, 1000), 0, 0, 0
    assert made.look() == (Named(), True, 0)
    while done < count:
        some = made.random.choices(MUTATIONS, k=made.random.choice(AT_ONCE))
        for mutation in some:
            mutation(made)
        made.send()
        found, equal, code = made.look()
        what = [one.__name__ for one in some]
        assert found == made.expected, what
        assert (equal, code) == (False, 4), what
        wanted += len(found.missing) + len(found.extra) + len(found.different)
        done, looks = done + len(some), looks + 1
        made.repair()
        if looks % 3 == 0:
            assert made.look() == (Named(), True, 0), f"a false alarm after {what}"
    assert asked
    tally.add(TRIAL, mutations=done, named=wanted, missed=0, false_alarms=0, controls=looks // 3)
