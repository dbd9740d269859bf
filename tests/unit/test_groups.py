"""Groups: which steps they have and in which order, and their apply, on a cluster in memory."""

from __future__ import annotations

import io
import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from esplan import apply as engine
from esplan import checksum, desired, drift, history, live, normalize, planfile
from esplan.commands.plan import plan as make_plan
from esplan.desired import Desired
from esplan.errors import PartlyFailed, Refused, ServerError, Stopped
from esplan.history import Past
from esplan.journal import open_journal
from esplan.model import Alias, Finish, Migrate, Naming, Runs, State
from esplan.route.groups import members
from esplan.run import Run
from esplan.views import plan_text
from esplan.views.progress import Silent

if TYPE_CHECKING:
    from pathlib import Path

    from esplan.journal import Journal
    from esplan.plan import Plan, Step

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SETTINGS = {
    "index.number_of_shards": "1",
    "index.number_of_replicas": "0",
    "index.auto_expand_replicas": "0-1",
}
OLD_RUN, NEW_RUN = "20261119t060000z", "20261120t060000z"
CALL = "POST /_aliases"


class Held:
    token = "t"

    def check(self) -> None:
        """Ours."""


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


def alias(name: str, year: str = "keyword", group: str = "g", **parts: Any) -> Alias:
    body = normalize.body(dict(SETTINGS), {"properties": {"year": {"type": year}}})
    naming = Naming(f"{name}_{{color}}", ("green", "blue"))
    finish, migrate = Finish(delete_old=True), Migrate(slices=1)
    given = {"naming": naming, "finish": finish, "migrate": migrate, **parts}
    return Alias(name, body=body, group=group, **given)


def make(cluster: Any, index: str, *aliases: str) -> None:
    parts = {"settings": SETTINGS, "mappings": {"properties": {"year": {"type": "integer"}}}}
    cluster.make(index, documents=3, aliases={name: {} for name in aliases}, **parts)


@pytest.fixture
def three(cluster: Any) -> Any:
    """a, b and c, each on its green index."""
    for name in "abc":
        make(cluster, f"{name}_green", name)
    return cluster


def files(*aliases: Alias) -> Desired:
    return Desired(State({}, {one.name: one for one in aliases}), "0" * 64)


def planned(cluster: Any, *aliases: Alias, **how: Any) -> Plan:
    return make_plan(cluster, files(*aliases), now=NOW, plan_id="0123456789abcdef", **how)


def steps(plan: Plan) -> list[str]:
    return [f"{one.address.rpartition('.')[2]} {one.kind}" for one in plan.steps]


def the(plan: Plan, address: str) -> Step:
    (found,) = [one for one in plan.steps if one.address == address]
    return found


def actions(step: Step) -> list[Any]:
    return (step.request or {})["body"]["actions"]


def run_of(cluster: Any, plan: Plan) -> Run:
    return Run(cluster, plan, Held(), Silent())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def applied(cluster: Any, plan: Plan, path: Path, **how: Any) -> Journal:
    journal = open_journal(path, plan.digest)
    engine.apply(run_of(cluster, plan), journal, **how)
    return journal


def going(cluster: Any, plan: Plan, path: Path, **how: Any) -> PartlyFailed:
    with pytest.raises(PartlyFailed) as failed:
        applied(cluster, plan, path, keep_going=True, **how)
    return failed.value


def on(cluster: Any) -> dict[str, list[str]]:
    found = cluster.indices.items()
    return {name: sorted(one["aliases"]) for name, one in found if not name.startswith("esplan")}


