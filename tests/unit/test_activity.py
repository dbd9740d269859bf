from __future__ import annotations

from typing import Any

import pytest

from esplan import activity
from esplan.activity import QUIET, Activity, is_written, observe
from esplan.errors import Incomplete


@pytest.fixture
def live(cluster: Any) -> Any:
    for name, mark in (("a", 3), ("b", 5)):
        cluster.make(name, settings={"index.number_of_shards": "1"}, mark=mark)
    cluster.asked.clear()
    return cluster


def test_nobody_writes(live: Any) -> None:
    assert observe(live, ["a", "b"]) == Activity({"a": {"0": 3}, "b": {"0": 5}}, frozenset())
    assert live.asked == ["/a,b", "/a,b/_stats"] * 2


def test_who_is_written_to_and_the_later_marks(live: Any) -> None:
    live.written.add("b")
    assert observe(live, ["a", "b"]) == Activity({"a": {"0": 3}, "b": {"0": 7}}, frozenset({"b"}))


def test_nothing_to_look_at_takes_no_request_and_no_time(
    live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "PAUSE", -1.0)  # time.sleep would refuse it
    assert observe(live, []) is QUIET
    assert live.asked == []


def test_the_pause_lies_between_the_two_looks(live: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def sleep(seconds: float) -> None:
        live.asked.append(f"sleep {seconds}")

    monkeypatch.setattr(activity, "PAUSE", 2.0)
    monkeypatch.setattr(activity.time, "sleep", sleep)
    observe(live, ["a"])
    assert live.asked == ["/a", "/a/_stats", "sleep 2.0", "/a", "/a/_stats"]


def test_an_index_without_all_of_its_shards_is_an_error(live: Any) -> None:
    live.indices["a"]["settings"]["index.number_of_shards"] = "2"
    live.indices["a"]["away"] = 1
    with pytest.raises(Incomplete, match="a is not complete: 1 of 2 primary shards are there"):
        observe(live, ["a"])


# Since a plan, or a proof


def test_written_since_the_plan(live: Any) -> None:
    assert not is_written(live, "a", {"0": 3})
    assert live.asked == ["/a", "/a/_stats"], "one look is enough"
    assert is_written(live, "a", {"0": 2})


def test_written_since_the_proof_or_now(live: Any) -> None:
    assert not is_written(live, "a", None)
    assert not is_written(live, "a", None, {"0": 3})
    assert is_written(live, "a", None, {"0": 2})
    live.written.add("a")
    assert is_written(live, "a", None)
