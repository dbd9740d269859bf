from __future__ import annotations

from datetime import date

import pytest

from esplan.errors import Refused
from esplan.model import Alias, Index, Naming, State
from esplan.naming import matches, next_index

TODAY = date(2026, 1, 2)


def alias(pattern: str, *colors: str) -> Alias:
    return Alias("a", naming=Naming(pattern, colors))


def state(*names: str) -> State:
    return State({name: Index(name, uuid="u", documents=3) for name in names})


@pytest.mark.parametrize(
    ("pattern", "colors", "name", "expected"),
    [
        ("f_{color}", ("green", "blue"), "f_green", True),
        ("f_{color}", ("green", "blue"), "f_red", False),
        ("f_{color}", ("green", "blue"), "f_green2", False),
        ("f_{color}", (), "f_", False),
        ("f_{color}", ("g.b",), "f_gxb", False),
        ("f.{generation}", (), "f.000001", True),
        ("f.{generation}", (), "fx000001", False),
        ("f-{generation}", (), "f-1", False),
        ("f-{date}", (), "f-2026.01.02", True),
        ("f-{date}", (), "f-2026-01-02", False),
        ("{color}-{generation}", ("a",), "a-000010", True),
        ("fixed", (), "fixed", True),
    ],
)
def test_what_a_pattern_can_make(
    pattern: str, colors: tuple[str, ...], name: str, *, expected: bool
) -> None:
    assert matches(Naming(pattern, colors), name) is expected


def test_the_first_colour_is_for_the_first_release() -> None:
    assert next_index(alias("f_{color}", "green", "blue"), None, State(), TODAY) == "f_green"


def test_the_other_colour_is_next() -> None:
    both = alias("f_{color}", "green", "blue")
    live = state("f_green")
    assert next_index(both, live.indices["f_green"], live, TODAY) == "f_blue"
    live = state("f_blue")
    assert next_index(both, live.indices["f_blue"], live, TODAY) == "f_green"


def test_a_third_colour_is_taken_when_the_second_is_in_use() -> None:
    live = state("f_green", "f_blue")
    three = alias("f_{color}", "green", "blue", "red")
    assert next_index(three, live.indices["f_green"], live, TODAY) == "f_red"


def test_a_current_index_of_another_name_leaves_every_colour() -> None:
    live = state("f_old")
    two = alias("f_{color}", "green", "blue")
    assert next_index(two, live.indices["f_old"], live, TODAY) == "f_green"


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ((), "f-000001"),
        (("f-000001", "f-000009"), "f-000010"),
        (("f-000002", "g-000005", "f-12", "f-000003x"), "f-000003"),
    ],
)
def test_the_next_generation_follows_the_highest(there: tuple[str, ...], expected: str) -> None:
    assert next_index(alias("f-{generation}"), None, state(*there), TODAY) == expected


def test_generations_are_counted_over_every_colour() -> None:
    live = state("green-000004", "blue-000007")
    both = alias("{color}-{generation}", "green", "blue")
    assert next_index(both, live.indices["blue-000007"], live, TODAY) == "green-000008"


def test_the_generation_after_the_last_one_is_still_made_by_the_pattern() -> None:
    name = None
    try:
        name = next_index(alias("f-{generation}"), None, state("f-999999"), TODAY)
    except Refused:
        return
    assert matches(Naming("f-{generation}"), name), f"{name} would be counted as nothing"


def test_the_date_of_today() -> None:
    assert next_index(alias("f-{date}"), None, State(), TODAY) == "f-2026.01.02"


def test_a_second_index_on_one_day_is_refused() -> None:
    live = state("f-2026.01.02")
    with pytest.raises(Refused, match="no name is free") as refused:
        next_index(alias("f-{date}"), live.indices["f-2026.01.02"], live, TODAY)
    assert "f-2026.01.02 exists" in str(refused.value)


def test_a_taken_name_says_by_what() -> None:
    live = State(
        {
            "f_green": Index("f_green", uuid="g"),
            "f_blue": Index("f_blue", uuid="b", documents=3),
            "f_red": Index("f_red", uuid="r", mark={"address": "alias.a", "plan": "p"}),
        },
        {"f_pink": Alias("f_pink", indices=("x",))},
    )
    four = alias("f_{color}", "green", "blue", "red", "pink")
    with pytest.raises(Refused) as refused:
        next_index(four, live.indices["f_green"], live, TODAY)
    text = str(refused.value)
    assert "f_blue exists (foreign, 3 documents, UUID b)" in text
    assert "f_red exists (made by esplan, an unknown number of documents, UUID r)" in text
    assert "f_pink is an alias" in text
    assert "f_green" not in text, "the current index is no candidate"
    assert "delete the index if it is a leftover" in refused.value.remedy


def test_a_name_held_by_an_alias_is_taken() -> None:
    live = State(aliases={"f_green": Alias("f_green", indices=("x",))})
    assert next_index(alias("f_{color}", "green", "blue"), None, live, TODAY) == "f_blue"
