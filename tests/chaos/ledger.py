"""What clients have written, and what was answered: so what must be there at the end."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Operation = tuple[str, str, dict[str, Any] | None]
"""`index` or `delete`, an id, and the document."""

DONE = (200, 201)


@dataclass(frozen=True)
class Server:
    """Asked as somebody asks who has nothing of esplan."""

    host: str
    port: int

    def connect(self) -> HTTPConnection:
        return HTTPConnection(self.host, self.port, timeout=60)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """The status and the answer; a list is sent as lines."""
        connection = self.connect()
        try:
            connection.request(method, path, _encoded(body), _kind(body))
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    def must(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self.ask(method, path, body)
        assert status < 300, f"{method} {path}: {answer}"
        return answer

    def index(self, name: str) -> dict[str, Any]:
        """Its aliases, mappings and settings; nothing where there is none."""
        status, found = self.ask("GET", f"/{name}")
        return dict(found.get(name, {})) if status < 300 else {}

    def uuid(self, name: str) -> str:
        return str(self.index(name).get("settings", {}).get("index", {}).get("uuid", ""))

    def on(self, alias: str) -> list[str]:
        status, found = self.ask("GET", f"/_alias/{alias}")
        return sorted(found) if status < 300 else []


def _encoded(body: Any) -> bytes | None:
    if isinstance(body, list):
        return b"".join(json.dumps(one).encode() + b"\n" for one in body)
    return None if body is None else json.dumps(body).encode()


def _kind(body: Any) -> dict[str, str]:
    kind = "application/x-ndjson" if isinstance(body, list) else "application/json"
    return {"content-type": kind} if body is not None else {}


@dataclass(frozen=True)
class Written:
    """A document, or that there is none, as it was acknowledged by an index."""

    source: dict[str, Any] | None
    index: str


@dataclass
class Ledger:
    """`may`: by id, what may be served at the end; more than one where nobody knows, or may choose.

    `aside`: acknowledged by an index that was not behind the alias and that nobody may delete.
    `model`: what a repair may put in the place of what was there when it compared.
    `made`: the index that the plan makes, and may take back with everything in it.
    """

    server: Server
    alias: str
    made: str
    may: dict[str, list[Written]] = field(default_factory=dict)
    model: dict[str, dict[str, Any]] = field(default_factory=dict)
    aside: dict[tuple[str, str], Written] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    running: list[threading.Thread] = field(default_factory=list)

    def seeded(self, documents: dict[str, dict[str, Any]], index: str) -> None:
        self.may = {key: [Written(source, index)] for key, source in documents.items()}

    def write(self, target: str, operations: Sequence[Operation]) -> None:
        """A bulk, and its answer."""
        self._sent(target, operations, lambda c, b, k: c.request("POST", BULK, b, k))

    def slowly(self, target: str, operations: Sequence[Operation]) -> Callable[[], None]:
        """Headers and half of a bulk; what is returned sends the rest and waits for the answer."""
        body, served = _encoded(_lines(target, operations)) or b"", self.server.on(self.alias)
        connection, half = self.server.connect(), len(body) // 2
        connection.putrequest("POST", BULK)
        for name, value in {**_kind([]), "content-length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders(body[:half])

        def rest() -> None:
            connection.send(body[half:])
            self._answered(connection, target, operations, served)

        return rest

    def meanwhile(self, target: str, operations: Sequence[Operation]) -> None:
        """A bulk that the server works on while others go on."""
        thread = threading.Thread(target=self.write, args=(target, operations))
        self.running.append(thread)
        thread.start()

    def settle(self) -> None:
        """Everybody has an answer."""
        for thread in self.running:
            thread.join()
        self.running.clear()

    def _sent(self, target: str, operations: Sequence[Operation], send: Any) -> None:
        body, served = _lines(target, operations), self.server.on(self.alias)
        connection = self.server.connect()
        send(connection, _encoded(body), _kind(body))
        self._answered(connection, target, operations, served)

    def _answered(
        self,
        connection: HTTPConnection,
        target: str,
        operations: Sequence[Operation],
        served: list[str],
    ) -> None:
        try:
            answer = json.loads(connection.getresponse().read())
        except OSError as error:
            self.log.append(f"a bulk to {target}: {error!r}")
            for _, key, source in operations:
                self._may_be(key, Written(source, target))
            return
        finally:
            connection.close()
        items = [next(iter(one.values())) for one in answer.get("items", [])]
        took = [one for one in items if one["status"] in DONE]
        places = sorted({one["_index"] for one in took})
        self.log.append(
            f"a bulk to {target}: {len(took)} of {len(operations)} acknowledged by {places}"
            + (f"; refused: {answer['error']}" if "error" in answer else "")
        )
        for (_, key, source), item in zip(operations, items, strict=bool(items)):
            if item["status"] in DONE:
                through = target == self.alias or item["_index"] in served
                self._acknowledged(key, Written(source, item["_index"]), through=through)

    def _acknowledged(self, key: str, written: Written, *, through: bool) -> None:
        if through:
            self.may[key] = [written]
            return
        self._may_be(key, written)
        if written.index != self.made:
            self.aside[key, written.index] = written  # the last one counts

    def _may_be(self, key: str, written: Written) -> None:
        self.may.setdefault(key, [Written(None, "")]).append(written)


BULK = "/_bulk?require_alias=false"


def _lines(target: str, operations: Sequence[Operation]) -> list[Any]:
    lines: list[Any] = []
    for verb, key, source in operations:
        lines += [{verb: {"_index": target, "_id": key}}]
        lines += [] if source is None else [source]
    return lines
