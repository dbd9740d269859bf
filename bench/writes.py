"""Migrations while clients write and read: how long they are refused, and what many cost together.

    python bench/writes.py [--documents 300000] [--rounds 3] [--url URL] [--only NAME]

Starts the sandbox if no URL is given, and uses indices of its own. Printed are medians with their
spread, and ratios within one run:

    block       seconds for which a writer of 200 operations a second was refused, by `catch-up`,
                and by the seconds of the copy (limits 1.5 s and 0.05); memory of the apply
    switches    100 switches of one alias under four readers: failed reads (limit 0)
    parallel    50 small aliases: --parallel 8 by one after the other (limit 0.5)
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from apply import show

from esplan.cluster import Cluster
from esplan.commands import sandbox
from esplan.connection import Connection

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "live"))

from clients import Readers, Writer
from test_parallel import Many
from world import World, document

NAME = "bench-writes"
BATCH = 10_000
SWITCHES = 100


def fresh(cluster: Cluster, url: str, folder: str) -> World:
    """Nothing of an earlier round."""
    for index in cluster.read(f"/{NAME}*", {"filter_path": "*.aliases"}) or {}:
        cluster.change("DELETE", f"/{index}")
    where = Path(folder) / str(time.monotonic_ns())
    where.mkdir()
    return World(cluster, url, NAME, where)


def seconds(world: World, kind: str) -> float:
    """Of a step, by the journal's own times."""
    lines = (world.folder / "plan.json.journal.jsonl").read_text().splitlines()
    found = [one for one in map(json.loads, lines) if one["step"].endswith(kind)]
    times = [time.mktime(time.strptime(one["at"][:19], "%Y-%m-%dT%H:%M:%S")) for one in found]
    parts = [float(one["at"][19:23]) for one in found]
    return (times[-1] + parts[-1]) - (times[0] + parts[0])


def block(cluster: Cluster, url: str, documents: int, rounds: int) -> None:
    refused: list[float] = []
    ratios: list[float] = []
    most = 0.0
    with TemporaryDirectory() as folder:
        for _ in range(rounds):
            world = fresh(cluster, url, folder)
            world.seed(0)
            for at in range(0, documents, BATCH):
                some = {str(n): document(n) for n in range(at, min(documents, at + BATCH))}
                world.documents |= some
                world.load(world.green, some)
            world.make_plan(migrate={"writes": "catch-up"})
            with Writer(world) as writer:
                most = max(most, watched(world))
            world.assert_switched()
            refused.append(writer.outage)
            ratios.append(writer.outage / seconds(world, "reindex"))
    show("writes refused, seconds (limit 1.5)", refused)
    show("writes refused / copy (limit 0.05)", ratios)
    print(f"memory of the apply: {most:.0f} MiB (limit 120)")


def watched(world: World) -> float:
    """Apply in a process of its own; the most memory that it had, in MiB."""
    command = [sys.executable, "-m", "esplan", "--url", world.url, "apply", str(world.plan)]
    process = subprocess.Popen(
        [*command, "--auto-approve"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    most = 0
    while process.poll() is None:
        with suppress(OSError, IndexError):  # it has just ended
            status = Path(f"/proc/{process.pid}/status").read_text()
            most = max(most, int(status.partition("VmHWM:")[2].split()[0]))
        time.sleep(0.05)
    assert process.returncode == 0
    return most / 1024


def switches(cluster: Cluster, url: str, _documents: int, _rounds: int) -> None:
    with TemporaryDirectory() as folder:
        world = fresh(cluster, url, folder)
        world.seed(1000)
        kinds = ("keyword", "integer")
        with Readers(world) as readers:
            for number in range(SWITCHES):
                world.make_plan(properties={"flight": {"type": kinds[number % 2]}})
                world.apply()
        reads = sum(one.done for one in readers.all)
        print(f"{SWITCHES} switches: {len(readers.errors)} of {reads:,} reads failed (limit 0)")
        print(f"indices seen at a time: {sorted({len(one) for one in readers.indices})}")


def parallel(cluster: Cluster, url: str, _documents: int, rounds: int) -> None:
    found: list[float] = []
    with TemporaryDirectory() as folder:
        for _ in range(rounds):
            took = [_applied(fresh(cluster, url, folder), width) for width in (1, 8)]
            found.append(took[1] / took[0])
    show("50 aliases, --parallel 8 / serial (limit 0.5)", found)


def _applied(world: World, width: int) -> float:
    many = Many(world, 50)
    many.seed()
    many.plan()
    began = time.perf_counter()
    world.apply("--allow-many", "--parallel", str(width))
    return time.perf_counter() - began


PARTS = {"block": block, "switches": switches, "parallel": parallel}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--url")
    parser.add_argument("--only", choices=sorted(PARTS))
    given = parser.parse_args()
    url = given.url or sandbox.start("", lambda _text, _part: None).url
    with Cluster(Connection(url), patience=60) as cluster:
        for name in [given.only] if given.only else PARTS:
            PARTS[name](cluster, url, given.documents, given.rounds)
        for index in cluster.read(f"/{NAME}*", {"filter_path": "*.aliases"}) or {}:
            cluster.change("DELETE", f"/{index}")


if __name__ == "__main__":
    main()
