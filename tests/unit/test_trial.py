"""commands/trial.py: what the server says to a definition before there is a plan."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from esplan import normalize
from esplan.commands import trial
from esplan.commands.plan import plan
from esplan.desired import Desired
from esplan.errors import EsplanError, ServerError
from esplan.model import Index, State

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


@pytest.mark.parametrize(
    ("status", "said"), [(400, "no handler for type [x]"), (403, ""), (405, "")]
)
def test_a_refusal_is_one_and_a_missing_privilege_is_none(status: int, said: str) -> None:
    assert trial.refusal(Server(status), BODY) == said


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
