"""The force merge as a task: what is sent, what is awaited, and what it came to."""

from __future__ import annotations

from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from esplan import checksum
from esplan.errors import Incomplete, OutcomeUnknown, ServerError, StepFailed, Stopped
from esplan.model import Index
from esplan.plan import Plan
from esplan.run import Run
from esplan.steps import force_merge

SENT = "POST /a/_forcemerge?max_num_segments={}&wait_for_completion=false"


def said(indices: str, segments: int) -> str:
    """As a server describes the task."""
    return (
        f"Force-merge indices [{indices}], maxSegments[{segments}], "
        "onlyExpungeDeletes[false], flush[true]"
    )


@pytest.fixture(autouse=True)
def missing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Indices with a primary shard that does not come back."""
    found, real = list[str](), checksum.marks

    def marks(cluster: Any, indices: list[str]) -> Any:
        if set(indices) & set(found):
            raise Incomplete("a primary is missing")
        return {} if isinstance(cluster, Merges) else real(cluster, indices)

    monkeypatch.setattr(checksum, "marks", marks)
    return found


class Merges:
    """A cluster with the index `a`: segments by shard, every shard with one replica.

    A task merges `a` at its third poll, if its description is about it. `lost`: how many tasks
    vanish instead. `answer` is what a finished task brings.
    """

    def __init__(self, *segments: int) -> None:
        self.segments = list(segments)
        self.running: dict[str, str] = {}
        self.polls: dict[str, int] = {}
        self.sent: list[str] = []
        self.lost = 0
        self.stubborn = False
        self.answer: dict[str, Any] = {"response": {"_shards": {"failed": 0}}}
        self.failed_nodes: list[Any] = []

    def start(self, description: str) -> str:
        name = f"node:{len(self.polls) + 1}"
        self.running[name], self.polls[name] = description, 0
        return name

    def change(self, method: str, path: str, *_rest: Any, **_named: Any) -> Any:
        self.sent.append(f"{method} {path}")
        if not self.segments:
            raise ServerError("no such index [a]", status=404)
        wanted = int(path.partition("max_num_segments=")[2].partition("&")[0])
        return {"task": self.start(said("a", wanted))}

    def read(self, path: str, params: Any = None) -> Any:
        if path == "/_tasks":
            assert params == {"actions": "indices:admin/forcemerge", "detailed": "true"}
            tasks = {name: {"description": one} for name, one in self.running.items()}
            nodes = {"n": {"tasks": tasks}} if tasks else {}
            failures = {"node_failures": self.failed_nodes} if self.failed_nodes else {}
            return {"nodes": nodes, **failures}
        if path.startswith("/_tasks/"):
            return self.poll(path.removeprefix("/_tasks/"))
        assert path == "/a/_stats/segments"
        shards = {
            str(number): [{"segments": {"count": count}}] * 2
            for number, count in enumerate(self.segments)
        }
        return {"indices": {"a": {"shards": shards}}} if shards else None

    def poll(self, name: str) -> Any:
        self.polls[name] += 1
        task = {"description": self.running[name]}
        if self.polls[name] < 3:
            return {"completed": False, "task": task}
        del self.running[name]
        if self.lost:
            self.lost -= 1
            return None
        if not self.stubborn:
            most = int(task["description"].partition("maxSegments[")[2].partition("]")[0])
            self.segments = [min(count, most) for count in self.segments]
        return {"completed": True, "task": task, **self.answer}


class Told:
    """A Listener that remembers."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.progress: list[tuple[int, int]] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def step_progress(self, _step: Any, done: int, total: int) -> None:
        self.progress.append((done, total))


STEP = force_merge.describe("alias.x", Index("a", size=9), 2, {}, phase="prepare")


def run_of(cluster: Merges, check: Any = lambda: None) -> Run:
    lock = SimpleNamespace(token="t", check=check)
    return Run(cluster, Plan("p", "", "", {}, ""), lock, Told(), Event())


def executed(cluster: Merges) -> Any:
    """The evidence, but for how long it took."""
    evidence = force_merge.execute(STEP, run_of(cluster))
    return {name: value for name, value in evidence.items() if name != "measured"}


