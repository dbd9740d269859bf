from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from esplan import live
from esplan.leftovers import Family, family_of, leftovers
from esplan.model import Index, State

JANUARY = datetime(2026, 1, 2, 6, tzinfo=UTC)


def state(*indices: Index) -> State:
    found = {one.name: one for one in indices}
    return State(found, live.aliases(found))


def found(*indices: Index) -> list[tuple[str, str, str]]:
    """Index, alias, and who serves it, of every leftover."""
    return [(one.index.name, one.alias, one.served_by) for one in leftovers(state(*indices))]


def serving(name: str, *aliases: str) -> Index:
    return Index(name, aliases={alias: {} for alias in aliases or ("a",)})


# Families


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("films_green", "films_{color}"),
        ("films-blue", "films-{color}"),
        ("films.pink", "films.{color}"),
        ("films_000007", "films_{generation}"),
        ("x-20260102t060000z", "x-{run_id}"),
        ("x-20260102t060000z-employee", "x-{run_id}-employee"),
        ("20260102t060000z", "{run_id}"),
        ("x-2_0_0-2026-01-02t06-00-00.000z", "x-2_0_0-{run_id}"),
        ("x-scheduled__2026-01-02t06-00-00+00-00", "x-{run_id}"),
        ("x-20260102-060000", "x-{run_id}"),
        ("x_20260102_060000", "x_{run_id}"),
        ("x-2026-01-02t06-00-00z-000002", "x-2026-01-02t06-00-00z-{generation}"),
    ],
)
def test_what_a_name_has_in_common_with_its_siblings(name: str, pattern: str) -> None:
    run = JANUARY if "{run_id}" in pattern else None
    assert family_of(name) == Family(pattern, run)


@pytest.mark.parametrize(
    "name",
    [
        "films",
        "evergreen",  # no separator before the colour
        "films_mauve",
        "films-12345",
        "films-1234567",
        "audit-2026",
        "x-20269999t060000z",  # looks like a run id, and is no time
        "v2_0_0",
        "",
    ],
)
def test_names_without_a_family(name: str) -> None:
    assert family_of(name) is None


# Leftovers


def test_an_old_colour() -> None:
    assert found(serving("films_blue"), Index("films_green")) == [
        ("films_green", "a", "films_blue")
    ]


def test_an_old_generation() -> None:
    assert found(serving("films-000002"), Index("films-000001")) == [
        ("films-000001", "a", "films-000002")
    ]


def test_an_older_run_and_not_a_newer_one() -> None:
    """A newer run is a release to come."""
    older, newer = Index("x-20260101t000000z"), Index("x-2026-01-03t00-00-00z")
    home = serving("x-20260102t060000z")
    assert found(older, home, newer) == [("x-20260101t000000z", "a", home.name)]


def test_a_run_id_whose_time_looks_like_a_generation() -> None:
    """Loaded an hour after the one that is served: it must not be taken for a leftover."""
    home = serving("x-20260102-060000")
    assert found(home, Index("x-20260102-070000")) == []
    assert found(home, Index("x-20260101-070000")) == [("x-20260101-070000", "a", home.name)]


def test_a_run_between_two_that_are_served_waits_for_the_older_ones_alias() -> None:
    test, prod = serving("x-20260103t000000z", "test"), serving("x-20260101t000000z", "prod")
    between, before = Index("x-20260102t000000z"), Index("x-20251231t000000z")
    for both in ((test, prod), (prod, test)):
        assert found(between, before, *both) == [(before.name, "prod", prod.name)]


def test_a_run_of_another_base_or_entity_is_none_of_these() -> None:
    home = serving("x-20260102t060000z")
    others = ("y-20260101t000000z", "x-20260101t000000z-employee", "x-2_0_0-20260101t000000z")
    assert found(home, *map(Index, others)) == []


def test_an_index_with_any_alias_is_none() -> None:
    """Another alias serves somebody; a guard alias means that an apply is at work."""
    home = serving("films_blue")
    assert found(home, serving("films_green", "reports")) == []
    mark = {"address": "alias.a", "plan": "p"}
    guarded = Index("films_green", aliases={"esplan-copy-p-1": {"is_hidden": True}}, mark=mark)
    assert found(home, guarded) == []


def test_a_sibling_of_an_index_without_alias_is_none() -> None:
    assert found(Index("films_blue"), Index("films_green")) == []


def test_the_mark_says_whose_it_was_whatever_its_name() -> None:
    mark = {"address": "alias.a", "plan": "p"}
    assert found(serving("films_blue"), Index("precious", mark=mark)) == [
        ("precious", "a", "films_blue")
    ]


@pytest.mark.parametrize("address", ["alias.b", "index.a", "a", ""])
def test_a_mark_of_something_else_says_nothing(address: str) -> None:
    assert found(serving("films_blue"), Index("precious", mark={"address": address})) == []


def test_the_index_itself_comes_along_and_the_order_is_that_of_names() -> None:
    home = serving("f_blue")
    two = (Index("f_red", uuid="r"), Index("f_green", uuid="g"))
    assert [one.index for one in leftovers(state(home, *two))] == [two[1], two[0]]


def test_nothing() -> None:
    assert leftovers(State()) == []


@pytest.mark.parametrize(
    "name",
    [
        "application-log-of-the-other-team-{}",
        "customer-2_0_0-2026-01-02t06-00-00.{:03}z-employee",
        "-".join(["ab"] * 80) + "-{}",
        "-".join(["12"] * 80) + "-{}",
        "audit-2026-01-02-{}-of-2026.01",
    ],
)
def test_thousands_of_indices_take_no_time(name: str) -> None:
    many = state(*(Index(name.format(number)) for number in range(3000)))
    began = time.process_time()
    leftovers(many)
    assert time.process_time() - began < 1
