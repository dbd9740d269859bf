"""The example in a real Airflow, with the real esplan on a real server."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Ended, Person

    Run = Callable[..., Ended]

ESPLAN = os.environ.get("ESPLAN") or str(Path(__file__).parents[2] / ".venv" / "bin" / "esplan")
"""The command line under test, in the environment of the project: not in that of Airflow."""

MOVES = [("remove", "green"), ("add", "red")]


def sandbox(command: str) -> dict[str, Any]:
    call = [ESPLAN, "sandbox", command, "--json", "-q"]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.fixture(scope="session")
def server() -> Iterator[httpx.Client]:
    """The server of ESPLAN_TEST_URL, or the sandbox; it is stopped again if it did not run."""
    url, started = os.environ.get("ESPLAN_TEST_URL"), {"was_running": True}
    if not url:
        started = sandbox("start")
        url = str(started["url"])
    with httpx.Client(base_url=url, timeout=60) as client:
        yield client
    if not started["was_running"]:
        sandbox("stop")


@pytest.fixture
def unique(server: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A name that nothing else uses, a connection, and the real esplan. Every index of this name
    is gone afterwards."""
    made = f"t{secrets.token_hex(4)}"
    where = {"schema": "http", "host": server.base_url.host, "port": server.base_url.port}
    monkeypatch.setenv("AIRFLOW_CONN_ESPLAN", json.dumps({"conn_type": "generic", **where}))
    monkeypatch.setenv("AIRFLOW_VAR_ESPLAN_BIN", ESPLAN)
    yield made
    for index in server.get(f"/{made}*?expand_wildcards=all").json():
        server.delete(f"/{index}").raise_for_status()


@pytest.fixture
def name(server: httpx.Client, project: Path, unique: str) -> str:
    """An alias on an index with 500 documents, and the desired file that changes a type."""
    settings = {"number_of_replicas": 0, "auto_expand_replicas": "0-1"}
    load(server, f"{unique}_green", settings=settings, aliases={unique: {}})
    (project / "release.json").write_text(json.dumps(desired(unique, settings)))
    return unique


def load(server: httpx.Client, index: str, **body: Any) -> None:
    """An index with 500 documents, in several segments."""
    mappings = {"properties": {"flight": {"type": "integer"}}}
    server.put(f"/{index}", json={"mappings": mappings, **body}).raise_for_status()
    for first in range(0, 500, 100):
        numbers = range(first, first + 100)
        loaded = server.post(
            f"/{index}/_bulk?refresh=true",
            content="".join(f'{{"index":{{"_id":"{n}"}}}}\n{{"flight":{n}}}\n' for n in numbers),
            headers={"Content-Type": "application/x-ndjson"},
        )
        assert loaded.json()["errors"] is False


def desired(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    index = {
        "name": f"{name}_{{color}}",
        "colors": ["green", "blue"],
        "settings": settings,
        "mappings": {"properties": {"flight": {"type": "keyword"}}},
    }
    return {"version": 1, "aliases": {name: {"index": index, "finish": {"delete_old": True}}}}


def test_a_release(
    run: Run, person: Person, server: httpx.Client, name: str, tmp_path: Path
) -> None:
    ended = run(desired="release.json")
    assert ended.tasks == dict.fromkeys(ended.tasks, "success")
    assert list(server.get(f"/{name}/_alias").json()) == [f"{name}_blue"]
    assert server.get(f"/{name}/_count").json()["count"] == 500
    (asked,) = person.asked
    assert f"    -/+ alias.{name}  replace: {name}_green → {name}_blue (reindex)" in asked["body"]
    (plan,) = tmp_path.glob("plans/*.json")
    assert f"Digest: `{json.loads(plan.read_text())['digest']}`" in asked["body"]
    assert plan.with_name(f"{plan.name}.journal.jsonl").exists()
    again = run(desired="release.json")
    assert again.tasks == dict.fromkeys(again.tasks, "skipped")


def job(name: str) -> dict[str, str]:
    """A legacy job as loaders send it. Without a replica: one node would never be green with it."""
    return {
        "abort_run": "False",
        "alias_name": f"{name}-prod",
        "data_source": "customer",
        "delete_old": "True",
        "forcemerge_new": "True",
        "index_base": f"{name}-2_0_0",
        "new_replicas": "0",
    }


def test_a_legacy_job(
    run: Run, person: Person, server: httpx.Client, unique: str, project: Path, tmp_path: Path
) -> None:
    """The default parameters of the DAG: a job, and a run that its loader has made."""
    config = project / "jobs" / "customer.json"
    config.parent.mkdir()
    config.write_text(json.dumps(job(unique), indent=4))
    index = f"{unique}-2_0_0-20261120t060000z"
    load(server, index)
    ended = run()
    assert ended.tasks == dict.fromkeys(ended.tasks, "success")
    assert set(ended.tries.values()) == {1}
    (asked,) = person.asked
    assert asked["subject"] == "Apply the plan for jobs/customer.json?"
    assert f"    + alias.{unique}-prod  create: {index} (release)" in asked["body"]
    assert list(server.get(f"/{unique}-prod/_alias").json()) == [index]
    assert server.get(f"/{unique}-prod/_count").json()["count"] == 500
    (looked_at,) = tmp_path.glob("plans/*.desired.yaml")
    assert f"index_base: {unique}-2_0_0" in looked_at.read_text()
    again = run()
    assert (again.tasks["plan"], again.tries["plan"]) == ("failed", 1)
    assert set(again.tasks.values()) == {"failed", "upstream_failed"}
    assert len(person.asked) == 1
    assert list(server.get(f"/{unique}*").json()) == [index]
    config.write_text(json.dumps({**job(unique), "abort_run": "True"}))
    aborted = run()
    assert aborted.tasks == dict.fromkeys(aborted.tasks, "skipped")


def test_a_plan_that_went_stale_before_its_approval(
    run: Run, person: Person, server: httpx.Client, name: str
) -> None:
    server.put(f"/{name}_red").raise_for_status()
    moves = [{kind: {"index": f"{name}_{colour}", "alias": name}} for kind, colour in MOVES]
    person.first = lambda: server.post("/_aliases", json={"actions": moves}).raise_for_status()
    ended = run(desired="release.json")
    assert (ended.tasks["apply"], ended.tries["apply"]) == ("failed", 1)
    assert list(server.get(f"/{name}/_alias").json()) == [f"{name}_red"]


def test_a_file_with_errors(run: Run, project: Path, name: str) -> None:
    (project / "release.json").write_text(f'{{"version": 1, "aliases": {{"{name}": {{"x": 1}}}}}}')
    ended = run(desired="release.json")
    assert (ended.tasks["plan"], ended.tries["plan"]) == ("failed", 4)
