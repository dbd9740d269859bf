"""A plan without changes over many indices with an alias each, against the bare reads it needs.

    python bench/plan.py [--sizes 1000 3000 10000] [--rounds 5] [--url URL] [--different]

`--different`: every index has a field that no other has; without it they are all alike.
Starts the sandbox if no URL is given, and makes what is missing: up to 10,000 indices, deleted
again at the end unless `--keep` is given. In turns, for each size:

    reads       the same three requests and their JSON parsed, and the desired files parsed
    plan        all of `esplan plan`: reads, states, comparison, seal
    memory      the most that a process of `esplan plan -d … -o …` takes
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from esplan import source
from esplan.__main__ import YOUNG
from esplan.cluster import Cluster
from esplan.commands import sandbox
from esplan.commands.plan import plan as plan_command
from esplan.connection import Connection
from esplan.desired import read

PREFIX = "bench-plan"
FILE = 100
"""Aliases in one desired file."""
MAPPINGS: dict[str, Any] = {
    "properties": {
        "id": {"type": "keyword"},
        "title": {"type": "text", "fields": {"raw": {"type": "keyword", "ignore_above": 256}}},
        "price": {"type": "double"},
        "created": {"type": "date", "format": "strict_date_optional_time||epoch_millis"},
        "seller": {"properties": {"name": {"type": "text"}, "city": {"type": "keyword"}}},
    }
}
SETTINGS = {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "30s"}
STATS = (
    "/_stats/docs,store?expand_wildcards=open,hidden&filter_path="
    "indices.*.primaries.docs.count,indices.*.primaries.store.size_in_bytes"
)


def index(number: int) -> str:
    return f"{PREFIX}-{number:05}_blue"


def mappings(number: int, *, different: bool) -> dict[str, Any]:
    """Alike, or with a field of its own."""
    own = {f"own_{number}": {"type": "keyword"}} if different else {}
    return {"properties": {**MAPPINGS["properties"], **own}}


def create(cluster: Cluster, wanted: int, *, different: bool = False) -> None:
    """As many indices as wanted, with their aliases; more are deleted."""
    room = {"persistent": {"cluster.max_shards_per_node": 20_000}}
    cluster.change("PUT", "/_cluster/settings", None, room)
    there = {*(cluster.read(f"/{PREFIX}-*", {"filter_path": "*.aliases"}) or {})}
    missing = [number for number in range(wanted) if index(number) not in there]
    with ThreadPoolExecutor(8) as pool:
        one = partial(_create, cluster, different=different)
        for done, _ in enumerate(pool.map(one, missing)):
            if done % 1000 == 0 and done:
                print(f"  {done} of {len(missing)} indices made", file=sys.stderr)


def _create(cluster: Cluster, number: int, *, different: bool) -> None:
    alias = {f"{PREFIX}-{number:05}": {}}
    body = {
        "settings": SETTINGS,
        "mappings": mappings(number, different=different),
        "aliases": alias,
    }
    cluster.change("PUT", f"/{index(number)}", {"wait_for_active_shards": 0}, body, timeout=300)


def remove(cluster: Cluster) -> None:
    there = sorted(cluster.read(f"/{PREFIX}-*", {"filter_path": "*.aliases"}) or {})
    for start in range(0, len(there), 50):
        cluster.change("DELETE", "/" + ",".join(there[start : start + 50]), timeout=300)


def write_desired(folder: Path, wanted: int, *, different: bool = False) -> None:
    """The files that say what is there, 100 aliases each, as YAML."""
    for start in range(0, wanted, FILE):
        lines = ["version: 1", "aliases:"]
        for number in range(start, min(start + FILE, wanted)):
            lines += _desired(number, different=different)
        (folder / f"{start:05}.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "mapping.json").write_text(json.dumps(MAPPINGS), encoding="utf-8")


def _desired(number: int, *, different: bool) -> list[str]:
    said = json.dumps(mappings(number, different=True)) if different else "{file: mapping.json}"
    name = f"{PREFIX}-{number:05}"
    return [
        f"  {name}:",
        "    index:",
        f'      name: "{name}_{{color}}"',
        "      colors: [blue, green]",
        f"      settings: {json.dumps(SETTINGS)}",
        f"      mappings: {said}",
    ]


def bare(url: str, folder: Path) -> float:
    """Seconds of the plan's requests without esplan, and of parsing their JSON and the files."""
    started = time.perf_counter()
    for path in ("/", "/*,-.*?expand_wildcards=all", STATS):
        with urllib.request.urlopen(url + path) as answer:
            json.loads(answer.read())
    for path in sorted(folder.glob("*.yaml")):
        source.read(path)
    return time.perf_counter() - started


class Counting(Cluster):
    """How many requests were sent."""

    def __init__(self, url: str) -> None:
        self.sent: list[str] = []
        super().__init__(Connection(url), trace=self.sent.append)


def planned(url: str, folder: Path) -> tuple[float, int]:
    """Seconds of a plan, which must have no change, and its number of requests."""
    started = time.perf_counter()
    with Counting(url) as cluster:
        made = plan_command(cluster, read([folder]))
        took = time.perf_counter() - started
        if made.steps:
            raise SystemExit(f"the plan is not empty: {made.steps[0].description}")
        return took, len(cluster.sent)


def process(url: str, folder: Path) -> tuple[float, float]:
    """Seconds and MiB of `esplan plan` as a process."""
    command = [sys.executable, "-m", "esplan", "plan", "-d", str(folder), "-o", os.devnull]
    started = time.perf_counter()
    with subprocess.Popen([*command, "--url", url], stdout=subprocess.DEVNULL) as run:
        _, status, usage = os.wait4(run.pid, 0)
        run.returncode = os.waitstatus_to_exitcode(status)
    if run.returncode:
        raise SystemExit(f"esplan plan ended with {run.returncode}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def show(title: str, values: list[float]) -> None:
    low, middle, high = min(values), statistics.median(values), max(values)
    print(f"  {title}: median {middle:.2f} ({low:.2f} to {high:.2f}) of {len(values)}")


def measure(url: str, size: int, rounds: int, *, different: bool) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_desired(folder, size, different=different)
        bare(url, folder)
        runs = [(bare(url, folder), planned(url, folder)) for _ in range(rounds)]
        whole = [process(url, folder) for _ in range(rounds)]
    print(f"{size} indices, {'different' if different else 'alike'}, {runs[0][1][1]} requests")
    show("reads and parsing, seconds", [reads for reads, _ in runs])
    show("plan, seconds", [took for _, (took, _) in runs])
    show("plan / reads and parsing (limit 2)", [took / reads for reads, (took, _) in runs])
    show("esplan plan as a process, seconds", [took for took, _ in whole])
    show("its memory, MiB (limit 400)", [memory for _, memory in whole])


def main() -> None:
    gc.set_threshold(YOUNG)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 3000, 10_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--url", default="")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--different", action="store_true")
    options = parser.parse_args()
    url = options.url or sandbox.start("", quiet).url
    with Cluster(Connection(url), patience=60) as cluster:
        for size in sorted(options.sizes):
            create(cluster, size, different=options.different)
            measure(url, size, options.rounds, different=options.different)
        if not options.keep:
            remove(cluster)


def quiet(_text: str, _part: float | None) -> None:
    """No progress wanted."""


if __name__ == "__main__":
    main()
