"""Two clusters: a world that is planned for, and one that its index is filled from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from engine import of
from fixtures import indices
from world import PROPERTIES, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from esplan.cluster import Cluster

COPY = {"client": "02-remote_copy", "cluster": "02-remote_reindex"}
FROM = {"environment": "old"}
WANTED = {"properties": {**PROPERTIES, "flight": {"type": "keyword"}}}


@dataclass
class Two:
    """`here` is the world that is planned for; `there` the cluster that it is filled from."""

    here: World
    there: World
    via: str

    def seed(self, count: int = 2000, shards: int = 2, **settings: Any) -> None:
        """Documents there, behind the alias of the same name; what must be here afterwards."""
        self.there.seed(count, shards, **settings)
        self.here.documents = self.there.documents

    def plan(self, **parts: Any) -> dict[str, Any]:
        migrate = {"from": FROM, **parts.pop("migrate", {})}
        return self.here.make_plan(migrate=migrate, finish={}, **{**WANTED, **parts})

    def write_there(self, method: str, path: str, body: Any = None) -> None:
        self.there.cluster.change(method, f"/{self.there.green}{path}", {"refresh": "true"}, body)

    def evidence(self, step: str) -> dict[str, Any]:
        journal = self.here.folder / "plan.json.journal.jsonl"
        records = [json.loads(line) for line in journal.read_text().splitlines()]
        done = [r["data"] for r in records if (r["event"], r["step"]) == ("done", step)]
        assert len(done) == 1
        return dict(done[0])


@pytest.fixture(params=["client", "cluster"])
def via(request: pytest.FixtureRequest) -> str:
    """Who copies: the first server may not read the second, and the second may read the first."""
    return str(request.param)


@pytest.fixture
def two(cluster: Cluster, second: Cluster, via: str, copied: str, folder: Path) -> Iterator[Two]:
    clusters = (cluster, second) if via == "client" else (second, cluster)
    if via == "cluster" and not of(second).connects:
        pytest.skip("this sandbox may not connect to another server: see the test that says so")
    here, there = (World(one, one.connection.url, copied, folder) for one in clusters)
    environments = {"old": {"url": there.url}, "new": {"url": here.url}}
    config = {"version": 1, "environments": environments}
    (folder / "esplan.yaml").write_text(json.dumps(config))
    yield Two(here, there, via)
    for index in indices(second, copied):
        second.change("DELETE", f"/{index}")
