"""The connection to one cluster: the only module that imports elasticsearch.

Reads are repeated for `patience` seconds; anything that changes state is sent exactly once, and
an answer that did not come is an `OutcomeUnknown`, never a guess.
"""

from __future__ import annotations

import json
import re
import ssl
from typing import TYPE_CHECKING, Any, ClassVar, Self

import tenacity
from elastic_transport import (
    ConnectionTimeout,
    HttpHeaders,
    NodeConfig,
    SerializationError,
    Serializer,
    TransportError,
    Urllib3HttpNode,
)
from elasticsearch import ApiError, Elasticsearch, UnsupportedProductError
from urllib3 import HTTPSConnectionPool, disable_warnings
from urllib3.exceptions import InsecureRequestWarning

from esplan import answers, unreadable
from esplan.capped import MOST, Pool, TooLong
from esplan.connection import Connection, remedy
from esplan.errors import TIMED_OUT, EsplanError, OutcomeUnknown, ServerError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from elastic_transport._node import NodeApiResponse

    from esplan.codes import Code
    from esplan.model import JSON

PRODUCT = "x-elastic-product"
"""The header by which the client knows an Elasticsearch (7.14 and newer)."""

VENDORED = re.compile(r"application/vnd\.elasticsearch\+(json|x-ndjson);.*")
"""The client's media types, which it puts in place of `application/json`."""

NOT_FOUND = 404

UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
"""How OpenSSL says it."""

TRANSIENT = frozenset({429, 502, 503, 504})
"""Statuses after which a read is worth repeating."""


RAW = "application/x-esplan-raw"
"""What an answer is called that is wanted as it came."""


class _Bytes(Serializer):
    mimetype: ClassVar[str] = RAW

    def loads(self, data: bytes) -> bytes:
        return data


class _Node(Urllib3HttpNode):
    """Speaks to OpenSearch, too, which the client would refuse.

    Bodies are plain JSON, since OpenSearch does not know the client's media types, and the header
    that the client looks for is added where the server says that it is OpenSearch. Deprecation
    warnings are dropped: they are for the authors of a client, not for its users.
    """

    def __init__(self, config: NodeConfig) -> None:
        """Nothing is sent yet."""
        super().__init__(config)
        self._opensearch: bool | None = None
        context = config.ssl_context
        self.pool: Any = Pool(_encrypted(config, context) if context else self.pool)

    def perform_request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: Any = 60,
    ) -> NodeApiResponse:
        """One HTTP exchange, and another one before the first answer of an OpenSearch."""
        plain = (headers or HttpHeaders()).copy()
        for name in plain.keys() & {"accept", "content-type"}:
            plain[name] = VENDORED.sub(r"application/\1", plain[name])
        answer = super().perform_request(method, target, body, plain, request_timeout)
        kept = {n: v for n, v in answer.meta.headers.items() if n.lower() != "warning"}
        if MOST in plain and answer.meta.status < 300:  # noqa: PLR2004  (HTTP)
            kept["content-type"] = RAW
        answer.meta.headers = HttpHeaders(kept)
        if PRODUCT not in answer.meta.headers and answer.meta.status < 300:  # noqa: PLR2004  (HTTP)
            if self._opensearch is None:
                root = super().perform_request("GET", "/", None, plain, request_timeout)
                self._opensearch = _is_opensearch(root.body)
            if self._opensearch:
                answer.meta.headers = HttpHeaders({**answer.meta.headers, PRODUCT: "Elasticsearch"})
        return answer


def _encrypted(config: NodeConfig, context: ssl.SSLContext) -> HTTPSConnectionPool:
    """Trusts what the context does; the client's own pool would trust a bundle of its own, too."""
    if context.verify_mode == ssl.CERT_NONE:
        disable_warnings(InsecureRequestWarning)  # the command line says more, and once
    return HTTPSConnectionPool(
        config.host,
        config.port,
        maxsize=config.connections_per_node,
        block=True,
        ssl_context=context,
    )


def _is_opensearch(root: bytes) -> bool:
    """Whether an answer to `GET /` is that of an OpenSearch, and not of any web server."""
    try:
        return bool(json.loads(root)["version"]["distribution"] == "opensearch")
    except (ValueError, LookupError, TypeError):
        return False


