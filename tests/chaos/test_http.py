"""Every HTTP fault at every request of an apply, of a plan and of a look for drift.

An apply goes through a proxy that spoils one request, or all from one on. What its exit code says
must be so; then an apply without the proxy ends it, and every document is where it should be.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import processes
import pytest
from faults import FAULTS
from proxy import Aim, Answer, Asked, Mode, Proxy, names
from world import PROPERTIES, REPLICAS, World, blocks

from esplan import lock, state_index
from esplan.holder import is_dead
from esplan.plan import GUARD, digest
from esplan.planfile import canonical
from esplan.route.guard import guard_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from subprocess import CompletedProcess

    from conftest import Scale, Tally

    from esplan.cluster import Cluster

pytestmark = pytest.mark.live

TRIAL = "HTTP faults"
MODES: tuple[Mode, ...] = ("once", "alike", "for ever")
SMALL = 30
"""Documents: a trial is about its fault, not about its copy."""

SEED = 7
AGAIN = re.compile("apply the (same )?plan again")
STAYS = "are done and stay"
"""What an apply says that failed behind its switch."""

RAW = {"text": {"type": "text", "fields": {"raw": {"type": "keyword"}}}}
IN_PLACE: dict[str, Any] = {
    "properties": {**PROPERTIES, **RAW},
    "settings": {**REPLICAS, "max_result_window": 20000},
    "migrate": {"backfill": True},
}


@dataclass(frozen=True)
class Kind:
    """A plan. `end`: the index that is left, with the alias on it.

    `flight`: what that field becomes. `filled`: a field that every document has in the end.
    `stopped`: the request of an apply before, from which on there was no server.
    """

    name: str
    parts: dict[str, Any] = field(default_factory=dict)
    end: str = "blue"
    flight: str = "keyword"
    filled: str = "flight"
    stopped: str = ""

    def plan(self, world: World) -> None:
        file = str(world.desire(**self.parts))
        said = run(world.url, 0, "plan", "-d", file, "-o", str(world.plan))
        assert said.returncode == 0, said.stderr

    def has_ended(self, world: World) -> bool:
        """As the plan wants it, and nothing left over."""
        index = f"{world.name}_{self.end}"
        found = world.everything()
        if list(found) != [index] or not is_served(found[index], world):
            return False
        query = {"query": {"exists": {"field": self.filled}}}
        world.cluster.read(f"/{index}/_refresh")
        count = world.cluster.read(f"/{index}/_count", None, query)["count"]
        kind = found[index]["mappings"]["properties"]["flight"]["type"]
        return bool(count == SMALL and kind == self.flight)

    def is_as_before(self, world: World) -> bool:
        """As if nothing had been done; but a field of an index that stays cannot be taken off."""
        found = world.everything()
        return list(found) == [world.green] and is_served(found[world.green], world)


@dataclass
class Templates:
    """Plans are made once a kind, and then written for other indices: a plan takes a second."""

    made: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    def write(self, kind: Kind, world: World) -> None:
        """The plan of a seeded world."""
        uuid = world.everything()[world.green]["settings"]["index"]["uuid"]
        if kind.name not in self.made:
            kind.plan(world)
            self.made[kind.name] = (world.plan.read_text(), world.name, uuid)
            return
        text, name, before = self.made[kind.name]
        ids = (json.loads(text)["id"], token_hex(8))
        guards = [guard_name("", f"{one}_blue").removeprefix(GUARD) for one in (name, world.name)]
        for old, new in (ids, guards, (before, uuid), (name, world.name)):
            text = text.replace(old, new)
        plan = json.loads(text)
        plan["digest"] = digest({key: value for key, value in plan.items() if key != "digest"})
        world.plan.write_text(canonical(plan))


PLANS = Templates()


def is_served(index: dict[str, Any], world: World) -> bool:
    """Behind the alias, without a block or what only a copy has."""
    mine = list(index["aliases"]) == [world.name] and not blocks(index)
    return mine and "refresh_interval" not in index["settings"]["index"]


KINDS = {
    one.name: one
    for one in (
        Kind("copy"),
        Kind("catch-up", {"migrate": {"writes": "catch-up"}}),
        Kind("merge", {"finish": {"delete_old": True, "forcemerge": 1}}),
        Kind("resumed", stopped="PUT /NAME_blue/_settings"),
        Kind("in place", IN_PLACE, "green", "integer", "text.raw"),
    )
}


@dataclass(frozen=True)
class Place:
    """A request of a recorded run: the nth of its name, and which faults fit it."""

    name: str
    nth: int
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Trial:
    """One plan in a world of its own, and the fault that its apply meets."""

    world: World
    kind: Kind
    proxy: Proxy
    strange: list[str] = field(default_factory=list)

    def run(self, aim: Aim | None, *arguments: str) -> CompletedProcess[str]:
        """Through the proxy; every change of an alias is looked at."""
        self.proxy.begin(names((self.world.name, "NAME")), aim, self.look)
        return run(self.proxy.url, self.proxy.silent, *arguments)

    @property
    def apply(self) -> tuple[str, ...]:
        return ("apply", str(self.world.plan), "--auto-approve")

    def look(self, asked: Asked) -> None:
        """Nobody may see the alias on two indices, or on none."""
        if asked.path == "/_aliases" and len(self.on()) != 1:
            self.strange.append(f"the alias was on {self.on()}")

    def on(self) -> list[str]:
        found = self.world.everything().items()
        return [name for name, one in found if self.world.name in one["aliases"]]

    def assert_held(self) -> None:
        """The alias is on one index, which has every document, and always was."""
        (on,) = self.on()
        assert self.world.read_documents(on) == self.world.documents
        assert not self.strange

    def assert_true(self, said: CompletedProcess[str]) -> None:
        """The exit code, and what was said, fit what is there."""
        code, text = said.returncode, said.stdout + said.stderr
        assert "Traceback" not in text
        assert code in {0, 1, 3, 4, 5}
        self.assert_held()
        if code == 0:
            assert self.kind.has_ended(self.world), "it said that all is done"
        elif code == 3:
            assert AGAIN.search(text), "it does not say how to go on"
        elif STAYS not in text:
            assert self.kind.is_as_before(self.world), "it said that nothing is left of it"
            assert_no_task(self.world)

    def end(self) -> None:
        """Nothing disturbs it any more: it ends, or is planned anew where it was taken back."""
        said = run(self.world.url, 0, *self.apply)
        self.assert_true(said)
        if said.returncode:
            assert said.returncode != 3, "it stopped without a fault"
            self.world.plan.with_name("plan.json.journal.jsonl").unlink(missing_ok=True)
            self.kind.plan(self.world)
            said = run(self.world.url, 0, *self.apply)
        assert said.returncode == 0, said.stderr
        assert self.kind.has_ended(self.world)
        self.assert_held()
        remove_dead_lock(self.world)
        self.world.assert_quiet()


def remove_dead_lock(world: World) -> None:
    """One that could not be given back is in nobody's way: its holder is seen to be dead."""
    left = lock.read(world.cluster)
    if left:
        assert is_dead(left.holder)
        lock.remove(world.cluster, left.holder.token, lambda _note: None, force=True)


