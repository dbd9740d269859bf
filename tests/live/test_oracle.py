"""The rules against a real server, and the throwaways that they are held with."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import corpus
import pytest
from fixtures import ROLES, indices
from pairs import PAIRS
from world import World, run

from esplan.errors import EsplanError, ServerError
from esplan.model import Body
from esplan.oracle import throwaway
from esplan.oracle.throwaway import PREFIX, Throwaways
from esplan.route import rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine import Engine

    from esplan.cluster import Cluster

DEPRECATED = "ignore::elasticsearch.ElasticsearchWarning"
"""Some settings of the corpus are on their way out."""

pytestmark = [pytest.mark.live, pytest.mark.filterwarnings(DEPRECATED)]


@pytest.fixture(autouse=True)
def nothing_left(cluster: Cluster) -> Iterator[None]:
    before = set(indices(cluster, PREFIX))
    yield
    assert set(indices(cluster, PREFIX)) <= before


@pytest.fixture
def world(cluster: Cluster, url: str, name: str, folder: Path) -> World:
    made = World(cluster, url, name, folder)
    made.seed(3)
    return made


USUAL = (
    "keyword text long date geo_point flattened completion dense_vector join object nested".split()
)
"""The types that are asked about here, since each costs a second; `make oracle` asks about all."""

ASKED = {f"type {kind}" for kind in [*USUAL, "object", "passthrough"]}
GROUPS = [
    group
    for group in corpus.grouped(PAIRS)
    if group[0][0] in ASKED or not group[0][0].startswith("type ")
]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group[0][0])
def test_every_rule_is_what_the_server_does(
    cluster: Cluster, engine: Engine, group: list[Any]
) -> None:
    with Throwaways(cluster) as made:
        found = [corpus.known(one, engine.name) for one in corpus.about_pairs(made, group)]
    assert [one for one in found if one.verdict == "disagrees"] == []
    assert found


def desired(world: World) -> str:
    properties = {"flight": {"type": "keyword"}, "new": {"type": "text"}}
    return str(world.desire(properties=properties, settings={"refresh_interval": "9s"}))


def changing(traced: str) -> list[str]:
    """The requests that change something: none with a body that only asks."""
    asks = ("/_search", "/_index_template/_simulate", "/_has_privileges")
    return [
        line
        for line in traced.splitlines()
        if not line.startswith("GET ") and not (line.startswith("POST ") and line.endswith(asks))
    ]


def test_the_answers_are_in_the_plan(world: World) -> None:
    asked = ["plan", "-d", desired(world), "-o", str(world.plan), "--oracle", "cluster"]
    done = world.esplan(*asked, "-v")
    assert "Asked the server (" in done.stdout
    assert "answers as the rules say" in done.stdout
    plan = json.loads(world.plan.read_text())
    assert {one["verdict"] for one in plan["oracle"]} == {"agrees"}
    said = {one["question"]: one["server"] for one in plan["oracle"]}
    assert said["does the mapping take mappings.properties.new?"] == "yes"
    assert said["does an open index take settings.index.refresh_interval?"] == "yes"
    assert (
        "cannot be changed from type"
        in said["does the mapping take mappings.properties.flight.type?"]
    )
    changes = changing(done.stderr)
    assert changes
    assert all(PREFIX in line for line in changes), "it writes to nothing but its throwaways"
    world.apply()


def test_without_it_nothing_is_sent_that_changes(world: World) -> None:
    done = world.esplan("plan", "-d", desired(world), "-o", str(world.plan), "-v")
    assert "GET /" in done.stderr
    assert changing(done.stderr) == []
    assert "oracle" not in json.loads(world.plan.read_text())


def test_a_rule_that_is_wrong_is_said(
    world: World, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the dangerous direction: the rule would change a type in place."""
    from esplan import desired as files
    from esplan.commands.plan import plan

    monkeypatch.setattr(rules, "UPDATEABLE_FIELD", rules.UPDATEABLE_FIELD | {"type"})
    made = plan(cluster, files.read([Path(desired(world))]), asked=cluster)
    (wrong,) = [one for one in made.oracle if one["verdict"] == "disagrees"]
    assert wrong["rule"] == "yes"
    assert "cannot be changed from type [integer] to [keyword]" in wrong["server"]
    (warning,) = [one for one in made.warnings if "a rule of esplan is wrong" in one]
    assert "report this as a defect of esplan" in warning
    assert made.changes[0].route == "mapping addition", "the answer changes no route"


