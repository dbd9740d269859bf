"""What a terminal shows: frames at 80 and 160 columns, as goldens under `screens`."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from esplan.plan import Plan, Step, ordered
from esplan.views import progress
from esplan.views.progress import meter as meters
from esplan.views.progress.screen import bar, fitting, row
from esplan.views.progress.work import Work

SCREENS = Path(__file__).parent / "screens"
ROUGH = {"seconds": 30.0, "range": [13.0, 89.0]}
SIZE = {"documents": 336_776, "bytes": 51_275_366}
LONG_NAME = "customer-transactions-of-the-northern-branches-2_0_0-20261121t060000z"
STEPS = ordered(
    [
        Step("create_index", "prepare", "alias.flights", "create the index flights_blue"),
        Step(
            "reindex",
            "switch",
            "alias.flights",
            "copy every document of flights_green",
            estimate=ROUGH | SIZE,
        ),
        Step(
            "verify",
            "switch",
            "alias.flights",
            "prove that flights_blue equals flights_green by a keyed checksum of every document",
            estimate=SIZE | {"seconds": 3.0},
        ),
        Step("await_health", "switch", "alias.flights", "wait until flights_blue is green"),
        Step(
            "force_merge",
            "finish",
            "alias.flights",
            f"force merge {LONG_NAME} to 1 segment a shard",
            estimate={"seconds": 9.0},
        ),
    ]
)
PLAN = Plan("id", "now", "1", {}, "", steps=STEPS)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds; the last one is now."""
    now = [0.0]
    monkeypatch.setattr(meters.time, "monotonic", lambda: now[-1])
    return now


def terminal(width: int, *, color: bool = False) -> Console:
    return Console(
        file=io.StringIO(),
        width=width,
        height=24,
        force_terminal=True,
        color_system="standard" if color else None,
        soft_wrap=True,
        highlight=False,
        legacy_windows=False,
    )


def frames(bars: progress.Bars, clock: list[float], width: int) -> list[list[Text]]:
    """Moments of one apply, one after the other."""
    found = []

    def look(seconds: float) -> None:
        clock.append(seconds)
        found.append(bars.frame(width, 24))

    bars.position.start(STEPS[0], 1, 5)
    look(2.0)
    bars.position.end(STEPS[0])
    bars.position.start(STEPS[1], 2, 5)
    look(4.0)
    for seconds, done in ((5, 0), (15, 141_000), (26, 336_776)):
        clock.append(float(seconds))
        bars.step_progress(STEPS[1], done, 336_776)
        look(float(seconds))
    bars.position.end(STEPS[1])
    bars.position.start(STEPS[2], 3, 5)
    for seconds, done in ((27, 0), (28, 300_000)):
        clock.append(float(seconds))
        bars.step_progress(STEPS[2], done, 673_552)
    look(28.0)
    bars.position.end(STEPS[2])
    bars.position.start(STEPS[3], 4, 5)
    bars.step_progress(STEPS[3], 1, 2)
    look(31.0)
    bars.position.end(STEPS[3])
    bars.position.start(STEPS[4], 5, 5)
    bars.step_progress(STEPS[4], 1_900, 4)
    bars.step_progress(STEPS[4], 1_234, 4)
    look(250.0)
    return found


def together(bars: progress.Bars, clock: list[float], width: int, height: int = 24) -> list[Text]:
    """Eight objects side by side."""
    for number in range(1, 9):
        step = replace(STEPS[1], id=f"{number:02d}", address=f"alias.a{number}")
        said = f"copy every document of {LONG_NAME[: 10 * number]}_green"
        bars.position.start(replace(step, description=said), number, 40)
        clock.append(float(number))
        bars.step_progress(step, 0, 336_776)
    clock.append(20.0)
    for number in range(1, 8):
        bars.step_progress(replace(STEPS[1], id=f"{number:02d}"), 40_000 * number, 336_776)
    return bars.frame(width, height)


@pytest.mark.parametrize("color", [False, True], ids=["plain", "color"])
@pytest.mark.parametrize("width", [80, 160])
def test_what_is_on_the_screen(
    clock: list[float], request: pytest.FixtureRequest, *, width: int, color: bool
) -> None:
    console = terminal(width, color=color)
    for number, frame in enumerate(frames(progress.Bars(console, PLAN), clock, width - 4)):
        console.print(Text(f"-- {number + 1}"), *frame, sep="\n")
    clock.append(0.0)
    steps = tuple(replace(STEPS[1], id=f"{n:02d}", address=f"alias.a{n}") for n in range(1, 41))
    side_by_side = progress.Bars(console, replace(PLAN, steps=steps), width=8)
    console.print(Text("-- side by side"), *together(side_by_side, clock, width - 4), sep="\n")
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    golden = SCREENS / f"progress-{width}{'-color' * color}.txt"
    if request.config.getoption("--update-goldens"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [1, 5, 20, 40, 76, 156])
