"""Apply against the other tools that copy an index, in turns, on the same documents.

    python bench/tools.py [--rounds 3] [--elasticdump PATH] [--url URL]

Starts and seeds the sandbox if no URL is given. `--elasticdump`: the program of the npm package of
that name; left out without it. Printed are documents a second, medians with their spread, and:

    apply without proof / bare _reindex, in time (limit 1.03)
    apply with proof / the best other tool, in rate (at least 1.5)
    proof of both sides / copy, in time (limit 0.3): the seconds of the step that proves. Both sides
    are hashed while the copy runs, too: what that adds to an apply is printed last
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from apply import KINDS, NAME, applied, bare, create, load, remove, show
from elasticsearch import Elasticsearch, helpers

from esplan.cluster import Cluster
from esplan.commands import sandbox
from esplan.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

TUNED = ("--limit=5000", "--concurrency=4", "--noRefresh", "--quiet")
"""What made it fastest on two cores."""

OURS = ("apply with proof", "apply without proof", "proof")


def dumped(cluster: Cluster, url: str, program: str, flight: str) -> float:
    """Seconds of elasticdump into an index of the same mapping."""
    target = f"{NAME}-dump"
    create(cluster, target, flight)
    names = (f"--input={url}/{NAME}", f"--output={url}/{target}", "--type=data")
    began = time.perf_counter()
    subprocess.run([program, *names, *TUNED], check=True, capture_output=True, timeout=1800)
    took = time.perf_counter() - began
    _check(cluster, target)
    return took


def by_client(cluster: Cluster, url: str, flight: str) -> float:
    """Seconds of the Python client's `helpers.reindex`: scan and bulk.

    Written out, since it asks about data streams first, which the sandbox's core is without.
    """
    target = f"{NAME}-client"
    create(cluster, target, flight)
    with Elasticsearch(url) as client:
        began = time.perf_counter()
        hits = helpers.scan(client, index=NAME, size=2000)
        actions = ({"_index": target, "_id": h["_id"], "_source": h["_source"]} for h in hits)
        helpers.bulk(client, actions, chunk_size=2000, stats_only=True)
        took = time.perf_counter() - began
    _check(cluster, target)
    return took


def _check(cluster: Cluster, target: str) -> None:
    """All of it is there; then it goes."""
    cluster.read(f"/{target}/_refresh")
    counts = [cluster.read(f"/{name}/_count")["count"] for name in (NAME, target)]
    assert counts[0] == counts[1], counts
    cluster.change("DELETE", f"/{target}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--elasticdump")
    parser.add_argument("--url")
    given = parser.parse_args()
    url = given.url or sandbox.start("", lambda _text, _part: None).url
    sandbox.seed(lambda _text, _part: None, reset=False)
    with TemporaryDirectory() as folder, Cluster(Connection(url), patience=60) as cluster:
        measure(cluster, url, Path(folder), given.rounds, given.elasticdump)


def measure(cluster: Cluster, url: str, folder: Path, rounds: int, elasticdump: str | None) -> None:
    load(cluster)
    documents = cluster.read(f"/{NAME}/_count")["count"]
    bare(cluster, KINDS[0])  # the first copy of a server warms it up
    tools: dict[str, Callable[[str], float]] = {
        "bare _reindex": lambda flight: bare(cluster, flight),
        "helpers.reindex": lambda flight: by_client(cluster, url, flight),
    }
    if elasticdump:
        tools["elasticdump"] = lambda flight: dumped(cluster, url, elasticdump, flight)
    took: dict[str, list[float]] = {name: [] for name in (*tools, *OURS)}
    first, second = KINDS  # the alias is on the second: every apply has a change to make
    for _ in range(rounds):
        for name, tool in tools.items():
            took[name].append(tool(first))
        whole, proof = applied(cluster, folder, first)
        took["apply with proof"].append(whole)
        took["proof"].append(proof)
        took["apply without proof"].append(applied(cluster, folder, second, "count")[0])
    remove(cluster)
    report(took, documents)


def report(took: dict[str, list[float]], documents: int) -> None:
    for name, seconds in took.items():
        if name != "proof":
            show(f"{name}, documents a second", [documents / one for one in seconds])
    whole, bare_apply, proof = (took[name] for name in OURS)
    reindex = took["bare _reindex"]
    others = [name for name in took if name in ("elasticdump", "helpers.reindex")]
    best = min(others, key=lambda name: statistics.median(took[name]))
    rounds = range(len(whole))
    without = [bare_apply[n] / reindex[n] for n in rounds]
    show("apply without proof / bare _reindex, in time (limit 1.03)", without)
    rates = [took[best][n] / whole[n] for n in rounds]
    show(f"apply with proof / {best}, in rate (at least 1.5)", rates)
    show("proof / copy, in time (limit 0.3)", [proof[n] / reindex[n] for n in rounds])
    more = [(whole[n] - bare_apply[n]) / reindex[n] for n in rounds]
    show("what the proof adds to an apply / copy, in time", more)


if __name__ == "__main__":
    main()
