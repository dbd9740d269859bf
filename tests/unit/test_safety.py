"""protect, thresholds, consent to deletes, and --keep-going, against a cluster in memory."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from esplan import apply as engine
from esplan import checksum, diff, normalize, planfile, safety
from esplan.commands import apply as apply_commands
from esplan.commands.plan import plan as make_plan
from esplan.desired import Desired
from esplan.errors import (
    OutcomeUnknown,
    PartlyFailed,
    Refused,
    ServerError,
    Stopped,
    UsageError,
)
from esplan.journal import is_closed, open_journal
from esplan.live import read_state
from esplan.model import Alias, Finish, Index, Migrate, Naming, Runs, State
from esplan.plan import Change, Plan
from esplan.route.context import Context, Routed
from esplan.route.protection import protected
from esplan.run import Run
from esplan.steps import put_mapping
from esplan.views import plan_text
from esplan.views.progress import Silent

if TYPE_CHECKING:
    from pathlib import Path

    from esplan.journal import Journal

PLAN_ID = "0123456789abcdef"
SETTINGS = {
    "index.number_of_shards": "1",
    "index.number_of_replicas": "0",
    "index.auto_expand_replicas": "0-1",
}


class Held:
    token = "t"

    def __init__(self) -> None:
        self.lost = False

    def check(self) -> None:
        if self.lost:
            raise Stopped("the lock was lost: it was taken over")


@pytest.fixture(autouse=True)
def unequal(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Sources whose copy is not proven equal."""
    wrong: set[str] = set()

    def compare(_cluster: Any, source: str, target: str, **_how: Any) -> checksum.Report:
        lost = source in wrong
        return checksum.Report("checksum", source, target, 3, 3 - lost, {source: {}, target: {}})

    monkeypatch.setattr(checksum, "compare", compare)
    monkeypatch.setattr(checksum, "marks", lambda _c, names: {name: {} for name in names})
    return wrong


def alias(name: str, year: str = "keyword", **parts: Any) -> Alias:
    body = normalize.body(dict(SETTINGS), {"properties": {"year": {"type": year}}})
    naming = Naming(f"{name}_{{color}}", ("green", "blue"))
    finish, migrate = Finish(delete_old=True), Migrate(slices=1)
    given = {"naming": naming, "finish": finish, "migrate": migrate, **parts}
    return Alias(name, body=body, **given)


def files(*objects: Alias | Index) -> Desired:
    aliases = {one.name: one for one in objects if isinstance(one, Alias)}
    indices = {one.name: one for one in objects if isinstance(one, Index)}
    return Desired(State(indices, aliases), "0" * 64)


def make(cluster: Any, name: str, meta: Any = None, index: str = "") -> None:
    """An alias on its green index."""
    mappings = {"properties": {"year": {"type": "integer"}}}
    mappings |= {} if meta is None else {"_meta": meta}
    parts = {"settings": SETTINGS, "mappings": mappings, "aliases": {name: {}}}
    cluster.make(index or f"{name}_green", documents=3, **parts)


@pytest.fixture
def live(cluster: Any) -> Any:
    make(cluster, "films")
    return cluster


def planned(cluster: Any, *objects: Alias | Index, **how: Any) -> Plan:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    return make_plan(cluster, files(*objects), now=now, plan_id=PLAN_ID, **how)


def run_of(cluster: Any, plan: Plan) -> Run:
    return Run(cluster, plan, Held(), Silent())


def applied(cluster: Any, plan: Plan, path: Path, **how: Any) -> Journal:
    journal = open_journal(path, plan.digest)
    engine.apply(run_of(cluster, plan), journal, **how)
    return journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def meta(cluster: Any, index: str) -> Any:
    return cluster.indices[index]["mappings"].get("_meta")


# protect: set and taken off


