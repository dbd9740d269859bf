"""Checks of what esplan itself keeps in the cluster: its lock, its journals, its throwaways."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from esplan.doctor.model import Finding, check, request
from esplan.lock import LOCK_PATH
from esplan.oracle.throwaway import OLD
from esplan.plan import STATE_INDEX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.doctor.facts import Facts

LONG = 24
"""Hours after which a lock is reported, though its holder may live."""


@check(
    "lock",
    "esplan's lock is free, or held by a live apply",
    why="One apply a cluster: every other is refused with exit code 5 while the lock is held. "
    "One that is dead is taken over by the next apply, from this host at once.",
    needs=("lock",),
    thresholds=(
        f"warning: the holder is certainly dead, or has held it for more than {LONG} hours",
        "info: held",
        "whether a holder on another host lives is not known here; its age is by two clocks",
    ),
)
def lock(facts: Facts) -> Iterator[Finding]:
    """The lock document in the index esplan-state, its holder, and its age."""
    if facts.lock is None:
        return
    holder, is_dead = facts.lock.holder, facts.lock.is_dead
    hours = _hours(holder.since, facts)
    yield Finding(
        "warning" if is_dead or hours > LONG else "info",
        f"{STATE_INDEX}/lock",
        "the lock is held by a dead process" if is_dead else "an apply holds the lock",
        f"{holder}, for {hours:.1f} h; lock id {holder.token}",
        f"esplan unlock {holder.token}" if is_dead else "wait for it: esplan status shows how far",
        request("GET", LOCK_PATH),
    )


def _hours(since: str, facts: Facts) -> float:
    """Hours from an ISO 8601 time to now; 0 where either is not known."""
    try:
        began = datetime.fromisoformat(since)
    except ValueError:
        return 0.0
    now = datetime.fromtimestamp(facts.now / 1000, UTC)
    return max(0.0, (now - began).total_seconds() / 3600) if began.tzinfo else 0.0


@check(
    "unfinished-applies",
    "Every apply has ended",
    why="What it made and blocked is still there, and each object that it speaks of may be "
    "half-way.",
    needs=("journals",),
    uses=("lock",),
    thresholds=("warning: nobody holds its lock", "info: an apply of this plan holds the lock"),
)
def unfinished_applies(facts: Facts) -> Iterator[Finding]:
    """The journals that esplan mirrors in the index esplan-state."""
    for one in facts.journals:
        yield Finding(
            "info" if one.plan == facts.running else "warning",
            f"plan {one.plan[:12]}",
            f"an apply has not ended: {one.done} of {one.steps} steps are done",
            f"from {one.host}, since {one.since}, last sign {one.last}",
            "apply the same plan again to finish it, or with --abandon to take it back",
            request("GET", f"/{STATE_INDEX}/_search?q=plan:{one.plan}&sort=seq"),
        )


@check(
    "damaged-journals",
    "Every journal can be read",
    why="The apply of that plan cannot go on by the copy in the cluster, only by its file.",
    needs=("journals",),
)
def damaged_journals(facts: Facts) -> Iterator[Finding]:
    """Journals in esplan-state that are damaged, or of a newer esplan."""
    for plan in facts.damaged:
        yield Finding(
            "warning",
            f"plan {plan[:12]}",
            "its journal in the cluster cannot be read",
            f"in the index {STATE_INDEX}",
            "use the newest esplan; if it cannot read it either, go by the journal file",
            request("GET", f"/{STATE_INDEX}/_search?q=plan:{plan}&sort=seq"),
        )


@check(
    "throwaways",
    "No index of `plan --oracle` is left",
    why="A run that was killed left them: shards that nobody wants.",
    needs=("indices",),
    thresholds=(
        f"warning: older than {OLD // 60_000} minutes, by two clocks; a run lives for seconds",
    ),
)
def throwaways(facts: Facts) -> Iterator[Finding]:
    """Indices with the mark of the oracle, and their age."""
    for index in facts.throwaways:
        minutes = (facts.now - index.created) // 60_000
        if minutes * 60_000 <= OLD:
            continue
        yield Finding(
            "warning",
            index.name,
            "a run of `plan --oracle` that was killed left this index",
            f"made {minutes} minutes ago; `_meta.esplan.oracle` is true",
            "the next `esplan plan --oracle cluster` deletes it unless it holds documents; "
            "or delete it by hand",
            request("DELETE", index.path),
        )
