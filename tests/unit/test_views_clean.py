from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esplan.views.clean import LINES, clean, count, duration, size, value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("flights_green", "flights_green"),
        ("ünï → 🛫", "ünï → 🛫"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\rb", "a\\rb"),
        ("\x07\x00\x7f\x9b", "\\x07\\x00\\x7f\\x9b"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\ud800", "\\ud800"),
        ("\ue000", "\\ue000"),
    ],
)
def test_nothing_steers_a_terminal(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_a_message_keeps_its_lines() -> None:
    assert clean("a\nb\x1b\tc", LINES) == "a\nb\\x1b\tc"


@given(st.text(st.characters()))
def test_no_control_character_is_left(text: str) -> None:
    left = {unicodedata.category(c) for c in clean(text)}
    assert not left & {"Cc", "Cf", "Cs", "Co"}
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize(
    ("anything", "shown"),
    [
        (None, "(none)"),
        ("text", "text"),
        (True, "true"),
        (1.5, "1.5"),
        ([], "[]"),
        ({"a": "ü"}, '{"a": "ü"}'),
        ("a\nb", "a\\nb"),
        ("\x1b[2J", "\\x1b[2J"),
    ],
)
def test_values(anything: object, shown: str) -> None:
    assert value(anything) == shown


def test_a_value_is_one_short_line() -> None:
    assert value("x" * 100) == "x" * 100
    assert value("x" * 101) == "x" * 99 + "…"
    assert len(value({"a": "x" * 500})) == 100
    assert value("abcdef", longest=4) == "abc…"


@given(st.recursive(st.none() | st.text(), st.lists))
def test_any_value_is_one_short_line(anything: object) -> None:
    shown = value(json.loads(json.dumps(anything)))
    assert "\n" not in shown
    assert len(shown) <= 100


def test_counts() -> None:
    assert count(336776) == "336,776"
    assert count(0) == "0"
    assert count(None) == "an unknown number of"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (None, "unknown size"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KB"),
        (1536, "1.5 KB"),
        (1 << 20, "1.0 MB"),
        (5 * (1 << 30), "5.0 GB"),
        (1 << 40, "1.0 TB"),
        (1 << 60, "1048576.0 TB"),
    ],
)
def test_sizes(number: int | None, shown: str) -> None:
    assert size(number) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 ms"),
        (0.85, "850 ms"),
        (1, "1.0 s"),
        (12.34, "12.3 s"),
        (60, "1 min 00 s"),
        (245, "4 min 05 s"),
        (3599.7, "1 h 00 min"),
        (7620, "2 h 07 min"),
    ],
)
def test_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


@pytest.mark.parametrize(("seconds", "shown"), [(0.9999, "1.0 s"), (59.97, "1 min 00 s")])
def test_a_rounded_duration_has_the_next_unit(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown
