"""The oracle without a server: what it asks with, what it deletes, and a pair for every rule."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from esplan import diff, live, normalize, planfile
from esplan.errors import EsplanError, OutcomeUnknown, ServerError
from esplan.leftovers import family_of
from esplan.model import Alias, Body, Index, State
from esplan.normalize import parameters
from esplan.normalize.defaults import BY_TYPE
from esplan.oracle import Answer, ask_all, definition, real, warning
from esplan.oracle.throwaway import LETTERS, OLD, PREFIX, Throwaways, leftovers
from esplan.plan import Plan
from esplan.route import rules

if TYPE_CHECKING:
    from esplan.diff import Comparison

LIVE_TESTS = Path(__file__).parents[1] / "live"


def table(name: str) -> Any:
    """A module of the live tests, which need no server for their tables."""
    sys.path.insert(0, str(LIVE_TESTS))
    try:
        spec = importlib.util.spec_from_file_location(name, LIVE_TESTS / f"{name}.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(LIVE_TESTS))
    return module


def compared(before: dict[str, Any], after: dict[str, Any], **fields: Any) -> Comparison:
    mappings = {"properties": fields}
    old, new = normalize.body(before, {}), normalize.body(after, mappings)
    index = Index("f_green", old, {"f": {}})
    now = State({index.name: index}, live.aliases({index.name: index}))
    return diff.compare(State(aliases={"f": Alias("f", body=new)}), now)[0]


class Server:
    """Takes every request but those that it is told to refuse."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.error: Exception | None = None

    def change(self, method: str, path: str, *_: Any, **__: Any) -> Any:
        self.log.append(f"{method} {path}")
        if self.error and method == "PUT":
            raise self.error
        return {}


def test_every_rule_has_a_pair() -> None:
    pairs = table("pairs")
    assert set(pairs.DYNAMIC) == set(rules.DYNAMIC_SETTINGS)
    assert set(pairs.STATIC) == set(rules.STATIC_SETTINGS)
    assert set(pairs.ROOT) >= rules.UPDATEABLE_ROOT
    asked = {name for name, _, _ in pairs.PARAMETERS}
    known = {*parameters.READERS, *parameters.NULLABLE, *rules.UPDATEABLE_FIELD}
    known |= {name for one in BY_TYPE.values() for name in one}
    assert known - asked == {"path"}, "the path of an alias has a pair of its own"


def test_what_disturbs_is_not_asked_on_a_cluster_in_use() -> None:
    before = {"blocks.write": "true", "number_of_replicas": "2", "number_of_shards": "3"}
    after = {**before, "blocks.metadata": "true", "hidden": "false", "refresh_interval": "9s"}
    comparison = compared(before, after)
    assert [one.path[1] for one in definition.asked(comparison)] == ["index.refresh_interval"]
    pair = definition.pair(comparison)
    assert pair.before is not None
    for body in (pair.before, pair.after):
        assert not [name for name in body.settings if name.startswith(definition.DISTURBING)]
        assert body.settings["index.number_of_shards"] == "1"
        assert body.settings["index.number_of_replicas"] == "0"


def test_shards_are_as_they_are_where_they_differ() -> None:
    pair = definition.pair(compared({"number_of_shards": "4"}, {"number_of_shards": "2"}))
    assert pair.before is not None
    assert pair.before.settings["index.number_of_shards"] == "4"
    assert pair.after.settings["index.number_of_shards"] == "2"


def test_replicas_that_expand_have_no_number() -> None:
    """The server counts the nodes: beside it a number comes back as none."""
    pair = definition.pair(compared({"number_of_replicas": "0"}, {"auto_expand_replicas": "0-1"}))
    assert pair.before is not None
    for body in (pair.before, pair.after):
        assert "index.number_of_replicas" not in body.settings
        assert body.creation == {"index.number_of_replicas": "0"}