def refused(cluster: Any, *aliases: Alias, **how: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        planned(cluster, *aliases, **how)
    assert caught.value.exit_code == 4
    return caught.value


# The plan


def test_all_are_proven_and_green_before_the_one_call(three: Any) -> None:
    """c is alone: what it does stands by itself, and a does not wait for it under its block."""
    plan = planned(three, alias("a"), alias("b", group=""), alias("c"))
    copy = ["block_writes", "reindex", "verify", "update_settings"]
    assert steps(plan) == [
        *("a create_index", "c create_index", "b create_index"),
        *(f"a {kind}" for kind in copy),
        *(f"c {kind}" for kind in copy),
        *("a await_health", "c await_health", "g update_aliases"),
        *(f"b {kind}" for kind in (*copy, "await_health", "update_aliases")),
        *("a delete_index", "c delete_index", "b delete_index"),
    ]
    assert [one.address for one in plan.changes] == ["alias.a", "alias.b", "alias.c"]


def test_none_is_blocked_while_another_one_is_caught_up_with(three: Any) -> None:
    """The blocks of a group that clients write beside come together, just before its one call."""
    beside = Migrate(writes="catch-up")
    plan = planned(three, alias("a", migrate=beside), alias("b", migrate=beside))
    kinds = [step.kind for step in plan.steps if step.phase == "switch"]
    first, last = kinds.index("block_writes"), kinds.index("update_aliases")
    assert kinds[first:last] == ["block_writes", "catch_up", "verify"] * 2
    assert kinds[:first].count("catch_up") == 2


def test_the_call_has_one_fence_and_asserts_where_every_alias_is(three: Any) -> None:
    plan = planned(three, alias("a"), alias("b"))
    switch = the(plan, "group.g")
    said = [
        (verb, one["alias"].partition("-")[0])
        for act in actions(switch)
        for verb, one in act.items()
    ]
    fence = [("remove", "esplan"), ("add", "esplan")]
    assert said == [
        *fence,
        *(("remove", "a"), ("remove", "esplan"), ("add", "a")),
        *(("remove", "b"), ("remove", "esplan"), ("add", "b")),
    ]
    removed = [one["remove"] for one in actions(switch) if "remove" in one]
    assert all(one["must_exist"] for one in removed)
    assert switch.arguments["goal"] == {"a": {"a_blue": {}}, "b": {"b_blue": {}}}
    assert switch.arguments["members"] == ["alias.a", "alias.b"]
    undone = [list(one) for one in switch.undo["request"]["body"]["actions"]]
    assert undone == [["remove"], ["add"], ["remove"], ["add"], ["remove"], ["add"]]
    checks = [(one["check"], one.get("address", "")) for one in switch.preconditions]
    assert [one for one in checks if one[1]] == [
        ("whole", "alias.a"),
        ("ours", "alias.a"),
        ("proven", "alias.a"),
        ("filled", "alias.a"),
        ("whole", "alias.b"),
        ("ours", "alias.b"),
        ("proven", "alias.b"),
        ("filled", "alias.b"),
    ]


def test_what_a_reviewer_reads(three: Any) -> None:
    plan = planned(three, alias("a"), alias("b", "integer", options={"filter": {"term": {"x": 1}}}))
    assert the(plan, "group.g").description == (
        "in one call for the group g: switch the alias a from a_green to a_blue; "
        "set the alias options of b on b_green"
    )
    out = io.StringIO()
    for one in plan_text.plan(plan):
        Console(file=out, width=300).print(one)
    assert out.getvalue().count("in one call with the others of group.g: all or none") == 2


def test_a_creation_a_copy_and_what_is_as_wanted(three: Any, path: Path) -> None:
    plan = planned(three, alias("a"), alias("b", "integer"), alias("new"))
    assert the(plan, "group.g").arguments["members"] == ["alias.a", "alias.new"]
    assert plan.change("alias.b").action == "no-op"
    applied(three, plan, path)
    assert on(three) == {"a_blue": ["a"], "b_green": ["b"], "c_green": ["c"], "new_green": ["new"]}


def test_a_group_of_which_one_changes_needs_no_call_of_its_own(three: Any) -> None:
    alone = planned(three, alias("a", group=""), alias("b", "integer", group=""))
    plan = planned(three, alias("a"), alias("b", "integer"))
    assert [replace(one, id="") for one in plan.steps] == [
        replace(one, id="") for one in alone.steps
    ]


def test_changes_in_place_come_before_the_call(three: Any) -> None:
    """A member whose alias stays as it is: the others move only when it is done."""
    body = normalize.body(dict(SETTINGS), {"properties": {"new": {"type": "keyword"}}})
    plan = planned(three, alias("a"), replace(alias("b"), body=body))
    named = steps(plan)
    assert named.index("b put_mapping") < named.index("g update_aliases")
    assert the(plan, "group.g").arguments["members"] == ["alias.a", "alias.b"]
    assert the(plan, "group.g").arguments["goal"] == {"a": {"a_blue": {}}}


@pytest.mark.parametrize("how", [{"target": ["alias.a"]}, {"exclude": ["alias.b"]}])
def test_half_of_a_group_is_refused(three: Any, how: Any) -> None:
    wanted = (alias("a"), alias("b"), alias("c", group=""))
    error = refused(three, *wanted, **how)
    assert error.what == "--target and --exclude leave only a part of the group g"
    assert error.why == "in the group g are alias.a, alias.b"
    assert "name all of them or none" in error.remedy
    assert planned(three, *wanted, target=["alias.a", "alias.b"]).steps
    assert planned(three, *wanted, exclude=["alias.a", "alias.b"]).steps


def test_a_group_of_many_is_not_listed_whole(cluster: Any) -> None:
    wanted = [alias(f"a{n:02d}") for n in range(13)]
    error = refused(cluster, *wanted, target=["alias.a00"])
    assert error.why.endswith("alias.a08, alias.a09 and 3 more")
    assert the(planned(cluster, *wanted), "group.g").description.endswith("on a09_green; 3 more")


# One old index behind two aliases


def test_an_index_that_two_leave_is_deleted_once(cluster: Any, path: Path) -> None:
    make(cluster, "a_green", "a", "b")
    both = (alias("a"), alias("b", naming=Naming("{color}_b", ("green", "blue"))))
    known = ["index.a_green"]
    plan = planned(cluster, *both, allow_delete=known)
    (delete,) = [one for one in plan.steps if one.kind == "delete_index"]
    assert steps(plan)[-1] == "b delete_index"
    checks = [tuple(one.values()) for one in delete.preconditions]
    assert ("alias", "a", ["a_blue"]) in checks
    assert ("alias", "b", ["green_b"]) in checks
    assert not [one for one in plan.warnings if "stays on" in one]
    out = io.StringIO()
    for one in plan_text.plan(plan):
        Console(file=out, width=300).print(one)
    assert out.getvalue().count("deletes a_green at the end") == 2
    assert "keeps a_green" not in out.getvalue()
    applied(cluster, plan, path)
    assert on(cluster) == {"a_blue": ["a"], "green_b": ["b"]}


def test_it_is_not_deleted_when_one_of_them_keeps_it(cluster: Any) -> None:
    make(cluster, "a_green", "a", "b")
    keeps = alias("b", finish=Finish(), naming=Naming("{color}_b", ("green", "blue")))
    said = "delete_old would delete a_green, which also serves b"
    assert said in refused(cluster, alias("a"), keeps).what
    apart = alias("b", group="", naming=Naming("{color}_b", ("green", "blue")))
    assert said in refused(cluster, alias("a"), apart).why


def test_it_is_not_deleted_when_one_of_them_stays(cluster: Any) -> None:
    make(cluster, "a_green", "a", "b")
    said = "delete_old would delete a_green, which also serves b"
    assert said in refused(cluster, alias("a"), alias("b", "integer")).what


# A loader's source


def entity(name: str, pattern: str = "", *, group: str = "smr", **parts: Any) -> Alias:
    entities = {"smr": "smr-{run_id}", "employee": "smr-{run_id}-employee"}
    runs = Runs("smr", pattern or "smr-{run_id}", "", entities, **parts)
    finish = Finish(delete_old=True)
    return Alias(name, naming=Naming(runs.pattern), runs=runs, finish=finish, group=group)


BOTH = (entity("smr"), entity("employee", "smr-{run_id}-employee"))


@pytest.fixture
def loaded(cluster: Any) -> Any:
    """Two runs, the aliases on the old one."""
    make(cluster, f"smr-{OLD_RUN}", "smr")
    make(cluster, f"smr-{OLD_RUN}-employee", "employee")
    make(cluster, f"smr-{NEW_RUN}")
    make(cluster, f"smr-{NEW_RUN}-employee")
    return cluster


def test_the_entities_of_a_source_are_released_in_one_call(loaded: Any, path: Path) -> None:
    plan = planned(loaded, *BOTH)
    assert steps(plan) == [
        *("employee await_health", "smr await_health", "smr update_aliases"),
        *("employee retire_index", "smr retire_index"),
        *("employee delete_index", "smr delete_index"),
    ]
    journal = applied(loaded, plan, path)
    assert on(loaded) == {f"smr-{NEW_RUN}": ["smr"], f"smr-{NEW_RUN}-employee": ["employee"]}
    moves = journal.records[0].data["moves"]
    assert [(one["step"], one["alias"], one["from"], one["to"]) for one in moves] == [
        ("03-update_aliases", "employee", [f"smr-{OLD_RUN}-employee"], [f"smr-{NEW_RUN}-employee"]),
        ("03-update_aliases", "smr", [f"smr-{OLD_RUN}"], [f"smr-{NEW_RUN}"]),
    ]
    past = history.read(loaded, ["smr", "employee"])
    assert [past.moves(name)[0][1].outcome for name in ("smr", "employee")] == ["done", "done"]


def test_two_on_one_run_leave_it_together(loaded: Any, path: Path) -> None:
    loaded.indices[f"smr-{OLD_RUN}"]["aliases"]["again"] = {}
    wanted = (*BOTH, entity("again"))
    plan = planned(loaded, *wanted)
    assert [one for one in steps(plan) if "delete" in one] == [
        "employee delete_index",
        "smr delete_index",
    ]
    found = drift.drift(files(*wanted).state, seen(loaded), {})
    assert {one.note for one in found} == {""}, "a plan is not refused"
    applied(loaded, plan, path)
    assert on(loaded)[f"smr-{NEW_RUN}"] == ["again", "smr"]
    assert f"smr-{OLD_RUN}" not in loaded.indices


def seen(cluster: Any) -> drift.Seen:
    return drift.Seen(live.read_state(cluster), {}, Past(), NOW)


def test_one_that_is_aborted_holds_the_others(loaded: Any) -> None:
    plan = planned(loaded, entity("smr", abort=True), BOTH[1])
    assert plan.steps == ()
    assert plan.warnings == (
        "alias.employee is left as it is: alias.smr of the same group smr has runs.abort: true",
        "alias.smr: runs.abort is true, so nothing is released",
    )
    assert plan.summary == {"create": 0, "update": 0, "replace": 0, "delete": 0}


def write(tmp_path: Path, **aliases: Any) -> State:
    file = tmp_path / "desired.yaml"
    file.write_text(json.dumps({"version": 1, "aliases": aliases}), encoding="utf-8")
    return desired.read([file], {}).state


def test_the_group_of_the_files(tmp_path: Path) -> None:
    """That of the file; else that of a source with several entities; else none."""
    entities = {"smr": "smr-{run_id}", "employee": "smr-{run_id}-employee"}
    several = {
        "index": {"name": "smr-{run_id}"},
        "runs": {"source": "smr", "entities": entities},
    }
    one = {"index": {"name": "smr-{run_id}"}, "runs": {"source": "smr"}}
    state = write(
        tmp_path,
        a={"index": {"name": "a_{color}"}, "group": "g"},
        b={"index": {"name": "b_{color}"}},
        smr=several,
        other={**several, "group": "other"},
        one=one,
    )
    groups = {name: found.group for name, found in state.aliases.items()}
    assert groups == {"a": "g", "b": "", "one": "", "other": "other", "smr": "smr"}
    assert members(state.aliases.values()) == {}, "nobody is a group alone"


# The apply


def test_two_members_are_one_call(three: Any, path: Path) -> None:
    plan = planned(three, *(alias(name, finish=Finish()) for name in "ab"))
    journal = applied(three, plan, path)
    assert three.sent.count(CALL) == 1
    assert on(three) == {
        "a_blue": ["a"],
        "a_green": [],
        "b_blue": ["b"],
        "b_green": [],
        "c_green": ["c"],
    }
    assert journal.ended


FAILURES = ["PUT /b_blue", "PUT /b_green/_block/write", "PUT /b_blue/_settings"]


@pytest.mark.parametrize("request_", FAILURES)
def test_one_that_fails_takes_all_of_the_group_back(three: Any, path: Path, request_: str) -> None:
    plan = planned(three, alias("a"), alias("b"), alias("c", group=""))
    three.refuse(request_)
    error = going(three, plan, path)
    assert on(three) == {"a_green": ["a"], "b_green": ["b"], "c_blue": ["c"]}
    blocked = [n for n, one in three.indices.items() if one["settings"].get("index.blocks.write")]
    assert blocked == []
    assert error.what == "2 of 3 objects failed: alias.a, alias.b"
    assert error.where == "done: alias.c"
    assert error.why.startswith(f"group.g: refused {request_}")
    three.before = lambda _request: None
    three.log.clear()
    assert applied(three, plan, path).ended
    assert on(three) == {"a_blue": ["a"], "b_blue": ["b"], "c_blue": ["c"]}
    assert not [one for one in three.sent if "/c_" in one], "c was left as it is"


def test_one_whose_copy_is_not_equal(three: Any, path: Path, unequal: set[str]) -> None:
    unequal.add("a_green")
    error = going(three, planned(three, alias("a"), alias("b"), alias("c", group="")), path)
    assert error.exit_code == 4
    assert on(three) == {"a_green": ["a"], "b_green": ["b"], "c_blue": ["c"]}


def test_after_the_switch_each_goes_on_by_itself(three: Any, path: Path) -> None:
    plan = planned(three, alias("a", finish=Finish()), alias("b"))
    three.refuse("PUT /a_green/_settings", status=403)
    error = going(three, plan, path)
    assert error.what == "1 of 2 objects failed: alias.a"
    there = {"a_blue": ["a"], "a_green": [], "b_blue": ["b"], "c_green": ["c"]}
    assert on(three) == there
    three.before = lambda _request: None
    assert applied(three, plan, path).ended
    assert on(three) == there


@pytest.mark.parametrize("name", ["a", "b"])
def test_an_alias_that_was_moved(three: Any, path: Path, name: str) -> None:
    plan = planned(three, alias("a"), alias("b"))
    applied(three, plan, path, through="prepare")
    del three.indices[f"{name}_green"]["aliases"][name]
    three.make("third", aliases={name: {}})
    with pytest.raises(Refused, match=f"the alias {name} is on third, not on {name}_green"):
        applied(three, plan, path)
    on_third = {"third": [name], "a_green": ["a"], "b_green": ["b"], "c_green": ["c"]}
    assert on(three) == on_third | {f"{name}_green": []}


def test_half_of_it_by_hand_is_not_taken_for_done(three: Any, path: Path) -> None:
    """Just as wanted, one of the two: not esplan's one call, so somebody else's."""
    plan = planned(three, alias("a"), alias("b"))

    def by_hand(request: str) -> None:
        if request == CALL:
            del three.indices["a_green"]["aliases"]["a"]
            three.indices["a_blue"]["aliases"]["a"] = {}
            three.before = lambda _request: None

    three.before = by_hand
    with pytest.raises(ServerError, match="aliases missing"):
        applied(three, plan, path)
    expected = {"a_blue": ["a"], "a_green": [], "b_green": ["b"], "c_green": ["c"]}
    assert on(three) == expected, "b is not switched; the index of a is not deleted, nor guarded"
    assert not [one for one in three.indices.values() if "index.blocks.write" in one["settings"]]


def test_a_lost_answer_of_the_call_is_probed(three: Any, path: Path) -> None:
    plan = planned(three, *(alias(name, finish=Finish()) for name in "ab"))
    three.lose(CALL)
    assert applied(three, plan, path).ended
    assert three.sent.count(CALL) == 1


def test_a_refused_call_moves_nothing(three: Any, path: Path) -> None:
    plan = planned(three, alias("a"), alias("b"))
    three.refuse(CALL, status=404)
    with pytest.raises((ServerError, Stopped)):
        applied(three, plan, path)
    assert on(three)["a_green"] == ["a"]
    assert on(three)["b_green"] == ["b"]


@pytest.mark.parametrize("through", range(15))
def test_a_crash_after_any_step_and_again(three: Any, path: Path, through: int) -> None:
    plan = planned(three, alias("a"), alias("b"))
    assert len(plan.steps) == 15
    step = plan.steps[through].id

    class Killed(BaseException):
        pass

    journal = open_journal(path, plan.digest)
    append = journal.append

    def killing(event: str, at: str = "", data: Any = None) -> Any:
        if (event, at) == ("done", step):
            raise Killed
        return append(event, at, data)

    journal.append = killing  # type: ignore[method-assign]
    with pytest.raises(Killed):
        engine.apply(run_of(three, plan), journal)
    assert applied(three, plan, path).ended
    assert on(three) == {"a_blue": ["a"], "b_blue": ["b"], "c_green": ["c"]}


def test_a_crash_while_a_group_is_taken_back(three: Any, path: Path) -> None:
    """The next apply goes on with it, and leaves what stands by itself as it is."""
    plan = planned(three, alias("a"), alias("b"), alias("c", group=""))

    class Killed(BaseException):
        pass

    def crash(request: str) -> None:
        if request == "PUT /b_green/_block/write":
            raise ServerError("refused", status=403)
        if request == "PUT /a_green/_settings":
            raise Killed

    three.before = crash
    journal = open_journal(path, plan.digest)
    with pytest.raises(Killed):
        engine.apply(run_of(three, plan), journal, keep_going=True)
    assert [one.data.get("address") for one in journal.records if one.event == "failed"] == [
        "group.g"
    ]
    three.before = lambda _request: None
    three.log.clear()
    assert applied(three, plan, path).ended
    assert on(three) == {"a_blue": ["a"], "b_blue": ["b"], "c_blue": ["c"]}
    assert three.sent.count("PUT /a_blue") == 1, "it was taken back, and made again"
    assert "PUT /c_blue" not in three.sent, "c was left as it is"


def test_abandoning_before_and_after_the_switch(three: Any, path: Path) -> None:
    plan = planned(three, alias("a"), alias("b"))
    applied(three, plan, path, through="prepare")
    engine.abandon(run_of(three, plan), open_journal(path, plan.digest))
    assert on(three) == {"a_green": ["a"], "b_green": ["b"], "c_green": ["c"]}
    applied(three, plan, path, through="switch")
    engine.abandon(run_of(three, plan), open_journal(path, plan.digest))
    assert on(three)["a_blue"] == ["a"]
    assert on(three)["b_blue"] == ["b"]


def test_plans_with_groups_are_plan_files(three: Any, tmp_path: Path) -> None:
    plan = planned(three, alias("a"), alias("b"))
    planfile.write(plan, tmp_path / "plan.json")
    assert planfile.read(tmp_path / "plan.json") == plan


def test_a_thousand_aliases_are_one_call_and_few_reads(cluster: Any, path: Path) -> None:
    names = [f"alias-{n:04d}" for n in range(1000)]
    make(cluster, "one", *names)
    options = {"index_routing": "1", "search_routing": "1"}
    wanted = [alias(name, "integer", options=options) for name in names]
    started = time.monotonic()
    plan = planned(cluster, *wanted)
    assert [one.kind for one in plan.steps] == ["update_aliases"]
    cluster.asked.clear()
    applied(cluster, plan, path)
    assert time.monotonic() - started < 20, "two seconds on an idle machine"
    assert cluster.sent == [CALL]
    assert len([one for one in cluster.asked if "alias" in one]) == 3, "probe, check, read back"
    assert set(map(str, cluster.indices["one"]["aliases"].values())) == {str(options)}


def test_names_that_do_not_fit_into_one_url(cluster: Any) -> None:
    names = [f"index-{n:04d}-{'x' * 50}" for n in range(200)]
    for name in names:
        make(cluster, name)
    cluster.asked.clear()
    assert list(live.read_indices(cluster, [*names, "missing"])) == names
    assert len(cluster.asked) > 3
    assert max(map(len, cluster.asked)) < 4000
