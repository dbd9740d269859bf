"""The rules of the roles, and what is said where one of their privileges is missing."""

from __future__ import annotations

import copy
import json
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from esplan import desired, privileges
from esplan.commands.privileges import of_plan
from esplan.connection import Connection
from esplan.errors import EsplanError, ServerError, UsageError
from esplan.source import Document, Node
from esplan.views import privileges as views

if TYPE_CHECKING:
    from esplan.model import JSON, State

SIMULATE = "indices:admin/index_template/simulate"


def state(**parts: Any) -> State:
    return desired.of(Document("d.json", Node({"version": 1, **parts}, (1, 1)))).state


def alias(name: str, **parts: Any) -> JSON:
    return {"aliases": {"c": {"index": {"name": name}, **parts}}}


def roles(**parts: Any) -> dict[str, JSON]:
    return {role.name: role.body() for role in privileges.roles(state(**parts))}


def test_the_least_for_an_alias_with_colours() -> None:
    found = roles(**alias("c_{color}"))
    names = ["c", "c_blue", "c_green"]
    assert found["plan"] == {
        "cluster": ["monitor", SIMULATE],
        "indices": [
            {"names": names, "privileges": ["view_index_metadata", "monitor"]},
            {"names": ["esplan-state"], "privileges": ["read"]},
        ],
    }
    every = ["manage", "read", "write"]
    assert found["apply"] == {
        "cluster": ["monitor", "cancel_task", "cluster:admin/reindex/rethrottle"],
        "indices": [
            {"names": names, "privileges": every},
            {"names": ["esplan-copy-*"], "privileges": every},
            {"names": ["esplan-state"], "privileges": every},
            {"names": ["esplan-fence-*"], "privileges": ["manage"]},
        ],
    }


@pytest.mark.parametrize(
    ("migrate", "cluster"),
    [
        ({"drop": ["x"]}, ["monitor", SIMULATE]),
        ({"query": {"match_all": {}}}, ["monitor", SIMULATE]),
        ({"pipeline": "p"}, ["monitor", SIMULATE, "read_pipeline"]),
    ],
)
def test_a_transform_reads_documents_and_makes_throwaways(migrate: Any, cluster: list[str]) -> None:
    plan = roles(**alias("c_{color}", migrate=migrate))["plan"]
    assert plan["cluster"] == cluster
    assert plan["indices"][2:] == [
        {"names": ["c", "c_blue", "c_green"], "privileges": ["read"]},
        {"names": ["esplan-oracle-*"], "privileges": ["manage", "read", "write"]},
    ]


def test_the_oracle_makes_throwaways_of_a_plan_without_a_transform() -> None:
    plan, _ = privileges.roles(state(**alias("c_{color}")), oracle=True)
    assert plan.body()["indices"][-1]["names"] == ["esplan-oracle-*"]


def test_indices_and_their_aliases() -> None:
    found = roles(indices={"audit": {"aliases": {"a": {}}}})
    assert found["apply"]["indices"][0]["names"] == ["a", "audit"]


@pytest.mark.parametrize(
    ("name", "more", "matching", "foreign"),
    [
        ("c-{generation}", {}, ["c-000001", "c-1000000"], ["c-1", "c-secret", "cc-000001"]),
        ("c.d-{date}", {}, ["c.d-2026.01.31"], ["cxd-2026.01.31", "c.d-2026-01-31", "c.d-x"]),
        (
            "{index_base}-{run_id}",
            {"runs": {"source": "customer", "index_base": "b+1"}},
            ["b+1-20261119t060000z", "b+1-scheduled__2026-01-01t00:00:00".replace(":", "-")],
            ["b+1-secret", "bb1-20261119t060000z", "b+1"],
        ),
    ],
)
def test_a_pattern_matches_the_names_to_come_and_no_other(
    name: str, more: Any, matching: list[str], foreign: list[str]
) -> None:
    """Lucene's expressions of these patterns mean the same to Python."""
    (pattern,) = [
        one for one in roles(**alias(name, **more))["plan"]["indices"][0]["names"] if one != "c"
    ]
    assert pattern[0] == pattern[-1] == "/"
    assert [one for one in matching if not re.fullmatch(pattern[1:-1], one)] == []
    assert [one for one in foreign if re.fullmatch(pattern[1:-1], one)] == []


def test_the_views_are_what_the_server_takes() -> None:
    made = privileges.roles(state(**alias("c_{color}")))
    requests = re.findall(r"^PUT (\S+)\n(\{.*?^\})", views.text(made), re.MULTILINE | re.DOTALL)
    assert [path for path, _ in requests] == [
        "/_security/role/esplan-plan",
        "/_security/role/esplan-apply",
    ]
    assert [json.loads(body) for _, body in requests] == [one.body() for one in made]
    assert json.loads(views.json(made))["roles"]["apply"] == made[1].body()
    assert json.loads(views.body(made[0])) == made[0].body()
    assert "#   read on esplan-state: locks and journals of applies" in views.text(made)


def test_who_looks_at_everything_changes_nothing() -> None:
    body = privileges.SURVEY.body()
    given = {one for grant in body["indices"] for one in grant["privileges"]}
    assert given == {"view_index_metadata", "monitor", "read"}
    assert [one["names"] for one in body["indices"] if "read" in one["privileges"]] == [
        ["esplan-state"],
        [".tasks"],
    ]
    assert [one["names"] for one in body["indices"] if "allow_restricted_indices" in one] == [
        [".tasks"]
    ]
    assert body["cluster"] == ["monitor", "read_ilm"]


