"""The roles of `esplan privileges`: requests with their reasons, or plain JSON."""

from __future__ import annotations

import json as jsons
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from esplan.privileges import Role

FORMAT_VERSION = "1.0"


def text(roles: Sequence[Role]) -> str:
    """A request a role, with its reasons as comments, as Kibana's console takes it."""
    return "\n".join("\n".join(_request(role)) for role in roles) + "\n"


def _request(role: Role) -> Iterator[str]:
    yield f"# {role.name}"
    yield from (f"#   {name}: {why}" for name, why in role.cluster.items())
    for one in role.indices:
        yield f"#   {', '.join(one.privileges)} on {', '.join(one.names)}: {one.why}"
    yield f"PUT /_security/role/esplan-{role.name}"
    yield jsons.dumps(role.body(), indent=2, ensure_ascii=False)


def json(roles: Sequence[Role]) -> str:
    """All roles by name."""
    bodies = {role.name: role.body() for role in roles}
    return jsons.dumps({"format_version": FORMAT_VERSION, "roles": bodies}, ensure_ascii=False)


def body(role: Role) -> str:
    """One role's body alone: what curl sends."""
    return jsons.dumps(role.body(), indent=2, ensure_ascii=False)
