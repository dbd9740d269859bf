"""What `esplan init` writes is planned and applied at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from world import World

pytestmark = pytest.mark.live


def test_the_start_is_planned_and_applied(world: World) -> None:
    world.esplan("init")
    world.esplan("validate", "desired/")
    example = Path("desired/example.yaml")
    example.write_text(
        example.read_text()
        .replace("classes", world.name)
        .replace("number_of_replicas: 1\n", "number_of_replicas: 0\n")  # one node
    )
    planned = world.esplan("plan", "-d", "desired/", "--env", "dev", "-o", "plans/first.json")
    assert "1 to create, 0 to update, 0 to replace, 0 to delete" in planned.stdout
    world.esplan("apply", "plans/first.json", "--auto-approve", "--env", "dev")
    assert list(world.everything()) == [world.green]
    again = world.esplan("plan", "-d", "desired/", "--env", "dev", "--detailed-exitcode")
    assert "No changes" in again.stdout
