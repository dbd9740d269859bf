"""What the live tests share: an index with documents behind an alias, and a look at what became
of it that uses nothing of esplan's own proof."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import processes

if TYPE_CHECKING:
    from esplan.cluster import Cluster

HERE = Path(__file__).parent

REPLICAS: dict[str, Any] = {"number_of_replicas": 0, "auto_expand_replicas": "0-1"}
"""Green on any number of nodes, and other than while copying: so there is a step that sets it."""

PROPERTIES: dict[str, Any] = {
    "flight": {"type": "integer"},
    "at": {"type": "date"},
    "nested": {"type": "object", "enabled": False},
}


STEPS = [
    "01-create_index",
    "02-block_writes",
    "03-reindex",
    "04-verify",
    "05-update_settings",
    "06-await_health",
    "07-update_aliases",
    "08-delete_index",
]
"""Of a plan of a world that says nothing else."""

SENT = [step for step in STEPS if step != "06-await_health"]
"""On one node the index is green at once: that step is found as wanted, and never sent."""


@dataclass
class World:
    """An alias on `<name>_green`, its desired file, and the documents that must survive."""

    cluster: Cluster
    url: str
    name: str
    folder: Path
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    file: str = "plan.json"

    @property
    def green(self) -> str:
        return f"{self.name}_green"

    @property
    def blue(self) -> str:
        return f"{self.name}_blue"

    @property
    def plan(self) -> Path:
        return self.folder / self.file

    def seed(self, count: int = 2000, shards: int = 1, **settings: Any) -> None:
        body = {
            "settings": {"number_of_shards": shards, **REPLICAS, **settings},
            "mappings": {"properties": PROPERTIES},
            "aliases": {self.name: {}},
        }
        self.cluster.change("PUT", f"/{self.green}", None, body)
        self.documents = {str(number): document(number) for number in range(count)}
        self.load(self.green, self.documents)

    def load(self, index: str, documents: dict[str, dict[str, Any]]) -> None:
        lines: list[Any] = []
        for key, source in documents.items():
            lines += [{"index": {"_index": index, "_id": key}}, source]
        if not lines:
            return
        answer = self.cluster.change("POST", "/_bulk", {"refresh": "true"}, lines)
        assert answer["errors"] is False

    def desire(self, **parts: Any) -> Path:
        """The desired file: `flight` becomes a keyword, unless `properties` says otherwise."""
        properties = parts.pop("properties", {"flight": {"type": "keyword"}})
        settings = parts.pop("settings", REPLICAS)
        alias = {
            "index": {
                "name": f"{self.name}_{{color}}",
                "colors": ["green", "blue"],
                "settings": settings,
                "mappings": {"properties": properties},
            },
            "finish": {"delete_old": True},
            **parts,
        }
        path = self.folder / "desired.json"
        path.write_text(json.dumps({"version": 1, "aliases": {self.name: alias}}))
        return path

    def esplan(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run the command line in a process of its own; its exit code must be `code`."""
        done = processes.run(["--url", self.url, *arguments])
        assert done.returncode == code, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return done

    def make_plan(self, **parts: Any) -> dict[str, Any]:
        self.esplan("plan", "-d", str(self.desire(**parts)), "-o", str(self.plan))
        plan: dict[str, Any] = json.loads(self.plan.read_text())
        return plan

    def apply(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        return self.esplan("apply", str(self.plan), "--auto-approve", *arguments, code=code)

    def crash(self, point: str, *options: str) -> None:
        """Apply until `point`, and die there by SIGKILL: nothing else counts as a crash."""
        marker = self.folder / "crashed"
        marker.unlink(missing_ok=True)
        arguments = ["--url", self.url, "apply", str(self.plan), "--auto-approve", *options]
        done = processes.run([point, str(marker), *arguments], "crashing:main")
        assert done.returncode == -9, f"{point} did not kill: {done.stdout}\n{done.stderr}"
        assert marker.read_text() == point

    def tamper(self, index: str) -> None:
        """Behind the tool's back: 17 is changed, 21 is deleted, and `new` is new."""
        self.load(index, {"17": {"flight": 18}})
        self.cluster.change("DELETE", f"/{index}/_doc/21", {"refresh": "true"})
        self.load(index, {"new": {"flight": 1}})

    # What became of it

    def read_documents(self, index: str) -> dict[str, dict[str, Any]]:
        """Every document, read one page after the other by a client that knows no checksum."""
        self.cluster.read(f"/{index}/_refresh")
        found: dict[str, dict[str, Any]] = {}
        body: dict[str, Any] = {"size": 1000, "sort": ["_doc"]}
        page = self.cluster.read(f"/{index}/_search?scroll=1m", None, body)
        while page["hits"]["hits"]:
            for hit in page["hits"]["hits"]:
                assert hit["_id"] not in found
                found[hit["_id"]] = hit["_source"]
            scroll = {"scroll": "1m", "scroll_id": page["_scroll_id"]}
            page = self.cluster.read("/_search/scroll", None, scroll)
        self.cluster.change("DELETE", "/_search/scroll", None, {"scroll_id": page["_scroll_id"]})
        return found

    def piped(self, pipeline: str) -> int:
        """How many documents have gone through a pipeline, as the server counts them."""
        parts = {"filter_path": f"nodes.*.ingest.pipelines.{pipeline}.count"}
        found = self.cluster.read("/_nodes/stats/ingest", parts)
        nodes = found["nodes"].values()
        return sum(one["ingest"]["pipelines"][pipeline]["count"] for one in nodes)

    def everything(self) -> dict[str, Any]:
        found = self.cluster.read(f"/{self.name}*", {"expand_wildcards": "all"})
        return dict(found or {})

    def assert_on(self, index: str) -> None:
        """Only this index is left; the alias is on it, alone; nothing blocks; all is there."""
        found = self.everything()
        assert list(found) == [index]
        assert list(found[index]["aliases"]) == [self.name]
        assert blocks(found[index]) == {}
        assert "refresh_interval" not in found[index]["settings"]["index"]
        assert self.read_documents(index) == self.documents
        self.assert_quiet()

    def assert_switched(self) -> None:
        """The migration is whole: the new type, and no change left."""
        self.assert_on(self.blue)
        assert self.everything()[self.blue]["mappings"]["properties"]["flight"] == {
            "type": "keyword"
        }
        again = ["plan", "-d", str(self.folder / "desired.json"), "--detailed-exitcode"]
        assert "No changes" in self.esplan(*again).stdout

    def assert_quiet(self) -> None:
        """No task of this plan runs, and nobody holds the lock."""
        running = self.cluster.read("/_tasks", {"actions": "*reindex", "detailed": "true"})
        tasks = [t for node in running["nodes"].values() for t in node["tasks"].values()]
        assert not [t for t in tasks if self.name in t.get("description", "")]
        assert self.cluster.read("/esplan-state/_doc/lock") is None


def blocks(index: dict[str, Any]) -> dict[str, Any]:
    """An index that was made with `blocks.write: null`, against a template, shows that null."""
    shown = index["settings"]["index"].get("blocks", {})
    return {name: value for name, value in shown.items() if value is not None}


def back(world: World, *options: str, code: int = 0) -> Any:
    """Plan the way back, in place of the plan that was applied."""
    path = world.folder / "back.json"
    done = world.esplan("rollback", str(world.plan), "-o", str(path), *options, code=code)
    if code == 0:
        (world.folder / "plan.json.journal.jsonl").rename(world.folder / "applied.jsonl")
        path.rename(world.plan)
        return json.loads(world.plan.read_text())
    return done


def document(number: int) -> dict[str, Any]:
    return {
        "flight": number,
        "at": f"2013-01-{1 + number % 28:02d}T05:00:00Z",
        "text": f"flight {number} ü",
        "nested": {"a": [1, 1.0, "1", None, {}], "big": 2**60 + number},
    }


def run(command: list[str], **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=processes.environment(command) | extra,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
