from __future__ import annotations

from typing import Any

import pytest

from esplan.errors import Refused
from esplan.live import ClusterInfo
from esplan.model import Body
from esplan.route import ignored
from esplan.steps import create_index


def step(**mappings: Any) -> Any:
    body = Body(mappings=mappings)
    return create_index.describe("alias.a", "p", "a_blue", body, {}, filled=False)


def info(version: str, distribution: str = "elasticsearch") -> ClusterInfo:
    return ClusterInfo("c", "u", version, distribution)


def test_a_mode_of_the_source_in_the_mapping_is_refused_from_9_on() -> None:
    with pytest.raises(Refused, match=r"elasticsearch 9.4.3 takes mappings._source.mode") as caught:
        ignored.refuse([step(_source={"mode": "synthetic"})], info("9.4.3"))
    assert caught.value.what.startswith("alias.a: ")
    assert caught.value.remedy == (
        "write `settings: {index.mapping.source.mode: …}`, without mappings._source.mode"
    )


def test_what_is_read_is_not_refused() -> None:
    mode = step(_source={"mode": "synthetic"})
    ignored.refuse([step(), step(_source={"excludes": ["a"]})], info("9.4.3"))
    ignored.refuse([mode], info("8.16.1"))
    ignored.refuse([mode], info("10.0.0", "opensearch"))
