from __future__ import annotations

from typing import Any

import pytest

from esplan import whole
from esplan.model import Body, Index

LONG = {"type": "long"}
TEXT = {"type": "text", "analyzer": "a"}


def base(properties: dict[str, Any], exact: bool = False, **root: Any) -> dict[str, Any]:  # noqa: FBT001, FBT002
    body = Body({"index.codec": "x"}, {"properties": properties, **root})
    found: dict[str, Any] = whole.kept(Index("old", body), "new", exact=exact)[whole.WHOLE]
    return found


def changed(
    before: dict[str, Any], properties: Any, settings: Any = None, **root: Any
) -> list[str]:
    settings = {"index.codec": "x"} if settings is None else settings
    return whole.changed(before, Body(settings, {"properties": properties, **root}))


def test_what_is_merely_added_is_no_change() -> None:
    before = base({"a": LONG, "t": TEXT, "o": {"type": "object"}}, dynamic_templates=[1])
    after = {
        "a": LONG,
        "b": LONG,
        "t": {**TEXT, "fields": {"k": LONG}},
        "o": {"properties": {"x": LONG}},
    }
    assert changed(before, after, runtime={"r": LONG}, dynamic_templates=[2, 1, 3]) == []


def test_anything_else_is_said_with_both_values() -> None:
    before = base({"a": LONG, "o": {"properties": {"x": LONG}}}, dynamic_templates=[1])
    found = changed(before, {"o": {"properties": {"x": TEXT}}}, {}, dynamic_templates=[2])
    assert found == [
        'settings.index.codec was "x" and is not set',
        "mappings.dynamic_templates was [1] and is [2]",
        'mappings.properties.a was {"type": "long"} and is not set',
        'mappings.properties.o.properties.x.analyzer was not set and is "a"',
        'mappings.properties.o.properties.x.type was "long" and is "text"',
    ]


def test_blocks_are_no_definition() -> None:
    assert changed(base({}), {}, {"index.codec": "x", "index.blocks.write": "true"}) == []


def test_with_an_exact_mapping_an_addition_is_a_change() -> None:
    assert changed(base({}, exact=True), {"a": LONG}) == [
        'mappings.properties.a was not set and is {"type": "long"}'
    ]


def test_aliases_that_came_since_the_plan() -> None:
    """But for those of esplan itself; a plan of an older esplan knows of none."""
    before = whole.kept(Index("old", Body(), aliases={"a": {}}), "new")[whole.WHOLE]
    live = Index("old", Body(), aliases={"a": {}, "b": {}, "esplan-copy-0123-heir": {}})
    assert whole.aliased(before, live) == ["it has the alias b since"]
    assert whole.stale(before, live) == (
        "old was changed since the plan was made: it has the alias b since"
    )
    del before["aliases"]
    assert whole.stale(before, live) == ""


def test_a_long_list_is_cut() -> None:
    found = changed(base({f"f{n:02}": {"meta": "x" * 500} for n in range(12)}), {})
    assert len(found) == 11
    assert found[-1] == "and 2 more"
    assert all(len(one) < 300 for one in found)


def added(
    before: dict[str, Any],
    live: dict[str, Any],
    target: dict[str, Any],
    declared: dict[str, Any] | None = None,
) -> whole.Addition:
    trees = ({"properties": one} for one in (live, target, declared or {}))
    return whole.Addition(before, *trees)


def test_a_new_field_is_sent_whole_and_an_old_one_with_what_the_target_has() -> None:
    live = {"a": LONG, "b": {"properties": {"c": TEXT}}, "t": {**TEXT, "fields": {"k": LONG}}}
    found = added(base({"t": TEXT}), live, {"t": {**TEXT, "fields": {"own": LONG}}})
    assert found.body == {
        "properties": {
            "a": LONG,
            "b": {"properties": {"c": TEXT}},
            "t": {**TEXT, "fields": {"k": LONG}},
        }
    }
    assert found.paths == ["a", "b", "t.k"]
    assert not found.wrong


def test_what_the_target_has_is_not_sent() -> None:
    there = {"a": LONG, "o": {"properties": {"x": LONG, "more": LONG}}}
    found = added(base({}), {"a": LONG, "o": {"properties": {"x": LONG}}}, there)
    assert (found.body, found.wrong) == ({}, [])


def test_another_definition_is_wrong() -> None:
    found = added(base({}), {"a": LONG, "b": LONG}, {"a": TEXT})
    assert [whole.said(one) for one in found.wrong] == [
        'mappings.properties.a.analyzer was not set and is "a"',
        'mappings.properties.a.type was "long" and is "text"',
    ]


@pytest.mark.parametrize("declared", [{}, {"a": TEXT}])
def test_what_differs_on_purpose_is_no_addition(declared: dict[str, Any]) -> None:
    """The plan knew the field; or the file says what it is to be."""
    before = base({} if declared else {"a": LONG})
    found = added(before, {"a": {**LONG, "fields": {"k": LONG}}}, {"a": TEXT}, declared)
    assert (found.body, found.wrong) == ({}, [])


def test_beside_a_declared_field_its_siblings_are_carried_over() -> None:
    live = {"o": {"properties": {"a": LONG, "b": LONG}}}
    there = {"o": {"properties": {"a": TEXT}, "dynamic": "strict"}}
    found = added(base({}), live, there, {"o": {"properties": {"a": TEXT}}})
    assert found.body["properties"]["o"] == {"dynamic": "strict", "properties": {"b": LONG}}


def test_nothing_goes_to_an_exact_target() -> None:
    assert added(base({}, exact=True), {"a": LONG}, {}).body == {}


def test_templates_and_names_with_dots() -> None:
    live = {"properties": {"a.b": LONG}, "dynamic_templates": [1, 2]}
    before = base({}, dynamic_templates=[1])
    there = {"properties": {}, "dynamic_templates": [1], "subobjects": False}
    found = whole.Addition(before, live, there, {})
    assert found.body == {
        "properties": {"a.b": LONG},
        "dynamic_templates": [1, 2],
        "subobjects": False,
    }
    assert whole.Addition(before, live, there, {"dynamic_templates": [1]}).paths == ["a.b"]


def test_a_field_that_was_added_since_is_pruned() -> None:
    grown = {"properties": {"a": LONG, "o": {"properties": {"x": LONG, "y": LONG}}}}
    known = {"properties": {"o": {"properties": {"x": LONG}}}}
    assert whole.pruned(grown, known) == known
