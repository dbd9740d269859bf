from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from esplan.errors import Refused
from esplan.live import ClusterInfo
from esplan.model import Body
from esplan.plan import Step
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


LIST = {"dynamic_templates": [{"t": {"path_unmatch": ["a*", "b*"], "mapping": {"type": "ip"}}}]}


@pytest.mark.parametrize(
    ("version", "distribution"),
    [("7.17.29", "elasticsearch"), ("8.8.2", "elasticsearch"), ("2.19.5", "opensearch")],
)
def test_a_list_of_patterns_is_refused_where_it_is_one_text(
    version: str, distribution: str
) -> None:
    with pytest.raises(Refused, match="takes a list of patterns in a dynamic template") as caught:
        ignored.refuse([step(**LIST), step(**LIST)], info(version, distribution))
    assert caught.value.what.startswith(f"alias.a: {distribution} {version}")
    assert "one dynamic template for each pattern" in caught.value.remedy
    ignored.refuse([step(**LIST)], info("8.9.0"))
    one = [{"t": {"match": "a*"}}]
    ignored.refuse([step(dynamic_templates=one)], info(version, distribution))


def test_in_an_index_that_is_there_too() -> None:
    request = {"method": "PUT", "path": "/a/_mapping", "body": LIST}
    in_place = Step("put_mapping", "switch", "index.a", "…", request=request)
    with pytest.raises(Refused, match=r"index\.a: elasticsearch 7\.17\.29"):
        ignored.refuse([in_place], info("7.17.29"))
    ignored.refuse([replace(in_place, kind="update_settings")], info("7.17.29"))
