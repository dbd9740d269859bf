"""Shrink and split: the step, its place in a replacement, and an apply in memory."""

from __future__ import annotations

from dataclasses import replace as changed
from datetime import date
from threading import Event
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from esplan import apply as engine
from esplan import checksum, diff, live, normalize, planfile
from esplan.errors import Refused, StepFailed, VerificationFailed
from esplan.journal import open_journal
from esplan.model import Alias, Finish, Index, Naming, State
from esplan.plan import Plan, ordered
from esplan.route import Context, Routed
from esplan.route.replace import replace
from esplan.run import Run, mark
from esplan.steps import resize_index

if TYPE_CHECKING:
    from pathlib import Path

    from esplan.plan import Step

ID = "0123456789abcdef"
OLD, NEW = "films_green", "films_blue"
SETTINGS = {
    "index.number_of_shards": "4",
    "index.number_of_replicas": "1",
    "index.auto_expand_replicas": "0-1",
    "index.lifecycle.name": "keep",
    "index.refresh_interval": "9s",
}


def films(**parts: Any) -> Alias:
    """The alias on two shards; everything else as it is."""
    body = normalize.body({"number_of_shards": 2}, {})
    naming = Naming("films_{color}", ("green", "blue"))
    return changed(Alias("films", body=body, naming=naming), **parts)


def routed(alias: Alias, settings: Any = None) -> Routed:
    body = normalize.body(SETTINGS | (settings or {}), {})
    old = Index(OLD, body, {"films": {}}, uuid=f"uuid-{OLD}", documents=3, size=9)
    state = State({OLD: old}, live.aliases({OLD: old}))
    (comparison,) = diff.compare(State(aliases={"films": alias}), state)
    return replace(comparison, alias, (), Context(ID, state, date(2026, 1, 2)), "shrink")


def step(found: Routed, kind: str, number: int = 0) -> Step:
    return [one for one in found.steps if one.kind == kind][number]


def body_of(step: Step) -> Any:
    return (step.request or {})["body"]


@pytest.fixture
def link() -> Step:
    return step(routed(films()), "resize_index")


def guard_of(step: Step) -> str:
    guard: str = step.arguments["guard"]
    return guard


# The plan


def test_the_order_of_the_steps() -> None:
    found = routed(films(finish=Finish(delete_old=True, forcemerge=1)))
    assert [f"{one.phase} {one.kind}" for one in found.steps] == [
        "switch block_writes",
        "switch resize_index",
        "switch await_health",
        "switch verify",
        "switch update_settings",
        "switch await_health",
        "switch update_aliases",
        "switch update_settings",
        "finish force_merge",
        "finish delete_index",
    ]
    assert found.change.route == "shrink"
    assert (found.change.index, found.change.target) == (OLD, NEW)


def test_the_request(link: Step) -> None:
    assert link.request == {
        "method": "POST",
        "path": "/films_green/_shrink/films_blue",
        "body": {
            "settings": {
                "index.blocks.write": None,
                "index.number_of_shards": "2",
                "index.number_of_replicas": "0",
                "index.auto_expand_replicas": None,
                "index.lifecycle.name": None,
            },
            "aliases": {guard_of(link): {"is_hidden": True}},
        },
    }
    assert link.description == "shrink films_green into films_blue (2 shards)"
    assert link.estimate == {"documents": 3, "bytes": 9}


def test_one_shard() -> None:
    one = normalize.body({"number_of_shards": 1}, {})
    link = step(routed(films(body=one)), "resize_index")
    assert link.description.endswith("(1 shard)")


def test_what_the_resize_asserts(link: Step) -> None:
    assert link.preconditions == (
        {"check": "absent", "name": NEW},
        {"check": "index", "index": OLD, "uuid": f"uuid-{OLD}"},
        {"check": "write_blocked", "index": OLD},
        {"check": "whole", "index": OLD},
    )


def test_every_later_step_knows_the_new_index_by_the_guard() -> None:
    found = routed(films())
    link = step(found, "resize_index")
    ours = {"check": "ours", "index": NEW, "guard": guard_of(link)}
    for kind in ("verify", "update_settings", "update_aliases"):
        assert ours in step(found, kind).preconditions, kind
    removed = {"index": NEW, "alias": guard_of(link), "must_exist": True}
    assert {"remove": removed} in body_of(step(found, "update_aliases"))["actions"]
    assert guard_of(link).startswith(f"esplan-copy-{ID}-")


def test_replicas_before_the_switch_and_lifecycle_after_it() -> None:
    found = routed(films())
    assert body_of(step(found, "update_settings")) == {"index.auto_expand_replicas": "0-1"}
    assert body_of(step(found, "update_settings", 1)) == {"index.lifecycle.name": "keep"}


def test_a_block_of_somebody_else_is_not_linked_into_the_new_index() -> None:
    found = routed(films(), {"index.blocks.write": "true"})
    assert body_of(step(found, "resize_index"))["settings"]["index.blocks.write"] is None
    assert "unblock_writes" not in [one.kind for one in found.steps]


# The step


def run_of(cluster: Any, plan: Plan | None = None) -> Run:
    ignore = SimpleNamespace(
        step_started=lambda *_: None,
        step_progress=lambda *_: None,
        step_ended=lambda *_: None,
        note=lambda _: None,
    )
    lock = SimpleNamespace(token="t", check=lambda: None)
    return Run(cluster, plan or Plan(ID, "", "", {}, ""), lock, ignore, Event())


def test_probe(cluster: Any, link: Step) -> None:
    assert resize_index.probe(link, run_of(cluster)) is False
    cluster.make(NEW, aliases={guard_of(link): {}})
    assert resize_index.probe(link, run_of(cluster)) is True