class Cluster:
    """Requests to one cluster, with esplan's errors in place of the client's."""

    def __init__(
        self,
        connection: Connection,
        *,
        patience: float = 0.0,
        trace: Callable[[str], None] = lambda _line: None,
    ) -> None:
        """Nothing is sent yet. `patience`: seconds for which a failing read is repeated.

        `trace` is told the method and path of every request; never a header or a body.
        """
        self.connection, self.patience, self._trace = connection, patience, trace
        self.on_wait: Callable[[str], None] = lambda _text: None
        try:
            options = connection.client_options()
            self._client = Elasticsearch(
                connection.url, node_class=_Node, serializers={RAW: _Bytes()}, **options
            )
        except (ValueError, OSError) as error:
            raise EsplanError(
                f"the connection settings for {connection.url} do not work",
                code="ESP-1113",
                why=str(error),
                remedy="check the URL and the certificate files named in ESPLAN_*",
            ) from None

    def __enter__(self) -> Self:
        """The connection closes with the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every socket."""
        self._client.close()

    def read(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: JSON | None = None,
        *,
        timeout: float = 60,
    ) -> Any:
        """GET (POST with a body) and return the JSON; None for 404.

        Only for requests that change nothing. Raises ServerError and Unreachable.
        """
        method = "GET" if body is None else "POST"
        try:
            answer = self._patiently(self._request, method, path, params, body, timeout, "")
        except ServerError as error:
            if error.status == NOT_FOUND:
                return None
            raise
        if isinstance(answer, dict) and isinstance(answer.get("acknowledged"), bool):
            raise foreign(self.connection.url, f"{method} {path} is answered as a change is")
        return answer

    def read_bytes(
        self, path: str, params: Mapping[str, Any], body: JSON, *, most: int, timeout: float = 60
    ) -> bytes | None:
        """POST a search and return the answer as it came; None where it is longer than `most`.

        Raises ServerError, for 404 too, and Unreachable.
        """
        try:
            found = self._patiently(
                self._exchange, "POST", path, params, body, timeout, "", {MOST: str(most)}
            )
        except TooLong:
            return None
        return bytes(found)

    def _patiently(self, send: Callable[..., Any], *arguments: Any) -> Any:
        """Repeat what only reads, for `patience` seconds."""
        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_transient),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
            stop=tenacity.stop_after_delay(self.patience),
            before_sleep=self._say_waiting,
            reraise=True,
        )
        return attempts(send, *arguments)

    def _say_waiting(self, state: tenacity.RetryCallState) -> None:
        """Tell whoever watches, once, that this takes longer than a moment."""
        if state.attempt_number == 3:  # noqa: PLR2004  (two quick repetitions are no news)
            said = f"no answer from {self.connection.url}: asking again"
            self.on_wait(f"{said} for up to {self.patience:.0f} s")

    def change(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        *,
        timeout: float = 60,
        opaque_id: str = "",
    ) -> Any:
        """Send a request that changes state, once.

        Raises ServerError when the server refused it, OutcomeUnknown when nobody can say.
        """
        try:
            answer = self._request(method, path, params, body, timeout, opaque_id)
        except ServerError as error:
            if error.status < 500:  # noqa: PLR2004  (from there on it may have been carried out)
                raise
            unknown = _unknown(method, path, str(error))
            unknown.refusal = error
            raise unknown from None
        except Unreachable as error:
            raise _unknown(method, path, error.why or error.what) from None
        if isinstance(answer, dict) and answer.get("acknowledged") is False:
            raise _unknown(method, path, "the server did not see it acknowledged in time")
        return answer

    def _request(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None,
        body: Any,
        timeout: float,
        opaque_id: str,
    ) -> Any:
        """One HTTP exchange, whose answer must be JSON."""
        answer = self._exchange(method, path, params, body, timeout, opaque_id, {})
        if not isinstance(answer, dict | list):
            raise foreign(self.connection.url)
        return answer

    def _exchange(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None,
        body: Any,
        timeout: float,
        opaque_id: str,
        extra: Mapping[str, str],
    ) -> Any:
        """One HTTP exchange; the client's exceptions become esplan's here and only here."""
        headers = {"accept": "application/json", **extra}
        if body is not None:
            kind = "x-ndjson" if isinstance(body, list) else "json"
            headers["content-type"] = f"application/{kind}"
        self._trace(f"{method} {path}")
        client = self._client.options(request_timeout=timeout)
        if opaque_id:
            client = client.options(opaque_id=opaque_id)
        try:
            return client.perform_request(
                method, path, params=params, headers=headers, body=body
            ).body
        except UnsupportedProductError:
            raise foreign(self.connection.url) from None
        except ApiError as error:
            if error.status_code == NOT_FOUND and not isinstance(error.body, dict):
                raise foreign(self.connection.url, "HTTP 404, a page") from None
            raise server_error(error, method, path, self.connection) from None
        except SerializationError as error:
            said = unreadable.document(error.__context__)
            raise said or foreign(self.connection.url) from None
        except TransportError as error:
            raise unreachable(self.connection, error) from None


