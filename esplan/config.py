"""Environments, variables and credentials.

`esplan.yaml` holds what may be shared; credentials come only from the environment, or from a
file that the environment names:

    ESPLAN_URL      or  ESPLAN_CLOUD_ID         the cluster, after --url, --cloud-id and --env
    ESPLAN_API_KEY      or  ESPLAN_API_KEY_FILE
    ESPLAN_USERNAME with ESPLAN_PASSWORD  or  ESPLAN_PASSWORD_FILE
    ESPLAN_CA_CERTS, ESPLAN_CLIENT_CERT, ESPLAN_CLIENT_KEY     files
    ESPLAN_INSECURE                             1: whatever certificate a server shows is taken

An environment may name other variables for its credentials; then only those are read for it.
The cluster that `migrate.from` copies from has its own, which begin with ESPLAN_FROM_ in place of
ESPLAN_. None of the above is ever sent to it.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from esplan import schema, source
from esplan.environment import Environment, hooks, of, problems
from esplan.errors import InvalidInput, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from esplan.connection import Connection
    from esplan.hooks import Hook

OWN, FROM = "ESPLAN", "ESPLAN_FROM"
"""How the variables begin: for the cluster of a command, and for one that is copied from."""

CLOUD_ID = f"{OWN}_CLOUD_ID"

FLAG = {"": False, "0": False, "false": False, "no": False, "1": True, "true": True, "yes": True}

PORTS = {"http": 80, "https": 443}
"""The port of a URL that names none, as everywhere with URLs; 9200 has to be written."""

HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
"""A name or an address; nothing escaped, which could hide credentials."""

CREDENTIALS = ("api_key", "username", "password", "client_cert", "client_key")
"""What signs in; the name of the variable is this in capitals, unless an environment says."""

LONGEST_SECRET = 64 * 1024
"""Bytes of a credential file."""


@dataclass(frozen=True)
class Settings:
    """Everything a command needs to know about where it works. Secrets are not in `repr`."""

    connection: Connection | None = None
    variables: Mapping[str, str] | None = None
    environment: str = ""
    cluster_uuid: str = ""

    def connected(self) -> Connection:
        """The connection. Raises UsageError when no cluster was named."""
        if self.connection is None:
            raise UsageError(
                "no cluster was named",
                code="ESP-1101",
                why="esplan has no default: a tool that can delete an index does not guess",
                remedy="give --url, or --env with a url in esplan.yaml, or set ESPLAN_URL",
            )
        return self.connection


def settings(
    url: str | None,
    env: str | None,
    environ: Mapping[str, str],
    *,
    config: Path | None = None,
    cloud_id: str | None = None,
    insecure: bool = False,
) -> Settings:
    """The settings of one command.

    The cluster is that of --url or --cloud-id, else of the environment, else of ESPLAN_URL or
    ESPLAN_CLOUD_ID; without a port a URL means 443 for https and 80 for http. `config` is the file
    of --config. An empty variable of `environ` counts as unset. Raises UsageError, and
    InvalidInput for a wrong esplan.yaml.
    """
    chosen = environment(env, config=config)
    found = (
        _address(url, cloud_id, "--url", "--cloud-id")
        or _of_environment(chosen)
        or _address(environ.get("ESPLAN_URL"), environ.get(CLOUD_ID), "ESPLAN_URL", CLOUD_ID)
    )
    connection = _connection(found, chosen, environ) if found else None
    if connection and insecure:
        connection = replace(connection, insecure=True)
    return Settings(connection, chosen.variables, chosen.name, chosen.cluster_uuid)


def _address(url: str | None, cloud_id: str | None, where: str, cloud: str) -> str:
    """The URL of one place that may name a cluster; empty where it names none."""
    if url and cloud_id:
        raise UsageError(
            f"both {where} and {cloud} are given", code="ESP-1102", remedy="give one of them"
        )
    if cloud_id:
        return checked_url(cloud_url(cloud_id, cloud), cloud)
    return checked_url(url, where) if url else ""


def _of_environment(chosen: Environment) -> str:
    where = f"the environment {chosen.name} in esplan.yaml"
    return _address(chosen.url, chosen.cloud_id, f"url of {where}", f"cloud_id of {where}")


def cloud_url(cloud_id: str, where: str) -> str:
    """The URL of a deployment: `name:` and, in Base64, its host, `$`, and the cluster's own part.

    Raises UsageError.
    """
    try:
        decoded = base64.b64decode(cloud_id.rpartition(":")[2], validate=True).decode("ascii")
        host, cluster = decoded.split("$")[:2]
        name, _, port = host.partition(":")
    except ValueError:  # of another alphabet, length or character, or with too few parts
        name = cluster = port = ""
    if not name or not cluster:
        remedy = "copy it whole, as the deployment's page shows it: name:Base64"
        raise UsageError("the cloud id is not valid", code="ESP-1105", where=where, remedy=remedy)
    return f"https://{cluster}.{name}:{port or PORTS['https']}"


@dataclass(frozen=True)
class Other:
    """Another cluster of esplan.yaml; `cluster_uuid` is empty where the file does not say it."""

    connection: Connection
    cluster_uuid: str


def other(env: str, environ: Mapping[str, str], *, config: Path | None = None) -> Other:
    """The cluster of an environment that documents are copied from, with its own credentials.

    Raises UsageError for an unknown name, one without a url, and credentials that are not whole;
    InvalidInput for a wrong esplan.yaml.
    """
    found = environment(env, config=config)
    url = _of_environment(found)
    if not url:
        raise UsageError(
            f"the environment {env} has no url, and migrate.from copies from it",
            code="ESP-1107",
            where=str(config or source.CONFIG_NAME),
            remedy=f"write environments.{env}.url",
        )
    return Other(_connection(url, found, environ, FROM), found.cluster_uuid)


def environment(env: str | None, *, config: Path | None = None) -> Environment:
    """The environment called `env`; an empty one for None. Needs no elasticsearch client.

    Raises UsageError for an unknown name or no configuration, InvalidInput for a wrong file.
    """
    path = config or Path(source.CONFIG_NAME)
    if env is None and config is None and not path.exists():
        return Environment()
    if env is not None and not path.exists():
        remedy = f"write {source.CONFIG_NAME}, or give its path with --config"
        raise UsageError(
            f"there is no environment {env}", code="ESP-1106", why=f"no file {path}", remedy=remedy
        )
    environments = section("environments", path)
    if env is None:
        return Environment()
    if env not in environments:
        known = f"known are: {', '.join(sorted(environments)) or 'none'}"
        remedy = schema.nearest(env, environments) or known
        raise UsageError(
            f"there is no environment {env}", code="ESP-1106", where=str(path), remedy=remedy
        )
    return of(env, environments[env], path)


def meant(env: str | None, cluster_uuid: str, *, config: Path | None = None) -> list[Environment]:
    """The chosen environment, and each that means the same cluster: leaving --env out is no way.

    Raises as `environment` does.
    """
    chosen = environment(env, config=config)
    path = config or Path(source.CONFIG_NAME)
    listed = section("environments", path) if path.exists() else {}
    known = [of(name, raw, path) for name, raw in listed.items() if name != env]
    same = [one for one in known if one.cluster_uuid == cluster_uuid]
    return [chosen, *same] if env is not None else same


def signers(env: str | None, cluster_uuid: str, *, config: Path | None = None) -> list[Path]:
    """Files of allowed signers, of every environment that is meant. Raises as `environment`."""
    found = meant(env, cluster_uuid, config=config)
    return list(dict.fromkeys(one.signers for one in found if one.signers))


def hooks_of_all(*, config: Path | None = None) -> tuple[Hook, ...]:
    """The hooks that belong to no environment. Raises InvalidInput for a wrong file."""
    path = config or Path(source.CONFIG_NAME)
    return hooks(section("hooks", path, []), path) if path.exists() else ()


def secret_variables(*, config: Path | None = None) -> set[str]:
    """Every variable that esplan.yaml names as one of a credential, in any environment."""
    path = config or Path(source.CONFIG_NAME)
    listed = section("environments", path) if path.exists() else {}
    return {name for raw in listed.values() for name in raw.get("credentials", {}).values()}


def section(name: str, path: Path, without: Any = None) -> Any:
    """What stands under one key of a configuration file; `without` it, that, or {}.

    Raises InvalidInput for a wrong file.
    """
    document = source.read(path)
    found = schema.check(document, "config") or list(problems(document))
    if found:
        raise InvalidInput(found)
    return document.data.get(name, {} if without is None else without)


def checked_url(url: str, where: str) -> str:
    """The URL with its port. Raises UsageError, which never repeats a URL: it may hold a secret."""
    if "@" in url:
        raise UsageError(
            "the cluster's URL holds credentials",
            code="ESP-1104",
            where=where,
            why="a URL is seen in process lists, logs and plans",
            remedy="set ESPLAN_API_KEY, or ESPLAN_USERNAME and ESPLAN_PASSWORD",
        )
    try:
        parts = urlsplit(url.strip())
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise _wrong_url("is not valid", where) from None
    if parts.scheme not in PORTS or not host:
        raise _wrong_url("has no scheme or no host", where)
    if not HOST.fullmatch(host):
        raise _wrong_url("is not valid", where)
    if parts.query or parts.fragment:
        raise _wrong_url("ends in ? or #", where)
    bare = f"[{host}]" if ":" in host else host
    netloc = f"{bare}:{PORTS[parts.scheme] if port is None else port}"
    return urlunsplit((parts.scheme, netloc, parts.path.rstrip("/"), "", ""))


def _wrong_url(what: str, where: str) -> UsageError:
    remedy = "write it as https://host:9200"
    return UsageError(f"the cluster's URL {what}", code="ESP-1103", where=where, remedy=remedy)


def _connection(
    url: str, found: Environment, environ: Mapping[str, str], prefix: str = OWN
) -> Connection:
    names = found.credentials or {name: f"{prefix}_{name.upper()}" for name in CREDENTIALS}
    credentials = _credentials(environ, names)
    cert, key = (environ.get(names.get(name, ""), "") for name in ("client_cert", "client_key"))
    if found.credentials and not (credentials.api_key or credentials.username or cert):
        raise _not_set(found)
    from esplan.connection import Connection

    return Connection(
        url=url,
        api_key=credentials.api_key,
        username=credentials.username,
        password=credentials.password,
        ca_certs=environ.get(f"{prefix}_CA_CERTS") or found.ca_certs,
        client_cert=cert,
        client_key=key,
        variables=prefix,
        insecure=_flag(f"{prefix}_INSECURE", environ),
        named=found.credentials,
    )


def _not_set(found: Environment) -> UsageError:
    """Those of another cluster are not tried in their place."""
    names = " and ".join(found.credentials.values())
    return UsageError(
        f"the credentials of the environment {found.name} are not there",
        code="ESP-1108",
        why=f"esplan.yaml names {names}: not set",
        remedy=f"set {names}; {OWN}_API_KEY and the others are not used for it",
    )


def _flag(name: str, environ: Mapping[str, str]) -> bool:
    """Raises UsageError for what is neither yes nor no: a guess would be a danger."""
    value = environ.get(name, "").lower()
    if value not in FLAG:
        raise UsageError(f"{name} is neither 1 nor 0", code="ESP-1110", remedy="unset it")
    return FLAG[value]


@dataclass(frozen=True)
class _Credentials:
    api_key: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)


def _credentials(environ: Mapping[str, str], names: Mapping[str, str]) -> _Credentials:
    """One way of signing in, whole, by variables of these names.

    Raises UsageError for half of one, or two.
    """
    api_key, password = (_secret(names.get(name, ""), environ) for name in ("api_key", "password"))
    username = environ.get(names.get("username", ""), "")
    if username and not password:
        raise UsageError(
            f"{names['username']} is set, but no password",
            code="ESP-1108",
            remedy=f"set {names['password']} or {names['password']}_FILE",
        )
    if password and not username:
        raise UsageError(
            "a password is set, but no user name",
            code="ESP-1108",
            remedy=f"set {names['username']}",
        )
    if api_key and username:
        raise UsageError(
            "there are two credentials: an API key and a user name",
            code="ESP-1108",
            remedy=f"unset {names['api_key']} or {names['username']}",
        )
    if environ.get(names.get("client_key", "")) and not environ.get(names["client_cert"]):
        raise UsageError(
            f"{names['client_key']} is set, but no certificate",
            code="ESP-1108",
            remedy=f"set {names['client_cert']}",
        )
    return _Credentials(api_key, username, password)


def _secret(name: str, environ: Mapping[str, str]) -> str:
    """The value of a variable, or what stands in the file that `<name>_FILE` names."""
    if not name:
        return ""
    value, file = environ.get(name, ""), environ.get(f"{name}_FILE", "")
    if value and file:
        raise UsageError(
            f"both {name} and {name}_FILE are set", code="ESP-1108", remedy="unset one of them"
        )
    secret = _file_secret(f"{name}_FILE", Path(file)) if file else value.strip("\r\n")
    if not secret.isprintable():  # a line break would end the HTTP header
        where = f"{name}_FILE" if file else name
        raise UsageError(
            f"the value of {where} has a line break or a control character",
            code="ESP-1109",
            remedy="set it again, without what does not belong to it",
        )
    return secret


IN_A_FILE = "name a file that holds the secret alone, and that this user may read"


def _file_secret(variable: str, path: Path) -> str:
    try:
        with path.open("rb") as stream:
            secret = stream.read(LONGEST_SECRET).decode().strip()
    except UnicodeDecodeError:
        raise UsageError(
            f"the file of {variable} is not text",
            code="ESP-1109",
            where=str(path),
            remedy=IN_A_FILE,
        ) from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(
            f"the file of {variable} cannot be read",
            code="ESP-1109",
            where=str(path),
            why=str(why),
            remedy=IN_A_FILE,
        ) from None
    if not secret:
        raise UsageError(
            f"the file of {variable} is empty",
            code="ESP-1109",
            where=str(path),
            remedy=IN_A_FILE,
        )
    return secret
