"""The parts of the lock that need no second process; the live suite has those."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import asdict, replace
from typing import Any

import pytest

from esplan import holder as holders
from esplan import lock
from esplan.errors import (
    EsplanError,
    Locked,
    OutcomeUnknown,
    Refused,
    ServerError,
    Stopped,
    Unreachable,
)
from esplan.holder import Holder, is_dead, started_at, this_process
from esplan.plan import STATE_INDEX

PLAN = "a" * 64
PATH = f"{STATE_INDEX}/_doc/lock"


def held(cluster: Any, holder: Holder) -> None:
    cluster.documents[PATH] = {"kind": "lock", **asdict(holder), "beat": 0.0}
    cluster.seq_nos[PATH] = 100


@pytest.fixture
def elsewhere() -> Holder:
    return replace(this_process(PLAN), machine="another machine", host="there", token="theirs")


@pytest.fixture
def dead() -> Holder:
    """The holder that a process of this machine was, which has ended."""
    script = "from esplan.holder import this_process as t; h = t('p'); print(h.pid, h.started)"
    ended = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    pid, started = ended.stdout.split()
    return replace(this_process(PLAN), pid=int(pid), started=started.decode(), token="dead")


# Who lives


def test_this_process_lives() -> None:
    holder = this_process(PLAN)
    assert holder.pid == os.getpid()
    assert holder.plan == PLAN
    assert not is_dead(holder)


def test_every_holder_has_a_token_of_its_own() -> None:
    assert this_process(PLAN).token != this_process(PLAN).token


def test_a_process_that_ended_is_dead(dead: Holder) -> None:
    assert is_dead(dead)


def test_a_pid_used_again_is_another_process() -> None:
    assert is_dead(replace(this_process(PLAN), started="1"))


def test_nobody_knows_about_another_machine(elsewhere: Holder) -> None:
    assert not is_dead(elsewhere)
    assert not is_dead(replace(elsewhere, pid=2**22 + 1))


def test_nobody_knows_without_a_proc_file_system(
    dead: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holders, "_machine", lambda: "")
    assert not is_dead(replace(dead, machine=""))


def test_a_process_that_is_not_reaped_yet_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    started = started_at(child.pid)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    holder = replace(this_process(PLAN), pid=child.pid, started=started or "1")
    assert is_dead(holder)
    child.wait()


def test_a_holder_is_shown() -> None:
    holder = Holder("t", "host", "m", 7, "1", "abcdefghijklmnop", "2026-01-01T00:00:00+00:00")
    assert str(holder) == "host, pid 7, since 2026-01-01T00:00:00+00:00, plan abcdefghijkl"


# Taking it


def test_taken_and_given_back(cluster: Any) -> None:
    with lock.Lock(cluster, PLAN, pytest.fail) as taken:
        seen = lock.read(cluster)
        assert seen is not None
        assert seen.holder == taken.holder
        assert set(cluster.indices[STATE_INDEX]["aliases"]) == {f"esplan-fence-{taken.token}"}
        taken.check()
    assert lock.read(cluster) is None


def test_given_back_after_an_error(cluster: Any) -> None:
    with pytest.raises(KeyError), lock.Lock(cluster, PLAN, pytest.fail):
        raise KeyError
    assert lock.read(cluster) is None


def test_a_living_holder_of_this_machine_refuses_at_once(cluster: Any) -> None:
    holder = this_process(PLAN)
    held(cluster, holder)
    with pytest.raises(Locked, match="another apply is running") as refused:
        lock.Lock(cluster, PLAN, pytest.fail).__enter__()
    assert refused.value.exit_code == 5
    assert refused.value.where == str(holder)
    assert f"esplan unlock {holder.token}" in refused.value.remedy


def test_a_holder_elsewhere_that_renews_refuses(
    cluster: Any, elsewhere: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    held(cluster, elsewhere)
    notes: list[str] = []
    monkeypatch.setattr(lock.time, "sleep", lambda _seconds: None)
    seen = [lock._Seen(elsewhere, n, 1) for n in (1, 1, 1, 2)]
    monkeypatch.setattr(lock, "read", lambda _cluster: seen.pop(0))
    with pytest.raises(Locked) as refused:
        lock.Lock(cluster, PLAN, notes.append).__enter__()
    assert refused.value.where == str(elsewhere)
    assert "watching whether it still lives (60 s)" in notes[0]


def test_a_new_term_alone_shows_that_nothing_is_known(elsewhere: Holder) -> None:
    """A primary that moved has a new term; sequence number and term are compared together."""
    assert lock._Seen(elsewhere, 1, 1) != lock._Seen(elsewhere, 1, 2)


def test_a_server_that_refuses_the_lock(cluster: Any) -> None:
    cluster.refuse("PUT /esplan-state/_doc/lock", status=403)
    with pytest.raises(ServerError):
        lock.Lock(cluster, PLAN, pytest.fail).__enter__()


def test_a_fence_that_cannot_be_moved_gives_the_lock_back(cluster: Any) -> None:
    cluster.refuse("POST /_aliases", status=403)
    with pytest.raises(ServerError):
        lock.Lock(cluster, PLAN, pytest.fail).__enter__()
    assert lock.read(cluster) is None


def test_a_lock_that_nobody_can_write_is_given_up(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every write is lost, and every read answers: that must end."""

    def drop(request: str) -> None:
        if request.startswith("PUT /esplan-state/_doc/lock"):
            raise OutcomeUnknown(f"the outcome of {request} is unknown")

    cluster.before = drop
    slept: list[float] = []
    now = lock._now()
    monkeypatch.setattr(lock.time, "sleep", slept.append)
    monkeypatch.setattr(lock, "_now", lambda: now + sum(slept))
    with pytest.raises(OutcomeUnknown, match="the outcome of PUT"):
        lock.Lock(cluster, PLAN, pytest.fail).__enter__()
    assert slept == [lock.SOON] * lock.ATTEMPTS