def _is_transient(error: BaseException) -> bool:
    """Worth repeating: no answer, or a server that is not ready; not a wait that is over.

    Nor a certificate that is not trusted: no time makes it better.
    """
    if isinstance(error, ServerError):
        return error.status in TRANSIENT and error.type not in TIMED_OUT
    return isinstance(error, Unreachable) and UNTRUSTED not in error.why


def _unknown(method: str, path: str, why: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"the outcome of {method} {path} is unknown",
        code="ESP-3005",
        why=why,
        remedy="esplan asks the cluster what became of it before it does anything else",
    )


def server_error(
    error: ApiError, method: str, path: str, connection: Connection | None = None
) -> ServerError:
    """The server's reason, its root cause where that says more, and what to do about it.

    It says which server it was where that is not the one of the command.
    """
    connection = connection or Connection("")
    other = connection.variables != Connection.variables
    kind, reason = _reason(error.body)
    status = error.status_code
    code, cure = answers.advice(status, error.body, reason, connection)
    return ServerError(
        f"the server refused {method} {path}: {reason or kind or error.message}",
        code=code,
        status=status,
        type_=kind,
        answer=error.body if isinstance(error.body, dict) else {},
        where=connection.url if other else "",
        why=f"HTTP {status}" + (f", {kind}" if kind else ""),
        remedy=cure,
    )


def _reason(body: Any) -> tuple[str, str]:
    """Type and reason of an error body, with the deepest `caused_by` appended."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return "", str(error or "")
    reason, cause = str(error.get("reason") or ""), error.get("caused_by") or _of_a_shard(error)
    while isinstance(cause, dict):
        inner = str(cause.get("reason") or "")
        if inner and inner not in reason:
            reason = f"{reason}: {inner}" if reason else inner
        cause = cause.get("caused_by")
    return str(error.get("type") or ""), reason


def _of_a_shard(error: JSON) -> Any:
    """What the first shard says, where all have failed: the error itself says no more than that."""
    shards = error.get("failed_shards")
    return shards[0].get("reason") if isinstance(shards, list) and shards else None


def foreign(url: str, why: str = "") -> Unreachable:
    """Something answers, and it is neither: a proxy's page, another product."""
    what = f"{url} answers, but not as Elasticsearch or OpenSearch does"
    remedy = "check --url: a proxy or another product may answer there"
    return Unreachable(what, code="ESP-3004", why=why, remedy=remedy)


def unreachable(connection: Connection, error: TransportError) -> Unreachable:
    """A connection error in one line, with the remedy for the usual causes."""
    why = str(error.message).split("\n")[0]
    code: Code = "ESP-3001"
    if found := remedy(connection, why):
        code = "ESP-3002"
    elif isinstance(error, ConnectionTimeout):
        code, found = "ESP-3003", "the server took too long: look at its load, then try again"
    return Unreachable(
        f"no answer from {connection.url}",
        code=code,
        why=why,
        remedy=found or "check --url or ESPLAN_URL, and that the server runs",
    )
