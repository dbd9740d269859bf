"""Which tasks of clients keep the write block of an old index."""

from __future__ import annotations

from typing import Any

import pytest

from esplan.steps import settling

NAMES = {"flights", "flights_green", "all-flights"}


@pytest.mark.parametrize(
    ("description", "is_of"),
    [
        ("delete-by-query [flights]", True),
        ("update-by-query [other, flights_green] updated with Script{}", True),
        ("delete-by-query [flight*]", True),
        ("delete-by-query [all-flights]", True),
        ("delete-by-query []", True),
        ("delete-by-query [_all]", True),
        ("delete-by-query [flights_blue]", False),
        ("update-by-query [other]", False),
    ],
)
def test_whose_task_it_is(description: str, is_of: bool) -> None:  # noqa: FBT001
    assert settling._is_of({"description": description}, NAMES) is is_of


@pytest.mark.parametrize(
    "more", [{"parent_task_id": "n:1"}, {"headers": {"X-Opaque-Id": "esplan:0123:04-backfill"}}]
)
def test_parts_of_a_task_and_our_own(more: dict[str, Any]) -> None:
    task = {"description": "update-by-query [flights]", **more}
    assert not settling._is_of(task, NAMES)
