"""Releases by run id: desired files and a cluster in memory → the plan, and its apply."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from esplan import apply as engine
from esplan import desired
from esplan.commands.plan import plan as make_plan
from esplan.commands.plan import refuse_nothing_to_release
from esplan.errors import InvalidRunIds, Refused, ServerError
from esplan.journal import open_journal
from esplan.model import Runs
from esplan.route.release import is_run_of
from esplan.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from esplan.desired import Desired
    from esplan.plan import Plan, Step

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OLD_RUN, NEW_RUN = "20261119t060000z", "2026-11-20t06-00-00.000z"
OLD, NEW = f"customer-2_0_0-{OLD_RUN}", f"customer-2_0_0-{NEW_RUN}"
ALIASES = "POST /_aliases"
PLAN_READS = ["/", "/*,-.*", "/_stats/docs,store"]
MERGE = f"POST /{NEW}/_forcemerge?max_num_segments=1&wait_for_completion=false"


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., Desired]:
    """The desired file with these aliases."""

    def read(**aliases: Any) -> Desired:
        path = tmp_path / "desired.yaml"
        path.write_text(json.dumps({"version": 1, "aliases": aliases}), encoding="utf-8")
        return desired.read([path], {})

    return read


@pytest.fixture
def customer(files: Callable[..., Desired]) -> Callable[..., Desired]:
    """One alias, on the runs of customer; `index`, `runs` and `finish` on top."""

    def read(index: Any = None, runs: Any = None, **finish: Any) -> Desired:
        wanted = {"replicas": 1, "forcemerge": "auto", "delete_old": True, **finish}
        source = {"source": "customer", "index_base": "customer-2_0_0", **(runs or {})}
        name = {"name": "{index_base}-{run_id}", **(index or {})}
        return files(prod={"index": name, "runs": source, "finish": wanted})

    return read


def load(cluster: Any, name: str, documents: int = 10, *aliases: str, **parts: Any) -> None:
    """A run as its loader leaves it: one shard, no replica, five segments."""
    whole = {
        "settings": {"index.number_of_shards": "1", "index.number_of_replicas": "0"},
        "mappings": {"properties": {"id": {"type": "keyword"}}},
        "aliases": {alias: {} for alias in aliases},
        "segments": 5,
        **parts,
    }
    cluster.make(name, documents=documents, **whole)


@pytest.fixture
def two(cluster: Any) -> Any:
    """Two runs, the alias on the older one."""
    load(cluster, OLD, 10, "prod")
    load(cluster, NEW, 10)
    return cluster


def planned(cluster: Any, wanted: Desired) -> Plan:
    return make_plan(cluster, wanted, now=NOW, plan_id="0123456789abcdef")


def refused(cluster: Any, wanted: Desired, kind: type[Refused] = Refused) -> Refused:
    with pytest.raises(kind) as caught:
        planned(cluster, wanted)
    assert caught.value.exit_code == 4
    return caught.value


def kinds(plan: Plan) -> list[str]:
    return [f"{step.phase} {step.kind}" for step in plan.steps]


def step(plan: Plan, kind: str) -> Step:
    (found,) = [one for one in plan.steps if one.kind == kind]
    return found


def target(plan: Plan) -> str | None:
    (change,) = plan.changes
    return change.target


PREPARED = [
    "prepare update_settings",
    "prepare await_health",
    "prepare force_merge",
    "switch await_health",
    "switch update_aliases",
]

# What a release does


def test_a_first_release(cluster: Any, customer: Callable[..., Desired]) -> None:
    load(cluster, NEW)
    plan = planned(cluster, customer())
    (change,) = plan.changes
    assert (change.action, change.route, change.index, change.target) == (
        "create",
        "release",
        None,
        NEW,
    )
    assert change.before is None
    assert kinds(plan) == PREPARED
    assert plan.warnings == ()
    switch = step(plan, "update_aliases")
    assert switch.description == f"put prod on {NEW} (10 documents)"
    assert (switch.request or {})["body"]["actions"][2:] == [
        {"add": {"index": NEW, "alias": "prod"}}
    ]
    assert switch.preconditions == (
        {"check": "index", "index": NEW, "uuid": f"uuid-{NEW}"},
        {"check": "alias", "alias": "prod", "on": []},
        {"check": "serves", "index": NEW},
        {"check": "durable", "index": NEW},
        {"check": "heir", "index": NEW, "uuid": f"uuid-{NEW}", "documents": 10},
        {"check": "unwritten", "index": NEW, "marks": {"0": 0}},
    )


def test_the_next_release(two: Any, customer: Callable[..., Desired]) -> None:
    two.indices[OLD]["aliases"] = {"prod": {"is_hidden": True}}
    plan = planned(two, customer())
    (change,) = plan.changes
    assert (change.action, change.index, change.target) == ("replace", OLD, NEW)
    assert kinds(plan) == [*PREPARED, "switch retire_index", "finish delete_index"]
    switch = step(plan, "update_aliases")
    said = f"switch the alias prod from {OLD} (10 documents) to {NEW} (10 documents)"
    assert switch.description == said
    assert (switch.request or {})["body"]["actions"][2:] == [
        {"remove": {"index": OLD, "alias": "prod", "must_exist": True}},
        {"add": {"index": NEW, "alias": "prod"}},
    ]
    assert switch.undo["request"]["body"]["actions"][2:] == [
        {"remove": {"index": NEW, "alias": "prod", "must_exist": True}},
        {"add": {"index": OLD, "alias": "prod", "is_hidden": True}},
    ]
    assert switch.preconditions == (
        {"check": "index", "index": OLD, "uuid": f"uuid-{OLD}"},
        {"check": "index", "index": NEW, "uuid": f"uuid-{NEW}"},
        {"check": "alias", "alias": "prod", "on": [OLD]},
        {"check": "serves", "index": NEW},
        {"check": "durable", "index": NEW},
        {"check": "heir", "index": NEW, "uuid": f"uuid-{NEW}", "documents": 10},
        {"check": "unwritten", "index": NEW, "marks": {"0": 0}},
    )
    delete = step(plan, "delete_index")
    assert delete.arguments == {"index": OLD, "uuid": f"uuid-{OLD}"}
    assert delete.preconditions == (
        {"check": "alias", "alias": "prod", "on": [NEW]},
        {"check": "index", "index": NEW, "uuid": f"uuid-{NEW}"},
        {"check": "serves", "index": NEW},
        {"check": "durable", "index": NEW},
        {"check": "unaliased", "index": OLD},
        {"check": "heir", "index": NEW, "uuid": f"uuid-{NEW}", "documents": 10},
        {"check": "left", "index": OLD, "closed": False},
    )


def test_a_run_that_was_emptied_since_the_plan_is_not_released(
    two: Any, customer: Callable[..., Desired], tmp_path: Path
) -> None:
    """Without a merge nobody has noted its writes; the alias would go from documents to none."""
    plan = planned(two, customer(forcemerge="off", delete_old=False))
    two.indices[NEW]["documents"] = 0
    with pytest.raises(Refused) as refused:
        apply(two, plan, tmp_path / "j")
    assert f"{NEW} has no document any more, and had 10" in refused.value.why
    assert "prod" in two.indices[OLD]["aliases"]


def test_an_option_that_the_file_does_not_have_is_warned_of(
    two: Any, customer: Callable[..., Desired]
) -> None:
    """A job can say none, and a filter may be what keeps documents from being seen."""
    two.indices[OLD]["aliases"] = {"prod": {"filter": {"term": {"a": 1}}, "is_hidden": True}}
    (warning,) = planned(two, customer()).warnings
    assert warning == "alias.prod: the file has no filter, is_hidden: the alias loses it"


def test_the_merge_says_what_the_plan_saw(two: Any, customer: Callable[..., Desired]) -> None:
    two.indices[NEW]["mark"] = 7
    merge = step(planned(two, customer()), "force_merge")
    assert merge.arguments == {"index": NEW, "segments": 1}
    assert merge.preconditions == (
        {"check": "index", "index": NEW, "uuid": f"uuid-{NEW}"},
        {"check": "unwritten", "index": NEW, "marks": {"0": 7}},
    )


def test_without_force_merge_and_delete(two: Any, customer: Callable[..., Desired]) -> None:
    two.asked.clear()
    plan = planned(two, customer(forcemerge="off", delete_old=False))
    assert kinds(plan) == [
        "prepare update_settings",
        "switch await_health",
        "switch update_aliases",
    ]
    assert plan.warnings == (f"alias.prod: {OLD} is kept (finish.delete_old is false)",)
    assert two.asked == PLAN_READS, "nobody is watched whom nothing is done to"


def test_what_the_run_lacks_is_added_before_the_switch(
    two: Any, customer: Callable[..., Desired]
) -> None:
    index = {"mappings": {"properties": {"added": {"type": "ip"}}}}
    plan = planned(two, customer(index, forcemerge="off"))
    assert kinds(plan)[:2] == ["prepare put_mapping", "prepare update_settings"]
    mapping, settings = plan.steps[:2]
    assert (mapping.request or {})["path"] == f"/{NEW}/_mapping"
    assert (mapping.request or {})["body"] == {"properties": {"added": {"type": "ip"}}}
    assert (settings.request or {})["body"] == {"index.number_of_replicas": "1"}
    for one in (mapping, settings):
        assert {"check": "index", "index": NEW, "uuid": f"uuid-{NEW}"} in one.preconditions


def test_a_run_that_is_as_wanted_needs_no_preparation(
    two: Any, customer: Callable[..., Desired]
) -> None:
    plan = planned(two, customer(replicas=0, forcemerge="off"))
    assert kinds(plan) == [
        "switch await_health",
        "switch update_aliases",
        "switch retire_index",
        "finish delete_index",
    ]


# Which run


def test_the_latest_by_time_not_by_text(two: Any, customer: Callable[..., Desired]) -> None:
    load(two, "customer-2_0_0-1795240800")  # 2026-11-21T06:00:00Z, and sorts first
    assert target(planned(two, customer())) == "customer-2_0_0-1795240800"


def test_a_pinned_run_in_another_spelling(two: Any, customer: Callable[..., Desired]) -> None:
    two.indices[OLD]["aliases"], two.indices[NEW]["aliases"] = {}, {"prod": {}}
    plan = planned(two, customer(runs={"run": "2026-11-19T06:00:00Z"}))
    (change,) = plan.changes
    assert (change.index, change.target) == (NEW, OLD), "back to the older one"


def test_a_pinned_run_that_is_not_there(two: Any, customer: Callable[..., Desired]) -> None:
    error = refused(two, customer(runs={"run": "2026-11-18"}))
    assert error.what == "run 2026-11-18 is missing for customer"
    assert error.where == "the runs of customer: customer-2_0_0-{run_id}"
    assert NEW_RUN in error.why


def test_no_run_at_all(cluster: Any, customer: Callable[..., Desired]) -> None:
    load(cluster, "customer-3_0_0-20261119t060000z")
    error = refused(cluster, customer(), InvalidRunIds)
    assert error.what == "there is no run of customer"


def test_a_run_in_the_future_is_an_error_and_not_left_out(
    two: Any, customer: Callable[..., Desired]
) -> None:
    load(two, "customer-2_0_0-20261122t000000z")
    error = refused(two, customer(), InvalidRunIds)
    assert "is in the future (now is 2026-11-21T12:00:00Z)" in error.why
    assert error.where == "the runs of customer: customer-2_0_0-{run_id}"


ENTITIES = {"smr": "smr-{run_id}", "smr-employee": "smr-{run_id}-employee"}


@pytest.fixture
def smr(files: Callable[..., Desired]) -> Desired:
    """One source, two entities, an alias for each."""
    runs = {"source": "smr", "entities": ENTITIES}
    pairs = zip(("smr-prod", "employee-prod"), ENTITIES.values(), strict=True)
    return files(**{alias: {"index": {"name": name}, "runs": runs} for alias, name in pairs})


def test_each_entity_has_its_own_index_and_not_its_siblings(cluster: Any, smr: Desired) -> None:
    load(cluster, "smr-20261120t060000z")
    load(cluster, "smr-2026-11-20t06-00-00-employee")
    load(cluster, "smr-employee-20261121t060000z")  # of another source, and later
    plan = planned(cluster, smr)
    assert {change.address: change.target for change in plan.changes} == {
        "alias.smr-prod": "smr-20261120t060000z",
        "alias.employee-prod": "smr-2026-11-20t06-00-00-employee",
    }


def test_what_two_aliases_of_a_source_lack_is_told_once(cluster: Any, smr: Desired) -> None:
    load(cluster, "smr-20261119t060000z")
    load(cluster, "smr-20261119t060000z-employee")
    load(cluster, "smr-20261120t060000z")
    error = refused(cluster, smr)
    assert error.what == "run 20261120t060000z is missing for smr-employee"
    assert error.where == "the runs of smr: smr-{run_id}, smr-{run_id}-employee"
    assert error.why.splitlines() == [
        "entity       | runs",
        "smr          | 20261120t060000z, 20261119t060000z",
        "smr-employee | 20261119t060000z",
    ]
    assert error.remedy.endswith("or pin an older run with `runs.run: 20261119t060000z`")


def test_different_refusals_are_all_told(two: Any, files: Callable[..., Desired]) -> None:
    def alias(source: str) -> dict[str, Any]:
        return {"index": {"name": f"{source}-{{run_id}}"}, "runs": {"source": source}}

    error = refused(two, files(a=alias("none"), b=alias("nothing")))
    assert error.what == "2 objects have no safe way to the desired state"
    assert "there is no run of none" in error.why
    assert "there is no run of nothing" in error.why


@pytest.mark.parametrize(
    ("pattern", "name", "ours"),
    [
        ("{index_base}-{run_id}", "customer-2_0_0-20261119t060000z", True),
        ("{index_base}-{run_id}", "customer-1_0_0-20261119t060000z", True),
        ("{index_base}-{run_id}", "customer-20261119t060000z", True),
        ("{index_base}-{run_id}", "other-2_0_0-20261119t060000z", False),
        ("{index_base}-{run_id}", "customers-archive-20261119t060000z", False),
        ("{index_base}-{run_id}", "customer-2_0_0-by-hand", False),
        ("{index_base}-{run_id}", "customer", False),
        ("{index_base}-{run_id}-x", "customer-1_0_0-20261119t060000z-x", True),
        ("{index_base}-{run_id}-x", "customer-1_0_0-20261119t060000z", False),
        ("customer-{run_id}", "customer-1_0_0-20261119t060000z", False),
    ],
)
def test_whose_run_an_index_is(pattern: str, name: str, ours: bool) -> None:  # noqa: FBT001  (a table)
    assert is_run_of(Runs("customer", pattern, "customer-2_0_0"), name) is ours


def test_a_base_that_does_not_begin_with_the_source() -> None:
    loaded = Runs("customer", "{index_base}-{run_id}", "kunden")
    assert is_run_of(loaded, f"kunden-{OLD_RUN}")
    assert not is_run_of(loaded, f"kunden-alt-{OLD_RUN}")


# Nothing to do


def test_the_released_run_is_no_change(two: Any, customer: Callable[..., Desired]) -> None:
    two.indices[OLD]["aliases"], two.indices[NEW]["aliases"] = {}, {"prod": {}}
    wanted = customer(replicas=0)
    plan = planned(two, wanted)
    (change,) = plan.changes
    assert (change.action, change.index, change.target) == ("no-op", NEW, NEW)
    assert plan.steps == plan.warnings == ()


def test_the_released_run_is_changed_in_place_and_nothing_is_deleted(
    two: Any, customer: Callable[..., Desired]
) -> None:
    two.indices[OLD]["aliases"], two.indices[NEW]["aliases"] = {}, {"prod": {}}
    plan = planned(two, customer(replicas=2))
    assert kinds(plan) == ["switch update_settings"]


def test_a_job_that_has_nothing_to_release_is_refused(
    two: Any, customer: Callable[..., Desired]
) -> None:
    two.indices[OLD]["aliases"], two.indices[NEW]["aliases"] = {}, {"prod": {}}
    wanted = customer(replicas=0)
    with pytest.raises(Refused) as caught:
        refuse_nothing_to_release(planned(two, wanted), wanted)
    assert caught.value.exit_code == 4
    assert caught.value.what == (
        f"alias.prod is on {NEW} already, and that is the latest run: "
        "there is nothing to release, and nothing to delete"
    )
    assert caught.value.remedy == "let the loader run first; or set abort_run to True"


def test_a_job_that_releases_aborts_or_is_left_out_is_not_refused(
    two: Any, customer: Callable[..., Desired]
) -> None:
    released = customer()
    refuse_nothing_to_release(planned(two, released), released)
    two.indices[OLD]["aliases"], two.indices[NEW]["aliases"] = {}, {"prod": {}}
    aborted = customer(runs={"abort": True})
    refuse_nothing_to_release(planned(two, aborted), aborted)
    left_out = make_plan(two, released, exclude=["alias.prod"], now=NOW)
    refuse_nothing_to_release(left_out, released)


@pytest.mark.parametrize("documents", [1, 0])
def test_abort(cluster: Any, customer: Callable[..., Desired], documents: int) -> None:
    """Whatever there is, an unreadable run too: nothing is looked for."""
    load(cluster, "customer-2_0_0-20269999t000000z", documents)
    cluster.asked.clear()
    plan = planned(cluster, customer(runs={"abort": True}))
    assert plan.steps == ()
    assert plan.warnings == ("alias.prod: runs.abort is true, so nothing is released",)
    (change,) = plan.changes
    assert (change.action, change.index, change.target) == ("no-op", None, None)
    assert cluster.asked == PLAN_READS


def test_abort_leaves_an_alias_where_it_is(two: Any, customer: Callable[..., Desired]) -> None:
    plan = planned(two, customer(runs={"abort": True}))
    assert plan.steps == ()
    assert target(plan) == OLD


# Warnings


def test_declared_writes_are_never_merged_and_nobody_looks(
    two: Any, customer: Callable[..., Desired]
) -> None:
    two.asked.clear()
    plan = planned(two, customer(runs={"writes": "ongoing"}))
    assert "prepare force_merge" not in kinds(plan)
    assert plan.warnings == (f"alias.prod: {NEW} is not force merged: runs.writes is ongoing",)
    assert two.asked == PLAN_READS


def test_an_index_seen_writing_is_not_merged(two: Any, customer: Callable[..., Desired]) -> None:
    two.written.add(NEW)
    plan = planned(two, customer())
    assert "prepare force_merge" not in kinds(plan)
    assert plan.warnings == (f"alias.prod: {NEW} is not force merged: somebody writes to it",)


def test_writes_to_the_old_run_are_no_matter(two: Any, customer: Callable[..., Desired]) -> None:
    two.written.add(OLD)
    assert "prepare force_merge" in kinds(planned(two, customer()))


@pytest.mark.parametrize(
    ("old", "new", "warned"), [(10, 4, True), (10, 5, False), (0, 0, True), (0, 1, False)]
)
def test_few_documents(
    two: Any,
    customer: Callable[..., Desired],
    old: int,
    new: int,
    warned: bool,  # noqa: FBT001  (a table)
) -> None:
    two.indices[OLD]["documents"], two.indices[NEW]["documents"] = old, new
    said = f"alias.prod: {NEW} ({new} documents) has few documents"
    served = f"{said}, and {OLD} ({old} documents) is served now"
    assert planned(two, customer()).warnings == ((served,) if warned else ())


def test_an_empty_first_run(cluster: Any, customer: Callable[..., Desired]) -> None:
    load(cluster, NEW, 0)
    (said,) = planned(cluster, customer()).warnings
    assert said == f"alias.prod: {NEW} (0 documents) has few documents"


# Refusals


def test_the_loader_made_it_otherwise(two: Any, customer: Callable[..., Desired]) -> None:
    index = {
        "settings": {"number_of_shards": 3},
        "mappings": {"properties": {"id": {"type": "long"}, "more": {"type": "ip"}}},
    }
    error = refused(two, customer(index))
    said = f"alias.prod: the loader made {NEW} otherwise than the desired file says"
    assert error.what == said
    assert error.why == (
        "mappings.properties.id.type: 'keyword', not 'long'; "
        "settings.index.number_of_shards: '1', not '3'"
    )
    assert "correct the loader" in error.remedy


def test_a_closed_run_would_serve_nobody(two: Any, customer: Callable[..., Desired]) -> None:
    """The server calls it green, and lets the alias go there."""
    two.indices[NEW]["settings"]["index.verified_before_close"] = "true"
    error = refused(two, customer())
    assert error.what == f"alias.prod: the run {NEW} is closed, and would serve nobody"
    assert f"POST /{NEW}/_open" in error.remedy


def test_an_old_index_that_serves_another_alias(two: Any, customer: Callable[..., Desired]) -> None:
    two.indices[OLD]["aliases"]["reports"] = {}
    error = refused(two, customer())
    said = f"alias.prod: delete_old would delete {OLD}, which also serves reports"
    assert error.what == said
    assert kinds(planned(two, customer(delete_old=False))) == PREPARED


def test_an_old_index_that_is_no_run(cluster: Any, customer: Callable[..., Desired]) -> None:
    load(cluster, "customer-by-hand", 10, "prod")
    load(cluster, NEW)
    error = refused(cluster, customer())
    assert error.what == (
        "alias.prod: delete_old would delete customer-by-hand, which is no run of customer "
        "by the pattern {index_base}-{run_id}"
    )
    assert kinds(planned(cluster, customer(delete_old=False))) == PREPARED


def test_an_alias_on_several_indices(two: Any, customer: Callable[..., Desired]) -> None:
    two.indices[NEW]["aliases"] = {"prod": {}}
    error = refused(two, customer())
    assert error.what == f"alias.prod is on 2 indices: {NEW}, {OLD}"


def test_an_alias_name_that_is_an_index(cluster: Any, customer: Callable[..., Desired]) -> None:
    load(cluster, "prod")
    load(cluster, NEW)
    error = refused(cluster, customer())
    assert error.what == "alias.prod: prod is the name of an index, not of an alias"


# Carrying it out


class Told:
    """A Listener that remembers what ended how."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    def step_started(self, *_parts: Any) -> None: ...

    def step_progress(self, *_parts: Any) -> None: ...

    def note(self, text: str) -> None: ...

    def step_ended(self, step: Step, outcome: str, _evidence: Any) -> None:
        self.ended.append(f"{outcome} {step.kind}")


