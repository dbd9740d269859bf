"""commands/sample.py: how a plan is judged by what became of a few documents."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from esplan import normalize, planfile
from esplan.checksum.cluster_hash import NOTHING
from esplan.commands import sample
from esplan.errors import EsplanError, OutcomeUnknown, Refused, ServerError
from esplan.model import Body, Index, Migrate, Verify
from esplan.oracle.rehearsal import Rehearsal, throwaway_body
from esplan.oracle.throwaway import OLD, SAMPLE
from esplan.plan import Change, Plan, ordered
from esplan.steps import create_index, reindex, verify

OLD_INDEX = Index("f_green", Body(), {"f": {}}, uuid="u", documents=3, size=9)
SETTINGS_OF_ANY = {"number_of_shards": "5"}
SETTINGS = {"index.number_of_shards": "5", "index.auto_expand_replicas": "0-1"}
SCRIPTED = Migrate(script={"source": "x", "params": {}})
CLUSTER = {"name": "c", "uuid": "u", "version": "8.16.1", "distribution": "elasticsearch"}


def made(migrate: Migrate, how: Verify | None = None) -> Plan:
    body = Body(SETTINGS, {"properties": {}})
    steps = [
        create_index.describe("alias.f", "p", "f_blue", body, {}, filled=True, transform="t"),
        reindex.describe("alias.f", OLD_INDEX, "guard", migrate, ()),
        verify.describe("alias.f", OLD_INDEX, "f_blue", how or Verify(), (), migrate=migrate),
    ]
    change = Change("alias.f", "replace", "reindex", "f_green", "f_blue", (), {}, {})
    whole = Plan("0" * 16, "now", "0", CLUSTER, "0" * 64, (change,), ordered(steps))
    return planfile.sealed(whole)


class Server:
    """Three documents, whose copies are as the script makes them.

    `fails`: a part of a path, and the error that a request of it gets.
    """

    def __init__(self, fails: dict[str, EsplanError] | None = None, **counts: int) -> None:
        self.fails, self.counts, self.log = fails or {}, counts, []
        self.rows = {"f_green": ["1", "a", "2", "b"], "": ["1", "a", "2", "b"]}
        self.shown = {"f_green": [source(1), source(2)], "": [source(1), source(2)]}
        self.left: dict[str, Any] = {}

    def _fail(self, path: str) -> None:
        for part, error in self.fails.items():
            if part in path:
                raise error

    def read(self, path: str, params: Any = None, body: Any = None, **_: Any) -> Any:
        del params
        self._fail(path)
        if path.startswith("/_ingest"):
            return {"p": {}} if path.endswith("/p") else None
        if path == "/esplan-oracle-*":
            return {name: throwaway(MINUTE * 60) for name in self.names} | self.left
        if path.endswith("_count"):
            return {"count": 1}
        if body is None:
            return {path: {"settings": {"index": SETTINGS_OF_ANY}}}
        asked = body.get("aggs")
        if asked:
            reading = asked["hash"]["scripted_metric"]["params"].get("reading", {})
            if reading and body["query"] == NOTHING.query() and self.fails.get("script"):
                raise self.fails["script"]
            given = self.shown if reading.get("show") else self.rows
            return {
                "aggregations": {"hash": {"value": given["f_green" if "green" in path else ""]}},
                "_shards": {"total": 5, "successful": 5, "failed": 0},
            }
        hits = [{"_id": n, "_seq_no": int(n), "_source": {}} for n in ("1", "2")]
        return {"hits": {"hits": hits}}

    def change(
        self, method: str, path: str, _params: Any = None, body: Any = None, **_: Any
    ) -> Any:
        self._fail(path)
        self.log.append((method, path, body))
        if path == "/_reindex":
            counts = {"created": 2, "noops": 0, "deleted": 0, "version_conflicts": 0}
            return {**counts, "failures": [], **self.counts}
        return {}

    @property
    def names(self) -> list[str]:
        return [path[1:] for method, path, _ in self.log if method == "PUT"]


MINUTE = 60_000


def throwaway(created: int, **mark: Any) -> Any:
    settings = {"index": {"creation_date": str(created)}}
    return {"settings": settings, "mappings": {"_meta": {"esplan": {**SAMPLE, **mark}}}}


def source(number: int, **more: Any) -> Any:
    return {"_id": str(number), "_routing": None, "_source": {"n": number, **more}}


def quiet(migrate: Migrate = SCRIPTED) -> Migrate:
    return replace(migrate, sample=0)


def forbidden(type_: str = "security_exception") -> ServerError:
    return ServerError("unauthorized for user", status=403, type_=type_)


def refusal(server: Server, plan: Plan) -> Refused:
    with pytest.raises(Refused) as caught:
        sample.tried(server, plan)
    assert caught.value.what.startswith("alias.f: ")
    return caught.value


def test_without_a_transform_nothing_is_asked() -> None:
    server, plan = Server({"": EsplanError("asked")}), made(Migrate())
    assert sample.tried(server, plan) is plan


def test_a_transform_that_is_as_it_should_be() -> None:
    server, plan = Server(), made(quiet())
    found = sample.tried(server, plan)
    (change,) = found.changes
    assert change.sample == {
        "documents": 2,
        "taken": 2,
        "left_out": 0,
        "rejected": 0,
        "rejections": [],
        "examples": [],
        "proven": True,
    }
    assert found.warnings == ()
    assert found.steps == plan.steps
    assert found.digest == planfile.sealed(found).digest != plan.digest
    assert [one[0] for one in server.log] == ["PUT", "POST", "DELETE"]
    (name,) = server.names
    assert server.log[-1][1] == f"/{name}"
    body = server.log[1][2]
    assert body["dest"] == {"index": name, "op_type": "create"}
    assert body["script"]["source"] == "x"


def test_the_plan_with_a_sample_is_read_again(tmp_path: Any) -> None:
    found = sample.tried(Server(), made(quiet()))
    planfile.write(found, tmp_path / "plan")
    assert planfile.read(tmp_path / "plan") == found


def test_the_throwaway_is_small() -> None:
    definition = {
        "settings": {**SETTINGS, "index.number_of_replicas": "3"},
        "mappings": {"_meta": {}},
    }
    small = {"index.number_of_shards": "1", "index.number_of_replicas": "0"}
    assert throwaway_body(definition) == Body(small, {})
    parted = {"index.routing_partition_size": "2", "index.number_of_shards": "5"}
    found = throwaway_body({"settings": parted, "mappings": {}}).settings
    assert found == {**parted, "index.number_of_replicas": "0"}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (forbidden(), "unauthorized for user"),
        (forbidden("other"), "unauthorized for user"),
        (OutcomeUnknown("no answer", why="reset"), "no answer"),
    ],
)
def test_who_may_not_try_gets_a_warning(error: EsplanError, said: str) -> None:
    found = sample.tried(Server({"esplan-oracle-": error}), made(quiet()))
    (warning,) = found.warnings
    assert warning == f"alias.f: the transform was not tried on a sample of documents: {said}"
    assert found.changes[0].sample == {}


def test_a_pipeline_that_is_not_there() -> None:
    found = refusal(Server(), made(Migrate(pipeline="q")))
    assert found.what == "alias.f: there is no ingest pipeline q"
    assert "PUT /_ingest/pipeline/q" in found.remedy


def test_a_pipeline_that_may_not_be_read() -> None:
    plan = made(quiet(Migrate(pipeline="q")))
    (warning,) = sample.tried(Server({"_ingest": forbidden()}), plan).warnings
    assert "whether there is a pipeline q is not known" in warning


def test_a_difference_names_the_fields() -> None:
    server = Server()
    server.rows[""] = ["1", "a", "2", "other"]
    server.shown[""] = [source(1), source(2, t={"at": 1}, l=[{"x": 1}])]
    server.shown["f_green"] = [source(1), source(2, t={"at": 2, "same": 1}, l=[{"x": 2}])]
    found = refusal(server, made(quiet()))
    assert "the proof of the copy would not hold: 1 or more of 2 sampled documents" in found.what
    assert found.why == "2: l.x, t.at, t.same"
    assert "verify.ignore" in found.remedy
    assert server.log[-1][0] == "DELETE"


def test_documents_that_are_not_on_both_sides() -> None:
    server = Server()
    server.rows[""] = ["1", "a", "x2", "b"]
    server.shown[""] = [source(1), {**source(2), "_id": "x2"}]
    why = refusal(server, made(quiet())).why
    assert why.splitlines() == ["2: is only in the source", "x2: is only in the copy"]


def test_a_script_that_the_proof_cannot_run_is_left_out_of_it() -> None:
    error = ServerError("no method", status=400)
    found = sample.tried(Server({"script": error}), made(quiet(), Verify(ignore=("x",))))
    (warning,) = found.warnings
    assert "the proof cannot run the script, and compares documents as they were" in warning
    assert "no method" in warning
    proof = found.steps[-1]
    assert proof.arguments["reading"] == {"ignore": ["x"]}
    assert "as the transform makes it" not in proof.description
    assert found.steps[1].request == made(quiet()).steps[1].request


def test_rejected_documents_are_a_warning() -> None:
    failure = {"id": "2", "cause": {"reason": "bad", "caused_by": {"reason": "number"}}}
    server = Server(created=1)
    server.counts["failures"] = [failure]  # type: ignore[assignment]
    server.rows[""] = ["1", "a"]
    found = sample.tried(server, made(quiet()))
    (warning,) = found.warnings
    assert "1 of 2 sampled documents were rejected, and apply will fail on them" in warning
    assert warning.endswith(": 2: bad: number")
    assert found.changes[0].sample["rejections"] == [{"id": "2", "reason": "bad: number"}]


def test_a_copy_that_is_not_allowed_rejects_no_document() -> None:
    """Seen: each sampled document was said to be rejected, and that apply would fail on it."""
    found = sample.tried(Server({"/_reindex": forbidden()}), made(quiet()))
    (warning,) = found.warnings
    assert "the transform was not tried on a sample of documents: unauthorized for user" in warning


@pytest.mark.parametrize(("expect", "fine"), [((), False), (({"count": 1},), True)])
def test_counting_needs_a_number_where_documents_are_left_out(expect: Any, *, fine: bool) -> None:
    server, plan = Server(created=1, noops=1), made(quiet(), Verify("count", expect=expect))
    if fine:
        assert sample.tried(server, plan).changes[0].sample["left_out"] == 1
        return
    found = refusal(server, plan)
    assert "verify.method is count, and the numbers" in found.what
    assert "expect: [{count: N}]" in found.remedy


def test_a_query_of_an_expectation_is_looked_at() -> None:
    how = Verify(expect=({"query": {"nonsense": {}}, "count": 1},))
    server = Server({"_count": ServerError("unknown query", status=400)})
    assert refusal(server, made(quiet(), how)).why == "unknown query"


def test_what_is_written_meanwhile_is_tried_again_and_then_let_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from esplan.oracle.rehearsal import SIZES, Stage

    tries = []

    def once(_self: Any, size: int) -> Rehearsal:
        tries.append(size)
        return Rehearsal(documents=size, differing=["1: a"], settled=False)

    monkeypatch.setattr(Stage, "_once", once)
    found = sample.tried(Server(), made(quiet()))
    assert tries == list(SIZES)
    assert "the sampled documents were written to meanwhile" in found.warnings[0]
    assert found.changes[0].sample["proven"] is False


def test_what_a_killed_run_left_is_deleted_with_its_documents() -> None:
    server = Server()
    server.left = {
        "esplan-oracle-old": throwaway(MINUTE * 60 - OLD - 1),
        "esplan-oracle-new": throwaway(MINUTE * 60 - OLD + 1),
        "esplan-oracle-foreign": {**throwaway(0), "mappings": {}},
    }
    sample.tried(server, made(quiet()))
    deleted = [path for method, path, _ in server.log if method == "DELETE"]
    assert deleted == ["/esplan-oracle-old", f"/{server.names[0]}"]
    assert normalize.is_throwaway(server.left["esplan-oracle-old"]["mappings"])


def test_all_refusals_at_once() -> None:
    plan = made(Migrate(pipeline="q"))
    steps = [*plan.steps, *(replace(one, address="alias.g") for one in plan.steps)]
    both = replace(plan, steps=ordered(steps))
    with pytest.raises(Refused, match="2 copies would not do what the files say") as caught:
        sample.tried(Server(), both)
    assert "alias.f: there is no ingest pipeline q" in caught.value.why
    assert "alias.g: there is no ingest pipeline q" in caught.value.why
