from __future__ import annotations

from typing import Any

import pytest

from esplan import lock, state_index
from esplan.errors import JournalError, OutcomeUnknown, ServerError, Unreachable
from esplan.journal import Record
from esplan.plan import STATE_INDEX
from esplan.state_index import Unfinished

PLAN = "a" * 64


def chained(count: int, plan: str = PLAN, last: str = "done") -> list[Record]:
    records: list[Record] = []
    for seq in range(count):
        event: Any = "start" if seq == 0 else (last if seq == count - 1 else "intent")
        prev = records[-1].checksum if records else ""
        at = f"2026-01-01T00:00:0{seq % 10}"
        start = {"plan": plan, "plan_id": "id", "host": "host", "steps": 3}
        data = start if seq == 0 else {}
        records.append(Record(seq, prev, event, "" if event != "done" else "1", at, data).sealed())
    return records


def stored(cluster: Any, records: list[Record], plan: str = PLAN) -> None:
    for record in records:
        state_index.store(cluster, plan, record)


def test_what_was_stored_is_loaded(cluster: Any) -> None:
    records = chained(5)
    stored(cluster, records)
    assert state_index.load(cluster, PLAN) == records
    assert state_index.load(cluster, "b" * 64) == []


def test_longer_than_a_page(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_index, "PAGE", 3)
    for count in (3, 4, 6, 7):
        plan = f"{count}" * 64
        stored(cluster, chained(count, plan), plan)
        assert len(state_index.load(cluster, plan)) == count


def test_no_index_yet(cluster: Any) -> None:
    missing = {"error": {"type": "index_not_found_exception", "reason": "no such index"}}
    cluster.read = lambda path, *_, **__: {"docs": [missing]} if "_mget" in path else None
    assert state_index.load(cluster, PLAN) == []
    assert state_index.unfinished(cluster) == ((), ())


@pytest.mark.parametrize(
    "answer",
    [None, {"docs": [{"error": {"type": "no_shard_available_action_exception", "reason": "x"}}]}],
    ids=["404", "a shard is missing"],
)
def test_a_journal_that_cannot_be_read_is_not_an_empty_one(cluster: Any, answer: Any) -> None:
    """The apply would begin anew, beside what was begun."""
    cluster.read = lambda *_args, **_more: answer
    with pytest.raises(Unreachable):
        state_index.load(cluster, PLAN)


STRANGE = [{}, {"acknowledged": False}, {"found": True}, {"found": True, "_source": None}, []]
"""With status 200, from something between that is no Elasticsearch."""


@pytest.mark.parametrize("answer", STRANGE)
def test_an_answer_that_is_none_about_a_document_says_nothing_about_it(
    cluster: Any, answer: Any
) -> None:
    cluster.read = lambda *_args, **_more: answer
    with pytest.raises(Unreachable, match="not what the cluster answers about a document"):
        state_index.recall(cluster, "progress")
    with pytest.raises(Unreachable):
        lock.read(cluster)


@pytest.mark.parametrize("answer", STRANGE)
def test_a_record_that_may_be_mirrored_is_not_said_to_be(cluster: Any, answer: Any) -> None:
    def lost(*_args: Any, **_more: Any) -> None:
        raise OutcomeUnknown("lost")

    cluster.change, cluster.read = lost, lambda *_args, **_more: answer
    with pytest.raises(JournalError, match="cannot be mirrored"):
        stored(cluster, chained(1))


def test_a_record_lost_from_the_middle_hides_the_rest(cluster: Any) -> None:
    stored(cluster, chained(4))
    del cluster.documents[f"{STATE_INDEX}/_doc/{state_index.record_id(PLAN, 1)}"]
    with pytest.raises(JournalError):
        state_index.load(cluster, PLAN)


def test_a_damaged_mirror(cluster: Any) -> None:
    stored(cluster, chained(2))
    path = f"{STATE_INDEX}/_doc/{state_index.record_id(PLAN, 1)}"
    whole = cluster.documents[path]["record"]
    cluster.documents[path]["record"] = whole.replace('"done"', '"undone"')
    with pytest.raises(JournalError, match="the journal in the index esplan-state is damaged in"):
        state_index.load(cluster, PLAN)
    cluster.documents[path]["record"] = "{}"
    with pytest.raises(JournalError, match="cannot be read") as error:
        state_index.load(cluster, PLAN)
    assert "newer esplan" in error.value.remedy


def test_a_lost_answer_is_asked_about(cluster: Any) -> None:
    (record,) = chained(1)
    cluster.lose(f"PUT /{STATE_INDEX}/_create/{state_index.record_id(PLAN, 0)}")
    state_index.store(cluster, PLAN, record)
    assert state_index.load(cluster, PLAN) == [record]


def test_a_lost_request_is_sent_again(cluster: Any) -> None:
    """An apply sends two for each of its steps: one that gets lost is no reason to stop."""
    (record,) = chained(1)
    cluster.drop(f"PUT /{STATE_INDEX}/_create/{state_index.record_id(PLAN, 0)}")
    state_index.store(cluster, PLAN, record)
    assert state_index.load(cluster, PLAN) == [record]


