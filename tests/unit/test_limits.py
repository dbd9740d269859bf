"""What the server says about roles, and what of an index they may hide."""

from __future__ import annotations

from typing import Any

import pytest

from esplan import kept, limits
from esplan.connection import Connection
from esplan.errors import Refused, ServerError

ALL: dict[str, Any] = {"names": ["*"], "privileges": ["all"]}
HALF: dict[str, Any] = {"names": ["a*"], "privileges": ["read"], "query": ['{"term": {"b": 1}}']}
SOME: dict[str, Any] = {
    "names": ["a*"],
    "privileges": ["read"],
    "field_security": [{"grant": ["*"], "except": ["secret"]}],
}
EVERY_FIELD = {**SOME, "field_security": [{"grant": ["*"]}]}


class Server:
    """Answers by path; an error is raised."""

    def __init__(self, answers: dict[str, Any], **connection: str) -> None:
        given: dict[str, Any] = connection or {"username": "u", "password": "p"}
        self.connection = Connection("http://localhost:1", **given)
        self.answers = answers

    def read(self, path: str, params: Any = None, _body: Any = None) -> Any:
        key = f"{path}?with_limited_by" if "with_limited_by" in (params or {}) else path
        answer = self.answers.get(key)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("grants", "hidden"),
    [
        ([ALL], ""),
        ([HALF], "documents"),
        ([SOME], "fields"),
        ([HALF, SOME], "documents and fields"),
        ([EVERY_FIELD], ""),
        ([HALF, ALL], ""),
        ([HALF, {**ALL, "privileges": ["monitor", "write"]}], "documents"),
        ([HALF, {**ALL, "names": ["b*"]}], "documents"),
        ([{**HALF, "names": ["b*"]}], ""),
        ([{**HALF, "names": ["a?1"]}], "documents"),
        ([{**HALF, "names": ["a?"]}], ""),
        ([{**HALF, "names": ["/a_[0-9]+/"]}], "documents"),
        ([{**HALF, "names": ["/b_[0-9]+/"]}], ""),
        # A regular expression that may mean something else to the server.
        ([{**HALF, "names": ["/a_<1-9>/"]}], "documents"),
        ([HALF, {**ALL, "names": ["/a_<1-9>/"]}], "documents"),
        ([HALF, {**ALL, "names": ["/a_[0-9]{1,6}/"]}], ""),
    ],
)
def test_what_is_hidden(grants: list[Any], hidden: str) -> None:
    server: Any = Server({"/_security/user/_privileges": {"indices": grants}})
    assert limits.read(server).hidden("a_1") == hidden


def test_a_refusal_names_what_is_hidden_and_where() -> None:
    server: Any = Server({"/_security/user/_privileges": {"indices": [HALF]}})
    with pytest.raises(Refused, match="some documents of old:a_1") as caught:
        limits.require(server, ["b", "a_1"], label="old")
    assert caught.value.code == "ESP-4117"
    assert limits.require(server, ["b"]).unknown == ""
    limits.refuse(limits.read(server), ["a_1"], fields_only=True)


def test_nobody_signs_in() -> None:
    server: Any = Server({"/_security/user/_privileges": {"indices": [HALF]}}, username="")
    assert limits.read(server) == limits.Rights()


@pytest.mark.parametrize("status", [400, 403, 404, 405])
def test_a_server_that_does_not_say_it(status: int) -> None:
    silent = None if status == 404 else ServerError("no", status=status, why=f"HTTP {status}")
    server: Any = Server({"/_security/user/_privileges": silent})
    assert f"HTTP {status}" in limits.read(server).unknown


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_an_error_is_not_an_answer(status: int) -> None:
    server: Any = Server({"/_security/user/_privileges": ServerError("no", status=status)})
    with pytest.raises(ServerError):
        limits.read(server)


def key(own: Any, **more: Any) -> Any:
    return {"api_keys": [{"role_descriptors": {"r": {"indices": own}}, **more}]}


def of_key(answers: dict[str, Any]) -> limits.Rights:
    usual = {
        "/_security/user/_privileges": ServerError("of a key", status=400),
        "/_security/_authenticate": {"api_key": {"id": "1"}},
    }
    server: Any = Server({**usual, **answers})
    return limits.read(server)


def test_a_key_is_limited_by_its_roles_and_by_those_of_its_owner() -> None:
    path = "/_security/api_key?with_limited_by"
    owner = {"limited_by": [{"o": {"indices": [HALF]}}]}
    assert of_key({path: key([ALL], **owner)}).hidden("a_1") == "documents"
    whole = key([ALL], limited_by=[{"o": {"indices": [ALL]}}])
    assert of_key({path: whole}) == limits.Rights(((ALL,), (ALL,)))
    one = {**HALF, "query": HALF["query"][0]}
    assert of_key({path: key([one], **owner)}).hidden("a_1") == "documents"


def test_what_the_owner_of_a_key_may_see_is_not_always_known() -> None:
    forbidden = ServerError("no", status=403, why="HTTP 403")
    known = {"/_security/api_key?with_limited_by": forbidden, "/_security/api_key": key([SOME])}
    rights = of_key(known)
    assert rights.hidden("a_1") == "fields"
    assert "owner of the API key" in rights.unknown


def test_types_that_a_server_may_hide() -> None:
    fields: dict[str, Any] = {
        "a": {"type": "text", "fields": {"k": {"type": "keyword"}}},
        "o": {"properties": {"v": {"type": "rank_vectors"}, "n": {"type": "nested"}}},
        "s": {"type": "semantic_text"},
    }
    assert kept.hidden_types({"properties": fields}) == ["rank_vectors", "semantic_text"]
    template = {"t": {"match": "*", "mapping": {"type": "dense_vector"}}}
    assert kept.hidden_types({"dynamic_templates": [template]}) == ["dense_vector"]
    dynamic = {"t": {"match": "*", "mapping": {"type": "{dynamic_type}"}}}
    assert kept.hidden_types({"dynamic_templates": [dynamic]}) == []


def test_an_index_that_is_frozen() -> None:
    assert kept.is_frozen({"index.search.throttled": "true"})
    assert kept.is_frozen({"index.frozen": "true"})
    assert not kept.is_frozen({"index.search.throttled": "false"})
