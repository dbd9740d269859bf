"""Whether a write block has drained: the setting is there before writes in flight have ended.

`_block/write` waits for them, but not on an index that has the block already (seen on 8.16.1): it
answers at once, with no shard acknowledged. So where the block was there before, a second one is
added by `_block/read_only`, which waits likewise, and is lifted alone; no client can write
meanwhile. A note in the state index says that the second block is esplan's, so that it is lifted
after a crash.

Whoever lifts a block and sets it again moves the index's `settings_version`: the version that was
there when the block had drained is kept, and where it differs the block drains anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import state_index
from esplan.errors import OutcomeUnknown, Refused, ServerError
from esplan.request import index_path

if TYPE_CHECKING:
    from esplan.cluster import Cluster
    from esplan.model import JSON, Index
    from esplan.run import Run

VERSION = "settings_version"
"""The key in the evidence of a block; None where the user may not read the version."""

READ_ONLY = "index.blocks.read_only"


def note(uuid: str) -> str:
    """The id of the note that the second block on the index with this UUID is esplan's."""
    return f"drain-{uuid}"


def version(cluster: Cluster, index: str) -> int | None:
    """The version of an index's settings; None where it cannot be read."""
    path = f"/_cluster/state/metadata{index_path(index)}"
    asked = {"filter_path": f"metadata.indices.*.{VERSION}"}
    try:
        answer = cluster.read(path, asked) or {}
    except ServerError:
        return None
    found = answer.get("metadata", {}).get("indices", {}).get(index, {})
    known: int | None = found.get(VERSION)
    return known


def moved(run: Run, index: str, before: int | None, by: int) -> None:
    """Keep the version after `by` changes of ours; None where other changes came in between."""
    after = version(run.cluster, index)
    steady = before is not None and after == before + by
    run.drained[index] = after if steady else None


def settle(run: Run, index: Index) -> bool:
    """Drain the block of an index again unless it certainly is the one that has drained.

    Returns whether it had to.
    """
    known = run.drained.get(index.name)
    if known is not None and known == version(run.cluster, index.name):
        return False
    run.listener.note(f"waiting until writes in flight to {index.name} have ended")
    drain(run, index)
    return True


def drain(run: Run, index: Index) -> None:
    """Add a second block, which waits for writes in flight, and lift it again.

    Raises OutcomeUnknown where a shard has not confirmed it, and Refused where the index is
    read-only already, by the hand of another.
    """
    refuse_foreign(run, index)
    lift(run, index)
    run.lock.check()
    state_index.remember(run.cluster, note(index.uuid), {"plan": run.plan.id, "index": index.name})
    before = version(run.cluster, index.name)
    answer = run.change("PUT", index_path(index.name, "/_block/read_only"), None, opaque_id="")
    if not answer.get("indices") and not answer.get("shards_acknowledged"):
        _forget(run, index)  # another has set it in between
        raise _foreign(index)
    _lift(run, index)
    confirm(index.name, answer)
    moved(run, index.name, before, 2)


def confirm(index: str, answer: JSON) -> None:
    """Every shard has answered that it is blocked; else nothing is known."""
    blocked = all(one.get("blocked") for one in answer.get("indices", ()))
    if not answer.get("shards_acknowledged") or not blocked:
        raise OutcomeUnknown(
            f"not every shard of {index} has confirmed the write block",
            code="ESP-3301",
            remedy="see GET /_cluster/health: a shard may be missing",
        )


def lift(run: Run, index: Index) -> None:
    """Lift a second block that a process of esplan has left."""
    if not _is_noted(run, index):
        return
    if READ_ONLY in index.body.settings:
        _lift(run, index)
    else:
        _forget(run, index)


def _lift(run: Run, index: Index) -> None:
    """Alone in its request: that is all that a read-only index takes."""
    path = index_path(index.name, "/_settings")
    run.change("PUT", path, {READ_ONLY: None}, opaque_id="")
    _forget(run, index)


def _forget(run: Run, index: Index) -> None:
    run.lock.check()
    state_index.forget(run.cluster, note(index.uuid))


def _is_noted(run: Run, index: Index) -> bool:
    return bool(state_index.recall(run.cluster, note(index.uuid)))


def refuse_foreign(run: Run, index: Index) -> None:
    """Raise Refused where the index is read-only by the hand of another."""
    if READ_ONLY in index.body.settings and not _is_noted(run, index):
        raise _foreign(index)


def _foreign(index: Index) -> Refused:
    return Refused(
        f"{index.name} is read-only ({READ_ONLY}), and esplan did not make it so",
        code="ESP-4605",
        why="whether writes in flight have ended can be asked only of an index that is not",
        remedy=f'lift it: PUT /{index.name}/_settings {{"{READ_ONLY}": null}}; then apply again',
    )
