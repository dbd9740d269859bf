"""What a real server answered, replayed: the client, the wire, and esplan on top of them.

To record anew (on an empty server of your own): delete the cassettes, and run with the server's
address in ESPLAN_CASSETTE_URL. Everything that differs from run to run is fixed here.
"""

from __future__ import annotations

import json
import os
import re
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import vcr

from esplan import holder, planfile
from esplan.cluster import Cluster
from esplan.commands import apply as apply_commands
from esplan.commands.plan import plan
from esplan.commands.status import status
from esplan.connection import Connection
from esplan.desired import read
from esplan.errors import ServerError
from esplan.views.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from esplan.desired import Desired
    from esplan.plan import Plan

CASSETTES = Path(__file__).parent / "cassettes"
SERVER = os.environ.get("ESPLAN_CASSETTE_URL", "")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PLAN_ID = "0123456789abcdef"
KEY = "not-a-real-key"

INDICES: dict[str, dict[str, Any]] = {
    "films_green": {
        "settings": {"number_of_shards": 1, "number_of_replicas": 0},
        "mappings": {"properties": {"title": {"type": "text"}, "year": {"type": "integer"}}},
        "aliases": {"films": {}},
    },
    "books_green": {"settings": {"number_of_replicas": 0}, "aliases": {"books": {"routing": "1"}}},
    "closed": {"settings": {"number_of_replicas": 0}},
}

DESIRED = """\
version: 1
aliases:
  films:
    index:
      name: "films_{color}"
      colors: [green, blue]
      settings: {number_of_shards: 1, refresh_interval: 30s}
      mappings: {properties: {title: {type: text}, director: {type: keyword}}}
  books:
    index:
      name: "books_{color}"
      colors: [green, blue]
      mappings: {properties: {isbn: {type: keyword}}}
    routing: "1"
indices:
  audit:
    settings: {number_of_replicas: 0}
"""


def _same_place(one: Any, other: Any) -> None:
    """The same path, but for digests: a plan of another esplan has another one."""
    paths = (re.sub(r"[0-9a-f]{16,}", "…", request.path) for request in (one, other))
    first, second = paths
    assert first == second


def _anywhere(request: Any) -> Any:
    """The server's own address is nobody's business."""
    request.uri = re.sub(r"^http://[^/]+", "http://localhost:9200", request.uri)
    request.headers.pop("User-Agent", None)
    request.headers.pop("x-elastic-client-meta", None)
    return request


recorder = vcr.VCR(
    cassette_library_dir=str(CASSETTES),
    record_mode="once" if SERVER else "none",
    filter_headers=["authorization"],
    match_on=["method", "place", "query"],
    before_record_request=_anywhere,
)
recorder.register_matcher("place", _same_place)


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal names host, process and machine: here they are nobody's."""
    monkeypatch.setattr(socket, "gethostname", lambda: "host")
    monkeypatch.setattr(os, "getpid", lambda: 1)
    monkeypatch.setattr(holder, "_machine", lambda: "machine")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """The server to record from, with the indices; without one, any address will do."""
    address = SERVER or "http://localhost:9200"
    with Cluster(Connection(address, api_key=KEY)) as opened:
        if SERVER:
            _prepare(opened)
        yield opened


def _prepare(cluster: Cluster) -> None:
    for name in [*(cluster.read("/*", {"expand_wildcards": "all"}) or {})]:
        if not name.startswith("."):
            cluster.change("DELETE", f"/{name}")
    for name, body in INDICES.items():
        cluster.change("PUT", f"/{name}", None, body)
    cluster.change("POST", "/closed/_close")


@pytest.fixture
def desired(tmp_path: Path) -> Desired:
    path = tmp_path / "desired.yaml"
    path.write_text(DESIRED)
    return read([path], {})


def planned(cluster: Cluster, desired: Desired, **options: Any) -> Plan:
    return plan(cluster, desired, now=NOW, plan_id=PLAN_ID, **options)


