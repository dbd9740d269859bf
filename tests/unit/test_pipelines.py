from __future__ import annotations

from typing import Any

from esplan import pipelines

FOUND: dict[str, Any] = {
    "outer": {
        "processors": [
            {"pipeline": {"name": "inner", "if": "x"}},
            {"foreach": {"processor": {"pipeline": {"name": "deep"}}}},
            {"pipeline": {"name": "{{of.the.document}}"}},
            {"pipeline": {"name": "optional", "ignore_missing_pipeline": True}},
            {"set": {"field": "pipeline", "value": "x"}},
        ],
        "on_failure": [{"pipeline": {"name": "outer"}}],
    },
    "inner": {"processors": []},
}


class Cluster:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def read(self, *_: Any) -> Any:
        return self.answer


def test_read() -> None:
    state = {"metadata": {"ingest": {"pipeline": [{"id": "a", "config": {"processors": []}}]}}}
    assert pipelines.read(Cluster(state)) == {"a": {"processors": []}}
    assert pipelines.read(Cluster({})) == {}


def test_what_a_pipeline_calls_belongs_to_it() -> None:
    assert pipelines.missing(FOUND, "outer") == ["deep"]
    assert pipelines.missing(FOUND, "inner") == []
    assert pipelines.missing(FOUND, "none") == ["none"]


def test_a_change_of_what_it_calls_is_one_of_it() -> None:
    other = {**FOUND, "inner": {"processors": [{"drop": {}}]}}
    assert pipelines.fingerprint(FOUND, "outer") != pipelines.fingerprint(other, "outer")
    assert pipelines.fingerprint(FOUND, "deep") == pipelines.fingerprint(other, "deep")