def test_protection_is_a_change_of_its_own(live: Any, path: Path) -> None:
    live.indices["films_green"]["mappings"]["_meta"] = {"owner": "me"}
    plan = planned(live, alias("films", "integer", protect=True))
    (change,), (step,) = plan.changes, plan.steps
    assert (change.action, change.route) == ("update", "protection")
    assert [(r.path, r.before, r.after) for r in change.reasons] == [("protect", False, True)]
    assert step.description == "protect films_green (_meta of its mapping)"
    assert plan.needs == ()
    applied(live, plan, path)
    assert meta(live, "films_green") == {"owner": "me", "esplan": {"protect": True}}
    assert planned(live, alias("films", "integer", protect=True)).steps == ()
    assert planned(live, alias("films", "integer")).steps == (), "not said is not false"


def test_false_takes_it_off(live: Any, path: Path) -> None:
    mark = {"address": "alias.films", "plan": "p"}
    live.indices["films_green"]["mappings"]["_meta"] = {"esplan": {**mark, "protect": True}}
    plan = planned(live, alias("films", "integer", protect=False))
    assert [step.kind for step in plan.steps] == ["protect_index"]
    applied(live, plan, path)
    assert meta(live, "films_green") == {"esplan": mark}
    assert planned(live, alias("films", "integer", protect=False)).steps == ()


def test_a_new_index_is_made_protected_and_is_still_ours(cluster: Any, path: Path) -> None:
    wanted = (alias("films", protect=True), Index("logs", protect=True))
    plan = planned(cluster, *wanted)
    assert plan.needs == ()
    assert applied(cluster, plan, path).ended
    for index, address in (("films_green", "alias.films"), ("logs", "index.logs")):
        mark = {"address": address, "plan": PLAN_ID}
        assert meta(cluster, index) == {"esplan": {**mark, "protect": True}}
    assert planned(cluster, *wanted).steps == ()


def test_an_update_of_the_owners_meta_keeps_mark_and_protection(live: Any, path: Path) -> None:
    own = {"address": "alias.films", "plan": "p", "protect": True}
    live.indices["films_green"]["mappings"]["_meta"] = {"owner": "me", "esplan": own}
    body = normalize.body({}, {"_meta": {"owner": "you"}})
    plan = planned(live, replace(alias("films"), body=body))
    assert [step.kind for step in plan.steps] == ["put_mapping"]
    applied(live, plan, path)
    assert meta(live, "films_green") == {"owner": "you", "esplan": own}


def test_meta_and_protection_in_one_plan(live: Any, path: Path) -> None:
    body = normalize.body({}, {"_meta": {"owner": "you"}})
    plan = planned(live, replace(alias("films", protect=True), body=body))
    assert [step.kind for step in plan.steps] == ["protect_index", "put_mapping"]
    applied(live, plan, path)
    assert meta(live, "films_green") == {"owner": "you", "esplan": {"protect": True}}


def test_meta_of_an_index_that_is_made_by_hard_links(live: Any) -> None:
    """It is not there yet, and will have the mark of its source."""
    own = {"address": "alias.films", "plan": "p"}
    live.indices["films_green"]["mappings"]["_meta"] = {"esplan": own}
    state = read_state(live)
    (found,) = diff.compare(files(alias("films")).state, state)
    step = put_mapping.describe("alias.films", "films_blue", {"_meta": {"owner": "you"}}, ())
    change = replace(changes("replace")[0], index="films_green", target="films_blue")
    context = Context(PLAN_ID, state, datetime(2026, 1, 2, tzinfo=UTC).date())
    (step,) = protected(Routed(change, (step,)), found, context).steps
    assert (step.request or {})["body"] == {"_meta": {"owner": "you", "esplan": own}}
    checks = ({"check": "meta", "index": "films_blue", "meta": {"esplan": own}},)
    assert step.preconditions == checks


def test_meta_that_changed_since_the_plan_is_not_overwritten(live: Any, path: Path) -> None:
    plan = planned(live, alias("films", "integer", protect=True))
    live.indices["films_green"]["mappings"]["_meta"] = {"new": 1}
    with pytest.raises(Refused, match="not safe any more") as refused:
        applied(live, plan, path)
    assert "the mapping's _meta of films_green has changed" in refused.value.why
    assert meta(live, "films_green") == {"new": 1}


