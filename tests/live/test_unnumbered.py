"""An index without sequence numbers (version 9): what a copy of it can do, and what it is told."""

from __future__ import annotations

import re
from typing import Any

import pytest
from world import PROPERTIES, REPLICAS, World

from esplan.errors import ServerError

pytestmark = pytest.mark.live

FIRST = 9
SETTING = "index.disable_sequence_numbers"
NONE = f"it has no sequence numbers ({SETTING})"


def seeded(world: World) -> bool:
    """Whether there is such an index now; engines before version 9 refuse the setting."""
    about: dict[str, Any] = world.cluster.read("/")
    if int(about["version"]["number"].partition(".")[0]) < FIRST:
        with pytest.raises(ServerError, match=re.escape(f"unknown setting [{SETTING}]")):
            world.seed(1, disable_sequence_numbers=True)
        return False
    world.seed(2000, 3, disable_sequence_numbers=True)
    return True


def refused(world: World, **parts: object) -> str:
    return world.esplan("plan", "-d", str(world.desire(**parts)), code=4).stderr


def test_it_is_copied_and_proven_under_the_block(world: World) -> None:
    if not seeded(world):
        return
    world.make_plan()
    world.crash("after-done:03-reindex")
    world.tamper(world.blue)
    said = world.apply(code=4).stderr
    assert "1 missing: 21; 1 extra: new; 1 different: 17" in said
    world.assert_on(world.green)
    world.apply()
    world.assert_switched()
    again = world.esplan("rollback", str(world.plan), code=4).stderr
    assert "gone, so there is no way back" in again


def test_a_script_is_tried_and_proven(world: World) -> None:
    if not seeded(world):
        return
    world.make_plan(migrate={"rename": {"text": "said"}}, properties={"said": {"type": "text"}})
    world.apply()
    for one in world.documents.values():
        one["said"] = one.pop("text")
    assert world.read_documents(world.blue) == world.documents


def test_what_needs_the_numbers_is_refused_with_a_way_out(world: World) -> None:
    if not seeded(world):
        return
    said = refused(world, migrate={"writes": "catch-up"})
    assert NONE in said
    assert "migrate: {writes: block}" in said
    said = refused(world, migrate={"max_rejected": 3})
    assert NONE in said
    assert "leave them out with migrate.query" in said
    world.make_plan(finish={})
    world.apply()
    said = world.esplan("rollback", str(world.plan), code=4).stderr
    assert f"nobody can tell what clients have written to {world.blue}" in said
    assert NONE in said
    world.load(world.blue, {"new": {"flight": 1}})
    said = world.esplan("verify", world.green, world.blue, "--repair", code=4).stderr
    assert NONE in said.replace(f"{world.green} or {world.blue} has", "it has")


def test_the_new_index_may_have_them_or_not(world: World) -> None:
    if not seeded(world):
        return
    world.make_plan(settings={**REPLICAS, SETTING: False}, properties=PROPERTIES)
    world.apply()
    world.assert_on(world.blue)
