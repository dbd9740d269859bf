"""Getting in: TLS, certificates, passwords and API keys, each right and each wrong."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import socket
import ssl
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import processes
import pytest
import trustme
from secured import ADMIN

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from secured import Secured

    from esplan.cluster import Cluster

pytestmark = pytest.mark.live

NOBODY = {"ESPLAN_USERNAME": "", "ESPLAN_PASSWORD": ""}
USER = {"ESPLAN_USERNAME": ADMIN[0], "ESPLAN_PASSWORD": ADMIN[1]}


@pytest.fixture(autouse=True)
def _desired(folder: Path) -> None:
    body = {"aliases": {"t-security": {"index": {"name": "t-security_{color}"}}}, "version": 1}
    (folder / "desired.json").write_text(json.dumps(body))


def plan(url: str, *options: str, code: int = 0, **variables: str) -> Any:
    arguments = ["plan", "-d", "desired.json", *(("--url", url) if url else ()), *options]
    done = processes.run(arguments, **NOBODY | {"ESPLAN_CA_CERTS": ""} | variables)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines of the one message."""
    *lines, more = done.stderr.splitlines()
    assert sum(line.startswith("Error ESP-") for line in lines) == 1
    assert more.startswith("More: esplan explain ESP-")
    assert lines[-1].startswith("To do: ")
    return lines


def test_a_user_and_the_authority(secured: Secured) -> None:
    done = plan(secured.url, **USER, ESPLAN_CA_CERTS=secured.ca)
    assert "+ alias.t-security" in done.stdout
    assert done.stderr == ""


def test_the_authority_of_the_environment_and_the_password_of_a_file(
    secured: Secured, folder: Path
) -> None:
    prod = {"url": secured.url, "ca_certs": "ca.pem"}
    (folder / "esplan.yaml").write_text(json.dumps({"version": 1, "environments": {"prod": prod}}))
    (folder / "ca.pem").symlink_to(secured.ca)
    (folder / "password").write_text(f"{ADMIN[1]}\n")
    plan("", "--env", "prod", ESPLAN_USERNAME=ADMIN[0], ESPLAN_PASSWORD_FILE="password")


def test_an_api_key(secured: Secured, admin: Cluster) -> None:
    made = admin.change("POST", "/_security/api_key", None, {"name": "of-a-test"})
    variables = {"ESPLAN_API_KEY": made["encoded"], "ESPLAN_CA_CERTS": secured.ca}
    plan(secured.url, **variables)
    admin.change("DELETE", "/_security/api_key", None, {"ids": [made["id"]]})
    error, why, remedy = said(plan(secured.url, code=1, **variables))
    assert "the server refused POST /_security/user/_has_privileges: " in error
    assert "HTTP 401" in why
    assert remedy == "To do: check ESPLAN_API_KEY: it is wrong, has expired, or was invalidated"


def test_a_client_certificate(secured: Secured) -> None:
    cert, key = secured.client
    variables = {"ESPLAN_CLIENT_CERT": cert, "ESPLAN_CLIENT_KEY": key}
    plan(secured.url, ESPLAN_CA_CERTS=secured.ca, **variables)


@pytest.mark.parametrize(
    ("cert", "key", "why"),
    [
        ("client.pem", "server.key", "key values mismatch"),
        ("client.pem", "nowhere", "No such file or directory"),
        ("url", "client.key", "Why: "),
    ],
)
def test_a_client_certificate_that_is_none(secured: Secured, cert: str, key: str, why: str) -> None:
    files = {
        "ESPLAN_CLIENT_CERT": str(secured.folder / cert),
        "ESPLAN_CLIENT_KEY": str(secured.folder / key),
    }
    lines = said(plan(secured.url, code=1, ESPLAN_CA_CERTS=secured.ca, **files))
    assert lines[0] == "Error ESP-1112: the client certificate cannot be used"
    assert str(secured.folder / cert) in lines[1]
    assert why in lines[2]


