"""Where a cluster is and how to get in: TLS, credentials, and what is dangerous about them."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from esplan.errors import EsplanError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True)
class Connection:
    """Secrets are kept out of `repr`. `insecure`: whoever answers is believed to be the server."""

    url: str
    api_key: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    ca_certs: str = ""
    client_cert: str = ""
    client_key: str = field(default="", repr=False)
    variables: str = "ESPLAN"
    """How the variables begin that the credentials come from."""
    insecure: bool = False
    named: Mapping[str, str] = field(default_factory=dict)
    """The variables that an environment names for its credentials, in place of those."""

    def variable(self, name: str) -> str:
        """The variable that holds one part of the credentials: `api_key`, `client_cert` …."""
        return self.named.get(name) or f"{self.variables}_{name.upper()}"

    @property
    def is_encrypted(self) -> bool:
        """Whether the URL is one of https."""
        return self.url.startswith("https:")

    @property
    def has_credentials(self) -> bool:
        """Whether the server is told who asks."""
        return bool(self.api_key or self.username or self.client_cert)

    def client_options(self) -> dict[str, Any]:
        """The client's keyword arguments; the client's own retries are off.

        Raises EsplanError for certificates that cannot be used.
        """
        optional: dict[str, Any] = {
            "api_key": self.api_key or None,
            "basic_auth": (self.username, self.password) if self.username else None,
            "ssl_context": self._context() if self.is_encrypted else None,
        }
        given = {name: value for name, value in optional.items() if value is not None}
        return {"max_retries": 0, "retry_on_timeout": False, "request_timeout": 60} | given

    def _context(self) -> ssl.SSLContext:
        """Trusts the given authorities, else those of the system; never both."""
        try:
            context = ssl.create_default_context(cafile=self.ca_certs or None)
        except OSError as error:  # an SSLError is one
            raise EsplanError(
                "the authorities to trust cannot be read",
                code="ESP-1111",
                where=self.ca_certs,
                why=_said(error),
                remedy=f"name a file of PEM certificates in {self.variables}_CA_CERTS, or in "
                "ca_certs of the environment",
            ) from None
        if self.insecure:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if self.client_cert:
            self._sign_in_with_certificate(context)
        return context

    def _sign_in_with_certificate(self, context: ssl.SSLContext) -> None:
        try:
            context.load_cert_chain(self.client_cert, self.client_key or None, _no_password)
        except (OSError, ValueError) as error:
            raise EsplanError(
                "the client certificate cannot be used",
                code="ESP-1112",
                where=", ".join(filter(None, (self.client_cert, self.client_key))),
                why=_said(error),
                remedy=f"name PEM files that belong together in {self.variable('client_cert')} and "
                f"{self.variable('client_key')}",
            ) from None

    def warnings(self) -> Iterator[str]:
        """What whoever runs a command must know: it is said at each of them, and never hidden."""
        if self.insecure and self.is_encrypted:
            yield (
                f"the certificate of {self.url} is NOT checked (insecure): anybody on the way to "
                "it can pretend to be the cluster, and read and change all that is sent, the "
                f"credentials, too. Set {self.variables}_CA_CERTS instead."
            )
        secrets = self.api_key or self.password
        if secrets and not self.is_encrypted and not is_loopback(self.url):
            yield (
                f"the credentials go to {self.url} UNENCRYPTED: anybody on the way can read them. "
                "Use a URL of https."
            )


def is_loopback(url: str) -> bool:
    """Whether what is sent there stays on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _no_password() -> str:
    """OpenSSL would ask the terminal for one."""
    raise ValueError("the key is encrypted: esplan reads only keys that are not")


def _said(error: Exception) -> str:
    """An error of OpenSSL, or of the file system, in words; neither names the file."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


TLS = (
    (
        ("Hostname mismatch", "IP address mismatch"),
        "use a name in --url that the certificate is for, or let the server have one for this name",
    ),
    (
        ("certificate has expired",),
        "the server needs a new certificate; if it has one, look at this machine's clock",
    ),
    (("certificate is not yet valid",), "look at this machine's clock, and at the server's"),
    (
        ("self-signed", "self signed", "unable to get local issuer", "unable to get issuer"),
        "set {}_CA_CERTS to the file of the authority that signed its certificate",
    ),
    (
        ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"),
        "the server does not speak TLS on this port: check the port, or write http in --url",
    ),
    (
        ("ALERT_CERTIFICATE", "ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA"),
        "the server wants a client certificate that it trusts: {0}_CLIENT_CERT, {0}_CLIENT_KEY",
    ),
    (
        ("EOF occurred in violation of protocol",),  # its alert got lost, or it never sent one
        (
            "the server ended the connection; it may want a client certificate that it trusts: "
            "{0}_CLIENT_CERT, {0}_CLIENT_KEY"
        ),
    ),
)
"""What OpenSSL says, and what a person does about it."""

CLOSED = "Remote end closed connection without response"


def remedy(connection: Connection, why: str) -> str:
    """What to do about a connection that did not come about, by what the libraries say of it."""
    for texts, found in TLS:
        if any(text in why for text in texts):
            return found.format(connection.variables)
    if CLOSED in why and not connection.is_encrypted:
        return "if the server speaks TLS, write https in --url; else look whether it runs"
    return ""


def sign_in(connection: Connection) -> str:
    """What to do about HTTP 401."""
    key, *pair = (connection.variable(name) for name in ("api_key", "username", "password"))
    if connection.api_key:
        return f"check {key}: it is wrong, has expired, or was invalidated"
    if connection.username:
        return f"check {' and '.join(pair)}"
    return f"set {key}, or {' and '.join(pair)}"
