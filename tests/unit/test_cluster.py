"""The connection against a server that answers what a test wants: once, never, or wrongly."""

from __future__ import annotations

import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from esplan.cluster import Cluster
from esplan.connection import Connection
from esplan.errors import OutcomeUnknown, ServerError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

Answer = tuple[int, Any]


class Scripted(ThreadingHTTPServer):
    """Gives its answers in their order, the last one for ever; None closes the connection."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Scribe)
        self.answers: list[Answer | None] = []
        self.seen: list[str] = []
        self.kinds: list[str | None] = []
        self.product = "Elasticsearch"
        self.warning = ""
        self.kind = "application/json"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Scribe(BaseHTTPRequestHandler):
    server: Scripted

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.seen.append(f"{self.command} {self.path}")
        self.server.kinds.append(self.headers.get("content-type"))
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer is None:
            self.close_connection = True
            return
        body = answer[1] if isinstance(answer[1], bytes) else json.dumps(answer[1]).encode()
        self.send_response(answer[0])
        if self.server.product:
            self.send_header("x-elastic-product", self.server.product)
        if self.server.warning:
            self.send_header("warning", self.server.warning)
        self.send_header("content-type", self.server.kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815  (the standard library's names)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted() as scripted:
        thread = threading.Thread(target=scripted.serve_forever, args=(0.01,))
        thread.start()
        yield scripted
        scripted.shutdown()
        thread.join()


@pytest.fixture
def cluster(server: Scripted) -> Iterator[Cluster]:
    with Cluster(Connection(server.url), patience=20) as connected:
        yield connected


OK = (200, {"ok": True})


@pytest.mark.parametrize("trouble", [(503, {}), (502, b"<html>"), (429, {}), None])
def test_a_read_is_repeated(server: Scripted, cluster: Cluster, trouble: Answer | None) -> None:
    server.answers = [trouble, trouble, OK]
    assert cluster.read("/a") == {"ok": True}
    assert server.seen == ["GET /a"] * 3


def test_a_long_wait_is_said_once(server: Scripted, cluster: Cluster) -> None:
    said: list[str] = []
    cluster.on_wait = said.append
    server.answers = [*[(503, {})] * 5, OK]
    cluster.read("/a")
    assert said == [f"no answer from {server.url}: asking again for up to 20 s"]


def test_a_read_is_not_repeated_without_patience(server: Scripted) -> None:
    server.answers = [None, OK]
    with Cluster(Connection(server.url)) as cluster, pytest.raises(Unreachable, match="no answer"):
        cluster.read("/a")
    assert server.seen == ["GET /a"]


def test_an_untrusted_certificate_is_not_waited_for(server: Scripted) -> None:
    """It came after a minute and a half, in the middle of an apply."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost", "127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    said: list[str] = []
    url = server.url.replace("http:", "https:")
    with Cluster(Connection(url), patience=20) as cluster:
        cluster.on_wait = said.append
        began = time.monotonic()
        with pytest.raises(Unreachable, match="no answer") as caught:
            cluster.read("/a")
    assert time.monotonic() - began < 5
    assert "CERTIFICATE_VERIFY_FAILED" in caught.value.why
    assert (said, server.seen) == ([], [])


def test_a_refused_read_is_not_repeated(server: Scripted, cluster: Cluster) -> None:
    server.answers = [(400, {"error": {"type": "t", "reason": "r"}})]
    with pytest.raises(ServerError, match="the server refused GET /a: r"):
        cluster.read("/a")
    assert len(server.seen) == 1


def test_a_wait_that_is_over_is_not_repeated(server: Scripted, cluster: Cluster) -> None:
    """Version 9 says so with 429; earlier ones with 500."""
    server.answers = [(429, {"error": {"type": "timeout_exception", "reason": "r"}}), OK]
    with pytest.raises(ServerError, match="the server refused GET /a: r"):
        cluster.read("/a")
    assert len(server.seen) == 1


def test_what_is_not_there_is_none(server: Scripted, cluster: Cluster) -> None:
    server.answers = [(404, {})]
    assert cluster.read("/a") is None


def test_a_404_that_is_a_page_says_nothing(server: Scripted, cluster: Cluster) -> None:
    """A gateway that has lost its way does not know what is there; the server says it in JSON."""
    server.kind = "text/html"
    server.answers = [(404, b"<html>Not Found</html>")]
    with pytest.raises(Unreachable, match="not as Elasticsearch or OpenSearch does"):
        cluster.read("/a")
    with pytest.raises(OutcomeUnknown):
        cluster.change("DELETE", "/a")


@pytest.mark.parametrize("trouble", [None, (500, {}), (502, b"<html>"), (503, {}), (504, {})])
def test_a_change_is_sent_once_and_its_outcome_is_unknown(
    server: Scripted, cluster: Cluster, trouble: Answer | None
) -> None:
    server.answers = [trouble, OK]
    with pytest.raises(OutcomeUnknown, match="the outcome of PUT /a is unknown"):
        cluster.change("PUT", "/a", None, {})
    assert server.seen == ["PUT /a"]


