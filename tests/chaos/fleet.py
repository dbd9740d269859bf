"""Servers of a trial's own, in a folder of their own: to be killed, and started with their data."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esplan.cluster import Cluster, Connection
from esplan.errors import EsplanError
from esplan.sandbox import server
from esplan.sandbox.cache import cache_folder, server_account
from esplan.sandbox.download import install
from esplan.sandbox.engines import DEFAULT, ENGINES
from esplan.sandbox.java import find_java
from esplan.sandbox.launchers import Launch

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from esplan.sandbox.engines import Engine


@dataclass
class Node:
    """One server process; `name` is its name in the cluster."""

    name: str
    launch: Launch
    engine: Engine
    ports: tuple[int, int]
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    def start(self) -> None:
        """With the data that it has; it answers later."""
        (self.launch.run / "tmp" / "pid").unlink(missing_ok=True)
        self.process = server._spawn(self.launch, self.engine, server_account())

    def kill(self) -> None:
        """By SIGKILL, with its launcher, which is in the same process group."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        while self._is_there():
            time.sleep(0.05)
        self.process = None

    def _is_there(self) -> bool:
        """Whether anything of its process group still runs; what has ended may not be reaped."""
        assert self.process
        group = str(self.process.pid)
        return any(
            fields[2] == group and fields[0] not in ("Z", "X") for fields in map(_stat, _pids())
        )

    def freeze(self) -> None:
        """It does not answer, and its connections stay open."""
        assert self.process
        os.killpg(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process
        os.killpg(self.process.pid, signal.SIGCONT)


def _pids() -> Iterator[Path]:
    return Path("/proc").glob("[0-9]*/stat")


def _stat(path: Path) -> list[str]:
    """State, parent and process group."""
    try:
        return path.read_text(errors="replace").rpartition(")")[2].split()[:3]
    except OSError:
        return ["X", "", ""]


@dataclass
class Fleet:
    """A cluster of one node or more."""

    nodes: list[Node]

    def cluster(self, number: int = 0) -> Cluster:
        return Cluster(Connection(self.nodes[number].url), patience=120)

    def await_whole(self, status: str = "yellow") -> None:
        """Every node answers, and is in the cluster; every index is back."""
        deadline = time.monotonic() + 240
        for number in range(len(self.nodes)):
            with self.cluster(number) as cluster:
                while not self._is_whole(cluster, status):
                    assert time.monotonic() < deadline, self.logs()
                    time.sleep(0.3)

    def _is_whole(self, cluster: Cluster, status: str) -> bool:
        wanted: dict[str, Any] = {"wait_for_status": status, "timeout": "20s"}
        wanted["wait_for_nodes"] = str(len(self.nodes))
        try:
            return not cluster.read("/_cluster/health", wanted)["timed_out"]
        except EsplanError:
            return False

    def logs(self) -> str:
        return "\n".join(server.last_lines(one.launch.run / "start.log", 5) for one in self.nodes)

    def named(self, name: str) -> Node:
        return next(one for one in self.nodes if one.name == name)


@contextmanager
def started(size: int = 1, heap: str = "1g") -> Iterator[Fleet]:
    """Of the engine under test. Its data is gone afterwards."""
    engine = ENGINES[os.environ.get("ESPLAN_TEST_ENGINE") or DEFAULT]
    folder = Path(tempfile.mkdtemp(prefix="esplan-fleet-"))
    folder.chmod(0o755)
    account = server_account()
    java = find_java(engine.java_min, engine.java_max, account, engine.java_module)
    home = install(engine, cache_folder(), java, lambda _text, _part: None)
    engine = replace(engine, launcher=_with_heap(engine, heap))
    nodes = [
        Node(f"node-{n}", Launch(home, folder / str(n), java), engine, server.free_ports())
        for n in range(size)
    ]
    try:
        for node in nodes:
            server._prepare(node.launch, engine, node.ports, account)
            _configure(node, nodes)
            node.start()
        fleet = Fleet(nodes)
        fleet.await_whole()
        yield fleet
    finally:
        for node in nodes:
            node.kill()
        shutil.rmtree(folder)


def _with_heap(engine: Engine, heap: str) -> Any:
    def launcher(launch: Launch) -> Any:
        command, environment = engine.launcher(launch)
        return command, environment | {"ES_JAVA_OPTS": f"-Xms{heap} -Xmx{heap}"}

    return launcher


def _configure(node: Node, nodes: list[Node]) -> None:
    """Its place in the cluster; alone it stays as the sandbox has it."""
    path = node.launch.run / "config" / node.engine.config
    own = {"node.name": node.name}
    if len(nodes) > 1:
        own["discovery.seed_hosts"] = json.dumps([f"127.0.0.1:{one.ports[1]}" for one in nodes])
        own["cluster.initial_master_nodes"] = json.dumps([one.name for one in nodes])
    dropped = ("node.name:", "discovery.type:" if len(nodes) > 1 else "node.name:")
    kept = [one for one in path.read_text().splitlines() if not one.startswith(dropped)]
    path.write_text("\n".join([*kept, *(f"{n}: {v}" for n, v in own.items())]) + "\n")