class Held:
    """A lock that is ours."""

    token = "t"

    def check(self) -> None: ...


def apply(cluster: Any, plan: Plan, path: Path, through: Any = "finish") -> Told:
    journal, told = open_journal(path, plan.digest), Told()
    engine.apply(Run(cluster, plan, Held(), told), journal, through=through)
    return told


def test_a_release_from_settings_to_delete(
    two: Any, customer: Callable[..., Desired], tmp_path: Path
) -> None:
    plan = planned(two, customer())
    apply(two, plan, tmp_path / "journal")
    blocked = f"PUT /{OLD}/_block/write"
    assert two.sent == [f"PUT /{NEW}/_settings", MERGE, ALIASES, blocked, ALIASES, ALIASES]
    assert OLD not in two.indices
    assert two.indices[NEW]["aliases"] == {"prod": {}}
    assert two.indices[NEW]["segments"] == 1
    assert two.indices[NEW]["settings"]["index.number_of_replicas"] == "1"


def test_prepare_before_the_window_switch_in_it(
    two: Any, customer: Callable[..., Desired], tmp_path: Path
) -> None:
    plan = planned(two, customer())
    apply(two, plan, tmp_path / "journal", "prepare")
    assert two.sent == [f"PUT /{NEW}/_settings", MERGE]
    assert two.indices[OLD]["aliases"] == {"prod": {}}
    apply(two, plan, tmp_path / "journal", "switch")
    assert two.indices[NEW]["aliases"] == {"prod": {}}
    assert OLD in two.indices
    apply(two, plan, tmp_path / "journal")
    assert OLD not in two.indices