def test_taking_it_off_is_taken_back_with_the_replacement(
    live: Any, path: Path, unequal: set[str]
) -> None:
    live.indices["films_green"]["mappings"]["_meta"] = {"esplan": {"protect": True}}
    plan = planned(live, alias("films", protect=False))
    assert plan.steps[0].kind == "protect_index"
    assert plan.needs == ()
    unequal.add("films_green")
    with pytest.raises(Refused, match="is not equal"):
        applied(live, plan, path)
    assert meta(live, "films_green") == {"esplan": {"protect": True}}
    unequal.clear()
    assert applied(live, plan, path).ended
    assert "films_green" not in live.indices
    assert meta(live, "films_blue") == {"esplan": {"address": "alias.films", "plan": PLAN_ID}}


def test_a_release_is_protected_on_its_run_and_then_stays(cluster: Any, path: Path) -> None:
    name = "films-{run_id}"
    make(cluster, "films", index="films-20260101t000000z")
    del cluster.indices["films-20260101t000000z"]["aliases"]["films"]
    runs = Runs("films", name, entities={"films": name})
    wanted = alias("films", "integer", protect=True, naming=Naming(name), runs=runs)
    plan = planned(cluster, wanted)
    assert [step.kind for step in plan.steps] == ["protect_index", "await_health", "update_aliases"]
    assert applied(cluster, plan, path).ended
    assert planned(cluster, wanted).steps == ()
    make(cluster, "other", index="films-20260101t120000z")
    del cluster.indices["films-20260101t120000z"]["aliases"]["other"]
    assert "would delete films-20260101t000000z" in refusal(planned(cluster, wanted)).what


# What protection does


def refusal(plan: Plan, **given: bool) -> Refused:
    with pytest.raises(Refused) as refused:
        safety.require(plan, **given)
    return refused.value


def test_a_replacement_of_what_the_file_protects_is_refused(live: Any) -> None:
    plan = planned(live, alias("films", protect=True))
    assert plan.steps[0].kind == "create_index", "the plan is shown all the same"
    assert "protect_index" not in [step.kind for step in plan.steps]
    warned = "apply will refuse this plan: alias.films would delete films_green, which is protected"
    out = io.StringIO()
    for one in plan_text.plan(plan):
        Console(file=out, width=140, soft_wrap=True).print(one)
    assert f"\n  {warned}\n" in out.getvalue()
    error = refusal(plan, allow_many=True)
    assert error.exit_code == 4
    assert "alias.films would delete films_green, which is protected" in error.what
    assert error.where == "alias.films"
    assert "set protect: false in the desired file, and make a new plan" in error.remedy


def test_it_holds_when_the_file_says_nothing_any_more(live: Any) -> None:
    live.indices["films_green"]["mappings"]["_meta"] = {"esplan": {"protect": True}}
    for finish in (Finish(), Finish(delete_old=True)):
        plan = planned(live, alias("films", finish=finish))
        verb = "delete" if finish.delete_old else "replace"
        assert refusal(plan).what.endswith(
            f"alias.films would {verb} films_green, which is protected"
        )


def test_protected_by_another_object_of_the_files(live: Any) -> None:
    """The index is behind two aliases' names: what one protects, the other must not replace."""
    live.indices["films_green"]["aliases"]["reports"] = {}
    keeps = alias("reports", "integer", protect=True)
    plan = planned(live, alias("films", finish=Finish()), keeps, target=["alias.films"])
    assert [need["address"] for need in plan.needs] == ["alias.films"]


def test_apply_refuses_before_anything_is_done(live: Any, tmp_path: Path) -> None:
    plan = planned(live, alias("films", protect=True))
    with pytest.raises(Refused, match="which is protected"):
        apply_commands.apply(live, plan, tmp_path / "p", Silent())
    assert live.log == []


def test_protected_after_the_plan_is_not_deleted(live: Any, path: Path) -> None:
    plan = planned(live, alias("films"))
    applied(live, plan, path, through="switch")
    live.indices["films_green"]["mappings"]["_meta"] = {"esplan": {"protect": True}}
    with pytest.raises(Refused, match="films_green is protected, so it is not deleted"):
        applied(live, plan, path)
    assert "films_green" in live.indices


