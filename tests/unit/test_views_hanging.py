from __future__ import annotations

import io

import pytest
from rich.console import Console

from esplan.views.hanging import hanging

LINE = "copies 336,776 documents (48.9 MB, 1 shard), then proves the copy equal"


def shown(words: str, column: int, width: int, *, terminal: bool = True) -> list[str]:
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=terminal, color_system=None, soft_wrap=True
    )
    console.print(hanging(words, column))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_what_does_not_fit_hangs_below_its_beginning() -> None:
    assert shown(LINE, 6, 50) == [
        "      copies 336,776 documents (48.9 MB, 1 shard),",
        "        then proves the copy equal",
    ]


def test_what_fits_to_the_last_column_is_one_line() -> None:
    assert shown(LINE, 6, 6 + len(LINE)) == [f"      {LINE}"]
    assert len(shown(LINE, 6, 5 + len(LINE))) == 2


def test_a_word_that_is_too_long_is_folded() -> None:
    lines = shown("a " + "x" * 100, 4, 44)
    assert all(len(line) <= 44 for line in lines)
    assert "".join(line.strip() for line in lines) == "a" + "x" * 100


def test_a_log_keeps_its_lines_whole() -> None:
    assert shown(LINE, 6, 50, terminal=False) == [f"      {LINE}"]


@pytest.mark.parametrize("width", [1, 10, 25])
def test_a_terminal_that_is_too_narrow_breaks_them_itself(width: int) -> None:
    assert "".join(shown(LINE, 6, width)).strip() == LINE
