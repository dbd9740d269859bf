"""Whether an index is still the one that was proven: by its identity, numbers and documents."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from esplan.errors import Refused
from esplan.plan import Step
from esplan.steps import heirs

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import FakeCluster

    from esplan.cluster import Cluster
    from esplan.run import Run

NEW = "a_blue"
PROOF: dict[str, Any] = {
    "target": NEW,
    "target_documents": 20,
    "marks": {NEW: {"0": 19}},
    "identities": {NEW: {"uuid": "u", "history": ""}},
}


def found(cluster: FakeCluster, **known: Any) -> str:
    check = heirs.descent(PROOF | known, NEW)
    return heirs.continuous(check, cast("Cluster", cluster))


def shows(documents: int, mark: int) -> Callable[[FakeCluster], None]:
    return lambda one: one.make(NEW, "u", documents, mark=mark)


WAYS: list[tuple[Callable[[FakeCluster], None], str]] = [
    (shows(20, 19), ""),
    (shows(20, 30), ""),
    (shows(0, 39), ""),  # clients have deleted each of them
    (shows(0, 19), "0 documents, had 20, and 0 writes since"),
    (shows(3, 30), "3 documents, had 20, and 11 writes since"),
    (shows(5, 4), "has lost writes"),
    (lambda one: one.make(NEW, "other", 20, mark=19), "another index"),
    (lambda one: one.make(NEW, "other", 0, mark=-1), "another index"),
    (lambda _: None, "is gone"),
]


@pytest.mark.parametrize(("make", "why"), WAYS)
def test_what_became_of_the_index_that_was_proven(
    cluster: FakeCluster, make: Callable[[FakeCluster], None], why: str
) -> None:
    make(cluster)
    said = found(cluster)
    assert why in said
    assert bool(why) == bool(said)


def test_a_history_of_its_own_is_another_index(cluster: FakeCluster) -> None:
    """A snapshot that was restored over it."""
    cluster.make(NEW, "u", 20, mark=19, settings={"index.history.uuid": "h"})
    assert "another index" in found(cluster, identities={NEW: {"uuid": "u", "history": "g"}})


def test_nothing_is_deleted_for_what_another_index_lacks(cluster: FakeCluster) -> None:
    cluster.make(NEW, "other", 0, mark=-1)
    run = cast("Run", SimpleNamespace(cluster=cluster))
    step = Step("catch_up", "prepare", "alias.a", "", preconditions=(heirs.descent(PROOF, NEW),))
    with pytest.raises(Refused) as caught:
        heirs.require_continuous(step, run)
    assert caught.value.code == "ESP-4515"
    heirs.require_continuous(replace(step, preconditions=()), run)
