"""Transforms of a copy on a real server.

What becomes of every document is written down here in plain Python, and compared with what a client
reads. Nothing of esplan's own proof is used for that.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from esplan.errors import ServerError
from esplan.model import Body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine import Engine
    from world import World


pytestmark = pytest.mark.live

COUNT = 400
ANY = {"dynamic": "true", "properties": {"number": {"type": "integer"}}}

Documents = dict[str, dict[str, Any]]


@pytest.fixture(autouse=True)
def _without_painless(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the cluster runs no scripts, each plan that needs one must be refused: then the rest of
    the test has nothing to look at."""
    if engine.has_scripts:
        return
    monkeypatch.setitem(globals(), "desire", refused_without_painless)


def refused_without_painless(world: World, migrate: Any, verify: Any = None, **parts: Any) -> None:
    desired(world, migrate, verify, **parts)
    needs = {"script", "rename", "drop"} & set(migrate)
    if needs and world.everything() and "_index" not in str(migrate):
        assert "does not run Painless" in plan(world, code=4).stderr
        assert throwaways(world) == []
        pytest.skip("the cluster runs no Painless, and the plan was refused for that")


def person(number: int) -> dict[str, Any]:
    return {
        "number": number,
        "first": f"Anna {number}",
        "last": "Müller",
        "writer": {"name": f"w{number}", "at": {"city": "Bern"}},
        "parts": [{"old": f"o{number}", "kept": 1}, {"old": "x"}, {"kept": 2}],
        "a.dotted": {"name": True},
        "price": 12.5,
        "none": None,
    }


def people(count: int = COUNT) -> Documents:
    return {str(number): person(number) for number in range(count)}


def seed(world: World, documents: Documents, **settings: Any) -> None:
    """An index of the old definition behind the alias, with these documents."""
    body = {
        "settings": {"number_of_shards": 2, "number_of_replicas": 0, **settings},
        "mappings": {"properties": {"number": {"type": "integer"}}},
        "aliases": {world.name: {}},
    }
    world.cluster.change("PUT", f"/{world.green}", None, body)
    world.documents = documents
    world.load(world.green, documents)


def desired(world: World, migrate: Any, verify: Any = None, **properties: Any) -> None:
    world.desire(
        migrate=migrate,
        settings={"number_of_replicas": 0},
        properties={"number": {"type": "integer"}, **properties},
        **({"verify": verify} if verify else {}),
    )


desire = desired


def plan(world: World, *options: str, code: int = 0) -> Any:
    desired = str(world.folder / "desired.json")
    return world.esplan("plan", "-d", desired, "-o", str(world.plan), *options, code=code)


def read_plan(world: World) -> Any:
    return json.loads(world.plan.read_text())


def throwaways(world: World) -> list[str]:
    found = world.cluster.read("/esplan-oracle-*", {"expand_wildcards": "all"})
    return sorted(found or {})


def assert_no_change(world: World) -> None:
    again = world.esplan("plan", "-d", str(world.folder / "desired.json"), "--detailed-exitcode")
    assert "No changes" in again.stdout


def migrated(world: World, expected: Documents, verify: Any = None, **migrate: Any) -> str:
    """Plan, apply, and compare every document with what plain Python says. What the plan said."""
    desire(world, migrate, verify)
    shown = plan(world).stdout
    assert throwaways(world) == []
    world.apply()
    world.documents = expected
    world.assert_on(world.blue)
    assert_no_change(world)
    return str(shown)


def changed(documents: Documents, change: Callable[[dict[str, Any]], None]) -> Documents:
    found = copy.deepcopy(documents)
    for one in found.values():
        change(one)
    return found


# Scripts


def test_a_script_computes_a_field_from_others_and_params(world: World) -> None:
    documents = people()
    seed(world, documents)

    def full(one: dict[str, Any]) -> None:
        one["full"] = f"{one['first']}, {one['last']}"

    source = "ctx._source.full = ctx._source.first + params.between + ctx._source.last"
    shown = migrated(
        world,
        changed(documents, full),
        script={"lang": "painless", "source": source, "params": {"between": ", "}},
    )
    assert "the documents that are there have not been through this transform" in shown
    assert "tried on 100 random documents: 100 taken; the proof held on them" in shown
    assert '"full": "Anna ' in shown


