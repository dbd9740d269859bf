from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from esplan import history, state_index
from esplan.errors import ServerError
from esplan.history import Apply, Move, Past
from esplan.journal import Record
from esplan.plan import STATE_INDEX

if TYPE_CHECKING:
    from collections.abc import Sequence

SWITCH = {"step": "s", "alias": "a", "from": ["a_green"], "to": ["a_blue"]}


def journalled(
    cluster: Any,
    plan: str,
    *events: tuple[Any, str],
    moves: Any = (SWITCH,),
    day: int = 1,
) -> list[Record]:
    """A mirrored journal: a start, and then these events, each with its step."""
    records: list[Record] = []
    data: dict[str, Any] = {"plan": plan * 64, "plan_id": f"id-{plan}", "moves": moves}
    for seq, (event, step) in enumerate([("start", ""), *events]):
        prev = records[-1].checksum if records else ""
        at = f"2026-01-{day:02d}T00:00:0{seq}+00:00"
        given = data if event == "start" else {}
        records.append(Record(seq, prev, event, step, at, given).sealed())
    for record in records:
        state_index.store(cluster, plan * 64, record)
    return records


def outcomes(past: Past) -> list[Sequence[str]]:
    return [[one.outcome for one in apply.moves or ()] for apply in past.applies]


def test_no_index_and_no_journal(cluster: Any) -> None:
    assert history.read(cluster, ["a"]) == Past()
    cluster.read = lambda *_args, **_more: None
    assert history.read(cluster, ["a"]) == Past()


def test_an_apply_that_has_ended(cluster: Any) -> None:
    """Its two requests, and no third: every step of it is done."""
    records = journalled(cluster, "1", ("intent", "s"), ("done", "s"), ("end", ""))
    cluster.asked.clear()
    past = history.read(cluster, ["a"])
    move = Move("a", ("a_green",), ("a_blue",))
    assert past == Past((Apply("id-1", records[0].at, records[-1].at, True, (move,)),))
    assert past.moves("a") == [(past.applies[0], move)]
    assert past.moves("b") == []
    assert past.unfinished("a") is None
    asked = [f"/{STATE_INDEX}/{what}" for what in ("_refresh", "_search", "_mget")]
    assert cluster.asked == asked


@pytest.mark.parametrize(
    ("events", "outcome", "closed"),
    [
        ([], "unknown", False),
        ([("intent", "s")], "unknown", False),
        ([("intent", "s"), ("done", "s")], "done", False),
        ([("intent", "s"), ("done", "s"), ("failed", ""), ("undone", "")], "done", True),
        ([("intent", "s"), ("failed", ""), ("undone", "s"), ("undone", "")], "undone", True),
        ([("failed", ""), ("undone", "")], "undone", True),
    ],
)
def test_an_apply_that_has_not(cluster: Any, events: Any, outcome: str, closed: Any) -> None:
    journalled(cluster, "1", *events)
    past = history.read(cluster, ["a"])
    assert outcomes(past) == [[outcome]]
    assert (past.unfinished("a") is None) is closed


def test_the_newest_is_first_and_doubt_hides_what_is_older(cluster: Any) -> None:
    back = {**SWITCH, "from": ["a_blue"], "to": ["a_green"]}
    journalled(cluster, "2", ("end", ""), day=1)
    journalled(cluster, "1", ("end", ""), moves=[back], day=2)
    past = history.read(cluster, ["a"])
    assert [move.put_on for _, move in past.moves("a")] == [("a_green",), ("a_blue",)]
    journalled(cluster, "3", ("intent", "s"), day=3)
    past = history.read(cluster, ["a"])
    assert past.moves("a") == []
    assert past.unfinished("a") == past.applies[0]


def test_other_aliases_are_not_looked_at(cluster: Any) -> None:
    journalled(cluster, "1", ("intent", "s"))
    cluster.asked.clear()
    past = history.read(cluster, ["b"])
    assert outcomes(past) == [[]]
    assert past.unfinished("a") is None
    assert len(cluster.asked) == 3


@pytest.mark.parametrize("moves", [None, "s", [{}], [{**SWITCH, "from": None}], 7])
def test_a_journal_that_does_not_say_may_have_moved_any_alias(cluster: Any, moves: Any) -> None:
    journalled(cluster, "1", ("end", ""), day=1)
    journalled(cluster, "2", ("end", ""), moves=moves, day=2)
    past = history.read(cluster, ["a"])
    assert [one.moves is None for one in past.applies] == [True, False]
    assert past.moves("a") == []


def test_a_damaged_journal_may_have_moved_any_alias(cluster: Any) -> None:
    journalled(cluster, "1", ("end", ""), day=1)
    journalled(cluster, "2", ("intent", "s"), ("done", "s"), day=2)
    del cluster.documents[f"{STATE_INDEX}/_doc/{state_index.record_id('2' * 64, 1)}"]
    past = history.read(cluster, ["a"])
    assert past.moves("a") == []
    del cluster.documents[f"{STATE_INDEX}/_doc/{state_index.record_id('2' * 64, 0)}"]
    assert history.read(cluster, ["a"]).applies[0].moves is None


def test_who_may_not_refresh_may_still_look(cluster: Any) -> None:
    journalled(cluster, "1", ("end", ""))
    read = cluster.read
    error = ServerError("no", status=403)

    def refusing(path: str, *rest: Any) -> Any:
        if path.endswith("_refresh"):
            raise error
        return read(path, *rest)

    cluster.read = refusing
    assert outcomes(history.read(cluster, ["a"])) == [["done"]]
    error.status = 503
    with pytest.raises(ServerError):
        history.read(cluster, ["a"])
