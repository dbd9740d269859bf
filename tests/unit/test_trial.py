"""commands/trial.py: what the server says to a definition before there is a plan."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from esplan import normalize, planfile
from esplan.commands import trial
from esplan.commands.plan import plan
from esplan.desired import Desired
from esplan.errors import EsplanError, ServerError
from esplan.model import Index, State
from esplan.plan import Plan, Step
from esplan.steps import put_mapping, update_settings

BODY = {
    "settings": {"a": "1", "index.routing_partition_size": "2"},
    "mappings": {"properties": {}},
    "aliases": {"x": {}},
}


class Server:
    """Answers a trial with an error, or with nothing wrong."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.asked: list[Any] = []

    def read(self, path: str, body: Any) -> Any:
        self.asked.append((path, body))
        if self.status >= 400:
            raise ServerError("no handler for type [x]", status=self.status)
        return {}


def test_a_template_for_no_index_is_simulated() -> None:
    server = Server()
    assert trial.refusal(server, BODY) == ""
    ((path, body),) = server.asked
    assert path == "/_index_template/_simulate"
    assert body["template"] == {"settings": {"a": "1"}, "mappings": {"properties": {}}}


@pytest.mark.parametrize(("status", "said"), [(400, "no handler for type [x]"), (405, "")])
def test_a_refusal_is_one_and_an_old_version_is_none(status: int, said: str) -> None:
    assert trial.refusal(Server(status), BODY) == said


def test_where_it_may_not_ask_the_plan_says_so(cluster: Any) -> None:
    desired = Desired(State({"a": Index("a", normalize.body({}, {}))}), "f" * 64)
    made = plan(cluster, desired, now=datetime(2026, 1, 2, tzinfo=UTC))
    assert trial.tried(Server(), made) is made
    untried = trial.tried(Server(403), made)
    assert untried.warnings == (*made.warnings, trial.UNTRIED_PLAN)
    assert "indices:admin/index_template/simulate" in untried.warnings[-1]
    assert planfile.sealed(untried) == untried != made
    with pytest.raises(ServerError, match="no handler"):
        trial.tried(Server(503), made)


def test_a_server_in_trouble_is_no_answer() -> None:
    with pytest.raises(ServerError, match="no handler"):
        trial.refusal(Server(503), BODY)


def test_all_that_the_server_does_not_take_is_named(cluster: Any) -> None:
    bodies = {"a": {}, "b": {}, "c": {"number_of_shards": 2}}
    indices = {n: Index(n, normalize.body(settings, {})) for n, settings in bodies.items()}
    desired = Desired(State(indices), "f" * 64)
    made = plan(cluster, desired, now=datetime(2026, 1, 2, tzinfo=UTC))
    trial.refuse_unaccepted(server := Server(), made)
    assert len(server.asked) == 2, "two of them are alike"
    with pytest.raises(EsplanError, match="does not take the definition") as caught:
        trial.refuse_unaccepted(Server(400), made)
    assert "index.a, index.b, index.c" in caught.value.what
    assert caught.value.why.count("no handler for type [x]") == 2
    assert "this version, or its plugins, lack" in caught.value.remedy


class Choosy(Server):
    """Has one index, and does not take a definition with `word` in it."""

    def __init__(self, word: str, **settings: Any) -> None:
        super().__init__()
        self.word, self.settings = word, settings

    def read(self, _path: str, _params: Any = None, body: Any = None) -> Any:
        if body is None:
            return {"a": {"settings": {"index": self.settings}, "mappings": {"_meta": {"x": 1}}}}
        self.asked.append(json.dumps(body["template"]))
        if self.word in self.asked[-1]:
            raise ServerError(f"no {self.word}", status=400)
        return {}


def steps(*made: Step) -> Plan:
    cluster = {"distribution": "elasticsearch", "version": "8.16.1"}
    return Plan("p", "", "", cluster, "", steps=made)


MAPPING = put_mapping.describe("index.a", "a", {"properties": {"f": {"type": "vector"}}}, ())
ANALYSIS = update_settings.describe("index.a", "a", {"index.x": "odd", "index.gone": None}, {}, ())


def test_what_steps_make_of_an_index_adds_up() -> None:
    trial.refuse_unaccepted(
        server := Choosy("nothing", gone="1", kept="2"), steps(ANALYSIS, MAPPING)
    )
    (asked,) = map(json.loads, server.asked)
    assert asked["settings"] == {"index.kept": "2", "index.x": "odd", **trial.ROOM}
    assert asked["mappings"] == {"properties": {"f": {"type": "vector"}}}


@pytest.mark.parametrize("word", ["vector", "odd"])
def test_a_change_that_the_server_does_not_take(word: str) -> None:
    with pytest.raises(EsplanError, match=r"does not take the definition of index\.a") as caught:
        trial.refuse_unaccepted(server := Choosy(word), steps(ANALYSIS, MAPPING))
    assert caught.value.why == f"no {word}"
    assert len(server.asked) == 2, "as it will be, and as it is"


def test_what_a_trial_would_refuse_already_is_left_to_the_apply() -> None:
    """An old index may have what no new one may."""
    trial.refuse_unaccepted(server := Choosy("old", made="old"), steps(MAPPING))
    assert len(server.asked) == 2


def test_a_clone_has_the_definition_of_its_source() -> None:
    clone = resize(settings={"index.codec": "odd"})
    with pytest.raises(EsplanError, match=r"does not take the definition of alias\.x"):
        trial.refuse_unaccepted(server := Choosy("odd", kept="2"), steps(clone))
    found = json.loads(server.asked[0])["settings"]
    assert found == {"index.kept": "2", "index.codec": "odd", **trial.ROOM}


def resize(settings: dict[str, Any]) -> Step:
    return Step(
        kind="resize_index",
        phase="switch",
        address="alias.x",
        description="",
        request={"method": "POST", "path": "/a/_clone/b", "body": {"settings": settings}},
        arguments={"index": "b", "source": "a"},
    )
