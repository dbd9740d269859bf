"""Create an index under esplan's mark, so that it is recognised again after a crash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import checksum, normalize
from esplan.errors import Refused, StepFailed
from esplan.plan import Step
from esplan.request import index_path, request
from esplan.run import mark
from esplan.steps import gains
from esplan.steps.request import fenced, index_now, send, send_request

if TYPE_CHECKING:
    from esplan.model import JSON, Body
    from esplan.run import Run

REPEAT = False


def describe(  # noqa: PLR0913  (what is sent, and what it is for)
    address: str,
    plan_id: str,
    index: str,
    body: Body,
    aliases: JSON,
    *,
    filled: bool,
    protect: bool = False,
    transform: str = "",
) -> Step:
    """`filled`: a copy goes into it, so that undoing it may drop documents.

    `transform`: the digest of what its documents went through, or will come as.
    """
    own = mark(plan_id, address)
    meta = normalize.meta(body.mappings, own, protect=protect, transform=transform)
    given = {**body.settings, **body.creation}
    whole = {
        "settings": {name: value for name, value in given.items() if value is not None},
        "mappings": {**body.mappings, "_meta": meta},
        "aliases": aliases,
    }
    return Step(
        kind="create_index",
        phase="prepare",
        address=address,
        description=f"create the index {index}",
        request=request("PUT", index_path(index), whole),
        preconditions=({"check": "absent", "name": index},),
        undo={"request": fenced([{"remove_index": {"index": index}}])},
        arguments={"index": index, "filled": filled},
    )


def probe(step: Step, run: Run) -> bool:
    """There, and ours. One of that name that is not ours, or not as it was planned, is refused."""
    index = index_now(step, run)
    if index is None:
        return False
    if index.mark != run.mark(step.address):
        raise Refused(
            f"the index {index.name} exists, and this plan did not make it",
            code="ESP-4604",
            why=f"its UUID is {index.uuid}, made by {index.mark.get('plan', 'something else')}",
            remedy="delete it if it is a leftover, then make a new plan",
        )
    strange = sorted(_strange(step, index.aliases))
    if strange and _served(run, index.name).issuperset(strange):
        raise Refused(
            f"{index.name} is of this plan, and serves {', '.join(strange)} already",
            code="ESP-4619",
            why="the journal, which would say what else was done, is gone: its file, and its copy "
            "in the cluster",
            remedy="make a new plan, which says what is left; an old index may be write-blocked, "
            "and is compared (esplan verify OLD NEW) before anybody deletes it",
        )
    if strange:
        raise Refused(
            f"the index {index.name} came into being with the alias {', '.join(strange)}",
            code="ESP-4202",
            why="an index template has changed since the plan was made: clients of that alias "
            "would see an index that is not ready",
            remedy="make a new plan: it says which template it is",
        )
    gains.require(step, run, index)
    return True


def _served(run: Run, index: str) -> set[str]:
    """The aliases that the plan itself puts on an index, with its switch."""
    goals = [one.arguments["goal"] for one in run.plan.steps if one.kind == "update_aliases"]
    return {alias for goal in goals for alias, on in goal.items() if index in on}


def _strange(step: Step, aliases: JSON) -> set[str]:
    """Aliases that the plan did not put on the index."""
    return set(aliases) - set((step.request or {})["body"]["aliases"])


def execute(step: Step, run: Run) -> JSON:
    """The index with all its primaries; its UUID goes into the journal."""
    answer = send(step, run)
    if not answer.get("shards_acknowledged", True):
        run.listener.note(f"{step.arguments['index']}: its shards are slow to start")
    index = index_now(step, run)
    return {"uuid": index.uuid if index else ""}


def undo(step: Step, run: Run) -> None:
    """Delete it again: only if it is ours, serves no alias, and holds nothing but the copy."""
    index = index_now(step, run)
    if index is None or index.mark != run.mark(step.address):
        return
    if not _disposable(step, run, index.aliases):
        raise StepFailed(
            f"the index {index.name} was made by this plan and is in use: it was left as it is",
            code="ESP-5309",
            remedy=f"look at GET /{index.name}, and delete it by hand if nobody needs it",
        )
    send_request(step.undo["request"], run, run.opaque_id(step))


def _disposable(step: Step, run: Run, aliases: JSON) -> bool:
    """A template may have put an alias on a copy; as long as that is empty, nobody misses it."""
    strange, filled = _strange(step, aliases), step.arguments["filled"]
    if strange and not filled:
        return False
    if filled and not strange:
        return True
    checksum.refresh(run.cluster, [step.arguments["index"]])
    return checksum.count(run.cluster, step.arguments["index"]) == 0
