"""The example in a real Airflow, with an esplan that exits as the test says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Ended, Person, Stub

    Run = Callable[..., Ended]

DIGEST = "d" * 64
TASKS = ("plan", "approval", "apply", "drift")


def states(*given: str) -> dict[str, str]:
    return dict(zip(TASKS, given, strict=True))


def made(stub: Stub) -> list[str]:
    """Every time that a plan was written."""
    return [command for command in stub.commands if " -o " in command]


def applied(stub: Stub) -> list[str]:
    return [command for command in stub.commands if command.startswith("apply")]


def test_a_release(run: Run, stub: Stub, person: Person, tmp_path: Path) -> None:
    ended = run(job="jobs/smr.json")
    assert ended.state == "success"
    assert ended.tasks == states("success", "success", "success", "success")
    (plan,) = tmp_path.glob("plans/*.json")
    assert stub.commands == [
        f"plan --job=jobs/smr.json -o {plan} --detailed-exitcode",
        f"show {plan}",
        f"apply {plan} --approve {DIGEST}",
        "job convert -- jobs/smr.json",
        f"plan --desired={plan.with_suffix('.desired.yaml')} --detailed-exitcode",
    ]
    assert plan.with_suffix(".desired.yaml").read_text() == "version: 1\n"
    (asked,) = person.asked
    assert asked["subject"] == "Apply the plan for jobs/smr.json?"
    assert f"`{DIGEST}`" in asked["body"]
    assert "\n    -/+ alias.classes *not markup*" in asked["body"]


@pytest.mark.usefixtures("person")
def test_a_release_from_desired_files(run: Run, stub: Stub, project: Path) -> None:
    assert run(desired="aliases").state == "success"
    assert [call["words"][:2] for call in stub.calls[::3]] == [["plan", "--desired=aliases"]] * 2
    assert [one for one in stub.commands if "job" in one] == []
    assert {call["cwd"] for call in stub.calls} == {str(project)}


def test_no_change_skips_the_rest(run: Run, stub: Stub, person: Person) -> None:
    stub.exits(plan=[0])
    ended = run()
    assert ended.state == "success"
    assert ended.tasks == states("skipped", "skipped", "skipped", "skipped")
    assert person.asked == []
    assert len(stub.calls) == 1


def test_a_rejected_plan_is_not_applied(run: Run, stub: Stub, person: Person) -> None:
    person.answer = "Reject"
    ended = run()
    assert ended.tasks == states("success", "success", "skipped", "skipped")
    assert applied(stub) == []


@pytest.mark.parametrize("code", [4, 64])
def test_a_plan_that_is_refused_fails_at_once(run: Run, stub: Stub, code: int) -> None:
    stub.exits(plan=[code])
    ended = run()
    assert ended.state == "failed"
    assert ended.tasks == states("failed", *["upstream_failed"] * 3)
    assert len(stub.calls) == 1


@pytest.mark.parametrize("code", [1, 130])
def test_a_plan_that_could_not_be_made_is_tried_again(run: Run, stub: Stub, code: int) -> None:
    stub.exits(plan=[code, 2])
    ended = run()
    assert ended.state == "success"
    assert ended.tries == {"plan": 2, "approval": 1, "apply": 1, "drift": 1}
    assert len(made(stub)) == 2


def test_an_apply_that_stopped_goes_on_with_the_same_plan(
    run: Run, stub: Stub, person: Person
) -> None:
    stub.exits(apply=[3, 5, 1, 0])
    ended = run()
    assert ended.state == "success"
    assert ended.tries == {"plan": 1, "approval": 1, "apply": 4, "drift": 1}
    assert len(made(stub)) == len(person.asked) == 1
    assert len(applied(stub)) == 4
    assert len(set(applied(stub))) == 1


@pytest.mark.parametrize("code", [2, 4, 64])
def test_a_refused_apply_fails_at_once(run: Run, stub: Stub, code: int) -> None:
    stub.exits(apply=[code])
    ended = run()
    assert ended.state == "failed"
    assert ended.tasks == states("success", "success", "failed", "upstream_failed")
    assert len(applied(stub)) == 1


@pytest.mark.parametrize("code", [1, 3, 5, 130])
def test_retries_come_to_an_end(run: Run, stub: Stub, code: int) -> None:
    stub.exits(apply=[code])
    ended = run()
    assert ended.tasks == states("success", "success", "failed", "upstream_failed")
    assert len(applied(stub)) == ended.tries["apply"] == 4


@pytest.mark.parametrize(("code", "tries"), [(2, 1), (4, 1), (1, 4)])
def test_drift_fails(run: Run, stub: Stub, code: int, tries: int) -> None:
    stub.exits(drift=[code])
    ended = run()
    assert ended.state == "failed"
    assert ended.tasks == states("success", "success", "success", "failed")
    assert ended.tries["drift"] == tries


def test_a_cleared_run_keeps_its_plan(run: Run, stub: Stub, person: Person, tmp_path: Path) -> None:
    when = datetime(2026, 11, 21, tzinfo=UTC)
    stub.exits(apply=[4, 0])
    assert run(when).state == "failed"
    assert run(when).state == "success"
    assert len(made(stub)) == 1
    assert len(person.asked) == len(applied(stub)) == 2
    assert len(list(tmp_path.glob("plans/*.json"))) == 1
    assert run().state == "success"
    assert len(made(stub)) == 2


def test_a_secret_is_in_the_environment_and_never_an_argument(
    run: Run, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = {
        "conn_type": "generic",
        "schema": "https",
        "host": "es.example",
        "port": 9200,
        "login": "releaser",
        "password": "correct horse",
        "extra": {"api_key": "battery staple", "ca_certs": "ca.pem"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_ESPLAN", json.dumps(connection))
    monkeypatch.setenv("ESPLAN_CLIENT_CERT", "from-the-worker.pem")
    assert run().state == "success"
    for call in stub.calls:
        assert call["environment"] == {
            "ESPLAN_URL": "https://es.example:9200",
            "ESPLAN_USERNAME": "releaser",
            "ESPLAN_PASSWORD": "correct horse",
            "ESPLAN_API_KEY": "battery staple",
            "ESPLAN_CA_CERTS": "ca.pem",
            "ESPLAN_CLIENT_CERT": "from-the-worker.pem",
        }
    assert not any("horse" in one or "staple" in one for one in stub.commands)


def test_without_a_connection_the_workers_environment_counts(
    run: Run, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESPLAN_URL", "https://worker.example")
    assert run().state == "success"
    assert {call["environment"]["ESPLAN_URL"] for call in stub.calls} == {"https://worker.example"}
