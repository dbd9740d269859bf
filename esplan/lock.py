"""One apply per cluster at a time, and a fence for the holder that does not know it is late.

The lock is a document that only `create` can make; it is renewed by sequence number and term.
No wall clock decides anything: a contender takes over when the document has not changed for
`EXPIRY` seconds of the contender's own monotonic time, and a holder stops changing things
`GRACE` seconds after it sent the last renewal that the document shows. Each holder moves the
fence alias to its own token; a switch or delete of an earlier holder is then refused by the
cluster itself.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from esplan import state_index
from esplan.errors import (
    EsplanError,
    Locked,
    OutcomeUnknown,
    Refused,
    ServerError,
    Stopped,
    Unreachable,
)
from esplan.fence import fences, rotate_fence
from esplan.holder import Holder, is_alive, is_dead, this_process
from esplan.plan import STATE_INDEX
from esplan.request import document

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from esplan.cluster import Cluster
    from esplan.model import JSON

EXPIRY = 60.0
GRACE = 45.0
RENEWAL = 10.0
AT_ONCE, SOON = 0.1, 1.0
"""Seconds until a write is tried again: another was first; nobody knows what became of it."""

FENCES = 3
"""How often the fence is moved that somebody else, who is late, has just moved."""

ATTEMPTS, RELEASES = 10, 3
"""To take a lock that nobody seems to hold; to give ours back."""

LOCK_PATH = f"/{STATE_INDEX}/_doc/lock"


def _now() -> float:
    """Seconds since boot, those included for which the machine slept where it counts them."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


@dataclass(frozen=True)
class _Seen:
    """The lock document at one moment. `beat`: when it was sent, by its holder's `_now`."""

    holder: Holder
    seq_no: int
    term: int
    beat: float = 0.0