def test_a_script_renames_splits_and_has_functions_of_its_own(world: World) -> None:
    documents = people()
    seed(world, documents)

    def split(one: dict[str, Any]) -> None:
        one["words"] = one.pop("first").split(" ")
        one["writer"]["place"] = one["writer"].pop("at")["city"]
        one["half"] = one["number"] / 2
        one["when"] = "1970-01-01T00:00:00.007Z"

    source = """
      // a function { whose name the proof has, too
      def absorb(Map from, String name) { String brace = '}'; return from.remove(name) }
      ctx._source.words = absorb(ctx._source, 'first').splitOnToken(' ');
      ctx._source.writer.place = absorb(ctx._source.writer, 'at').city;
      ctx._source.half = ctx._source.number / 2.0f;
      ctx._source.when = new Date(7L)
    """
    migrated(world, changed(documents, split), script={"source": source})


def test_values_that_only_a_script_makes(world: World, engine: Engine) -> None:
    """What the server writes of them is what the proof expects of them."""
    documents = people(30)
    seed(world, documents, **{"mapping.total_fields.limit": 100})
    values = {
        "0.1f": 0.1,
        "new BigDecimal('1.10')": 1.1,
        "new BigInteger('99999999999999999999')": 99999999999999999999,
        "(byte) 1": 1,
        "(short) 2": 2,
        "new HashSet(['a'])": ["a"],
        "new int[] {1}": [1],
        "new long[] {1L}": [1],
        "new float[] {0.1f}": [0.1],
        "new double[] {1}": [1.0],
        "new boolean[] {true}": [True],
        "new def[] {['a': 1]}": [{"a": 1}],
        "new Date(5L)": "1970-01-01T00:00:00.005Z",
        "Instant.ofEpochMilli(5L)": "1970-01-01T00:00:00.005Z",
        "ZonedDateTime.parse('2020-01-01T00:00:00+02:00')": "2020-01-01T00:00:00.000+02:00",
        "LocalDate.parse('2020-01-01')": "2020-01-01",
    }
    if engine.name == "opensearch 2":  # cannot write them: the copy itself ends
        del values["new boolean[] {true}"]
    made = [f"ctx._source.made.v{at} = {one};" for at, one in enumerate(values)]
    script = {"source": "\n".join(["ctx._source.made = [:];", *made])}
    found = {f"v{at}": one for at, one in enumerate(values.values())}
    desire(world, {"script": script}, made={"type": "object", "enabled": False})
    plan(world)
    world.apply()
    world.documents = changed(documents, lambda one: one.update(made=found))
    world.assert_on(world.blue)


def test_a_script_leaves_documents_out_and_changes_ids(world: World) -> None:
    documents = people()
    seed(world, documents)
    source = """
      if (ctx._source.number % 3 == 0) { ctx.op = 'noop'; return }
      if (ctx._source.number % 3 == 1) { ctx._id = 'new-' + ctx._id }
    """
    expected = {
        (f"new-{key}" if one["number"] % 3 == 1 else key): one
        for key, one in documents.items()
        if one["number"] % 3
    }
    shown = migrated(world, expected, script={"source": source})
    assert "left out by the script" in shown


def test_a_script_sets_the_routing(world: World) -> None:
    documents = people(120)
    seed(world, documents)
    source = "ctx._routing = 'r' + ctx._source.number % 7"
    migrated(world, documents, script={"source": source})
    answer = world.cluster.read(f"/{world.blue}/_search?size=200")
    routings = {hit["_id"]: hit.get("_routing") for hit in answer["hits"]["hits"]}
    assert routings == {key: f"r{one['number'] % 7}" for key, one in documents.items()}


def test_numbers_that_a_script_makes_the_server_spell_otherwise_are_no_difference(
    world: World,
) -> None:
    seed(world, {})
    lines = '{"index":{"_id":"1"}}\n{"number":1,"a":1e3,"b":1.10,"c":0.12345678901234567890123}\n'
    path = f"/{world.green}/_bulk"
    world.cluster.change("POST", path, {"refresh": "true"}, lines.splitlines())
    expected = {"1": {"number": 1, "a": 1000.0, "b": 1.1, "c": 0.12345678901234568, "d": 2}}
    migrated(world, expected, script={"source": "ctx._source.d = 2"})


