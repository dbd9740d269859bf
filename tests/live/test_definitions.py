"""Definitions as projects have them: created by a plan, or adopted, they never change again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from definitions import DEFINITIONS, LACKING

from esplan import desired, live
from esplan.commands import adopt
from esplan.commands.plan import plan
from esplan.errors import ServerError
from esplan.views import adopt as views

if TYPE_CHECKING:
    from pathlib import Path

    from esplan.cluster import Cluster

pytestmark = pytest.mark.live


def engine(cluster: Cluster) -> str:
    info = live.cluster_info(cluster)
    return f"{info.distribution} {info.version.partition('.')[0]}"


def named(body: dict[str, Any], name: str) -> dict[str, Any]:
    """Aliases are the cluster's, so each test has its own."""
    aliases = {alias.format(name=name): one for alias, one in body.get("aliases", {}).items()}
    return {**body, "aliases": aliases}


def changes(cluster: Cluster, folder: Path) -> list[Any]:
    made = plan(cluster, desired.read([folder]))
    return [(one.address, one.action, one.reasons) for one in made.changes if one.reasons]


def test_there_are_enough_of_them() -> None:
    assert len(DEFINITIONS) - max(map(len, LACKING.values())) >= 30


@pytest.mark.parametrize("key", DEFINITIONS)
def test_made_or_adopted_it_does_not_change(
    cluster: Cluster, name: str, tmp_path: Path, key: str
) -> None:
    """The request is the plan's own. A definition that is refused must be known to be."""
    body = named(DEFINITIONS[key], name)
    files, adopted = tmp_path / "files", tmp_path / "adopted"
    files.mkdir()
    (files / "a.json").write_text(json.dumps({"version": 1, "indices": {name: body}}))
    (create, *_) = plan(cluster, desired.read([files])).steps
    assert create.request is not None
    lacking = LACKING.get(engine(cluster), {}).get(key)
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