def test_no_sandbox_that_could_be_asked(world: World, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "esplan", "--url", world.url, "plan", "--oracle", "sandbox"]
    done = run([*command, "-d", desired(world)], ESPLAN_CACHE_DIR=str(tmp_path / "cache"))
    assert done.returncode == 1
    assert "no sandbox runs that could be asked" in done.stderr
    assert "--oracle cluster" in done.stderr


# Throwaways


def killed(world: World) -> None:
    """A plan that dies by SIGKILL in the middle of the oracle's questions."""
    script = (
        "import os, signal, sys\n"
        "from esplan import cli\n"
        "from esplan.oracle import trial\n"
        "trial.answers = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "cli.run(sys.argv[1:])\n"
    )
    command = ["--url", world.url, "plan", "-d", desired(world), "--oracle", "cluster"]
    assert run([sys.executable, "-c", script, *command]).returncode == -9


def test_what_a_killed_run_leaves_is_deleted_by_a_later_one(
    world: World, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = indices(cluster, PREFIX)
    killed(world)
    left = set(indices(cluster, PREFIX)) - set(before)
    assert len(left) == 3
    plain = world.esplan("plan", "-d", desired(world), "--oracle", "cluster")
    assert PREFIX not in plain.stdout
    assert left <= set(indices(cluster, PREFIX)), "young ones may be somebody's who is at it"
    with_document = min(left)
    cluster.change("PUT", f"/{with_document}/_doc/1", {"refresh": "true"}, {"a": 1})
    closed = sorted(left)[1]
    cluster.change("POST", f"/{closed}/_close")
    monkeypatch.setattr(throwaway, "OLD", 0)
    time.sleep(0.01)
    with Throwaways(cluster) as made:
        made.sweep()
    assert left & set(indices(cluster, PREFIX)) == {with_document}
    blocks = cluster.read(f"/{with_document}")[with_document]["settings"]["index"].get("blocks")
    assert blocks is None, "the block is lifted again"
    cluster.change("DELETE", f"/{with_document}")


def test_an_index_without_our_mark_is_left(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = f"{PREFIX}foreign"
    cluster.change("PUT", f"/{foreign}", None, {"settings": {"number_of_replicas": 0}})
    monkeypatch.setattr(throwaway, "OLD", -60_000)
    try:
        with Throwaways(cluster) as made:
            made.sweep()
        assert foreign in indices(cluster, PREFIX)
    finally:
        cluster.change("DELETE", f"/{foreign}")


def test_an_error_and_an_interruption_leave_nothing(cluster: Cluster) -> None:
    names: list[str] = []

    def interrupted() -> None:
        with Throwaways(cluster) as made:
            names.extend([made.create(Body()), made.create(Body())])
            assert set(names) <= set(indices(cluster, PREFIX))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not set(names) & set(indices(cluster, PREFIX))


def test_no_other_plan_sees_them(world: World, cluster: Cluster) -> None:
    from esplan import live

    with Throwaways(cluster) as made:
        name = made.create(Body())
        assert name not in live.read_state(cluster).indices
        assert world.green in live.read_state(cluster).indices


def test_a_definition_that_the_server_does_not_take(cluster: Cluster) -> None:
    with Throwaways(cluster) as made, pytest.raises(ServerError):
        made.create(Body({"index.unheard_of": "1"}))


@pytest.mark.skipif(ROLES, reason="nobody signs in to a sandbox")
def test_another_version_is_not_asked(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    from esplan.commands.oracle import asked
    from esplan.sandbox import server

    running = SimpleNamespace(sandbox=SimpleNamespace(url=cluster.connection.url))
    monkeypatch.setattr(server, "status", lambda: running)
    with asked("sandbox", cluster) as same:
        assert same is not None
        assert same is not cluster
    version = {"number": "0.0.1", "distribution": "elasticsearch"}
    root = {"cluster_name": "c", "cluster_uuid": "u", "version": version}
    other: Any = SimpleNamespace(read=lambda *_: root)
    with pytest.raises(EsplanError, match="and the cluster is elasticsearch 0\\.0\\.1") as error:
        asked("sandbox", other).__enter__()
    assert "there is no sandbox of elasticsearch 0.0.1" in error.value.remedy
    assert "--oracle cluster" in error.value.remedy