def test_a_script_in_a_file(world: World) -> None:
    documents = people(50)
    seed(world, documents)
    (world.folder / "scripts").mkdir()
    (world.folder / "scripts" / "x.painless").write_text("ctx._source.x = ['é': 1];\n// done\n")

    def with_x(one: dict[str, Any]) -> None:
        one["x"] = {"é": 1}

    migrated(world, changed(documents, with_x), script={"file": "scripts/x.painless"})


# Without a script


def test_rename_and_drop(world: World) -> None:
    documents = people()
    seed(world, documents)

    def moved(one: dict[str, Any]) -> None:
        one["author"] = {"called": one["writer"].pop("name")}
        for part in one["parts"]:
            if "old" in part:
                part["new"] = part.pop("old")
        one["deep"] = {"name": one.pop("a.dotted")["name"]}
        del one["writer"], one["price"]

    renames = {
        "writer.name": "author.called",
        "parts.old": "parts.new",
        "a.dotted.name": "deep.name",
        "not.there": "nowhere",
    }
    migrated(
        world,
        changed(documents, moved),
        rename=renames,
        drop=["writer.at.city", "price", "no.such"],
    )


def test_rename_and_drop_come_before_the_script(world: World) -> None:
    documents = people(60)
    seed(world, documents)

    def moved(one: dict[str, Any]) -> None:
        one["surname"] = one.pop("last")
        one["upper"] = one["surname"].upper()
        del one["none"]

    script = {"source": "ctx._source.upper = ctx._source.surname.toUpperCase()"}
    migrated(
        world, changed(documents, moved), rename={"last": "surname"}, drop=["none"], script=script
    )


def test_a_rename_onto_a_field_that_is_there_ends_the_copy(world: World) -> None:
    documents = people(30)
    seed(world, documents)
    desire(world, {"rename": {"first": "last"}})
    shown = plan(world).stdout
    why = "rename: first cannot become last, because the document has that field already"
    assert "30 of 30 sampled documents were rejected" in shown
    assert why in shown
    done = world.apply(code=1)
    assert why in done.stderr
    world.assert_on(world.green)


def test_a_subset_by_query(world: World) -> None:
    documents = people()
    seed(world, documents)
    subset = {key: one for key, one in documents.items() if one["number"] >= 250}
    migrated(world, subset, query={"range": {"number": {"gte": 250}}})


def test_a_plan_counts_what_the_query_leaves_out(world: World) -> None:
    """They are deleted with the old index."""
    documents = people()
    seed(world, documents)
    desire(world, {"query": {"range": {"number": {"lt": 5}}}})
    plan(world)
    said = f"{len(documents) - 5:,} documents of {world.green} that migrate.query leaves out"
    assert f"{said} will be deleted with it" in "\n".join(read_plan(world)["warnings"])


# Pipelines


@dataclass
class Pipeline:
    """The one processor that 8.16's bundle has works under a trial licence; else there is none that
    changes anything. What becomes of a name, the server says."""

    name: str
    made: Callable[[str], str]


@pytest.fixture
def pipeline(world: World) -> Iterator[Pipeline]:
    path = f"/_ingest/pipeline/{world.name}-pipeline"
    patterns = {"patterns": ["%{ANNA:A}"], "pattern_definitions": {"ANNA": "Anna"}}
    redact = {"field": "first", "skip_if_unlicensed": True, **patterns}
    try:
        world.cluster.change("PUT", path, None, {"processors": [{"redact": redact}]})
    except ServerError as error:
        if "No processor type exists with name [redact]" not in str(error):
            raise
        world.cluster.change("PUT", path, None, {"processors": []})

    def made(name: str) -> str:
        body = {"docs": [{"_source": {"first": name}}]}
        answer = world.cluster.read(f"{path}/_simulate", None, body)
        return str(answer["docs"][0]["doc"]["_source"]["first"])

    yield Pipeline(f"{world.name}-pipeline", made)
    world.cluster.change("DELETE", path)


