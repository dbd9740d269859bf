"""`rename`, `drop` and `verify.ignore` on random documents, against a reference in plain Python."""

from __future__ import annotations

import copy
import random
from typing import TYPE_CHECKING, Any

import pytest

from esplan import transform
from esplan.checksum import Reading, compare
from esplan.checksum.reading import without
from esplan.errors import ServerError
from esplan.model import Migrate

if TYPE_CHECKING:
    from engine import Engine

    from esplan.cluster import Cluster

pytestmark = pytest.mark.live

COUNT = 300
NAMES = ["a", "b", "c", "a.b", "b.c", "a.b.c"]
VALUES = [1, 1.5, "x", True, None, 2**60, "ü", [], {}, [1, "2"], [None]]
NOTHING = {"dynamic": False}
CASES = [
    (("a", "d"),),
    (("a.b", "a.d"),),
    (("a.b", "d"),),
    (("a", "d.e"),),
    (("b.c", "b.d.e"),),
    (("a.b.c", "a.b.d"),),
    (("a.b.c", "d.b.c"),),
    (("a", "d"), ("b", "a"), ("d", "b")),
]


def value(made: random.Random, depth: int) -> Any:
    kind = made.random()
    if depth and kind < 0.45:
        return document(made, depth - 1)
    if depth and kind < 0.6:
        return [value(made, depth - 1) for _ in range(made.randint(0, 3))]
    return made.choice(VALUES)


def document(made: random.Random, depth: int = 3) -> dict[str, Any]:
    return {name: value(made, depth) for name in made.sample(NAMES, made.randint(0, 4))}


class ImpossibleError(Exception):
    """The document cannot be renamed in."""


def renamed(document: dict[str, Any], old: str, new: str) -> None:
    """What docs/transforms.md says, written once more."""
    here, there = old.split("."), new.split(".")
    common: list[str] = []
    while len(here) > 1 and len(there) > 1 and here[0] == there[0]:
        common.append(here.pop(0))
        there.pop(0)
    for holder in holders(document, common):
        taken = take(holder, here)
        if taken:
            put(holder, there, taken[0])


def holders(value: Any, path: list[str]) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [found for one in value for found in holders(one, path)]
    if not isinstance(value, dict):
        return []
    if not path:
        return [value]
    parts = [(".".join(path[:at]), path[at:]) for at in range(1, len(path) + 1)]
    return [one for name, rest in parts for one in holders(value.get(name), rest)]


def take(holder: dict[str, Any], path: list[str]) -> list[Any]:
    for at in range(1, len(path) + 1):
        name, rest = ".".join(path[:at]), path[at:]
        if name not in holder:
            continue
        if not rest:
            return [holder.pop(name)]
        inner = holder[name]
        if isinstance(inner, list) and has(inner, rest):
            raise ImpossibleError
        found = take(inner, rest) if isinstance(inner, dict) else []
        if found:
            if not inner:
                del holder[name]
            return found
    return []


def has(value: Any, path: list[str]) -> bool:
    if not path:
        return True
    if isinstance(value, list):
        return any(has(one, path) for one in value)
    parts = [(".".join(path[:at]), path[at:]) for at in range(1, len(path) + 1)]
    return isinstance(value, dict) and any(n in value and has(value[n], rest) for n, rest in parts)


def put(holder: dict[str, Any], path: list[str], given: Any) -> None:
    if ".".join(path) in holder:
        raise ImpossibleError
    for name in path[:-1]:
        holder = holder.setdefault(name, {})
        if not isinstance(holder, dict):
            raise ImpossibleError
    if path[-1] in holder:
        raise ImpossibleError
    holder[path[-1]] = given


@pytest.fixture(scope="module")
def documents() -> dict[str, Any]:
    made = random.Random(7)
    return {str(number): document(made) for number in range(COUNT)}


@pytest.fixture
def source(cluster: Cluster, name: str, documents: dict[str, Any], engine: Engine) -> str:
    if not engine.has_scripts:
        pytest.skip("it runs no Painless: test_transform.py asserts that plans are refused there")
    settings = {"number_of_shards": 2, "number_of_replicas": 0}
    for index in (f"{name}-old", f"{name}-new"):
        body = {"settings": settings, "mappings": NOTHING}
        cluster.change("PUT", f"/{index}", None, body)
    lines: list[Any] = []
    for key, one in documents.items():
        lines += [{"index": {"_index": f"{name}-old", "_id": key}}, one]
    answer = cluster.change("POST", "/_bulk", {"refresh": "true"}, lines)
    assert answer["errors"] is False
    return f"{name}-old"