def test_no_line_is_wider_than_the_terminal(clock: list[float], width: int) -> None:
    bars = progress.Bars(terminal(width), PLAN)
    lines = [line for frame in frames(bars, clock, width) for line in frame]
    lines += together(progress.Bars(terminal(width), PLAN, width=8), clock, width)
    assert len(lines) > 20
    assert [line.plain for line in lines if line.cell_len > width] == []


@pytest.mark.parametrize("height", [1, 3, 6, 22])
def test_what_does_not_fit_is_counted(clock: list[float], height: int) -> None:
    bars = progress.Bars(terminal(80), PLAN, width=8)
    lines = together(bars, clock, 76, height)
    steps = [one for one in lines if one.plain.startswith("[")]
    rest = [one.plain for one in lines if " more" in one.plain]
    assert len(steps) == min(max(height - 2, 1), 8)
    assert rest == [f"      and {8 - len(steps)} more"] * (len(steps) < 8)
    assert lines[-1].plain.startswith("plan")


def test_a_terminal_that_knows_no_lines_gets_signs(clock: list[float]) -> None:
    bars = progress.Bars(Console(file=io.TextIOWrapper(io.BytesIO(), "ascii")), PLAN)
    plain = "\n".join(line.plain for frame in frames(bars, clock, 76) for line in frame)
    assert "####---" in plain
    assert "━" not in plain


def test_a_terminal_gets_bars(clock: list[float]) -> None:
    console = terminal(120)
    bars = progress.listener(console)
    assert isinstance(bars, progress.Bars)
    assert clock
    step = Step("reindex", "switch", "alias.a", "copy [red]it[/red]", id="1")
    bars.note("before the first step")
    bars.step_started(step, 3, 9)
    bars.step_progress(step, 10, 100)
    bars.note("a note")
    bars.step_ended(step, "done", {"created": 100})
    bars.step_started(step, 4, 9)
    bars.close()
    bars.close()
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "[3/9] copy [red]it[/red]" in text
    assert "done: copy [red]it[/red]: 100 documents" in text
    assert "a note" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1, "the cursor is there again"


def test_what_has_not_changed_is_not_drawn_again(clock: list[float]) -> None:
    console = terminal(80)
    bars = progress.Bars(console, PLAN)
    bars.step_started(STEPS[1], 2, 5)
    assert isinstance(console.file, io.StringIO)
    before = console.file.tell()
    for _ in range(10):
        bars._screen.draw()
    assert console.file.tell() == before
    clock.append(1.0)
    bars._screen.draw()
    assert console.file.tell() > before
    bars.close()


def test_a_step_that_takes_no_time_is_not_drawn(clock: list[float]) -> None:
    console = terminal(80)
    bars = progress.Bars(console, PLAN)
    bars.step_started(STEPS[0], 1, 5)
    bars.step_ended(STEPS[0], "done", {})
    bars.close()
    assert clock
    assert isinstance(console.file, io.StringIO)
    assert "[1/5]" not in console.file.getvalue()


@pytest.mark.parametrize(("terminal_", "looked_at"), [(False, True), (True, False)])
def test_colours_alone_make_no_terminal(*, terminal_: bool, looked_at: bool) -> None:
    """FORCE_COLOR in CI: escape sequences that move the cursor would fill the log."""
    console = Console(file=io.StringIO(), force_terminal=terminal_)
    assert isinstance(progress.listener(console, looked_at=looked_at), progress.Lines)


def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(progress.listener(terminal(80)), progress.Lines)


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [
        ("short", 10, "short"),
        ("copy every document of a_green", 16, "copy ev…a_green"),
        ("copy every document of a_green", 30, "copy every document of a_green"),
        ("copy every document of a_green", 29, "copy every doc…ent of a_green"),
        ("航空会社の索引_green", 12, "航空…_green"),
        ("abc", 2, "ab"),
        ("abc", 0, ""),
    ],
)
def test_a_name_is_shortened_in_the_middle(text: str, width: int, short: str) -> None:
    assert fitting(text, width) == short
    assert cell_len(short) <= width


@pytest.mark.parametrize(("part", "drawn"), [(0, "────"), (0.5, "━━──"), (1, "━━━━")])
def test_a_bar(part: float, drawn: str) -> None:
    assert bar(part, 4).plain == drawn


def test_the_longest_that_fits_is_said() -> None:
    said = ["all of it and more", "all of it", "all"]
    assert row("x ", 0.5, said, 36).plain == "x ━━──  50%  all of it and more"
    assert row("x ", 0.5, said, 27).plain == "x ━━─  50%  all of it"
    assert row("x ", 0.5, said, 18).plain == "x ━─  50%  all"
    assert row("x ", None, said, 20).plain == "x all of it and more"


def test_work_is_drawn_and_nothing_of_it_stays(clock: list[float]) -> None:
    console = terminal(60)
    work = Work(progress.Bars(console), console)
    work("starting the [red]server[/red]", None)
    clock.append(3.0)
    work("loading 336,776 flights", 0.25)
    work.close()
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "starting the [red]server[/red]  1 s so far" in text
    assert "loading 336,776 flights  ━━────  25%" in text
    assert text.endswith("\x1b[1A\x1b[2K"), "the line is taken away"
