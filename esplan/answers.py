"""What an error that a server answers with means: its code, and what a person does about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from esplan.connection import Connection, sign_in
from esplan.errors import BLOCKED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from esplan.codes import Code

BLOCKS = (
    "lift its cause, then the block: PUT /<index>/_settings "
    '{"index.blocks.<block>": null}, where FORBIDDEN/5 is read_only, 7 read, 8 write, 9 metadata, '
    "12 read_only_allow_delete"
)
"""The remedy of a block. While the metadata of one index is blocked, nothing can be read of all."""

FLOODED = re.compile(r"flood.stage|/12/")
"""How a block says that a disk is full: its own words, or the number of the block."""

NO_SHARDS_LEFT = re.compile(r"maximum (?:\w+ )?shards open")

UNAVAILABLE = 500
"""The first status by which a server says that the fault is its own."""

GONE = "see what is there (GET _cat/indices, GET _cat/aliases), then make a new plan"
ANOTHER = "somebody else changes the same thing: see `esplan status`, then try again"
DOWN = "see `esplan doctor` and the server's own log, then try again"
STRANGE = "the server's own log may say more; `esplan doctor` looks for the usual causes"

KINDS: dict[str, tuple[Code, str]] = {
    "too_long_http_line_exception": ("ESP-3208", "name fewer indices at once, or use a wildcard"),
    "index_not_found_exception": ("ESP-3204", GONE),
    "aliases_not_found_exception": ("ESP-3204", GONE),
    "circuit_breaking_exception": (
        "ESP-3206",
        "the node has no memory for it now: wait a minute and try again; see `esplan doctor`",
    ),
    "version_conflict_engine_exception": ("ESP-3210", ANOTHER),
    "resource_already_exists_exception": ("ESP-3210", ANOTHER),
}
"""By the type that the error has, or one that caused it."""

STATUSES: dict[int, tuple[Code, str]] = {
    400: ("ESP-3203", "the server does not accept this definition: correct the desired file"),
    403: (
        "ESP-3102",
        "the credentials lack a privilege: `esplan privileges` prints the role that is needed",
    ),
    409: ("ESP-3210", ANOTHER),
    413: ("ESP-3208", "the request is larger than the server allows (http.max_content_length)"),
    429: ("ESP-3207", "the server is overloaded or its disks are full: try again later"),
}


def advice(status: int, body: Any, reason: str, connection: Connection) -> tuple[Code, str]:
    """The code and the remedy of an answer; `reason` is all that it says in words."""
    kinds = set(_kinds(body))
    if BLOCKED in kinds:
        return _blocked(reason)
    if status == 401:  # noqa: PLR2004  (HTTP's own number)
        return "ESP-3101", sign_in(connection)
    if NO_SHARDS_LEFT.search(reason):
        return "ESP-3205", (
            "delete indices that nobody needs (`esplan sizing` and `esplan maintain` name some), "
            "add a data node, or raise cluster.max_shards_per_node"
        )
    known = next((found for kind, found in KINDS.items() if kind in kinds), None)
    if known:
        return known
    if status >= UNAVAILABLE:
        return "ESP-3211", DOWN
    return STATUSES.get(status, ("ESP-3201", STRANGE))


def _blocked(reason: str) -> tuple[Code, str]:
    if FLOODED.search(reason):
        return "ESP-3209", (
            "make room on the disk, or add a data node: the server lifts the block by itself then "
            "(7.4 and newer; `esplan doctor` shows it, and how to lift it by hand)"
        )
    return "ESP-3202", BLOCKS


def _kinds(body: Any) -> Iterator[str]:
    """The types of an error and of all that it gives as causes, shards' among them."""
    if isinstance(body, list):
        for one in body:
            yield from _kinds(one)
    elif isinstance(body, dict):
        if isinstance(kind := body.get("type"), str):
            yield kind
        for name in ("error", "root_cause", "caused_by", "failed_shards", "reason"):
            yield from _kinds(body.get(name))
