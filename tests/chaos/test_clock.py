"""A wall clock that is moved by an hour while the lock is held: it decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from holding import applying, until
from world import World

if TYPE_CHECKING:
    from conftest import Scale, Tally

pytestmark = pytest.mark.live

TRIAL = "clock"

HOUR = 3600.0

POINTS = ["after-intent:01-create_index", "middle:03-reindex", "after-done:04-verify"]


@pytest.mark.parametrize("moved", [HOUR, -HOUR], ids=["ahead", "back"])
def test_a_clock_that_is_moved_has_no_effect(
    world: World, scale: Scale, tally: Tally, moved: float
) -> None:
    """Of the holder, and of a contender on another machine, which sees that the holder lives."""
    for number in range(scale(1, 12)):
        folder = world.folder / str(number)
        folder.mkdir()
        one = World(world.cluster, world.url, f"{world.name}-{number}", folder)
        one.seed(3000)
        one.make_plan(migrate={"requests_per_second": 500})
        clock_moves(one, POINTS[number % 3], moved)
        one.assert_switched()
        tally.add(TRIAL, moves=2, lost=0)


def clock_moves(world: World, point: str, moved: float) -> None:
    lease = {"lease": [60.0, 45.0, 0.5]}
    marker = world.folder / "moved"
    holder = {"point": point, "marker": str(marker), "clock": moved, "machine": "there"}
    with applying(world, **holder, **lease) as apply:
        until(lambda: marker.exists() or "03" in point or "04" in point, apply)
        until(lambda: world.cluster.read("/esplan-state/_doc/lock"), apply)
        with applying(world, machine="here", clock_now=-moved, **lease) as contender:
            assert contender.wait() == 5, contender.output()
            assert "another apply is running on this cluster" in contender.output()[1]
        assert apply.wait() == 0, apply.output()
        assert marker.exists()