class Lock:
    """The lock of one apply: a context manager that renews itself in a thread of its own."""

    def __init__(self, cluster: Cluster, plan_digest: str, note: Callable[[str], None]) -> None:
        """Nothing is sent yet. `note` is told when there is something to wait for."""
        self._cluster, self._note = cluster, note
        self.holder = this_process(plan_digest)
        self.token = self.holder.token
        self._position = (0, 0)
        self._acknowledged = 0.0
        self._lost = ""
        self._unknown: OutcomeUnknown | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew_until_stopped, daemon=True)

    def __enter__(self) -> Self:
        """Acquire, fence off earlier holders, start renewing. Raises Locked."""
        state_index.ensure(self._cluster)
        self._acquire()
        try:
            self._move_fence()
        except BaseException:
            self._release()
            raise
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop renewing and give the lock back."""
        self._stop.set()
        self._thread.join()
        self._release()

    def check(self) -> None:
        """Raise Stopped unless the lock is certainly still ours: called before every change."""
        if self._lost:
            raise Stopped(
                f"the lock was lost: {self._lost}",
                code="ESP-5102",
                remedy="see who holds it with `esplan status`, then apply the plan again",
            )
        if _now() - self._acknowledged > GRACE:
            raise Stopped(
                f"the lock could not be renewed for {GRACE:.0f} seconds",
                code="ESP-5103",
                remedy="when the cluster answers again, apply the plan again",
            )

    def _acquire(self) -> None:
        """Create the document; where there is one, wait until its holder is dead or alive.

        Raises OutcomeUnknown when nobody can say what becomes of the writes.
        """
        for _ in range(ATTEMPTS):
            if self._create():
                return
            seen = read(self._cluster)
            if seen is None:
                time.sleep(SOON if self._unknown else AT_ONCE)
                continue
            if seen.holder.token == self.token:
                self._hold(seen.seq_no, seen.term, seen.beat)
                return
            condition = {"if_seq_no": seen.seq_no, "if_primary_term": seen.term}
            if self._outwait(seen) and self._write(condition):
                self._note(f"took over the lock of a holder that is gone ({seen.holder})")
                return
            time.sleep(AT_ONCE)
        raise self._unknown or Unreachable(
            f"the lock can neither be taken nor read: {ATTEMPTS} attempts",
            code="ESP-5104",
            why=f"the server does not take PUT {LOCK_PATH}, and says that there is no lock",
            remedy="see what answers between this machine and the cluster",
        )

    def _create(self) -> bool:
        return self._write({"op_type": "create"})

    def _write(self, condition: JSON) -> bool:
        """Put our document under a condition; False when another was first or nobody knows.

        After an unknown outcome the caller reads the document: it may be ours.
        """
        started, self._unknown = _now(), None
        body = {"kind": "lock", **asdict(self.holder), "beat": started}
        try:
            answer = self._cluster.change("PUT", LOCK_PATH, condition, body, timeout=10)
        except ServerError as error:
            if error.status != 409:  # noqa: PLR2004  (HTTP's own number)
                raise
            return False
        except OutcomeUnknown as error:
            self._unknown = error
            return False
        self._hold(answer["_seq_no"], answer["_primary_term"], started)
        return True

    def _hold(self, seq_no: int, term: int, since: float) -> None:
        """The document has been ours from then on at the latest: a contender counts from there."""
        self._position, self._acknowledged = (seq_no, term), since

    def _outwait(self, seen: _Seen) -> bool:
        """Whether the holder is dead; False where its lock has gone: then it is for all to create.

        Raises Locked as soon as the holder shows that it lives.
        """
        if is_dead(seen.holder):
            return True
        if is_alive(seen.holder):
            raise locked(seen.holder)
        now = outwait(self._cluster, seen, self._note)
        if now and (now.seq_no, now.term) != (seen.seq_no, seen.term):
            raise locked(now.holder)
        return now is not None

    def _renew_until_stopped(self) -> None:
        """Renewals until the lock is lost or given back; failures are retried until GRACE."""
        pause = RENEWAL
        while not self._stop.wait(pause) and not self._lost:
            try:
                pause = RENEWAL if self._renew() else SOON
            except EsplanError:
                pause = SOON  # `check` stops the apply when this lasts too long

    def _renew(self) -> bool:
        """Whether the lock is renewed: not by a look alone, which no contender would see."""
        began = _now()
        self._write_again()
        return not self._lost and self._acknowledged >= began

    def _write_again(self) -> None:
        """Renew; after a conflict or no answer, read the document: the write may be ours."""
        seq_no, term = self._position
        if self._write({"if_seq_no": seq_no, "if_primary_term": term}):
            return
        seen = read(self._cluster)
        if seen is None:
            self._lost = "it was removed, or taken over and given back"
        elif seen.holder.token != self.token:
            self._lost = f"it was taken over by {seen.holder}"
        else:
            self._hold(seen.seq_no, seen.term, seen.beat)

    def _move_fence(self) -> None:
        """Put it under our token, from where it was while the lock was certainly ours.

        A holder that was taken over since it looked moves nothing, whenever it is woken.
        """
        for _ in range(FENCES):
            old = fences(self._cluster)
            if not self._renew():
                self.check()
                raise self._unknown or OutcomeUnknown(
                    "the lock could not be renewed", code="ESP-5103"
                )
            if rotate_fence(self._cluster, self.token, old):
                return
        raise Stopped(
            "the fence of the lock is moved by somebody else",
            code="ESP-5102",
            remedy="see who holds the lock with `esplan status`, then apply the plan again",
        )

    def _release(self) -> None:
        """Delete the document if it is still ours; a lock left behind is seen as dead.

        That costs the next apply from another machine a minute, so a lost request is sent again.
        """
        try:
            for _ in range(RELEASES):
                if self._delete():
                    return
                seen = read(self._cluster)
                if seen is None or seen.holder.token != self.token:
                    return
                self._hold(seen.seq_no, seen.term, seen.beat)
        except EsplanError:
            return

    def _delete(self) -> bool:
        """False where it is not certain; nobody else's lock can be met."""
        seq_no, term = self._position
        condition = {"if_seq_no": seq_no, "if_primary_term": term}
        try:
            self._cluster.change("DELETE", LOCK_PATH, condition, timeout=10)
        except (ServerError, Unreachable):
            return False
        return True


