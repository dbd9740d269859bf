"""Progress in a real terminal: nothing wraps, nothing is left over, Ctrl-C explains itself."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from terminal import Terminal, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

APPLYING = Path(__file__).parent / "applying.py"
ROOT = Path(__file__).parents[2]
LONG = "customer-transactions-of-the-northern-branches-2_0_0"


@pytest.fixture(params=[80, 160])
def terminal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Terminal]:
    environ = {**plain(os.environ), "PYTHONPATH": str(ROOT)}
    with Terminal(tmp_path, environ, width=request.param, height=24) as found:
        yield found


def command(width: int, seconds: float) -> str:
    return shlex.join([sys.executable, str(APPLYING), str(width), str(seconds)])


def is_drawn(terminal: Terminal) -> bool:
    """The bar of the plan is the last line, and a step above it says how long it takes."""
    lines = [line for line in terminal.screen() if line]
    return lines[-1].startswith("plan ") and any(line.endswith(" left") for line in lines[:-1])


def test_an_apply_from_its_beginning_to_its_end(terminal: Terminal) -> None:
    before = terminal.begin(command(1, 4.0))
    terminal.until(lambda: is_drawn(terminal), "bar")
    *_, named, bar, plan = [line for line in terminal.screen() if line]
    assert named.startswith("[2/2] copy every document of customer-trans")
    assert named.endswith("while clients write")
    assert "━" in bar
    assert " of 336,776" in bar
    assert "step 2 of 2" in plan
    assert terminal.ended(before) == 0
    created, copied, result = terminal.output()
    assert created.startswith(f"  done: create {LONG}-1_blue (")
    assert copied.startswith(f"  done: copy every document of {LONG}-1_green, through")
    assert ": 336,776 documents (" in copied
    assert result == "Applied."


def test_several_objects_have_a_line_each(terminal: Terminal) -> None:
    before = terminal.begin(command(4, 6.0))
    terminal.until(lambda: is_drawn(terminal), "bar")
    lines = [line for line in terminal.screen() if line]
    assert len([line for line in lines if line.startswith("[") and "━" in line]) >= 1
    assert "of 8 steps done" in lines[-1]
    assert terminal.ended(before) == 0
    *steps, result = terminal.output()
    assert [line[:8] for line in steps] == ["  done: "] * 8
    assert result == "Applied."


def test_ctrl_c_explains_itself_and_leaves_a_clean_screen(terminal: Terminal) -> None:
    before = terminal.begin(command(2, 600.0))
    terminal.until(lambda: is_drawn(terminal), "bar")
    terminal.press("C-c")
    assert terminal.ended(before) == 0
    assert terminal.output()[2:] == [
        "  stopping at the next safe point; Ctrl-C again stops at once",
        "  nothing is undone, and what runs in the cluster goes on there",
        "  to go on: esplan apply plans/x.json (with --abandon it is taken back instead)",
        "Stopped.",
    ]
