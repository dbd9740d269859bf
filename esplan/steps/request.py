"""What the step kinds share: the index they are about, their own request, fenced alias calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from esplan import live
from esplan.errors import TIMED_OUT, Refused, ServerError, Stopped
from esplan.plan import FENCE, STATE_INDEX

if TYPE_CHECKING:
    from collections.abc import Iterable

    from esplan.model import JSON, Index
    from esplan.plan import Step
    from esplan.run import Run


POLL = "1s"
"""How long the server holds a poll: the end of a task is seen at once, progress each second."""


def poll_task(run: Run, task: str) -> JSON | None:
    """One long poll; a wait that runs out is followed by a plain look. None: nobody knows it."""
    try:
        answer = run.cluster.read(
            f"/_tasks/{task}", {"wait_for_completion": "true", "timeout": POLL}
        )
    except ServerError as error:
        if error.type not in TIMED_OUT:
            raise
        answer = run.cluster.read(f"/_tasks/{task}")
    found: JSON | None = answer
    return found


def send(step: Step, run: Run, *, timeout: float = 60) -> Any:
    """Send the request that the plan shows, once, as it stands there."""
    return send_request(step.request or {}, run, run.opaque_id(step), timeout=timeout)


def send_request(request: JSON, run: Run, opaque_id: str, *, timeout: float = 60) -> Any:
    """Send a request of the plan.

    Raises Stopped when the lock, or the fence in the request, is not ours any more.
    """
    whole = filled(request, run.lock.token)
    method, path, body = whole["method"], whole["path"], signed_in(whole["body"], run)
    try:
        return run.change(method, path, body, timeout=timeout, opaque_id=opaque_id)
    except ServerError:
        if whole != request and not _fence_stands(run):
            raise Stopped(
                "the lock was taken over by another apply: the cluster refused this one's change",
                code="ESP-5102",
                remedy="see who holds the lock with `esplan status`, then apply the plan again",
            ) from None
        raise


def _fence_stands(run: Run) -> bool:
    fence = FENCE.format(token=run.lock.token)
    return run.cluster.read(f"/{STATE_INDEX}/_alias/{fence}") is not None


def filled(value: Any, token: str) -> Any:
    """A request with this apply's fence token in the place that the plan keeps for it."""
    if isinstance(value, dict):
        return {name: filled(inner, token) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, token) for inner in value]
    return FENCE.format(token=token) if value == FENCE else value


def signed_in(body: Any, run: Run) -> Any:
    """A `_reindex` from another cluster with the credentials in it, which no plan has."""
    remote = body.get("source", {}).get("remote") if isinstance(body, dict) else None
    if not remote:
        return body
    own = run.other(remote["environment"]).connection
    if own.url != remote["host"]:
        raise Refused(
            f"the environment {remote['environment']} is at {own.url} now, "
            f"and the plan copies from {remote['host']}",
            code="ESP-4313",
            why="credentials are sent to no other place than the one in esplan.yaml",
            remedy="make a new plan",
        )
    given: JSON = {"host": remote["host"]}
    if own.api_key:
        given["headers"] = {"Authorization": f"ApiKey {own.api_key}"}
    if own.username:
        given |= {"username": own.username, "password": own.password}
    return {**body, "source": {**body["source"], "remote": given}}


def fenced(actions: Iterable[JSON]) -> JSON:
    """An `_aliases` request that the cluster refuses whole once the fence has been moved.

    `must_exist` makes the removal of a fence that is gone a 404 with nothing applied; without
    it the rest would go through.
    """
    fence = {"index": STATE_INDEX, "alias": FENCE}
    guard: list[JSON] = [
        {"remove": {**fence, "must_exist": True}},
        {"add": {**fence, "is_hidden": True}},
    ]
    return {"method": "POST", "path": "/_aliases", "body": {"actions": [*guard, *actions]}}


def index_now(step: Step, run: Run) -> Index | None:
    """The index that a step is about, as it is at this moment; None when there is none."""
    name = step.arguments["index"]
    return live.read_indices(run.cluster, [name]).get(name)
