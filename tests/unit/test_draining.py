"""A write block that was set anew since it drained drains again, and by a second block."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from esplan import live, state_index
from esplan.errors import OutcomeUnknown, Refused
from esplan.plan import Plan, Step
from esplan.run import Run
from esplan.steps import block_writes, draining

if TYPE_CHECKING:
    from esplan.model import Index

SECOND = ["PUT /old/_block/read_only", "PUT /old/_settings"]
BLOCKED = {"index.blocks.write": "true"}


@pytest.fixture
def run(cluster: Any) -> Run:
    cluster.make("old", uuid="u", settings=BLOCKED)
    lock = SimpleNamespace(check=lambda: None, token="t")
    notes: list[str] = []
    listener = SimpleNamespace(note=notes.append)
    return Run(cluster, Plan("p", "", "", {}, "", ()), lock, listener)  # type: ignore[arg-type]


def index(run: Run) -> Index:
    return live.read_indices(run.cluster, ["old"])["old"]


def step(run: Run) -> Step:
    del run
    return block_writes.describe("alias.a", "old", (), ours=True)


def test_a_block_that_was_there_drains_by_a_second_one(run: Run, cluster: Any) -> None:
    assert not block_writes.probe(step(run), run)
    assert block_writes.execute(step(run), run) == {draining.VERSION: 3}
    assert cluster.sent == SECOND
    assert cluster.indices["old"]["settings"] == BLOCKED
    assert block_writes.probe(step(run), run)
    assert state_index.recall(cluster, draining.note("u")) == {}


def test_the_same_block_is_not_drained_twice(run: Run, cluster: Any) -> None:
    block_writes.execute(step(run), run)
    cluster.log.clear()
    assert not draining.settle(run, index(run))
    assert cluster.sent == []


def test_a_block_that_was_lifted_and_set_again_drains_anew(run: Run, cluster: Any) -> None:
    block_writes.execute(step(run), run)
    cluster.log.clear()
    for value in (None, "true"):
        cluster.change("PUT", "/old/_settings", None, {"index.blocks.write": value})
    assert draining.settle(run, index(run))
    assert cluster.sent[2:] == SECOND


def test_a_version_that_cannot_be_read_vouches_for_nothing(
    run: Run, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "version", lambda *_: None)
    assert block_writes.execute(step(run), run) == {draining.VERSION: None}
    assert draining.settle(run, index(run))
    assert cluster.sent == SECOND * 2


def test_a_change_in_between_is_not_taken_for_ours(run: Run, cluster: Any) -> None:
    def meddle(request: str) -> None:
        if request == SECOND[0]:
            cluster.indices["old"]["version"] += 2

    cluster.after = meddle
    block_writes.execute(step(run), run)
    assert run.drained == {"old": None}


def test_a_second_block_that_a_crash_has_left_is_lifted(run: Run, cluster: Any) -> None:
    cluster.lose(SECOND[0])
    with pytest.raises(OutcomeUnknown):
        block_writes.execute(step(run), run)
    assert draining.READ_ONLY in cluster.indices["old"]["settings"]
    block_writes.undo(step(run), run)
    assert cluster.indices["old"]["settings"] == {}
    assert state_index.recall(cluster, draining.note("u")) == {}


def test_a_read_only_index_of_another_is_left_as_it_is(run: Run, cluster: Any) -> None:
    cluster.indices["old"]["settings"][draining.READ_ONLY] = "true"
    with pytest.raises(Refused, match="esplan did not make it so"):
        block_writes.probe(step(run), run)
    with pytest.raises(Refused, match="esplan did not make it so"):
        draining.drain(run, index(run))
    assert cluster.sent == []


def test_another_index_of_that_name_is_not_unblocked(run: Run, cluster: Any) -> None:
    there = {"check": "index", "index": "old", "uuid": "another"}
    block_writes.undo(block_writes.describe("alias.a", "old", (there,), ours=True), run)
    assert cluster.sent == []
