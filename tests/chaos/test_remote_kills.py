"""SIGKILL around the copy from another cluster, by either way; then apply again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scenarios import POINTS, kill
from two import COPY, Two

if TYPE_CHECKING:
    from conftest import Scale, Tally

pytestmark = pytest.mark.live

TRIAL = "kill -9, copy from another cluster"


def test_in_a_row(two: Two, scale: Scale, tally: Tally) -> None:
    """Again and again through the points of the copy, and one apply to the end."""
    for _ in range(scale(5, 50)):
        two.seed(60)
        two.plan()
        for when in POINTS:
            kill(two.here, f"{when}:{COPY[two.via]}")
            tally.add(TRIAL, kills=1)
        two.here.apply()
        two.here.assert_on(two.here.green)
        for world in (two.here, two.there):
            world.cluster.change("DELETE", f"/{world.green}")
    tally.add(TRIAL, lost=0)
