"""What the server's security hides from these credentials: documents of an index, and fields.

A role may limit its privileges by a `query` (document level security) and by `field_security`.
What it hides is missing in every answer, without a word: a copy and its proof, made by the same
user, agree. What the server says about roles was seen on Elasticsearch 8.16.1; OpenSearch says
nothing about them to an ordinary user. `checksum.visible` looks without knowing the rights.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from esplan.errors import FORBIDDEN, Refused, ServerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from esplan.cluster import Cluster
    from esplan.model import JSON

SILENT = frozenset({400, FORBIDDEN, 404, 405, 410})
"""How a server answers that has no such request, or does not answer it to this user."""

WHOLE = frozenset({"all", "read"})
"""Privileges by which a grant without limits shows a whole index."""

COMMON = re.compile(r"(?:[\w\-.,*+?()|\[\]{}]|\\[^\w\s])*")
"""Regular expressions that mean the same to the server (Lucene) and to Python."""


@dataclass(frozen=True)
class Rights:
    """What a user's roles say about indices.

    `layers`: lists of grants, and each list must show an index whole: the roles of a user; of an
    API key its own and those of its owner. `unknown`: what is not known of them, and why; empty
    where all is known.
    """

    layers: tuple[tuple[JSON, ...], ...] = ()
    unknown: str = ""

    def hidden(self, index: str) -> str:
        """`documents`, `fields`, or both: what of an index may be hidden; empty for nothing."""
        found = {what for layer in self.layers for what in _hidden(layer, index)}
        return " and ".join(sorted(found))


def require(cluster: Cluster, names: Iterable[str], *, label: str = "") -> Rights:
    """The rights, if they show every one of these indices whole; otherwise Refused.

    `label`: the environment of the cluster, where it is not the one of the command.
    """
    rights = read(cluster)
    refuse(rights, names, label=label)
    return rights


def refuse(
    rights: Rights, names: Iterable[str], *, label: str = "", fields_only: bool = False
) -> None:
    """Raises Refused where something of these indices may be hidden; `fields_only`: of mappings."""
    where = f"{label}:" if label else ""
    found = {name: what for name in sorted(set(names)) if (what := rights.hidden(name))}
    if fields_only:
        found = {name: "fields" for name, what in found.items() if "fields" in what}
    if found:
        raise Refused(
            "these credentials are shown only a part: some "
            + "; some ".join(f"{what} of {where}{name}" for name, what in found.items())
            + " may be hidden from them",
            code="ESP-4117",
            why="a role limits them by `query` or `field_security`, so a copy would lose what is "
            "hidden, and no proof could see it",
            remedy="use credentials whose roles grant these indices without these limits "
            "(`esplan privileges` prints such roles)",
        )


def read(cluster: Cluster) -> Rights:
    """What the server says about whoever asks; nothing where nobody signs in."""
    if not cluster.connection.has_credentials:
        return Rights()
    answer, why = _asked(cluster, "/_security/user/_privileges")
    if answer is not None:
        return Rights((tuple(answer.get("indices", ())),))
    who, _ = _asked(cluster, "/_security/_authenticate")
    if who and "api_key" in who:
        return _of_key(cluster, who["api_key"]["id"])
    return Rights(unknown=f"what these credentials are not shown is not known: {why}")


def _asked(cluster: Cluster, path: str, params: JSON | None = None) -> tuple[JSON | None, str]:
    """The answer; or None, and why there is none."""
    try:
        answer = cluster.read(path, params)
    except ServerError as error:
        if error.status not in SILENT:
            raise
        return None, f"the server does not say it ({error.why})"
    if not isinstance(answer, dict):
        return None, "the server does not say it (HTTP 404)"
    return answer, ""


def _of_key(cluster: Cluster, id_: str) -> Rights:
    """A key with roles of its own is limited by them, and by what its owner might do then."""
    path, own = "/_security/api_key", {"id": id_}
    answer, _ = _asked(cluster, path, {**own, "with_limited_by": "true"})
    if answer is None:
        answer, _ = _asked(cluster, path, own)
    keys = (answer or {}).get("api_keys", ())
    layers = [_grants(key.get("role_descriptors", {})) for key in keys]
    owners = [_grants(roles) for key in keys for roles in key.get("limited_by", ())]
    unknown = "what the owner of the API key is not shown is not known: the key may not ask"
    return Rights((*layers, *owners), "" if owners else unknown)


def _grants(roles: JSON) -> tuple[JSON, ...]:
    return tuple(grant for role in roles.values() for grant in role.get("indices", ()))


def _hidden(grants: Sequence[JSON], index: str) -> Iterator[str]:
    """What the grants of one layer hide of an index, unless one of them shows all of it."""
    limited = [one for one in grants if _limits(one) and _matches(one, index, unsure=True)]
    if any(_shows_whole(one) and _matches(one, index, unsure=False) for one in grants):
        return
    for one in limited:
        yield from _limits(one)


def _shows_whole(grant: JSON) -> bool:
    return not _limits(grant) and not WHOLE.isdisjoint(grant["privileges"])


def _limits(grant: JSON) -> list[str]:
    """What it hides of the indices that it is about."""
    found = ["documents"] if grant.get("query") else []
    given = grant.get("field_security")
    several = given if isinstance(given, list) else [given] if given else []
    return found + ["fields"] * any(map(_hides, several))


def _hides(fields: Any) -> bool:
    return "*" not in (fields.get("grant") or ()) or bool(fields.get("except"))


def _matches(grant: JSON, index: str, *, unsure: bool) -> bool:
    """Whether it is about the index; `unsure` where nobody can tell."""
    return any(_is_named(name, index, unsure=unsure) for name in grant["names"])


def _is_named(pattern: str, index: str, *, unsure: bool) -> bool:
    """By a name, wildcards, or a regular expression between slashes."""
    if not (pattern.startswith("/") and pattern.endswith("/") and len(pattern) > 1):
        return fnmatchcase(index, pattern.replace("[", "[[]"))
    text = pattern[1:-1]
    if not COMMON.fullmatch(text):
        return unsure
    try:
        return bool(re.fullmatch(text, index))
    except re.error:
        return unsure