def copied(cluster: Cluster, source: str, migrate: Migrate, ids: list[str]) -> dict[str, Any]:
    target = source.replace("-old", "-new")
    script, query = transform.script(migrate), {"ids": {"values": ids}}
    body = {
        "source": {"index": source, "query": query},
        "dest": {"index": target},
        **({"script": script} if script else {}),
    }
    cluster.change("POST", "/_reindex", {"refresh": "true"}, body)
    found = cluster.read(f"/{target}/_search", {"size": COUNT})["hits"]["hits"]
    given = {name: script[name] for name in ("source", "params")} if script else None
    report = compare(cluster, source, target, reading=Reading(given, query))
    assert report.equal, report
    assert report.source_documents == len(ids)
    return {hit["_id"]: hit["_source"] for hit in found}


@pytest.mark.parametrize("renames", CASES, ids=str)
def test_rename(cluster: Cluster, source: str, documents: dict[str, Any], renames: Any) -> None:
    expected, impossible = {}, []
    for key, one in copy.deepcopy(documents).items():
        try:
            for old, new in renames:
                renamed(one, old, new)
            expected[key] = one
        except ImpossibleError:
            impossible.append(key)
    assert expected != {key: documents[key] for key in expected}
    migrate = Migrate(rename=renames)
    assert copied(cluster, source, migrate, list(expected)) == expected
    for key in impossible[:5]:
        with pytest.raises(ServerError, match="rename: "):
            copied(cluster, source, migrate, [key])


@pytest.mark.parametrize("path", ["a", "a.b", "b.c", "a.b.c", "c.a.b", "x.y"])
def test_drop_and_ignore(
    cluster: Cluster, source: str, documents: dict[str, Any], path: str
) -> None:
    """The same code takes both away in the cluster; the client has its own."""
    expected = {k: without(one, (path,)) for k, one in copy.deepcopy(documents).items()}
    assert copied(cluster, source, Migrate(drop=(path,)), list(documents)) == expected
    target = source.replace("-old", "-new")
    assert compare(cluster, source, target, reading=Reading(ignore=(path,))).equal
    assert compare(cluster, source, target).equal == (expected == documents)


def test_what_is_ignored_hides_nothing_else(
    cluster: Cluster, source: str, documents: dict[str, Any]
) -> None:
    copied(cluster, source, Migrate(), list(documents))
    target = source.replace("-old", "-new")
    changed = {**documents["3"], "zz": 1}
    cluster.change("PUT", f"/{target}/_doc/3?refresh=true", None, changed)
    report = compare(cluster, source, target, reading=Reading(ignore=("a", "b.c")))
    assert report.different.sample == ("3",)


def test_documents_that_a_script_deletes_are_left_out(cluster: Cluster, source: str) -> None:
    script = {"source": "if (Integer.parseInt(ctx._id) < 10) { ctx.op = 'delete' }", "params": {}}
    target = source.replace("-old", "-new")
    body = {"source": {"index": source}, "dest": {"index": target}, "script": script}
    cluster.change("POST", "/_reindex", {"refresh": "true"}, body)
    report = compare(cluster, source, target, reading=Reading(script))
    assert report.equal
    assert (report.source_documents, report.left_out) == (COUNT - 10, 10)
    assert report.to_json()["left_out"] == 10


def test_large_documents(cluster: Cluster, source: str) -> None:
    """Painless stops a function after a million loop rounds, and a map has a large text."""
    large = {"t": "ü" * 1_500_000, "l": [{"a": n} for n in range(150_000)]}
    target = source.replace("-old", "-new")
    for index in (source, target):
        cluster.change("PUT", f"/{index}/_doc/large?refresh=true", None, large)
    query = {"ids": {"values": ["large"]}}
    script = {"source": "ctx._source.n = 1", "params": {}}
    report = compare(cluster, source, target, reading=Reading(script, query, ("n", "l.a")))
    assert report.equal
    report = compare(cluster, source, target, reading=Reading(script, query, ("l.a",)))
    assert report.different.sample == ("large",)
