"""commands/{plan,apply,status}.py, against a cluster in memory."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from esplan import normalize, planfile, state_index
from esplan.commands import apply as apply_commands
from esplan.commands.plan import plan
from esplan.commands.status import status
from esplan.desired import Desired
from esplan.errors import (
    JournalError,
    Locked,
    OutcomeUnknown,
    Refused,
    ServerError,
    Stopped,
    UsageError,
)
from esplan.holder import this_process
from esplan.journal import Record, beside, open_journal
from esplan.lock import Lock
from esplan.model import Alias, Index, Naming, State
from esplan.views.progress import Silent

if TYPE_CHECKING:
    from pathlib import Path

    from esplan.plan import Plan

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


def indices(*names: str, **settings: Any) -> Desired:
    body = normalize.body(settings, {})
    return Desired(State({name: Index(name, body) for name in names}), "f" * 64)


def planned(cluster: Any, desired: Desired, **options: Any) -> Plan:
    return plan(cluster, desired, now=NOW, plan_id="0123456789abcdef", **options)


# plan


def test_a_plan_names_its_cluster_its_files_and_its_time(cluster: Any) -> None:
    made = planned(cluster, indices("a"))
    assert made.cluster["uuid"] == "fake-uuid"
    assert made.desired_digest == "f" * 64
    assert made.created_at == "2026-01-02T03:04:05+00:00"
    assert made == planfile.sealed(made)


def test_the_same_input_makes_the_same_plan(cluster: Any) -> None:
    assert planned(cluster, indices("a", "b")) == planned(cluster, indices("b", "a"))


def test_every_plan_has_an_id_of_its_own(cluster: Any) -> None:
    one, other = (plan(cluster, indices("a"), now=NOW) for _ in range(2))
    assert one.id != other.id
    assert len(one.id) == 16


def test_planning_changes_nothing(cluster: Any) -> None:
    planned(cluster, indices("a"))
    assert cluster.log == []


@pytest.mark.parametrize(
    ("options", "addresses"),
    [
        ({}, ["index.a", "index.b", "index.c"]),
        ({"target": ["index.b"]}, ["index.b"]),
        ({"exclude": ["index.b"]}, ["index.a", "index.c"]),
        ({"target": ["index.a", "index.b"], "exclude": ["index.b"]}, ["index.a"]),
    ],
)
def test_target_and_exclude(cluster: Any, options: Any, addresses: list[str]) -> None:
    made = planned(cluster, indices("a", "b", "c"), **options)
    assert [change.address for change in made.changes] == addresses


@pytest.mark.parametrize("option", ["target", "exclude"])
def test_an_address_that_no_file_has(cluster: Any, option: str) -> None:
    with pytest.raises(UsageError, match=r"no desired file has index\.x") as error:
        planned(cluster, indices("a"), **{option: ["index.x"]})
    assert error.value.remedy == "addresses here: index.a"
    assert error.value.exit_code == 64


def test_what_the_server_would_ignore_is_refused(cluster: Any) -> None:
    body = normalize.body({}, {"_source": {"mode": "synthetic"}})
    desired = Desired(State({"a": Index("a", body)}), "d")
    assert planned(cluster, desired).steps
    cluster.version = "9.4.3"
    with pytest.raises(Refused, match=r"index.a: elasticsearch 9.4.3 takes mappings._source.mode"):
        planned(cluster, desired)


def test_every_refusal_at_once(cluster: Any) -> None:
    for name in ("a", "b"):
        cluster.make(name, settings={"index.number_of_shards": "1"})
    with pytest.raises(Refused, match="2 objects have no safe way") as error:
        planned(cluster, indices("a", "b", "c", number_of_shards=2))
    assert "index.a cannot be changed in place" in error.value.why
    assert "index.b cannot be changed in place" in error.value.why


def test_a_single_refusal_stands_for_itself(cluster: Any) -> None:
    cluster.make("a", settings={"index.number_of_shards": "1"})
    with pytest.raises(Refused, match=r"index\.a cannot be changed in place"):
        planned(cluster, indices("a", "c", number_of_shards=2))


def test_two_objects_that_would_make_one_index(cluster: Any) -> None:
    alias = Alias("x", naming=Naming("x_{color}", ("a",)))
    both = Desired(State({"x_a": Index("x_a")}, {"x": alias}), "f" * 64)
    with pytest.raises(Refused, match="would both create the index x_a"):
        planned(cluster, both)


# apply


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plan.json"


def test_applied_with_a_journal_beside_the_plan(cluster: Any, path: Path) -> None:
    made = planned(cluster, indices("a"))
    outcome = apply_commands.apply(cluster, made, path, Silent())
    assert (outcome.steps, outcome.remaining, outcome.already) == (2, 0, False)
    assert beside(path).exists()
    assert "a" in cluster.indices
    assert f"{state_index.STATE_INDEX}/_doc/lock" not in cluster.documents


def test_applied_again_after_it_died_with_the_lock(cluster: Any, path: Path) -> None:
    made = planned(cluster, indices("a"))
    apply_commands.apply(cluster, made, path, Silent())
    key = f"{state_index.STATE_INDEX}/_doc/lock"
    dead = replace(this_process(made.digest), started="1")
    cluster.documents[key] = {"kind": "lock", **asdict(dead), "beat": 0.0}
    cluster.seq_nos[key] = 100
    assert apply_commands.apply(cluster, made, path, Silent()).already
    assert key not in cluster.documents


def test_applied_again(cluster: Any, path: Path) -> None:
    made = planned(cluster, indices("a"))
    apply_commands.apply(cluster, made, path, Silent())
    cluster.log.clear()
    assert apply_commands.apply(cluster, made, path, Silent()).already
    assert cluster.log == []


@pytest.mark.parametrize("refused", ["GET /", "POST /_aliases"], ids=["first look", "fence"])
def test_an_apply_that_is_begun_and_cannot_go_on_is_stopped(
    cluster: Any, path: Path, refused: str
) -> None:
    """Before the journal is looked at. Exit code 1 would say that nothing of it is left."""
    made = planned(cluster, indices("a", "b"))

    def away(request: str) -> None:
        if request == "PUT /b":
            raise OutcomeUnknown("the outcome of PUT /b is unknown")

    cluster.before = away
    with pytest.raises(Stopped):
        apply_commands.apply(cluster, made, path, Silent())
    cluster.refuse(refused, status=403)
    cluster.before_reads = refused.startswith("GET")
    with pytest.raises(Stopped, match="refused") as stopped:
        apply_commands.apply(cluster, made, path, Silent())
    assert "apply the same plan again" in stopped.value.remedy


def test_an_apply_that_is_not_begun_and_cannot_is_an_error(cluster: Any, path: Path) -> None:
    made = planned(cluster, indices("a"))
    cluster.refuse("POST /_aliases", status=403)
    with pytest.raises(ServerError):
        apply_commands.apply(cluster, made, path, Silent())


def test_applied_in_phases(cluster: Any, path: Path) -> None:
    made = planned(cluster, indices("a"))
    outcome = apply_commands.apply(cluster, made, path, Silent(), through="prepare")
    assert (outcome.steps, outcome.remaining, outcome.already) == (1, 1, False)
    outcome = apply_commands.apply(cluster, made, path, Silent(), through="finish")
    assert (outcome.steps, outcome.remaining) == (1, 0)


def test_a_plan_without_steps(cluster: Any, path: Path) -> None:
    cluster.make("a")
    made = planned(cluster, indices("a"))
    assert apply_commands.apply(cluster, made, path, Silent()).already
    assert not beside(path).exists()
    assert cluster.log == []


def test_another_cluster(cluster: Any, path: Path) -> None:
    made = planned(cluster, indices("a"))
    made.cluster["uuid"] = "another"
    with pytest.raises(Refused, match=r"was made for the cluster fake \(another\)") as refused:
        apply_commands.apply(cluster, made, path, Silent())
    assert "--url" in refused.value.remedy
    assert cluster.log == []


def test_locked(cluster: Any, path: Path) -> None:
    from dataclasses import asdict

    holder = this_process("other")
    cluster.documents["esplan-state/_doc/lock"] = asdict(holder)
    with pytest.raises(Locked):
        apply_commands.apply(cluster, planned(cluster, indices("a")), path, Silent())
    assert "a" not in cluster.indices


def test_a_damaged_journal_stops_before_the_lock(cluster: Any, path: Path) -> None:
    beside(path).write_text("garbage\n")
    with pytest.raises(JournalError):
        apply_commands.apply(cluster, planned(cluster, indices("a")), path, Silent())
    assert cluster.log == []


@pytest.mark.parametrize("through", ["prepare", "finish"])
def test_another_apply_went_on_until_the_lock_was_ours(
    cluster: Any, path: Path, through: Any
) -> None:
    """What was read of the journal before is old then, and must not be written once more."""
    made = planned(cluster, indices("a"))
    others = [through]

    def before(request: str) -> None:
        if request == "PUT /esplan-state/_doc/lock" and others:
            apply_commands.apply(cluster, made, path, Silent(), through=others.pop())

    cluster.before = before
    outcome = apply_commands.apply(cluster, made, path, Silent())
    assert outcome.already is (through == "finish")
    found = open_journal(beside(path), made.digest)
    assert found.ended
    assert [record.event for record in found.records].count("start") == 1 + (through == "prepare")


def test_abandoned(cluster: Any, path: Path) -> None:
    made = planned(cluster, indices("a"))
    apply_commands.apply(cluster, made, path, Silent(), through="prepare")
    apply_commands.abandon(cluster, made, path, Silent())
    assert "a" not in cluster.indices


def test_abandoning_what_was_never_begun_leaves_no_trace(cluster: Any, path: Path) -> None:
    made = planned(cluster, indices("a"))
    apply_commands.abandon(cluster, made, path, Silent())
    assert status(cluster).unfinished == ()


# status


def test_nothing_goes_on(cluster: Any) -> None:
    found = status(cluster)
    assert (found.holder, found.holder_is_dead, found.unfinished, found.tasks) == (
        None,
        False,
        (),
        (),
    )


def test_an_apply_goes_on(cluster: Any, path: Path) -> None:
    made = planned(cluster, indices("a"))
    apply_commands.apply(cluster, made, path, Silent(), through="prepare")
    (one,) = status(cluster).unfinished
    assert (one.plan, one.done, one.steps) == (made.digest, 1, 2)
    assert status(cluster, made.digest).unfinished == (one,)
    assert status(cluster, "other").unfinished == ()


def test_an_apply_that_has_ended_is_not_shown(cluster: Any, path: Path) -> None:
    apply_commands.apply(cluster, planned(cluster, indices("a")), path, Silent())
    assert status(cluster).unfinished == ()


def test_the_holder_of_the_lock(cluster: Any) -> None:
    from dataclasses import asdict, replace

    holder = this_process("p")
    cluster.documents["esplan-state/_doc/lock"] = asdict(holder)
    found = status(cluster)
    assert (found.holder, found.holder_is_dead) == (holder, False)
    cluster.documents["esplan-state/_doc/lock"] = asdict(replace(holder, started="1"))
    assert status(cluster).holder_is_dead


def test_a_mirrored_journal_without_a_start(cluster: Any) -> None:
    """The first record is the start, unless a crash or an abandon came before it."""
    record = Record(0, "", "failed", "", "2026", {}).sealed()
    state_index.store(cluster, "c" * 64, record)
    status(cluster)


def test_running_tasks(cluster: Any) -> None:
    ours = {"X-Opaque-Id": "esplan:0123:03-reindex"}
    counted = {"total": 100, "created": 40, "updated": 0, "version_conflicts": 2}
    parent = {"headers": ours, "description": "reindex", "running_time_in_nanos": 2e9}
    child = {**parent, "parent_task_id": "n:1", "status": counted}
    tasks = {
        "n:1": {**parent, "status": {"slices": [None, None]}},
        "n:2": child,
        "n:3": {**child, "status": {**counted, "total": 50, "created": 8}},
        "n:4": {**parent, "headers": {"X-Opaque-Id": "somebody"}, "status": counted},
        "n:5": {**parent, "headers": {}, "status": counted},
    }
    real = cluster.read
    cluster.read = lambda path, *rest, **more: (
        {"nodes": {"n": {"tasks": tasks}}} if path == "/_tasks" else real(path, *rest, **more)
    )
    (task,) = status(cluster).tasks
    assert (task.id, task.done, task.total, task.seconds) == ("n:1", 52, 150, 2.0)


def test_an_apply_that_waited_for_the_lock_sees_what_was_done_meanwhile(
    cluster: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal is read under the lock: another apply of the plan may just have ended."""
    made = planned(cluster, indices("a"))
    enter, waiting = Lock.__enter__, ["once"]

    def wait(lock: Lock) -> Lock:
        if waiting:
            waiting.clear()
            assert apply_commands.apply(cluster, made, path, Silent()).steps == 2
        return enter(lock)

    monkeypatch.setattr(Lock, "__enter__", wait)
    assert apply_commands.apply(cluster, made, path, Silent()).already
    assert [one.event for one in open_journal(beside(path), made.digest).records].count("end") == 1
