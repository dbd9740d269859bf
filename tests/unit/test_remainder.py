"""commands/remainder.py: what a query leaves out, and the old index takes with it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from esplan import normalize
from esplan.commands import remainder
from esplan.commands.plan import plan as make_plan
from esplan.desired import Desired
from esplan.errors import ServerError
from esplan.model import Alias, Finish, Migrate, Naming, State

if TYPE_CHECKING:
    from esplan.plan import Plan

SETTINGS = {"index.number_of_shards": "1", "index.number_of_replicas": "0"}
QUERY = {"range": {"year": {"lt": 5}}}


def planned(cluster: Any, query: Any = QUERY, *, delete_old: bool = True) -> Plan:
    year = {"properties": {"year": {"type": "integer"}}}
    cluster.make("f_green", documents=3, settings=SETTINGS, mappings=year, aliases={"f": {}})
    body = normalize.body(SETTINGS, {"properties": {"year": {"type": "keyword"}}})
    naming = Naming("f_{color}", ("green", "blue"))
    finish = Finish(delete_old=delete_old)
    one = Alias("f", body=body, naming=naming, finish=finish, migrate=Migrate(query=query))
    now = datetime(2026, 1, 2, tzinfo=UTC)
    return make_plan(cluster, Desired(State({}, {"f": one}), "0" * 64), now=now)


def test_what_a_query_leaves_out_is_counted(cluster: Any) -> None:
    made, asked = planned(cluster), []
    real = cluster.read

    def read(path: str, params: Any = None, body: Any = None, **how: Any) -> Any:
        asked.append(body)
        return real(path, params, body, **how)

    cluster.read = read
    found = remainder.noted(cluster, made)
    assert found.warnings[-1] == (
        "alias.f: 3 documents of f_green that migrate.query leaves out will be deleted with it "
        "(finish.delete_old)"
    )
    assert found.digest != made.digest
    assert asked[-1]["query"] == {"bool": {"must_not": [QUERY]}}
    cluster.indices["f_green"]["documents"] = 0
    assert remainder.noted(cluster, made) is made, "nothing is left out"


@pytest.mark.parametrize("parts", [{"query": None}, {"delete_old": False}])
def test_nobody_counts_where_nothing_goes(cluster: Any, parts: dict[str, Any]) -> None:
    made = planned(cluster, **parts)
    cluster.asked.clear()
    assert remainder.noted(cluster, made) is made
    assert cluster.asked == []


def test_where_nobody_may_count(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = planned(cluster)

    def refuse(*_: Any) -> Any:
        raise ServerError("no", status=403)

    monkeypatch.setattr(remainder.checksum, "count", refuse)
    said = "an unknown number of documents of f_green"
    assert said in remainder.noted(cluster, made).warnings[-1]