def test_a_pipeline_after_a_script_is_proven_but_for_what_it_makes(
    world: World, pipeline: Pipeline
) -> None:
    documents = people(40)
    seed(world, documents)

    def both(one: dict[str, Any]) -> None:
        one.update(first=pipeline.made(one["first"]), twice=2 * one["number"])

    script = {"source": "ctx._source.twice = 2 * ctx._source.number"}
    verify = {"ignore": ["first"]}
    migrated(world, changed(documents, both), verify, pipeline=pipeline.name, script=script)
    said = f"copy every document of {world.green}, through the script, the pipeline {pipeline.name}"
    assert said in [step["description"] for step in read_plan(world)["steps"]]


def test_a_pipeline_without_ignore_is_refused_where_it_changes_a_field(
    world: World, pipeline: Pipeline
) -> None:
    seed(world, people(40))
    desire(world, {"pipeline": pipeline.name})
    changes = pipeline.made("Anna 1") != "Anna 1"
    refused = plan(world, code=4 if changes else 0).stderr
    assert throwaways(world) == []
    if changes:
        assert f"alias.{world.name}: the proof of the copy would not hold" in refused
        assert ": first" in refused
        assert "verify.ignore" in refused


def test_a_pipeline_that_is_not_there_is_refused(world: World) -> None:
    seed(world, people(5))
    desire(world, {"pipeline": "no-such-pipeline"})
    assert "there is no ingest pipeline no-such-pipeline" in plan(world, code=4).stderr


# What a plan finds out


def test_a_document_that_the_new_mapping_rejects_is_in_the_plan(world: World) -> None:
    documents = people(50)
    documents["13"]["last"] = "13"
    seed(world, documents)
    desire(world, {"drop": ["none"]}, last={"type": "integer"})
    shown = plan(world).stdout
    assert "tried on 50 random documents: 1 taken, 49 rejected" in shown
    sample = read_plan(world)["changes"][0]["sample"]
    assert (sample["documents"], sample["taken"], sample["rejected"]) == (50, 1, 49)
    assert len(sample["rejections"]) == 10
    assert "failed to parse field [last] of type [integer]" in sample["rejections"][0]["reason"]
    assert "49 of 50 sampled documents were rejected, and apply will fail" in shown
    assert "the new index rejected documents" in world.apply(code=1).stderr
    world.assert_on(world.green)


def test_examples_can_be_turned_off(world: World) -> None:
    seed(world, people(20))
    desire(world, {"drop": ["none"], "sample": 0})
    plan(world)
    assert read_plan(world)["changes"][0]["sample"]["examples"] == []
    assert "Anna" not in world.plan.read_text()


def test_three_examples_before_and_after(world: World) -> None:
    seed(world, people(20))
    desire(world, {"drop": ["none", "parts", "writer"], "rename": {"last": "surname"}})
    plan(world)
    examples = read_plan(world)["changes"][0]["sample"]["examples"]
    assert len(examples) == 3
    for one in examples:
        number = int(one["before"]["_id"])
        assert one["before"]["_source"] == person(number)
        assert one["after"] == {
            "_id": str(number),
            "_source": {
                "number": number,
                "first": f"Anna {number}",
                "surname": "Müller",
                "a.dotted": {"name": True},
                "price": 12.5,
            },
        }


def test_a_script_that_does_not_compile_is_refused(world: World) -> None:
    seed(world, people(5))
    desire(world, {"script": {"source": "ctx._source.x = 1;\nctx._source.y = nothing.at"}})
    refused = plan(world, code=4).stderr
    assert f"alias.{world.name}: migrate.script does not compile" in refused
    assert "cannot resolve symbol [nothing.at]" in refused
    assert "at: ... ; ctx._source.y = nothing.at" in refused
    assert throwaways(world) == []
    assert list(world.everything()) == [world.green]


def test_a_script_that_is_not_the_same_every_time(world: World) -> None:
    documents = people(60)
    seed(world, documents)
    source = "ctx._source.stamp = ['at': System.currentTimeMillis()]"
    desire(world, {"script": {"source": source}})
    refused = plan(world, code=4).stderr
    assert "the proof of the copy would not hold" in refused
    assert ": stamp.at" in refused
    desire(world, {"script": {"source": source}}, {"ignore": ["stamp.at"]})
    plan(world)
    world.apply()
    found = world.read_documents(world.blue)
    assert all(one.pop("stamp")["at"] > 1_500_000_000_000 for one in found.values())
    assert found == documents
    assert_no_change(world)


