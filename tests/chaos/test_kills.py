"""SIGKILL at four points of every step of every kind, and at random times; then apply again.

In a row: one apply is killed at each of its points, one after the other, and looked at in between.
Alone: one kill, then an apply that nothing disturbs.
"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter, defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING

import processes
import pytest
from scenarios import SCENARIOS, Scenario, finish, fresh, kill, steps

from esplan.steps import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Scale, Tally
    from world import World

pytestmark = pytest.mark.live

TRIAL = "kill -9"
OTHERS = {"remote_copy", "remote_reindex", "retire_index"}
"""Kinds that need a second cluster (`test_remote_kills.py`), or a plan that copies nothing: that is
killed around each of its steps in `tests/live/test_discard.py`."""

scenarios = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda one: one.name)


@pytest.fixture(scope="module")
def counted() -> dict[str, Counter[str]]:
    """Kills by way, kind and point: a kind that many scenarios have is not killed more often."""
    return defaultdict(Counter)


@contextmanager
def trial(world: World, number: int) -> Iterator[World]:
    yield from fresh(world, number)


def wanted(done: Counter[str], scenario: Scenario, world: World, most: int) -> list[str]:
    """The points at which there were fewer kills than that; counted as done."""
    found = []
    for kind, point in scenario.points(world):
        key = f"{kind} {point.partition(':')[0]}"
        if done[key] < most:
            done[key] += 1
            found.append(point)
    return found


def test_every_kind_is_tried(world: World) -> None:
    tried = set()
    for number, scenario in enumerate(SCENARIOS.values()):
        with trial(world, number) as one:
            scenario.prepare(one)
            tried |= {kind for _, kind in steps(one)}
    assert tried == set(KINDS) - OTHERS


@scenarios
def test_in_a_row(
    world: World,
    scenario: Scenario,
    scale: Scale,
    tally: Tally,
    counted: dict[str, Counter[str]],
) -> None:
    most, number = scale(4, 40), 0
    while True:
        number += 1
        with trial(world, number) as one:
            scenario.prepare(one)
            todo = wanted(counted["row"], scenario, one, most)
            for point in todo:
                kill(one, point)
                scenario.assert_held(one)
            finish(one, scenario)
            scenario.assert_ended(one)
        tally.add(TRIAL, kills=len(todo), lost=0)
        if not todo:
            return


@scenarios
def test_alone(
    world: World,
    scenario: Scenario,
    scale: Scale,
    tally: Tally,
    counted: dict[str, Counter[str]],
) -> None:
    most, number = scale(1, 10), 0
    while True:
        number += 1
        with trial(world, number) as first:
            scenario.prepare(first)
            todo = wanted(counted["alone"], scenario, first, most)
        for at, point in enumerate(todo):
            with trial(world, number * 1000 + at) as one:
                scenario.prepare(one)
                kill(one, point)
                finish(one, scenario)
                scenario.assert_ended(one)
        tally.add(TRIAL, kills=len(todo), lost=0)
        if not todo:
            return


@scenarios
def test_at_random_times(world: World, scenario: Scenario, scale: Scale, tally: Tally) -> None:
    """Again and again, until one has come to its end before its time; each gets a little more."""
    chance, number, kills = random.Random(world.name), 0, 0
    while kills < scale(6, 72):
        number, patience = number + 1, 1.0
        with trial(world, number) as one:
            scenario.prepare(one)
            while killed_after(one, chance.uniform(0, patience)):
                scenario.assert_held(one)
                kills, patience = kills + 1, patience * 1.3
            finish(one, scenario)
            scenario.assert_ended(one)
    tally.add(TRIAL, kills=kills, at_random_times=kills, lost=0)


def killed_after(world: World, seconds: float) -> bool:
    """Whether the apply still ran then."""
    arguments = ["--url", world.url, "apply", str(world.plan), "--auto-approve"]
    process = processes.start(arguments, "killing:quick")
    try:
        time.sleep(seconds)
        process.send(signal.SIGKILL)
        return process.wait() == -signal.SIGKILL
    finally:
        process.close()
