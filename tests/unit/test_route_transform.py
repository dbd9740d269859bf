"""When a transform counts, and what the steps of a copy then are."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from esplan import diff, normalize, rejected, transform
from esplan.model import Alias, Body, Index, Migrate, Naming, State, Verify
from esplan.route import Context, Routed, route
from esplan.route.rules import UNTRANSFORMED
from esplan.steps import protect_index, reindex

if TYPE_CHECKING:
    from esplan.plan import Step

MIGRATE = Migrate(script={"source": "ctx._source.a = 1", "params": {"p": 1}}, sample=2)
DIGEST = transform.digest(MIGRATE)


def body(settings: Any = None, **fields: Any) -> Body:
    return normalize.body(settings or {}, {"properties": fields})


def live_state(index: Body, **parts: Any) -> State:
    one = Index("f_green", index, {"f": {}}, uuid="u", documents=3, size=9)
    one = replace(one, **parts)
    return State({one.name: one}, {"f": Alias("f", {}, (one.name,), index)})


def alias(wanted: Body, **parts: Any) -> Alias:
    naming = Naming("f_{color}", ("green", "blue"))
    return replace(Alias("f", body=wanted, naming=naming), **parts)


def routed(desired: Alias, live: State) -> Routed:
    (comparison,) = diff.compare(State(aliases={desired.name: desired}), live)
    return route(comparison, Context("0123456789abcdef", live, date(2026, 1, 2)))


def kinds(found: Routed) -> list[str]:
    return [one.kind for one in found.steps]


def step(found: Routed, kind: str) -> Step:
    return next(one for one in found.steps if one.kind == kind)


ONE = body(a={"type": "long"})
SORTED = body({"sort.field": "a"}, a={"type": "long"})


def meta(found: Any) -> Any:
    sent = (step(found, "create_index").request or {})["body"]
    return sent["mappings"]["_meta"]["esplan"]


def test_documents_that_were_not_through_it_are_copied() -> None:
    found = routed(alias(ONE, migrate=MIGRATE), live_state(ONE))
    assert (found.change.action, found.change.route) == ("replace", "reindex")
    (reason,) = found.change.reasons
    assert (reason.path, reason.before, reason.after) == ("migrate", None, DIGEST)
    assert reason.rule == UNTRANSFORMED
    assert {"create_index", "reindex", "verify", "update_aliases"} <= set(kinds(found))
    assert meta(found)["transform"] == DIGEST


def test_another_transform_is_another_copy() -> None:
    found = routed(alias(ONE, migrate=MIGRATE), live_state(ONE, transform="0" * 32))
    assert [(one.path, one.before) for one in found.change.reasons] == [("migrate", "0" * 32)]


@pytest.mark.parametrize(
    ("migrate", "remembered"), [(MIGRATE, DIGEST), (Migrate(), DIGEST), (Migrate(), "")]
)
def test_no_difference(migrate: Migrate, remembered: str) -> None:
    found = routed(alias(ONE, migrate=migrate), live_state(ONE, transform=remembered))
    assert found.change.action == "no-op"


def test_what_is_sent() -> None:
    migrate = replace(MIGRATE, query={"q": 1}, pipeline="p", drop=("d",))
    found = routed(alias(ONE, migrate=migrate, verify=Verify(ignore=("x",))), live_state(ONE))
    copy, proof = step(found, "reindex"), step(found, "verify")
    sent = (copy.request or {})["body"]
    assert sent["source"] == {"index": "f_green", "query": {"q": 1}}
    assert sent["dest"]["pipeline"] == "p"
    assert sent["script"] == transform.script(migrate)
    assert copy.arguments["transform"] == transform.digest(migrate)
    assert copy.arguments["sample"] == 2
    assert copy.description == (
        "copy the documents that match migrate.query of f_green, through drop, the script, the "
        "pipeline p"
    )
    script = {name: sent["script"][name] for name in ("source", "params")}
    reading = {"script": script, "query": {"q": 1}, "ignore": ["x"]}
    assert proof.arguments["reading"] == reading
    assert proof.description.endswith(
        "equals f_green as the transform makes it, by a keyed checksum of every document, without x"
    )


def test_without_a_transform_nothing_is_said_of_one() -> None:
    found = routed(alias(SORTED), live_state(ONE))
    assert step(found, "reindex").arguments == {
        "source": "f_green",
        "target": step(found, "reindex").arguments["target"],
    }
    assert set(step(found, "verify").arguments) == {"source", "target", "method"}
    assert "transform" not in meta(found)
    assert "migrate" not in found.change.after


def test_the_same_transform_is_not_run_again() -> None:
    live = live_state(ONE, transform=DIGEST)
    found = routed(alias(SORTED, migrate=MIGRATE), live)
    assert "script" not in (step(found, "reindex").request or {})["body"]
    assert "transform" not in step(found, "reindex").arguments
    assert "reading" not in step(found, "verify").arguments
    assert meta(found)["transform"] == DIGEST
    assert (
        "alias.f: the documents of f_green went through this transform (migrate) already, and are "
        "copied as they are"
    ) in found.warnings


def test_what_documents_went_through_is_not_forgotten_without_the_file() -> None:
    assert meta(routed(alias(SORTED), live_state(ONE, transform=DIGEST)))["transform"] == DIGEST


def test_the_first_index_remembers_it() -> None:
    assert meta(routed(alias(ONE, migrate=MIGRATE), State()))["transform"] == DIGEST


# `_meta`


def test_it_is_no_part_of_the_mark() -> None:
    mappings = {"_meta": {"esplan": {"plan": "p", "protect": True, "transform": DIGEST}, "own": 1}}
    assert normalize.mark(mappings) == {"plan": "p"}
    assert normalize.transformed(mappings) == DIGEST
    assert normalize.transformed({"_meta": {"esplan": {"transform": 7}}}) == ""
    assert normalize.meta(mappings, {"plan": "p"}, protect=True, transform=DIGEST) == {
        "own": 1,
        "esplan": {"plan": "p", "protect": True, "transform": DIGEST},
    }


def test_other_changes_of_meta_keep_it() -> None:
    (index,) = live_state(ONE, transform=DIGEST, mark={"plan": "p"}).indices.values()
    sent = protect_index.describe("alias.f", index, protect=True).request or {}
    assert sent["body"]["_meta"]["esplan"]["transform"] == DIGEST
    wanted = Body(mappings={**ONE.mappings, "_meta": {"team": "x"}})
    live = live_state(ONE, transform=DIGEST, mark={"plan": "p"})
    put = step(routed(alias(wanted, migrate=MIGRATE), live), "put_mapping").request or {}
    assert put["body"]["_meta"]["esplan"] == {"plan": "p", "transform": DIGEST}


# The step


def run(**parts: Any) -> Any:
    cluster = SimpleNamespace(read=lambda *_a, **_k: {"nodes": {}})
    base = {"cluster": cluster, "finished": set(), "opaque_id": lambda _step: "x"}
    return SimpleNamespace(**{**base, **parts})


def test_only_the_finished_task_tells_what_a_transform_left() -> None:
    copy = replace(
        step(routed(alias(ONE, migrate=MIGRATE), live_state(ONE)), "reindex"), id="03-reindex"
    )
    assert not reindex.probe(copy, run())
    assert reindex.probe(copy, run(finished={"03-reindex"}))


def test_what_was_left_out_is_in_the_evidence() -> None:
    copy = step(routed(alias(ONE, migrate=MIGRATE), live_state(ONE)), "reindex")
    response = {"total": 9, "created": 6, "noops": 2, "deleted": 1, "took": 5000, "failures": []}
    found = reindex._result(copy, response)
    assert found["left_out"] == 3
    assert found["measured"]["documents"] == 9
    status = {"task": {"status": response}, "completed": True}
    assert reindex.position(status, []) == (9, 9)


def test_a_script_that_fails_says_where() -> None:
    error = {
        "reason": "runtime error",
        "caused_by": {"reason": "no field"},
        "script_stack": ["java.lang.X", "ctx._source.a\n  = b", "      ^---- HERE"],
    }
    assert rejected.reason(error) == "runtime error: no field, at: ctx._source.a = b"
    assert rejected.reason({"reason": "x"}) == "x"
