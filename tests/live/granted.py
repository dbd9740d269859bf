"""Users of a secured server, with exactly the roles that `esplan privileges` prints."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import processes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secured import Secured

    from esplan.cluster import Cluster

PASSWORD = "of-a-user-of-the-tests"
APPLIES = ("apply", "verify", "throttle", "unlock")
"""Commands that need the role for apply."""
SURVEYS = ("adopt", "sizing", "maintain", "doctor")
"""Commands that look at the whole cluster; the others have the role for plan."""

FILES = ("-d", "--desired", "--job")
CONTEXT = (*FILES, "--env", "--config")
"""Options that say what the desired files are."""


@dataclass
class Granted:
    """The users of one test, and the desired files that it spoke of last."""

    secured: Secured
    admin: Cluster
    name: str
    folder: Path
    copied: str = ""
    """What the names of the indices begin with that another server copies from here."""
    files: list[str] = field(default_factory=list)
    plan: list[str] = field(default_factory=list)
    compared: list[str] = field(default_factory=list)
    """A file with the indices that a `verify` compares, which no file of the test names."""
    given: dict[str, Any] = field(default_factory=dict)
    known: dict[str, Any] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)
    """Roles that a test has taken something away from."""

    def environment(self, arguments: Sequence[str]) -> dict[str, str]:
        """The credentials for a command line, by the desired files that it names, or the last."""
        if "privileges" in arguments and _role(arguments) != "survey":
            return {}
        others = self.access_from() if self.copied else {}
        if "--url" in arguments and self.secured.url not in arguments:
            return others
        named = _files(arguments)
        if any(option in named for option in FILES):
            self.files = [*named, "--oracle"] if "cluster" in arguments else named
        self.compared = self._compared(arguments)
        role = _role(arguments)
        self.plan = _plan(arguments) if role == "apply" else self.plan
        roles = self.printed(role)
        for name, body in (roles | self.fixed).items():
            self.grant(name, body)
        return others | self.access(role if role in roles else next(iter(roles)))

    def printed(self, role: str = "plan") -> dict[str, Any]:
        """What `esplan privileges` prints: for the files, or for the plan, or for who looks."""
        named = self.files or self.compared or ["-d", "desired"] * Path("desired").is_dir()
        files = [] if role == "survey" else [[*named, *self.plan], named, self.plan]
        key = "\n".join([role, *named, *self.plan, *_contents()])
        if key not in self.known:
            # where the files or the plan are wrong, the command says so, whoever runs it
            asked = [*filter(None, files), ["--role", "survey"]]
            self.known[key] = next(filter(None, map(_printed, asked)))
        return self.known[key]

    def _compared(self, arguments: Sequence[str]) -> list[str]:
        if "verify" not in arguments:
            return []
        pair = list(arguments)[list(arguments).index("verify") + 1 :][:2]
        found = {name for one in pair for name in (one, *(self.admin.read(f"/{one}") or {}))}
        file = self.folder / f"{'+'.join(sorted(found))}.json"
        file.write_text(json.dumps({"version": 1, "indices": {one: {} for one in found}}))
        return ["-d", str(file)]

    def grant(self, role: str, body: Any) -> None:
        """A user of the role's name, with this role and no other."""
        own = f"{self.name}-{role}"
        if self.given.get(role) == body:
            return
        self.admin.change("PUT", f"/_security/role/{own}", None, body)
        if role not in self.given:
            user = {"password": PASSWORD, "roles": [own]}
            self.admin.change("PUT", f"/_security/user/{own}", None, user)
        self.given[role] = body

    def access(self, role: str) -> dict[str, str]:
        """The variables by which a command signs in as that user."""
        return {
            "ESPLAN_USERNAME": f"{self.name}-{role}",
            "ESPLAN_PASSWORD": PASSWORD,
            "ESPLAN_CA_CERTS": self.secured.ca,
        }

    def access_from(self) -> dict[str, str]:
        """For a command on the other server, which copies from here: what docs/remote.md says."""
        privileges = ["read", "view_index_metadata", "monitor", "maintenance"]
        indices = [{"names": [f"{self.copied}*"], "privileges": privileges}]
        self.grant("from", {"cluster": ["monitor"], "indices": indices})
        return {
            name.replace("ESPLAN_", "ESPLAN_FROM_"): value
            for name, value in self.access("from").items()
        }

    def close(self) -> None:
        for role in self.given:
            for kind in ("user", "role"):
                self.admin.change("DELETE", f"/_security/{kind}/{self.name}-{role}")


def _role(arguments: Sequence[str]) -> str:
    """That of the command in this line."""
    if set(SURVEYS) & set(arguments):
        return "survey"
    return "apply" if set(APPLIES) & set(arguments) else "plan"


def _printed(options: Sequence[str]) -> dict[str, Any] | None:
    done = processes.run(["privileges", *options, "--json"])
    return json.loads(done.stdout)["roles"] if done.returncode == 0 else None


def _plan(arguments: Sequence[str]) -> list[str]:
    """The plan of an apply: it may be about more than the files name."""
    after = list(itertools.dropwhile(lambda one: one != "apply", arguments))
    return ["--plan", after[1]] if after[1:] and Path(after[1]).is_file() else []


def _contents() -> list[str]:
    """Of every file that a desired file may be or name: they lie in the test's own folder."""
    files = [one for one in sorted(Path().rglob("*")) if one.suffix in (".json", ".yaml", ".txt")]
    return [one.read_text(errors="replace") for one in files if one.stat().st_size < 100_000]


def _files(arguments: Sequence[str]) -> list[str]:
    pairs = itertools.pairwise(arguments)
    return [one for option, value in pairs if option in CONTEXT for one in (option, value)]
