"""Index templates that match what a plan creates: no surprise, no diff for ever, no early alias."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from world import World, document

from esplan import desired
from esplan.commands.plan import plan
from esplan.errors import Refused, ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine import Engine

    from esplan.cluster import Cluster
    from esplan.plan import Plan

pytestmark = [pytest.mark.live, pytest.mark.filterwarnings("ignore:Legacy index templates")]

LONG = {"type": "long"}


class Kind:
    """Composable or legacy: the same parts, in their place."""

    def __init__(self, cluster: Cluster, name: str, kind: str) -> None:
        self.cluster, self.name, self.kind = cluster, name, kind

    def put(self, patterns: str = "", **parts: Any) -> None:
        """A template of these settings, mappings, aliases, for every index of the test."""
        common = {"index_patterns": [patterns or f"{self.name}*"]}
        if self.kind == "legacy":
            self.cluster.change("PUT", f"/_template/{self.name}", None, {**common, **parts})
            return
        component = {"template": {"settings": {"priority": 3}}}
        if self.kind == "component":
            self.cluster.change("PUT", f"/_component_template/{self.name}", None, component)
            common["composed_of"] = [self.name]
        body = {**common, "priority": 900, "template": parts}
        self.cluster.change("PUT", f"/_index_template/{self.name}", None, body)

    def remove(self) -> None:
        for path in ("_template", "_index_template", "_component_template"):
            if self.cluster.read(f"/{path}/{self.name}"):
                self.cluster.change("DELETE", f"/{path}/{self.name}")

    @property
    def said(self) -> str:
        what = "legacy template" if self.kind == "legacy" else "index template"
        return f"the {what} {self.name}"


@pytest.fixture(params=["composable", "component", "legacy"])
def template(cluster: Cluster, name: str, request: pytest.FixtureRequest) -> Iterator[Kind]:
    made = Kind(cluster, name, request.param)
    yield made
    made.remove()


def planned(world: World, **parts: Any) -> Plan:
    return plan(world.cluster, desired.read([world.desire(**parts)]))


def index(world: World, body: dict[str, Any]) -> None:
    whole = {**body, "settings": {"number_of_replicas": 0, **body.get("settings", {})}}
    text = json.dumps({"version": 1, "indices": {f"{world.name}i": whole}})
    (world.folder / "desired.json").write_text(text)


def test_what_a_template_adds_is_its_own(world: World, template: Kind) -> None:
    """Made, and planned again: nothing is to be done, now and after the template has changed."""
    template.put(
        settings={"max_result_window": 5, "auto_expand_replicas": "0-1", "gc_deletes": "7s"},
        mappings={
            "properties": {"theirs": LONG, "o": {"properties": {"x": LONG}}},
            "dynamic": False,
        },
    )
    own = {"mine": {"type": "keyword"}, "o": {"properties": {"y": LONG}}}
    world.desire(properties=own, settings={"number_of_replicas": 0, "gc_deletes": None})
    made = world.esplan("plan", "-d", "desired.json", "-o", str(world.plan)).stdout
    added = "max_result_window" if template.kind != "component" else "max_result_window, index.pri"
    assert f"{world.green} also gets, from {template.said}: settings index.{added}" in made
    assert "; fields theirs; mappings dynamic" in made
    world.apply()
    found = world.everything()[world.green]
    assert found["mappings"]["properties"]["theirs"] == LONG
    assert found["mappings"]["dynamic"] == "false"
    assert found["settings"]["index"]["max_result_window"] == "5"
    assert found["settings"]["index"].get("auto_expand_replicas") is None
    assert found["settings"]["index"].get("gc_deletes") is None
    again = ["plan", "-d", "desired.json", "--detailed-exitcode"]
    assert "No changes" in world.esplan(*again).stdout
    template.put(settings={"max_result_window": 9}, mappings={"properties": {"later": LONG}})
    assert "No changes" in world.esplan(*again).stdout
    template.remove()
    assert "No changes" in world.esplan(*again).stdout


def test_a_new_colour_keeps_what_the_old_one_had(world: World, template: Kind) -> None:
    """The file and the old index win; what would act on the copy does not come in."""
    world.seed(50, max_result_window=7777)
    template.put(
        settings={
            "max_result_window": 5,
            "default_pipeline": "missing",
            "final_pipeline": "missing",
            "blocks.write": True,
            "gc_deletes": "7s",
            "auto_expand_replicas": "0-all",
        },
        mappings={"properties": {"theirs": LONG, "flight": {"type": "keyword"}}},
    )
    made = world.make_plan()
    named = "index.blocks.write, index.default_pipeline, index.final_pipeline"
    assert f"{world.blue} does not get {named} of {template.said}" in "\n".join(made["warnings"])
    world.apply()
    world.assert_switched()
    settings = world.everything()[world.blue]["settings"]["index"]
    assert (settings["max_result_window"], settings["gc_deletes"]) == ("7777", "7s")
    assert settings["auto_expand_replicas"] == "0-1"
    assert settings.get("default_pipeline") is settings.get("final_pipeline") is None
    assert settings.get("priority") == ("3" if template.kind == "component" else None)
    assert settings["blocks"] == {"write": None}
    world.load(world.blue, {"new": document(50)})


@pytest.mark.parametrize("alias", ["{index}-all", "everything"])
def test_an_alias_on_an_unfilled_colour_is_refused(
    world: World, template: Kind, alias: str
) -> None:
    world.seed(5)
    template.put(aliases={alias: {}})
    said = alias.replace("{index}", world.blue)
    with pytest.raises(Refused, match=f"would put the alias {said} on {world.blue}") as caught:
        planned(world)
    assert template.said in str(caught.value)
    assert "take the alias out of the template" in caught.value.remedy


def test_hard_links_take_nothing_from_templates(world: World, template: Kind) -> None:
    """So that none of this is refused there: it is the server's own doing."""
    world.seed(20)
    template.put(aliases={"everything": {}}, settings={"max_result_window": 5})
    world.make_plan(properties={}, settings={"codec": "best_compression"})
    world.apply()
    found = world.everything()[world.blue]
    assert list(found["aliases"]) == [world.name]
    assert "max_result_window" not in found["settings"]["index"]


