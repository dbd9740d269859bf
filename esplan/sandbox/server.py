"""Starts, stops and describes the one server of the sandbox.

It listens on 127.0.0.1 only, on ports the system chooses. Its data outlives a stop, unless that
is told to purge it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from esplan import durable
from esplan.errors import EsplanError, ServerError, Unreachable
from esplan.sandbox.cache import (
    cache_folder,
    disk_used,
    locked,
    make_folder,
    require_reachable,
    server_account,
)
from esplan.sandbox.launchers import Launch
from esplan.sandbox.state import (
    Sandbox,
    is_server,
    run_folder,
    running,
    save,
    start_log,
    state_file,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from esplan.sandbox import Progress
    from esplan.sandbox.engines import Engine

ORDINARY_PORTS = frozenset({9200, 9300})
"""Where other people's clusters listen: never the sandbox's, whatever the system offers."""

STARTED = re.compile(r"\bstarted( \{.*)?$", re.MULTILINE)
"""The line of a server that runs in the foreground, once it is up."""

SECONDS_TO_START = 180
SECONDS_TO_STOP = 30


@dataclass(frozen=True)
class Ended:
    """What `stop` did. `killed`: the server did not end by itself. `purged`: bytes deleted."""

    was_running: bool
    url: str
    killed: bool
    purged: int


@dataclass(frozen=True)
class Status:
    """What runs. `version` is empty where the server does not answer. `disk` is in bytes."""

    sandbox: Sandbox | None
    version: str
    disk: int
    cache: Path

    @property
    def running(self) -> bool:
        """Whether a server runs, be it that it does not answer yet."""
        return self.sandbox is not None


def start(engine: Engine, progress: Progress) -> Sandbox:
    """Start the engine, fetching it first if need be, and return when it answers.

    If it runs already, it is left alone and returned. Raises EsplanError when another engine
    runs, when Java or Maven is missing, and when the server does not come up.
    """
    cache = cache_folder()
    with locked(cache, progress):
        found = running(cache)
        if found is None:
            return _start(engine, cache, progress)
        if found.engine != engine.name:
            raise EsplanError(
                f"{found.engine} runs already, and there is one sandbox at a time",
                code="ESP-6102",
                where=found.url,
                remedy="esplan sandbox stop, then start again",
            )
        _await_answer(found.url, progress)  # its start may have been cut short
        return replace(running(cache) or found, was_running=True)


def _start(engine: Engine, cache: Path, progress: Progress) -> Sandbox:
    """The same, where nothing runs and the lock is held."""
    from esplan.sandbox.download import install
    from esplan.sandbox.java import find_java

    account = server_account()
    if account:
        require_reachable(cache)
    java = find_java(engine.java_min, engine.java_max, account, engine.java_module)
    home = install(engine, cache, java, progress)
    ports = free_ports()
    launch = Launch(home, run_folder(cache, engine.name), java)
    _prepare(launch, engine, ports, account)
    process = _spawn(launch, engine, account)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    sandbox = Sandbox(engine.name, f"http://127.0.0.1:{ports[0]}", ports[0], process.pid, now)
    try:
        save(cache, sandbox)
        _await_launcher(process, launch, engine, progress)
        _await_answer(sandbox.url, progress)
        save(cache, up := running(cache) or sandbox)
    except BaseException:
        _kill(process, cache)
        raise
    return up


def free_ports() -> tuple[int, int]:
    """Two ports of 127.0.0.1 that nothing listens on (http, transport)."""
    ports: list[int] = []
    with ExitStack() as held:
        while len(ports) < 2:  # noqa: PLR2004  (the pair)
            probe = held.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
            if port not in ORDINARY_PORTS:
                ports.append(port)
    return ports[0], ports[1]


def _prepare(
    launch: Launch, engine: Engine, ports: tuple[int, int], account: Mapping[str, Any]
) -> None:
    """A fresh config, logs and tmp, and the data as they are: all that the server may write to.

    The folder above them stays with whoever runs esplan, so that the server's account cannot
    put a link in the way of the files that root writes here.
    """
    make_folder(launch.run)
    for name in ("config", "logs", "tmp"):
        shutil.rmtree(launch.run / name, ignore_errors=not (launch.run / name).exists())
        (launch.run / name).mkdir()
    (launch.run / "data").mkdir(exist_ok=True)
    shutil.copytree(launch.home / "config", launch.run / "config", dirs_exist_ok=True)
    settings = "\n".join(_settings(launch.run, engine, ports)) + "\n"
    durable.write_whole(launch.run / "config" / engine.config, settings.encode())
    jvm_options = launch.run / "config/jvm.options"
    quiet = _quiet(jvm_options.read_text(encoding="utf-8"))
    durable.write_whole(jvm_options, quiet.encode())
    if account:
        config = launch.run / "config"
        own = [launch.run / name for name in ("data", "logs", "tmp")]
        for path in (*own, config, *config.rglob("*")):
            os.chown(path, account["user"], account["group"], follow_symlinks=False)


def _quiet(jvm_options: str) -> str:
    """The options less the files that the JVM would write below the server's read-only files."""
    files = ("=logs/", "-XX:HeapDumpPath=")
    lines = jvm_options.splitlines(keepends=True)
    return "".join(line for line in lines if not any(file in line for file in files))


