"""What tells the documents that were touched: histograms of sequence numbers, and their edges."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from esplan.checksum.side import Part
from esplan.checksum.standing import Standing, Touched, _lost, _merged
from esplan.checksum.view import View

NUMBERS = st.sets(st.integers(0, 60))


def part(numbers: set[int], interval: int) -> Part:
    """As the server would count them."""
    lows = sorted({number // interval * interval for number in numbers})
    counted = tuple((low, len([n for n in numbers if low <= n < low + interval])) for low in lows)
    return Part(counted, interval)


@given(NUMBERS, NUMBERS, NUMBERS, st.integers(-1, 60), st.integers(1, 9))
def test_what_is_gone_below_the_mark_is_in_a_bucket_that_is_looked_at(
    old: set[int], gone: set[int], came: set[int], mark: int, interval: int
) -> None:
    """Above the mark something may come that hides what went: never at or below it."""
    new = (old - gone) | {number for number in came - old if number > mark}
    looked_at = list(_lost(part(old, interval), part(new, interval), mark))
    for number in (old & gone) - came:
        if number <= mark:
            assert number // interval * interval in looked_at


def test_a_bucket_that_kept_all_is_not_looked_at() -> None:
    assert list(_lost(part({0, 1, 5, 9}, 4), part({0, 1, 5, 9}, 4), 11)) == []
    assert list(_lost(part({0, 1, 5, 9}, 4), part({0, 1, 9}, 4), 11)) == [4]


def test_what_came_does_not_hide_what_went_beside_the_mark() -> None:
    assert list(_lost(part({4, 5}, 4), part({4, 6}, 4), 5)) == [4]


def test_neighbours_are_one_range_and_empty_ones_are_none() -> None:
    assert _merged([(0, 4), (4, 8), (12, 16), (16, 16)]) == [(0, 8), (12, 16)]
    assert _merged([(3, 3)]) == []


def standing(**parts: Any) -> Standing:
    view = View(cluster=None, index="a", marks=(), highest=(), pits=())  # type: ignore[arg-type]
    return Standing(view, view, pair=None, documents=3, **parts)  # type: ignore[arg-type]


def test_what_differs_and_nobody_touched_is_left() -> None:
    now = View(cluster=None, index="a", marks=(), highest=(), pits=())  # type: ignore[arg-type]
    since = Touched(now, {"fresh": ("h",)}, frozenset({"gone"}), 3)
    seen = standing(extra=frozenset({"fresh", "stray"}), wrong=frozenset({"gone", "bad"}))
    assert seen.differing == {"fresh", "stray", "gone", "bad"}
    assert seen.left(since) == {"stray", "bad"}
    assert len(since) == 2
