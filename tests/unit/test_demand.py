"""demand.py: the disk that each kind of plan needs, and where it is checked."""

from __future__ import annotations

from typing import Any

import pytest

from esplan.demand import Demand
from esplan.disk import Need
from esplan.model import Body, Index, State
from esplan.plan import Plan, Step

REPLICAS, EXPANSION = "index.number_of_replicas", "index.auto_expand_replicas"
LIVE = State({"old": Index("old", Body({REPLICAS: "2"}), documents=1, size=100)})


def step(kind: str, address: str = "alias.a", index: str = "new", **parts: Any) -> Step:
    body = parts.pop("body", None)
    whole: dict[str, Any] = {
        "request": {"method": "POST", "path": "/", "body": body},
        "arguments": {"index": index},
        "estimate": {"bytes": 100, "shards": 2},
    }
    if kind in ("create_index", "update_settings", "update_aliases"):
        whole["estimate"] = {}
    return Step(kind, "switch", address, kind, **whole | parts)


def created(address: str = "alias.a", **settings: Any) -> Step:
    return step("create_index", address, body={"settings": {REPLICAS: "0", **settings}})


def replicas(number: str | None, **more: Any) -> Step:
    return step("update_settings", body={REPLICAS: number, **more})


def need(*steps: Step, nodes: int = 9) -> Need:
    return Demand.of(Plan("p", "", "", {}, "", steps=steps), LIVE, nodes).whole()


COPY = (created(), step("reindex"))
LINK = step("resize_index", body={"settings": {REPLICAS: "0"}})


@pytest.mark.parametrize(
    ("steps", "nodes", "wanted"),
    [
        (COPY, 9, Need(100, 50)),
        ((*COPY, replicas("2")), 9, Need(300, 50, low=True)),
        ((*COPY, replicas(None)), 9, Need(200, 50, low=True)),
        ((*COPY, replicas("2")), 2, Need(200, 50, low=True)),
        ((*COPY, replicas("2")), 1, Need(100, 50)),
        ((*COPY, replicas("2")), 0, Need(300, 50, low=True)),
        ((*COPY, replicas("0", **{EXPANSION: "0-1"})), 9, Need(200, 50, low=True)),
        ((*COPY, replicas("0", **{EXPANSION: "0-all"})), 4, Need(400, 50, low=True)),
        ((*COPY, replicas("1", **{EXPANSION: "false"})), 4, Need(200, 50, low=True)),
        ((*COPY, step("force_merge")), 9, Need(200, 50)),
        ((LINK,), 9, Need(0, 0, low=True)),
        ((LINK, replicas("1")), 9, Need(100, 50, low=True)),
        ((LINK, step("force_merge")), 9, Need(100, 0, low=True)),
        ((LINK, step("backfill")), 9, Need(100, 50, low=True)),
        ((step("backfill", index="old"),), 9, Need(300, 50)),
        ((step("force_merge", index="old"),), 9, Need(300, 0)),
        ((step("force_merge", index="old"),), 2, Need(200, 0)),
        ((step("reindex", estimate={"bytes": None}),), 9, Need()),
    ],
)
def test_what_a_plan_needs(steps: tuple[Step, ...], nodes: int, wanted: Need) -> None:
    assert need(*steps, nodes=nodes) == wanted


def test_copies_stay_side_by_side_and_merges_come_one_after_the_other() -> None:
    other = (created("alias.b"), step("reindex", "alias.b", estimate={"bytes": 50, "shards": 1}))
    merges = (step("force_merge"), step("force_merge", "alias.b", estimate={"bytes": 50}))
    assert need(*COPY, *other, *merges) == Need(100 + 50 + 100, 50)


def test_the_whole_is_checked_first_and_every_object_before_its_own_first_step() -> None:
    first = step("update_settings", "alias.x", body={})
    b = (created("alias.b"), step("reindex", "alias.b"), step("force_merge", "alias.b"))
    steps = (first, *COPY, *b)
    checked = Demand.of(Plan("p", "", "", {}, "", steps=steps), LIVE, 1).checked(steps)
    fits = [[one for one in each.preconditions if one["check"] == "fits"] for each in checked]
    assert fits == [
        [Need(300, 50).precondition()],
        [Need(100, 50).precondition()],
        [],
        [Need(200, 50).precondition()],
        [],
        [],
    ]