# The step


def test_what_the_plan_shows() -> None:
    assert STEP.description == "force merge a to 2 segments a shard"
    one = force_merge.describe("alias.x", Index("a"), 1, {}, phase="finish")
    assert one.description == "force merge a to 1 segment a shard"
    assert STEP.request == {"method": "POST", "path": SENT.format(2)[5:], "body": None}
    assert STEP.estimate == {"bytes": 9}
    assert "none" in STEP.undo
    assert force_merge.REPEAT
    assert force_merge.probe(STEP, run_of(Merges(9)))


def test_a_name_is_quoted() -> None:
    step = force_merge.describe("alias.x", Index("a%b"), 1, {}, phase="finish")
    assert (step.request or {})["path"].startswith("/a%25b/_forcemerge?")


# One merge


def test_sent_once_with_the_planned_segments() -> None:
    cluster = Merges(5, 3)
    assert executed(cluster) == {"segments_before": 16, "segments": 8}
    assert cluster.sent == [SENT.format(2)]


def test_only_a_merge_of_our_own_says_how_long_it_took() -> None:
    evidence = force_merge.execute(STEP, run_of(Merges(5)))
    took = evidence["measured"]
    assert (took["kind"], took["address"], took["bytes"]) == ("force_merge", "alias.x", 9)
    assert took["documents"] is None
    running = Merges(5)
    running.start(said("a", 2))
    assert "measured" not in force_merge.execute(STEP, run_of(running))


def test_what_is_merged_already_is_not_merged_again() -> None:
    cluster = Merges(2, 1, 0)
    assert force_merge.execute(STEP, run_of(cluster)) == {"segments_before": 6, "segments": 6}
    assert cluster.sent == []


def test_one_shard_with_too_many_is_enough() -> None:
    cluster = Merges(1, 3)
    executed(cluster)
    assert len(cluster.sent) == 1


def test_more_segments_than_asked_for_are_the_servers_best_effort() -> None:
    cluster = Merges(5)
    cluster.stubborn = True
    assert executed(cluster) == {"segments_before": 10, "segments": 10}
    assert len(cluster.sent) == 1


def test_progress_is_segments_now_and_the_target_over_all_copies() -> None:
    cluster = Merges(5, 3)
    run = run_of(cluster)
    force_merge.execute(STEP, run)
    assert run.listener.progress == [(16, 8), (16, 8), (8, 8)]  # type: ignore[attr-defined]
    assert run.listener.notes == []  # type: ignore[attr-defined]


def test_an_interruption_leaves_the_merge_running() -> None:
    cluster = Merges(5)

    def lost() -> None:
        if cluster.running:
            raise Stopped("the lock was lost")

    with pytest.raises(Stopped, match="the lock was lost"):
        force_merge.execute(STEP, run_of(cluster, lost))
    assert list(cluster.running) == ["node:1"]


def test_an_index_that_is_gone_is_not_called_merged() -> None:
    """Nothing to be seen is not: few segments."""
    with pytest.raises(ServerError, match="no such index"):
        executed(Merges())


# A merge that runs already


def test_a_running_merge_is_awaited_and_not_started_again() -> None:
    cluster = Merges(5)
    task = cluster.start(said("a", 2))
    run = run_of(cluster)
    force_merge.execute(STEP, run)
    assert cluster.sent == []
    assert cluster.polls == {task: 3}
    assert run.listener.notes == [  # type: ignore[attr-defined]
        "a force merge runs already (task node:1): watching it"
    ]


def test_a_running_merge_of_ours_that_ends_with_more_is_not_repeated() -> None:
    cluster = Merges(5)
    cluster.stubborn = True
    cluster.start(said("a", 2))
    executed(cluster)
    assert cluster.sent == []


def test_after_a_merge_with_another_target_comes_ours() -> None:
    cluster = Merges(9)
    cluster.start(said("a", 4))
    assert executed(cluster) == {"segments_before": 18, "segments": 4}
    assert cluster.sent == [SENT.format(2)]
    assert cluster.polls == {"node:1": 3, "node:2": 3}, "one after the other"


