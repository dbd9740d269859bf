"""`esplan verify A B`, as somebody runs it by hand."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from world import run

if TYPE_CHECKING:
    import subprocess

    from esplan.cluster import Cluster

pytestmark = pytest.mark.live


@pytest.fixture
def pair(cluster: Cluster, name: str) -> tuple[str, str]:
    """Two indices with the same 300 documents, the second of them behind an alias."""
    one, other = f"{name}-one", f"{name}-other"
    for index, shards in ((one, 1), (other, 3)):
        settings = {"number_of_shards": shards, "number_of_replicas": 0}
        cluster.change("PUT", f"/{index}", None, {"settings": settings})
        put(cluster, index, {str(n): {"n": n, "deep": {"text": f"ü {n}"}} for n in range(300)})
    cluster.change("PUT", f"/{other}/_alias/{name}-alias")
    return one, other


def put(cluster: Cluster, index: str, documents: dict[str, Any]) -> None:
    lines: list[Any] = []
    for id_, source in documents.items():
        lines += [{"index": {"_id": id_}}, source]
    answer = cluster.change("POST", f"/{index}/_bulk", {"refresh": "true"}, lines)
    assert answer["errors"] is False


def verify(url: str, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = run([sys.executable, "-m", "esplan", "--url", url, *arguments])
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_equal_indices_of_different_shapes(url: str, name: str, pair: tuple[str, str]) -> None:
    said = verify(url, "verify", pair[0], f"{name}-alias").stdout
    assert f"{pair[1]}: 300 documents" in said
    assert "Equal: both hold the same documents" in said
    counted = verify(url, "verify", *pair, "--method", "count").stdout
    assert "What they hold was not compared." in counted


def test_every_kind_of_difference_is_named(
    cluster: Cluster, url: str, pair: tuple[str, str]
) -> None:
    one, other = pair
    cluster.change("DELETE", f"/{other}/_doc/7", {"refresh": "true"})
    put(cluster, other, {"new": {"n": 1}, "9": {"n": 9, "deep": {"text": "changed"}}})
    said = verify(url, "verify", one, other, code=4).stdout
    assert "1 only in the first\n  7\n" in said
    assert "1 only in the second\n  new\n" in said
    assert "1 in both, and different\n  9\n" in said
    assert '$._source.deep.text: "ü 9" → "changed"' in said
    assert said.endswith("Not equal.\n")


def test_the_report_for_programs(cluster: Cluster, url: str, pair: tuple[str, str]) -> None:
    put(cluster, pair[1], {"1": {"n": 1.5}})
    said = verify(url, "--json", "verify", *pair, code=4).stdout
    event = json.loads(said.splitlines()[-1])
    assert event["event"] == "verified"
    assert event["equal"] is False
    assert event["different"] == {"count": 1, "sample": ["1"]}
    (document,) = event["documents"]
    assert [one["kind"] for one in document["fields"]] == ["removed", "changed"]


def test_nothing_is_changed(cluster: Cluster, url: str, pair: tuple[str, str]) -> None:
    before = cluster.read(f"/{','.join(pair)}")
    verify(url, "verify", *pair)
    assert cluster.read(f"/{','.join(pair)}") == before
