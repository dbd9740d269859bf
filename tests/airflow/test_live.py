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
def name(server: httpx.Client, project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An alias on an index with 500 documents, the desired file that changes a type, and the way
    there: a connection and the real esplan. Every index of this name is gone afterwards."""
    unique = f"t{secrets.token_hex(4)}"
    settings = {"number_of_replicas": 0, "auto_expand_replicas": "0-1"}
    mappings = {"properties": {"flight": {"type": "integer"}}}
    body = {"settings": settings, "mappings": mappings, "aliases": {unique: {}}}
    server.put(f"/{unique}_green", json=body).raise_for_status()
    lines = "".join(f'{{"index":{{"_id":"{n}"}}}}\n{{"flight":{n}}}\n' for n in range(500))
    loaded = server.post(
        f"/{unique}_green/_bulk?refresh=true",
        content=lines,
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert loaded.json()["errors"] is False
    (project / "release.json").write_text(json.dumps(desired(unique, settings)))
    where = {"schema": "http", "host": server.base_url.host, "port": server.base_url.port}
    monkeypatch.setenv("AIRFLOW_CONN_ESPLAN", json.dumps({"conn_type": "generic", **where}))
    monkeypatch.setenv("AIRFLOW_VAR_ESPLAN_BIN", ESPLAN)
    yield unique
    for index in server.get(f"/{unique}*?expand_wildcards=all").json():
        server.delete(f"/{index}").raise_for_status()


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