def test_a_template_that_comes_after_the_plan_is_noticed(world: World, template: Kind) -> None:
    """The empty copy is gone again, and nobody has read from it for long."""
    world.seed(20)
    world.make_plan()
    template.put(aliases={f"{world.name}-early": {}})
    refused = world.apply(code=4)
    assert f"{world.blue} came into being with the alias {world.name}-early" in refused.stderr
    template.remove()
    world.assert_on(world.green)


def test_what_a_later_template_gives_is_noticed(world: World, template: Kind) -> None:
    """A field and a setting of a template that nobody has reviewed; those of the plan are known."""
    world.seed(20)
    template.put(settings={"gc_deletes": "7s"}, mappings={"properties": {"theirs": LONG}})
    world.make_plan()
    template.put(
        settings={"gc_deletes": "7s", "max_result_window": 1000},
        mappings={"properties": {"theirs": LONG, "strange": LONG}, "dynamic": False},
    )
    refused = world.apply(code=4)
    assert "ESP-4204" in refused.stderr
    assert f"the index {world.blue} came into being otherwise than planned" in refused.stderr
    for part in ("index.max_result_window: '1000'", "mappings.properties.strange", "dynamic"):
        assert part in refused.stderr
    assert "theirs" not in refused.stderr
    world.assert_on(world.green)
    world.make_plan()
    world.apply()
    world.assert_switched()


def test_an_alias_that_comes_later_stops_the_switch(world: World, cluster: Cluster) -> None:
    world.seed(20)
    world.make_plan()
    world.crash("after-done:06-await_health")
    add = {"add": {"index": world.blue, "alias": f"{world.name}-early"}}
    cluster.change("POST", "/_aliases", None, {"actions": [add]})
    refused = world.apply(code=4)
    assert f"{world.blue} has the alias {world.name}-early before its switch" in refused.stderr
    assert f"the index {world.blue}, behind {world.name}-early" in refused.stderr  # it stays
    assert world.read_documents(world.green) == world.documents
    remove = {"remove": {"index": world.blue, "alias": f"{world.name}-early"}}
    cluster.change("POST", "/_aliases", None, {"actions": [remove]})


@pytest.mark.parametrize(
    ("parts", "own", "why"),
    [
        (
            {"mappings": {"dynamic_templates": [{"t": {"match": "a", "mapping": LONG}}]}},
            {"dynamic_templates": [{"u": {"match": "b", "mapping": LONG}}]},
            "mappings.dynamic_templates: ",
        ),
        ({"mappings": {"_meta": {"t": 1}}}, {"_meta": {"a": 1}}, "mappings._meta: "),
        ({"mappings": {"properties": {"t": LONG}}}, "exact", "mappings.properties.t: "),
    ],
)
def test_what_would_differ_for_ever_is_refused(
    world: World, template: Kind, parts: dict[str, Any], own: Any, why: str
) -> None:
    template.put(**parts)
    mappings = {"exact": True, "properties": {}} if own == "exact" else own
    index(world, {"mappings": mappings})
    with pytest.raises(Refused, match="otherwise than planned") as caught:
        plan(world.cluster, desired.read([world.folder]))
    assert why in caught.value.why
    assert "say these parts in the desired file" in caught.value.remedy


