"""A whole apply against the bare `_reindex` of the same documents, in turns, in one run.

    python bench/apply.py [--rounds 6]

Starts and seeds the sandbox if need be, and uses indices of its own. Printed are ratios with
their spread: times depend on the machine, ratios much less.

    apply       all steps up to the switch, by the bare `_reindex`: without a proof (`verify:
                {method: count}`), and with one
    proof       the seconds of the step that proves, by the bare `_reindex`. Both sides are hashed
                while the copy runs, too, so what a proof adds is the difference of the two above
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from esplan import planfile
from esplan.cluster import Cluster
from esplan.commands import apply as apply_command
from esplan.commands import sandbox
from esplan.commands.plan import plan as plan_command
from esplan.connection import Connection
from esplan.desired import read
from esplan.sandbox import seed
from esplan.views.progress import Silent

if TYPE_CHECKING:
    from esplan.model import JSON
    from esplan.plan import Step

NAME = "bench-flights"
KINDS = ("keyword", "integer")
DESIRED = """version: 1
aliases:
  bench-flights:
    index:
      name: "bench-flights_{color}"
      colors: [red, blue]
      mappings: {properties: {flight: {type: KIND}}}
    finish: {delete_old: true}
    verify: {method: METHOD}
"""


class Stopwatch(Silent):
    """Seconds of each step by kind."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._started = 0.0

    def step_started(self, step: Step, number: int, total: int) -> None:
        self._started = time.perf_counter()

    def step_ended(self, step: Step, outcome: str, evidence: JSON) -> None:
        self.seconds[step.kind] = time.perf_counter() - self._started


def create(cluster: Cluster, index: str, flight: str) -> None:
    fields = {name: {"type": kind} for name, kind in (seed.TYPES | {"flight": flight}).items()}
    body = {"settings": {"number_of_replicas": 0}, "mappings": {"properties": fields}}
    cluster.change("PUT", f"/{index}", None, body)


def copy(cluster: Cluster, source: str, target: str) -> float:
    """Seconds of a plain `_reindex` task, with the slices that apply takes too."""
    job = {"source": {"index": source}, "dest": {"index": target}}
    started = time.perf_counter()
    task = cluster.change("POST", "/_reindex?wait_for_completion=false&slices=auto", None, job)
    path = f"/_tasks/{task['task']}"
    cluster.read(path, {"wait_for_completion": "true", "timeout": "10m"}, timeout=660)
    return time.perf_counter() - started


def load(cluster: Cluster) -> None:
    """A copy of the sandbox's flights under the bench's own name."""
    remove(cluster)
    create(cluster, f"{NAME}_red", "integer")
    copy(cluster, seed.ALIAS, f"{NAME}_red")
    actions = [{"add": {"index": f"{NAME}_red", "alias": NAME}}]
    cluster.change("POST", "/_aliases", None, {"actions": actions})
    cluster.read(f"/{NAME}/_refresh")


def remove(cluster: Cluster) -> None:
    for index in cluster.read(f"/{NAME}*", {"filter_path": "*.aliases"}) or {}:
        cluster.change("DELETE", f"/{index}")


def bare(cluster: Cluster, flight: str) -> float:
    """Seconds to copy what is behind the alias into an index with the mapping of the plan."""
    create(cluster, f"{NAME}-bare", flight)
    took = copy(cluster, NAME, f"{NAME}-bare")
    cluster.change("DELETE", f"/{NAME}-bare")
    return took


def applied(
    cluster: Cluster, folder: Path, flight: str, method: str = "checksum"
) -> tuple[float, float]:
    """Seconds of an apply up to the switch, and of the proof in it; then the old index goes."""
    (folder / "desired.yaml").write_text(DESIRED.replace("KIND", flight).replace("METHOD", method))
    plan = plan_command(cluster, read([folder / "desired.yaml"]))
    path = folder / f"{plan.digest}.json"
    planfile.write(plan, path)
    watch = Stopwatch()
    started = time.perf_counter()
    apply_command.apply(cluster, plan, path, watch, through="switch")
    whole = time.perf_counter() - started
    apply_command.apply(cluster, plan, path, watch)
    return whole, watch.seconds["verify"]


def show(title: str, values: list[float]) -> None:
    low, middle, high = min(values), statistics.median(values), max(values)
    print(f"{title}: median {middle:.3f} ({low:.3f} to {high:.3f}) of {len(values)} rounds")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    rounds = parser.parse_args().rounds
    url = sandbox.start("", quiet).url
    sandbox.seed(quiet, reset=False)
    copies: list[float] = []
    proofs: list[float] = []
    without: list[float] = []
    applies: list[float] = []
    with TemporaryDirectory() as folder, Cluster(Connection(url), patience=60) as cluster:
        load(cluster)
        bare(cluster, KINDS[0])  # the first copy of a server warms it up
        first, second = KINDS  # the alias is on the second: every apply has a change to make
        for _ in range(rounds):
            took = bare(cluster, first)
            whole, proof = applied(cluster, Path(folder), first)
            took = (took + bare(cluster, second)) / 2
            copies.append(took)
            proofs.append(proof / took)
            applies.append(whole / took)
            without.append(applied(cluster, Path(folder), second, "count")[0] / took)
        remove(cluster)
    show("bare _reindex, seconds", copies)
    show("apply without a proof / bare _reindex (limit 1.03)", without)
    show("apply with a proof / bare _reindex", applies)
    show("proof of both sides / bare _reindex (limit 0.3)", proofs)


def quiet(_text: str, _part: float | None) -> None:
    """No progress wanted."""


if __name__ == "__main__":
    main()
