"""What the index of a release held when its alias left it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from esplan.plan import Change, Step
from esplan.steps import stood

if TYPE_CHECKING:
    from conftest import FakeCluster

    from esplan.cluster import Cluster
    from esplan.run import Run

OLD = "a_green"
KNOWN: dict[str, Any] = {
    "index": OLD,
    "identity": {"uuid": "u", "history": ""},
    "marks": {"0": 9},
    "documents": 5,
}


@pytest.mark.parametrize(
    ("documents", "mark", "uuid", "why"),
    [
        (5, 9, "u", ""),
        (6, 10, "u", ""),
        (4, 10, "u", "a_green has 4 documents, and had 5"),
        (5, 8, "u", "a_green has lost writes"),
        (5, 9, "v", "a_green is another index than the one that served"),
    ],
)
def test_it_may_have_more_and_nothing_less(
    cluster: FakeCluster, documents: int, mark: int, uuid: str, why: str
) -> None:
    cluster.make(OLD, uuid, documents, mark=mark)
    found = stood.fallen(KNOWN, cast("Cluster", cluster))
    assert why in found
    assert bool(why) == bool(found)


def test_what_nobody_noted_must_not_be_empty(cluster: FakeCluster) -> None:
    cluster.make(OLD, "u", 0, mark=9)
    assert "nobody knows" in stood.fallen({"index": OLD}, cast("Cluster", cluster))
    cluster.make(OLD, "u", 1, mark=9)
    assert stood.fallen({"index": OLD}, cast("Cluster", cluster)) == ""


@pytest.mark.parametrize(("route", "noted"), [("reindex", False), ("release", True)])
def test_only_what_a_release_leaves_is_noted(
    cluster: FakeCluster, route: str, *, noted: bool
) -> None:
    cluster.make(OLD, "u", 5, mark=9)
    change = Change("alias.a", "replace", route, OLD, "b", (), None, {})
    run = cast("Run", SimpleNamespace(cluster=cluster, plan=SimpleNamespace(changes=(change,))))
    known = {name: value for name, value in KNOWN.items() if name != "index"}
    found = stood.left(Step("update_aliases", "switch", "alias.a", ""), run)
    assert found == ({"stood": {OLD: known}} if noted else {})
