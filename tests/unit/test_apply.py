"""Order and outcome of an apply, against a cluster in memory; the live suite has real ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from esplan import apply as engine
from esplan import checksum, normalize, planfile
from esplan.commands.plan import plan as make_plan
from esplan.desired import Desired
from esplan.errors import (
    JournalError,
    OutcomeUnknown,
    Refused,
    ServerError,
    StepFailed,
    Stopped,
)
from esplan.journal import Journal, open_journal
from esplan.model import Alias, Finish, Index, Naming, State
from esplan.run import Run
from esplan.steps import delete_index, reindex, settling

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from esplan.journal import Record
    from esplan.plan import Plan, Step

TARGET, SOURCE = "films_blue", "films_green"
ALIASES = "POST /_aliases"
REINDEX = (
    "POST /_reindex?wait_for_completion=false&slices=auto&requests_per_second=-1"
    "&require_alias=true&timeout=10m"
)


class Told:
    """A Listener that remembers."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.notes: list[str] = []

    def step_started(self, step: Step, number: int, total: int) -> None: ...

    def step_progress(self, step: Step, done: int, total: int) -> None: ...

    def step_ended(self, step: Step, outcome: str, evidence: Any) -> None:
        del evidence
        self.ended.append(f"{outcome}: {step.kind}")

    def note(self, text: str) -> None:
        self.notes.append(text)


class Held:
    """A lock that is ours until it is `lost`."""

    token = "t"

    def __init__(self) -> None:
        self.lost = False

    def check(self) -> None:
        if self.lost:
            raise Stopped("the lock was lost: it was taken over")


def desired(
    year: str = "keyword", window: int | None = None, *, delete_old: bool = True
) -> Desired:
    body = normalize.body(
        {
            "number_of_shards": 1,
            "number_of_replicas": 0,
            "auto_expand_replicas": "0-1",
            **({"max_result_window": window} if window else {}),
        },
        {"properties": {"year": {"type": year}}},
    )
    naming = Naming("films_{color}", ("green", "blue"))
    alias = Alias("films", body=body, naming=naming, finish=Finish(delete_old))
    return Desired(State(aliases={"films": alias}), "0" * 64)