def locked(holder: Holder) -> Locked:
    """The refusal that shows who holds the lock."""
    return Locked(
        "another apply is running on this cluster",
        code="ESP-5101",
        where=str(holder),
        remedy="wait for it (`esplan status` shows how far it is); if it is certainly dead: "
        f"esplan unlock {holder.token}",
    )


def read(cluster: Cluster) -> _Seen | None:
    """The lock document now; None when nobody holds the lock.

    Raises EsplanError when it is not one that esplan writes, or nobody can say.
    """
    found = document(cluster.read(LOCK_PATH, timeout=10), LOCK_PATH)
    if found is None:
        return None
    try:
        source = found["_source"]
        holder = Holder(**{name: source[name] for name in Holder.__dataclass_fields__})
        beat = float(source.get("beat", 0.0))
        return _Seen(holder, found["_seq_no"], found["_primary_term"], beat)
    except (AttributeError, LookupError, TypeError, ValueError):
        raise EsplanError(
            "the lock in the cluster cannot be read, so nobody can say who holds it",
            code="ESP-5105",
            where=LOCK_PATH,
            remedy="was it written by a newer esplan? use that one; if no apply runs anywhere, "
            f"delete it by hand: DELETE {LOCK_PATH}",
        ) from None


def drop_left_over(cluster: Cluster, plan_digest: str) -> None:
    """Remove the lock of an apply of this plan that died between its end and giving it back.

    Where that does not work it is the next apply that takes it over: this plan is done.
    """
    try:
        seen = read(cluster)
        if seen and seen.holder.plan == plan_digest and is_dead(seen.holder):
            condition = {"if_seq_no": seen.seq_no, "if_primary_term": seen.term}
            cluster.change("DELETE", LOCK_PATH, condition, timeout=10)
    except EsplanError:
        return


def outwait(cluster: Cluster, seen: _Seen, note: Callable[[str], None]) -> _Seen | None:
    """Watch a lock until its document changes or goes (None), `EXPIRY` seconds at most."""
    note(f"locked by {seen.holder}: watching whether it still lives ({EXPIRY:.0f} s)")
    deadline = _now() + EXPIRY
    now: _Seen | None = seen
    while now and (now.seq_no, now.term) == (seen.seq_no, seen.term) and _now() < deadline:
        time.sleep(1)
        now = read(cluster)
    return now


def remove(
    cluster: Cluster, token: str, note: Callable[[str], None], *, force: bool = False
) -> Holder:
    """Remove a dead holder's lock by its id, and move the fence, so that it switches nothing.

    A holder on another machine or in another container is watched, as before a take-over, unless
    `force` says that it is dead. Raises EsplanError when it is not that lock, Refused when the
    holder lives.
    """
    seen = read(cluster)
    if seen is None or seen.holder.token != token:
        raise EsplanError(
            f"there is no lock {token}",
            code="ESP-5106",
            why=f"the lock is {seen.holder.token}: {seen.holder}" if seen else "nobody holds it",
            remedy="see `esplan status`",
        )
    if is_alive(seen.holder):
        raise Refused(
            f"the holder of the lock {token} is alive: {seen.holder}",
            code="ESP-5107",
            remedy="stop it (Ctrl-C ends it at a safe point), and its lock goes with it",
        )
    if not (force or is_dead(seen.holder)) and outwait(cluster, seen, note) != seen:
        raise _lives(seen)
    condition = {"if_seq_no": seen.seq_no, "if_primary_term": seen.term}
    try:
        cluster.change("DELETE", LOCK_PATH, condition)
    except ServerError as error:
        if error.status != 409:  # noqa: PLR2004  (HTTP's own number)
            raise
        raise _lives(seen) from None
    rotate_fence(cluster, secrets.token_hex(8), fences(cluster))
    return seen.holder


def _lives(seen: _Seen) -> Refused:
    return Refused(
        f"the lock {seen.holder.token} has changed just now: its holder lives ({seen.holder})",
        code="ESP-5107",
        remedy="see `esplan status`; stop the holder, and its lock goes with it",
    )
