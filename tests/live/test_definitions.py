"""Definitions as projects have them: created by a plan, or adopted, they never change again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from definitions import DEFINITIONS, LACKING

from esplan import desired
from esplan.commands import adopt
from esplan.commands.plan import plan
from esplan.errors import ServerError
from esplan.views import adopt as views

if TYPE_CHECKING:
    from pathlib import Path

    from engine import Engine

    from esplan.cluster import Cluster

pytestmark = pytest.mark.live


def named(body: dict[str, Any], name: str) -> dict[str, Any]:
    """Aliases are the cluster's, so each test has its own."""
    aliases = {alias.format(name=name): one for alias, one in body.get("aliases", {}).items()}
    return {**body, "aliases": aliases}


def changes(cluster: Cluster, folder: Path) -> list[Any]:
    made = plan(cluster, desired.read([folder]))
    return [(one.address, one.action, one.reasons) for one in made.changes if one.reasons]


def test_there_are_enough_of_them() -> None:
    assert len(DEFINITIONS) - len(LACKING["elasticsearch 8"]) >= 30


@pytest.mark.parametrize("key", DEFINITIONS)
def test_made_or_adopted_it_does_not_change(
    cluster: Cluster, engine: Engine, name: str, tmp_path: Path, key: str
) -> None:
    """The request is the plan's own. A definition that is refused must be known to be."""
    body = named(DEFINITIONS[key], name)
    files, adopted = tmp_path / "files", tmp_path / "adopted"
    files.mkdir()
    (files / "a.json").write_text(json.dumps({"version": 1, "indices": {name: body}}))
    (create, *_) = plan(cluster, desired.read([files])).steps
    assert create.request is not None
    lacking = LACKING.get(engine.name, {}).get(key)
    if lacking:
        with pytest.raises(ServerError) as caught:
            cluster.change("PUT", f"/{name}", None, create.request["body"])
        assert lacking in str(caught.value)
        return
    params = {"wait_for_active_shards": "0"}
    cluster.change("PUT", f"/{name}", params, create.request["body"])
    assert changes(cluster, files) == []
    adopt.write(adopt.adopt(cluster, [name], views.folder).texts, adopted)
    assert changes(cluster, adopted) == []
    cluster.change("DELETE", f"/{name}")
    cluster.change("PUT", f"/{name}", params, body)
    assert changes(cluster, files) == []


UNSAID: list[tuple[str, Any, dict[str, Any]]] = [
    ("mapping.ignore_malformed", True, {"type": "date", "ignore_malformed": True}),
    ("mapping.ignore_malformed", True, {"type": "date", "ignore_malformed": False}),
    ("mapping.ignore_malformed", False, {"type": "ip", "ignore_malformed": False}),
    ("mapping.coerce", False, {"type": "long", "coerce": False}),
    ("mapping.coerce", False, {"type": "long", "coerce": True}),
    ("mapping.ignore_above", 7, {"type": "keyword", "ignore_above": 7}),
    ("mapping.ignore_above", 7, {"type": "keyword", "ignore_above": 2147483647}),
    ("mode", "logsdb", {"type": "keyword", "ignore_above": 8191}),
    ("mode", "logsdb", {"type": "date", "ignore_malformed": False}),
]
YOUNGER = ("mapping.ignore_above", "mode")
WITHOUT = ("elasticsearch 7", "opensearch 2")


@pytest.mark.parametrize("unsaid", UNSAID, ids=json.dumps)
def test_a_default_that_the_file_does_not_name(
    cluster: Cluster,
    engine: Engine,
    name: str,
    tmp_path: Path,
    unsaid: tuple[str, Any, dict[str, Any]],
) -> None:
    """The index has a setting that makes something else the default of the mapping."""
    setting, value, field = unsaid
    body = {"mappings": {"properties": {"f": field, "@timestamp": {"type": "date"}}}}
    live = {**body, "settings": {f"index.{setting}": value}}
    (tmp_path / "a.json").write_text(json.dumps({"version": 1, "indices": {name: body}}))
    if setting in YOUNGER and engine.name in WITHOUT:
        with pytest.raises(ServerError, match=f"unknown setting .index.{setting}"):
            cluster.change("PUT", f"/{name}", None, live)
        return
    cluster.change("PUT", f"/{name}", {"wait_for_active_shards": "0"}, live)
    assert changes(cluster, tmp_path) == []


def test_a_number_of_replicas_beside_their_expansion(
    cluster: Cluster, name: str, tmp_path: Path
) -> None:
    """GET shows what the nodes allow, whatever the number."""
    settings = {"auto_expand_replicas": "0-1"}
    index = {"name": f"{name}_{{color}}", "colors": ["green", "blue"], "settings": settings}
    alias = {"index": index, "finish": {"replicas": 5}}
    (tmp_path / "a.json").write_text(json.dumps({"version": 1, "aliases": {name: alias}}))
    live = {"settings": settings, "aliases": {name: {}}}
    cluster.change("PUT", f"/{name}_green", {"wait_for_active_shards": "0"}, live)
    assert changes(cluster, tmp_path) == []
