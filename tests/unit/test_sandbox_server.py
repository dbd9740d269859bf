"""Start, stop and status, with a sleeping process in place of the server."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import pytest

from esplan.commands import sandbox as command
from esplan.errors import EsplanError, UsageError
from esplan.sandbox import server, state
from esplan.sandbox.cache import ACCOUNTS, locked, server_account
from esplan.sandbox.engines import DEFAULT, ENGINES
from esplan.sandbox.launchers import Launch, cli_tool_launcher
from esplan.sandbox.state import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVER = "import signal, time; time.sleep(300)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)"
LAUNCHER = """
import subprocess, sys
code, home, pid = sys.argv[1:]
open(pid, "w").write(str(subprocess.Popen([sys.executable, "-c", code, home]).pid))
"""
ENGINE = ENGINES[DEFAULT]


def silent(_text: str, _done: float | None) -> None:
    """No progress wanted."""


def ends(pid: int) -> bool:
    """Whether a process that was killed is gone within ten seconds."""
    deadline = time.monotonic() + 10
    while state.command_line(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not state.command_line(pid)


def launches(code: str) -> Any:
    """A launcher of a server that runs `code`."""

    def launcher(launch: Launch) -> tuple[list[str], dict[str, str]]:
        pid = str(state.pid_file(launch.run))
        return [sys.executable, "-c", LAUNCHER, code, str(launch.home), pid], {}

    return launcher


SLEEPING = replace(ENGINE, launcher=launches(SERVER))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache with the engine's files in it, and everything that needs a real server faked."""
    cache = tmp_path / "cache"
    home = cache / "engines" / "it"
    (home / "config").mkdir(parents=True)
    (home / "config/jvm.options").write_text("-XX:+UseG1GC\n-Xlog:gc*:file=logs/gc.log:utctime\n")
    monkeypatch.setenv("ESPLAN_CACHE_DIR", str(cache))
    monkeypatch.setattr(server, "server_account", dict)
    monkeypatch.setattr(server, "_await_answer", lambda *_: None)
    monkeypatch.setattr("esplan.sandbox.java.find_java", lambda *_: tmp_path)
    monkeypatch.setattr("esplan.sandbox.download.install", lambda *_: home)
    yield cache
    if left := state.running(cache):
        os.kill(left.pid, signal.SIGKILL)


def test_start_status_stop(cache: Path) -> None:
    up = server.start(SLEEPING, silent)
    assert up.url == f"http://127.0.0.1:{up.port}"
    assert not up.was_running
    assert state.is_server(up.pid, cache)
    shown = command.status()
    assert shown.sandbox == up
    assert shown.version == ""  # a sleeping process answers nobody
    assert command.stop(purge=False) == server.Ended(True, up.url, killed=False, purged=0)
    assert not state.is_server(up.pid, cache)
    assert command.status().sandbox is None
    assert not state.state_file(cache).exists()


FOREGROUND = """
import time
print("[INFO] [node] started{}", flush=True)
time.sleep(300)
"""


def foreground(says: str) -> Any:
    """A launcher that is the server, and says that."""
    code = FOREGROUND.replace("started{}", says)
    return replace(
        ENGINE,
        foreground=True,
        launcher=lambda launch: ([sys.executable, "-c", code, str(launch.home)], {}),
    )


@pytest.mark.parametrize("says", ["started", "started {node}{127.0.0.1}"])
def test_a_server_that_stays_in_the_foreground(says: str, cache: Path) -> None:
    up = server.start(foreground(says), silent)
    assert state.is_server(up.pid, cache)
    assert server.start(foreground(says), silent).pid == up.pid
    assert not command.stop(purge=False).killed
    assert not state.is_server(up.pid, cache)


def test_a_foreground_server_that_never_says_it_is_up(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "SECONDS_TO_START", 1)
    with pytest.raises(EsplanError, match=r"did not start \(not up after 1 s\)") as caught:
        server.start(foreground("starting"), silent)
    assert caught.value.why == "[INFO] [node] starting"
    assert state.running(cache) is None


def test_a_foreground_server_that_ends_at_once() -> None:
    ends_at_once = replace(foreground(""), launcher=lambda _: (["/bin/sh", "-c", "exit 0"], {}))
    with pytest.raises(EsplanError, match=r"did not start \(exit code 0\)"):
        server.start(ends_at_once, silent)


def test_a_second_start_says_where_it_runs() -> None:
    up = server.start(SLEEPING, silent)
    assert server.start(SLEEPING, silent) == replace(up, was_running=True)


def test_another_engine_does_not_start_beside_it() -> None:
    up = server.start(SLEEPING, silent)
    with pytest.raises(EsplanError, match=r"8\.16 runs already") as caught:
        server.start(replace(SLEEPING, name="opensearch-2.19"), silent)
    assert caught.value.where == up.url
    assert caught.value.remedy == "esplan sandbox stop, then start again"


