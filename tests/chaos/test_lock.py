"""Races for the lock, and holders that are stopped past their lease and woken."""

from __future__ import annotations

import shutil
import signal
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from holding import applying, stopped, until
from world import SENT, World

from esplan import lock
from esplan.journal import beside, open_journal
from esplan.planfile import read as read_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    import processes
    from conftest import Scale, Tally

pytestmark = pytest.mark.live

TRIAL = "lock races"

POINTS = ["before-intent", "after-intent", "in-send", "after-request", "before-done", "after-done"]

STOPS = [
    f"{when}:{step}"
    for step in SENT
    for when in POINTS
    if (when, step) not in {("in-send", "04-verify"), ("after-done", "08-delete_index")}
]

SHORT = [3.0, 2.0, 0.5]
"""A lease that a race can outlast."""

LOST = [
    "the lock was lost: it was removed, or taken over and given back",
    "the lock was lost: it was taken over by",
    "the lock could not be renewed for 2 seconds",
    "the lock was taken over by another apply: the cluster refused this one's change",
]
"""How a holder says that it is none any more."""

HELD = "another apply is running on this cluster"


@pytest.fixture
def worlds(world: World) -> Callable[[], World]:
    """One after the other, each with a folder of its own and a plan."""
    made: list[World] = []

    def more() -> World:
        folder = world.folder / str(len(made))
        folder.mkdir()
        made.append(World(world.cluster, world.url, f"{world.name}-{len(made)}", folder))
        made[-1].seed(200)
        made[-1].make_plan()
        return made[-1]

    return more


def late_holder(world: World, point: str, **options: Any) -> Any:
    """An apply that has stopped itself at a point, with a short lease, on another machine."""
    return stopped(world, point, **({"lease": SHORT, "machine": "there"} | options))


def token(world: World) -> str:
    seen = lock.read(world.cluster)
    return seen.holder.token if seen else ""


def assert_one_journal(plan: Path, again: str = "") -> None:
    """Whole, ended once, no step sent twice; but for one `again` whose outcome was not known."""
    records = open_journal(beside(plan), read_plan(plan).digest).records
    events = [(one.event, one.step) for one in records]
    assert [one for one in events if one[0] in ("intent", "end")].count(("end", "")) == 1
    intents = Counter(step for event, step in events if event == "intent")
    assert intents
    assert {step for step, times in intents.items() if times > 1} <= {again}
    assert intents[again] <= 2


# At once


@pytest.mark.parametrize("number", [2, 8])
def test_of_many_applies_of_one_plan_one_works(
    worlds: Callable[[], World], scale: Scale, tally: Tally, number: int
) -> None:
    for race in range(scale(2, 30)):
        world = worlds()
        machines = {"machine": f"{race}"} if race % 2 else {}
        codes = at_once([world] * number, lease=[60.0, 45.0, 0.5], **machines)
        assert codes.count(0) >= 1
        assert set(codes) <= {0, 5}
        assert_one_journal(world.plan)
        world.assert_switched()
        tally.add(TRIAL, races=1, lost=0, refused=codes.count(5))


@pytest.mark.parametrize("number", [2, 8])
def test_of_many_plans_one_works_at_a_time(
    worlds: Callable[[], World], scale: Scale, tally: Tally, number: int
) -> None:
    for _ in range(scale(int(number == 2), 15)):
        made = [worlds() for _ in range(number)]
        codes = at_once(made)
        assert codes.count(0) >= 1
        assert set(codes) <= {0, 5}
        for world, code in sorted(zip(made, codes, strict=True), key=lambda one: one[1]):
            (world.assert_on(world.green) if code else world.assert_switched())
        if 5 in codes:  # the last of them was refused
            world.apply()
            world.assert_switched()
        tally.add(TRIAL, races=1, lost=0, refused=codes.count(5))


def at_once(worlds: list[World], **options: Any) -> list[int]:
    """The exit codes of applies that begin in the same moment."""
    go, machine = worlds[0].folder / "go", options.pop("machine", "")
    with ExitStack() as stack:
        started = []
        for number, world in enumerate(worlds):
            own = {"machine": f"{machine} {number}"} if machine else {}
            started.append(stack.enter_context(applying(world, go=str(go), **options, **own)))
        time.sleep(0.1)
        go.touch()
        return [done_or_refused(one) for one in started]


def done_or_refused(process: processes.Process) -> int:
    """Who is refused is told who holds the lock."""
    code, said = process.wait(), process.output()[1]
    assert code in (0, 5), said
    assert "Traceback" not in said
    assert code == 0 or (HELD in said and ", pid " in said and "esplan unlock" in said)
    return code


# Stopped past the lease, and woken