def test_a_merge_to_fewer_segments_will_do() -> None:
    cluster = Merges(9)
    cluster.start(said("a", 1))
    assert executed(cluster) == {"segments_before": 18, "segments": 2}
    assert cluster.sent == []


def test_two_that_run_are_both_awaited() -> None:
    cluster = Merges(9)
    cluster.start(said("a", 4))
    cluster.start(said("b, a", 2))
    executed(cluster)
    assert cluster.sent == []
    assert cluster.polls == {"node:1": 3, "node:2": 3}


@pytest.mark.parametrize("asked", ["a", "b, a", "a, b", "a*", "*", "_all", ""])
def test_a_task_that_is_about_the_index(asked: str) -> None:
    """Wildcards and none at all stand there as they were asked for (seen on 8.16.1)."""
    cluster = Merges(5)
    cluster.start(said(asked, 2))
    assert force_merge.tasks(run_of(cluster), "a") == ["node:1"]


@pytest.mark.parametrize("asked", ["aa", "aa, a-b", "b*", "-a", "A"])
def test_a_task_that_is_about_other_indices(asked: str) -> None:
    cluster = Merges(5)
    cluster.start(said(asked, 1))
    assert force_merge.tasks(run_of(cluster), "a") == []
    executed(cluster)
    assert cluster.sent == [SENT.format(2)]


def test_a_node_that_does_not_answer_may_run_one() -> None:
    cluster = Merges(5)
    cluster.failed_nodes = [{"type": "failed_node_exception"}]
    with pytest.raises(OutcomeUnknown, match="a node does not answer which tasks it runs"):
        executed(cluster)
    assert cluster.sent == []


# A merge that goes wrong


def test_a_task_that_vanished_is_started_again() -> None:
    cluster = Merges(5)
    cluster.lost = 4
    assert executed(cluster) == {"segments_before": 10, "segments": 4}
    assert cluster.sent == [SENT.format(2)] * 5


def test_shards_that_are_missing_are_not_merged_by_the_way(missing: list[str]) -> None:
    """A merge passes by what is not there, and says that it is done."""
    missing.append("a")
    cluster = Merges(5)
    with pytest.raises(Incomplete):
        executed(cluster)
    assert cluster.sent == []


def test_shards_that_went_meanwhile_are_not_merged(missing: list[str]) -> None:
    cluster = Merges(5)
    poll = cluster.poll

    def gone(name: str) -> Any:
        missing[:] = ["a"]
        return poll(name)

    cluster.poll = gone  # type: ignore[method-assign]
    with pytest.raises(Incomplete):
        executed(cluster)


def test_five_times_at_most() -> None:
    cluster = Merges(5)
    cluster.lost = 99
    with pytest.raises(StepFailed, match="lost 5 times with the node that ran it") as failed:
        executed(cluster)
    assert len(cluster.sent) == 5
    assert "apply the plan again" in failed.value.remedy


@pytest.mark.parametrize("starts", [1, 5])
def test_a_task_that_vanished_when_all_was_merged(starts: int) -> None:
    """Its node ends just after the merge, also that of the last start."""
    cluster = Merges(5)
    cluster.lost = 5
    poll = cluster.poll

    def merged(name: str) -> Any:
        cluster.segments = [2] if len(cluster.sent) == starts else [5]
        return poll(name)

    cluster.poll = merged  # type: ignore[method-assign]  (to merge before it is lost)
    executed(cluster)
    assert len(cluster.sent) == starts


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (
            {
                "response": {
                    "_shards": {
                        "failed": 2,
                        "failures": [
                            {"shard": 0, "reason": {"type": "io", "reason": "No space left"}},
                            {"shard": 1, "reason": {"type": "io", "reason": "closed"}},
                        ],
                    }
                }
            },
            "No space left; closed",
        ),
        ({"response": {"_shards": {"failures": [{"shard": 0}]}}}, ""),
        ({"error": {"type": "x", "reason": "the node left"}}, "the node left"),
        ({"error": {"type": "x", "reason": None}}, ""),
    ],
)
def test_completed_does_not_mean_good(answer: dict[str, Any], why: str) -> None:
    cluster = Merges(5)
    cluster.answer = answer
    with pytest.raises(StepFailed) as failed:
        executed(cluster)
    assert failed.value.what == "a was not force merged"
    assert failed.value.why == why
    assert "a merge needs free space" in failed.value.remedy