def test_a_plan_alone_says_what_carries_it_out() -> None:
    (role,) = of_plan(PLAN)
    assert role.name == "apply"
    assert role.indices[0].names == ("a", "c", "c_blue", "c_green")
    assert of_plan(PLAN, "apply") == (role,)
    with pytest.raises(UsageError, match="the role for plan is made from desired files"):
        of_plan(PLAN, "plan")


class Server:
    """Answers the question with what is denied."""

    def __init__(self, answer: Any, **connection: str) -> None:
        self.connection = Connection("http://localhost:1", **connection)  # type: ignore[arg-type]
        self.answer, self.asked = answer, list[Any]()

    def read(self, path: str, _params: Any = None, body: Any = None) -> Any:
        if path == "/_security/user/_privileges":
            return {"indices": []}
        self.asked.append(body)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


USER = {"username": "u", "password": "p"}
PLAN: Any = SimpleNamespace(
    steps=[
        SimpleNamespace(
            kind="create_index",
            address="alias.c",
            arguments={"index": "c_blue"},
            request={"body": {"aliases": {"esplan-copy-1234": {}}}},
        ),
        SimpleNamespace(kind="reindex", address="alias.c", arguments={"source": "c_green"}),
    ],
    changes=[
        SimpleNamespace(address="alias.c", action="replace", index="c_green", target="c_blue"),
        SimpleNamespace(address="index.a", action="update", index="a", target="a"),
        SimpleNamespace(address="index.b", action="no-op", index="b", target="b"),
    ],
)


def test_what_is_missing_is_named_with_its_place() -> None:
    look = {"view_index_metadata": False, "monitor": True}
    server = Server(
        {
            "username": "u",
            "cluster": {"monitor": False},
            "index": {"c": look, "c_blue": look, "c_green": {**look, "view_index_metadata": True}},
        },
        **USER,
    )
    with pytest.raises(EsplanError, match="u lacks privileges that plan needs") as caught:
        privileges.require_plan(server, state(**alias("c_{color}")))  # type: ignore[arg-type]
    assert caught.value.why == "monitor on the cluster; view_index_metadata on c, c_blue"
    assert "--role plan" in caught.value.remedy
    assert caught.value.exit_code == 1


def test_a_plan_asks_about_names_and_not_about_patterns() -> None:
    """A role that somebody wrote by hand may be narrower, and enough."""
    server = Server({"username": "u", "cluster": {}, "index": {}}, **USER)
    privileges.require_plan(server, state(**alias("c-{generation}")))  # type: ignore[arg-type]
    (asked,) = server.asked
    assert [one["names"] for one in asked["index"]] == [["c"]]


def test_an_apply_asks_about_what_its_plan_changes() -> None:
    server = Server({"username": "u", "cluster": {}, "index": {}}, api_key="k")
    privileges.require_apply(server, PLAN)  # type: ignore[arg-type]
    (asked,) = server.asked
    assert asked["index"][:2] == [
        {"names": ["c", "c_blue", "c_green"], "privileges": ["manage", "read", "write"]},
        {"names": ["a"], "privileges": ["manage"]},
    ]
    assert [one["names"] for one in asked["index"][2:]] == [
        ["esplan-copy-*"],
        ["esplan-state"],
        ["esplan-fence-*"],
    ]


def test_an_alias_that_only_an_index_template_gives_is_asked_about_too() -> None:
    create = copy.deepcopy(PLAN.steps[0])
    create.request["body"]["aliases"]["theirs"] = {}
    plan: Any = SimpleNamespace(steps=[create], changes=PLAN.changes)
    server = Server({"username": "u", "cluster": {}, "index": {}}, **USER)
    privileges.require_apply(server, plan)  # type: ignore[arg-type]
    assert {"names": ["theirs"], "privileges": ["manage"]} in server.asked[0]["index"]
    (role,) = of_plan(plan)
    assert role.indices[0].names == ("a", "c", "c_blue", "c_green", "theirs")


def test_a_plan_without_steps_needs_nothing() -> None:
    server = Server({}, **USER)
    privileges.require_apply(server, SimpleNamespace(steps=[], changes=[]))  # type: ignore[arg-type]
    assert server.asked == []


def test_a_plan_may_be_about_an_index_that_the_files_do_not_name() -> None:
    """The pattern of an alias has changed, and the plan leads away from an index of the old one."""
    for role in privileges.roles(state(**alias("new_{color}")), plan=PLAN):
        assert role.indices[0].names == (*("a", "c", "c_blue", "c_green"), "new_blue", "new_green")


def test_nobody_is_asked_where_nobody_signs_in() -> None:
    server = Server({})
    privileges.require_apply(server, PLAN)  # type: ignore[arg-type]
    assert server.asked == []


def test_a_server_without_this_security_is_not_asked_twice() -> None:
    server = Server(ServerError("no handler found", status=400), **USER)
    privileges.require_apply(server, PLAN)  # type: ignore[arg-type]
    wrong = Server(ServerError("unable to authenticate", status=401), **USER)
    with pytest.raises(ServerError, match="unable to authenticate"):
        privileges.require_apply(wrong, PLAN)  # type: ignore[arg-type]
