"""The way back as a plan: its steps, and what it is refused for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from esplan.errors import Refused
from esplan.model import Alias, Body, Index, State
from esplan.plan import Change, Plan, Step
from esplan.route.rollback import Applied, rolled_back
from esplan.steps import update_aliases, update_settings, verify

OLD, NEW = "a_green", "a_blue"
SHARDS = {"index.number_of_shards": "1"}
BEFORE: dict[str, Any] = {"settings": {}, "mappings": {"properties": {}}, "options": {}}
PROOF: dict[str, Any] = {
    "method": "checksum",
    "source": OLD,
    "equal": True,
    "marks": {OLD: {"0": 9}, NEW: {"0": 11}},
}


def index(name: str, **parts: Any) -> Index:
    return Index(name, Body(SHARDS), uuid=f"u-{name}", documents=5, size=50, **parts)


def live(old: Index | None = None, on: str = NEW) -> State:
    new = index(NEW, aliases={"a": {}})
    indices = {NEW: new} | ({OLD: old or index(OLD)})
    return State(indices, {"a": Alias("a", indices=(on,))})


def applied(route: str = "reindex", proof: dict[str, Any] | None = None) -> Applied:
    change = Change("alias.a", "replace", route, OLD, NEW, (), BEFORE, BEFORE)
    checks = ({"check": "index", "index": OLD, "uuid": f"u-{OLD}"},)
    how = Alias("a").verify
    step = verify.describe("alias.a", index(OLD), NEW, how, checks)
    plan = Plan("p", "", "", {}, "", (change,), (step,))
    return Applied(plan, change, PROOF if proof is None else proof)


def back(one: Applied, state: State, **given: bool) -> Any:
    return rolled_back(one, "q", state, **({"delete": False, "drop": False} | given))


def test_it_is_a_catch_up_in_the_other_direction() -> None:
    routed = back(applied(), live())
    assert [step.kind for step in routed.steps] == [
        "guard_index",
        "catch_up",
        "await_health",
        "catch_up",
        "block_writes",
        "catch_up",
        "verify",
        "update_aliases",
        "unblock_writes",
    ]
    assert (routed.change.index, routed.change.target) == (NEW, OLD)
    assert routed.steps[1].arguments["since"] == [11]
    assert routed.steps[1].arguments["source"] == NEW
    assert {"check": "unwritten", "index": OLD, "marks": {"0": 9}} in routed.steps[0].preconditions
    blocked = {"check": "write_blocked", "index": NEW}
    assert all(blocked in step.preconditions for step in routed.steps[5:8])


def test_the_new_index_is_deleted_by_name_only_and_last() -> None:
    routed = back(applied(), live(), delete=True)
    assert routed.steps[-1].kind == "delete_index"
    assert routed.steps[-1].arguments["index"] == NEW
    assert routed.steps[-1].phase == "finish"


def test_a_release_is_only_switched_back() -> None:
    routed = back(applied("release", {}), live())
    assert [step.kind for step in routed.steps] == ["await_health", "update_aliases"]
    assert "is not in a_green" in routed.warnings[0]


STOOD = {"check": "stood", "index": OLD, "documents": 5}


def test_a_release_goes_back_only_to_what_its_index_held() -> None:
    one = replace(applied("release", {}), heir=STOOD)
    switch = back(one, live()).steps[-1]
    assert STOOD in switch.preconditions
    assert {"check": "index", "index": OLD, "uuid": f"u-{OLD}"} in switch.preconditions
    with pytest.raises(Refused, match="not as it was when the alias left it") as caught:
        back(replace(one, otherwise="it has 3 documents"), live())
    assert caught.value.code == "ESP-4516"


@pytest.mark.parametrize(
    ("proof", "why"),
    [
        ({}, "was not proven equal"),
        ({**PROOF, "method": "count"}, "was not proven equal"),
        ({**PROOF, "source": "prod:a_green"}, "was not proven equal"),
        ({**PROOF, "rejected": {"documents": 3}}, "the copy left out 3 documents"),
    ],
)
def test_nothing_is_deleted_in_the_old_index_on_a_guess(proof: dict[str, Any], why: str) -> None:
    with pytest.raises(Refused, match="which documents of a_green clients have deleted") as caught:
        back(applied(proof=proof), live())
    assert why in caught.value.why


@pytest.mark.parametrize(
    ("old", "said"),
    [
        (index("a_green", is_open=False), "a_green is closed"),
        (index("a_green", aliases={"b": {}}), "a_green serves b meanwhile"),
        (
            replace(index("a_green"), body=Body({**SHARDS, "index.blocks.write": "true"})),
            "a_green is write-blocked",
        ),
        (replace(index("a_green"), uuid="another"), "a_green is gone"),
    ],
)
def test_an_old_index_that_cannot_take_it(old: Index, said: str) -> None:
    with pytest.raises(Refused, match=said):
        back(applied(), live(old))


def test_an_alias_that_is_elsewhere() -> None:
    with pytest.raises(Refused, match=r"alias\.a is on a_green, not on a_blue"):
        back(applied(), live(on=OLD))


HEIR = {"check": "continuous", "index": NEW}


def test_every_step_that_writes_looks_whether_the_new_index_is_the_proven_one() -> None:
    steps = back(replace(applied(), heir=HEIR), live()).steps
    looking = [one.kind for one in steps if HEIR in one.preconditions]
    assert looking == [
        "guard_index",
        "catch_up",
        "catch_up",
        "block_writes",
        "catch_up",
        "verify",
        "update_aliases",
    ]


def test_an_index_made_anew_behind_the_alias_has_no_way_back() -> None:
    with pytest.raises(Refused, match="clients have deleted") as caught:
        back(replace(applied(), heir=HEIR, otherwise="it is another"), live())
    assert caught.value.code == "ESP-4515"


def changed_back(**changed: Any) -> Applied:
    """A way back that is to be taken back; `changed` is what its plan knows of the script."""
    one = applied()
    body = {"source": {}, "dest": {}, "script": {"source": "the inverse"}}
    arguments = {"changed": changed} if changed else {}
    step = Step("catch_up", "prepare", "alias.a", "", request={"body": body}, arguments=arguments)
    return replace(one, plan=replace(one.plan, steps=(step, *one.plan.steps)))


SCRIPT = {"lang": "painless", "source": "ctx._source.b = 1"}


def test_a_way_back_is_taken_back_by_the_script_of_the_copy() -> None:
    known = {"script": SCRIPT, "reading": {"script": SCRIPT}, "inverse": {"drops": ["c"]}}
    copy = back(changed_back(**known, back=False), live()).steps[1]
    assert copy.request["body"]["script"] == SCRIPT
    assert copy.arguments["reading"] == {"script": SCRIPT}
    assert copy.arguments["changed"] == {**known, "back": True}
    again = back(changed_back(**known, back=True), live(), drop=True).steps[1]
    assert "script" not in again.request["body"]
    assert again.arguments["reading"] == {"script": SCRIPT, "mirrored": True}


@pytest.mark.parametrize("known", [{}, {"pipeline": "p", "back": False}])
def test_a_way_back_without_its_script_is_not_taken_back(known: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="does not say how a document") as caught:
        back(changed_back(**known), live())
    assert caught.value.code == "ESP-4517"


def joint(name: str, actions: list[Any], undo: list[Any], goal: Any) -> Step:
    """A call for this alias and for another one."""
    other = {"add": {"index": "b_blue", "alias": "b"}}
    checks = (
        {"check": "index", "index": OLD, "uuid": f"u-{OLD}"},
        {"check": "index", "index": "b_blue", "uuid": "u"},
        {"check": "alias", "alias": "a", "on": [name]},
        {"check": "alias", "alias": "b", "on": ["b_green"]},
    )
    steps = [
        update_aliases.describe("alias.a", "switch a", actions, goal, undo, ()),
        update_aliases.describe("alias.b", "switch b", [other], {"b": {"b_blue": {}}}, [other], ()),
    ]
    return update_aliases.joined("g", ["alias.a", "alias.b"], steps, checks)


def test_the_index_before_a_release_is_known_by_a_call_for_several() -> None:
    moved = [{"remove": {"index": OLD, "alias": "a"}}, {"add": {"index": NEW, "alias": "a"}}]
    one = applied("release", {})
    plan = replace(one.plan, steps=(joint(OLD, moved, moved, {"a": {NEW: {}}}),))
    assert back(replace(one, plan=plan), live()).change.target == OLD
    other = live(replace(index(OLD), uuid="made anew"))
    with pytest.raises(Refused, match="a_green is gone"):
        back(replace(one, plan=plan), other)


def test_options_go_back_to_what_they_were_in_a_call_for_several() -> None:
    few = {"filter": {"term": {"n": 1}}}
    now = [{"add": {"index": OLD, "alias": "a", **few}}]
    before = [{"add": {"index": OLD, "alias": "a"}}]
    one = applied("alias", {})
    change = replace(one.change, action="update", index=OLD, target=OLD)
    plan = replace(one.plan, steps=(joint(OLD, now, before, {"a": {OLD: few}}),))
    state = live(index(OLD, aliases={"a": few}), on=OLD)
    (step,) = back(replace(one, change=change, plan=plan), state).steps
    assert (step.address, step.arguments["goal"]) == ("alias.a", {"a": {OLD: {}}})
    assert [one for one in step.request["body"]["actions"] if "a_green" in str(one)] == before
    assert "b_" not in str(step)


def test_settings_go_back_to_what_they_were() -> None:
    same = ({"check": "index", "index": OLD, "uuid": f"u-{OLD}"},)
    step = update_settings.describe(
        "alias.a", OLD, {"index.refresh_interval": "7s"}, {"index.refresh_interval": None}, same
    )
    change = Change("alias.a", "update", "dynamic setting", OLD, OLD, (), BEFORE, BEFORE)
    plan = Plan("p", "", "", {}, "", (change,), (step,))
    set_ = replace(index(OLD), body=Body({**SHARDS, "index.refresh_interval": "7s"}))
    (back_,) = back(Applied(plan, change, {}), live(set_)).steps
    assert (back_.request or {})["body"] == {"index.refresh_interval": None}
    assert back_.undo["request"]["body"] == {"index.refresh_interval": "7s"}


@pytest.mark.parametrize("now", ["7s", None, "5s"])
def test_a_setting_that_was_changed_since_is_somebody_elses(now: str | None) -> None:
    """As the plan set it, or as it was before; nothing else."""
    wanted, before = {"index.refresh_interval": "7s"}, {"index.refresh_interval": None}
    step = update_settings.describe("alias.a", OLD, wanted, before, ())
    change = Change("alias.a", "update", "dynamic setting", OLD, OLD, (), BEFORE, BEFORE)
    one = Applied(Plan("p", "", "", {}, "", (change,), (step,)), change, {})
    own = {"index.refresh_interval": now} if now else {}
    state = live(replace(index(OLD), body=Body({**SHARDS, **own})))
    if now != "5s":
        (back_,) = back(one, state).steps
        known = {"check": "set", "index": OLD, "settings": wanted, "before": before}
        assert known in back_.preconditions
        return
    with pytest.raises(Refused, match="was changed since") as caught:
        back(one, state)
    assert caught.value.code == "ESP-4518"
    assert "refresh_interval was 7s on a_green after the apply, and is 5s" in caught.value.why


def test_a_block_that_was_there_before_the_way_back_stays() -> None:
    blocked = replace(
        index(NEW, aliases={"a": {}}), body=Body({**SHARDS, "index.blocks.write": "true"})
    )
    state = live()
    routed = back(applied(), replace(state, indices={**state.indices, NEW: blocked}))
    assert "unblock_writes" not in [step.kind for step in routed.steps]
    (block,) = (step for step in routed.steps if step.kind == "block_writes")
    assert "none" in block.undo
    assert "stays so" in routed.warnings[0]


def test_what_was_created_stays() -> None:
    change = Change("alias.a", "create", "create", None, NEW, (), None, BEFORE)
    routed = back(Applied(Plan("p", "", "", {}, "", (change,)), change, {}), live())
    assert routed.steps == ()
    assert "yours to delete" in routed.warnings[0]
