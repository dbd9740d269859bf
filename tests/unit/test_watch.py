"""When windows and hooks are asked and told in an apply, on a cluster in memory.

The hooks are not run here: what they would be given is recorded. test_hooks.py runs some.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from esplan import apply as engine
from esplan import checksum, hooks, normalize
from esplan.commands import apply as commands
from esplan.commands.plan import plan as make_plan
from esplan.desired import Desired
from esplan.environment import Environment
from esplan.errors import EsplanError, Refused, Stopped
from esplan.hooks import EVENTS, Hook, Ran
from esplan.journal import beside, open_journal
from esplan.model import Alias, Finish, Migrate, Naming, State
from esplan.policy import Policy
from esplan.run import Run
from esplan.views.progress import Silent
from esplan.watch import Watch
from esplan.windows import schedule

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from esplan.plan import Plan

SETTINGS = {
    "index.number_of_shards": "1",
    "index.number_of_replicas": "0",
    "index.auto_expand_replicas": "0-1",
}
KINDS = ["create_index", "block_writes", "reindex", "verify", "update_settings", "await_health"]
"""Of one alias, up to the switch."""

SWITCH = [*KINDS[1:], "update_aliases"]
EVENING = {"days": ["tue"], "from": "19:00", "to": "22:00", "timezone": "Europe/Amsterdam"}
OPEN = datetime(2026, 11, 24, 20, tzinfo=UTC)
SHUT = datetime(2026, 11, 24, 22, tzinfo=UTC)


class Held:
    token = "t"

    def check(self) -> None:
        """Ours."""


@dataclass
class Recorder:
    """Stands for `hooks.run`. `says`: what to answer; `sent`: what was sent before each event."""

    cluster: Any
    events: list[dict[str, Any]] = field(default_factory=list)
    variables: list[dict[str, str]] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)
    says: Callable[[dict[str, Any]], str] = lambda _event: "ok"
    running: int = 0

    def __call__(self, hook: Hook, event: Any, variables: Any, environ: Any) -> Ran:
        del environ
        self.running += 1
        assert self.running == 1, "hooks run one at a time"
        self.events.append(event)
        self.variables.append(variables)
        self.sent[name(event)] = len(self.cluster.sent) - 1  # the lock has moved its fence
        outcome: Any = self.says(event)
        self.running -= 1
        code = 0 if outcome == "ok" else 1
        return Ran(hook.run, event["event"], outcome, code, 0.0, "said\n" * code)

    @property
    def names(self) -> list[str]:
        return [name(one) for one in self.events]


def name(event: dict[str, Any]) -> str:
    about = event.get("step", {}).get("kind", "")
    return f"{event['event']} {about}".strip()


@pytest.fixture
def told(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    found = Recorder(cluster)
    monkeypatch.setattr(hooks, "run", found)
    return found


@pytest.fixture(autouse=True)
def proof(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """Every copy is equal, unless `lost`."""
    given = {"lost": False}

    def compare(_cluster: Any, source: str, target: str, **_how: Any) -> checksum.Report:
        found = 3 - given["lost"]
        return checksum.Report("checksum", source, target, 3, found, {source: {}, target: {}})

    monkeypatch.setattr(checksum, "compare", compare)
    monkeypatch.setattr(checksum, "marks", lambda _c, names: {name: {} for name in names})
    return given


def planned(
    cluster: Any,
    *names: str,
    group: str = "",
    alone: tuple[str, ...] = (),
    year: str = "keyword",
    keep: bool = False,
) -> Plan:
    """Each of these aliases is on its green index, and gets a new one; or a setting, in place."""
    aliases = {}
    for one in names or ("films",):
        if f"{one}_green" not in cluster.indices:
            properties = {"properties": {"year": {"type": "integer"}}}
            more = {"settings": SETTINGS, "mappings": properties}
            cluster.make(f"{one}_green", documents=3, aliases={one: {}}, **more)
        window = {} if year == "keyword" else {"index.max_result_window": "1"}
        body = normalize.body({**SETTINGS, **window}, {"properties": {"year": {"type": year}}})
        naming = Naming(f"{one}_{{color}}", ("green", "blue"))
        parts: dict[str, Any] = {"naming": naming, "finish": Finish(delete_old=not keep)}
        aliases[one] = Alias(
            one, body=body, group="" if one in alone else group, migrate=Migrate(slices=1), **parts
        )
    now = datetime(2026, 1, 2, tzinfo=UTC)
    desired = Desired(State(aliases=aliases), "0" * 64)
    return make_plan(cluster, desired, now=now, plan_id="0123456789abcdef")


@dataclass
class Clock:
    """`then`: what it shows from the next look on."""

    now: datetime = OPEN

    def __call__(self) -> datetime:
        return self.now


@dataclass
class World:
    cluster: Any
    path: Path
    told: Recorder
    clock: Clock = field(default_factory=Clock)
    rules: dict[str, Any] = field(default_factory=lambda: {"windows": [EVENING]})

    def watch(self, plan: Plan, **how: Any) -> Watch:
        prod = Environment("prod", schedule=schedule(self.rules))
        policy = Policy((prod,), how.pop("outside", False), self.clock)
        every = Hook("h", self.path.parent, frozenset(EVENTS))
        return Watch(plan, self.path, policy, how.get("through", "finish"), (every,))

    def apply(self, plan: Plan, **how: Any) -> Any:
        watch = self.watch(plan, **how)
        how.pop("outside", None)
        return commands.apply(self.cluster, plan, self.path, Silent(), watch=watch, **how)

    @property
    def sent(self) -> list[str]:
        """What was changed by a first apply, but for the fence of its lock."""
        found: list[str] = self.cluster.sent
        assert found[:1] in ([], ["POST /_aliases"])
        return found[1:]

    def fails(self, plan: Plan, error: type[EsplanError], **how: Any) -> Any:
        with pytest.raises(error) as caught:
            self.apply(plan, **how)
        return caught.value

    def events(self, plan: Plan) -> list[str]:
        records = open_journal(beside(self.path), plan.digest).records
        return [f"{record.event} {record.step}".strip() for record in records]


@pytest.fixture
def world(cluster: Any, tmp_path: Path, told: Recorder) -> World:
    return World(cluster, tmp_path / "plan.json", told)


# The order


def test_the_switch_phase_is_one_piece(world: World) -> None:
    world.apply(planned(world.cluster))
    assert world.told.names == [
        "before_apply",
        "before_step create_index",
        "after_step create_index",
        "before_switch",
        *[f"before_step {kind}" for kind in SWITCH],
        *[f"after_step {kind}" for kind in SWITCH],
        "after_switch",
        "before_step delete_index",
        "after_step delete_index",
        "after_apply",
    ]
    sent = world.told.sent
    assert sent["before_apply"] == sent["before_step create_index"] == 0
    assert sent["after_step create_index"] == sent["before_step update_aliases"] == 1
    assert sent["after_step block_writes"] == sent["after_switch"] == 5, "not one within"
    assert sent["after_apply"] == 7, "the heir is held, and the old index deleted"


def test_what_an_event_says(world: World) -> None:
    plan = planned(world.cluster)
    world.apply(plan)
    by_name = {name(one): one for one in world.told.events}
    first = by_name["before_apply"]
    assert first["format_version"] == "1.0"
    assert (first["environment"], first["through"], first["resumed"]) == ("prod", "finish", False)
    assert first["cluster"] == {"name": "fake", "uuid": "fake-uuid", "version": "8.16.1"}
    assert (first["plan"]["digest"], first["plan"]["id"]) == (plan.digest, plan.id)
    assert first["plan"]["summary"]["replace"] == 1
    assert first["steps"] == len(plan.steps)
    step = by_name["after_step verify"]
    assert step["step"] == {
        "id": "04-verify",
        "kind": "verify",
        "phase": "switch",
        "address": "alias.films",
        "description": plan.steps[3].description,
        "number": 4,
    }
    assert (step["outcome"], step["evidence"]["equal"]) == ("done", True)
    assert by_name["after_step await_health"]["outcome"] == "as wanted"
    assert by_name["after_switch"]["switch"] == {
        "address": "alias.films",
        "steps": [one.id for one in plan.steps if one.phase == "switch"],
        "moves": [{"alias": "films", "from": ["films_green"], "to": ["films_blue"]}],
    }
    result = by_name["after_apply"]
    assert (result["result"]["steps"], result["result"]["remaining"]) == (8, 0)
    assert result["steps_done"] == 8


def test_the_variables_of_an_event(world: World) -> None:
    plan = planned(world.cluster)
    world.apply(plan)
    shown = dict(zip(world.told.names, world.told.variables, strict=True))
    assert shown["before_step verify"] == {
        "ESPLAN_EVENT": "before_step",
        "ESPLAN_FORMAT_VERSION": "1.0",
        "ESPLAN_ENV": "prod",
        "ESPLAN_CLUSTER": "fake",
        "ESPLAN_CLUSTER_UUID": "fake-uuid",
        "ESPLAN_PLAN": str(world.path),
        "ESPLAN_PLAN_ID": plan.id,
        "ESPLAN_PLAN_DIGEST": plan.digest,
        "ESPLAN_ADDRESS": "alias.films",
        "ESPLAN_PHASE": "switch",
        "ESPLAN_STEP": "04-verify",
        "ESPLAN_KIND": "verify",
        "ESPLAN_OUTCOME": "",
        "ESPLAN_EXIT_CODE": "",
    }
    assert shown["after_switch"]["ESPLAN_ADDRESS"] == "alias.films"
    assert shown["after_step verify"]["ESPLAN_OUTCOME"] == "done"


def test_what_is_changed_in_place_is_a_switch_without_a_move(world: World) -> None:
    world.apply(planned(world.cluster, year="integer"))
    switch = next(one for one in world.told.events if one["event"] == "before_switch")
    assert switch["switch"]["moves"] == []
    assert len(switch["switch"]["steps"]) == 1


def test_hooks_want_events(world: World) -> None:
    plan = planned(world.cluster)
    watch = world.watch(plan)
    watch.hooks = (
        Hook("one", world.path.parent, frozenset({"after_switch"})),
        Hook("two", world.path.parent, frozenset({"after_switch", "after_apply"})),
    )
    heard: list[tuple[str, str]] = []
    watch.tell = lambda ran: heard.append((ran.hook, ran.on))
    commands.apply(world.cluster, plan, world.path, Silent(), watch=watch)
    assert heard == [("one", "after_switch"), ("two", "after_switch"), ("two", "after_apply")]


def test_a_phase(world: World) -> None:
    plan = planned(world.cluster)
    world.apply(plan, through="prepare")
    assert world.told.names == [
        "before_apply",
        "before_step create_index",
        "after_step create_index",
        "after_apply",
    ]
    assert world.told.events[-1]["result"]["remaining"] == 7
    assert world.told.events[0]["steps"] == 1
    world.apply(plan, through="prepare")
    assert len(world.told.names) == 4, "nothing to do, nothing to say"


def test_nothing_is_said_of_an_apply_that_has_ended(world: World) -> None:
    plan = planned(world.cluster)
    world.apply(plan)
    world.told.events.clear()
    world.clock.now = SHUT
    assert world.apply(plan).already
    assert world.told.names == []


def test_a_group_is_one_piece(world: World) -> None:
    world.apply(planned(world.cluster, "a", "b", group="g"), parallel=2)
    names = world.told.names
    assert names.count("before_switch") == names.count("after_switch") == 1
    first, last = names.index("before_switch"), names.index("after_switch")
    within = set(names[first + 1 : last])
    assert {one.split()[0] for one in within} == {"before_step", "after_step"}
    sent = [one["event"] for one in world.told.events[first + 1 : last]]
    assert sent == sorted(sent, reverse=True), "before_step of all, then after_step of all"
    (switch,) = [one for one in world.told.events if one["event"] == "after_switch"]
    assert switch["switch"]["address"] == "group.g"
    assert [one["alias"] for one in switch["switch"]["moves"]] == ["a", "b"]


def test_objects_side_by_side(world: World) -> None:
    world.apply(planned(world.cluster, "a", "b", "c"), parallel=3)
    assert world.told.names.count("before_switch") == world.told.names.count("after_switch") == 3
    assert len([one for one in world.told.names if one.startswith("after_step")]) == 24


# Hooks that fail


def test_a_hook_refuses_an_apply(world: World) -> None:
    plan = planned(world.cluster)
    world.told.says = lambda event: "failed" if event["event"] == "before_apply" else "ok"
    error = world.fails(plan, Refused)
    assert error.what == "the hook h refused the apply: nothing was changed"
    assert error.why == "exit code 1: said"
    assert world.told.names == ["before_apply", "failure"]
    assert world.told.events[1]["error"]["exit_code"] == 4
    assert world.sent == []
    assert world.events(plan) == []


STOPS = [
    ("before_step create_index", 0, "before: create the index films_blue"),
    ("before_switch", 1, "before: the switch of alias.films"),
    (
        "before_step update_aliases",
        1,
        "before: switch the alias films from films_green to films_blue",
    ),
    ("before_step delete_index", 5, "before: delete the old index films_green"),
]


@pytest.mark.parametrize(("event", "sent", "said"), STOPS)
def test_a_hook_stops_at_a_safe_point_and_the_apply_goes_on_from_there(
    world: World, event: str, sent: int, said: str
) -> None:
    plan = planned(world.cluster)
    world.told.says = lambda seen: "timed out" if name(seen) == event else "ok"
    error = world.fails(plan, Stopped)
    assert error.exit_code == 3
    assert error.what == f"the hook h stopped the apply {said}"
    assert engine.AGAIN in error.remedy
    assert len(world.sent) == sent
    assert world.told.names[-2:] == [event, "failure"]
    blocked = "index.blocks.write" in world.cluster.indices["films_green"]["settings"]
    assert blocked is (event == "before_step delete_index"), "clients write, until it is to go"
    world.told.events.clear()
    world.told.says = lambda _event: "ok"
    world.apply(plan)
    assert world.told.names[-1] == "after_apply"
    assert world.told.events[0]["resumed"] is (event != "before_apply")
    assert "films_green" not in world.cluster.indices
    assert world.cluster.indices["films_blue"]["aliases"] == {"films": {}}


def test_others_stop_too(world: World) -> None:
    plan = planned(world.cluster, "a", "b")

    def says(event: dict[str, Any]) -> str:
        return "failed" if event["event"] == "before_switch" else "ok"

    world.told.says = says
    world.fails(plan, Stopped, parallel=2)
    assert not any("_block" in one for one in world.sent)
    assert world.told.names.count("before_switch") == 1, "the other one is not asked any more"


def test_what_is_begun_does_not_wait_for_the_hooks_of_others(world: World) -> None:
    """Nor is it cut off when they stop the apply."""
    plan = planned(world.cluster, "a", "b", "c", keep=True)
    asked: list[str] = []
    seen: list[bool] = []

    def lifted() -> bool:
        began = {one for one in asked if f"PUT /{one[6:]}_green/_block/write" in world.cluster.sent}
        return bool(began) and all(
            "index.blocks.write" not in world.cluster.indices[f"{one[6:]}_green"]["settings"]
            for one in began
        )

    def says(event: dict[str, Any]) -> str:
        if event["event"] != "before_switch":
            return "ok"
        if asked:
            seen.append(any(lifted() or time.sleep(0.01) for _ in range(1000)))
        asked.append(event["switch"]["address"])
        return "failed" if len(asked) == 2 else "ok"

    world.told.says = says
    world.fails(plan, Stopped, parallel=3)
    assert seen == [True], "the first went through its switch phase while the second was asked"
    assert len(asked) == 2, "and the third is not asked"
    first, second = (one.removeprefix("alias.") for one in asked)
    assert world.cluster.indices[f"{first}_blue"]["aliases"] == {first: {}}
    assert "index.blocks.write" not in world.cluster.indices[f"{first}_green"]["settings"]
    assert world.cluster.indices[f"{second}_green"]["aliases"] == {second: {}}
    assert world.told.names.count("after_switch") == 1
    world.told.says = lambda _event: "ok"
    assert world.apply(plan, parallel=3).remaining == 0


def test_the_end_of_a_group_is_told_once(world: World) -> None:
    """Two that end at a time: the journal has both before the first of them says so."""
    plan = planned(world.cluster, "a", "b", group="g", keep=True)
    lifts = [one for one in plan.steps if one.kind == "unblock_writes"]
    watch = world.watch(plan)
    run = Run(world.cluster, plan, Held(), Silent())
    journal: Any = SimpleNamespace(state=lambda _step: "done")
    assert [watch.before(one, run, journal) for one in lifts] == [True, True]
    watch.after(lifts[1], journal, "done", {})
    assert world.told.names == []
    watch.after(lifts[0], journal, "done", {})
    assert world.told.names == [*["after_step unblock_writes"] * 2, "after_switch"]


def test_a_window_that_closes_cuts_no_group(world: World) -> None:
    """Its members are blocked, and what switches them waits for all that is beside them."""
    closing = threading.Event()

    def says(event: dict[str, Any]) -> str:
        if event["event"] == "before_switch":
            assert not closing.is_set(), "nothing is asked after it"
            closing.set()
            world.clock.now = SHUT
        return "ok"

    grouped = planned(world.cluster, "x", "a", "b", group="g", alone=("x",), keep=True)
    world.told.says = says
    world.fails(grouped, Stopped, parallel=3)
    on_blue = [n for n in "abx" if n in world.cluster.indices[f"{n}_blue"]["aliases"]]
    assert on_blue in (["a", "b"], ["x"])
    for one in "abx":
        assert "index.blocks.write" not in world.cluster.indices[f"{one}_green"]["settings"]


@pytest.mark.parametrize("event", ["after_step", "after_switch", "after_apply"])
def test_a_failing_after_hook_changes_nothing(world: World, event: str) -> None:
    world.told.says = lambda seen: "failed" if seen["event"] == event else "ok"
    outcome = world.apply(planned(world.cluster))
    assert (outcome.steps, outcome.remaining) == (8, 0)
    assert "failure" not in world.told.names


def test_a_failure_is_told_when_everything_is_taken_back(
    world: World, proof: dict[str, bool]
) -> None:
    proof["lost"] = True
    world.told.says = lambda seen: "failed" if seen["event"] == "failure" else "ok"
    error = world.fails(planned(world.cluster), Refused)
    failure = world.told.events[-1]
    assert world.told.names.count("failure") == 1
    assert "after_switch" not in world.told.names
    assert "after_step block_writes" not in world.told.names, "it was taken back"
    assert failure["error"]["what"] == error.what
    assert (failure["error"]["exit_code"], failure["steps_done"]) == (4, 0)
    assert "films_blue" not in world.cluster.indices
    assert "esplan-state/_doc/lock" not in world.cluster.documents, "the lock is given back first"


def test_a_refusal_before_it_begins_is_no_failure(world: World) -> None:
    world.clock.now = SHUT
    world.fails(planned(world.cluster), Refused)
    assert world.told.names == []


# What was begun


def interrupted(world: World, plan: Plan, step: str) -> None:
    """As after a crash: the steps up to this one are done, and its intent is there."""
    run = Run(world.cluster, plan, Held(), Silent())
    journal = open_journal(beside(world.path), plan.digest)

    def die(request: str) -> None:
        if any(one.id == step and one.request and request == sent(one) for one in plan.steps):
            raise KeyboardInterrupt

    world.cluster.before = die
    with pytest.raises(KeyboardInterrupt):
        engine.apply(run, journal)
    world.cluster.before = lambda _request: None


def sent(step: Any) -> str:
    return f"{step.request['method']} {step.request['path']}"


def test_a_piece_that_is_begun_is_asked_about_no_more(world: World) -> None:
    """Clients are refused meanwhile: going on is better for them."""
    plan = planned(world.cluster)
    interrupted(world, plan, "03-reindex")
    assert "index.blocks.write" in world.cluster.indices["films_green"]["settings"]
    world.apply(plan)
    assert world.told.names == [
        "before_apply",
        *[f"after_step {kind}" for kind in SWITCH[1:]],
        "after_switch",
        "before_step delete_index",
        "after_step delete_index",
        "after_apply",
    ]
    assert world.told.events[0]["resumed"]


def test_a_hook_that_refuses_to_go_on_stops(world: World) -> None:
    plan = planned(world.cluster)
    interrupted(world, plan, "03-reindex")
    world.told.says = lambda seen: "failed" if seen["event"] == "before_apply" else "ok"
    error = world.fails(plan, Stopped)
    assert error.what == "the hook h stopped the apply before it went on"


# Windows


def test_outside_of_the_window_nothing_begins(world: World) -> None:
    world.clock.now = SHUT
    plan = planned(world.cluster)
    error = world.fails(plan, Refused)
    assert error.exit_code == 4
    assert error.what == (
        "the release window of prod is closed; it opens on Tue 2026-12-01 19:00 (Europe/Amsterdam)"
    )
    assert error.remedy == "apply it in the window, or with --outside-window"
    assert world.sent == []
    assert world.events(plan) == []


def test_somebody_says_that_windows_do_not_count(world: World) -> None:
    plan = planned(world.cluster)
    world.clock.now = SHUT
    world.apply(plan, outside=True)
    start = open_journal(beside(world.path), plan.digest).records[0]
    assert start.data["outside_window"] is True


def test_the_option_is_not_recorded_where_it_does_nothing(world: World) -> None:
    plan = planned(world.cluster)
    world.apply(plan, outside=True)
    start = open_journal(beside(world.path), plan.digest).records[0]
    assert "outside_window" not in start.data


def test_what_clients_do_not_notice_may_go_earlier(world: World) -> None:
    world.rules["prepare_windows"] = "any"
    world.clock.now = SHUT
    plan = planned(world.cluster)
    error = world.fails(plan, Refused)
    assert "what clients do not notice may go now: --through prepare" in error.remedy
    world.apply(plan, through="prepare")
    error = world.fails(plan, Refused, through="switch")
    assert error.where == "", "nothing is half done"
    world.clock.now = OPEN
    world.apply(plan)
    assert "films_green" not in world.cluster.indices


def closes(world: World, event: str) -> None:
    """The window closes at this event."""

    def says(seen: dict[str, Any]) -> str:
        if name(seen) == event:
            world.clock.now = SHUT
        return "ok"

    world.told.says = says


def test_a_window_that_closes_stops_before_the_switch(world: World) -> None:
    plan = planned(world.cluster)
    closes(world, "after_step create_index")
    error = world.fails(plan, Stopped)
    assert error.what == "the apply stopped before the phase switch of alias.films"
    assert error.why.startswith("the release window of prod is closed; it opens on Tue 2026-12-01")
    assert world.sent == ["PUT /films_blue"]
    assert world.told.names[-1] == "failure"
    assert world.told.events[-1]["error"]["exit_code"] == 3
    error = world.fails(plan, Refused)
    assert "--abandon" not in error.remedy, "it is whole: only not switched yet"
    world.clock.now = OPEN
    world.apply(plan)


@pytest.mark.parametrize("event", ["before_switch", "before_step verify", "after_switch"])
def test_what_is_begun_in_the_window_is_finished_after_it(world: World, event: str) -> None:
    closes(world, event)
    outcome = world.apply(planned(world.cluster))
    assert outcome.remaining == 0


def test_the_next_object_does_not_begin(world: World) -> None:
    plan = planned(world.cluster, "a", "b")
    closes(world, "after_switch")
    error = world.fails(plan, Stopped)
    assert error.what == "the apply stopped before the phase switch of alias.b"
    assert world.cluster.indices["a_blue"]["aliases"] == {"a": {}}
    assert world.cluster.indices["b_green"]["aliases"] == {"b": {}}


def test_prepare_stops_at_the_end_of_its_own_window(world: World) -> None:
    noon = {**EVENING, "from": "11:00", "to": "13:00"}
    world.rules["prepare_windows"] = [noon]
    plan = planned(world.cluster, "a", "b")
    world.clock.now = OPEN - timedelta(hours=9)
    closes(world, "after_step create_index")
    error = world.fails(plan, Stopped, through="prepare")
    assert error.what == "the apply stopped before the phase prepare of alias.b"


def test_going_on_after_the_window_is_refused_and_says_what_is_half_done(world: World) -> None:
    plan = planned(world.cluster)
    interrupted(world, plan, "03-reindex")
    world.clock.now = SHUT
    error = world.fails(plan, Refused)
    assert error.where == "half done: alias.films; writes to films_green are refused"
    assert "taking back what was begun is always allowed: --abandon" in error.remedy
    assert world.events(plan)[-1] == "intent 03-reindex"
    commands.abandon(world.cluster, plan, world.path, Silent())
    assert "films_blue" not in world.cluster.indices
    assert "index.blocks.write" not in world.cluster.indices["films_green"]["settings"]


def test_another_host_knows_what_is_half_done_too(world: World, tmp_path: Path) -> None:
    plan = planned(world.cluster)
    interrupted(world, plan, "03-reindex")
    world.clock.now = SHUT
    world.path = tmp_path / "elsewhere.json"
    assert "half done: alias.films" in world.fails(plan, Refused).where


def test_what_is_finished_later_needs_a_window_too(world: World) -> None:
    plan = planned(world.cluster)
    world.apply(plan, through="switch")
    world.clock.now = SHUT
    world.fails(plan, Refused)
    assert "films_green" in world.cluster.indices