def test_two_documents_with_one_id_are_refused(world: World) -> None:
    seed(world, people(20))
    desire(world, {"script": {"source": "ctx._id = 'same'"}})
    assert "same: 20 documents would have this _id" in plan(world, code=4).stderr


def test_a_script_that_the_proof_cannot_run(world: World, engine: Engine) -> None:
    """`metadata()` is there for a copy, and not for an aggregation; OpenSearch has none at all."""
    documents = people(20)
    seed(world, documents)
    script = {"source": "metadata().id = 'x' + metadata().id"}
    desire(world, {"script": script})
    refused = plan(world, code=4).stderr
    if engine.name == "opensearch 2":
        assert "migrate.script does not compile" in refused
        return
    assert "the proof cannot run the script: " in refused
    assert "verify: {method: count, expect:" in refused
    verify = {
        "method": "count",
        "expect": [{"count": 20}, {"query": {"ids": {"values": ["x7"]}}, "count": 1}],
    }
    expected = {f"x{key}": one for key, one in documents.items()}
    migrated(world, expected, verify, script=script)


def test_what_a_script_changes_that_the_proof_cannot_run_may_be_ignored(
    world: World, engine: Engine
) -> None:
    documents = people(20)
    seed(world, documents)
    if engine.name == "opensearch 2":  # it has no `metadata()`
        return
    script = {"source": "ctx._source.x = metadata().op"}
    expected = changed(documents, lambda one: one.update(x="index"))
    shown = migrated(world, expected, {"ignore": ["x"]}, script=script)
    assert "the proof cannot run the script, and compares documents as they were" in shown


def test_a_script_that_writes_elsewhere_is_no_valid_file(world: World) -> None:
    seed(world, people(5))
    desire(world, {"script": {"source": "ctx._index = 'other'"}})
    assert "the script says to which index a document goes" in plan(world, code=1).stdout


def test_a_query_that_is_none_is_refused(world: World) -> None:
    seed(world, people(5))
    desire(world, {"query": {"nonsense": {}}})
    assert "unknown query [nonsense]" in plan(world, code=4).stderr


def test_a_plan_beside_somebody_who_writes(world: World) -> None:
    """The proof of the sample is not put off by documents that change while it is made."""
    from threading import Event, Thread

    documents = people(60)
    seed(world, documents)
    desire(world, {"script": {"source": "ctx._source.x = ctx._source.number"}})
    stop = Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            key = str(number % 60)
            world.load(world.green, {key: {**documents[key], "number": number}})

    writer = Thread(target=write)
    writer.start()
    try:
        for _ in range(5):
            plan(world)
    finally:
        stop.set()
        writer.join()
    assert throwaways(world) == []


