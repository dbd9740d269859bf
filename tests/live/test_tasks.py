"""A client's task that works on the old index: the write block is not lifted under it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from world import World, blocks

from esplan import planfile
from esplan.commands.apply import apply
from esplan.errors import Stopped
from esplan.steps import settling
from esplan.views.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.live

KEPT: dict[str, Any] = {"finish": {"delete_old": False}}


@pytest.fixture
def task(world: World) -> Iterator[str]:
    """A throttled task over the alias: it pauses for 20 seconds after each 10 documents."""
    world.seed(30)
    world.make_plan(**KEPT)
    slow = {"wait_for_completion": "false", "scroll_size": "10", "requests_per_second": "0.5"}
    body = {"query": {"match_all": {}}}
    path = f"/{world.name}/_delete_by_query"
    begun = world.cluster.change("POST", path, {**slow, "conflicts": "proceed"}, body)["task"]
    yield begun
    _end(world, begun)


def _end(world: World, task: str) -> None:
    world.cluster.change("POST", f"/_tasks/{task}/_cancel", {"wait_for_completion": "true"})


@pytest.mark.usefixtures("folder")
def test_a_task_of_a_client_keeps_the_write_block(
    world: World, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it deleted after the switch would be deleted in the old index alone."""
    monkeypatch.setattr(settling, "PATIENCE", 0.5)
    with pytest.raises(Stopped, match=r"delete/byquery \(.*\) may still change") as error:
        apply(world.cluster, planfile.read(world.plan), world.plan, Silent())
    assert f"{world.green} stays write-blocked" in str(error.value)
    found = world.everything()
    assert world.name in found[world.blue]["aliases"]
    assert blocks(found[world.green]) == {"write": "true"}
    before = len(world.read_documents(world.green))
    _end(world, task)
    world.apply()
    assert len(world.read_documents(world.green)) == before == len(world.read_documents(world.blue))
    assert blocks(world.everything()[world.green]) == {}


@pytest.mark.usefixtures("folder")
def test_the_write_block_ends_it(world: World, task: str) -> None:
    """It is waited for: its next batch meets the block, and the client is told."""
    apply(world.cluster, planfile.read(world.plan), world.plan, Silent())
    answer = world.cluster.read(f"/_tasks/{task}")
    assert answer["completed"]
    assert "cluster_block_exception" in str(answer)
    assert blocks(world.everything()[world.green]) == {}
