"""An HTTP proxy in front of a real server, which spoils the answers that it is told to.

A fault is put in the place of an exchange: before the server sees the request, or when it has
carried it out (`faults.py`). Requests go by a name that is the same in every trial (`Names`).
"""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Callable

Mode = Literal["once", "alike", "for ever"]
"""This request alone; all of its name from there on; every request from there on."""

PLAYED = "x-played"
"""A header of an answer that tells the client what to see instead (`faulty.py`)."""


@dataclass(frozen=True)
class Answer:
    """What goes back. `short`: bytes that are announced and do not come; `None`: no answer."""

    status: int
    body: bytes
    kind: str = "application/json"
    short: int = 0
    played: str = ""


@dataclass(frozen=True)
class Asked:
    """A request; `name` is its own in every trial."""

    name: str
    method: str
    path: str
    body: bytes


@dataclass(frozen=True)
class Fault:
    """`spoil`: what becomes of the answer; `None` is a reset. `delivered`: the server has given it.

    `fits`: whether such a fault of such an answer can be. Without `delivered` the server never
    sees the request, and the answer is empty.
    """

    name: str
    spoil: Callable[[Answer], Answer | None]
    delivered: bool = False
    fits: Callable[[Asked, Answer], bool] = lambda _asked, _answer: True


@dataclass(frozen=True)
class Aim:
    """From the `nth` request of a name on (counted from 1)."""

    name: str
    nth: int
    fault: Fault
    mode: Mode

    def hits(self, name: str, nth: int, *, begun: bool) -> bool:
        """Whether a request is one of those."""
        first = name == self.name and nth == self.nth
        if self.mode == "once":
            return first
        return first or (begun and self.mode == "for ever") or (begun and name == self.name)


@dataclass
class Proxy:
    """`seen`: what was asked and answered. `injected`: the faults. `watch` runs after a change."""

    upstream: tuple[str, int]
    naming: Callable[[str], str] = str
    aim: Aim | None = None
    seen: list[tuple[Asked, Answer]] = field(default_factory=list)
    injected: list[Asked] = field(default_factory=list)
    watch: Callable[[Asked], None] = lambda _asked: None
    _counted: Counter[str] = field(default_factory=Counter)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        """It listens, and so does a socket that never answers."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads, self._server.block_on_close = True, False
        self._server.proxy = self  # type: ignore[attr-defined]
        self._silent = socket.create_server(("127.0.0.1", 0), backlog=1024)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing listens any more."""
        self._server.shutdown()
        self._server.server_close()
        self._silent.close()

    @property
    def url(self) -> str:
        """What the client is told."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def silent(self) -> int:
        """The port that takes a request and never answers."""
        return int(self._silent.getsockname()[1])

    def begin(
        self, naming: Callable[[str], str], aim: Aim | None, watch: Callable[[Asked], None]
    ) -> None:
        """Count anew."""
        self.naming, self.aim, self.watch = naming, aim, watch
        self.seen, self.injected, self._counted = [], [], Counter()

    def count(self, asked: Asked) -> int:
        """Which one of its name it is."""
        with self._turn:
            self._counted[asked.name] += 1
            return self._counted[asked.name]

    def exchange(self, asked: Asked, forward: Callable[[], Answer]) -> Answer | None:
        """The answer, or what becomes of it."""
        aim, nth = self.aim, self.count(asked)
        if aim is None or not aim.hits(asked.name, nth, begun=bool(self.injected)):
            return self._kept(asked, forward())
        if not aim.fault.delivered:
            return self._spoilt(asked, Answer(200, b""), aim.fault)
        answer = self._kept(asked, forward())
        return self._spoilt(asked, answer, aim.fault) if aim.fault.fits(asked, answer) else answer

    def _spoilt(self, asked: Asked, answer: Answer, fault: Fault) -> Answer | None:
        with self._turn:
            self.injected.append(asked)
        return fault.spoil(answer)

    def _kept(self, asked: Asked, answer: Answer) -> Answer:
        with self._turn:
            self.seen.append((asked, answer))
        self.watch(asked)
        return answer


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client, and one of its own to the server."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # status, headers and body in one piece
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.proxy: Proxy = self.server.proxy  # type: ignore[attr-defined]
        self.upstream = HTTPConnection(*self.proxy.upstream, timeout=60)

    def finish(self) -> None:
        self.upstream.close()
        super().finish()

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True  # the client has gone

    def _exchange(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        name = self.proxy.naming(f"{self.command} {self.path}")
        asked = Asked(name, self.command, self.path, body)
        answer = self.proxy.exchange(asked, lambda: self._forward(body))
        if answer is None:
            self._reset()
        else:
            self._answer(answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _exchange  # noqa: N815  (the library's names)

    def _forward(self, body: bytes) -> Answer:
        kept = {n: v for n, v in self.headers.items() if n.lower() not in ("host", "connection")}
        self.upstream.request(self.command, self.path, body or None, kept)
        answer = self.upstream.getresponse()
        return Answer(answer.status, answer.read(), answer.headers.get("content-type", ""))

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("content-type", answer.kind)
        if "json" in answer.kind:
            self.send_header("x-elastic-product", "Elasticsearch")
        if answer.played:
            self.send_header(PLAYED, answer.played)
        self.send_header("content-length", str(len(answer.body) + answer.short))
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()
        self.close_connection = self.close_connection or bool(answer.short)

    def _reset(self) -> None:
        """RST, not FIN."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Quiet."""


def names(*known: tuple[str, str]) -> Callable[[str], str]:
    """What makes a request's name of it: what is other in every trial is put by a word."""
    patterns = [
        *((re.compile(re.escape(what)), word) for what, word in known),
        (re.compile(r"/_tasks/[^?/]+:\d+"), "/_tasks/TASK"),
        (re.compile(r"journal-[0-9a-f]{32}"), "journal"),
        (re.compile(r"esplan-fence-[0-9a-f*%A]+"), "FENCE"),
        (re.compile(r"esplan-copy-[0-9a-f-]+"), "GUARD"),
        (re.compile(r"parent_task_id=[^&]+"), "parent_task_id=TASK"),
        (re.compile(r"if_seq_no=\d+&if_primary_term=\d+"), "if_seq_no=N"),
        (re.compile(r"/_doc/(throttle|progress)-[^?]+"), r"/_doc/\1"),
    ]

    def name(request: str) -> str:
        for pattern, word in patterns:
            request = pattern.sub(word, request)
        return request

    return name
