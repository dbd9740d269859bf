from __future__ import annotations

from typing import Any

import pytest

from esplan.checksum import versions
from esplan.commands import versions as noting
from esplan.errors import ServerError
from esplan.plan import Change, Plan, Step

STATS: dict[str, Any] = {"count": 2, "min": 1.0, "max": 3.0, "avg": 2.0, "sum": 4.0}


class Cluster:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def read(self, *_: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def answer(*buckets: Any) -> Any:
    return {"aggregations": {"indices": {"buckets": list(buckets)}}}


def test_look() -> None:
    look: Any = versions.look
    assert look(Cluster(answer({"key": "a", "versions": STATS})), "a") == STATS
    assert look(Cluster(answer({"key": "a", "versions": {"count": 0}})), "a") is None
    assert look(Cluster(answer()), "a") is None
    assert look(Cluster(None), "a") is None
    for status in (400, 403):
        assert look(Cluster(ServerError("no", code="ESP-3203", status=status)), "a") is None
    with pytest.raises(ServerError):
        look(Cluster(ServerError("no", code="ESP-3203", status=503)), "a")


def test_the_server_adds_one_with_each_write() -> None:
    assert not versions.are_set(STATS, {"0": 2, "1": 0})
    assert versions.are_set(STATS, {"0": 2, "1": -1}), "three writes, four versions"


def test_same() -> None:
    assert versions.same(STATS, dict(STATS))
    assert versions.same(None, None)
    assert not versions.same(STATS, None)
    assert not versions.same(STATS, {**STATS, "max": 4.0})
    assert not versions.same(STATS, {**STATS, "sum": 5.0})
    high = {**STATS, "sum": 1.7e18}
    assert versions.same(high, {**high, "sum": 1.7e18 + 512}), "added in another order"


def test_a_plan_says_that_a_backfill_raises_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place, and in a clone, which has the versions of its source."""
    fill = Step("backfill", "finish", "alias.f", "", arguments={"source": "f_blue"})
    change = Change("alias.f", "update", "mapping", "f_green", "f_blue", (), None, {})
    made = Plan("0123456789abcdef", "", "", {}, "", (change,), (fill,))
    high = {"f_green": {**STATS, "max": 10.0, "sum": 50.0}}
    monkeypatch.setattr(noting.checksum, "marks", lambda *_: {"f_green": {"0": 4}})
    monkeypatch.setattr(noting.versions, "look_at", lambda _, names: {n: high[n] for n in names})
    (said,) = noting.noted(Cluster(None), made).warnings  # type: ignore[arg-type]  (enough of one)
    assert "documents of f_green have versions up to 10, more than its writes" in said
    assert "A backfill raises each by one" in said
    monkeypatch.setattr(noting.checksum, "marks", lambda *_: {"f_green": {"0": 49}})
    assert noting.noted(Cluster(None), made).warnings == ()  # type: ignore[arg-type]  (the same)
