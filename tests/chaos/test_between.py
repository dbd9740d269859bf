"""Somebody acts between any two requests of an apply: a client, a person, another apply, a kill.

A dry run shows the requests of a plot. Just before one of them, one act (`acts.py`) happens; then
esplan goes on, or is applied again as it says. At the end what was acknowledged is served, nothing
is left over, and all that was said is true (`truth.py`).

A history is told again by its words: ESPLAN_TEST_HISTORY="PLOT | NUMBER | ACT", where each part may
be a pattern (`*`). ESPLAN_TEST_SEED chooses another part of all histories; ESPLAN_TEST_HISTORIES is
how many of each plot.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from contextlib import contextmanager
from fnmatch import fnmatchcase
from random import Random
from typing import TYPE_CHECKING

import pytest
import truth
from acts import ACTS, Act
from gate import Gate, Moment, Story, nothing
from ledger import Server
from plots import PLOTS, THERE, Plot
from world import World

from esplan import state_index

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Scale, Tally

    from esplan.cluster import Cluster

pytestmark = pytest.mark.live

TRIAL = "somebody between two requests"
SEED = os.environ.get("ESPLAN_TEST_SEED", "7")
TOLD = os.environ.get("ESPLAN_TEST_HISTORY", "")
MOST = int(os.environ.get("ESPLAN_TEST_HISTORIES", "0"))
SHARES = 6
"""Tests that the whole of a plot is cut into: workers share them, and a killed run keeps some."""

SECONDS = 8.0
"""Of a plot, in the tests."""

History = tuple[Moment, Act]

LOCK = "/esplan-state/_doc/lock"
NO_DATA = ("GET /_nodes", "GET /_cluster/settings", "GET /_tasks?", "DELETE /_pit")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "share" in metafunc.fixturenames:
        whole = metafunc.config.getoption("--chaos") and not MOST
        metafunc.parametrize("share", range(SHARES) if whole else [0])


@pytest.fixture(scope="module")
def gate(url: str, cluster: Cluster) -> Iterator[Gate]:
    state_index.ensure(cluster)
    quick = {"index.translog.durability": "async"}  # nothing here is about a server's power
    cluster.change("PUT", "/esplan-state/_settings", None, quick)
    host, _, port = url.removeprefix("http://").partition(":")
    with Gate((host, int(port))) as listening:
        yield listening
    cluster.change("PUT", "/esplan-state/_settings", None, dict.fromkeys(quick))


@contextmanager
def story(outer: World, plot: Plot, gate: Gate, name: object) -> Iterator[Story]:
    """A world of its own, planned, and gone afterwards."""
    folder = outer.folder / str(name)
    folder.mkdir()
    server = Server(*gate.upstream)
    world = World(outer.cluster, outer.url, f"{outer.name}-{name}", folder)
    try:
        one = Story(world, plot, gate, server, plot.prepare(world, server))
        one.before, one.check = world.everything(), truth.check
        yield one
    finally:
        gate.before, gate.is_denied = (lambda _asked, _nth: None), nothing
        for index in world.everything():
            server.ask("DELETE", f"/{index}")
        if plot.remote:
            THERE[0].ask("DELETE", f"/{plot.pairs(world)[0][1]}")


# Which histories there are


def dry(outer: World, plot: Plot, gate: Gate, look: int) -> list[Moment]:
    """Every request of a run that nobody disturbs, and what was there at its moment."""
    with story(outer, plot, gate, f"dry{look}") as one:
        one.looking = True
        one.tell()
        truth.judge(one)
        assert [said.code for said in one.said] == [0] * len(one.said), one.said[-1]
        assert not one.wrong, one.wrong
        return one.moments


def moments(outer: World, plot: Plot, gate: Gate) -> list[Moment]:
    """Those of both of two runs: one may ask a task once more than the other.

    The first plan is made, and the second one written after it: that it can be is seen here.
    """
    first, second = (dry(outer, plot, gate, look) for look in range(2))
    common = {(one.name, one.nth) for one in second}
    return [one for one in first if (one.name, one.nth) in common]


def is_about_data(moment: Moment) -> bool:
    """Others read and write only what is esplan's own: acting before them is acting after them."""
    own = "/esplan-state" in moment.path or moment.path == "/"
    return not own and not moment.name.startswith(NO_DATA)


def histories(found: list[Moment], plot: Plot) -> list[History]:
    """Every moment with every act that means something then."""
    made = []
    for moment in found:
        for act in ACTS:
            if not act.fits(moment) or (act.pipeline and not plot.pipeline):
                continue
            if act.then and plot.line[0][0] != "apply":
                continue
            if not (act.kills or act.everywhere or is_about_data(moment)):
                continue
            if act.rarely and moment.number % 7:
                continue
            if not plot.moves and act.name.endswith("new index is made anew"):
                continue  # the model of a repair: who empties it and repairs says what is wanted
            made.append((moment, act))
    return made