def test_stop_when_nothing_runs_is_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = server.Ended(was_running=False, url="", killed=False, purged=0)
    assert command.stop(purge=False) == nothing
    monkeypatch.setenv("ESPLAN_CACHE_DIR", str(tmp_path / "never"))
    assert command.stop(purge=True) == nothing
    assert not (tmp_path / "never").exists()


def test_a_server_that_does_not_end_is_killed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "SECONDS_TO_STOP", 1)
    stubborn = server.start(replace(ENGINE, launcher=launches(STUBBORN)), silent)
    _until_it_ignores(stubborn.pid)
    assert command.stop(purge=False).killed
    assert not state.is_server(stubborn.pid, cache)


def _until_it_ignores(pid: int) -> None:
    """Wait until a young process has set its signals (Linux; elsewhere it had time enough)."""
    with suppress(FileNotFoundError):
        while True:
            with open(f"/proc/{pid}/status", encoding="ascii") as file:  # noqa: PTH123  (not a Path)
                ignored = next(line for line in file if line.startswith("SigIgn"))
            if int(ignored.split()[1], 16) & 1 << (signal.SIGTERM - 1):
                return


def test_data_outlive_a_stop_and_not_a_purge(cache: Path) -> None:
    server.start(SLEEPING, silent)
    data = state.run_folder(cache, ENGINE.name) / "data"
    (data / "segment").write_text("12345")
    command.stop(purge=False)
    server.start(SLEEPING, silent)
    assert (data / "segment").read_text() == "12345"
    assert command.stop(purge=True).purged >= 5
    assert not data.exists()
    assert (cache / "engines").exists()


def dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def save_state(cache: Path, pid: int) -> None:
    state.save(cache, Sandbox(ENGINE.name, "http://127.0.0.1:1", 1, pid, "2026-01-01"))


def test_the_state_of_a_dead_server_is_cleaned(cache: Path) -> None:
    save_state(cache, dead_pid())
    assert not command.status().running
    assert not command.stop(purge=False).was_running
    assert not state.state_file(cache).exists()


@pytest.fixture
def other_program() -> Iterator[int]:
    """The pid of a process that is no server of any cache."""
    with subprocess.Popen([sys.executable, "-c", SERVER]) as process:
        while not state.command_line(process.pid):  # empty for an instant after exec
            time.sleep(0.01)
        yield process.pid
        process.kill()


def test_a_program_that_got_the_servers_pid_is_left_alone(cache: Path, other_program: int) -> None:
    save_state(cache, other_program)
    assert not command.status().running
    assert not command.stop(purge=True).was_running
    assert state.command_line(other_program)
    assert not state.state_file(cache).exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_damaged_state_file_is_no_server(text: str, cache: Path) -> None:
    state.state_file(cache).write_text(text)
    assert state.running(cache) is None


def test_a_server_whose_starter_was_killed_is_found(cache: Path) -> None:
    up = server.start(SLEEPING, silent)
    state.save(cache, replace(up, pid=dead_pid()))  # what a start that was cut short leaves
    assert server.start(SLEEPING, silent) == replace(up, was_running=True)


def test_a_failed_start_shows_the_end_of_its_log_and_leaves_nothing(cache: Path) -> None:
    one = r"echo line $n; echo more; printf '\tat x.y(Z)\n'"
    script = f"for n in 1 2 3 4 5 6 7 8 9; do {one}; done; exit 78"
    failing = replace(ENGINE, launcher=lambda _: (["/bin/sh", "-c", script], {}))
    with pytest.raises(
        EsplanError, match=r"elasticsearch-8.16 did not start \(exit code 78\)"
    ) as e:
        server.start(failing, silent)
    lines = e.value.why.splitlines()
    assert len(lines) == 15
    assert lines[-2:] == ["line 9", "more"]
    assert not state.state_file(cache).exists()


def test_a_start_that_hangs_is_ended(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "SECONDS_TO_START", 0.2)
    pids = cache / "pid"
    hanging = replace(
        ENGINE, launcher=lambda _: (["/bin/sh", "-c", f"sleep 300 & echo $! > {pids}; wait"], {})
    )
    with pytest.raises(EsplanError, match="did not start") as caught:
        server.start(hanging, silent)
    assert caught.value.why == "its log is empty"
    assert ends(int(pids.read_text()))


def test_an_interrupted_start_leaves_no_server(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Sandbox | None] = []

    def interrupted(*_: object) -> None:
        seen.append(state.running(cache))
        raise KeyboardInterrupt

    monkeypatch.setattr(server, "_await_answer", interrupted)
    with pytest.raises(KeyboardInterrupt):
        server.start(SLEEPING, silent)
    assert seen[0] is not None
    assert ends(seen[0].pid)
    assert not state.state_file(cache).exists()


