"""Checks of what the server allows: to these credentials, and to everybody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from esplan.doctor.model import Finding, check, request
from esplan.doctor.privileges import role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.doctor.facts import Facts
    from esplan.doctor.model import Severity

OLDEST = (7, 17)
KNOWN = {"elasticsearch": (OLDEST, (10, 0)), "opensearch": ((2, 0), (3, 0))}
"""The first version that esplan knows, and the first that it does not, by distribution."""


@check(
    "privileges",
    "The credentials may plan and apply",
    why="An apply that lacks a privilege stops half-way: everything begun is taken back, as far "
    "as the privileges go.",
    needs=("indices", "privileges"),
    thresholds=(
        "error: a privilege that plan needs",
        "warning: a privilege that apply needs (right so for credentials that only plan)",
        "asked for at most 500 indices behind aliases or made by esplan, and esplan-state",
    ),
)
def privileges(facts: Facts) -> Iterator[Finding]:
    """The server's own answer to which privileges these credentials have.

    Indices that they cannot even see are not known; nor are those that a plan would make.
    """
    found = facts.privileges
    if found is None:
        return
    needed: tuple[tuple[Severity, str, dict[str, list[str]]], ...] = (
        ("error", "plan", found.plan),
        ("warning", "apply", found.apply),
    )
    for severity, command, lacking in needed:
        if lacking:
            yield Finding(
                severity,
                found.user,
                f"{found.user} lacks privileges that {command} needs",
                "; ".join(f"{name}: {', '.join(ps)}" for name, ps in list(lacking.items())[:5]),
                "give the user this role; patterns (`classes*`) cover the indices of later plans",
                request("PUT", "/_security/role/esplan", role(facts)),
            )


@check(
    "forbidden",
    "The credentials may look at everything that plan reads",
    why="Plan reads every index that it may see, and the cluster's name; apply its lock.",
    uses=("root", "indices", "lucene", "lock", "journals", "privileges"),
    thresholds=(
        "error: what plan reads",
        "warning: esplan's lock and journals (only where privileges cannot be asked for)",
    ),
)
def forbidden(facts: Facts) -> Iterator[Finding]:
    """Requests refused, for want of a privilege or by a block, that plan and apply send too."""
    own = ("lock", "journals") if "privileges" in facts.unreadable else ()
    for name in ("root", "indices", "lucene", *own):
        lacking = facts.unreadable.get(name)
        if lacking and lacking.kind == "forbidden":
            yield Finding(
                "warning" if name in own else "error",
                "cluster",
                f"the credentials may not read `{name}`, which plan or apply needs",
                lacking.why,
                "give the user a role with these privileges",
                request("PUT", "/_security/role/esplan", role(facts)),
            )
        if lacking and lacking.kind == "blocked":
            yield Finding(
                "error",
                "cluster",
                f"a block of an index hides `{name}`, which plan or apply needs",
                lacking.why,
                "lift the block: it hides the metadata of one index, and so those of all",
                request("PUT", "/<INDEX>/_settings", {"index.blocks.metadata": None}),
            )


@check(
    "server-version",
    "esplan knows this server",
    why="What goes in place and what does not depends on the version; esplan's rules were seen "
    "on Elasticsearch 8.16.",
    needs=("root",),
    thresholds=(
        "warning: neither Elasticsearch 7.17 to 9 nor OpenSearch 2",
        "info: 7.17 (it gets no fixes any more)",
    ),
)
def server_version(facts: Facts) -> Iterator[Finding]:
    """Version and distribution, from `GET /`."""
    version = facts.root["version"]
    distribution, number = version.get("distribution", "elasticsearch"), str(version["number"])
    found = re.match(r"(\d+)\.(\d+)", number)
    position = (int(found[1]), int(found[2])) if found else (0, 0)
    first, unknown = KNOWN.get(distribution, (position, position))
    is_known = first <= position < unknown
    if not is_known or position == OLDEST:
        yield Finding(
            "info" if is_known else "warning",
            "cluster",
            f"{distribution} {number} is {'old' if is_known else 'not a server that esplan knows'}",
            f"version.number: {number}, version.distribution: {distribution}",
            "plan an upgrade" if is_known else "try a plan on a copy of the cluster first",
            request("GET", "/"),
        )


@check(
    "auto-create",
    "A write does not create an index",
    why="While an alias is missing, a writer creates an index in its place, with a guessed "
    "mapping. esplan guards its own copies; other writers are not guarded.",
    needs=("settings",),
    thresholds=("info: action.auto_create_index is true (the server's default)",),
)
def auto_create(facts: Facts) -> Iterator[Finding]:
    """The setting action.auto_create_index."""
    setting = "action.auto_create_index"
    if str(facts.settings.get(setting, "true")).lower() == "true":
        body = {"persistent": {setting: ".*,logs-*,metrics-*"}}
        yield Finding(
            "info",
            "cluster",
            "a write to a name that does not exist creates an index",
            f"{setting}: true",
            "allow it by pattern only (this is an example), or let writers set require_alias",
            request("PUT", "/_cluster/settings", body),
        )


@check(
    "destructive-names",
    "A delete must name its index",
    why="`DELETE /*` would delete everything. esplan itself deletes by exact name only.",
    needs=("settings",),
    thresholds=("info: action.destructive_requires_name is false (the default up to 7.17)",),
)
def destructive_names(facts: Facts) -> Iterator[Finding]:
    """The setting action.destructive_requires_name."""
    setting = "action.destructive_requires_name"
    if str(facts.settings.get(setting, "true")).lower() == "false":
        yield Finding(
            "info",
            "cluster",
            "a wildcard may delete indices",
            f"{setting}: false",
            "require names",
            request("PUT", "/_cluster/settings", {"persistent": {setting: True}}),
        )
