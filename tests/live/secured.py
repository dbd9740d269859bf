"""A server with security on: TLS, users, API keys, client certificates. Its folder holds

    url                      where it listens, https
    ca.pem                   the authority that signed its certificate
    client.pem, client.key   a certificate of that authority, for the user `robot`

`python tests/live/secured.py FOLDER` runs one until it is interrupted; ESPLAN_TEST_SECURED=FOLDER
tells the tests to use it.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme
from cryptography import x509

from esplan.cluster import Cluster
from esplan.connection import Connection
from esplan.sandbox import server
from esplan.sandbox.cache import cache_folder
from esplan.sandbox.engines import DEFAULT, ENGINES
from esplan.sandbox.state import pid_file, run_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.sandbox.launchers import Command, Launch

ADMIN = ("admin", "admin-of-the-tests")
"""The one user that is there from the start; it may do everything."""

SETTINGS = """\
xpack.security.enabled: true
xpack.license.self_generated.type: trial
xpack.security.authc.api_key.enabled: true
xpack.security.authc.password_hashing.algorithm: pbkdf2_1000
xpack.security.http.ssl.enabled: true
xpack.security.http.ssl.key: server.key
xpack.security.http.ssl.certificate: server.pem
xpack.security.http.ssl.certificate_authorities: ca.pem
xpack.security.http.ssl.client_authentication: optional
xpack.security.authc.realms.file.file1.order: 0
xpack.security.authc.realms.native.native1.order: 1
xpack.security.authc.realms.pki.pki1.order: 2
xpack.security.authc.realms.pki.pki1.certificate_authorities: ca.pem
"""
"""A trial licence, for the realm of client certificates; it needs no network."""


@dataclass(frozen=True)
class Secured:
    """A server that runs, and what is needed to get in."""

    folder: Path

    @property
    def url(self) -> str:
        return (self.folder / "url").read_text()

    @property
    def ca(self) -> str:
        return str(self.folder / "ca.pem")

    @property
    def client(self) -> tuple[str, str]:
        return str(self.folder / "client.pem"), str(self.folder / "client.key")

    @property
    def admin(self) -> Connection:
        return Connection(self.url, username=ADMIN[0], password=ADMIN[1], ca_certs=self.ca)


@contextmanager
def started() -> Iterator[Secured]:
    """Start one, in a folder that is gone afterwards with the server and its data."""
    folder = Path(tempfile.mkdtemp(prefix="esplan-secured-"))
    folder.chmod(0o755)
    engines = cache_folder() / "engines"
    if list(engines.glob(f"{DEFAULT}-*")):
        (folder / "engines").symlink_to(engines)
    _make_certificates(folder)
    with _in(folder) as patch:
        patch.setattr(server, "_await_answer", lambda url, _: _await_answer(folder, url))
        server.start(_engine(folder), lambda _text, _part: None)
    try:
        yield Secured(folder)
    finally:
        _stop(int(pid_file(run_folder(folder, DEFAULT)).read_text()))
        shutil.rmtree(folder)


def _stop(pid: int) -> None:
    """By its own pid file: the sandbox knows a server by its path, and this one's is a link."""
    for number, seconds in ((signal.SIGTERM, 60), (signal.SIGKILL, 10)):
        for _ in range(seconds * 10):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                return
            time.sleep(0.1)
    raise AssertionError(f"process {pid} does not end")


@contextmanager
def _in(folder: Path) -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESPLAN_CACHE_DIR", str(folder))
        yield patch


def _make_certificates(folder: Path) -> None:
    """The server's is for 127.0.0.1 and not for localhost, so that there is a wrong host name."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    client = ca.issue_cert("robot.example", common_name="robot")
    subject = x509.load_pem_x509_certificate(client.cert_chain_pems[0].bytes()).subject
    (folder / "subject").write_text(subject.rfc4514_string())
    for name, cert in {"server": ca.issue_cert("127.0.0.1"), "client": client}.items():
        cert.private_key_pem.write_to_path(folder / f"{name}.key")
        for pem in cert.cert_chain_pems:
            pem.write_to_path(folder / f"{name}.pem", append=True)


def _engine(folder: Path) -> server.Engine:
    """The default engine, with what makes it secure put into its `config` when that is made."""
    engine = ENGINES[DEFAULT]

    def launch(one: Launch) -> Command:
        config = one.run / "config"
        owner, subject = config.stat(), (folder / "subject").read_text()
        for name in ("server.key", "server.pem", "ca.pem"):
            shutil.copy(folder / name, config / name)
            os.chown(config / name, owner.st_uid, owner.st_gid)
        (config / "users").write_text(f"{ADMIN[0]}:{_hashed(ADMIN[1])}\n")
        (config / "users_roles").write_text(f"superuser:{ADMIN[0]}\n")
        (config / "role_mapping.yml").write_text(f'superuser: ["{subject}"]\n')
        command, environment = engine.launcher(one)
        return command, environment | {"ES_JAVA_OPTS": "-Xms512m -Xmx512m"}

    return replace(engine, launcher=launch, settings=tuple(SETTINGS.splitlines()))


def _hashed(password: str) -> str:
    """As the server's own `elasticsearch-users` would write it."""
    salt, rounds = secrets.token_bytes(32), 1000
    hashed = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds, 32)
    encoded = [base64.b64encode(one).decode() for one in (salt, hashed)]
    return f"{{PBKDF2}}{rounds}${encoded[0]}${encoded[1]}"


def _await_answer(folder: Path, url: str) -> None:
    (folder / "url").write_text(url.replace("http:", "https:"))
    with Cluster(Secured(folder).admin, patience=60) as cluster:
        cluster.read("/_cluster/health", {"wait_for_status": "yellow", "timeout": "30s"})


if __name__ == "__main__":
    with started() as found:
        Path(sys.argv[1]).unlink(missing_ok=True)
        Path(sys.argv[1]).symlink_to(found.folder)
        print(found.url, flush=True)  # noqa: T201  (a program)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
        Path(sys.argv[1]).unlink()
