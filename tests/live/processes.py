"""The command line in processes of their own, forked from one that has imported all of it.

A fork costs a hundredth of what Python and its imports cost, and is as good to kill: it shares
nothing with the tests.

    processes.py SOCKET
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COMMAND_LINE = "esplan.cli:run"
"""What a child calls with its arguments: a function that returns the exit code."""


def nobody(_arguments: Sequence[str]) -> dict[str, str]:
    """The server asks nobody to sign in."""
    return {}


sign_in: Callable[[Sequence[str]], dict[str, str]] = nobody
"""The variables by which a command line signs in: of the test that runs (fixtures.py)."""


def environment(arguments: Sequence[str]) -> dict[str, str]:
    """This process's, without the ESPLAN_ variables of the person who runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ESPLAN_")}
    return kept | sign_in(arguments)


@dataclass
class Process:
    """A forked command. `returncode` is negative for a signal, as for subprocess."""

    pid: int
    stdout: IO[str]
    stderr: IO[str]
    connection: socket.socket = field(repr=False)
    returncode: int | None = None

    def wait(self, timeout: float = 120) -> int:
        """Until it has ended. Kills it, and raises TimeoutError, when it takes longer."""
        if self.returncode is None:
            self.connection.settimeout(timeout)
            try:
                self.returncode = int(_line(self.connection))
            except TimeoutError:
                self.send(signal.SIGKILL)
                self.returncode = int(_line(self.connection))
                raise
            finally:
                self.connection.close()
        return self.returncode

    def send(self, number: int) -> None:
        """A signal, unless it has ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def output(self) -> tuple[str, str]:
        """All that it wrote so far, on stdout and on stderr."""
        return _text(self.stdout), _text(self.stderr)

    def close(self) -> None:
        """Nothing of it is left: a process that runs is killed."""
        if self.returncode is None:
            self.send(signal.SIGKILL)
            self.wait()
        self.stdout.close()
        self.stderr.close()


def start(arguments: list[str], entry: str = COMMAND_LINE, **extra: str) -> Process:
    """Call `entry` with the arguments in a new process, in this one's folder.

    It sees no ESPLAN_ variable but those in `extra`, and those that it signs in with.
    """
    request = {"entry": entry, "arguments": arguments, "cwd": str(Path.cwd())}
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(_nursery())
    out, err = (tempfile.TemporaryFile("w+", encoding="utf-8") for _ in range(2))  # noqa: SIM115
    data = json.dumps(request | {"environment": environment(arguments) | extra}).encode() + b"\n"
    socket.send_fds(connection, [data[:1]], [out.fileno(), err.fileno()])
    connection.sendall(data[1:])
    return Process(int(_line(connection)), out, err, connection)


def run(
    arguments: list[str], entry: str = COMMAND_LINE, **extra: str
) -> subprocess.CompletedProcess[str]:
    """The same, until it has ended; its output, as subprocess gives it."""
    process = start(arguments, entry, **extra)
    try:
        code = process.wait()
        return subprocess.CompletedProcess(arguments, code, *process.output())
    finally:
        process.close()


def _text(file: IO[str]) -> str:
    file.flush()
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode()


def _line(connection: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        more = connection.recv(1 << 16)
        if not more:
            raise AssertionError("the process that forks the commands is gone")
        data += more
    return data


@cache
def _nursery() -> str:
    """The socket of the process that forks; it ends with this one."""
    folder = tempfile.mkdtemp(prefix="esplan-nursery-")
    address = f"{folder}/socket"
    path = os.pathsep.join(one for one in sys.path if one)
    nursery = subprocess.Popen(
        [sys.executable, __file__, address],
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert nursery.stdout
    assert nursery.stdout.readline() == b"ready\n"

    def end() -> None:
        nursery.kill()
        nursery.communicate()
        Path(address).unlink(missing_ok=True)
        Path(folder).rmdir()

    atexit.register(end)
    return address


# In the process that forks


def _serve(address: str) -> None:
    _import_all()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        os.write(1, b"ready\n")
        while listener in select.select([listener, 0], [], [])[0]:  # or the tests are gone
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _watch(connection)
            connection.close()


def _import_all() -> None:
    """All that a command may import, so that no child has to."""
    import elasticsearch  # noqa: F401

    import esplan

    for module in pkgutil.walk_packages(esplan.__path__, "esplan."):
        if module.name != "esplan.__main__":
            importlib.import_module(module.name)


def _watch(connection: socket.socket) -> None:
    """Fork the command, and say how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    first, streams, _, _ = socket.recv_fds(connection, 1, 2)
    request = json.loads(first + _line(connection))
    child = os.fork()
    if child == 0:
        _become(request, streams)
    connection.sendall(b"%d\n" % child)
    _, status = os.waitpid(child, 0)
    with suppress(OSError):
        connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _become(request: dict[str, Any], streams: list[int]) -> None:
    """Run the command in this process, and end it as Python would."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, stream in enumerate([nothing, *streams]):
        os.dup2(stream, number)
    os.closerange(3, 256)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["cwd"])
    time.tzset()
    module, _, name = request["entry"].partition(":")
    try:
        code = getattr(importlib.import_module(module), name)(request["arguments"])
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001  (a traceback is what Python would show)
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        code = 1
    os._exit(code)


if __name__ == "__main__":
    _serve(sys.argv[1])
