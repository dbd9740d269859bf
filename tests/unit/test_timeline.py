"""Journals → what was done when; `tests/report` has those of real applies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from esplan import journal, planfile
from esplan.journal import Record
from esplan.shapes import between, moment
from esplan.timeline import Sitting, Timed, Trouble, timeline

if TYPE_CHECKING:
    from esplan.plan import Plan

REPORT = Path(__file__).parents[1] / "report"
RELEASE = planfile.read(REPORT / "release.json")
REJECTED = planfile.read(REPORT / "rejected.json")
MINUTE = "2026-01-01T10:{:02d}:{:02d}+00:00"


def records(name: str) -> list[Record]:
    return journal.read(REPORT / f"{name}.json.journal.jsonl")


def told(*events: tuple[int, str, str, dict[str, Any]] | tuple[int, str, str]) -> list[Record]:
    """Records at so many seconds past ten."""
    return [
        Record(seq, "", event, step, MINUTE.format(at // 60, at % 60), data[0] if data else {})
        for seq, (at, event, step, *data) in enumerate(events)
    ]


def step(found: Any, number: int) -> Timed:
    return found.steps[number - 1]


START: dict[str, Any] = {"plan": "p" * 64, "steps": 3, "host": "h", "pid": 7}


def test_a_real_apply_in_four_sittings() -> None:
    found = timeline(records("release"), RELEASE)
    assert (found.state, found.done, found.total, found.again) == ("done", 19, 19, 1)
    assert [one.host for one in found.sittings] == ["deploy-1.example.org"] * 4
    assert round(found.seconds, 1) == 48.4
    copy = step(found, 11)
    assert [(one.outcome, one.sitting) for one in copy.tries] == [("broken off", 2), ("done", 3)]
    assert (copy.documents, copy.bytes, copy.outcome) == (336_776, 53_050_095, "done")
    assert copy.seconds == 45.841, "as the copy measured itself: most of it was before the kill"
    assert (step(found, 7).outcome, step(found, 7).seconds) == ("as wanted", None)
    assert (step(found, 6).documents, step(found, 6).outcome) == (5, "done")


def test_how_long_clients_could_not_write() -> None:
    found = timeline(records("release"), RELEASE)
    pauses = [(one.index, one.closed, round(one.seconds or 0, 1)) for one in found.pauses]
    assert pauses == [("books_000001", False, 25.5), ("flights_green", False, 57.9)]


def test_an_apply_that_was_killed_in_a_copy() -> None:
    whole = records("release")
    killed = whole[: next(n for n, one in enumerate(whole) if one.step == "11-reindex") + 1]
    found = timeline(killed, RELEASE)
    assert (found.state, found.done) == ("unfinished", 10)
    assert (step(found, 11).outcome, step(found, 11).seconds) == ("begun", None)
    assert step(found, 12).outcome == "not begun"
    assert found.pauses[-1].last == ""
    assert found.pauses[-1].seconds is None


def test_what_was_rejected_is_taken_back() -> None:
    found = timeline(records("rejected"), REJECTED)
    assert (found.state, found.done) == ("taken back", 0)
    assert [one.outcome for one in found.steps[:4]] == ["taken back"] * 3 + ["not begun"]
    assert [one.outcome for one in step(found, 3).tries] == ["failed"]
    (trouble,) = found.troubles
    assert trouble.why.startswith("the new index rejected documents of flights_blue\n")
    assert found.pauses[0].seconds == pytest.approx(3.6, abs=0.1)


def test_taking_back_that_is_not_over() -> None:
    cut = records("rejected")
    cut = cut[: next(n for n, one in enumerate(cut) if one.event == "failed") + 1]
    found = timeline(cut, REJECTED)
    assert found.state == "taking back"
    assert step(found, 3).outcome == "failed"


def test_without_a_plan_the_journal_speaks() -> None:
    found = timeline(records("release"))
    assert (found.state, found.done, found.total) == ("done", 19, 19)
    assert step(found, 8).kind == "update_aliases"
    assert step(found, 8).move["alias"] == "books"
    assert found.pauses == ()
    begun = timeline(records("release")[:3])
    assert (len(begun.steps), begun.total) == (1, 19)


def test_a_lost_answer_is_a_try_of_its_own() -> None:
    found = timeline(
        told(
            (0, "start", "", START),
            (1, "intent", "01-x"),
            (4, "intent", "01-x"),
            (6, "done", "01-x"),
        )
    )
    assert [(one.outcome, one.seconds) for one in step(found, 1).tries] == [
        ("broken off", 3.0),
        ("done", 2.0),
    ]
    assert (step(found, 1).outcome, step(found, 1).seconds, found.again) == ("done", 2.0, 1)


def test_what_is_brought_up_to_date_again_belongs_to_the_next_process() -> None:
    """`rewind` takes steps back before the `start` of its process."""
    found = timeline(
        told(
            (0, "start", "", START),
            (1, "intent", "01-x"),
            (2, "done", "01-x"),
            (100, "undone", "01-x"),
            (101, "start", "", START | {"pid": 8}),
            (102, "intent", "01-x"),
            (104, "done", "01-x"),
            (105, "end", ""),
        )
    )
    assert found.sittings == (
        Sitting(MINUTE.format(0, 0), MINUTE.format(0, 2), "h", "7"),
        Sitting(MINUTE.format(1, 40), MINUTE.format(1, 45), "h", "8"),
    )
    assert (step(found, 1).outcome, len(step(found, 1).tries)) == ("done", 2)


def test_abandoned_by_another_process() -> None:
    found = timeline(
        told(
            (0, "start", "", START),
            (1, "intent", "01-x"),
            (90, "failed", "", {"why": "abandoned"}),
            (91, "undone", "01-x"),
            (92, "undone", ""),
        )
    )
    assert found.state == "taken back"
    assert [one.last for one in found.sittings] == [MINUTE.format(0, 1), MINUTE.format(1, 32)]
    assert found.troubles == (Trouble(MINUTE.format(1, 30), "abandoned"),)
    assert [one.outcome for one in step(found, 1).tries] == ["broken off"]


def two_objects() -> Plan:
    """Steps 1 and 2 of one object each."""
    first, second = RELEASE.steps[0], RELEASE.steps[2]
    return replace(RELEASE, steps=(first, second))


def test_one_object_fails_and_the_other_goes_on() -> None:
    """With --keep-going; nobody waits for the other in --parallel."""
    first, second = (one.id for one in two_objects().steps)
    found = timeline(
        told(
            (0, "start", "", START),
            (1, "intent", first),
            (1, "intent", second),
            (2, "failed", "", {"why": "w", "address": "alias.books"}),
            (3, "undone", first),
            (3, "undone", "", {"address": "alias.books"}),
            (4, "done", second),
            (5, "undone", ""),
        ),
        two_objects(),
    )
    assert found.state == "partly done"
    assert [one.outcome for one in found.steps] == ["taken back", "done"]
    assert step(found, 1).tries[0].outcome == "failed"
    assert found.troubles[0].address == "alias.books"


def test_nobody_can_say_which_of_two_failed() -> None:
    found = timeline(
        told(
            (0, "start", "", START),
            (1, "intent", "01-x"),
            (1, "intent", "02-x"),
            (2, "failed", "", {"why": "w"}),
        )
    )
    assert [one.tries[0].outcome for one in found.steps] == ["broken off", "broken off"]


def test_a_mapping_that_was_put_stays() -> None:
    put = next(one for one in RELEASE.steps if one.kind == "put_mapping")
    found = timeline(
        told((0, "start", "", START), (1, "done", put.id), (2, "undone", put.id)),
        replace(RELEASE, steps=(put,)),
    )
    assert step(found, 1).outcome == "stays"


@pytest.mark.parametrize("evil", [None, [], {}, "x", -1, 1e999, True, {"documents": "many"}])
def test_data_of_any_shape(evil: Any) -> None:
    """Whoever writes a journal by hand can give it the right checksums."""
    data = dict.fromkeys(("host", "pid", "plan", "steps", "moves", "measured", "why"), evil)
    found = timeline(
        told(
            (0, "start", "", data),
            (1, "intent", "01-reindex", data),
            (2, "done", "01-reindex", data | {"created": evil}),
            (3, "failed", "", data),
        )
    )
    assert step(found, 1).bytes is None or step(found, 1).bytes >= 0
    assert step(found, 1).seconds == 1.0


def test_times_of_any_shape() -> None:
    strange = [
        replace(one, at=at)
        for one, at in zip(
            told((0, "start", ""), (1, "intent", "01-x"), (2, "done", "01-x")),
            ("yesterday", "2026-01-01T10:00:00", "0001-01-01T00:00:00+23:59"),
            strict=True,
        )
    ]
    assert step(timeline(strange), 1).seconds is None
    assert moment("2026-01-01T10:00:00") == moment("2026-01-01T10:00:00+00:00")
    assert between(MINUTE.format(1, 0), MINUTE.format(0, 0)) is None, "the clock went back"