def test_what_came_back_otherwise_is_said() -> None:
    sent = normalize.body({}, {"properties": {"a": {"type": "keyword"}}})
    other = normalize.body({}, {"properties": {"a": {"type": "text"}}})
    assert real.echo("alias.f", sent, Index("t", sent)).verdict == "agrees"
    answer = real.echo("alias.f", sent, Index("t", other, {"x": {}}))
    assert answer.verdict == "disagrees"
    assert answer.server == (
        'no: mappings.properties.a.type comes back as "text", not as "keyword"'
    )


def test_many_are_deleted_in_one_request() -> None:
    server: Any = Server()
    with Throwaways(server) as made:
        names = [made.create(Body()) for _ in range(3)]
    assert server.log[3:] == [f"DELETE /{','.join(names)}"]
    assert made.names == []


def test_nothing_is_made_where_nothing_is_asked() -> None:
    server: Any = Server()
    assert ask_all(server, [compared({"priority": "1"}, {"priority": "1"})]) == ()
    assert server.log == []


def test_a_name_is_no_run_no_colour_and_no_number() -> None:
    assert not set(LETTERS) & set("0123456789aeiou")
    server: Any = Server()
    assert family_of(Throwaways(server).new_name()) is None


def test_an_unknown_outcome_is_deleted_all_the_same() -> None:
    server: Any = Server()
    server.error = OutcomeUnknown("unknown")
    with pytest.raises(OutcomeUnknown), Throwaways(server) as made:
        made.create(Body())
    assert [one.split()[0] for one in server.log] == ["PUT", "DELETE"]


def test_what_was_refused_was_not_made_and_is_not_deleted() -> None:
    server: Any = Server()
    server.error = ServerError("no", status=400)
    with pytest.raises(ServerError, match="no"), Throwaways(server) as made:
        made.create(Body())
    assert [one.split()[0] for one in server.log] == ["PUT"]


def test_a_privilege_that_lacks_is_said() -> None:
    server: Any = Server()
    server.error = ServerError("not you", status=403, type_="security_exception")
    with pytest.raises(EsplanError) as error, Throwaways(server) as made:
        made.create(Body())
    assert error.value.what == f"the oracle may not make its throwaway indices, {PREFIX}*"
    assert error.value.why == "not you"
    assert "--oracle sandbox" in error.value.remedy


def test_leftovers_are_ours_and_old() -> None:
    def index(created: int, **meta: Any) -> Any:
        settings = {"index": {"creation_date": str(created)}}
        return {"settings": settings, "mappings": {"_meta": {"esplan": meta}}}

    found = {
        f"{PREFIX}old": index(0, oracle=True),
        f"{PREFIX}young": index(2, oracle=True),
        f"{PREFIX}foreign": index(0, plan="x"),
        "another": index(0, oracle=True),
    }
    assert leftovers(found, OLD + 1) == [f"{PREFIX}old"]


def test_live_state_has_no_throwaways() -> None:
    raw = {"settings": {}, "mappings": {"_meta": {"esplan": {"oracle": True}}}, "aliases": {}}
    assert live.state({"a": raw, "b": {}}, {}).indices.keys() == {"b"}


def test_answers_outlive_the_file(tmp_path: Path) -> None:
    answer = {"address": "alias.f", "question": "q?", "rule": "yes", "server": "no"}
    cluster = {"name": "c", "uuid": "u", "version": "8.16.1", "distribution": "elasticsearch"}
    bare = Plan("0123456789abcdef", "now", "0", cluster, "0" * 64)
    assert "oracle" not in planfile.document(bare)
    whole = Plan(
        "0123456789abcdef",
        "now",
        "0",
        cluster,
        "0" * 64,
        oracle=({**answer, "verdict": "disagrees"},),
    )
    path = tmp_path / "plan.json"
    planfile.write(planfile.sealed(whole), path)
    assert planfile.read(path).oracle == whole.oracle


def test_a_disagreement_in_words() -> None:
    said = warning(Answer("alias.f", "does it?", "yes", "no: why", "disagrees"))
    assert said == (
        "alias.f: a rule of esplan is wrong here. does it? The rule says: yes. The server says: "
        "no: why. The plan goes by the rule all the same; please report this as a defect of esplan"
    )