def test_a_plan_that_is_killed_leaves_nothing_that_the_next_does_not_find(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from esplan.oracle import throwaway
    from esplan.oracle.throwaway import SAMPLE, Throwaways

    left = Throwaways(world.cluster)
    name = left.create(Body({"index.number_of_replicas": "0"}), mark=SAMPLE)
    world.load(name, people(3))
    monkeypatch.setattr(throwaway, "OLD", -1)
    with Throwaways(world.cluster) as next_one:
        next_one.sweep()
    assert throwaways(world) == []


# When it counts


def test_the_first_index_of_an_alias_remembers_the_transform(world: World) -> None:
    desire(world, {"drop": ["none"]})
    plan(world)
    world.apply()
    meta = world.everything()[world.green]["mappings"]["_meta"]["esplan"]
    assert len(meta["transform"]) == 32
    assert_no_change(world)


def test_the_same_transform_is_not_run_again(world: World) -> None:
    documents = people(50)
    seed(world, documents)

    def counted(one: dict[str, Any]) -> None:
        one["runs"] = "x"

    migrate = {"script": {"source": "ctx._source.runs = (ctx._source.runs ?: '') + 'x'"}}
    expected = changed(documents, counted)
    migrated(world, expected, **migrate)
    desire(world, migrate, runs={"type": "keyword"})
    shown = plan(world).stdout
    assert "went through this transform (migrate) already, and are copied as they are" in shown
    world.apply()
    world.documents = expected
    world.assert_on(world.green)
    assert_no_change(world)


def test_a_transform_that_changes_makes_a_new_index(world: World) -> None:
    documents = people(50)
    seed(world, documents)
    migrated(
        world,
        changed(documents, lambda one: one.update(x=1)),
        script={"source": "ctx._source.x = 1"},
    )
    desire(world, {"script": {"source": "ctx._source.x = params.v", "params": {"v": 2}}})
    plan(world)
    reasons = read_plan(world)["changes"][0]["reasons"]
    assert [(one["path"], one["route"]) for one in reasons] == [("migrate", "reindex")]
    world.apply()
    world.documents = changed(documents, lambda one: one.update(x=2))
    world.assert_on(world.green)


# What must hold


def test_expectations(world: World) -> None:
    documents = people(40)
    seed(world, documents)
    expect = [
        {"count": 40},
        {"query": {"range": {"number": {"lt": 10}}}, "count": 10},
        {"sum": {"field": "number", "value": sum(range(40))}},
        {"query": {"ids": {"values": ["3"]}}, "value": {"field": "writer.at.city", "is": "Bern"}},
    ]
    desire(world, {"drop": ["none"]}, {"expect": expect})
    plan(world)
    wrong = json.loads(json.dumps(expect).replace("Bern", "Basel"))
    wrong[2]["sum"]["value"] = 1
    world.apply()
    world.documents = changed(documents, lambda one: one.pop("none"))
    world.assert_on(world.blue)
    desire(world, {"drop": ["none", "price"]}, {"expect": wrong})
    plan(world)
    failed = world.apply(code=4).stderr
    assert f"{world.green} is not as verify.expect says" in failed
    assert "the sum of number is 780, not 1" in failed
    assert (
        'writer.at.city among {"ids": {"values": ["3"]}} is "Bern" in the document 3, not "Basel"'
        in failed
    )
    world.assert_on(world.blue)


# Behind the tool's back

SCRIPT = {"source": "if (ctx._source.number == 5) { ctx.op = 'noop' } ctx._source.x = 1"}


def prepared(world: World) -> Documents:
    """Killed just after the copy. The documents that there have to be at the end."""
    documents = people(200)
    seed(world, documents)
    desire(world, {"script": SCRIPT})
    plan(world)
    world.crash("after-done:03-reindex")
    expected = changed(documents, lambda one: one.update(x=1))
    del expected["5"]
    return expected


def test_kill_after_the_copy_and_resume(world: World) -> None:
    expected = prepared(world)
    world.apply()
    world.documents = expected
    world.assert_on(world.blue)
    assert_no_change(world)


@pytest.mark.parametrize("point", ["after-intent:03-reindex", "after-request:03-reindex"])
def test_kill_around_the_copy_and_resume(world: World, point: str) -> None:
    documents = people(200)
    seed(world, documents)
    desire(world, {"script": SCRIPT})
    plan(world)
    world.crash(point)
    world.apply()
    world.documents = changed(documents, lambda one: one.update(x=1))
    del world.documents["5"]
    world.assert_on(world.blue)


TAMPERED: dict[str, tuple[Callable[[World], None], str]] = {
    "changed": (
        lambda world: world.load(world.blue, {"7": {**person(7), "x": 2}}),
        "1 different: 7",
    ),
    "not transformed": (lambda world: world.load(world.blue, {"7": person(7)}), "1 different: 7"),
    "removed": (
        lambda world: world.cluster.change("DELETE", f"/{world.blue}/_doc/7?refresh=true"),
        "1 missing: 7",
    ),
    "added": (lambda world: world.load(world.blue, {"new": {}}), "1 extra: new"),
    "added that was left out": (
        lambda world: world.load(world.blue, {"5": {**person(5), "x": 1}}),
        "1 extra: 5",
    ),
    "swapped": (
        lambda world: world.load(
            world.blue, {"7": {**person(8), "x": 1}, "8": {**person(7), "x": 1}}
        ),
        "2 different: 7, 8",
    ),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_a_target_that_somebody_changes_after_the_copy_is_caught(world: World, how: str) -> None:
    prepared(world)
    tamper, said = TAMPERED[how]
    tamper(world)
    failed = world.apply(code=4).stderr
    assert f"{world.blue} is not equal to {world.green}" in failed
    assert said in failed
    world.assert_on(world.green)
