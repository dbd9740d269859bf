"""A secret in every slot for one: it must not be anywhere that esplan writes or prints to."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import processes
import pytest

from esplan.cluster import Cluster
from esplan.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from granted import Granted
    from secured import Secured
    from world import World

pytestmark = pytest.mark.live

SLOTS = ("password", "password-file", "api-key", "api-key-file", "client-key")


@dataclass
class Canary:
    """The variables of one way to sign in, and every spelling of what is secret in them."""

    variables: dict[str, str]
    secrets: set[str]
    said: list[str] = field(default_factory=list)

    def run(self, *arguments: str, code: int = 0, entry: str = processes.COMMAND_LINE) -> str:
        extra = {**self.variables, "TMPDIR": str(Path("tmp").resolve())}
        done = processes.run(list(arguments), entry, **extra)
        self.said += [done.stdout, done.stderr]
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    def look(self, where: str, text: str) -> None:
        """Nothing of the secret is in it."""
        assert [one for one in self.secrets if one in text] == [], where

    def look_everywhere(self, cluster: Cluster) -> None:
        """In all that was said, in every file, and in what esplan keeps in the cluster."""
        for number, one in enumerate(self.said):
            self.look(f"output {number}: {one[:200]}", one)
        files = [one for one in Path().rglob("*") if one.is_file() and "secret" not in one.parts]
        assert {"plan.json", "plan.json.journal.jsonl"} <= {one.name for one in files}
        for file in files:
            self.look(str(file), file.read_bytes().decode(errors="replace"))
        cluster.change("POST", "/esplan-state/_refresh")
        kept = cluster.read("/esplan-state/_search", {"size": "10000"})
        assert kept["hits"]["hits"]
        self.look("the state index", json.dumps(kept))
        self.look("its definition", json.dumps(cluster.read("/esplan-state")))


@pytest.fixture(params=SLOTS)
def canary(
    request: pytest.FixtureRequest,
    secured: Secured,
    admin: Cluster,
    granted: Granted,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Canary]:
    """Signs in by one slot, on the secured server; the slots of another cluster are full, too."""
    monkeypatch.setattr(processes, "sign_in", processes.nobody)
    (folder / "tmp").mkdir()
    (folder / "secret").mkdir()
    from_ = f"from-{secrets.token_hex(12)}"
    made = of(request.param, secured, admin, granted.name)
    made.variables |= {
        "ESPLAN_CA_CERTS": secured.ca,
        "ESPLAN_FROM_USERNAME": "other",
        "ESPLAN_FROM_PASSWORD": from_,
        "ESPLAN_URL": secured.url,
    }
    made.secrets |= {from_, *encoded("other", from_)}
    yield made
    admin.change("DELETE", f"/_security/user/{granted.name}-canary")


def of(slot: str, secured: Secured, admin: Cluster, name: str) -> Canary:
    """A superuser: what a canary may do is not the question here."""
    secret, user = f"canary-{secrets.token_hex(12)}", f"{name}-canary"
    body = {"password": secret, "roles": ["superuser"]}
    admin.change("PUT", f"/_security/user/{user}", None, body)
    spelt = {secret, *encoded(user, secret)}
    signed = {"ESPLAN_USERNAME": user, "ESPLAN_PASSWORD": secret}
    if slot == "client-key":
        cert, key = secured.client
        lines = Path(key).read_text().splitlines()[1:-1]
        return Canary({"ESPLAN_CLIENT_CERT": cert, "ESPLAN_CLIENT_KEY": key}, set(lines))
    if slot.startswith("api-key"):
        with Cluster(Connection(secured.url, "", user, secret, secured.ca)) as own:
            key = own.change("POST", "/_security/api_key", None, {"name": user})
        spelt = {key["api_key"], key["encoded"]}
        signed = {"ESPLAN_API_KEY": key["encoded"]}
        secret = key["encoded"]
    if slot.endswith("-file"):
        Path("secret/one").write_text(secret)
        last = list(signed)[-1]
        signed = {**signed, f"{last}_FILE": "secret/one"}
        del signed[last]
    return Canary(signed, spelt)


def encoded(user: str, password: str) -> set[str]:
    """As the header of an HTTP request has it, whatever stands before it."""
    whole = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {whole, base64.b64encode(password.encode()).decode().rstrip("=")}


def test_a_secret_is_nowhere(canary: Canary, guarded: World) -> None:
    world, run = guarded, canary.run
    migrate = {"requests_per_second": 500}
    world.seed(500)
    desired = ["-d", str(world.desire(migrate=migrate))]
    run("plan", *desired, "-v", "-o", str(world.plan))
    run("plan", *desired, "--json", "--format", "json")
    for form in ("text", "json"):
        run("show", "plan.json", "--format", form)
    run("validate", "desired.json")
    run("privileges", *desired)
    for form in ("text", "json", "markdown", "junit", "github"):
        run("drift", *desired, "--format", form, code=2)
    crash(canary, world)
    run("status", "-v")
    run("status", "--json")
    world.load(world.blue, {"17": {"flight": 18}})
    assert "not equal" in run("apply", "plan.json", "--auto-approve", "-v", code=4)
    run("plan", *desired, "-o", str(world.plan))
    run("apply", "plan.json", "--auto-approve", "--json", "-v")
    run("rollback", "plan.json", code=4)
    run("verify", world.blue, world.name, code=64)
    run("doctor", "-v", "--json", code=canary_findings(canary))
    run("adopt", world.name, "-o", "adopted")
    run("sizing", f"{world.name}*", "-v")
    assert "Traceback" in run("status", code=1, entry="test_canary:broken")
    canary.look_everywhere(world.cluster)


def canary_findings(canary: Canary) -> int:
    """Exit code of the doctor, which depends on what else is in the cluster."""
    done = processes.run(["doctor"], **canary.variables)
    canary.said += [done.stdout, done.stderr]
    return done.returncode


def crash(canary: Canary, world: World) -> None:
    """By SIGKILL, in the middle of a copy; the list of processes is looked at before."""
    command = [sys.executable, "-m", "esplan", "apply", "plan.json", "--auto-approve", "--json"]
    environment = processes.environment(command) | canary.variables
    with subprocess.Popen(
        [*command, "-v"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout
        for line in process.stdout:
            canary.said.append(line)
            if '"step_progress"' in line:
                break
        shown = b"".join(one.read_bytes() for one in Path("/proc").glob("[0-9]*/cmdline"))
        assert b"plan.json" in shown
        canary.look("the list of processes", shown.decode(errors="replace"))
        process.kill()
        canary.said.append(process.stdout.read())
    world.cluster.read("/")


def broken(arguments: list[str]) -> int:
    """A bug of esplan, in the middle of a request."""
    from esplan import cli, cluster

    def fails(*_: Any) -> None:
        raise RuntimeError("a bug")

    cluster.server_error = cluster.unreachable = fails
    cluster.Elasticsearch.perform_request = fails  # type: ignore[method-assign,assignment]
    return cli.run(arguments)


@pytest.mark.parametrize(
    "wrong", [{"ESPLAN_USERNAME": "nobody", "ESPLAN_PASSWORD": "{}"}, {"ESPLAN_API_KEY": "{}"}]
)
def test_a_wrong_secret_is_not_repeated(
    secured: Secured, folder: Path, wrong: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "sign_in", processes.nobody)
    (folder / "tmp").mkdir()
    secret = f"canary-{secrets.token_hex(12)}"
    variables = {name: text.format(secret) for name, text in wrong.items()}
    canary = Canary(variables | {"ESPLAN_CA_CERTS": secured.ca}, {secret})
    canary.secrets |= encoded("nobody", secret)
    other = secured.url.replace("127.0.0.1", "localhost")
    for options in ([], ["-v"], ["--json"], ["--insecure", "--url", other]):
        said = canary.run("status", "--url", secured.url, *options, code=1)
        assert "401" in said
        canary.look("what was said", said)
