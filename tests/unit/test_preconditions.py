from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from esplan import checks, checksum, diff, disk, normalize, preconditions
from esplan.errors import Incomplete, Refused
from esplan.plan import Change, Plan, Step
from esplan.route.context import unchanged
from esplan.run import Run

MAPPINGS = {"properties": {"a": {"type": "long"}}}
AFTER = {"settings": {}, "mappings": normalize.canonical_mappings(MAPPINGS), "options": {}}
PLAN = Plan(
    "0123456789abcdef",
    "",
    "",
    {},
    "",
    (Change("alias.a", "replace", "reindex", "old", "new", (), None, AFTER),),
)


def why(cluster: Any, *checks: dict[str, Any], proofs: dict[str, Any] | None = None) -> str:
    """What `require` refuses; empty when everything holds."""
    step = Step("block_writes", "switch", "alias.a", "do it", preconditions=checks, id="01-x")
    run = Run(cluster, PLAN, SimpleNamespace(), SimpleNamespace(), proofs=proofs or {})  # type: ignore[arg-type]  (never used here)
    run.drained["old"] = 1
    try:
        preconditions.require(step, run)
    except Refused as refused:
        return refused.why
    return ""


@pytest.fixture
def live(cluster: Any) -> Any:
    cluster.make("old", uuid="u", mappings=MAPPINGS, aliases={"a": {}})
    return cluster


def test_a_step_without_preconditions_asks_nothing() -> None:
    assert why(None) == ""


def test_absent(live: Any) -> None:
    assert why(live, {"check": "absent", "name": "new"}) == ""
    assert why(live, {"check": "absent", "name": "old"}) == "the index old exists already"
    assert why(live, {"check": "absent", "name": "a"}) == "a is an alias on old"


FITS = {"check": "fits", "bytes": 300, "shard": 100, "low": False}