def test_a_change_that_was_not_acknowledged_is_unknown(server: Scripted, cluster: Cluster) -> None:
    server.answers = [(200, {"acknowledged": False})]
    with pytest.raises(OutcomeUnknown, match="unknown"):
        cluster.change("PUT", "/a", None, {})


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 429])
def test_a_refused_change_was_not_carried_out(
    server: Scripted, cluster: Cluster, status: int
) -> None:
    server.answers = [(status, {"error": {"type": "kind", "reason": "because"}})]
    with pytest.raises(ServerError, match="because") as found:
        cluster.change("DELETE", "/a")
    assert (found.value.status, found.value.type) == (status, "kind")
    assert len(server.seen) == 1


def test_the_deepest_cause_is_told(server: Scripted, cluster: Cluster) -> None:
    cause = {"reason": "outer", "caused_by": {"reason": "inner", "caused_by": {"reason": "core"}}}
    server.answers = [(400, {"error": {"type": "t", **cause}})]
    with pytest.raises(ServerError, match="outer: inner: core"):
        cluster.read("/a")


@pytest.mark.parametrize("body", [b"<html>", b"{", b""])
def test_an_answer_that_is_no_json(server: Scripted, cluster: Cluster, body: bytes) -> None:
    cluster.patience = 0
    server.answers = [(200, body)]
    with pytest.raises(Unreachable, match="not as Elasticsearch or OpenSearch does"):
        cluster.read("/a")
    with pytest.raises(OutcomeUnknown, match="unknown"):
        cluster.change("PUT", "/a")


def test_secrets_are_in_no_repr() -> None:
    secret = Connection("http://h:1", api_key="K1", username="u", password="P1", client_key="C1")
    assert not [one for one in ("K1", "P1", "C1") if one in repr(secret)]


def test_a_trace_names_requests_only(server: Scripted) -> None:
    lines: list[str] = []
    server.answers = [OK]
    with Cluster(Connection(server.url, api_key="K1"), trace=lines.append) as cluster:
        cluster.change("PUT", "/a", None, {"secret": 1})
    assert lines == ["PUT /a"]


OPENSEARCH = (200, {"version": {"distribution": "opensearch", "number": "2.19.5"}})


def test_an_opensearch_is_asked_once_what_it_is(server: Scripted, cluster: Cluster) -> None:
    server.product = ""
    server.answers = [OK, OPENSEARCH, OK]
    assert cluster.read("/a") == {"ok": True}
    assert cluster.change("PUT", "/b", None, {}) == {"ok": True}
    assert server.seen == ["GET /a", "GET /", "PUT /b"]


@pytest.mark.parametrize(
    "root", [OK, (404, {}), (200, b"<html>"), (200, []), (200, {"version": {"number": "7.17.0"}})]
)
def test_any_other_server_is_refused(server: Scripted, cluster: Cluster, root: Answer) -> None:
    cluster.patience = 0
    server.product = ""
    server.answers = [OK, root, OK]
    for _ in range(2):
        with pytest.raises(Unreachable, match="not as Elasticsearch or OpenSearch does"):
            cluster.read("/a")
    assert server.seen == ["GET /a", "GET /", "GET /a"]


def test_an_opensearch_that_refuses_is_not_asked(server: Scripted, cluster: Cluster) -> None:
    server.product = ""
    server.answers = [(401, {"error": {"type": "t", "reason": "who are you"}})]
    with pytest.raises(ServerError, match="who are you"):
        cluster.read("/a")
    assert server.seen == ["GET /a"]


def test_bodies_have_media_types_that_every_server_knows(
    server: Scripted, cluster: Cluster
) -> None:
    server.answers = [OK]
    cluster.change("PUT", "/a", None, {})
    cluster.change("POST", "/_bulk", None, [{}])
    assert server.kinds == ["application/json", "application/x-ndjson"]


def test_a_servers_deprecation_warnings_are_not_the_users(
    server: Scripted, cluster: Cluster
) -> None:
    """Warnings are errors in these tests."""
    server.warning = '299 Elasticsearch-7.17.29-hash "the default value will change"'
    server.answers = [OK]
    assert cluster.read("/a") == {"ok": True}


def test_a_read_that_is_answered_as_a_change_is_no_answer(
    cluster: Cluster, server: Scripted
) -> None:
    """A gateway may say that to everything; an index may have that name."""
    server.answers = [(200, {"acknowledged": False})]
    with pytest.raises(Unreachable, match="not as Elasticsearch or OpenSearch does"):
        cluster.read("/_alias/flights")
    server.answers = [(200, {"acknowledged": {"aliases": {}}})]
    assert cluster.read("/acknowledged") == {"acknowledged": {"aliases": {}}}
