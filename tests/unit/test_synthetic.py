"""Whether a synthetic `_source` gives back all that is indexed."""

from __future__ import annotations

from typing import Any

import pytest

from esplan import synthetic

COARSE = {"type": "date", "format": "yyyy-MM-dd||strict_date_optional_time"}
MODE = {"_source": {"mode": "synthetic"}}
EXACT = {
    "at": {"type": "date", "ignore_malformed": False},
    "by": {"type": "date", "format": "strict_date_optional_time||epoch_millis"},
    "host": {"properties": {"ip": {"type": "ip"}, "name": {"type": "keyword", "index": False}}},
    "n": {"type": "long", "time_series_metric": "gauge"},
    "yes": {"type": "boolean", "meta": {"unit": "one"}},
}


def fields(**properties: Any) -> dict[str, Any]:
    return {**MODE, "properties": properties}


@pytest.mark.parametrize(
    ("settings", "mappings"),
    [
        ({}, {"properties": {"at": COARSE}}),
        ({"index.mode": "standard"}, {"properties": {"at": COARSE}}),
        ({"index.mode": "logsdb"}, {"_source": {"mode": "stored"}, "properties": {"at": COARSE}}),
        (
            {"index.mode": "logsdb", "index.mapping.source.mode": "stored"},
            {"properties": {"at": COARSE}},
        ),
        ({}, {**MODE, "properties": EXACT}),
        ({"index.mode": "time_series"}, {"properties": EXACT}),
        ({}, {}),
    ],
)
def test_what_comes_back_whole(settings: Any, mappings: Any) -> None:
    assert synthetic.unsure(settings, mappings) == ""


@pytest.mark.parametrize(
    ("settings", "mappings", "said"),
    [
        ({}, fields(at=COARSE), "all of at"),
        ({"index.mode": "logsdb"}, {"properties": {"at": COARSE}}, "all of at"),
        ({"index.mode": "time_series"}, {"properties": {"at": COARSE}}, "all of at"),
        ({"index.mapping.source.mode": "SYNTHETIC"}, {"properties": {"at": COARSE}}, "all of at"),
        ({}, fields(o={"properties": {"t": {"type": "text"}}}), "all of o.t"),
        ({}, fields(o={"type": "nested", "properties": {}}), "all of o"),
        ({}, fields(o={"type": "object", "enabled": False}), "all of o"),
        ({}, fields(k={"type": "keyword", "ignore_above": 9}), "all of k"),
        ({}, fields(k={"type": "keyword", "normalizer": "lowercase"}), "all of k"),
        ({}, fields(k={"type": "keyword", "doc_values": False}), "all of k"),
        ({}, fields(n={"type": "scaled_float", "scaling_factor": 10}), "all of n"),
        ({}, {**MODE, "subobjects": False}, "all of subobjects"),
        ({}, fields(**{n: {"type": "text"} for n in "abcde"}), "all of a, b, c and 2 more"),
        ({"index.derived_source.enabled": "true"}, {}, "index.derived_source.enabled"),
    ],
)
def test_what_may_not_come_back_whole(settings: Any, mappings: Any, said: str) -> None:
    assert said in synthetic.unsure(settings, mappings)