def test_fits(live: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at anew: the plan's own look is of no matter."""
    assert why(live, FITS) == "", "who may not see the disks is not held up"
    total = {"total_in_bytes": 1000, "available_in_bytes": 299}
    node = {"name": "n", "roles": ["data"], "fs": {"total": total}}
    monkeypatch.setitem(live.READS, "_nodes", lambda *_: {"nodes": {"x": node}})
    assert why(live, FITS) == (
        "300 B of disk are needed, and the data nodes take 299 B before their high watermark "
        "(299 B are free)"
    )
    total["available_in_bytes"] = 300
    assert why(live, FITS) == ""


def test_the_remedy_of_a_full_disk_is_not_another_plan(
    live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "shortage", lambda *_: "it is full")
    step = Step("create_index", "prepare", "alias.a", "do it", preconditions=(FITS,), id="01-x")
    run = Run(live, PLAN, SimpleNamespace(), SimpleNamespace())  # type: ignore[arg-type]
    with pytest.raises(Refused, match="is not safe any more") as refused:
        preconditions.require(step, run)
    assert refused.value.why == "it is full"
    assert refused.value.remedy.startswith("make room on the disks")
    both = replace(step, preconditions=(FITS, {"check": "index", "index": "x", "uuid": "u"}))
    with pytest.raises(Refused, match="is not safe any more") as refused:
        preconditions.require(both, run)
    assert refused.value.why == "it is full; the index x is gone"
    assert refused.value.remedy.endswith("make a new plan")


def test_serves(live: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    check = {"check": "serves", "index": "old"}
    assert why(live, check) == ""
    assert why(live, {"check": "serves", "index": "x"}) == "the index x is gone"
    monkeypatch.setitem(live.READS, "_cluster", lambda *_: {"status": "red"})
    with pytest.raises(Incomplete, match="old is red: not all of it is there"):
        why(live, check)
    states = iter([{"status": "red"}, {"status": "yellow"}, {"status": "yellow"}])
    monkeypatch.setitem(live.READS, "_cluster", lambda *_: next(states))
    assert why(live, check) == "", "its shards come back"
    live.make("old", settings={"index.verified_before_close": "true"})
    assert why(live, check) == "old is closed"


def test_unwritten(live: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        checksum, "marks", lambda _cluster, names: {name: {"0": 7} for name in names}
    )
    check = {"check": "unwritten", "index": "old", "marks": {"0": 7}}
    assert why(live, check) == ""
    said = "old was written to since the plan was made: wait until its load has ended"
    assert why(live, check | {"marks": {"0": 6}}) == said


def test_index(live: Any) -> None:
    assert why(live, {"check": "index", "index": "old", "uuid": "u"}) == ""
    assert "another index now (UUID u)" in why(
        live, {"check": "index", "index": "old", "uuid": "v"}
    )
    assert why(live, {"check": "index", "index": "x", "uuid": "u"}) == "the index x is gone"
    assert why(live, {"check": "index", "index": "a", "uuid": "u"}) == "the index a is gone"


def test_body(live: Any) -> None:
    body = normalize.body({}, MAPPINGS)
    check = unchanged("old", body, diff.projected(body, body), "settings", "mappings")
    assert why(live, check) == ""
    live.indices["old"]["mappings"]["properties"]["dynamic"] = {"type": "long"}
    live.indices["old"]["settings"]["index.number_of_replicas"] = "3"
    assert why(live, check) == "", "what the plan does not name is no matter"
    live.indices["old"]["mappings"]["properties"]["a"] = {"type": "ip"}
    assert why(live, check) == "the settings and mappings of old have changed"
    check = unchanged("old", body, diff.projected(body, body), "settings")
    assert why(live, check) == "", "the step depends on the settings alone"


def test_the_body_of_an_exact_mapping(live: Any) -> None:
    body = normalize.body({}, MAPPINGS, exact=True)
    check = unchanged("old", body, diff.projected(body, body), "mappings")
    assert why(live, check) == ""
    live.indices["old"]["mappings"]["properties"]["dynamic"] = {"type": "long"}
    assert why(live, check) == "the mappings of old have changed"


def test_ours(live: Any) -> None:
    check = {"check": "ours", "index": "new"}
    assert why(live, check) == "the index new is gone"
    live.make("new")
    assert why(live, check) == "new is not the index that this plan made"
    mark = {"address": "alias.a", "plan": PLAN.id}
    live.make("new", mappings={"_meta": {"esplan": mark}})
    assert why(live, check) == ""
    live.make("new", mappings={"_meta": {"esplan": {**mark, "plan": "another"}}})
    assert why(live, check) == "new is not the index that this plan made"


def test_alias(live: Any) -> None:
    assert why(live, {"check": "alias", "alias": "a", "on": ["old"]}) == ""
    assert why(live, {"check": "alias", "alias": "none", "on": []}) == ""
    found = why(live, {"check": "alias", "alias": "a", "on": []})
    assert found == "the alias a is on old, not on none"
    found = why(live, {"check": "alias", "alias": "none", "on": ["old"]})
    assert found == "the alias none is on no index, not on old"


def test_write_blocked(live: Any) -> None:
    check = {"check": "write_blocked", "index": "old"}
    assert "the write block on old was lifted" in why(live, check)
    live.indices["old"]["settings"]["index.blocks.write"] = "true"
    assert why(live, check) == ""


def test_unaliased(live: Any) -> None:
    check = {"check": "unaliased", "index": "old"}
    assert why(live, check) == "old still serves a"
    live.indices["old"]["aliases"] = {}
    assert why(live, check) == ""


def test_proven(live: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    check = {"check": "proven", "source": "old", "target": "new"}
    assert why(live, check) == "new was not proven equal to old"
    marks: dict[str, Any] = {"old": {"0": 1}, "new": {"0": 1}}
    monkeypatch.setattr(checksum, "marks", lambda *_: {"old": {"0": 1}, "new": {"0": 1}})
    assert why(live, check, proofs={"alias.a": {"marks": marks}}) == ""
    assert why(live, check, proofs={"alias.b": {"marks": marks}}) != "", "another object's proof"
    marks["old"] = {"0": 0}
    found = why(live, check, proofs={"alias.a": {"marks": marks}})
    assert found == "old or new was written to after the proof"
    then = {**check, "then": True}
    assert "old was written to after" in why(live, then, proofs={"alias.a": {"marks": marks}})
    marks |= {"old": {"0": 1}, "new": {"0": 0}}
    assert why(live, then, proofs={"alias.a": {"marks": marks}}) == "", "clients write to the new"
    assert why(live, {**check, "then": True}) == "new was not proven equal to old"


@pytest.fixture
def merged(live: Any) -> Any:
    """An index to force merge, at the mark 7."""
    live.make("new", settings={"index.number_of_shards": "1"}, mark=7)
    return live


WRITTEN = "new was written to since the plan was made: wait until its load has ended"


def test_idle_since_the_plan(merged: Any) -> None:
    check: Any = {"check": "unwritten", "index": "new"}
    assert why(merged, {**check, "marks": {"0": 7}}) == ""
    assert why(merged, {**check, "marks": {"0": 6}}) == WRITTEN
    assert why(merged, {**check, "marks": {"0": 7, "1": 7}}) == WRITTEN
    merged.written.add("new")
    assert why(merged, {**check, "marks": {"0": 7}}) == WRITTEN


def test_ours_by_the_plans_guard(live: Any) -> None:
    """A resized index has its source's mapping, and so the mark of the plan that made that."""
    mark = {"address": "alias.a", "plan": "another"}
    live.make("new", mappings={"_meta": {"esplan": mark}}, aliases={"guard": {}})
    check = {"check": "ours", "index": "new"}
    assert why(live, {**check, "guard": "guard"}) == ""
    foreign = "new is not the index that this plan made"
    assert why(live, {**check, "guard": "another-guard"}) == foreign
    assert why(live, check) == foreign


def test_the_refusal_says_which_step_and_what_to_do(live: Any) -> None:
    step = Step(
        "x", "switch", "alias.a", "do it", None, ({"check": "absent", "name": "a"},), id="1"
    )
    run = Run(live, PLAN, SimpleNamespace(), SimpleNamespace())  # type: ignore[arg-type]  (never used here)
    with pytest.raises(Refused, match=r"step 1 \(do it\) is not safe any more") as refused:
        preconditions.require(step, run)
    assert "make a new plan" in refused.value.remedy


def test_every_reason_is_named_at_once(live: Any) -> None:
    found = why(
        live,
        {"check": "absent", "name": "old"},
        {"check": "index", "index": "x", "uuid": "u"},
    )
    assert found == "the index old exists already; the index x is gone"


def test_every_check_of_the_plan_schema_has_a_function() -> None:
    from esplan import schema

    step = schema.load("plan")["properties"]["steps"]["items"]
    step = step if "properties" in step else schema.load("plan")["$defs"]["step"]
    check = step["properties"]["preconditions"]["items"]
    if "check" in check.get("properties", {}) and "enum" in check["properties"]["check"]:
        assert set(check["properties"]["check"]["enum"]) == set(checks.CHECKS)