# Thresholds


def changes(*actions: str) -> tuple[Change, ...]:
    return tuple(
        Change(f"alias.a{n}", action, "", None, None, (), None, {})  # type: ignore[arg-type]  (any)
        for n, action in enumerate(actions)
    )


@pytest.mark.parametrize(
    ("actions", "needed"),
    [
        (["update"] * 3 + ["no-op"] * 7, False),
        (["update"] * 4 + ["no-op"] * 6, True),
        (["delete"] * 2 + ["replace"] * 2 + ["no-op"] * 6, True),
        (["create"] * 10, False),
        (["create"] * 6 + ["replace"] * 4, True),
        (["update"] * 9, False),
        (["update"] * 30 + ["no-op"] * 70, False),
        (["update"] * 31 + ["no-op"] * 69, True),
    ],
)
def test_more_than_30_percent_of_at_least_10(actions: list[str], needed: bool) -> None:  # noqa: FBT001  (a table)
    assert bool(safety.many(changes(*actions))) == needed


@pytest.fixture
def many(cluster: Any) -> Plan:
    for n in range(10):
        make(cluster, f"a{n}")
    wanted = [alias(f"a{n}", "keyword" if n < 4 else "integer") for n in range(10)]
    return planned(cluster, *wanted)


def test_the_plan_says_it_and_the_digest_covers_it(many: Plan, tmp_path: Path) -> None:
    why = "it changes or deletes 4 of 10 objects, which is more than 30%"
    assert many.needs == ({"consent": "many", "why": why},)
    planfile.write(many, tmp_path / "p")
    assert planfile.read(tmp_path / "p") == many
    raw = json.loads((tmp_path / "p").read_text())
    del raw["needs"]
    (tmp_path / "p").write_text(json.dumps(raw))
    with pytest.raises(Refused, match="its digest does not match"):
        planfile.read(tmp_path / "p")


def test_apply_needs_allow_many(many: Plan) -> None:
    error = refusal(many)
    assert "4 of 10 objects" in error.what
    assert error.remedy == "review the plan; if it is right, apply it with --allow-many"
    safety.require(many, allow_many=True)


def test_a_plan_that_does_not_say_so_is_held_to_it(many: Plan) -> None:
    assert "4 of 10 objects" in refusal(replace(many, needs=())).what


def test_a_need_that_nobody_knows_is_refused(many: Plan) -> None:
    newer = replace(many, needs=({"consent": "moon", "why": "it is dark"},))
    error = refusal(newer, allow_many=True)
    assert "it is dark" in error.what
    assert "the plan needs the consent 'moon'" in error.remedy


def test_a_plan_without_needs_is_written_as_before(live: Any, tmp_path: Path) -> None:
    plan = planned(live, alias("films"))
    assert '"needs"' not in planfile.dumps(plan)
    planfile.write(plan, tmp_path / "p")
    assert planfile.read(tmp_path / "p") == plan


# Consent to a delete


@pytest.mark.parametrize("address", ["alias.films", "index.films_green"])
def test_consent_where_the_file_does_not_say_so(live: Any, path: Path, address: str) -> None:
    wanted = alias("films", finish=Finish())
    assert "delete_index" not in [step.kind for step in planned(live, wanted).steps]
    plan = planned(live, wanted, allow_delete=[address])
    assert [step.kind for step in plan.steps][-1] == "delete_index"
    applied(live, plan, path)
    assert "films_green" not in live.indices


def test_an_index_of_a_foreign_name_is_deleted_only_by_its_own_address(cluster: Any) -> None:
    make(cluster, "films", index="precious")
    wanted = alias("films", finish=Finish())
    with pytest.raises(Refused, match="delete_old would delete precious"):
        planned(cluster, wanted, allow_delete=["alias.films"])
    assert (
        planned(cluster, wanted, allow_delete=["index.precious"]).steps[-1].kind == "delete_index"
    )


@pytest.mark.parametrize("address", ["alias.film", "index.films_blue", "films"])
def test_consent_that_nothing_needs_is_a_mistake(live: Any, address: str) -> None:
    with pytest.raises(UsageError, match=f"--allow-delete {address}: this plan would delete no"):
        planned(live, alias("films", finish=Finish()), allow_delete=[address])