def test_a_request_that_is_always_lost_stops(cluster: Any) -> None:
    (record,) = chained(1)

    def lost(_request: str) -> None:
        raise OutcomeUnknown("the outcome is unknown", why="reset")

    cluster.before = lost
    with pytest.raises(JournalError, match="cannot be mirrored") as error:
        state_index.store(cluster, PLAN, record)
    assert "reset" in error.value.why
    assert "apply again" in error.value.remedy


def test_another_writer_of_the_same_record_stops(cluster: Any) -> None:
    """409: somebody else has written this number; ours is only there when it is the same."""
    one, other = chained(1), chained(1, plan="b" * 64)
    stored(cluster, one)
    cluster.refuse(f"PUT /{STATE_INDEX}/_create/{state_index.record_id(PLAN, 0)}", status=409)
    state_index.store(cluster, PLAN, one[0])
    with pytest.raises(JournalError, match="cannot be mirrored"):
        state_index.store(cluster, PLAN, other[0])


def test_no_answer_to_the_question_either(cluster: Any) -> None:
    (record,) = chained(1)
    cluster.lose(f"PUT /{STATE_INDEX}/_create/{state_index.record_id(PLAN, 0)}")

    def broken(*_args: Any, **_more: Any) -> Any:
        raise ServerError("down", status=503)

    cluster.read = broken
    with pytest.raises(JournalError, match="cannot be mirrored"):
        state_index.store(cluster, PLAN, record)


def test_the_index_is_made_once(cluster: Any) -> None:
    state_index.ensure(cluster)
    assert cluster.log == []
    del cluster.indices[STATE_INDEX]
    state_index.ensure(cluster)
    assert cluster.log == [f"PUT /{STATE_INDEX}"]
    assert cluster.indices[STATE_INDEX]["settings"]["index.hidden"] is True


def test_two_may_make_it_at_the_same_time(cluster: Any) -> None:
    del cluster.indices[STATE_INDEX]
    cluster.refuse(f"PUT /{STATE_INDEX}", type_="resource_already_exists_exception")
    state_index.ensure(cluster)
    cluster.refuse(f"PUT /{STATE_INDEX}", type_="security_exception", status=403)
    with pytest.raises(ServerError, match="refused"):
        state_index.ensure(cluster)


def test_made_or_not_made_with_a_lost_answer(cluster: Any) -> None:
    del cluster.indices[STATE_INDEX]
    cluster.drop(f"PUT /{STATE_INDEX}")
    with pytest.raises(OutcomeUnknown):
        state_index.ensure(cluster)
    cluster.lose(f"PUT /{STATE_INDEX}")
    state_index.ensure(cluster)


def test_unfinished_applies_newest_first(cluster: Any) -> None:
    stored(cluster, chained(2, plan="1" * 64), "1" * 64)
    stored(cluster, chained(4, plan="2" * 64), "2" * 64)
    stored(cluster, chained(5, last="end", plan="3" * 64), "3" * 64)
    found, _ = state_index.unfinished(cluster)
    assert [one.plan for one in found] == ["2" * 64, "1" * 64]
    assert found[0] == Unfinished(
        plan="2" * 64,
        plan_id="id",
        host="host",
        since="2026-01-01T00:00:00",
        last="2026-01-01T00:00:03",
        done=1,
        steps=3,
    )


def test_a_journal_without_a_start_began_nothing(cluster: Any) -> None:
    stored(cluster, [Record(0, "", "failed", "", "2026-01-01T00:00:00", {}).sealed()])
    assert state_index.unfinished(cluster) == ((), ())


def test_an_apply_that_was_taken_back_is_not_unfinished(cluster: Any) -> None:
    stored(cluster, chained(3, last="undone"))
    assert state_index.unfinished(cluster) == ((), ())


def test_an_apply_whose_end_is_not_searchable_yet_is_not_unfinished(cluster: Any) -> None:
    stored(cluster, chained(3, last="end"))
    read = cluster.read

    def behind(path: str, *rest: Any, **more: Any) -> Any:
        answer = read(path, *rest, **more)
        if path.endswith("/_search"):
            answer["hits"]["hits"][0]["_source"] = {
                "plan": PLAN,
                "record": chained(2)[-1].line(),
            }
        return answer

    cluster.read = behind
    assert state_index.unfinished(cluster) == ((), ())


def test_a_journal_that_cannot_be_read_hides_no_other(cluster: Any) -> None:
    stored(cluster, chained(2, plan="1" * 64), "1" * 64)
    stored(cluster, chained(2, plan="2" * 64), "2" * 64)
    cluster.documents[f"esplan-state/_doc/{state_index.record_id('2' * 64, 0)}"]["record"] = "{}"
    found, unreadable = state_index.unfinished(cluster)
    assert [one.plan for one in found] == ["1" * 64]
    assert unreadable == ("2" * 64,)