def chosen(every: list[History], most: int) -> list[History]:
    """So many: the moment and the act come next that had the fewest."""
    rest = list(every)
    Random(SEED).shuffle(rest)
    tried, picked = Counter[str](), []
    while rest and len(picked) < most:
        best = min(rest, key=lambda one: (tried[str(one[0])], tried[one[1].name]))
        rest.remove(best)
        picked.append(best)
        tried.update((str(best[0]), best[1].name))
    return picked


# The trial


@pytest.mark.parametrize("plot", PLOTS.values(), ids=lambda one: one.name)
def test_between(
    world: World,
    plot: Plot,
    gate: Gate,
    scale: Scale,
    tally: Tally,
    share: int,
    request: pytest.FixtureRequest,
) -> None:
    if TOLD and not fnmatchcase(plot.name, TOLD.split("|")[0].strip()):
        pytest.skip("another history was asked for")
    if plot.remote:
        other(world, request.getfixturevalue("second_url"))
    found = moments(world, plot, gate)
    every = histories(found, plot)
    todo = chosen(told(every, plot) if TOLD else every, MOST or scale(60, 100_000))
    todo = todo[share :: scale(1, 1 if MOST else SHARES)]
    ends = time.monotonic() + (100_000 if MOST or TOLD or scale.full else SECONDS)
    wrong, missed = [], 0
    for number, (moment, act) in enumerate(todo):
        if time.monotonic() > ends:
            break
        met, complaints = history(world, plot, gate, (number, moment, act), found)
        wrong += complaints
        missed += not met
        tally.add(TRIAL, histories=met, lost=_count(complaints, "lost"), others=len(complaints))
    assert not wrong, f"seed {SEED}: {len(wrong)} wrong of {len(todo)}\n\n" + "\n\n".join(
        text for _, text in wrong
    )
    assert missed <= max(1, len(todo) // 10), f"{missed} of {len(todo)} moments did not come"


def other(world: World, url: str) -> None:
    """Another cluster, by the name that the plot gives it."""
    host, _, port = url.removeprefix("http://").partition(":")
    THERE[:] = [Server(host, int(port))]
    config = {"version": 1, "environments": {"old": {"url": url}, "new": {"url": world.url}}}
    (world.folder / "esplan.yaml").write_text(json.dumps(config))


def told(every: list[History], plot: Plot) -> list[History]:
    """Those that were asked for."""
    asked = [part.strip() for part in TOLD.split("|")]
    words = ((one, (plot.name, str(one[0].number), one[1].name)) for one in every)
    return [one for one, own in words if all(map(fnmatchcase, own, asked))]


def _count(complaints: list[tuple[str, str]], kind: str) -> int:
    return sum(one == kind for one, _ in complaints)


def history(
    outer: World, plot: Plot, gate: Gate, case: tuple[int, Moment, Act], every: list[Moment]
) -> tuple[bool, list[tuple[str, str]]]:
    """Whether its moment came, and what is wrong with it."""
    number, moment, act = case
    with story(outer, plot, gate, number) as one:
        one.at, one.act = moment, act
        one.last_look = max((at.number for at in every if "_alias/NAME" in at.name), default=0)
        one.locked = min((at.number for at in every if at.path.startswith(LOCK)), default=0)
        one.tell()
        met = one.met
        if met:
            truth.judge(one)
            anew(one)
        text = written(one)
        return met, [(kind, f"{kind.upper()} {text}\n  {said}") for kind, said in one.wrong]


def anew(one: Story) -> None:
    """What failed with a reason is planned anew, as the messages say, and succeeds."""
    assert one.act
    last = [said for said in one.said if said.code >= 0][-1]
    theirs = one.act.stays or one.act.loose or one.act.takes
    if theirs or not one.plot.anew or last.code not in (1, 4):
        return
    one.renewed, one.met = True, False
    if one.act.cure:
        one.act.cure(one)
    one.world.plan.with_name("plan.json.journal.jsonl").unlink(missing_ok=True)
    desired = str(one.world.folder / "desired.json")
    for command in (("plan", "-d", desired, "-o", "PLAN"), ("apply", "PLAN", "--auto-approve")):
        if one.run(command, one.world.url):
            one.wrong.append(("code", "a new plan does not end it"))
            return
    truth.judge(one)


def written(one: Story) -> str:
    """A history to read, and the words to tell it again."""
    assert one.at
    assert one.act
    log = [line for ledger in one.ledgers for line in ledger.log]
    parts = [
        f'ESPLAN_TEST_HISTORY="{one.plot.name} | {one.at.number} | {one.act.name}"',
        f"  before {one.at}: {one.act.name}",
        *(f"  {line}" for line in log),
        *(f"  {line}" for said in one.said for line in str(said).splitlines()),
    ]
    return "\n".join(parts)