def test_an_encrypted_client_key_does_not_ask_the_terminal(secured: Secured, folder: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    cert, key = secured.client
    plain = serialization.load_pem_private_key(Path(key).read_bytes(), None)
    (folder / "key").write_bytes(
        plain.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    files = {"ESPLAN_CLIENT_CERT": cert, "ESPLAN_CLIENT_KEY": "key"}
    lines = said(plan(secured.url, code=1, ESPLAN_CA_CERTS=secured.ca, **files))
    assert lines[2] == "Why: the key is encrypted: esplan reads only keys that are not"


@pytest.mark.parametrize(
    ("variables", "reason", "remedy"),
    [
        (
            {},
            "missing authentication credentials",
            "set ESPLAN_API_KEY, or ESPLAN_USERNAME and ESPLAN_PASSWORD",
        ),
        (
            USER | {"ESPLAN_PASSWORD": "wrong"},
            "unable to authenticate user [admin]",
            "check ESPLAN_USERNAME and ESPLAN_PASSWORD",
        ),
    ],
)
def test_wrong_credentials(
    secured: Secured, variables: dict[str, str], reason: str, remedy: str
) -> None:
    done = plan(secured.url, code=1, **variables, ESPLAN_CA_CERTS=secured.ca)
    error, why, todo = said(done)
    assert reason in error
    assert "HTTP 401" in why
    assert todo == f"To do: {remedy}"


def test_an_authority_that_nobody_named(secured: Secured) -> None:
    error, why, remedy = said(plan(secured.url, code=1, **USER))
    assert error == f"Error ESP-3002: no answer from {secured.url}"
    assert "unable to get local issuer certificate" in why
    assert "set ESPLAN_CA_CERTS to the file of the authority that signed its" in remedy


def test_another_authority(secured: Secured, folder: Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(folder / "other.pem"))
    lines = said(plan(secured.url, code=1, **USER, ESPLAN_CA_CERTS="other.pem"))
    assert "CERTIFICATE_VERIFY_FAILED" in lines[1]
    assert "set ESPLAN_CA_CERTS" in lines[2]


@pytest.mark.parametrize(
    ("text", "why"), [("no certificate", "no certificate or crl found"), (None, "No such file")]
)
def test_authorities_that_are_none(
    secured: Secured, folder: Path, text: str | None, why: str
) -> None:
    if text:
        (folder / "ca.pem").write_text(text)
    lines = said(plan(secured.url, code=1, **USER, ESPLAN_CA_CERTS="ca.pem"))
    assert lines[:2] == [
        "Error ESP-1111: the authorities to trust cannot be read",
        "Where: ca.pem",
    ]
    assert why in lines[2]


def test_another_host_name(secured: Secured) -> None:
    url = secured.url.replace("127.0.0.1", "localhost")
    _, why, remedy = said(plan(url, code=1, **USER, ESPLAN_CA_CERTS=secured.ca))
    assert "certificate is not valid for 'localhost'" in why
    assert "use a name in --url that the certificate is for" in remedy


def test_http_to_a_port_of_https(secured: Secured) -> None:
    url = secured.url.replace("https", "http")
    error, _, remedy = said(plan(url, code=1, **USER))
    assert error == f"Error ESP-3002: no answer from {url}"
    assert "if the server speaks TLS, write https in --url" in remedy


def test_https_to_a_port_of_http() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        done = plan(f"https://127.0.0.1:{server.server_port}", code=1, **USER)
        server.shutdown()
        thread.join()
    _, _, remedy = said(done)
    assert "the server does not speak TLS on this port" in remedy


@dataclass
class Handshakes:
    """A server that ends each connection after its handshake."""

    context: ssl.SSLContext

    def run(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5)
                with self.context.wrap_socket(connection, server_side=True) as secure:
                    secure.recv(1)


@contextlib.contextmanager
def handshakes(cert: trustme.LeafCert, wanted: trustme.CA | None = None) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    cert.configure_cert(context)
    if wanted:
        wanted.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=Handshakes(context).run, args=(listener,))
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(
    ("days", "reason", "remedy"),
    [
        (-1, "certificate has expired", "the server needs a new certificate"),
        (1, "certificate is not yet valid", "look at this machine's clock"),
    ],
)
def test_a_certificate_of_another_time(folder: Path, days: int, reason: str, remedy: str) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    now, day = dt.datetime.now(dt.UTC), dt.timedelta(days=1)
    first, last = sorted((now + days * day, now + 2 * days * day))
    cert = ca.issue_cert("127.0.0.1", not_before=first, not_after=last)
    with handshakes(cert) as url:
        _, why, todo = said(plan(url, code=1, **USER, ESPLAN_CA_CERTS="ca.pem"))
    assert reason in why
    assert remedy in todo


def test_a_server_that_wants_a_certificate(folder: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    with handshakes(ca.issue_cert("127.0.0.1"), ca) as url:
        _, _, todo = said(plan(url, code=1, **USER, ESPLAN_CA_CERTS="ca.pem"))
    assert "client certificate that it trusts: ESPLAN_CLIENT_CERT, ESPLAN_CLIENT_KEY" in todo


@pytest.fixture
def closed(admin: Cluster, name: str) -> Iterator[str]:
    """A closed index with an alias: with security on, a wildcard means that alias, too."""
    index = f"{name}-closed"
    settings = {"number_of_replicas": 0}
    admin.change("PUT", f"/{index}", None, {"settings": settings, "aliases": {f"{name}-alias": {}}})
    admin.change("POST", f"/{index}/_close")
    yield index
    admin.change("DELETE", f"/{index}")


READING = {
    "plan -d desired.json": 0,
    "drift -d desired.json": 2,
    "adopt * -o adopted": 0,
    "sizing": 0,
    "maintain -o maintenance.json": 0,
    "doctor": 2,
    "status": 0,
}
"""Commands that look at all indices, and their exit codes there."""


@pytest.mark.parametrize(("command", "code"), READING.items())
def test_an_alias_of_a_closed_index_is_in_nobodys_way(
    secured: Secured, closed: str, command: str, code: int
) -> None:
    user = USER | {"ESPLAN_CA_CERTS": secured.ca}
    done = processes.run([*command.split(), "--url", secured.url], **user)
    assert done.returncode == code, done.stderr
    assert "refused GET" not in done.stdout + done.stderr
    assert command != "sizing" or closed in done.stdout


@pytest.mark.parametrize("way", ["option", "variable"])
def test_insecure_says_at_each_command_what_it_does(secured: Secured, way: str) -> None:
    url = secured.url.replace("127.0.0.1", "localhost")
    options, variables = (["--insecure"], {}) if way == "option" else ([], {"ESPLAN_INSECURE": "1"})
    done = plan(url, "-q", "--json", *options, **USER, **variables)
    warning = f"WARNING: the certificate of {url} is NOT checked (insecure): anybody on the way"
    assert done.stderr.startswith(warning)
    assert done.stderr.count("\n") == 1
    assert "alias.t-security" in done.stdout
    status = processes.run(["status", "--url", url, *options], **USER | variables)
    assert status.returncode == 0
    assert warning in status.stderr