# After the switch


def test_left_out_after_the_switch_where_somebody_writes(cluster: Any) -> None:
    cluster.make("a", settings={"index.number_of_shards": "1"}, mark=7)
    step = force_merge.describe("alias.x", Index("a"), 1, {}, phase="finish", marks={"0": 6})
    run = run_of(cluster)
    assert force_merge.execute(step, run) == {"skipped": "somebody writes to it"}
    assert run.listener.notes == ["a is written to, so it is not merged"]  # type: ignore[attr-defined]
    assert cluster.sent == []


def test_since_the_proof_of_its_own_object(cluster: Any) -> None:
    cluster.make("a", settings={"index.number_of_shards": "1"}, mark=7)
    step = force_merge.describe("alias.x", Index("a"), 1, {}, phase="finish")
    run = run_of(cluster)
    run.proofs["alias.x"] = {"marks": {"a": {"0": 6}}}
    assert force_merge.execute(step, run) == {"skipped": "somebody writes to it"}


def test_before_the_switch_it_is_a_precondition() -> None:
    idle = {"check": "unwritten", "index": "a", "marks": {"0": 7}}
    early = force_merge.describe("x", Index("a"), 1, {}, phase="prepare", marks={"0": 7})
    late = force_merge.describe("x", Index("a"), 1, {}, phase="finish", marks={"0": 7})
    assert early.preconditions == ({}, idle)
    assert late.preconditions == ({},)


# Version 7, which answers at the end of the merge


SEVEN = force_merge.for_version(STEP, "7.17.29")


class Blocking(Merges):
    """`answers`: what each request brings; None, that the answer takes too long."""

    def __init__(self, *segments: int, answers: list[Any]) -> None:
        super().__init__(*segments)
        self.answers = answers

    def change(self, method: str, path: str, *rest: Any, **named: Any) -> Any:
        assert named["timeout"] == force_merge.PATIENCE
        task = super().change(method, path, *rest, **named)["task"]
        answer = self.answers.pop(0)
        if answer is None:
            raise OutcomeUnknown("no answer in time")
        del self.running[task]
        self.segments = [2 for _ in self.segments]
        return answer


def test_version_7_is_not_asked_for_a_task() -> None:
    assert SEVEN.request == {
        "method": "POST",
        "path": "/a/_forcemerge?max_num_segments=2",
        "body": None,
    }
    for version in ("8.16.1", "9.4.3", "2.19.5"):
        assert force_merge.for_version(STEP, version) == STEP


def test_an_answer_of_version_7_is_the_end() -> None:
    cluster = Blocking(5, 3, answers=[{"_shards": {"failed": 0}}])
    evidence = force_merge.execute(SEVEN, run_of(cluster))
    assert (evidence["segments_before"], evidence["segments"]) == (16, 8)
    assert len(cluster.sent) == 1


def test_a_merge_of_version_7_that_takes_long_is_watched() -> None:
    cluster = Blocking(5, 3, answers=[None])
    assert force_merge.execute(SEVEN, run_of(cluster))["segments"] == 8
    assert len(cluster.sent) == 1
    assert cluster.polls == {"node:1": 3}


def test_a_failed_shard_in_an_answer_of_version_7() -> None:
    failures = [{"reason": {"reason": "no space left"}}]
    cluster = Blocking(5, answers=[{"_shards": {"failed": 1, "failures": failures}}])
    with pytest.raises(StepFailed, match="a was not force merged") as caught:
        force_merge.execute(SEVEN, run_of(cluster))
    assert caught.value.why == "no space left"


def test_a_request_of_version_7_that_got_lost_is_unknown() -> None:
    cluster = Blocking(5, answers=[None])
    cluster.start = lambda _description: "node:1"  # type: ignore[method-assign]
    with pytest.raises(OutcomeUnknown, match="no answer in time"):
        force_merge.execute(SEVEN, run_of(cluster))