def test_probe_refuses_an_index_of_somebody_else(cluster: Any, link: Step) -> None:
    """Not even esplan's mark helps: a resize copies that of the source."""
    mark = {"address": "alias.films", "plan": ID}
    cluster.make(NEW, mappings={"_meta": {"esplan": mark}}, aliases={"esplan-copy-other": {}})
    with pytest.raises(Refused) as refused:
        resize_index.probe(link, run_of(cluster))
    assert refused.value.what == "the index films_blue exists, and this plan did not make it"
    assert refused.value.why == "its UUID is uuid-films_blue"


def test_execute_sends_it_once_and_tells_the_uuid(cluster: Any, link: Step) -> None:
    cluster.make(OLD, settings=SETTINGS)
    evidence = resize_index.execute(link, run_of(cluster))
    assert evidence["uuid"] == "uuid-films_blue"
    assert evidence["measured"]["kind"] == "resize_index"
    assert cluster.log == ["POST /films_green/_shrink/films_blue"]


def test_undo_deletes_in_a_fenced_call(cluster: Any, link: Step) -> None:
    cluster.make(NEW, aliases={guard_of(link): {}})
    resize_index.undo(link, run_of(cluster))
    assert NEW not in cluster.indices
    assert cluster.log == ["POST /_aliases"]
    actions = link.undo["request"]["body"]["actions"]
    assert actions[0]["remove"]["alias"] == "esplan-fence-{token}"
    assert actions[-1] == {"remove_index": {"index": NEW}}


def test_undo_deletes_nothing_without_the_guard(cluster: Any, link: Step) -> None:
    resize_index.undo(link, run_of(cluster))
    cluster.make(NEW)
    resize_index.undo(link, run_of(cluster))
    assert cluster.log == []
    assert NEW in cluster.indices


def test_undo_deletes_nothing_that_serves(cluster: Any, link: Step) -> None:
    cluster.make(NEW, aliases={guard_of(link): {}, "films": {}})
    with pytest.raises(StepFailed) as failed:
        resize_index.undo(link, run_of(cluster))
    assert failed.value.what == (
        "the index films_blue was made by this plan and serves films: it was left as it is"
    )
    assert NEW in cluster.indices


# Carrying it out


@pytest.fixture
def proof(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the checksum finds."""
    marks = {OLD: {"0": 2}, NEW: {"0": 2}}
    report = checksum.Report("checksum", OLD, NEW, 3, 3, marks)
    given = {"report": report, "marks": marks}
    monkeypatch.setattr(checksum, "compare", lambda *_a, **_k: given["report"])
    monkeypatch.setattr(checksum, "marks", lambda *_a: marks)
    return given


@pytest.fixture
def plan() -> Plan:
    found = routed(films(finish=Finish(delete_old=True)))
    made = Plan(ID, "", "", {}, "", (found.change,), ordered(list(found.steps)))
    return planfile.sealed(made)


def apply(cluster: Any, plan: Plan, path: Path) -> None:
    engine.apply(run_of(cluster, plan), open_journal(path, plan.digest))


@pytest.fixture
def green(cluster: Any) -> Any:
    cluster.make(OLD, documents=3, settings=SETTINGS, aliases={"films": {}})
    return cluster


@pytest.mark.usefixtures("proof")
def test_a_shrink_from_block_to_delete(green: Any, plan: Plan, tmp_path: Path) -> None:
    apply(green, plan, tmp_path / "journal")
    assert green.sent == [
        "PUT /films_green/_block/write",
        "POST /films_green/_shrink/films_blue",
        "PUT /films_blue/_settings",
        "PUT /films_blue/_mapping",
        "POST /_aliases",
        "PUT /films_blue/_settings",
        "POST /_aliases",
        "POST /_aliases",
    ]
    assert OLD not in green.indices
    assert green.indices[NEW]["aliases"] == {"films": {}}
    assert live.read_indices(green, [NEW])[NEW].mark == mark(plan.id, "alias.films")
    wanted = SETTINGS | {"index.number_of_shards": "2"}
    del wanted["index.number_of_replicas"]  # it is what their expansion makes it
    assert live.read_indices(green, [NEW])[NEW].body.settings == wanted


def test_a_copy_that_is_not_equal_is_deleted(
    green: Any, plan: Plan, tmp_path: Path, proof: dict[str, Any]
) -> None:
    proof["report"] = changed(proof["report"], target_documents=2)
    with pytest.raises(VerificationFailed, match="films_blue is not equal to films_green"):
        apply(green, plan, tmp_path / "journal")
    assert NEW not in green.indices
    assert green.indices[OLD]["aliases"] == {"films": {}}
    assert "index.blocks.write" not in green.indices[OLD]["settings"]


@pytest.mark.usefixtures("proof")
@pytest.mark.parametrize("how", ["lose", "drop"])
def test_a_lost_answer_is_probed(green: Any, plan: Plan, tmp_path: Path, how: str) -> None:
    getattr(green, how)("POST /films_green/_shrink/films_blue")
    apply(green, plan, tmp_path / "journal")
    assert green.sent.count("POST /films_green/_shrink/films_blue") == 1
    assert green.indices[NEW]["aliases"] == {"films": {}}


@pytest.mark.usefixtures("proof")
def test_an_index_that_took_the_name_is_left_alone(green: Any, plan: Plan, tmp_path: Path) -> None:
    green.make(NEW, documents=7)
    with pytest.raises(Refused, match="this plan did not make it"):
        apply(green, plan, tmp_path / "journal")
    assert green.indices[NEW]["documents"] == 7
    assert "index.blocks.write" not in green.indices[OLD]["settings"]