def _settings(run: Path, engine: Engine, ports: tuple[int, int]) -> list[str]:
    """The lines of the server's settings file."""
    return [
        "cluster.name: esplan-sandbox",
        "node.name: sandbox",
        "discovery.type: single-node",
        "network.host: 127.0.0.1",
        f"http.port: {ports[0]}",
        f"transport.port: {ports[1]}",
        f"path.data: {json.dumps(str(run / 'data'))}",
        f"path.logs: {json.dumps(str(run / 'logs'))}",
        "cluster.routing.allocation.disk.threshold_enabled: false",
        *engine.settings,
    ]


def _spawn(launch: Launch, engine: Engine, account: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    """Run the launcher, its output going to `start.log`.

    The server gets an environment of its own, so no credential of esplan's, and a session of
    its own, so that a Ctrl-C in the terminal does not reach it.
    """
    command, own = engine.launcher(launch)
    environment = {"PATH": os.defpath, "HOME": str(launch.run / "tmp"), "LC_ALL": "C.UTF-8"} | own
    start_log(launch.run).unlink(missing_ok=True)
    with os.fdopen(durable.fresh(start_log(launch.run), durable.SHARED), "w") as output:
        return subprocess.Popen(  # noqa: S603  (the launcher's own command)
            command,
            env=environment,
            cwd=launch.home,  # the launcher looks for lib/ and modules/ here
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            **account,
        )


def _await_launcher(
    process: subprocess.Popen[bytes], launch: Launch, engine: Engine, progress: Progress
) -> None:
    """Return when the server is up. Raises EsplanError when it does not come up."""
    deadline = time.monotonic() + SECONDS_TO_START
    while process.poll() is None and time.monotonic() < deadline:
        if engine.foreground and _has_started(start_log(launch.run)):
            process.returncode = 0  # it outlives this process: without this, Popen complains
            return
        progress(f"starting {engine.name}", None)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.5)
    if process.returncode != 0 or engine.foreground:
        ended = process.returncode is not None
        why = f"exit code {process.returncode}" if ended else f"not up after {SECONDS_TO_START} s"
        raise EsplanError(
            f"{engine.name} did not start ({why})",
            code="ESP-6112",
            where=str(start_log(launch.run)),
            why=last_lines(start_log(launch.run)),
            remedy="the lines above say why; esplan sandbox stop --purge drops data that is broken",
        )


def _has_started(log: Path) -> bool:
    return STARTED.search(log.read_text(encoding="utf-8", errors="replace")) is not None


def _kill(launcher: subprocess.Popen[bytes], cache: Path) -> None:
    """Leave nothing of a server that failed to start, or whose start was interrupted.

    The server belongs to the launcher's session, and so to its process group.
    """
    with suppress(ProcessLookupError):
        os.killpg(launcher.pid, signal.SIGKILL)
    launcher.wait()
    state_file(cache).unlink(missing_ok=True)


def last_lines(log: Path, count: int = 15) -> str:
    """The last lines of a log less Java's stack frames, each cut at 300 characters."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    telling = [line[:300] for line in lines if not line.startswith(("\tat ", "\t... "))]
    return "\n".join(telling[-count:]) or "its log is empty"


def _await_answer(url: str, progress: Progress) -> None:
    """Return when the server answers and the kept indices are back, as far as they come back."""
    from esplan.cluster import Cluster
    from esplan.connection import Connection

    progress("waiting for the indices", None)
    with Cluster(Connection(url), patience=30) as cluster:
        cluster.read("/")
        with suppress(ServerError):  # 408: an index stays red, which is the user's to look at
            cluster.read("/_cluster/health", {"wait_for_status": "yellow", "timeout": "30s"})


def stop(*, purge: bool, progress: Progress) -> Ended:
    """End the server if one runs; with `purge`, delete its data too, and every other engine's."""
    cache = cache_folder()
    if not cache.is_dir():
        return Ended(was_running=False, url="", killed=False, purged=0)
    with locked(cache, progress):
        found = running(cache)
        killed = _end(found.pid, cache, progress) if found else False
        state_file(cache).unlink(missing_ok=True)
        purged = disk_used(cache / "run") if purge else 0
        if purge and (cache / "run").exists():
            shutil.rmtree(cache / "run")
    return Ended(found is not None, found.url if found else "", killed, purged)


def _end(pid: int, cache: Path, progress: Progress) -> bool:
    """Ask the server to end, wait, and kill it if it does not: whether it had to be killed."""
    for number, seconds in ((signal.SIGTERM, SECONDS_TO_STOP), (signal.SIGKILL, 10)):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        for _ in range(seconds * 10):
            if not is_server(pid, cache):
                return number is signal.SIGKILL
            progress("stopping the server", None)
            time.sleep(0.1)
    raise EsplanError(
        f"process {pid} does not end, not even when killed",
        code="ESP-6111",
        where=str(cache),
        remedy="see what it waits for (a disk that hangs?), then stop the sandbox again",
    )


def status() -> Status:
    """What runs now, without waiting for anything."""
    cache = cache_folder()
    sandbox = running(cache)
    version = _version(sandbox.url) if sandbox else ""
    return Status(sandbox, version, disk_used(cache), cache)


def _version(url: str) -> str:
    """The server's version, empty where it does not answer within five seconds."""
    from esplan.cluster import Cluster
    from esplan.connection import Connection

    try:
        with Cluster(Connection(url)) as cluster:
            return str(cluster.read("/", timeout=5)["version"]["number"])
    except (Unreachable, ServerError):
        return ""