def chosen(scale: Scale, part: int) -> list[str]:
    """Some of the stops: every so-maniest, the last ones included."""
    return STOPS if scale.full else STOPS[-1 :: -(len(STOPS) // part)][:part]


@pytest.mark.parametrize("shared", [True, False], ids=["one-folder", "two-hosts"])
def test_a_holder_that_wakes_after_its_lease_changes_nothing(
    worlds: Callable[[], World], scale: Scale, tally: Tally, *, shared: bool
) -> None:
    """Another has taken the same plan over: with the same files, or on another host."""
    for number, point in enumerate(chosen(scale, 2)):
        world = worlds()
        plan = world.plan if shared else elsewhere(world)
        with late_holder(world, point) as late:
            taken_over(world, plan, late, while_it_works=number % 2 == 0)
            assert_lost(late, point)
        world.assert_switched()
        assert_one_journal(plan, again=point.partition(":")[2])
        assert "Nothing to do: everything in this plan is done." in world.apply().stdout
        tally.add(TRIAL, races=1, lost=0, woken=1)


def elsewhere(world: World) -> Path:
    """The plan in a folder of another host."""
    folder = world.folder / "elsewhere"
    folder.mkdir()
    return Path(shutil.copy(world.plan, folder))


def taken_over(
    world: World, plan: Path, late: processes.Process, *, while_it_works: bool = False
) -> None:
    """A contender takes the lock over and finishes; the holder is woken meanwhile, or after."""
    before = token(world)
    with applying(world, plan, lease=SHORT, machine="here") as contender:
        if while_it_works:
            until(lambda: token(world) not in ("", before), contender)
            late.send(signal.SIGCONT)
        code = contender.wait()
        said = contender.output()[1]
        assert code == 0, said
        assert "watching whether it still lives (3 s)" in said
        assert "took over the lock of a holder that is gone" in said
    late.send(signal.SIGCONT)


def assert_lost(late: processes.Process, point: str) -> str:
    code, (out, said) = late.wait(), late.output()
    assert code == 3, f"{point}: {code}\n{out}\n{said}"
    assert any(one in said for one in LOST), f"{point}: {said}"
    assert "Traceback" not in said
    return said


# The fence


FENCED = ["07-update_aliases", "08-delete_index"]


@pytest.mark.parametrize("step", FENCED)
def test_the_fence_alone_refuses_a_late_switch_and_a_late_delete(
    worlds: Callable[[], World], scale: Scale, tally: Tally, step: str
) -> None:
    """Nothing else stands in the way: it checks nothing, and nobody has touched its object."""
    for _ in range(scale(1, 10)):
        world, other = worlds(), worlds()
        with late_holder(world, f"in-send:{step}", blind=True) as late:
            before = world.everything()
            taken_over(other, other.plan, late)
            said = assert_lost(late, step)
        assert LOST[-1] in said
        assert {n: i["aliases"] for n, i in world.everything().items()} == {
            n: i["aliases"] for n, i in before.items()
        }
        other.assert_switched()
        world.apply()
        world.assert_switched()
        tally.add(TRIAL, races=1, lost=0, fenced=1)


def test_without_the_fence_they_would_go_through(worlds: Callable[[], World], scale: Scale) -> None:
    """So that the test above shows something."""
    for step in FENCED[: scale(1, 2)]:
        world, other = worlds(), worlds()
        with late_holder(world, f"in-send:{step}", blind=True, unfenced=True) as late:
            taken_over(other, other.plan, late)
            late.wait()
        assert list(indices := world.everything()) == [world.blue]
        assert world.name in indices[world.blue]["aliases"]


# What is said of a lock


def test_a_lock_that_was_removed_is_said_to_be(worlds: Callable[[], World]) -> None:
    world = worlds()
    with late_holder(world, "after-intent:03-reindex", lease=[60.0, 45.0, 0.2]) as holder:
        shown = world.esplan("status").stdout
        assert f"pid {holder.pid}, since" in shown
        held = token(world)
        assert held in world.esplan("unlock", held, "--force").stdout + shown
        holder.send(signal.SIGCONT)
        assert LOST[0] in assert_lost(holder, "removed")
    world.apply()
    world.assert_switched()


def test_a_lock_that_was_stolen_is_said_to_be(worlds: Callable[[], World]) -> None:
    world, other = worlds(), worlds()
    with (
        late_holder(world, "after-intent:03-reindex", lease=[60.0, 45.0, 0.2]) as late,
        late_holder(other, "before-intent:03-reindex", machine="here") as contender,
    ):
        late.send(signal.SIGCONT)
        assert f"{LOST[1]} " in (said := assert_lost(late, "stolen"))
        assert f"pid {contender.pid}, since" in said
        contender.send(signal.SIGKILL)
        contender.wait()
    for one in (world, other):
        one.esplan("--url", one.url, "status")
        with applying(one, lease=SHORT) as again:
            assert again.wait() == 0, again.output()
        one.assert_switched()


def test_a_lock_that_cannot_be_renewed_expires(worlds: Callable[[], World]) -> None:
    """The cluster answers every read, and takes no renewal: it is not held for that."""
    world = worlds()
    world.make_plan(migrate={"requests_per_second": 20})
    with applying(world, lease=SHORT, machine="there", lock="dropped") as holder:
        assert holder.wait() == 3, holder.output()
        assert LOST[2] in holder.output()[1]
    world.esplan("throttle", str(world.plan), "off")
    world.apply()
    world.assert_switched()


@pytest.mark.parametrize("fate", ["lost", "unheard"])
def test_a_lock_whose_answers_are_lost_is_held(worlds: Callable[[], World], fate: str) -> None:
    """It reads the document, and finds that it is its own."""
    world = worlds()
    world.make_plan(migrate={"requests_per_second": 50})
    began = time.monotonic()
    with applying(world, lease=SHORT, machine="there", lock=fate) as holder:
        assert holder.wait() == 0, holder.output()
    assert time.monotonic() - began > SHORT[1], "too short to show anything"
    world.assert_switched()


def test_a_lock_that_is_given_back_is_taken(worlds: Callable[[], World]) -> None:
    """The contender watches a holder that ends meanwhile."""
    world, other = worlds(), worlds()
    with (
        late_holder(world, "before-done:08-delete_index", lease=[60.0, 45.0, 30.0]) as holder,
        applying(other, machine="here", lease=[60.0, 45.0, 30.0]) as contender,
    ):
        until(lambda: "watching whether" in contender.output()[1], contender)
        holder.send(signal.SIGCONT)
        assert holder.wait() == 0, holder.output()
        assert contender.wait() == 0, contender.output()
    for one in (world, other):
        one.assert_switched()