def test_a_parameter_of_a_legacy_template_stays_in_the_field(world: World, name: str) -> None:
    """Composable templates give whole fields only; legacy ones mix parameters into the file's."""
    field = {"type": "text", "analyzer": "simple"}
    composable, legacy = (Kind(world.cluster, name, kind) for kind in ("composable", "legacy"))
    index(world, {"mappings": {"properties": {"f": {"type": "text"}}}})
    composable.put(mappings={"properties": {"f": field}})
    try:
        again = ["plan", "-d", "desired.json", "-o", str(world.plan)]
        world.esplan(*again)
        world.apply()
        assert "No changes" in world.esplan(*again).stdout
        world.cluster.change("DELETE", f"/{name}i")
        composable.remove()
        legacy.put(mappings={"properties": {"f": field}})
        refused = world.esplan(*again, code=4)
        assert "mappings.properties.f.analyzer: 'simple', not None" in refused.stderr
    finally:
        composable.remove()
        legacy.remove()


def test_a_setting_that_changes_the_meaning_is_refused(world: World, template: Kind) -> None:
    template.put(settings={"mapping.ignore_malformed": True})
    dates = {"mappings": {"properties": {"f": {"type": "date", "ignore_malformed": False}}}}
    index(world, dates)
    with pytest.raises(Refused, match="which changes what the mapping of"):
        plan(world.cluster, desired.read([world.folder]))
    index(world, {"settings": {"mapping.ignore_malformed": True}, **dates})
    world.esplan("plan", "-d", "desired.json", "-o", str(world.plan))
    world.apply()
    assert "No changes" in world.esplan("plan", "-d", "desired.json").stdout


def test_an_index_of_its_own_takes_the_alias(world: World, template: Kind) -> None:
    """It is in the request, for a reviewer to see; an alias that something else has is refused."""
    template.put(aliases={f"{world.name}-theirs": {"routing": "1"}})
    index(world, {})
    world.esplan("plan", "-d", "desired.json", "-o", str(world.plan))
    (create, _green) = json.loads(world.plan.read_text())["steps"]
    routing = {"index_routing": "1", "search_routing": "1"}
    assert create["request"]["body"]["aliases"] == {f"{world.name}-theirs": routing}
    world.apply()
    assert world.everything()[f"{world.name}i"]["aliases"] == {f"{world.name}-theirs": routing}
    assert "No changes" in world.esplan("plan", "-d", "desired.json").stdout
    world.seed(0)
    template.put(aliases={world.name: {}})
    world.cluster.change("DELETE", f"/{world.name}i")
    refused = world.esplan("plan", "-d", "desired.json", code=4)
    assert f"would put the alias {world.name} on {world.name}i" in refused.stderr


def test_names_of_data_streams_are_refused(
    world: World, cluster: Cluster, engine: Engine, name: str
) -> None:
    body = {"index_patterns": [f"{name}*"], "priority": 900, "data_stream": {}}
    if not engine.has_data_streams:
        with pytest.raises(ServerError, match=r"unknown field \[data_stream\]"):
            cluster.change("PUT", f"/_index_template/{name}", None, body)
        return
    cluster.change("PUT", f"/_index_template/{name}", None, body)
    try:
        with pytest.raises(Refused, match=f"{name} makes data streams of such names"):
            planned(world)
    finally:
        cluster.change("DELETE", f"/_index_template/{name}")


def test_a_pipeline_of_the_index_does_not_see_the_copy(world: World) -> None:
    """The server counts what goes through it."""
    world.seed(20)
    path = f"/_ingest/pipeline/{world.name}"
    world.cluster.change("PUT", path, None, {"processors": []})
    piped = {"index.default_pipeline": world.name}
    world.cluster.change("PUT", f"/{world.green}/_settings", None, piped)
    world.make_plan()
    world.apply()
    world.assert_switched()
    assert world.piped(world.name) == 0
    settings = world.everything()[world.blue]["settings"]["index"]
    assert settings["default_pipeline"] == world.name
