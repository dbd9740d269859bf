"""What applies did to aliases, as the journals in `esplan-state` say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING

from esplan import journal, state_index
from esplan.errors import FORBIDDEN, JournalError, ServerError
from esplan.plan import STATE_INDEX

if TYPE_CHECKING:
    from collections.abc import Collection

    from esplan.cluster import Cluster
    from esplan.journal import Record
    from esplan.model import JSON


@dataclass(frozen=True)
class Move:
    """One alias in one apply: the indices that it `left`, and those that it was `put_on`.

    The same on both sides where only its options changed. `outcome`: `done`; `undone`, also when
    it was never begun; `unknown` while nobody can say.
    """

    alias: str
    left: tuple[str, ...]
    put_on: tuple[str, ...]
    outcome: str = "done"


@dataclass(frozen=True)
class Apply:
    """One apply. `began` and `last`: its first and last record, ISO 8601 by its host's clock.

    `moves` is None where the journal cannot be read, or does not say: it may have moved any alias.
    """

    plan_id: str
    began: str
    last: str
    is_closed: bool
    moves: tuple[Move, ...] | None


@dataclass(frozen=True)
class Past:
    """Applies, newest first."""

    applies: tuple[Apply, ...] = ()

    def moves(self, alias: str) -> list[tuple[Apply, Move]]:
        """What was done to an alias, newest first, back to the first apply that is in doubt."""
        return self._done.get(alias, [])

    def unfinished(self, alias: str) -> Apply | None:
        """The newest apply of a plan for this alias, if it has not ended."""
        newest = self._newest.get(alias)
        return newest if newest and not newest.is_closed else None

    @cached_property
    def _done(self) -> dict[str, list[tuple[Apply, Move]]]:
        found: dict[str, list[tuple[Apply, Move]]] = {}
        doubtful: set[str] = set()
        for apply in takewhile(lambda one: one.moves is not None, self.applies):
            for move in apply.moves or ():
                if move.outcome == "unknown":
                    doubtful.add(move.alias)
                elif move.outcome == "done" and move.alias not in doubtful:
                    found.setdefault(move.alias, []).append((apply, move))
        return found

    @cached_property
    def _newest(self) -> dict[str, Apply]:
        oldest_first = reversed(self.applies)
        return {move.alias: apply for apply in oldest_first for move in apply.moves or ()}


def read(cluster: Cluster, aliases: Collection[str]) -> Past:
    """The applies of the newest plans, in two requests where every apply has ended well.

    One more for each that has not and that names one of `aliases`. What was recorded in the last
    second is found only by a user who may refresh the index.
    """
    try:
        cluster.read(f"/{STATE_INDEX}/_refresh")
    except ServerError as error:
        if error.status != FORBIDDEN:
            raise
    found = state_index.last_records(cluster)
    ids = [state_index.record_id(plan, 0) for plan in found]
    firsts = state_index.documents(cluster, ids) if ids else []
    applies = [
        _apply(cluster, plan, doc.get("_source") or {}, last, aliases)
        for (plan, last), doc in zip(found.items(), firsts, strict=True)
    ]
    return Past(tuple(sorted(applies, key=lambda one: one.last, reverse=True)))


def _apply(cluster: Cluster, plan: str, first: JSON, last: JSON, aliases: Collection[str]) -> Apply:
    try:
        start, end = journal.parse(first.get("record", "")), journal.parse(last["record"])
        given = start.data.get("moves")
        moves = given if given is None else _moves(cluster, plan, given, end, aliases)
    except (ValueError, KeyError, TypeError, JournalError):
        return Apply("", str(first.get("at", "")), str(last.get("at", "")), True, None)
    plan_id = str(start.data.get("plan_id", ""))
    return Apply(plan_id, start.at, end.at, journal.is_closed([end]), moves)


def _moves(
    cluster: Cluster, plan: str, given: list[JSON], end: Record, aliases: Collection[str]
) -> tuple[Move, ...]:
    """Every step of an apply that has ended is done; of another, its journal is asked."""
    mine = [one for one in given if one["alias"] in aliases]
    asked = bool(mine) and end.event != "end"
    records = state_index.load(cluster, plan) if asked else []
    return tuple(
        Move(
            one["alias"],
            tuple(one["from"]),
            tuple(one["to"]),
            _outcome(records, one["step"]) if asked else "done",
        )
        for one in mine
    )


def _outcome(records: list[Record], step: str) -> str:
    """While an apply goes on, its switch may come at any moment."""
    events = [record.event for record in records if record.step == step]
    if events and events[-1] in ("done", "undone"):
        return events[-1]
    return "undone" if journal.is_closed(records) else "unknown"