def test_a_lock_that_esplan_did_not_write_is_named(cluster: Any) -> None:
    cluster.documents[PATH] = {"kind": "lock", "token": "t"}
    with pytest.raises(EsplanError, match="cannot be read, so nobody can say") as error:
        lock.read(cluster)
    assert error.value.where == lock.LOCK_PATH


def test_a_lock_whose_answer_got_lost_is_ours(cluster: Any) -> None:
    cluster.lose("PUT /esplan-state/_doc/lock")
    with lock.Lock(cluster, PLAN, pytest.fail) as taken:
        taken.check()


def test_a_server_that_takes_no_lock_and_shows_none(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was asked again and again, without an end and without a pause."""
    monkeypatch.setattr(lock.time, "sleep", lambda _seconds: None)
    cluster.refuse("PUT /esplan-state/_doc/lock", status=409)
    with pytest.raises(Unreachable, match="the lock can neither be taken nor read: 10 attempts"):
        lock.Lock(cluster, PLAN, pytest.fail).__enter__()


def test_a_lock_that_seems_to_be_gone_is_not_taken_over(
    cluster: Any, elsewhere: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy's 404 in the place of a lock whose holder lives: its number still fits."""
    held(cluster, elsewhere)
    monkeypatch.setattr(lock.time, "sleep", lambda _seconds: None)
    seen = lock._Seen(elsewhere, 1, 1)
    answers = [seen, None, seen, replace(seen, seq_no=2)]
    monkeypatch.setattr(lock, "read", lambda _cluster: answers.pop(0))
    with pytest.raises(Locked):
        lock.Lock(cluster, PLAN, lambda _text: None).__enter__()
    assert cluster.documents[PATH]["token"] == "theirs"


def test_a_fence_that_seems_to_be_gone_is_looked_for_again(cluster: Any) -> None:
    """It would stay beside ours, and let its late holder switch."""
    real = cluster.read
    cluster.read = lambda path, *rest: None if "_alias" in path else real(path, *rest)
    with pytest.raises(Unreachable, match="is 404"):
        lock.Lock(cluster, PLAN, pytest.fail).__enter__()
    assert "POST /_aliases" not in cluster.log


@pytest.mark.parametrize("way", ["lose", "drop"])
def test_given_back_although_a_request_got_lost(cluster: Any, way: str) -> None:
    """From another machine the next apply would wait a minute for a lock that is left."""
    with lock.Lock(cluster, PLAN, pytest.fail):
        getattr(cluster, way)("DELETE /esplan-state/_doc/lock")
    assert lock.read(cluster) is None


# Losing it


def test_lost_to_another(cluster: Any, elsewhere: Holder) -> None:
    with lock.Lock(cluster, PLAN, pytest.fail) as taken:
        held(cluster, elsewhere)
        taken._renew()
        with pytest.raises(Stopped, match="taken over by there, pid") as stopped:
            taken.check()
    assert "esplan status" in stopped.value.remedy


def test_removed_by_somebody(cluster: Any) -> None:
    with lock.Lock(cluster, PLAN, pytest.fail) as taken:
        del cluster.documents[PATH]
        taken._renew()
        with pytest.raises(Stopped, match="it was removed, or taken over and given back"):
            taken.check()


def test_a_renewal_whose_answer_got_lost_is_one(cluster: Any) -> None:
    with lock.Lock(cluster, PLAN, pytest.fail) as taken:
        before = taken._acknowledged
        cluster.lose("PUT /esplan-state/_doc/lock")
        assert taken._renew()
        assert taken._acknowledged > before
    assert lock.read(cluster) is None


def test_a_look_at_the_own_lock_is_no_renewal(cluster: Any) -> None:
    """A contender that watches the document sees nothing of it, and takes over."""
    with lock.Lock(cluster, PLAN, pytest.fail) as taken:
        before = taken._acknowledged
        cluster.drop("PUT /esplan-state/_doc/lock")
        assert not taken._renew()
        assert taken._acknowledged == before
        taken.check()


def test_given_back_after_a_renewal_that_nobody_heard_of(cluster: Any) -> None:
    with lock.Lock(cluster, PLAN, pytest.fail):
        cluster.seq_nos[PATH] += 1
    assert lock.read(cluster) is None


def test_the_lock_of_another_is_not_given_back(cluster: Any, elsewhere: Holder) -> None:
    with lock.Lock(cluster, PLAN, pytest.fail):
        held(cluster, elsewhere)
    seen = lock.read(cluster)
    assert seen
    assert seen.holder == elsewhere


def test_not_renewed_for_too_long(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with lock.Lock(cluster, PLAN, pytest.fail) as taken:
        now = lock._now()
        monkeypatch.setattr(lock, "_now", lambda: now + lock.GRACE + 1)
        with pytest.raises(Stopped, match="could not be renewed for 45 seconds"):
            taken.check()
        monkeypatch.undo()


def test_a_holder_gives_up_before_a_contender_takes_over() -> None:
    assert lock.RENEWAL * 2 < lock.GRACE < lock.EXPIRY


# Removing it


def test_a_dead_lock_is_removed_by_its_id(cluster: Any, dead: Holder) -> None:
    held(cluster, dead)
    assert lock.remove(cluster, dead.token, pytest.fail) == dead
    assert lock.read(cluster) is None


def test_another_id_removes_nothing(cluster: Any, dead: Holder) -> None:
    held(cluster, dead)
    with pytest.raises(EsplanError, match="there is no lock nonsense") as error:
        lock.remove(cluster, "nonsense", pytest.fail)
    assert dead.token in error.value.why
    assert lock.read(cluster) is not None


def test_no_lock_to_remove(cluster: Any) -> None:
    with pytest.raises(EsplanError) as error:
        lock.remove(cluster, "nonsense", pytest.fail)
    assert error.value.why == "nobody holds it"


def test_the_lock_of_a_living_process_is_not_removed(cluster: Any) -> None:
    """`unlock` removes a dead lock (design, commands)."""
    holder = this_process(PLAN)
    held(cluster, holder)
    with pytest.raises(EsplanError):
        lock.remove(cluster, holder.token, pytest.fail)
    assert lock.read(cluster) is not None


def test_a_lock_that_is_renewed_meanwhile_is_not_removed(cluster: Any, dead: Holder) -> None:
    held(cluster, dead)
    cluster.refuse("DELETE /esplan-state/_doc/lock", status=409)
    with pytest.raises(Refused, match="its holder lives"):
        lock.remove(cluster, dead.token, pytest.fail)


def test_the_lock_of_a_holder_elsewhere_that_renews_is_not_removed(
    cluster: Any, elsewhere: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was removed at once, and both believed that they had it."""
    held(cluster, elsewhere)
    notes: list[str] = []

    def renewed(_seconds: float) -> None:
        cluster.seq_nos[PATH] += 1

    monkeypatch.setattr(lock.time, "sleep", renewed)
    with pytest.raises(Refused, match="its holder lives"):
        lock.remove(cluster, elsewhere.token, notes.append)
    assert "watching whether it still lives (60 s)" in notes[0]
    assert lock.read(cluster) is not None


def test_the_lock_of_a_holder_elsewhere_is_removed_after_a_watch_or_by_force(
    cluster: Any, elsewhere: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 10_000, 30))
    monkeypatch.setattr(lock, "_now", lambda: float(next(clock)))
    monkeypatch.setattr(lock.time, "sleep", lambda _seconds: None)
    held(cluster, elsewhere)
    assert lock.remove(cluster, elsewhere.token, lambda _note: None) == elsewhere
    held(cluster, elsewhere)
    assert lock.remove(cluster, elsewhere.token, pytest.fail, force=True) == elsewhere
    assert lock.read(cluster) is None


def test_a_lock_that_is_removed_takes_the_fence_from_its_holder(
    cluster: Any, elsewhere: Holder
) -> None:
    with lock.Lock(cluster, PLAN, pytest.fail) as taken:
        held(cluster, elsewhere)
        lock.remove(cluster, elsewhere.token, pytest.fail, force=True)
        assert f"esplan-fence-{taken.token}" not in cluster.indices[STATE_INDEX]["aliases"]


def test_an_apply_that_died_after_its_end_leaves_no_lock(cluster: Any, dead: Holder) -> None:
    held(cluster, dead)
    lock.drop_left_over(cluster, dead.plan)
    assert lock.read(cluster) is None


@pytest.mark.parametrize("kept", ["alive", "elsewhere", "another plan", "renewed"])
def test_no_other_lock_is_dropped(cluster: Any, dead: Holder, elsewhere: Holder, kept: str) -> None:
    holders = {"alive": this_process(PLAN), "elsewhere": elsewhere}
    holder = holders.get(kept, replace(dead, plan="b" * 64 if kept == "another plan" else PLAN))
    held(cluster, holder)
    cluster.refuse("DELETE /esplan-state/_doc/lock", status=409)
    lock.drop_left_over(cluster, PLAN)
    assert lock.read(cluster) is not None


# The fence


def test_the_fence_moves_in_one_call(cluster: Any) -> None:
    cluster.indices[STATE_INDEX]["aliases"] = {"esplan-fence-old": {}, "unrelated": {}}
    assert lock.fences(cluster) == ["esplan-fence-old"]
    assert lock.rotate_fence(cluster, "new", ["esplan-fence-old"])
    assert set(cluster.indices[STATE_INDEX]["aliases"]) == {"esplan-fence-new", "unrelated"}
    assert cluster.log == ["POST /_aliases"]


def test_a_fence_whose_answer_got_lost(cluster: Any) -> None:
    cluster.lose("POST /_aliases")
    assert lock.rotate_fence(cluster, "new", ["esplan-fence-t"])
    cluster.drop("POST /_aliases")
    with pytest.raises(OutcomeUnknown):
        lock.rotate_fence(cluster, "newer", ["esplan-fence-new"])


def test_a_fence_that_has_moved_meanwhile_is_not_moved(cluster: Any) -> None:
    assert not lock.rotate_fence(cluster, "late", ["esplan-fence-gone"])
    assert lock.fences(cluster) == ["esplan-fence-t"]


def test_a_holder_that_was_taken_over_before_it_moved_the_fence_moves_nothing(
    cluster: Any, elsewhere: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was stopped just after it had the lock, and is woken when another has both."""
    acquire = lock.Lock._acquire

    def stopped(one: lock.Lock) -> None:
        acquire(one)
        held(cluster, elsewhere)
        lock.rotate_fence(cluster, elsewhere.token, lock.fences(cluster))

    monkeypatch.setattr(lock.Lock, "_acquire", stopped)
    with pytest.raises(Stopped, match="taken over by there"):
        lock.Lock(cluster, PLAN, pytest.fail).__enter__()
    assert lock.fences(cluster) == ["esplan-fence-theirs"]


def test_a_fence_that_moves_while_it_is_moved_is_moved_again(cluster: Any) -> None:
    left = ["late"]

    def late(request: str) -> None:
        if request == "POST /_aliases" and left:
            lock.rotate_fence(cluster, left.pop(), lock.fences(cluster))

    cluster.before = late
    with lock.Lock(cluster, PLAN, pytest.fail) as taken:
        assert lock.fences(cluster) == [f"esplan-fence-{taken.token}"]
