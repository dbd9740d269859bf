"""Desired states, hand edits, writes and interruptions in any order, against a model.

The model knows the documents that were acknowledged and the indices that somebody else made. After
each step the alias must be on one index, which has exactly these documents; what is not esplan's
must be there; and an apply that says 0 must leave nothing to plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import processes
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from scenarios import POINTS, closed, on, steps
from world import REPLICAS, World, blocks

from esplan.errors import ServerError

if TYPE_CHECKING:
    from conftest import Scale, Tally

pytestmark = pytest.mark.live

TRIAL = "states"
CODES = {0, 1, 3, 4}

DEFINITIONS: list[dict[str, Any]] = [
    {"properties": {"flight": {"type": "integer"}}},
    {"properties": {"flight": {"type": "keyword"}}},
    {"properties": {"flight": {"type": "long"}, "note": {"type": "text"}}},
    {"properties": {"flight": {"type": "long"}}, "settings": {**REPLICAS, "number_of_shards": 2}},
    {"settings": {**REPLICAS, "max_result_window": 20000}},
    {"settings": {**REPLICAS, "max_result_window": 20000}, "finish": {}},
    {"properties": {"flight": {"type": "keyword"}}, "finish": {}},
    {"properties": {"flight": {"type": "integer"}}, "migrate": {"writes": "catch-up"}},
    {"properties": {"text": {"type": "date"}}},  # which no document fits
]

REFUSALS = (
    "was begun and has not ended",
    "exists (",
    "the index rejected",
    "would be rejected",
)
"""What a plan may be refused for here."""


class States(RuleBasedStateMachine):
    """One alias on a server that is real."""

    world: World  # of the test; each run has one of its own
    tally: Tally
    runs = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).runs += 1
        outer, number = type(self).world, type(self).runs
        folder = outer.folder / f"run-{number}"
        folder.mkdir()
        self.own = World(outer.cluster, outer.url, f"{outer.name}-{number}", folder)
        self.own.seed(20)
        self.own.desire(**DEFINITIONS[0])
        self.foreign: set[str] = set()
        self.next = 1000

    def run(self, *arguments: str, entry: str = "killing:quick") -> tuple[int, str]:
        own = arguments if entry == "killing:main" else ("--url", self.own.url, *arguments)
        done = processes.run(list(own), entry)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout + done.stderr

    def apply(self, *options: str) -> tuple[int, str]:
        code, said = self.run("apply", str(self.own.plan), "--auto-approve", *options)
        assert code in CODES, said
        return code, said

    # What people do

    @rule(definition=st.sampled_from(DEFINITIONS))
    def want(self, definition: dict[str, Any]) -> None:
        self.own.desire(**definition)
        self.plan()

    @rule()
    def plan(self) -> None:
        file = str(self.own.folder / "desired.json")
        code, said = self.run("plan", "-d", file, "-o", str(self.own.plan))
        assert code in {0, 4}, said
        assert code == 0 or any(text in said for text in REFUSALS), said

    @rule()
    def apply_it(self) -> None:
        if self.own.plan.exists():
            self.apply()

    @rule(
        definition=st.sampled_from(DEFINITIONS),
        number=st.integers(0, 15),
        when=st.sampled_from([*POINTS, "after-done"]),
    )
    def want_and_kill(self, definition: dict[str, Any], number: int, when: str) -> None:
        self.want(definition)
        self.kill_it(number, when)

    @rule(number=st.integers(0, 15), when=st.sampled_from([*POINTS, "after-done"]))
    def kill_it(self, number: int, when: str) -> None:
        if not self.own.plan.exists() or not (made := steps(self.own)):
            return
        step, _ = made[number % len(made)]
        marker = str(self.own.folder / "crashed")
        command = ["--url", self.own.url, "apply", str(self.own.plan), "--auto-approve"]
        code, said = self.run(f"{when}:{step}", marker, *command, entry="killing:main")
        assert code in CODES | {-9}, said
        type(self).tally.add(TRIAL, kills=int(code == -9))

    @rule()
    def abandon(self) -> None:
        if self.own.plan.exists():
            self.apply("--abandon")

    @rule()
    def forget_the_journal(self) -> None:
        """As another host has none."""
        self.own.plan.with_name("plan.json.journal.jsonl").unlink(missing_ok=True)

    # What clients do

    @rule(count=st.integers(1, 5), keys=st.sampled_from([7, 10**9]))
    def write(self, count: int, keys: int) -> None:
        """New documents, or the same few again."""
        for _ in range(count):
            self.next += 1
            self.send("PUT", f"_doc/{self.next % keys}", {"flight": self.next})

    @rule(key=st.integers(0, 30))
    def delete(self, key: int) -> None:
        if str(key) in self.own.documents:
            self.send("DELETE", f"_doc/{key}")

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        """Through the alias; what is refused is not in the model."""
        params = {"refresh": "true", "require_alias": "true"} if body else {"refresh": "true"}
        try:
            self.own.cluster.change(method, f"/{self.own.name}/{path}", params, body)
        except ServerError as error:
            if error.status != 403:
                raise
            return
        key = path.removeprefix("_doc/")
        if body is None:
            del self.own.documents[key]
        else:
            self.own.documents[key] = body

    # What somebody does by hand

    @rule(window=st.sampled_from([5000, 30000]))
    def set_by_hand(self, window: int) -> None:
        body = {"index.max_result_window": window}
        self.own.cluster.change("PUT", f"/{self.own.name}/_settings", None, body)

    @rule()
    def map_by_hand(self) -> None:
        body = {"properties": {"by_hand": {"type": "keyword"}}}
        self.own.cluster.change("PUT", f"/{self.own.name}/_mapping", None, body)

    @rule()
    def take_the_other_colour(self) -> None:
        name = self.other()
        if name not in self.own.everything():
            self.own.cluster.change("PUT", f"/{name}", None, {"settings": REPLICAS})
            self.foreign.add(name)

    @rule()
    def delete_the_other_colour(self) -> None:
        name = self.other()
        if name in self.own.everything():
            self.own.cluster.change("DELETE", f"/{name}")
            self.foreign.discard(name)

    @rule()
    def lift_the_block_by_hand(self) -> None:
        body = {"index.blocks.write": None}
        self.own.cluster.change("PUT", f"/{self.own.name}/_settings", None, body)

    def other(self) -> str:
        (index,) = on(self.own)
        return self.own.blue if index == self.own.green else self.own.green

    # What must be so

    @invariant()
    def the_alias_is_on_one_index_with_every_document(self) -> None:
        (index,) = on(self.own)
        assert not closed(self.own)
        assert self.own.read_documents(index) == self.own.documents

    @invariant()
    def what_somebody_else_made_is_there(self) -> None:
        assert self.foreign <= set(self.own.everything())

    def teardown(self) -> None:
        """Whatever happened: the way out is to apply or abandon, plan and apply."""
        if self.own.plan.exists() and self.apply()[0] != 0:
            self.apply("--abandon")
        self.delete_the_other_colour()  # kept, or somebody's: the name is needed
        self.own.file = "last.json"
        self.converge()
        for name in self.own.everything():
            self.own.cluster.change("DELETE", f"/{name}")

    def converge(self) -> None:
        """To the first definition: nothing is left to plan, and nothing blocks."""
        own = self.own
        file = str(own.desire(**DEFINITIONS[0]))
        own.esplan("plan", "-d", file, "-o", str(own.plan))
        code, said = self.apply()
        assert code == 0, said
        assert "No changes" in own.esplan("plan", "-d", file, "--detailed-exitcode").stdout
        (index,) = on(own)
        assert own.read_documents(index) == own.documents
        assert blocks(own.everything()[index]) == {}
        own.assert_quiet()
        type(self).tally.add(TRIAL, runs=1, lost=0)


def test_any_order(world: World, scale: Scale, tally: Tally) -> None:
    States.world, States.tally = world, tally
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        States,
        settings=settings(
            max_examples=scale(10, 200),
            stateful_step_count=30,
            deadline=None,
            database=None,
            derandomize=not scale.full,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
    assert tally.total(TRIAL, "kills") > 0