def assert_no_task(world: World) -> None:
    running = world.cluster.read("/_tasks", {"actions": "*reindex,*byquery", "detailed": "true"})
    tasks = [task for node in running["nodes"].values() for task in node["tasks"].values()]
    assert not [task for task in tasks if world.name in task.get("description", "")]


def run(url: str, silent: int, *arguments: str) -> CompletedProcess[str]:
    return processes.run([str(silent), "--url", url, *arguments], "faulty:main")


@pytest.fixture(scope="module")
def proxy(url: str, cluster: Cluster) -> Iterator[Proxy]:
    state_index.ensure(cluster)
    quick = {"index.translog.durability": "async"}  # nothing here is about a server's power
    cluster.change("PUT", "/esplan-state/_settings", None, quick)
    host, _, port = url.removeprefix("http://").partition(":")
    with Proxy((host, int(port))) as listening:
        yield listening
    cluster.change("PUT", "/esplan-state/_settings", None, dict.fromkeys(quick))


@contextmanager
def trial(world: World, kind: Kind, proxy: Proxy, number: object) -> Iterator[Trial]:
    """Made, planned, and gone afterwards."""
    folder = world.folder / str(number)
    folder.mkdir()
    own = World(world.cluster, world.url, f"{world.name}-{number}", folder)
    own.seed(SMALL)
    PLANS.write(kind, own)
    one = Trial(own, kind, proxy)
    try:
        if kind.stopped:
            aim = Aim(kind.stopped, 1, FAULTS["refused"], "for ever")
            assert one.run(aim, *one.apply).returncode == 3
        yield one
    finally:
        for index in own.everything():
            own.cluster.change("DELETE", f"/{index}")


