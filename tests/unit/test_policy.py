"""What an environment objects to; the commands that ask it are at the end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from esplan import config, planfile
from esplan.environment import of
from esplan.errors import Refused
from esplan.plan import Change, Plan, Step
from esplan.policy import Policy

if TYPE_CHECKING:
    from pathlib import Path

UUID = "q4mKf0VfQ7yPUH5ZC8yOcg"


def change(address: str, action: Any = "replace", index: str | None = None) -> Change:
    name = address.partition(".")[2]
    return Change(address, action, "reindex", index or f"{name}_green", f"{name}_blue", (), {}, {})


def plan(*changes: Change, steps: tuple[Step, ...] = ()) -> Plan:
    parts = {"cluster": {"uuid": UUID}, "desired_digest": "0" * 64, "steps": steps}
    return Plan("id", "now", "0", changes=changes, **parts)  # type: ignore[arg-type]


def step(kind: str, address: str, **arguments: Any) -> Step:
    return Step(kind, "finish", address, "said", arguments=arguments)


DELETE = step("delete_index", "alias.films", index="films_green")
RULED: dict[str, Any] = {"cluster_uuid": UUID}


def policy(path: Path, *rules: dict[str, Any]) -> Policy:
    names = ("prod", "other")
    pairs = zip(names, rules, strict=False)
    return Policy(tuple(of(name, {**RULED, **raw}, path) for name, raw in pairs))


def refusal(found: Policy, made: Plan, **given: bool) -> str:
    answers = {"allow_many": False, "auto_approve": True, **given}
    with pytest.raises(Refused) as caught:
        found.require(made, **answers)
    assert caught.value.exit_code == 4
    return str(caught.value)


def passes(found: Policy, made: Plan, **given: bool) -> None:
    found.require(made, **{"allow_many": False, "auto_approve": True, **given})


# protect


@pytest.mark.parametrize(
    ("protect", "says_no"),
    [
        (True, True),
        (False, False),
        (["alias.films"], True),
        (["alias.f*"], True),
        (["index.films_green"], True),
        (["index.films_blue"], False),
        (["alias.film"], False),
        (["alias.[f]ilms"], False),
        (["alias.other", "alias.films*"], True),
    ],
)
def test_what_is_protected_is_not_replaced(tmp_path: Path, protect: Any, *, says_no: bool) -> None:
    found, made = policy(tmp_path, {"protect": protect}), plan(change("alias.films"))
    if says_no:
        said = refusal(found, made, allow_many=True, auto_approve=False)
        assert "prod: alias.films would replace films_green, which is protected" in said
        assert "change what the plan does" in said
    else:
        passes(found, made)


@pytest.mark.parametrize("action", ["create", "update", "no-op"])
def test_what_is_protected_may_be_made_and_changed(tmp_path: Path, action: str) -> None:
    passes(policy(tmp_path, {"protect": True}), plan(change("alias.films", action)))


@pytest.mark.parametrize(("kind", "verb"), [("delete_index", "delete"), ("close_index", "close")])
def test_the_steps_count_as_well(tmp_path: Path, kind: str, verb: str) -> None:
    made = plan(change("alias.films", "no-op"), steps=(step(kind, "alias.films", index="old"),))
    said = refusal(policy(tmp_path, {"protect": ["index.o*"]}), made)
    assert f"alias.films would {verb} old, which is protected" in said


# consent


def test_automatic_approval_is_not_enough(tmp_path: Path) -> None:
    found = policy(tmp_path, {"consent": {"approve": "digest"}})
    made = plan(steps=(step("update_settings", "index.a"),))
    said = refusal(found, made)
    assert "prod: --auto-approve is not enough here" in said
    assert "pass --approve DIGEST" in said
    passes(found, made, auto_approve=False)
    passes(found, plan(change("alias.films", "no-op")))


@pytest.mark.parametrize(
    ("rule", "made", "says"),
    [
        ("allow_delete", plan(steps=(DELETE,)), "it deletes films_green"),
        (
            "allow_discard",
            plan(steps=(step("create_index", "alias.films", discards=3),)),
            "it leaves the documents behind of alias.films",
        ),
    ],
)
def test_what_is_asked_for_and_what_is_never_done(
    tmp_path: Path, rule: str, made: Plan, says: str
) -> None:
    passes(policy(tmp_path, {}), made)
    ask = policy(tmp_path, {"consent": {rule: "ask"}})
    assert says in refusal(ask, made)
    passes(ask, made, auto_approve=False)
    never = policy(tmp_path, {"consent": {rule: "never"}})
    assert f"{says}, and that is never done here" in refusal(never, made, auto_approve=False)
    passes(never, plan(change("alias.films")))


def changes(count: int, total: int) -> Plan:
    return plan(*(change(f"alias.a{n}", "update" if n < count else "no-op") for n in range(total)))


def test_many_may_be_fewer_than_everywhere(tmp_path: Path) -> None:
    strict = policy(tmp_path, {"consent": {"many": {"objects": 5, "percent": 20}}})
    passes(strict, changes(1, 5))
    passes(strict, changes(4, 4))
    said = refusal(strict, changes(2, 5))
    assert "prod: it changes or deletes 2 of 5 objects, which is more than 20%" in said
    assert "--allow-many" in said
    passes(strict, changes(2, 5), allow_many=True)
    none = policy(tmp_path, {"consent": {"many": {"percent": 0}}})
    assert "1 of 10" in refusal(none, changes(1, 10))


def test_many_may_be_never(tmp_path: Path) -> None:
    never = policy(tmp_path, {"consent": {"allow_many": "never"}})
    said = refusal(never, changes(4, 10), allow_many=True, auto_approve=False)
    assert "4 of 10 objects, which is more than 30%, and that is never done here" in said
    passes(never, changes(3, 10))


def test_a_plan_that_asks_for_it_already_is_not_asked_twice(tmp_path: Path) -> None:
    """`safety` asks for that."""
    assert policy(tmp_path, {"consent": {"many": {"percent": 10}}}).objections(changes(4, 10)) == []


def test_every_environment_has_to_agree(tmp_path: Path) -> None:
    found = policy(tmp_path, {"protect": True}, {"consent": {"allow_delete": "never"}})
    said = refusal(found, plan(change("alias.films"), steps=(DELETE,)))
    assert "prod: alias.films would replace" in said
    assert "other: it deletes films_green" in said


def test_another_cluster_than_that_of_the_environment(tmp_path: Path) -> None:
    found = policy(tmp_path, {})
    made = replace(plan(), cluster={"uuid": "another"})
    said = refusal(found, made)
    assert "the plan is not for the cluster of the environment prod" in said
    assert f"it was made for another, and prod is {UUID}" in said


# In a plan


def test_a_plan_warns_of_what_apply_does_not_let_pass(tmp_path: Path) -> None:
    rules = {"protect": True, "consent": {"approve": "digest", "allow_delete": "ask"}}
    made = planfile.sealed(replace(plan(change("alias.films"), steps=(DELETE,)), warnings=("x",)))
    warned = policy(tmp_path, rules).warned(made)
    assert warned.warnings == (
        "x",
        "apply refuses this: prod: alias.films would replace films_green, which is protected",
        "apply refuses this: prod: alias.films would delete films_green, which is protected",
        "apply asks for consent: prod: it deletes films_green",
    )
    assert warned.digest != made.digest
    assert warned == planfile.sealed(warned)
    assert policy(tmp_path, {}).warned(made) is made


# Which environments are meant


def test_leaving_the_environment_out_is_no_way_around(tmp_path: Path) -> None:
    path = tmp_path / "esplan.yaml"
    path.write_text(
        "version: 1\nenvironments:\n  dev: {}\n"
        "  prod: {cluster_uuid: u1, protect: true}\n  twin: {cluster_uuid: u1, vars: {a: b}}\n"
    )

    def names(env: str | None, uuid: str) -> list[str]:
        return [one.name for one in config.meant(env, uuid, config=path)]

    assert names(None, "u1") == ["prod", "twin"]
    assert names("dev", "u1") == ["dev", "prod", "twin"]
    assert names("twin", "u1") == ["twin", "prod"]
    assert names("prod", "other") == ["prod"]
    assert names(None, "other") == []


def test_no_file_no_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert config.meant(None, "u1") == []
    assert config.hooks_of_all() == ()
    assert config.secret_variables() == set()