def test_two_starts_at_once_make_one_server() -> None:
    ups: list[Sandbox] = []
    threads = [
        threading.Thread(target=lambda: ups.append(server.start(SLEEPING, silent)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({up.pid for up in ups}) == 1
    assert sorted(up.was_running for up in ups) == [False, True, True]


def test_whoever_waits_for_the_lock_is_told(cache: Path) -> None:
    told: list[str] = []
    waits = threading.Event()

    def tell(text: str, _done: float | None) -> None:
        told.append(text)
        waits.set()

    def second() -> None:
        with locked(cache, tell):
            told.append("in")

    thread = threading.Thread(target=second)
    with locked(cache, silent):
        thread.start()
        assert waits.wait(10)
        assert told == ["waiting for another esplan sandbox command to end"]
    thread.join()
    assert told[-1] == "in"


class FakeSocket:
    """Offers the ports that must never be used first."""

    offers: list[int]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def bind(self, address: tuple[str, int]) -> None:
        assert address == ("127.0.0.1", 0)

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", self.offers.pop(0)


def test_the_port_is_never_that_of_an_ordinary_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeSocket.offers = [9200, 41000, 9300, 42000]
    monkeypatch.setattr("esplan.sandbox.server.socket.socket", FakeSocket)
    assert server.free_ports() == (41000, 42000)


def test_the_ports_are_free_and_differ() -> None:
    http, transport = server.free_ports()
    assert http != transport
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", http))


def test_the_servers_settings(cache: Path) -> None:
    up = server.start(SLEEPING, silent)
    run = state.run_folder(cache, ENGINE.name)
    lines = (run / "config/elasticsearch.yml").read_text().splitlines()
    assert f"http.port: {up.port}" in lines
    assert "network.host: 127.0.0.1" in lines
    assert "xpack.security.enabled: false" in lines
    assert "cluster.routing.allocation.disk.threshold_enabled: false" in lines
    assert f'path.data: "{run}/data"' in lines
    assert (run / "config/jvm.options").read_text() == "-XX:+UseG1GC\n"


def test_no_credential_reaches_the_server(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPLAN_API_KEY", "s3cret")
    shows = replace(ENGINE, launcher=lambda _: (["/bin/sh", "-c", "env; exit 1"], {"ES_HOME": "x"}))
    with pytest.raises(EsplanError, match="did not start") as caught:
        server.start(shows, silent)
    assert "ES_HOME=x" in caught.value.why
    assert "s3cret" not in (state.run_folder(cache, ENGINE.name) / "start.log").read_text()


def test_the_launcher_is_told_where_everything_is(tmp_path: Path) -> None:
    launch = Launch(tmp_path / "home", tmp_path / "run", tmp_path / "java")
    words, environment = cli_tool_launcher(launch)
    assert words[0] == f"{tmp_path}/java/bin/java"
    assert f"-Des.path.conf={tmp_path}/run/config" in words
    assert words[-4:] == [
        *("org.elasticsearch.launcher.CliToolLauncher", "-d", "-p"),
        f"{tmp_path}/run/tmp/pid",
    ]
    assert environment["ES_JAVA_OPTS"] == "-Xms1g -Xmx1g"


@pytest.mark.parametrize("name", ENGINES)
def test_every_server_writes_into_its_own_folder_only(name: str, tmp_path: Path) -> None:
    launch = Launch(tmp_path / "home", tmp_path / "run", tmp_path / "java")
    words, environment = ENGINES[name].launcher(launch)
    assert str(tmp_path / "home") in " ".join(words)  # by this a stop knows the process
    assert f"{tmp_path}/run/config" in " ".join([*words, *environment.values()])
    assert f"{tmp_path}/run/tmp" in " ".join([*words, *environment.values()])
    assert f"{tmp_path}/java" in " ".join([*words, *environment.values()])


def test_root_starts_the_server_as_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    pwd = pytest.importorskip("pwd")
    monkeypatch.setattr("esplan.sandbox.cache.is_root", lambda: False)
    assert server_account() == {}
    monkeypatch.setattr("esplan.sandbox.cache.is_root", lambda: True)
    nobody = pwd.struct_passwd(("nobody", "x", 65534, 65533, "", "/", "/bin/false"))
    monkeypatch.setattr(pwd, "getpwall", lambda: [nobody])
    assert server_account() == {"user": 65534, "group": 65533, "extra_groups": []}
    monkeypatch.setattr(pwd, "getpwall", list)
    with pytest.raises(EsplanError, match="does not run as root") as caught:
        server_account()
    assert caught.value.why == f"none of {', '.join(ACCOUNTS)} exists"


def test_the_command_refuses_an_unknown_engine() -> None:
    with pytest.raises(UsageError, match="no sandbox engine 'x'"):
        command.start("x", silent)


def test_seed_without_a_sandbox_says_how_to_get_one() -> None:
    with pytest.raises(EsplanError, match="no sandbox runs") as caught:
        command.seed(silent, reset=False)
    assert caught.value.remedy == "esplan sandbox start"