def test_consent_does_not_lift_protection(live: Any) -> None:
    plan = planned(live, alias("films", protect=True), allow_delete=["alias.films"])
    assert "which is protected" in refusal(plan).what


# --keep-going

NAMES = ("a", "b", "c")


@pytest.fixture
def three(cluster: Any) -> Any:
    for name in NAMES:
        make(cluster, name)
    return cluster


def plan_of_three(cluster: Any) -> Plan:
    return planned(cluster, *map(alias, NAMES))


def going(cluster: Any, plan: Plan, path: Path, **how: Any) -> tuple[Journal, PartlyFailed]:
    journal = open_journal(path, plan.digest)
    with pytest.raises(PartlyFailed) as failed:
        engine.apply(run_of(cluster, plan), journal, keep_going=True, **how)
    return journal, failed.value


def on(cluster: Any) -> dict[str, list[str]]:
    names = {n: sorted(i["aliases"]) for n, i in cluster.indices.items()}
    return {n: aliases for n, aliases in names.items() if n[0] in NAMES and n[1] == "_"}


B_FAILED = {"a_blue": ["a"], "b_green": ["b"], "c_blue": ["c"]}
OF_B = ["PUT /b_blue", "PUT /b_green/_block/write", "PUT /b_blue/_settings"]


@pytest.mark.parametrize("request_", OF_B)
def test_the_others_go_on(three: Any, path: Path, request_: str) -> None:
    plan = plan_of_three(three)
    three.refuse(request_)
    journal, error = going(three, plan, path)
    assert on(three) == B_FAILED
    assert "index.blocks.write" not in three.indices["b_green"]["settings"]
    assert error.exit_code == 1
    assert error.what == "1 of 3 objects failed: alias.b"
    assert error.where == "done: alias.a, alias.c"
    assert f"alias.b: refused {request_}" in error.why
    assert error.remedy.endswith("apply the same plan again: it retries only what failed")
    assert not journal.ended
    assert is_closed(journal.records)


@pytest.mark.parametrize("request_", OF_B)
def test_again_retries_only_what_failed(three: Any, path: Path, request_: str) -> None:
    plan = plan_of_three(three)
    three.refuse(request_)
    going(three, plan, path)
    three.before = lambda _request: None
    three.log.clear()
    assert applied(three, plan, path).ended
    assert on(three) == {"a_blue": ["a"], "b_blue": ["b"], "c_blue": ["c"]}
    paths = [one.split()[1] for one in three.sent if not one.startswith("POST")]
    assert paths
    assert all(path.startswith("/b_") for path in paths)


def test_a_copy_that_is_not_equal_is_4(three: Any, path: Path, unequal: set[str]) -> None:
    unequal.add("b_green")
    _, error = going(three, plan_of_three(three), path)
    assert error.exit_code == 4
    assert "is not equal to b_green" in error.why
    assert on(three) == B_FAILED


def test_the_code_is_that_of_the_first_failure(three: Any, path: Path, unequal: set[str]) -> None:
    plan = plan_of_three(three)
    unequal.add("c_green")
    three.refuse("PUT /b_blue")
    _, error = going(three, plan, path)
    assert error.exit_code == 1
    assert error.what == "2 of 3 objects failed: alias.b, alias.c"
    assert [line.partition(":")[0] for line in error.why.splitlines()] == ["alias.b", "alias.c"]


def test_a_switch_that_is_refused(three: Any, path: Path) -> None:
    """Somebody has put b on another index after the plan."""
    plan = plan_of_three(three)
    three.make("third", aliases={"b": {}})
    _, error = going(three, plan, path)
    assert error.exit_code == 4
    assert on(three) == B_FAILED


def test_a_failure_after_the_switch_is_not_taken_back(three: Any, path: Path) -> None:
    plan = plan_of_three(three)
    applied(three, plan, path, through="switch")
    three.indices["b_blue"]["uuid"] = "another"
    journal, error = going(three, plan, path)
    assert "b_blue is another index than the one that was proven" in error.why
    assert on(three) == {"a_blue": ["a"], "b_blue": ["b"], "b_green": [], "c_blue": ["c"]}
    assert journal.path == path


