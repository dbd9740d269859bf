"""Empty indices to ask with: hidden, marked, gone again.

A throwaway has an unguessable name, so no writer knows it, and a mark in its mapping's `_meta`.
What a killed run left is deleted by the next one, if it carries the mark, is old by the server's
own clock, and holds no document but copies.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from esplan import live, normalize
from esplan.errors import EsplanError, Forbidden, ServerError
from esplan.model import JSON, Body
from esplan.request import batches, index_path

if TYPE_CHECKING:
    from types import TracebackType

    from esplan.cluster import Cluster
    from esplan.model import Index

PREFIX = "esplan-oracle-"
LETTERS = "bcdfghjklmnpqrst"
"""Of a name: no digit, so that it never looks like a number or a run, and no word."""

MARK: JSON = {normalize.THROWAWAY: True}

SAMPLE: JSON = {normalize.THROWAWAY: True, "sample": True}
"""The mark of one that copies of documents go into: it is deleted with them."""

OLD = 600_000
"""Milliseconds. A throwaway lives for seconds: an older one belongs to nobody."""

FORBIDDEN = (401, 403)


@dataclass
class Throwaways:
    """The throwaway indices of one run, by name. Leaving the block deletes them."""

    cluster: Cluster
    names: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Nothing is made yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Delete what is there, be it after an error or Ctrl-C."""
        self.clear()

    def new_name(self) -> str:
        """A name that is deleted at the end, whether or not an index of it is ever seen."""
        name = PREFIX + "".join(secrets.choice(LETTERS) for _ in range(16))
        self.names.append(name)
        return name

    def create(self, body: Body, shards: int = 1, mark: JSON = MARK) -> str:
        """The name of a new empty index. Raises ServerError where the server does not take it.

        `shards`: copies of each that are waited for; 0 for an index that is only looked at.
        """
        settings = {"index.hidden": "true", **body.settings, **body.creation}
        meta = normalize.meta(body.mappings, mark, protect=False)
        whole = {
            "settings": {name: value for name, value in settings.items() if value is not None},
            "mappings": {**body.mappings, "_meta": meta},
        }
        parameters = {"timeout": "10s", "wait_for_active_shards": str(shards)}
        name = self.new_name()
        try:
            self.cluster.change("PUT", index_path(name), parameters, whole)
        except ServerError as error:
            self.names.remove(name)
            raise refused(error) from None
        return name

    def index(self, name: str) -> Index:
        """The index as it is on the server."""
        return live.read_indices(self.cluster, [name])[name]

    def read(self, name: str) -> Body:
        """The definition in canonical form, as the server returns it."""
        return self.index(name).body

    def clear(self) -> None:
        """Delete them by their exact names; those that are gone already are fine."""
        for some in batches(list(self.names)):
            path = f"/{','.join(some)}"
            self.cluster.change("DELETE", path, {"ignore_unavailable": "true"})
            del self.names[: len(some)]

    def sweep(self, clock: str = "") -> None:
        """Delete what a killed run left. A new throwaway tells the time on the server's clock."""
        clock = clock or self.create(Body({"index.number_of_replicas": "0"}))
        found = self.cluster.read(f"/{PREFIX}*", {"expand_wildcards": "all"}) or {}
        now = _created(found[clock])
        for name in leftovers(found, now):
            with suppress(ServerError):  # a shard that does not start, or another run was faster
                if normalize.mark(found[name]["mappings"]) == SAMPLE:
                    self.cluster.change("DELETE", index_path(name))
                else:
                    self._delete_if_empty(name)

    def _delete_if_empty(self, name: str) -> None:
        """Under a write block, which waits for writes in flight, so that the count holds."""
        self.cluster.change("POST", index_path(name, "/_open"))
        self.cluster.change("PUT", index_path(name, "/_block/write"))
        self.cluster.read(index_path(name, "/_refresh"))
        counted = self.cluster.read(index_path(name, "/_count"))
        if counted and counted["count"] == 0 and counted["_shards"]["failed"] == 0:
            self.cluster.change("DELETE", index_path(name))
            return
        self.cluster.change("PUT", index_path(name, "/_settings"), None, UNBLOCKED)


UNBLOCKED: JSON = {"index.blocks.write": None}


def leftovers(found: JSON, now: int) -> list[str]:
    """Names of throwaways that are old. `found` is the answer to a GET, `now` in milliseconds."""
    return [
        name
        for name, raw in found.items()
        if name.startswith(PREFIX)
        and normalize.is_throwaway(raw["mappings"])
        and _created(raw) < now - OLD
    ]


def _created(raw: JSON) -> int:
    return int(raw["settings"]["index"]["creation_date"])


def refused(error: ServerError) -> EsplanError:
    """A refusal as it is, but for a missing privilege: that is about the oracle, not the rules."""
    if error.status not in FORBIDDEN or error.type != "security_exception":
        return error
    return Forbidden(
        f"the oracle may not make its throwaway indices, {PREFIX}*",
        code="ESP-3103",
        why=error.what,
        remedy="give the user create_index, manage, read and write on them, and nothing else is "
        "written to; or ask a sandbox: --oracle sandbox; or plan without --oracle",
    )