def test_a_plan_over_several_objects(cluster: Cluster, desired: Desired) -> None:
    with recorder.use_cassette("plan.yaml") as cassette:
        made = planned(cluster, desired)
    assert {change.address: change.route for change in made.changes} == {
        "alias.books": "mapping addition",
        "alias.films": "mapping addition",
        "index.audit": "create",
    }
    assert [step.kind for step in made.steps] == [
        "create_index",
        "put_mapping",
        "put_mapping",
        "update_settings",
        "await_health",
    ]
    assert made.cluster["version"] == "8.16.1"
    asked = [request.path for request in cassette.requests]
    assert len(asked) == 6, "three requests, whatever the number of indices; and the templates"
    assert asked[3:] == ["/_index_template", "/_component_template", "/_template"]


def test_an_update_in_place_is_applied(cluster: Cluster, desired: Desired, tmp_path: Path) -> None:
    with recorder.use_cassette("apply.yaml") as cassette:
        made = planned(cluster, desired, target=["alias.films"])
        outcome = apply_commands.apply(cluster, made, tmp_path / "plan.json", Silent())
        again = planned(cluster, desired, target=["alias.films"])
    assert (outcome.steps, outcome.remaining) == (2, 0)
    assert again.steps == (), "planning what was applied shows no change"
    sent = [r for r in cassette.requests if r.method == "PUT" and "esplan-state" not in r.path]
    assert [(r.path, json.loads(r.body)) for r in sent] == [
        (step.request["path"], step.request["body"]) for step in made.steps if step.request
    ]
    if not SERVER:
        assert cassette.all_played


def test_a_status(cluster: Cluster, desired: Desired, tmp_path: Path) -> None:
    """An apply that stopped after its first phase, with no lock held."""
    path = tmp_path / "plan.json"
    with recorder.use_cassette("status.yaml"):
        made = planned(cluster, desired, target=["index.audit"])
        planfile.write(made, path)
        apply_commands.apply(cluster, made, path, Silent(), through="prepare")
        cluster.read("/esplan-state/_refresh")
        found = status(cluster)
    assert (found.holder, found.tasks) == (None, ())
    (unfinished,) = found.unfinished
    assert (len(unfinished.plan), unfinished.done, unfinished.steps) == (64, 1, 2)
    assert unfinished.host == "host"


ERRORS: dict[str, tuple[Callable[[Cluster], Any], int, str, str]] = {
    "mapper_parsing_exception": (
        lambda c: c.change("PUT", "/x", None, {"mappings": {"properties": {"a": {"type": "b"}}}}),
        400,
        "No handler for type [b] declared on field [a]",
        "correct the desired file",
    ),
    "index_not_found_exception": (
        lambda c: c.change("PUT", "/nowhere/_settings", None, {"index.number_of_replicas": "0"}),
        404,
        "no such index [nowhere]",
        "",
    ),
    "index_closed_exception": (
        lambda c: c.read("/closed/_search", None, {"size": 0}),
        400,
        "closed",
        "",
    ),
}


@pytest.mark.parametrize("type_", ERRORS)
def test_an_error_of_the_server(cluster: Cluster, type_: str) -> None:
    send, code, reason, remedy = ERRORS[type_]
    with recorder.use_cassette(f"{type_}.yaml"), pytest.raises(ServerError) as error:
        send(cluster)
    assert (error.value.status, error.value.type) == (code, type_)
    assert reason in error.value.what
    assert error.value.why == f"HTTP {code}, {type_}"
    assert remedy in error.value.remedy


def test_a_read_of_what_is_not_there_is_none(cluster: Cluster) -> None:
    with recorder.use_cassette("not_found.yaml"):
        assert cluster.read("/nowhere") is None


# What no cassette may hold


def test_there_are_cassettes() -> None:
    assert len(list(CASSETTES.glob("*.yaml"))) == 7


@pytest.mark.parametrize("path", sorted(CASSETTES.glob("*.yaml")), ids=lambda path: path.name)
def test_a_cassette_holds_no_credential_and_nothing_of_a_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert KEY not in text
    for forbidden in (r"authorization", r"apikey", r"\bbasic ", r"\bbearer ", r"cookie"):
        assert not re.search(forbidden, text, re.IGNORECASE), forbidden
    for folder in ("home", "root", "tmp", "work", "usr", "var", "Users"):
        assert not re.search(rf"(?<![\w.])/{folder}/", text), folder
    assert set(re.findall(r"uri: http://([^/\s]+)", text)) == {"localhost:9200"}