# What is tried


def places(seen: list[tuple[Asked, Answer]]) -> list[Place]:
    """Every request, of the polls of a task the first, and the faults that fit it."""
    counted = Counter[str]()
    found = []
    for asked, answer in seen:
        counted[asked.name] += 1
        if asked.path.startswith("/_tasks/") and counted[asked.name] > 1:
            continue
        fits = tuple(name for name, one in FAULTS.items() if one.fits(asked, answer))
        found.append(Place(asked.name, counted[asked.name], fits))
    return found


def chosen(found: list[Place], most: int) -> list[tuple[Place, str, Mode]]:
    """So many: the request and the fault come next that had the fewest; or the whole product.

    That is without `alike`, which lies between the other two: the samples have it.
    """
    rest = [(place, fault, mode) for place in found for fault in place.faults for mode in MODES]
    Random(SEED).shuffle(rest)
    if most >= len(rest):
        return [one for one in rest if one[2] != "alike"]
    tried, picked = Counter[str](), []
    for _ in range(most):
        best = min(rest, key=lambda one: (tried[one[0].name], tried[one[1]], tried[one[2]]))
        rest.remove(best)
        picked.append(best)
        tried.update((best[0].name, *best[1:]))
    return picked


# The trials


SHARES = 8
"""Tests that the whole of a trial is cut into: workers share them, and a killed run keeps some."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "share" in metafunc.fixturenames:
        whole = metafunc.config.getoption("--chaos")
        metafunc.parametrize("share", range(SHARES) if whole else [None])


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_an_apply(
    world: World, kind: Kind, proxy: Proxy, scale: Scale, tally: Tally, share: int | None
) -> None:
    remove_dead_lock(world)  # of another test: taking it over takes more requests
    found = [recorded(world, kind, proxy, f"recorded-{look}") for look in range(2)]
    always = [place for place in found[0] if place in found[1]]
    most = scale(60, 10_000) if kind.name == "copy" else scale(5, 300)
    todo = chosen(always, most)[share :: scale(1, SHARES)]
    tries = [disturbed(world, kind, proxy, (number, *one)) for number, one in enumerate(todo)]
    for one in tries:
        tally.add(TRIAL, trials=bool(one.faults), faults=one.faults, lost=0)
    wrong = [one.wrong for one in tries if one.wrong]
    assert not wrong, f"{len(wrong)} wrong\n" + "\n\n".join(wrong)
    missed = [one.name for one in tries if not one.faults]
    assert len(missed) <= max(1, len(todo) // 50), f"no fault came to pass: {missed}"


def recorded(world: World, kind: Kind, proxy: Proxy, name: str) -> list[Place]:
    """What an apply asks without a fault; one look may have a poll more than another."""
    with trial(world, kind, proxy, name) as one:
        assert one.run(None, *one.apply).returncode == 0
        one.assert_held()
        return places(proxy.seen)


@dataclass(frozen=True)
class Try:
    """What came of one fault; none came to pass where a request was not sent this time.

    Whether a task is asked for a second time is a matter of milliseconds.
    """

    name: str
    faults: int
    wrong: str


def disturbed(world: World, kind: Kind, proxy: Proxy, case: tuple[int, Place, str, Mode]) -> Try:
    """An apply with one fault, and one without that ends it."""
    number, place, fault, mode = case
    name, wrong, said, faults = f"{mode} {fault} at {place.name} #{place.nth}", "", None, 0
    with trial(world, kind, proxy, number) as one:
        try:
            said = one.run(Aim(place.name, place.nth, FAULTS[fault], mode), *one.apply)
            faults = len(proxy.injected)
            assert faults or said.returncode == 0, "it failed without a fault"
            one.assert_true(said)
            one.end()
        except AssertionError as error:
            wrong = f"{name}: {error}\n{said.stderr if said else ''}"
    return Try(name, faults, wrong)


# A plan, and a look for drift: they only read, so a fault ends them, or changes nothing


def planned(world: World) -> Any:
    """What a plan would do; without estimates, which may be missing."""
    plan = json.loads(world.plan.read_text())
    changes = [(one["address"], one["action"]) for one in plan["changes"]]
    steps = [(one["kind"], one["description"].partition(",")[0]) for one in plan["steps"]]
    return changes, steps


def check_plan(one: Trial, said: CompletedProcess[str], right: Any) -> None:
    """Never a plan from half an answer; never "No changes" where there are some."""
    assert "Traceback" not in said.stderr
    assert said.returncode in {0, 1, 4}
    if said.returncode:
        assert not one.world.plan.exists(), "a plan from a partial answer"
        assert "No changes" not in said.stdout
    else:
        assert planned(one.world) == right


def check_drift(_one: Trial, said: CompletedProcess[str], right: Any) -> None:
    """Never "no drift" where there is some."""
    assert "Traceback" not in said.stderr
    assert said.returncode in {1, 2, 4}
    if said.returncode == 2:
        assert said.stdout == right


def test_a_plan(world: World, proxy: Proxy, scale: Scale, tally: Tally) -> None:
    with trial(world, KINDS["merge"], proxy, "plan") as one:
        right = planned(one.world)
        command = ("plan", "-d", str(one.world.desire(**one.kind.parts)), "-o", str(one.world.plan))
        wrong = reads(one, command, (check_plan, right), scale(20, 100_000), tally)
    assert not wrong, "\n\n".join(wrong)


def test_a_look_for_drift(world: World, proxy: Proxy, scale: Scale, tally: Tally) -> None:
    with trial(world, Kind("drift"), proxy, "drift") as one:
        command = ("drift", "-d", str(one.world.desire()))
        found = one.run(None, *command)
        assert found.returncode == 2
        wrong = reads(one, command, (check_drift, found.stdout), scale(15, 100_000), tally)
    assert not wrong, "\n\n".join(wrong)


def reads(
    one: Trial,
    command: tuple[str, ...],
    check: tuple[Callable[[Trial, CompletedProcess[str], Any], None], Any],
    most: int,
    tally: Tally,
) -> list[str]:
    """Every fault at every request of a command; what went wrong."""
    one.run(None, *command)
    wrong = []
    for place, fault, mode in chosen(places(one.proxy.seen), most):
        one.world.plan.unlink(missing_ok=True)
        said = one.run(Aim(place.name, place.nth, FAULTS[fault], mode), *command)
        try:
            assert one.proxy.injected
            check[0](one, said, check[1])
        except AssertionError as error:
            wrong.append(f"{mode} {fault} at {place.name} #{place.nth}: {error}\n{said.stderr}")
        tally.add(TRIAL, trials=1, faults=len(one.proxy.injected), lost=0)
    return wrong
