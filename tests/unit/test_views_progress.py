from __future__ import annotations

import io
import itertools
import json
import threading
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from esplan.plan import Plan, Step
from esplan.views import progress
from esplan.views.progress import lines as log
from esplan.views.progress import meter as meters
from esplan.views.progress.meter import Meter
from esplan.views.progress.position import Position
from esplan.views.progress.words import reached, remaining
from esplan.views.progress.work import Work

COPY = Step(
    "reindex", "switch", "alias.a", "copy \x1b[31mevery document of a_green", id="03-reindex"
)
MERGE = Step("force_merge", "prepare", "alias.a", "force merge a_1", id="02-force_merge")
PROOF = Step("verify", "switch", "alias.a", "prove it", id="04-verify")


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds; the last one is now."""
    now = [0.0]
    monkeypatch.setattr(meters.time, "monotonic", lambda: now[-1])
    return now


def planned(*steps: Step) -> Plan:
    return Plan("id", "now", "1", {}, "", steps=steps)


def console(out: io.StringIO, *, terminal: bool = False) -> Console:
    return Console(file=out, width=120, force_terminal=terminal, no_color=True, soft_wrap=True)


def test_a_log_gets_lines(out: io.StringIO, clock: list[float]) -> None:
    lines = progress.listener(console(out))
    assert isinstance(lines, progress.Lines)
    lines.step_started(COPY, 3, 9)
    for now, done in ((1.0, 50), (4.9, 245), (5.0, 250), (6.0, 300)):
        clock.append(now)
        lines.step_progress(COPY, done, 1000)
    clock.append(20.0)
    lines.note("the task was lost")
    lines.step_ended(COPY, "done", {"created": 1000})
    lines.close()
    assert out.getvalue().splitlines() == [
        "[3/9] copy \\x1b[31mevery document of a_green",
        "  250 of 1,000 documents (25%), 50/s, 15 s left",
        "  the task was lost",
        "  done: copy \\x1b[31mevery document of a_green: 1,000 documents (20.0 s)",
    ]


def test_a_long_step_says_less_and_less(out: io.StringIO, clock: list[float]) -> None:
    lines = progress.Lines(console(out))
    lines.step_started(COPY, 1, 1)
    said = []
    for second in range(1, 8000):
        clock.append(float(second))
        before = len(out.getvalue())
        lines.step_progress(COPY, second, 100_000)
        if len(out.getvalue()) > before:
            said.append(second)
    lines.close()
    first = [one for one in said if one < 300]
    assert first == list(range(5, 300, 5))
    assert [b - a for a, b in itertools.pairwise(said) if 330 < b < 3600] == [30] * 109
    assert [one for one in said if one > 3600] == list(range(3895, 8000, 300))


def test_a_step_that_reports_nothing_is_named_all_the_same(
    out: io.StringIO, clock: list[float]
) -> None:
    lines = progress.Lines(console(out))
    lines.step_started(PROOF, 1, 1)
    for now in (29.0, 30.0, 31.0, 59.0, 61.0):
        clock.append(now)
        lines.beat()
    lines.close()
    assert out.getvalue().splitlines()[1:] == [
        "  prove it: 30 s so far",
        "  prove it: 1 min 01 s so far",
    ]


def test_a_log_has_a_clock_of_its_own(out: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    beaten = threading.Event()
    monkeypatch.setattr(log, "SILENCE", 0.06)
    monkeypatch.setattr(progress.Lines, "beat", lambda _: beaten.set())
    lines = progress.Lines(console(out))
    lines.step_started(PROOF, 1, 1)
    assert beaten.wait(10)
    lines.close()
    assert not [one for one in threading.enumerate() if one.name == "progress"]


def test_bytes_are_those_of_the_plan(clock: list[float]) -> None:
    meter = Meter(replace(COPY, estimate={"documents": 1000, "bytes": 10_485_760}), 1, 1)
    meter.move(0, 1000)
    clock.append(10.0)
    meter.move(250, 1000)
    assert reached(meter) == "250 of 1,000 documents (25%), about 2.5 MB, 25/s, 30 s left"


def test_a_rate_is_that_of_late(clock: list[float]) -> None:
    """A copy that goes on has done most of it long ago; one that slows down is slow."""
    meter = Meter(COPY, 1, 1)
    clock.append(1.0)
    meter.move(900_000, 1_000_000)
    assert meter.rate is None
    assert meter.left is None
    for now in range(2, 102):
        clock.append(float(now))
        meter.move(900_000 + 100 * (now - 1), 1_000_000)
    assert meter.rate == pytest.approx(100)
    done = meter.done
    for now in range(102, 142):
        clock.append(float(now))
        meter.move(done + now - 101, 1_000_000)
    assert meter.rate == pytest.approx(1)


def test_a_rate_goes_down_when_nothing_is_heard(clock: list[float]) -> None:
    meter = Meter(COPY, 1, 1)
    meter.move(0, 1000)
    clock.append(10.0)
    meter.move(100, 1000)
    assert meter.rate == 10
    clock.append(15.0)
    assert meter.rate == 10
    clock.append(110.0)
    assert meter.rate == 1


def test_a_copy_that_begins_again_is_measured_again(clock: list[float]) -> None:
    meter = Meter(COPY, 1, 1)
    meter.move(0, 1000)
    clock.append(10.0)
    meter.move(500, 1000)
    meter.move(0, 1000)
    assert meter.rate is None
    clock.append(20.0)
    meter.move(10, 1000)
    assert meter.rate == 1


# The whole plan

LONG = {"seconds": 100.0}
ROUGH = {"seconds": 10.0, "range": [5.0, 40.0]}
STEPS = (
    Step("create_index", "prepare", "alias.a", "create it", id="01"),
    Step("reindex", "switch", "alias.a", "copy it", estimate=LONG, id="02"),
    Step("verify", "switch", "alias.a", "prove it", estimate=ROUGH, id="03"),
    Step("update_aliases", "switch", "alias.a", "switch", id="04"),
)


def test_how_far_a_plan_is(clock: list[float]) -> None:
    position = Position(planned(*STEPS))
    position.start(STEPS[0], 1, 4)
    assert remaining(position.left) == "roughly 1 min 45 s to 2 min 20 s left"
    assert position.part == 0
    position.end(STEPS[0])
    meter = position.start(STEPS[1], 2, 4)
    meter.move(0, 1000)
    clock.append(30.0)
    assert remaining(position.left) == "roughly 1 min 15 s to 1 min 50 s left"
    meter.move(300, 1000)
    assert meter.left == pytest.approx(70)
    meter.move(900, 1000)
    assert meter.left == pytest.approx(10 / 3)
    assert remaining(position.left) == "roughly 9 s to 44 s left"
    assert position.part == pytest.approx(30 / (30 + 10 / 3 + 10.2))
    position.end(STEPS[1])
    position.start(STEPS[2], 3, 4)
    clock.append(100.0)
    assert remaining(position.left) == "", "it takes longer than the plan thought"
    assert position.part is None
    assert position.seconds == 100


def test_a_bar_never_goes_back(clock: list[float]) -> None:
    position = Position(planned(*STEPS))
    meter = position.start(STEPS[1], 2, 4)
    meter.move(0, 1000)
    clock.append(10.0)
    meter.move(500, 1000)
    far = position.part
    assert far
    clock.append(40.0)
    meter.move(501, 1000)
    assert position.part == far


def test_what_an_earlier_apply_has_done_is_done(clock: list[float]) -> None:
    position = Position(planned(*STEPS))
    position.start(STEPS[2], 3, 4)
    assert clock
    assert remaining(position.left) == "roughly 5 s to 40 s left"
    assert position.to_json() == {
        "steps": 4,
        "ended": 2,
        "seconds": 0.0,
        "part": 0.908,
        "left_seconds": 10.2,
        "left_range": [5.2, 40.2],
    }


def test_steps_that_nobody_can_tell_of(clock: list[float]) -> None:
    merge = replace(MERGE, id="05", phase="finish")
    position = Position(planned(*STEPS, merge))
    position.start(STEPS[1], 2, 5)
    assert clock
    assert remaining(position.left) == "at least 1 min 50 s left"
    assert position.part is None
    assert position.to_json()["left_seconds"] is None
    position.end(STEPS[3])
    position.start(merge, 5, 5)
    assert remaining(position.left) == ""


def test_a_phase_is_the_whole_of_its_apply(clock: list[float]) -> None:
    position = Position(planned(*STEPS))
    position.start(STEPS[0], 1, 1)
    assert clock
    assert remaining(position.left) == "under a second left"


def test_objects_side_by_side_share_the_time(clock: list[float]) -> None:
    copies = [
        replace(STEPS[1], address=f"alias.{name}", id=name, estimate={"seconds": seconds})
        for name, seconds in (("a", 100.0), ("b", 10.0), ("c", 10.0))
    ]
    assert clock
    one, two = Position(planned(*copies)), Position(planned(*copies), width=2)
    for position in (one, two):
        position.start(copies[0], 1, 3)
    assert remaining(one.left) == "about 2 min 00 s left"
    assert remaining(two.left) == "about 1 min 40 s left"


def test_a_log_says_where_the_whole_plan_is(out: io.StringIO, clock: list[float]) -> None:
    lines = progress.Lines(console(out), planned(*STEPS))
    lines.step_started(STEPS[1], 2, 4)
    lines.step_progress(STEPS[1], 0, 1000)
    clock.append(10.0)
    lines.step_progress(STEPS[1], 100, 1000)
    lines.close()
    assert out.getvalue().splitlines()[1:] == [
        (
            "  100 of 1,000 documents (10%), 10/s, 1 min 30 s left; "
            "plan: roughly 1 min 35 s to 2 min 10 s left"
        )
    ]


def test_side_by_side_each_line_names_its_step(out: io.StringIO, clock: list[float]) -> None:
    lines = progress.Lines(console(out), planned(*STEPS), width=2)
    lines.step_started(STEPS[1], 2, 4)
    clock.append(10.0)
    lines.step_progress(STEPS[1], 100, 1000)
    clock.append(100.0)
    lines.beat()
    lines.close()
    said = out.getvalue().splitlines()
    assert said[1].startswith("  [2/4] 100 of 1,000 documents (10%); plan: ")
    assert said[2] == "  [2/4] copy it: 1 min 40 s so far"


# One long piece of work


def test_work_in_a_log(out: io.StringIO, clock: list[float]) -> None:
    work = Work(progress.Lines(console(out)), console(out))
    for now in range(60):
        clock.append(float(now))
        work("starting it", None)
    for now in range(60, 67):
        clock.append(float(now))
        work("loading it", (now - 60) / 10)
    work.close()
    assert out.getvalue().splitlines() == [
        "  starting it",
        "  starting it",
        "  loading it (0%)",
        "  loading it (50%)",
    ]


# Steps by their kinds


@pytest.mark.parametrize("terminal", [True, False])
def test_a_long_step_begins_with_the_estimate_of_the_plan(
    out: io.StringIO, *, terminal: bool
) -> None:
    listener = progress.listener(console(out, terminal=terminal))
    listener.step_started(replace(PROOF, estimate={"seconds": 12.4}), 4, 9)
    listener.close()
    assert "[4/9] prove it, about 12 s" in out.getvalue()


@pytest.mark.parametrize("outcome", ["undone", "stays"])
def test_a_step_that_is_taken_back_has_no_evidence_and_no_time(
    out: io.StringIO, outcome: str
) -> None:
    """It may have been done by another process, days ago."""
    merge = Step("force_merge", "prepare", "alias.a", "force merge a", id="01-force_merge")
    progress.Lines(console(out)).step_ended(merge, outcome, {})
    assert out.getvalue() == f"  {outcome}: force merge a\n"


def test_a_total_that_nobody_knows(out: io.StringIO, clock: list[float]) -> None:
    lines = progress.Lines(console(out))
    lines.step_started(COPY, 1, 1)
    clock.append(10.0)
    lines.step_progress(COPY, 5, 0)
    assert len(out.getvalue().splitlines()) == 1


def test_a_start_that_has_done_nothing_yet(out: io.StringIO, clock: list[float]) -> None:
    lines = progress.Lines(console(out))
    lines.step_started(COPY, 1, 1)
    clock.append(10.0)
    lines.step_progress(COPY, 0, 10)
    assert out.getvalue().splitlines()[1] == "  0 of 10 documents (0%)"


def test_what_a_proof_came_to(out: io.StringIO, clock: list[float]) -> None:
    lines = progress.Lines(console(out))
    lines.step_started(PROOF, 1, 1)
    lines.step_ended(PROOF, "done", {"equal": True, "source_documents": 336776})
    assert clock
    assert "prove it: equal, 336,776 documents on both sides (0 ms)" in out.getvalue()


def test_markup_in_names_is_only_text(out: io.StringIO) -> None:
    step = Step("x", "switch", "alias.a", "set [red]x[/red] on a", id="1")
    lines = progress.Lines(console(out))
    lines.step_started(step, 1, 1)
    lines.note("[bold]note[/bold]")
    assert "[1/1] set [red]x[/red] on a" in out.getvalue()
    assert "[bold]note[/bold]" in out.getvalue()


def test_a_force_merge_in_a_log_counts_segments(out: io.StringIO, clock: list[float]) -> None:
    lines = progress.Lines(console(out))
    lines.step_started(MERGE, 2, 6)
    for now, segments in ((4.9, 1900), (5.0, 1234), (6.0, 400), (10.0, 12)):
        clock.append(now)
        lines.step_progress(MERGE, segments, 4)
    lines.step_ended(MERGE, "done", {"segments_before": 1900, "segments": 4})
    assert out.getvalue().splitlines() == [
        "[2/6] force merge a_1",
        "  1,234 segments, target 4, 5 s so far",
        "  12 segments, target 4, 10 s so far",
        "  done: force merge a_1: 4 segments in place of 1,900 (10.0 s)",
    ]


def test_the_bar_of_a_force_merge_fills_as_segments_go(clock: list[float]) -> None:
    meter = Meter(MERGE, 2, 6)
    drawn = []
    for segments in (20, 24, 14, 4, 3):
        meter.move(segments, 4)
        drawn.append(meter.part)
    assert clock
    assert drawn == [0, 0, 0.5, 1, 1]
    assert meter.rate is None
    assert meter.left is None


def test_the_bar_of_a_merge_that_has_nothing_to_do(clock: list[float]) -> None:
    meter = Meter(MERGE, 2, 6)
    meter.move(4, 4)
    assert clock
    assert meter.part == 0, "never a part of nothing"


@pytest.mark.parametrize("kind", ["force_merge", "reindex", "verify"])
def test_a_step_that_was_taken_back_has_no_evidence(out: io.StringIO, kind: str) -> None:
    lines = progress.Lines(console(out))
    lines.step_ended(Step(kind, "switch", "alias.a", "do it"), "undone", {})
    assert out.getvalue() == "  undone: do it\n"


def test_programs_get_segments_as_numbers() -> None:
    lines: list[str] = []
    events = progress.Events(lines.append)
    events.step_progress(MERGE, 12, 4)
    (found,) = map(json.loads, lines)
    assert (found["step"], found["done"], found["total"]) == ("02-force_merge", 12, 4)


def test_programs_get_one_object_a_line() -> None:
    lines: list[str] = []
    events = progress.Events(lines.append)
    events.step_started(COPY, 3, 9)
    events.step_progress(COPY, 1, 2)
    events.step_ended(COPY, "done", {"created": 2})
    events.note("two\nlines")
    events.emit("error", exit_code=4)
    events.close()
    assert all("\n" not in line for line in lines)
    found: list[dict[str, Any]] = [json.loads(line) for line in lines]
    assert {one["format_version"] for one in found} == {"1.0"}
    assert [one["event"] for one in found] == [
        "step_started",
        "step_progress",
        "step_ended",
        "note",
        "error",
    ]
    assert (found[0]["number"], found[0]["total"], found[0]["address"]) == (3, 9, "alias.a")
    assert found[2]["evidence"] == {"created": 2}


def test_programs_get_all_that_is_known(clock: list[float]) -> None:
    lines: list[str] = []
    copy = replace(STEPS[1], estimate={**LONG, "documents": 1000, "bytes": 50_000})
    events = progress.Events(lines.append, planned(STEPS[0], copy, *STEPS[2:]))
    events.step_started(copy, 2, 4)
    for now, done in ((0.0, 0), (0.9, 90), (1.0, 100), (1.5, 150), (10.0, 1000)):
        clock.append(now)
        events.step_progress(copy, done, 1000)
    events.step_ended(copy, "done", {})
    events.close()
    started, *found, ended = map(json.loads, lines)
    assert started["estimate"]["seconds"] == 100
    assert (started["kind"], started["phase"]) == ("reindex", "switch")
    assert started["plan"]["ended"] == 1
    assert [one["done"] for one in found] == [0, 100, 1000], "at most one a second"
    parts = {name: found[1][name] for name in ("unit", "rate", "eta_seconds", "bytes", "seconds")}
    assert parts == {
        "unit": "documents",
        "rate": 100.0,
        "eta_seconds": 9.0,
        "bytes": 5000,
        "seconds": 1.0,
    }
    assert found[1]["plan"]["left_range"] == [14.2, 49.2]
    assert ended["seconds"] == 10
    assert ended["plan"]["ended"] == 2


def test_programs_hear_of_a_step_that_reports_nothing(clock: list[float]) -> None:
    lines: list[str] = []
    events = progress.Events(lines.append)
    events.step_started(PROOF, 1, 1)
    for now in (29.0, 30.0, 31.0, 60.0):
        clock.append(now)
        events.beat()
    events.close()
    found = [json.loads(line) for line in lines[1:]]
    assert [(one["event"], one["done"], one["seconds"]) for one in found] == [
        ("step_progress", 0, 30.0),
        ("step_progress", 0, 60.0),
    ]


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    silent = progress.Silent()
    silent.step_started(COPY, 1, 1)
    silent.step_progress(COPY, 1, 1)
    silent.step_ended(COPY, "done", {})
    silent.note("x")
    silent.close()
    assert capsys.readouterr() == ("", "")
