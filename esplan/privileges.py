"""What plan and apply need of a cluster's security, for a set of desired files: two roles.

A third one is for the commands that look at the whole cluster, and change nothing.

Each rule was seen on Elasticsearch 8.16 with its privilege taken away
(tests/live/test_privileges.py). `manage` on an index implies every privilege on its metadata, so
what plan has by name is not named again for apply.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from esplan import limits
from esplan.errors import EsplanError, ServerError
from esplan.plan import GUARD, STATE_INDEX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from esplan.cluster import Cluster
    from esplan.model import JSON, Alias, Naming, State
    from esplan.plan import Plan, Step

Name = Literal["plan", "apply", "survey"]

LOOK = ("view_index_metadata", "monitor")
"""Definitions and aliases; documents, bytes and shards."""

CHANGE = ("manage", "read", "write")
"""Make, fill, prove, switch, delete."""

SIMULATE = "indices:admin/index_template/simulate"
RETHROTTLE = "cluster:admin/reindex/rethrottle"
"""Actions by their own names: what holds them by another may change far more than they do."""

APPLYING = {
    "monitor": "health, disk and tasks of the cluster",
    "cancel_task": "copies that are stopped or taken back",
    RETHROTTLE: "how fast a copy runs: throttle, and the pause under pressure",
}
"""What apply needs of the cluster, each privilege with its why."""

THROWAWAYS = "esplan-oracle-*"
"""The indices that a transform is tried in, and that `plan --oracle cluster` asks with."""

SPECIAL = re.compile(r'[.?+*|{}\[\]()"\\#@&<>~^$]')
"""Signs that mean something in the server's regular expressions (Lucene, RegExp)."""

SHAPES = {
    "generation": "[0-9]{6,}",
    "date": r"[0-9]{4}\.[0-9]{2}\.[0-9]{2}",
    "run_id": r"([a-z_]+__)?[0-9][0-9tz.,+_\-]*",
}
"""What a placeholder may stand for, in the server's regular expressions."""

PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Grant:
    """Privileges on indices and aliases, and why they are needed. `system`: of the server's own."""

    names: tuple[str, ...]
    privileges: tuple[str, ...]
    why: str
    system: bool = False

    def body(self) -> JSON:
        """As the server takes it."""
        restricted = {"allow_restricted_indices": True} if self.system else {}
        return {"names": list(self.names), "privileges": list(self.privileges), **restricted}


@dataclass(frozen=True)
class Role:
    """The body of `PUT /_security/role/esplan-<name>`; `cluster`: privileges, each with its why."""

    name: Name
    cluster: dict[str, str]
    indices: tuple[Grant, ...]

    def body(self) -> JSON:
        """As the server takes it."""
        return {"cluster": list(self.cluster), "indices": [one.body() for one in self.indices]}


OWN = (
    Grant((f"{GUARD}*",), CHANGE, "aliases through which new indices are filled"),
    Grant((STATE_INDEX,), CHANGE, "the lock and the journals"),
    Grant(("esplan-fence-*",), ("manage",), "the alias that fences off an old holder"),
)
"""What every apply needs, whatever it is about."""

SURVEY = Role(
    "survey",
    {
        "monitor": "name, version, settings, disk and tasks of the cluster",
        "read_ilm": "whether the lifecycle of indices runs, for doctor",
    },
    (
        Grant(("*",), LOOK, "every index and alias"),
        Grant((STATE_INDEX,), ("read",), "locks and journals of applies"),
        Grant((".tasks",), ("read",), "which tasks have failed, for doctor", system=True),
    ),
)
"""For adopt, sizing, maintain and doctor: files could name no more than a part of what they see."""


def roles(state: State, *, plan: Plan | None = None, oracle: bool = False) -> tuple[Role, Role]:
    """The roles for plan and for apply. `oracle`: plan may make throwaway indices, too.

    `plan`: it may change what the files do not name: the index that an alias leaves, when its
    pattern has changed.
    """
    named = names(state).union(*(found for found, _ in _touched(plan))) if plan else names(state)
    return _plan(state, sorted(named), oracle=oracle), applying(sorted(named))


def _plan(state: State, named: list[str], *, oracle: bool) -> Role:
    cluster = {
        "monitor": "name, version, disk and tasks of the cluster",
        SIMULATE: "whether the server takes the definitions; nothing is stored",
    }
    aliases = state.aliases.values()
    if any(alias.migrate.pipeline for alias in aliases):
        cluster["read_pipeline"] = "whether the pipelines of migrate.pipeline are there"
    tried = tuple(sorted(names_of(alias for alias in aliases if is_tried(alias))))
    grants = [
        Grant(tuple(named), LOOK, "what the files name"),
        Grant((STATE_INDEX,), ("read",), "locks and journals of applies"),
    ]
    if tried:
        grants.append(Grant(tried, ("read",), "documents that a transform is tried on"))
    if tried or oracle:
        grants.append(Grant((THROWAWAYS,), CHANGE, "throwaway indices: tried in, then deleted"))
    return Role("plan", cluster, tuple(grants))


