"""Record `live.json` of every case, and `echoes.json`, from a real server.

Run with the server's address in ESPLAN_TEST_URL, and the names of cases, or none for all; no apply
may ever have run there. Each case makes its own indices, keeps the server's answers to the reads
of `esplan plan`, and deletes what it made; every name begins with the name of the case. Then:
pytest --update-goldens.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esplan.cluster import Cluster
from esplan.connection import Connection
from esplan.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
ECHO = "esplan-echo"
VOLATILE = ("uuid", "version", "creation_date", "provided_name")

TITLE = {"properties": {"title": {"type": "text"}, "year": {"type": "integer"}}}
ONE_SHARD = {"number_of_shards": 1, "number_of_replicas": 0}
TWO_SHARDS = {"number_of_shards": 2, "number_of_replicas": 0}


def index(**parts: Any) -> dict[str, Any]:
    """The body of a create-index call: one shard, a title and a year, unless said otherwise."""
    return {"settings": ONE_SHARD, "mappings": TITLE, **parts}


SETUP: dict[str, dict[str, dict[str, Any]]] = {
    "no-change": {"no-change_green": index(aliases={"no-change": {}})},
    "first-release": {},
    "replace-deleting-old": {
        "replace-deleting-old_green": index(aliases={"replace-deleting-old": {"routing": "1"}})
    },
    "replace-keeping-old": {
        "replace-keeping-old_green": index(
            aliases={"replace-keeping-old": {}, "replace-keeping-old-bystander": {}}
        )
    },
    "dynamic-settings": {"dynamic-settings_green": index(aliases={"dynamic-settings": {}})},
    "mapping-addition": {"mapping-addition_green": index(aliases={"mapping-addition": {}})},
    "alias-options": {
        "alias-options_green": index(
            aliases={"alias-options": {"filter": {"term": {"year": 2001}}, "routing": "a"}}
        )
    },
    "several-objects": {
        "several-objects-same": index(),
        "several-objects-films_green": index(aliases={"several-objects-films": {}}),
        "several-objects-books_000007": index(aliases={"several-objects-books": {}}),
    },
    "group": {
        "group-films_green": index(aliases={"group-films": {}}),
        "group-actors_000003": index(aliases={"group-actors": {"routing": "1"}}),
        "group-alone_green": index(aliases={"group-alone": {}}),
    },
    "split": {"split_green": index(settings=TWO_SHARDS, aliases={"split": {}})},
    "shrink": {"shrink_green": index(settings=TWO_SHARDS, aliases={"shrink": {}})},
    "split-that-does-not-fit": {
        "split-that-does-not-fit_green": index(
            settings={**TWO_SHARDS, "number_of_routing_shards": 4},
            aliases={"split-that-does-not-fit": {}},
        )
    },
    "clone": {"clone_green": index(aliases={"clone": {}})},
    "close-open": {"close-open_green": index(aliases={"close-open": {}})},
    "backfill": {"backfill_green": index(aliases={"backfill": {}})},
    "refused-close": {"refused-close": index()},
    "refused-alias-on-two": {
        name: index(aliases={"refused-alias-on-two": {}})
        for name in ("refused-alias-on-two_blue", "refused-alias-on-two_green")
    },
    "refused-alias-name-is-index": {"refused-alias-name-is-index": index()},
    "refused-index-without-alias": {"refused-index-without-alias": index()},
    "refused-source-disabled": {
        "refused-source-disabled_green": index(
            mappings={**TITLE, "_source": {"enabled": False}},
            aliases={"refused-source-disabled": {}},
        )
    },
    "refused-target-taken": {
        "refused-target-taken_green": index(aliases={"refused-target-taken": {}}),
        "refused-target-taken_blue": index(),
    },
    "refused-old-serves-another-alias": {
        "refused-old-serves-another-alias_green": index(
            aliases={"refused-old-serves-another-alias": {}, "refused-old-serves-readers": {}}
        )
    },
    "release-first": {
        "release-first-1_0_0-20251231t060000z": index(),
        "release-first-1_0_0-2026-01-01t06-00-00.000z": index(),
        "release-first-1_0_0-notes": index(),
    },
    "release-next": {
        "release-next-1_0_0-20251231t060000z": index(aliases={"release-next": {}}),
        "release-next-2_0_0-20260101t060000z": index(),
    },
    "templates": {},
    "refused-run-missing": {
        "refused-run-missing-20251231t060000z": index(),
        "refused-run-missing-20251231t060000z-employee": index(),
        "refused-run-missing-2026-01-01t06-00-00z": index(),
    },
}
"""What exists in the cluster before the plan: index name → create-index body."""

MERGED = {"release-next": ("release-next-2_0_0-20260101t060000z",)}
"""Indices that the plan of a case would force merge: it looks whether they are written to."""

LINKED = {name: (f"{name}_green",) for name in ("shrink", "split", "split-that-does-not-fit")}
LINKED["several-objects"] = ("several-objects-books_000007",)
"""Indices whose number of shards may change by hard links: it looks where the shards are."""

TEMPLATES: dict[str, dict[str, dict[str, Any]]] = {
    "templates": {
        "/_component_template/templates": {
            "template": {"settings": {"max_result_window": 500, "final_pipeline": "stamp"}}
        },
        "/_index_template/templates": {
            "index_patterns": ["templates*"],
            "composed_of": ["templates"],
            "template": {
                "settings": {"refresh_interval": "1s"},
                "mappings": {"properties": {"added": {"type": "date"}}},
                "aliases": {"templates-all": {"routing": "1"}},
            },
        },
    }
}
"""Index templates of a case, by their path, in an order in which they can be made."""


TIMED = {
    "backfill": "backfill_green",
    "clone": "clone_green",
    "group": "group-films_green",
    "release-next": "release-next-2_0_0-20260101t060000z",
    "replace-deleting-old": "replace-deleting-old_green",
    "replace-keeping-old": "replace-keeping-old_green",
    "several-objects": "several-objects-books_000007",
    "shrink": "shrink_green",
    "split": "split_green",
    "split-that-does-not-fit": "split-that-does-not-fit_green",
}
"""Cases with a long step, and the index that is measured for it."""

PAST = {
    "group": (("reindex", 3, 12.4), ("verify", 3, 4.6)),
    "replace-deleting-old": (("reindex", 3, 12.4), ("verify", 3, 4.6)),
    "release-next": (("force_merge", None, 27.1),),
}
"""What an apply has measured before: kind of step, documents, seconds. The bytes are 12,000."""


def main(names: list[str]) -> None:
    """Record the named cases, or everything."""
    with Cluster(Connection(os.environ["ESPLAN_TEST_URL"])) as cluster:
        for case in names or SETUP:
            with templated(cluster, TEMPLATES.get(case, {})), existing(cluster, SETUP[case]):
                save(HERE / case / "live.json", answers(cluster, case))
        if not names:
            save_echoes([echo(cluster, one["sent"]) for one in load_echoes()])


@contextmanager
def templated(cluster: Cluster, templates: dict[str, dict[str, Any]]) -> Iterator[None]:
    """The index templates of a case, for the length of the block."""
    try:
        for path, body in templates.items():
            cluster.change("PUT", path, None, body)
        yield
    finally:
        for path in reversed(templates):
            if cluster.read(path) is not None:
                cluster.change("DELETE", path)


@contextmanager
def existing(cluster: Cluster, indices: dict[str, dict[str, Any]]) -> Iterator[None]:
    """The indices of a case, three documents in each, for the length of the block."""
    try:
        for name, body in indices.items():
            cluster.change("PUT", f"/{name}", None, body)
            for number in range(3):
                document = {"title": f"number {number}", "year": 2000 + number}
                path = f"/{name}/_doc/{number}"
                cluster.change("PUT", path, {"refresh": "true"}, document)
        yield
    finally:
        for name in indices:
            if cluster.read(f"/{name}") is not None:
                cluster.change("DELETE", f"/{name}")


def answers(cluster: Cluster, case: str) -> dict[str, Any]:
    """The answer to every read of a plan, by path, without the indices of others."""
    from esplan import activity, layout, live, templates

    recorder = Recorder(cluster)
    live.cluster_info(recorder)
    live.read_state(recorder)
    activity.observe(recorder, MERGED.get(case, ()))
    layout.read(recorder, LINKED.get(case, ()))
    if case in TIMED:
        estimated(recorder, case)
    if case in TEMPLATES:
        templates.read(recorder)
    return {path: only(case, answer) for path, answer in recorder.answers.items()}


def estimated(recorder: Recorder, case: str) -> None:
    """What applies have measured, the measurement, and the disks."""
    from esplan import checksum, disk, live, rates, state_index

    remember(recorder.cluster, case)
    rates.read(recorder)
    if case in PAST:
        recorder.cluster.change("DELETE", f"/{state_index.STATE_INDEX}")
    else:
        checksum.sample(recorder, live.read_state(recorder).indices[TIMED[case]])
    disk.read(recorder)


def remember(cluster: Cluster, case: str) -> None:
    """The journal of an apply of the same object, as it is mirrored."""
    from esplan import rates, state_index
    from esplan.journal import Record
    from esplan.plan import Step

    for number, (kind, documents, seconds) in enumerate(PAST.get(case, ())):
        state_index.ensure(cluster)
        step = Step(kind, "switch", f"alias.{case}", "", estimate={"bytes": 12_000})
        data = rates.evidence(step, seconds, documents)
        record = Record(number, "", "done", str(number), "2025-12-01T20:15:00+00:00", data)
        state_index.store(cluster, "0" * 64, record.sealed())
    if case in PAST:
        cluster.read(f"/{state_index.STATE_INDEX}/_refresh")


class Recorder:
    """A Reader that remembers what the cluster answered."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.answers = cluster, dict[str, Any]()

    def read(self, path: str, params: Any = None, body: Any = None) -> Any:
        self.answers[path] = self.cluster.read(path, params, body)
        return self.answers[path]