@pytest.fixture(autouse=True)
def proof(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The checksum needs scripts in the cluster: its outcome is given here."""
    marks = {SOURCE: {"0": 2}, TARGET: {"0": 2}}
    parts = {"method": "checksum", "source": SOURCE, "target": TARGET, "marks": marks}
    counts = {"source_documents": 3, "target_documents": 3}
    given = {"report": checksum.Report(**parts, **counts), "marks": marks}
    monkeypatch.setattr(checksum, "compare", lambda *_a, **_k: given["report"])
    monkeypatch.setattr(checksum, "marks", lambda *_a: given["marks"])
    return given


@pytest.fixture
def live(cluster: Any) -> Any:
    """The alias on its green index, three documents in it."""
    cluster.make(
        SOURCE,
        documents=3,
        settings={
            "index.number_of_shards": "1",
            "index.number_of_replicas": "0",
            "index.auto_expand_replicas": "0-1",
        },
        mappings={"properties": {"year": {"type": "integer"}}},
        aliases={"films": {}},
    )
    return cluster


def planned(cluster: Any, wanted: Desired | None = None) -> Plan:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    return make_plan(cluster, wanted or desired(), now=now, plan_id="0123456789abcdef")


def run_of(cluster: Any, plan: Plan) -> Run:
    return Run(cluster, plan, Held(), Told())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def events(journal: Journal) -> list[str]:
    """`intent 01-create_index`; what concerns the whole apply is the event alone."""
    return [f"{record.event} {record.step}".strip() for record in journal.records]


def apply(cluster: Any, plan: Plan, path: Path, **how: Any) -> Journal:
    journal = open_journal(path, plan.digest)
    engine.apply(run_of(cluster, plan), journal, **how)
    return journal


def failing(
    cluster: Any, plan: Plan, path: Path, error: type[Exception], **how: Any
) -> tuple[Journal, Any]:
    journal = open_journal(path, plan.digest)
    with pytest.raises(error) as caught:
        engine.apply(run_of(cluster, plan), journal, **how)
    return journal, caught.value


def as_before(cluster: Any) -> bool:
    """The cluster as the fixture `live` made it."""
    green = cluster.indices[SOURCE]
    blocked = "index.blocks.write" in green["settings"]
    return TARGET not in cluster.indices and green["aliases"] == {"films": {}} and not blocked


def switched(cluster: Any) -> bool:
    blue = cluster.indices[TARGET]
    return blue["aliases"] == {"films": {}} and blue["documents"] == 3


# All goes well


def test_a_blue_green_replacement(live: Any, path: Path) -> None:
    plan = planned(live)
    journal = apply(live, plan, path)
    assert live.sent == [
        "PUT /films_blue",
        "PUT /films_green/_block/write",
        REINDEX,
        "PUT /films_blue/_settings",
        ALIASES,
        ALIASES,
        ALIASES,
    ]
    assert switched(live)
    assert SOURCE not in live.indices
    assert journal.ended


def test_intent_is_recorded_before_and_done_after(live: Any, path: Path) -> None:
    plan = planned(live, desired("integer", window=1))
    order: list[str] = []
    live.before = lambda request: order.append(f"send {request}")
    run = run_of(live, plan)
    journal = Journal(path)
    real = journal._write

    def write(records: Any) -> None:
        order.extend(f"{record.event} {record.step}" for record in records)
        real(records)

    journal._write = write  # type: ignore[method-assign]  (to see the order)
    engine.apply(run, journal)
    (step,) = plan.steps
    own = [one for one in order if "journal" not in one]
    mirrored = [n for n, one in enumerate(order) if "journal" in one]
    assert own == [
        "start ",
        f"intent {step.id}",
        "send PUT /films_green/_settings",
        f"done {step.id}",
        "end ",
    ]
    intent, send = order.index(own[1]), order.index(own[2])
    assert any(intent < position < send for position in mirrored), "mirrored before it is sent"


def test_the_start_says_which_alias_goes_where(live: Any, path: Path) -> None:
    plan = planned(live)
    start = apply(live, plan, path).records[0]
    (switch,) = [one.id for one in plan.steps if one.kind == "update_aliases"]
    move = {"step": switch, "alias": "films", "from": [SOURCE], "to": [TARGET]}
    assert start.data["moves"] == [move]


def test_every_step_but_what_is_as_wanted_has_intent_and_done(live: Any, path: Path) -> None:
    plan = planned(live)
    seen = events(apply(live, plan, path))
    assert (seen[0], seen[-1]) == ("start", "end")
    for step in plan.steps:
        if step.kind != "await_health":
            assert seen.index(f"intent {step.id}") + 1 == seen.index(f"done {step.id}")


def test_what_is_as_wanted_counts_as_done_and_sends_nothing(live: Any, path: Path) -> None:
    plan = planned(live, desired("integer", window=1))
    live.indices[SOURCE]["settings"]["index.max_result_window"] = "1"
    run, journal = run_of(live, plan), Journal(path)
    engine.apply(run, journal)
    assert live.sent == []
    assert run.listener.ended == ["as wanted: update_settings"]  # type: ignore[attr-defined]
    assert events(journal) == ["start", "done 01-update_settings", "end"]


def test_the_journal_and_its_mirror_are_the_same(live: Any, path: Path) -> None:
    journal = apply(live, planned(live), path)
    mirrored = live.journalled()
    assert lines(mirrored) == lines(journal.records)
    assert lines(open_journal(path, mirrored[0].data["plan"]).records) == lines(mirrored)


def lines(records: list[Record]) -> list[str]:
    return [record.line() for record in records]


def test_phases(live: Any, path: Path) -> None:
    plan = planned(live)
    journal = apply(live, plan, path, through="prepare")
    assert live.sent == ["PUT /films_blue"]
    assert not journal.ended
    journal = apply(live, plan, path, through="switch")
    assert switched(live)
    assert SOURCE in live.indices, "the old index is there until the last phase"
    journal = apply(live, plan, path, through="finish")
    assert SOURCE not in live.indices
    assert journal.ended


def test_once_ended_nothing_is_sent_again(live: Any, path: Path) -> None:
    plan = planned(live)
    apply(live, plan, path)
    live.log.clear()
    journal = open_journal(path, plan.digest)
    assert engine.apply(run_of(live, plan), journal) == 0
    assert live.sent == []


# Outcomes that nobody knows


REQUESTS = [
    "PUT /films_blue",
    "PUT /films_green/_block/write",
    "PUT /films_blue/_settings",
    ALIASES,
]


@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize("how", ["lose", "drop"])
def test_a_lost_answer_is_probed_and_the_apply_goes_on(
    live: Any, path: Path, request_: str, how: str
) -> None:
    plan = planned(live)
    getattr(live, how)(request_)
    run, journal = run_of(live, plan), Journal(path)
    engine.apply(run, journal)
    assert switched(live)
    assert SOURCE not in live.indices
    assert any("is unknown" in note for note in run.listener.notes)  # type: ignore[attr-defined]


def test_what_took_effect_is_not_sent_twice(live: Any, path: Path) -> None:
    live.lose("PUT /films_blue")
    apply(live, planned(live), path)
    assert live.sent.count("PUT /films_blue") == 1


def test_an_outcome_that_stays_unknown_stops(live: Any, path: Path) -> None:
    plan = planned(live)

    def never(request: str) -> None:
        if request == "PUT /films_green/_block/write":
            raise OutcomeUnknown(f"the outcome of {request} is unknown", why="reset")

    live.before = never
    journal, error = failing(live, plan, path, Stopped)
    assert error.exit_code == 3
    assert "is unknown" in error.what
    assert "apply the same plan again" in error.remedy
    assert events(journal).count("intent 02-block_writes") == engine.ATTEMPTS
    assert "failed" not in events(journal), "nothing is taken back on a guess"
    assert TARGET in live.indices


def test_a_change_that_never_has_an_effect_is_a_known_reason(live: Any, path: Path) -> None:
    plan = planned(live, desired("integer", window=1))

    def undone(request: str) -> None:
        if request.endswith("_settings"):
            live.indices[SOURCE]["settings"].pop("index.max_result_window")

    live.after = undone
    journal, error = failing(live, plan, path, StepFailed)
    assert "was acknowledged each time, but its effect was never there" in error.what
    assert error.exit_code == 1
    intents = ["intent 01-update_settings"] * engine.ATTEMPTS
    assert events(journal) == ["start", *intents, "failed", "undone"]


def test_a_change_whose_effect_comes_at_the_second_time_goes_on(live: Any, path: Path) -> None:
    plan = planned(live, desired("integer", window=1))

    def undone(request: str) -> None:
        if request.endswith("_settings"):
            live.indices[SOURCE]["settings"].pop("index.max_result_window")
            live.after = lambda _request: None

    live.after = undone
    assert apply(live, plan, path).ended


def test_what_the_server_always_refuses_with_500_is_a_known_reason(live: Any, path: Path) -> None:
    """As two write indices of one alias are."""
    fault = ServerError("refused", status=500, type_="illegal_state_exception")

    def refuse(request: str) -> None:
        if request == ALIASES and not any("failed" in one for one in events(journal)):
            unknown = OutcomeUnknown("the outcome is unknown", why="illegal_state_exception")
            unknown.refusal = fault
            raise unknown

    live.before = refuse
    journal = open_journal(path, (plan := planned(live)).digest)
    with pytest.raises(ServerError, match="refused"):
        engine.apply(run_of(live, plan), journal)
    assert events(journal).count("intent 07-update_aliases") == engine.ATTEMPTS
    assert as_before(live)


def test_a_late_holder_whose_effect_is_gone_is_told_that_the_lock_is(live: Any, path: Path) -> None:
    """Whoever has taken it over has gone on, and undone the block."""
    plan = planned(live, desired("integer", window=1))
    run = run_of(live, plan)

    def taken_over(request: str) -> None:
        if request.endswith("_settings"):
            live.indices[SOURCE]["settings"]["index.max_result_window"] = "7"
            run.lock.lost = True  # type: ignore[attr-defined]

    live.after = taken_over
    with pytest.raises(Stopped, match="the lock was lost"):
        engine.apply(run, open_journal(path, plan.digest))


# Stopping and going on


@pytest.mark.parametrize("through", range(1, 10))
def test_a_crash_after_any_step_and_again(live: Any, path: Path, through: int) -> None:
    """The lock is lost after so many records: whatever is written, applying again ends the same."""
    plan = planned(live)
    run, journal = run_of(live, plan), Journal(path)

    class Killed(BaseException):
        pass

    def kill(request: str) -> None:
        if len(live.sent) >= through and "journal" not in request:
            raise Killed

    live.before = kill
    with pytest.raises(Killed) if through < 7 else _nothing():
        engine.apply(run, journal)
    live.before = lambda _request: None
    again = apply(live, plan, path)
    assert switched(live)
    assert SOURCE not in live.indices
    assert again.ended


class _nothing:  # noqa: N801  (a context manager, named as one)
    def __enter__(self) -> None: ...

    def __exit__(self, *_error: object) -> None: ...


def last_call(act: Callable[[], None]) -> Callable[[str], None]:
    """`act`, once, just before the call that deletes: after the switch, and after the hold."""
    seen = [0]

    def before(request: str) -> None:
        seen[0] += request == ALIASES
        if seen == [3]:
            seen[0] += 1
            act()

    return before


def test_a_write_in_the_moment_of_the_switch_is_found_just_after_it(
    live: Any, path: Path, proof: dict[str, Any]
) -> None:
    """The block is lifted, a client writes, the block is set: after the last look."""

    def written(request: str) -> None:
        if request == ALIASES:
            proof["marks"] = {SOURCE: {"0": 3}, TARGET: {"0": 2}}

    live.before = written
    plan = planned(live, desired(delete_old=False))
    _, error = failing(live, plan, path, Refused)
    assert error.code == "ESP-4618"
    assert f"{SOURCE} was written to after the proof" in error.why
    live.before = lambda _request: None
    _, error = failing(live, plan, path, Refused)
    assert error.code == "ESP-4618", "it stays so"
    assert "index.blocks.write" not in live.indices[SOURCE]["settings"]


def test_a_block_that_met_another_index_is_lifted_again(live: Any, path: Path) -> None:
    """It was made anew in that moment: exit code 3 for ever, and a block that nobody lifts."""

    def anew(request: str) -> None:
        if "_block" in request:
            live.make(SOURCE, uuid="another", aliases={"films": {}})

    live.before = anew
    plan = planned(live)
    _, error = failing(live, plan, path, Refused)
    assert "another index now" in error.what
    assert "index.blocks.write" not in live.indices[SOURCE]["settings"]
    assert TARGET not in live.indices


def test_a_heir_made_anew_after_the_last_look_inherits_nothing(live: Any, path: Path) -> None:
    """With its alias: only the mark that the first one had tells them apart."""

    def anew() -> None:
        del live.indices[TARGET]
        live.make(TARGET, uuid="another", aliases={"films": {}})

    live.before = last_call(anew)
    plan = planned(live)
    _, error = failing(live, plan, path, Refused)
    assert "nothing was deleted" in error.where
    assert SOURCE in live.indices
    assert live.indices[TARGET]["aliases"] == {"films": {}}


def test_a_heir_that_is_gone_at_the_last_look_inherits_nothing(live: Any, path: Path) -> None:
    def gone() -> None:
        del live.indices[TARGET]

    live.before = last_call(gone)
    failing(live, planned(live), path, Refused)
    assert SOURCE in live.indices


@pytest.mark.parametrize("then", ["again", "abandoned"])
def test_a_kill_before_the_delete_leaves_no_mark_on_the_heir(
    live: Any, path: Path, then: str
) -> None:
    class Killed(BaseException):
        pass

    def kill() -> None:
        raise Killed

    plan = planned(live)
    live.before = last_call(kill)
    with pytest.raises(Killed):
        engine.apply(run_of(live, plan), Journal(path))
    hold = delete_index.HOLD.format(plan=plan.id)
    assert live.indices[TARGET]["aliases"].keys() == {"films", hold}
    if then == "again":
        apply(live, plan, path)
    else:
        engine.abandon(run_of(live, plan), open_journal(path, plan.digest))
    assert live.indices[TARGET]["aliases"] == {"films": {}}
    assert (SOURCE in live.indices) is (then == "abandoned")


def test_an_interruption_stops_before_the_next_step(live: Any, path: Path) -> None:
    plan = planned(live)
    run, journal = run_of(live, plan), Journal(path)
    live.after = lambda request: run.interrupted.set() if "_block" in request else None
    with pytest.raises(Stopped, match="interrupted") as stopped:
        engine.apply(run, journal)
    assert "apply the same plan again" in stopped.value.remedy
    assert live.sent[-1] == "PUT /films_green/_block/write"
    assert events(journal)[-1] == "done 02-block_writes"


def test_a_lost_lock_stops_before_the_next_change(live: Any, path: Path) -> None:
    plan = planned(live)
    run, journal = run_of(live, plan), Journal(path)

    def lose(request: str) -> None:
        run.lock.lost = run.lock.lost or "_block" in request  # type: ignore[attr-defined]

    live.after = lose
    with pytest.raises(Stopped, match="the lock was lost"):
        engine.apply(run, journal)
    assert live.sent[-1] == "PUT /films_green/_block/write"


@pytest.mark.parametrize("last", ["02-block_writes", ""])
def test_a_journal_that_cannot_be_written_stops(
    live: Any, path: Path, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    """Also where everything is done, and an error would say that nothing is."""
    plan = planned(live)
    real = Journal.append

    def full(self: Journal, event: Any, step: str = "", data: Any = None) -> Any:
        if step == last and event != "start":
            raise JournalError("the journal cannot be written", remedy="make room")
        return real(self, event, step, data)

    monkeypatch.setattr(Journal, "append", full)
    _, error = failing(live, plan, path, Stopped)
    assert error.remedy.startswith("make room; then apply the same plan again")
    assert last == "" or live.sent == ["PUT /films_blue"], "no intent, no change"


def test_a_404_in_the_place_of_health_stops(live: Any, path: Path) -> None:
    """It was a traceback."""
    plan, real = planned(live), live.read
    live.read = lambda at, *more, **how: None if "_cluster/health" in at else real(at, *more, **how)
    _, error = failing(live, plan, path, Stopped)
    assert "is 404, and the cluster never answers so" in error.what


def test_a_404_in_the_place_of_an_index_is_not_its_end(live: Any, path: Path) -> None:
    """The old index was said to be deleted, and was there."""
    plan, real = planned(live), live.read

    def read(at: str, *more: Any, **how: Any) -> Any:
        switched = ALIASES in live.log
        return None if switched and at == "/films_green" else real(at, *more, **how)

    live.read = read
    failing(live, plan, path, Stopped)
    assert "films_green" in live.indices


def test_a_journal_that_cannot_be_written_while_taking_back_can_be_resumed(
    live: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(live)
    live.refuse("PUT /films_green/_block/write")
    real = Journal.append

    def full(self: Journal, event: Any, step: str = "", data: Any = None) -> Any:
        if event == "failed":
            raise JournalError("the journal cannot be written", remedy="make room")
        return real(self, event, step, data)

    monkeypatch.setattr(Journal, "append", full)
    _, error = failing(live, plan, path, Exception)
    assert isinstance(error, Stopped), "part of the plan is done: exit 3, not 1"
    monkeypatch.undo()


def test_another_host_goes_on_from_the_mirror(live: Any, path: Path, tmp_path: Path) -> None:
    plan = planned(live)
    apply(live, plan, path, through="switch")
    journal = apply(live, plan, tmp_path / "elsewhere")
    assert journal.ended
    assert live.sent.count("PUT /films_blue") == 1


def test_a_mirror_behind_the_file_is_brought_up(live: Any, path: Path) -> None:
    plan = planned(live)
    journal = apply(live, plan, path, through="prepare")
    last = max(name for name in live.documents if "journal" in name)
    del live.documents[last]
    again = apply(live, plan, path)
    assert lines(live.journalled()) == lines(again.records)
    assert again.records[: len(journal.records)] == journal.records


def test_the_proof_is_remembered_over_a_restart(live: Any, path: Path) -> None:
    """`delete_index` asks for the proof of a verify step that another process made."""
    plan = planned(live)
    apply(live, plan, path, through="switch")
    apply(live, plan, path, through="finish")
    assert SOURCE not in live.indices


# Failing with a known reason


def test_an_alias_that_comes_while_the_old_index_settles_keeps_it(
    live: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def alias() -> None:
        live.indices[SOURCE]["aliases"]["reports"] = {}

    monkeypatch.setattr(settling, "wait", alias)
    plan = planned(live)
    _, error = failing(live, plan, path, Refused)
    assert str(error).startswith(f"{SOURCE} serves reports now, so it is not deleted")
    assert SOURCE in live.indices


@pytest.mark.parametrize("request_", ["PUT /films_green/_block/write", "PUT /films_blue/_settings"])
def test_a_refusal_takes_everything_back(live: Any, path: Path, request_: str) -> None:
    plan = planned(live)
    live.refuse(request_)
    journal, error = failing(live, plan, path, ServerError)
    assert as_before(live)
    assert "nothing is left of this plan" in error.where
    assert events(journal)[-1] == "undone"
    assert not journal.ended


def test_undone_last_first(live: Any, path: Path, proof: dict[str, Any]) -> None:
    plan = planned(live)
    proof["report"] = replace(proof["report"], target_documents=2)
    journal, error = failing(live, plan, path, Refused)
    assert error.exit_code == 4
    assert "is not equal to films_green" in error.what
    assert [one for one in events(journal) if one.startswith("undone ")] == [
        "undone 04-verify",
        "undone 03-reindex",
        "undone 02-block_writes",
        "undone 01-create_index",
    ]
    assert as_before(live)
    assert ALIASES in live.sent, "the delete is fenced"


def test_the_documents_that_differ_are_named(live: Any, path: Path, proof: dict[str, Any]) -> None:
    ids = checksum.Ids(12, tuple("abcdefghijkl"))
    proof["report"] = replace(proof["report"], differing=1, different=ids)
    _, error = failing(live, planned(live), path, Refused)
    assert "3 documents against 3" in error.why
    assert "12 different: a, b, c" in error.why


def test_a_source_that_moved_is_not_proven(live: Any, path: Path, proof: dict[str, Any]) -> None:
    proof["report"] = replace(proof["report"], moved=True)
    _, error = failing(live, planned(live), path, Refused)
    assert as_before(live)
    assert error.why


def test_after_a_roll_back_the_plan_can_be_applied_again(live: Any, path: Path) -> None:
    plan = planned(live)
    live.refuse("PUT /films_green/_block/write")
    failing(live, plan, path, ServerError)
    live.before = lambda _request: None
    assert apply(live, plan, path).ended
    assert switched(live)


def test_a_roll_back_that_fails_can_be_resumed(live: Any, path: Path) -> None:
    plan = planned(live)

    def refuse(request: str) -> None:
        if request in ("PUT /films_green/_block/write", ALIASES):
            raise ServerError(f"refused {request}", status=403)

    live.before = refuse
    journal, error = failing(live, plan, path, Stopped)
    assert error.what == "not everything could be taken back"
    assert "after: refused PUT /films_green/_block/write" in error.why
    assert TARGET in live.indices
    assert events(journal)[-1] == "undone 02-block_writes"
    live.before = lambda _request: None
    assert apply(live, plan, path).ended


def test_a_server_error_of_the_500_class_stops_and_takes_nothing_back(
    live: Any, path: Path
) -> None:
    live.refuse("PUT /films_green/_block/write", status=500)
    journal, error = failing(live, planned(live), path, Stopped)
    assert error.exit_code == 3
    assert TARGET in live.indices
    assert events(journal)[-1] == "intent 02-block_writes"


def test_after_the_switch_nothing_is_taken_back(live: Any, path: Path) -> None:
    plan = planned(live)

    def refuse(request: str) -> None:
        if request == ALIASES and TARGET in live.indices and switched(live):
            raise ServerError("refused", status=403)

    live.before = refuse
    _, error = failing(live, plan, path, ServerError)
    assert switched(live)
    assert SOURCE in live.indices
    assert "7 of 8 steps are done and stay" in error.where


def test_a_write_block_that_cannot_be_lifted_is_said_and_lifted_later(
    live: Any, path: Path
) -> None:
    plan = planned(live, desired(delete_old=False))
    live.refuse("PUT /films_green/_settings", status=403)
    _, error = failing(live, plan, path, Stopped)
    assert error.what == "not everything could be taken back"
    assert switched(live)
    assert SOURCE in live.indices
    live.before = lambda _request: None
    assert apply(live, plan, path).ended


def test_a_switch_with_a_lost_answer_is_not_taken_back(live: Any, path: Path) -> None:
    """The switch took effect, nobody knows it, and then the server refuses everything."""
    plan = planned(live, desired(delete_old=False))

    def after(request: str) -> None:
        if request == ALIASES:
            live.refuse("PUT /films_green/_settings", status=403)
            live.after = lambda _request: None
            raise OutcomeUnknown("lost", why="reset")

    live.after = after
    failing(live, plan, path, Stopped)
    assert switched(live)


def test_changes_in_place_are_not_taken_back(live: Any, path: Path) -> None:
    body = normalize.body({"number_of_replicas": 1}, {"properties": {"new": {"type": "long"}}})
    alias = replace(desired().state.aliases["films"], body=body)
    plan = planned(live, Desired(State(aliases={"films": alias}), "0" * 64))
    assert [step.kind for step in plan.steps] == ["put_mapping", "update_settings"]
    live.refuse("PUT /films_green/_settings")
    journal, error = failing(live, plan, path, ServerError)
    assert "new" in live.indices[SOURCE]["mappings"]["properties"]
    assert journal.state("01-put_mapping") == "done"
    assert "1 of 2 steps are done and stay" in error.where


def test_abandoning_takes_an_unfinished_apply_back(live: Any, path: Path) -> None:
    plan = planned(live)
    apply(live, plan, path, through="prepare")
    engine.abandon(run_of(live, plan), open_journal(path, plan.digest))
    assert as_before(live)


def test_abandoning_after_the_switch_changes_nothing(live: Any, path: Path) -> None:
    plan = planned(live)
    apply(live, plan, path, through="switch")
    engine.abandon(run_of(live, plan), open_journal(path, plan.digest))
    assert switched(live)
    assert SOURCE in live.indices


# Stale plans


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (lambda live: live.make(TARGET), "exists, and this plan did not make it"),
        (lambda live: live.make(SOURCE, uuid="other"), "is another index now (UUID other)"),
        (lambda live: live.indices.pop(SOURCE), "the index films_green is gone"),
        (
            lambda live: live.make("third", aliases={"films": {}}),
            "the alias films is on films_green, third, not on films_green",
        ),
        (
            lambda live: live.indices[SOURCE]["mappings"]["properties"].update(
                year={"type": "long"}
            ),
            "mappings.properties.year.type was",
        ),
    ],
)
def test_a_stale_plan_is_refused(live: Any, path: Path, what: Any, message: str) -> None:
    plan = planned(live)
    what(live)
    before = sorted(live.indices)
    journal, error = failing(live, plan, path, Refused)
    assert message in str(error)
    assert error.exit_code == 4
    assert "new plan" in error.remedy
    assert sorted(live.indices) == before, "what was begun is taken back"
    assert not journal.ended


def test_unrelated_changes_do_not_matter(live: Any, path: Path) -> None:
    plan = planned(live)
    live.make("unrelated")
    live.indices[SOURCE]["mappings"]["properties"]["dynamic"] = {"type": "long"}
    assert apply(live, plan, path).ended
    fields = live.indices[TARGET]["mappings"]["properties"]
    assert fields["dynamic"] == {"type": "long"}, "it is carried over"


def test_an_in_place_change_is_refused_when_the_field_changed_since(live: Any, path: Path) -> None:
    """`PUT _mapping` sends whole fields: what somebody changed since would be reset unseen."""
    fields = live.indices[SOURCE]["mappings"]["properties"]
    fields["title"] = {"type": "keyword", "ignore_above": 10}
    title = {"type": "keyword", "ignore_above": 20}
    alias = replace(
        desired().state.aliases["films"], body=normalize.body({}, {"properties": {"title": title}})
    )
    plan = planned(live, Desired(State(aliases={"films": alias}), "0" * 64))
    fields["title"] = {"type": "keyword", "ignore_above": 30}
    failing(live, plan, path, Refused)
    assert fields["title"]["ignore_above"] == 30


def test_a_write_after_the_proof_stops_the_switch(
    live: Any, path: Path, proof: dict[str, Any]
) -> None:
    proof["marks"] = {SOURCE: {"0": 3}, TARGET: {"0": 2}}
    _, error = failing(live, planned(live), path, Refused)
    assert "was written to after the proof" in error.why
    assert as_before(live)


def test_a_first_release(cluster: Any, path: Path) -> None:
    plan = planned(cluster)
    apply(cluster, plan, path)
    assert cluster.indices[SOURCE]["aliases"] == {"films": {}}
    mark = {"address": "alias.films", "plan": plan.id}
    assert cluster.indices[SOURCE]["mappings"]["_meta"] == {"esplan": mark}


def test_a_first_release_that_fails_leaves_nothing(cluster: Any, path: Path) -> None:
    plan = planned(cluster)
    calls: list[str] = []

    def refuse(request: str) -> None:
        if request == ALIASES:
            calls.append(request)
            if len(calls) == 1:
                raise ServerError("refused", status=403)

    cluster.before = refuse
    failing(cluster, plan, path, ServerError)
    assert SOURCE not in cluster.indices


def test_an_index_that_clients_have_filled_is_not_taken_back(cluster: Any, path: Path) -> None:
    """A new index of its own name: documents may be in it before the next step fails."""
    wanted = Desired(State({"logs": Index("logs"), "zoo": Index("zoo")}), "0" * 64)
    plan = planned(cluster, wanted)

    def after(request: str) -> None:
        if request == "PUT /logs":
            cluster.indices["logs"]["documents"] = 1

    cluster.after = after
    cluster.refuse("PUT /zoo")
    journal, error = failing(cluster, plan, path, ServerError)
    assert cluster.indices["logs"]["documents"] == 1
    assert "left in the cluster: the index logs" in error.where
    (stays,) = [one.data["stays"] for one in journal.records if "stays" in one.data]
    assert "is in use: it was left as it is" in stays


def test_plans_of_the_fake_are_plan_files(live: Any, tmp_path: Path) -> None:
    plan = planned(live)
    planfile.write(plan, tmp_path / "p")
    assert planfile.read(tmp_path / "p") == plan


def test_an_exact_mapping_that_drops_a_field_can_be_applied(live: Any, path: Path) -> None:
    live.indices[SOURCE]["mappings"]["properties"]["extra"] = {"type": "long"}
    alias = desired().state.aliases["films"]
    exact = replace(alias, body=replace(alias.body, exact=True))
    plan = planned(live, Desired(State(aliases={"films": exact}), "0" * 64))
    assert apply(live, plan, path).ended
    assert switched(live)


def test_a_write_block_of_somebody_else_survives_a_roll_back(live: Any, path: Path) -> None:
    live.indices[SOURCE]["settings"]["index.blocks.write"] = "true"
    plan = planned(live)
    live.refuse("PUT /films_blue/_settings")
    failing(live, plan, path, ServerError)
    assert TARGET not in live.indices
    assert live.indices[SOURCE]["settings"].get("index.blocks.write") == "true"


def test_another_index_of_the_old_name_is_not_deleted(live: Any, path: Path) -> None:
    plan = planned(live)
    apply(live, plan, path, through="switch")
    live.make(SOURCE, uuid="somebody else's", documents=7)
    apply(live, plan, path)
    assert live.indices[SOURCE]["documents"] == 7


@pytest.mark.parametrize("event", ["start", "intent", "done", "end"])
def test_a_record_that_cannot_be_written_stops_resumable(
    live: Any, path: Path, monkeypatch: pytest.MonkeyPatch, event: str
) -> None:
    """Exit 3, whichever record it is: the first of a resume and the last one, too."""
    journal = Journal(path)
    real = journal._write

    def full(records: Any) -> None:
        if records[0].event == event:
            raise JournalError("the journal cannot be written", remedy="make room")
        real(records)

    monkeypatch.setattr(journal, "_write", full)
    with pytest.raises(Stopped, match="cannot be written") as stopped:
        engine.apply(run_of(live, planned(live, desired("integer", window=1))), journal)
    assert "apply the same plan again" in stopped.value.remedy


def test_the_task_of_another_under_the_same_number_is_not_the_copy(live: Any, path: Path) -> None:
    """A node that was started anew counts from the beginning."""
    start, theirs = live._reindex, [{"X-Opaque-Id": "somebody else's"}]

    def restarted(body: Any) -> Any:
        answer = start(body)
        if theirs:
            live.tasks[answer["task"]]["task"]["headers"] = theirs.pop()
        return answer

    live._reindex = restarted
    run = run_of(live, plan := planned(live))
    engine.apply(run, open_journal(path, plan.digest))
    assert run.listener.notes == [  # type: ignore[attr-defined]
        "the copy task node:1 was lost with its node: starting it again"
    ]
    assert live.log.count(REINDEX) == 2


GONE = {"type": "search_phase_execution_exception", "reason": "all shards failed"}
CONTEXT = {"type": "search_context_missing_exception", "reason": "No search context found"}
UNAVAILABLE = {"type": "unavailable_shards_exception", "reason": "primary shard is not active"}
NODE = {
    "type": "illegal_state_exception",
    "reason": "node [p8OOja3mR0] is not available",
}
ENDS: dict[str, Any] = {
    "the node is not there": {"error": {**GONE, "failed_shards": [{"shard": -1, "reason": NODE}]}},
    "no shard was there": {"error": GONE},
    "the node with its scroll is gone": {"error": {**GONE, "failed_shards": [{"reason": CONTEXT}]}},
    "the scroll of one shard is gone": {"response": {"failures": [{"reason": CONTEXT}]}},
    "the target was not there": {"response": {"failures": [{"id": "1", "cause": UNAVAILABLE}]}},
}


def losing(live: Any, times: int, end: Any = ENDS["no shard was there"]) -> None:
    """So many copies end like this."""
    start, left = live._reindex, [{"completed": True, "task": {}, **end}] * times

    def early(body: Any) -> Any:
        answer = start(body)
        if left:
            live.tasks[answer["task"]] = left.pop()
            live.indices[TARGET]["documents"] = 0
        return answer

    live._reindex = early


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_copy_that_did_not_find_its_shards_is_started_again(
    live: Any, path: Path, end: Any
) -> None:
    """A node that was just started answers before they are back."""
    losing(live, 1, end)
    run = run_of(live, plan := planned(live))
    engine.apply(run, open_journal(path, plan.digest))
    assert run.listener.notes == [  # type: ignore[attr-defined]
        "the copy task node:1 did not find all shards: starting it again"
    ]


def test_a_copy_whose_shards_do_not_come_back_stops(live: Any, path: Path) -> None:
    """What is unknown is not taken back."""
    losing(live, reindex.STARTS)
    plan = planned(live)
    with pytest.raises(Stopped, match="times, with the node that ran it or with shards"):
        engine.apply(run_of(live, plan), open_journal(path, plan.digest))
    assert TARGET in live.indices


@pytest.mark.parametrize("at", ["02-block_writes", "03-reindex", "07-update_aliases"])
def test_nothing_is_sent_and_nothing_recorded_once_the_lock_is_lost(
    live: Any, path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """It was stopped just after it had written down what it was about to do."""
    plan, append = planned(live), Journal.append
    run = run_of(live, plan)

    def lost(journal: Journal, event: Any, step: str = "", data: Any = None) -> Record:
        record = append(journal, event, step, data)
        if (event, step) == ("intent", at):
            run.lock.lost = True  # type: ignore[attr-defined]
            live.log.clear()
        return record

    monkeypatch.setattr(Journal, "append", lost)
    with pytest.raises(Stopped, match="the lock was lost"):
        engine.apply(run, open_journal(path, plan.digest))
    assert live.log == []
    assert events(open_journal(path, plan.digest))[-1] == f"intent {at}"
