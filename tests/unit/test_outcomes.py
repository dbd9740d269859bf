"""The table of outcomes (docs/architecture.md), walked: each request of a plan, each answer.

The live counterpart, with a proxy in front of a real server, is `tests/chaos/test_http.py`.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from esplan import apply as engine
from esplan import checksum, normalize, outcomes
from esplan.commands.plan import plan as make_plan
from esplan.desired import Desired
from esplan.errors import EsplanError, OutcomeUnknown, ServerError
from esplan.journal import open_journal
from esplan.model import Alias, Finish, Naming, State
from esplan.plan import STATE_INDEX
from esplan.run import Run
from esplan.views.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from esplan.plan import Plan

TARGET, SOURCE = "films_blue", "films_green"
SHAPE = {"number_of_shards": 1, "number_of_replicas": 0, "auto_expand_replicas": "0-1"}
SETTINGS = {f"index.{name}": str(value) for name, value in SHAPE.items()}


def desired(year: str = "keyword", window: int | None = None) -> Desired:
    settings = {**SHAPE, **({"max_result_window": window} if window else {})}
    body = normalize.body(settings, {"properties": {"year": {"type": year}}})
    naming = Naming("films_{color}", ("green", "blue"))
    alias = Alias("films", body=body, naming=naming, finish=Finish(delete_old=True))
    return Desired(State(aliases={"films": alias}), "0" * 64)


@pytest.fixture(autouse=True)
def proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checksum needs scripts in the cluster: its outcome is given here."""
    marks = {SOURCE: {"0": 2}, TARGET: {"0": 2}}
    report = checksum.Report("checksum", SOURCE, TARGET, 3, 3, marks)
    monkeypatch.setattr(checksum, "compare", lambda *_a, **_k: report)
    monkeypatch.setattr(checksum, "marks", lambda *_a: marks)


PLANS = {
    "replace": desired,
    "in place": lambda: desired("integer", window=1),
}


@dataclass(frozen=True)
class Answer:
    """How a request ends. `effect`: it is carried out all the same."""

    error: Callable[[], EsplanError] | None
    effect: bool


def _server(status: int, type_: str) -> ServerError:
    return ServerError(f"HTTP {status}", status=status, type_=type_)


def _unknown(status: int = 0, type_: str = "") -> OutcomeUnknown:
    error = OutcomeUnknown("the outcome is unknown", why="reset")
    error.refusal = _server(status, type_) if status else None
    return error


ANSWERS = {
    "refused 400": Answer(lambda: _server(400, "illegal_argument_exception"), effect=False),
    "refused 403": Answer(lambda: _server(403, "security_exception"), effect=False),
    "refused 404": Answer(lambda: _server(404, "index_not_found_exception"), effect=False),
    "refused 429": Answer(lambda: _server(429, "circuit_breaking_exception"), effect=False),
    "fault 500": Answer(lambda: _unknown(500, "illegal_state_exception"), effect=False),
    "fault 500, done": Answer(lambda: _unknown(500, "null_pointer_exception"), effect=True),
    "503": Answer(lambda: _unknown(503, "master_not_discovered_exception"), effect=False),
    "503, done": Answer(lambda: _unknown(503, "process_cluster_event_timeout"), effect=True),
    "lost": Answer(_unknown, effect=False),
    "lost, done": Answer(_unknown, effect=True),
    "acknowledged, not done": Answer(None, effect=False),
}


class Faulty:
    """Ends each request of one name as an answer says: the first one, or all of them."""

    def __init__(self, cluster: Any, request: str, answer: Answer, *, always: bool) -> None:
        self.cluster, self.request, self.answer = cluster, request, answer
        self.always, self.count, self.kept = always, 0, copy.deepcopy(cluster.indices)
        cluster.before, cluster.after = self.before, self.after

    def _hits(self, request: str) -> bool:
        return request == self.request and (self.always or self.count == 1)

    def before(self, request: str) -> None:
        self.count += request == self.request
        self.kept = copy.deepcopy(self.cluster.indices)
        if self._hits(request) and self.answer.error and not self.answer.effect:
            raise self.answer.error()

    def after(self, request: str) -> None:
        if not self._hits(request):
            return
        if self.answer.error is None:
            state = self.cluster.indices[STATE_INDEX]
            self.cluster.indices = self.kept | {STATE_INDEX: state}
        elif self.answer.effect:
            raise self.answer.error()

    def end(self) -> None:
        """The fault is gone."""
        self.cluster.before = self.cluster.after = lambda _request: None


