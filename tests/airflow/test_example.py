"""The example as Airflow reads it: its import, its shape, and what an exit code makes of a task."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

if TYPE_CHECKING:
    from types import ModuleType

    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG
    from conftest import Stub

ROOT = Path(__file__).parents[2]
AT_ONCE = [2, 4, 64]
AGAIN = [1, 3, 5, 130, -9, 137]


def codes(page: Path) -> dict[int, str]:
    """The rows of a page's table of exit codes, the first column left out."""
    section = page.read_text().split("\n## Exit codes\n")[1].split("\n## ")[0]
    return {int(code): rest for code, rest in re.findall(r"^\| (\d+) (.*)$", section, re.MULTILINE)}


def test_airflow_imports_it_without_a_complaint(bag: DagBag) -> None:
    assert bag.import_errors == {}
    assert bag.captured_warnings == {}
    assert list(bag.dags) == ["esplan_release"]


def test_the_tasks_follow_one_another(dag: DAG) -> None:
    order = {task.task_id: task.downstream_task_ids for task in dag.tasks}
    assert order == {
        "plan": {"approval"},
        "approval": {"apply"},
        "apply": {"drift"},
        "drift": set(),
    }
    assert dag.max_active_runs == 1


def test_only_tasks_that_run_esplan_are_tried_again(bag: DagBag) -> None:
    tasks = bag.dags["esplan_release"].tasks
    assert {task.task_id: task.retries for task in tasks} == {
        "plan": 3,
        "approval": 0,
        "apply": 3,
        "drift": 3,
    }


def test_it_does_not_import_esplan(module: ModuleType) -> None:
    text = Path(module.__file__ or "").read_text()
    assert re.findall(r"^\s*(?:import|from) esplan", text, re.MULTILINE) == []


@pytest.mark.parametrize(("code", "expected"), [(0, (0,)), (0, (0, 2)), (2, (0, 2))])
def test_an_expected_code_passes(module: ModuleType, code: int, expected: tuple[int, ...]) -> None:
    assert module.judge(code, *expected) == code


@pytest.mark.parametrize("code", AT_ONCE)
def test_a_code_that_will_not_change_fails_at_once(module: ModuleType, code: int) -> None:
    with pytest.raises(AirflowFailException, match=rf"esplan exited with {code}: \w+"):
        module.judge(code, 0)


@pytest.mark.parametrize("code", AGAIN)
def test_a_code_that_may_change_is_tried_again(module: ModuleType, code: int) -> None:
    with pytest.raises(RuntimeError, match=rf"esplan exited with {code}: \w+"):
        module.judge(code, 0)


def test_every_exit_code_of_esplan_is_judged(module: ModuleType) -> None:
    assert set(codes(ROOT / "README.md")) == {0, *module.FINAL, *module.PASSING}


def test_the_page_says_what_the_example_does(module: ModuleType) -> None:
    page = codes(ROOT / "docs" / "airflow" / "README.md")
    assert set(page) == {0, *module.FINAL, *module.PASSING}
    assert {code for code, row in page.items() if "at once" in row} == set(module.FINAL)
    assert {code for code, row in page.items() if "retries" in row} == set(module.PASSING)


@pytest.mark.usefixtures("project")
def test_every_run_has_a_plan_file_of_its_own(module: ModuleType, tmp_path: Path) -> None:
    runs = ["scheduled__2026-11-21T00:00:00+00:00", "a/b", "a:b", "../../x", "é" * 250]
    files = [module.plan_file("release", run) for run in runs]
    assert len(set(files)) == len(runs)
    assert {file.parent for file in files} == {tmp_path / "plans"}
    assert all(re.fullmatch(r"[\w.-]{1,120}\.json", file.name, re.ASCII) for file in files)
    assert files[0] == module.plan_file("release", runs[0])
    assert files[1] != module.plan_file("other", runs[1])


def test_plans_are_in_the_project_unless_a_variable_says_otherwise(
    module: ModuleType, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_VAR_ESPLAN_PLANS")
    assert module.plan_file("release", "a").parent == project / "plans"


def test_a_stopped_task_stops_esplan_safely(module: ModuleType, stub: Stub) -> None:
    task = module.EsplanOperator(task_id="work")
    stopped: list[BaseException] = []

    def work() -> None:
        with pytest.raises(RuntimeError, match="exited with 3: stopped part-way") as caught:
            task.esplan("work")
        stopped.append(caught.value)

    thread = threading.Thread(target=work)
    thread.start()
    stub.wait_until_working()
    task.on_kill()
    thread.join(timeout=20)
    assert len(stopped) == 1