def applying(named: Sequence[str]) -> Role:
    """The role that changes these indices and aliases."""
    return Role("apply", APPLYING, (Grant(tuple(named), CHANGE, "what the files name"), *OWN))


def is_tried(alias: Alias) -> bool:
    """Whether plan looks at documents: a copy changes them, or a query is to find some."""
    one = alias.migrate
    return bool(one.script or one.pipeline or one.rename or one.drop or one.query)


def names(state: State) -> set[str]:
    """Every index and alias that the files name, and the patterns of those to come."""
    found = set(state.indices) | names_of(state.aliases.values())
    return found.union(*(index.aliases for index in state.indices.values()))


def names_of(aliases: Iterable[Alias]) -> set[str]:
    """The aliases, and the indices that are behind them or may be."""
    return {name for alias in aliases for name in (alias.name, *_indices(alias))}


def _indices(alias: Alias) -> Iterator[str]:
    runs = alias.runs
    if runs is None:
        return _named(alias.naming)
    patterns = (runs.pattern.replace("{index_base}", runs.base), *runs.entities.values())
    return iter(dict.fromkeys(_pattern(one) for one in patterns))


def _named(naming: Naming) -> Iterator[str]:
    """A name a colour, or a pattern."""
    for color in naming.colors or ("",):
        yield _pattern(naming.pattern.replace("{color}", color))


def _pattern(text: str) -> str:
    """The name itself, or a regular expression of the server's, which stands between slashes."""
    parts = PLACEHOLDER.split(text)
    if len(parts) == 1:
        return text
    made = (SHAPES[one] if at % 2 else _escaped(one) for at, one in enumerate(parts))
    return f"/{''.join(made)}/"


def _escaped(text: str) -> str:
    return SPECIAL.sub(r"\\\g<0>", text)


# What credentials lack


def require_plan(cluster: Cluster, state: State) -> None:
    """Raises EsplanError where these credentials may not see all that a plan is about.

    The server leaves out of an answer what they may not see, without a word: an index that is
    there would be taken for one that is to be made. Names to come are not asked about.
    """
    tried = [one for one in state.aliases.values() if is_tried(one)]
    grants = [Grant(_known(names(state)), LOOK, ""), Grant(_known(names_of(tried)), ("read",), "")]
    _require(cluster, Role("plan", {"monitor": ""}, tuple(one for one in grants if one.names)))
    limits.refuse(limits.read(cluster), _known(names(state)), fields_only=True)


def require_apply(cluster: Cluster, plan: Plan) -> None:
    """Raises EsplanError where they may not carry out a plan; before its first step."""
    grants = [Grant(*one, "") for one in _touched(plan)]
    if plan.steps:
        _require(cluster, Role("apply", APPLYING, (*grants, *OWN)))


def _touched(plan: Plan) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The names of each object that changes, and what is needed on them."""
    copied = {step.address for step in plan.steps if "source" in step.arguments}
    for change in plan.changes:
        if change.action != "no-op":
            own = {change.address.partition(".")[2], change.index, change.target}
            needed = CHANGE if change.address in copied else ("manage",)
            yield tuple(sorted(name for name in own if name)), needed
    templated = {name for step in plan.steps for name in _aliases(step)}
    if templated:
        yield tuple(sorted(templated)), ("manage",)


def _aliases(step: Step) -> Iterator[str]:
    """The aliases that a new index gets at once: those of index templates are in no file."""
    if step.kind == "create_index" and step.request:
        given = step.request["body"].get("aliases", {})
        yield from (name for name in given if not name.startswith(GUARD))


def _known(found: set[str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in found if not name.startswith("/")))


def _require(cluster: Cluster, role: Role) -> None:
    """Ask, unless nobody signs in, or the server has no such security."""
    if not cluster.connection.has_credentials:
        return
    name, body = role.name, role.body()
    try:
        answer = cluster.read(
            "/_security/user/_has_privileges",
            None,
            {"cluster": body["cluster"], "index": body["indices"]},
        )
    except ServerError as error:
        if error.status == 401:  # noqa: PLR2004  (HTTP's own number)
            raise
        return
    lacks = list(_lacking(answer or {}, role))
    files = "-d PATH --plan PLAN" if name == "apply" else "-d PATH"
    if lacks:
        raise EsplanError(
            f"{answer['username']} lacks privileges that {name} needs"
            + (": nothing was changed" if name == "apply" else ""),
            code="ESP-3102",
            why="; ".join(lacks[:20]),
            remedy=f"`esplan privileges {files} --role {name}` prints the role that has them",
        )


def _lacking(answer: JSON, role: Role) -> Iterator[str]:
    """Of what was asked for, and no more: the answer joins names with every privilege asked."""
    has = answer.get("cluster", {})
    yield from (f"{one} on the cluster" for one in role.cluster if has.get(one) is False)
    for grant in role.indices:
        for privilege in grant.privileges:
            missing = [
                name
                for name in grant.names
                if answer.get("index", {}).get(name, {}).get(privilege) is False
            ]
            if missing:
                yield f"{privilege} on {', '.join(missing)}"
