from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from esplan.plan import Step
from esplan.views import progress

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
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[-1])
    return now


def console(out: io.StringIO, *, terminal: bool = False) -> Console:
    return Console(file=out, width=120, force_terminal=terminal, no_color=True, soft_wrap=True)


def test_a_log_gets_lines(out: io.StringIO, clock: list[float]) -> None:
    lines = progress.listener(console(out))
    assert isinstance(lines, progress.Lines)
    lines.step_started(COPY, 3, 9)
    clock.append(4.9)
    lines.step_progress(COPY, 100, 1000)
    clock.append(5.0)
    lines.step_progress(COPY, 250, 1000)
    clock.append(6.0)
    lines.step_progress(COPY, 300, 1000)
    clock.append(20.0)
    lines.note("the task was lost")
    lines.step_ended(COPY, "done", {"created": 1000})
    lines.close()
    assert out.getvalue().splitlines() == [
        "[3/9] copy \\x1b[31mevery document of a_green",
        "  250 of 1,000 (25%), 50/s, 15.0 s left",
        "  the task was lost",
        "  done: copy \\x1b[31mevery document of a_green: 1,000 documents (20.0 s)",
    ]


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
    assert out.getvalue().splitlines()[1] == "  0 of 10 (0%), 0/s"


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


def test_a_terminal_gets_bars(out: io.StringIO) -> None:
    bars = progress.listener(console(out, terminal=True))
    assert isinstance(bars, progress.Bars)
    step = Step("reindex", "switch", "alias.a", "copy [red]it[/red]", id="1")
    bars.note("before the first step")
    bars.step_started(step, 3, 9)
    bars.step_progress(step, 10, 100)
    bars.note("a note")
    bars.step_ended(step, "done", {"created": 100})
    bars.step_started(step, 4, 9)
    bars.close()
    bars.close()
    text = out.getvalue()
    assert "[3/9] copy [red]it[/red]" in text
    assert "done: copy [red]it[/red]: 100 documents" in text
    assert "a note" in text


def test_a_force_merge_in_a_log_counts_segments(out: io.StringIO, clock: list[float]) -> None:
    lines = progress.Lines(console(out))
    lines.step_started(MERGE, 2, 6)
    for now, segments in ((4.9, 1900), (5.0, 1234), (6.0, 400), (10.0, 12)):
        clock.append(now)
        lines.step_progress(MERGE, segments, 4)
    lines.step_ended(MERGE, "done", {"segments_before": 1900, "segments": 4})
    assert out.getvalue().splitlines() == [
        "[2/6] force merge a_1",
        "  1,234 segments, target 4",
        "  12 segments, target 4",
        "  done: force merge a_1: 4 segments in place of 1,900 (10.0 s)",
    ]


def test_the_bar_of_a_force_merge_fills_as_segments_go(out: io.StringIO) -> None:
    bars = progress.Bars(console(out, terminal=True))
    bars.step_started(MERGE, 2, 6)
    drawn = []
    for segments in (20, 24, 14, 4, 3):
        bars.step_progress(MERGE, segments, 4)
        assert bars._bar
        (task,) = bars._bar.tasks
        drawn.append((task.completed, task.total, task.fields["rate"]))
    bars.step_ended(MERGE, "done", {"segments_before": 20, "segments": 4})
    assert drawn == [
        (0, 16, "20 segments, target 4"),
        (0, 20, "24 segments, target 4"),
        (10, 20, "14 segments, target 4"),
        (20, 20, "4 segments, target 4"),
        (21, 20, "3 segments, target 4"),
    ]
    assert "done: force merge a_1: 4 segments in place of 20" in out.getvalue()


def test_the_bar_of_a_merge_that_has_nothing_to_do(out: io.StringIO) -> None:
    bars = progress.Bars(console(out, terminal=True))
    bars.step_started(MERGE, 2, 6)
    bars.step_progress(MERGE, 4, 4)
    assert bars._bar
    assert bars._bar.tasks[0].total == 1, "never a total of nothing"
    bars.close()


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


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    silent = progress.Silent()
    silent.step_started(COPY, 1, 1)
    silent.step_progress(COPY, 1, 1)
    silent.step_ended(COPY, "done", {})
    silent.note("x")
    silent.close()
    assert capsys.readouterr() == ("", "")