def test_nothing_else_was_done(live: Any, path: Path) -> None:
    plan = planned(live, alias("films"))
    live.refuse("PUT /films_blue")
    _, error = going(live, plan, path)
    assert error.where == "nothing else was done"


def test_later_phases_leave_the_journal_open(three: Any, path: Path) -> None:
    plan = plan_of_three(three)
    three.refuse("PUT /b_blue")
    journal, error = going(three, plan, path, through="prepare")
    assert error.where == "waiting for later phases: alias.a, alias.c"
    assert not is_closed(journal.records), "a and c are prepared, and not switched"


@pytest.mark.parametrize("status", [500, 503])
def test_what_is_not_known_stops_everything(three: Any, path: Path, status: int) -> None:
    plan = plan_of_three(three)
    three.refuse("PUT /b_green/_block/write", status=status)
    journal = open_journal(path, plan.digest)
    with pytest.raises(Stopped):
        engine.apply(run_of(three, plan), journal, keep_going=True)
    assert "failed" not in [record.event for record in journal.records]
    assert not [one for one in three.sent if "/c_green" in one]


def test_an_unknown_outcome_stops_everything(three: Any, path: Path) -> None:
    plan = plan_of_three(three)

    def never(request: str) -> None:
        if request == "PUT /b_green/_block/write":
            raise OutcomeUnknown(f"the outcome of {request} is unknown", why="reset")

    three.before = never
    with pytest.raises(Stopped, match="is unknown"):
        applied(three, plan, path, keep_going=True)
    assert not [one for one in three.sent if "/c_green" in one]


def test_a_lost_lock_stops_everything(three: Any, path: Path) -> None:
    plan = plan_of_three(three)
    run = run_of(three, plan)

    def lose(request: str) -> None:
        run.lock.lost = run.lock.lost or request == OF_B[1]  # type: ignore[attr-defined]

    three.after = lose
    with pytest.raises(Stopped, match="the lock was lost"):
        engine.apply(run, open_journal(path, plan.digest), keep_going=True)
    assert three.sent[-1] == OF_B[1]


def test_a_crash_while_one_is_taken_back_leaves_the_others_alone(three: Any, path: Path) -> None:
    """What is prepared of c is not thrown away when the next apply goes on with taking b back."""
    plan = planned(three, *map(alias, ("b", "c")))

    class Killed(BaseException):
        pass

    def crash(request: str) -> None:
        if request == "PUT /b_green/_block/write":
            raise ServerError("refused", status=403)
        if request == "POST /_aliases":
            raise Killed

    three.before = crash
    journal = open_journal(path, plan.digest)
    with pytest.raises(Killed):
        engine.apply(run_of(three, plan), journal, keep_going=True)
    assert "b_blue" in three.indices, "it died before it could take that back"
    assert (journal.records[-1].event, journal.records[-1].step) == ("undone", "03-block_writes")
    three.before = lambda _request: None
    three.log.clear()
    assert applied(three, plan, path).ended
    assert three.sent.count("PUT /b_blue") == 1
    assert "PUT /c_blue" not in three.sent, "c was left as it is"


def test_one_object_taken_back_does_not_close_the_journal(three: Any, path: Path) -> None:
    plan = plan_of_three(three)
    three.refuse("PUT /b_green/_block/write")
    records = going(three, plan, path)[0].records
    told = [n for n, one in enumerate(records, 1) if (one.event, one.step) == ("undone", "")]
    assert [records[n - 1].data for n in told] == [{"address": "alias.b"}, {}]
    assert [is_closed(records[:n]) for n in told] == [False, True]


def test_without_it_everything_is_taken_back(three: Any, path: Path) -> None:
    plan = plan_of_three(three)
    three.refuse("PUT /b_blue")
    with pytest.raises(ServerError):
        applied(three, plan, path)
    assert on(three) == {"a_green": ["a"], "b_green": ["b"], "c_green": ["c"]}
