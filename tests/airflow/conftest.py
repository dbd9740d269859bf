"""A real Airflow with an empty database, and a person who answers what it asks."""

from __future__ import annotations

import atexit
import copy
import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG
    from fastapi.testclient import TestClient

ROOT = Path(__file__).parents[2]
DAGS = ROOT / "docs" / "airflow"
HOME = tempfile.mkdtemp(prefix="airflow-")
atexit.register(shutil.rmtree, HOME)

# Airflow reads these while it is imported.
os.environ |= {
    "AIRFLOW_HOME": HOME,
    "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
    "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of no more than these tests",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
}


@pytest.fixture(scope="session")
def _database() -> None:
    from airflow.utils import db

    db.initdb()


@pytest.fixture(scope="session")
def api(_database: None) -> Iterator[TestClient]:
    """Airflow's REST API: what the buttons of its user interface call."""
    from airflow.api_fastapi.app import create_app
    from fastapi.testclient import TestClient

    with TestClient(create_app("core")) as client:
        yield client


@pytest.fixture(scope="session")
def bag(_database: None) -> DagBag:
    """What Airflow finds in docs/airflow."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(DAGS))


@pytest.fixture
def dag(bag: DagBag, monkeypatch: pytest.MonkeyPatch) -> DAG:
    """The example, with tries that follow one another at once.

    A run writes its parameters into those of the DAG. Airflow gives every task a process of its
    own; here they would be the defaults of the next test.
    """
    found: DAG = bag.dags["esplan_release"]
    for task in found.tasks:
        monkeypatch.setattr(task, "retry_delay", timedelta(0))
    for owner in (found, *found.tasks):
        monkeypatch.setattr(owner, "params", copy.deepcopy(owner.params))
    return found


@pytest.fixture
def module(dag: DAG) -> ModuleType:
    """The file of the example, as Airflow imported it."""
    return sys.modules[type(dag.get_task("plan")).__module__]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of jobs and desired files, and Airflow's variables that lead there."""
    for variable in [one for one in os.environ if one.startswith("ESPLAN_")]:
        monkeypatch.delenv(variable)
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.setenv("AIRFLOW_VAR_ESPLAN_PROJECT", str(folder))
    monkeypatch.setenv("AIRFLOW_VAR_ESPLAN_PLANS", str(tmp_path / "plans"))
    return folder


@dataclass(frozen=True)
class Stub:
    """An esplan that exits as the test says. The last code of a command stays."""

    folder: Path

    def exits(self, **codes: list[int]) -> None:
        (self.folder / "codes.json").write_text(json.dumps({"plan": [2], **codes}))

    @property
    def calls(self) -> list[dict[str, Any]]:
        noted = self.folder / "calls.jsonl"
        return [json.loads(line) for line in noted.read_text().splitlines()]

    def wait_until_working(self) -> None:
        deadline = time.monotonic() + 20
        while not (self.folder / "working").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    @property
    def commands(self) -> list[str]:
        return [" ".join(call["words"]) for call in self.calls]


@pytest.fixture
def stub(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> Stub:
    assert project.exists()
    monkeypatch.setenv("AIRFLOW_VAR_ESPLAN_BIN", str(Path(__file__).with_name("esplan_stub.py")))
    monkeypatch.setenv("STUB", str(tmp_path))
    made = Stub(tmp_path)
    made.exits()
    return made


class Person:
    """Looks at Airflow while a run waits, and answers the approval as the buttons do."""

    def __init__(self, api: TestClient) -> None:
        self.api, self.answer = api, "Approve"
        self.asked: list[dict[str, Any]] = []
        self.first: Callable[[], object] = lambda: None

    def look(self, _seconds: float) -> None:
        waiting = self.api.get(
            "/api/v2/dags/~/dagRuns/~/hitlDetails", params={"response_received": False}
        ).json()
        for asked in waiting["hitl_details"]:
            self.asked.append(asked)
            self.first()
            task = asked["task_instance"]
            run = f"/api/v2/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}"
            answered = self.api.patch(
                f"{run}/taskInstances/{task['task_id']}/-1/hitlDetails",
                json={"chosen_options": [self.answer]},
            )
            assert answered.status_code == 200, answered.text


@pytest.fixture
def person(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> Person:
    """Airflow's test run sleeps while it waits: that is when the person looks."""
    found = Person(api)
    monkeypatch.setattr(time, "sleep", found.look)
    return found


@dataclass(frozen=True)
class Ended:
    """How a run of the DAG ended, and of each task the state and the number of tries."""

    state: str
    tasks: dict[str, str]
    tries: dict[str, int]


@pytest.fixture
def run(dag: DAG, person: Person) -> Callable[..., Ended]:
    """Run the DAG to its end; `when` names the run, the rest are its parameters."""
    assert person.asked == []

    def ended(when: datetime | None = None, **params: Any) -> Ended:
        made = dag.test(logical_date=when or datetime.now(UTC), run_after=when, run_conf=params)
        tasks = made.get_task_instances()
        states = {task.task_id: str(task.state) for task in tasks}
        return Ended(str(made.state), states, {task.task_id: task.try_number for task in tasks})

    return ended