def failing(cluster: Any, plan: Plan, path: Path, kind: type[Exception]) -> Any:
    with pytest.raises(kind) as caught:
        apply(cluster, plan, path)
    return caught.value


def test_a_failure_before_the_switch_switches_nothing(
    two: Any, customer: Callable[..., Desired], tmp_path: Path
) -> None:
    """What can be taken back is; a merge stays, is said to stay, and is not done again."""
    plan = planned(two, customer())
    two.refuse(ALIASES)
    error = failing(two, plan, tmp_path / "journal", ServerError)
    assert two.indices[OLD]["aliases"] == {"prod": {}}
    assert two.indices[NEW]["aliases"] == {}
    assert error.where == (
        f"everything was taken back but what cannot be: force merge {NEW} to 1 segment a shard"
    )
    assert two.indices[NEW]["settings"]["index.number_of_replicas"] == "0"
    two.before = lambda _request: None
    apply(two, plan, tmp_path / "journal")
    assert two.indices[NEW]["aliases"] == {"prod": {}}
    assert two.sent.count(MERGE) == 1


@pytest.mark.parametrize("when", ["since the plan", "now"])
def test_a_run_that_is_written_to_after_all_is_not_switched_to(
    two: Any, customer: Callable[..., Desired], tmp_path: Path, when: str
) -> None:
    plan = planned(two, customer())
    if when == "now":
        two.written.add(NEW)
    else:
        two.indices[NEW]["mark"] += 1
    error = failing(two, plan, tmp_path / "journal", Refused)
    assert f"{NEW} was written to since the plan was made: wait" in error.why
    assert two.sent == [f"PUT /{NEW}/_settings"] * 2, "set, and set back"
    assert two.indices[OLD]["aliases"] == {"prod": {}}


def test_an_alias_that_was_moved_since_is_not_moved_again(
    two: Any, customer: Callable[..., Desired], tmp_path: Path
) -> None:
    load(two, "customer-2_0_0-20261118t060000z")
    plan = planned(two, customer())
    two.indices[OLD]["aliases"] = {}
    two.indices["customer-2_0_0-20261118t060000z"]["aliases"] = {"prod": {}}
    error = failing(two, plan, tmp_path / "journal", Refused)
    assert f"the alias prod is on customer-2_0_0-20261118t060000z, not on {OLD}" in error.why
    assert ALIASES not in two.sent


def test_an_old_run_that_serves_again_is_not_deleted(
    two: Any, customer: Callable[..., Desired], tmp_path: Path
) -> None:
    plan = planned(two, customer())
    apply(two, plan, tmp_path / "journal", "switch")
    two.indices[OLD]["aliases"] = {"reports": {}}
    error = failing(two, plan, tmp_path / "journal", Refused)
    assert error.why == f"{OLD} still serves reports"
    assert OLD in two.indices