WHOLE = {"cluster_uuid", "routing_table", "nodes", "defaults", "hits"}


def only(case: str, answer: Any) -> Any:
    """What is about no index is kept whole; of the others only what this case made."""
    if not answer or WHOLE & set(answer):
        return answer
    if set(answer) == {"indices"}:
        return {"indices": only(case, answer["indices"])}
    for several in {"index_templates", "component_templates"} & set(answer):
        return {several: [one for one in answer[several] if one["name"] == case]}
    return {name: one for name, one in answer.items() if name in SETUP[case]}


def load_echoes() -> list[dict[str, Any]]:
    """What to send: kept in the file itself."""
    return json.loads((HERE / "echoes.json").read_text(encoding="utf-8"))


def echo(cluster: Cluster, sent: dict[str, Any]) -> dict[str, Any]:
    """A create-index body, and what GET returns after it."""
    try:
        cluster.change("PUT", f"/{ECHO}", None, sent)
        returned = cluster.read(f"/{ECHO}")[ECHO]
    except ServerError as error:
        sys.exit(f"{json.dumps(sent)}: {error}")
    cluster.change("DELETE", f"/{ECHO}")
    for name in VOLATILE:
        returned["settings"]["index"].pop(name)
    return {"sent": sent, "returned": returned}


def save_echoes(echoes: list[dict[str, Any]]) -> None:
    """One pair a line: there are many."""
    lines = ",\n".join(json.dumps(one, sort_keys=True) for one in echoes)
    (HERE / "echoes.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def save(path: Path, value: Any) -> None:
    """As a person reads it in a review."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
