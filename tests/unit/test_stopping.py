from __future__ import annotations

import os
import signal
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from esplan import planfile
from esplan.commands.stopping import explained, stopping
from esplan.errors import Stopped
from esplan.journal import beside, open_journal
from esplan.plan import Plan, Step, ordered

if TYPE_CHECKING:
    from pathlib import Path

STEPS = (
    Step("block_writes", "switch", "alias.a", "block it", arguments={"index": "a_green"}),
    Step("reindex", "switch", "alias.a", "copy every document of a_green"),
    Step("remote_copy", "switch", "alias.b", "copy every document of b"),
    Step("update_aliases", "switch", "alias.a", "switch it"),
    Step("unblock_writes", "switch", "alias.a", "lift it", arguments={"index": "a_green"}),
)
BLOCK, COPY, CARRY, SWITCH, LIFT = (step.id for step in ordered(list(STEPS)))


@pytest.fixture
def plan() -> Plan:
    made = Plan("0" * 16, "2026-11-20T00:00:00Z", "1", {}, "", steps=ordered(list(STEPS)))
    return planfile.sealed(made)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a plan.json"


def test_a_signal_asks_for_a_stop_and_a_second_one_insists(path: Path) -> None:
    notes: list[str] = []
    interrupted = Event()
    before = signal.getsignal(signal.SIGINT)
    with stopping(interrupted, notes.append, path):
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupted.is_set()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert notes == [
        "stopping at the next safe point; Ctrl-C again stops at once",
        "nothing is undone, and what runs in the cluster goes on there",
        f"to go on: esplan apply '{path}' (with --abandon it is taken back instead)",
        "stopping at once: nobody knows whether the last request was carried out",
        "the next apply asks the cluster, and goes on from there",
    ]
    assert signal.getsignal(signal.SIGINT) is before


def test_without_a_signal_nothing_is_said(path: Path) -> None:
    notes: list[str] = []
    with stopping(Event(), notes.append, path):
        pass
    assert notes == []


@pytest.mark.parametrize(
    ("states", "where"),
    [
        ({}, "0 of 5 steps are done"),
        (
            {BLOCK: "done", COPY: "intent"},
            (
                "1 of 5 steps are done; begun: copy every document of a_green; "
                "writes to a_green may be blocked"
            ),
        ),
        ({CARRY: "intent"}, "0 of 5 steps are done; begun: copy every document of b"),
        (
            {BLOCK: "intent"},
            "0 of 5 steps are done; begun: block it; writes to a_green may be blocked",
        ),
        (
            {BLOCK: "done", SWITCH: "done"},
            "2 of 5 steps are done; writes to a_green may be blocked",
        ),
        ({BLOCK: "done", SWITCH: "done", LIFT: "done"}, "3 of 5 steps are done"),
    ],
)
def test_the_error_says_what_is_there(
    plan: Plan, path: Path, states: dict[str, str], where: str
) -> None:
    journal = open_journal(beside(path), plan.digest)
    journal.append("start", data={"plan": plan.digest})
    for step, state in states.items():
        journal.append("intent", step)
        if state == "done":
            journal.append("done", step)
    error = explained(Stopped("interrupted", remedy="apply again"), plan, path)
    assert error.where == where
    assert error.remedy == (
        f"apply again: esplan apply '{path}' (with --abandon it is taken back instead)"
    )
    assert explained(error, plan, path).remedy == error.remedy, "said once"


@pytest.mark.parametrize("there", [True, False])
def test_what_is_said_of_the_cluster_was_looked_at(
    plan: Plan, path: Path, cluster: Any, *, there: bool
) -> None:
    journal = open_journal(beside(path), plan.digest)
    journal.append("start", data={"plan": plan.digest})
    for event, step in (("done", BLOCK), ("intent", COPY)):
        journal.append(event, step)  # type: ignore[arg-type]  (of a tuple)
    cluster.patience = 60
    cluster.make("a_green", settings={"index.blocks.write": "true"} if there else {})
    if there:
        task = {"headers": {"X-Opaque-Id": f"esplan:{plan.id}:{COPY}"}}
        cluster.READS = {
            **cluster.READS,
            "_tasks": lambda *_: {"nodes": {"n": {"tasks": {"n:1": task}}}},
        }
    error = explained(Stopped("interrupted"), plan, path, cluster)
    assert ("(it goes on in the cluster)" in error.where) == there
    assert ("clients cannot write to a_green" in error.where) == there
    assert cluster.patience == 60


def test_a_place_that_the_error_names_is_kept(plan: Plan, path: Path) -> None:
    error = explained(Stopped("no answer", where="http://localhost:9200"), plan, path)
    assert error.where == "http://localhost:9200"


def test_a_journal_that_cannot_be_read_does_not_hide_the_error(plan: Plan, path: Path) -> None:
    beside(path).write_text("{}\n{}\n")
    assert explained(Stopped("the journal is damaged"), plan, path).where == ""