def made(wanted: str, empty: Any) -> tuple[Any, Plan]:
    """`empty`: a cluster in memory, of whose kind another one is made."""
    cluster = type(empty)()
    mappings = {"properties": {"year": {"type": "integer"}}}
    aliases: dict[str, Any] = {"films": {}}
    cluster.make(SOURCE, documents=3, settings=SETTINGS, mappings=mappings, aliases=aliases)
    now = datetime(2026, 1, 2, tzinfo=UTC)
    return cluster, make_plan(cluster, PLANS[wanted](), now=now, plan_id="0123456789abcdef")


def requests(wanted: str, empty: Any, path: Path) -> list[str]:
    """What a run without a fault sends, each name once."""
    cluster, plan = made(wanted, empty)
    assert ended(cluster, plan, path)[0] == 0
    return list(dict.fromkeys(cluster.sent))


def ended(cluster: Any, plan: Plan, path: Path) -> tuple[int, EsplanError | None]:
    """The exit code of an apply, and its error."""
    lock = SimpleNamespace(token="t", check=lambda: None)
    run = Run(cluster, plan, lock, Silent())  # type: ignore[arg-type]
    try:
        engine.apply(run, open_journal(path, plan.digest))
    except EsplanError as error:
        return error.exit_code, error
    return 0, None


def as_before(cluster: Any) -> bool:
    green = cluster.indices[SOURCE]
    blocked = "index.blocks.write" in green["settings"]
    return TARGET not in cluster.indices and green["aliases"] == {"films": {}} and not blocked


def is_clean(cluster: Any, said: str = "") -> bool:
    """As before, or switched: no block but one that is named, no guard, no half-filled copy."""
    indices = {name: one for name, one in cluster.indices.items() if name != STATE_INDEX}
    on = [name for name, one in indices.items() if "films" in one["aliases"]]
    blocked = [name for name, one in indices.items() if "index.blocks.write" in one["settings"]]
    free = all(f"{name} stays write-blocked until you lift that" in said for name in blocked)
    guarded = any(a.startswith("esplan-copy") for one in indices.values() for a in one["aliases"])
    copied = TARGET in indices and on != [TARGET]
    return len(on) == 1 and free and not guarded and not copied


def check(cluster: Any, code: int, error: EsplanError | None) -> None:
    """What the exit code and the message say is so."""
    if code == 0:
        assert is_clean(cluster)
    elif code in (1, 4):
        assert error is not None
        assert is_clean(cluster, f"{error}"), f"{error}"
        if "nothing is left" in error.where:
            assert as_before(cluster)
        assert engine.AGAIN not in error.remedy
    else:
        assert code == 3
        assert error is not None
        assert engine.AGAIN in error.remedy


@pytest.mark.parametrize("always", [False, True], ids=["once", "always"])
@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("wanted", PLANS)
def test_every_end_can_end(
    cluster: Any, tmp_path: Path, wanted: str, answer: str, *, always: bool
) -> None:
    empty = cluster
    for number, request in enumerate(requests(wanted, empty, tmp_path / "whole")):
        cluster, plan = made(wanted, empty)
        fault = Faulty(cluster, request, ANSWERS[answer], always=always)
        path = tmp_path / str(number)
        code, error = ended(cluster, plan, path)
        assert fault.count, request
        check(cluster, code, error)
        if code == 3 and always:
            assert ended(cluster, plan, path)[0] in (0, 1, 3, 4)  # the fault is still there
        fault.end()
        code, error = ended(cluster, plan, path)
        assert code != 3, f"{request}: it stopped without a fault: {error}"
        check(cluster, code, error)
        if code:
            assert ended(cluster, plan, path)[0] in (0, 4)


@pytest.mark.parametrize(
    ("status", "type_", "known"),
    [
        (500, "illegal_state_exception", True),
        (500, "timeout_exception", False),
        (500, "", False),
        (503, "illegal_state_exception", False),
        (403, "security_exception", False),
    ],
)
def test_which_server_errors_come_again(status: int, type_: str, *, known: bool) -> None:
    assert outcomes.is_fault(_server(status, type_)) == known
