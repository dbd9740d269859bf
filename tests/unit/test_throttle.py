"""The rate that somebody asked for, pressure on a cluster, and the governor that minds both."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from esplan import disk, pressure, throttle
from esplan.commands.throttle import Throttled, set_rate
from esplan.errors import EsplanError, Refused, ServerError, Stopped, UsageError
from esplan.plan import Plan, Step
from esplan.pressure import Look, Node
from esplan.steps import governor
from esplan.steps.governor import Governor, rate_of, rated
from esplan.views import text

# The rate


@pytest.mark.parametrize(
    ("given", "expected"), [("500", 500), ("0.5", 0.5), ("off", -1), ("OFF", -1), ("-1", -1)]
)
def test_rates(given: str, expected: float) -> None:
    assert throttle.parse(given) == expected


@pytest.mark.parametrize("given", ["0", "-2", "fast", "", "nan", "inf", "1,000"])
def test_what_is_no_rate(given: str) -> None:
    with pytest.raises(UsageError, match="is not a rate"):
        throttle.parse(given)


def test_a_rate_is_kept_for_one_plan_and_goes_with_it(cluster: Any) -> None:
    assert throttle.load(cluster, "a" * 64) is None
    cluster.documents["esplan-state/_doc/throttle-" + "a" * 32] = {"rate": 250.0}
    assert throttle.load(cluster, "a" * 64) == 250
    assert throttle.load(cluster, "b" * 64) is None
    throttle.forget(cluster, "b" * 64)
    throttle.forget(cluster, "a" * 64)
    assert throttle.load(cluster, "a" * 64) is None


def test_what_cannot_be_read_is_no_rate(cluster: Any) -> None:
    cluster.documents["esplan-state/_doc/throttle-" + "a" * 32] = {"rate": {}}
    assert throttle.load(cluster, "a" * 64) is None
    cluster.read = refusing
    assert throttle.load(cluster, "a" * 64) is None


def refusing(*_: Any, **__: Any) -> Any:
    raise ServerError("no", status=403)


def test_a_task_that_is_gone_is_no_error() -> None:
    def change(*_: Any, **__: Any) -> Any:
        raise ServerError("no", status=404)

    cluster: Any = SimpleNamespace(change=change)
    assert not throttle.rethrottle(cluster, "n:1", 5)
    cluster.change = lambda *_, **__: {"nodes": {}}
    assert not throttle.rethrottle(cluster, "n:1", 5)
    cluster.change = lambda *_, **__: {"nodes": {"n": {"tasks": {"n:1": {}}}}}
    assert throttle.rethrottle(cluster, "n:1", 5)


PATH = "/_reindex?slices=auto&requests_per_second={}&timeout=10m"


def copying(rate: str = "-1") -> Step:
    request = {"method": "POST", "path": PATH.format(rate), "body": {}}
    return Step("reindex", "switch", "a", "", request, arguments={"target": "t"}, id="03")


def running(cluster: Any, notes: list[str] | None = None) -> Any:
    plan = Plan("p", "", "", {"uuid": "fake-uuid", "name": "fake"}, "", digest="a" * 64)
    listener = SimpleNamespace(note=(notes if notes is not None else []).append)
    return SimpleNamespace(cluster=cluster, plan=plan, listener=listener)


def test_a_copy_is_started_at_the_rate_that_was_asked_for(cluster: Any) -> None:
    assert rated(copying("7"), running(cluster)) == copying("7")
    cluster.documents["esplan-state/_doc/throttle-" + "a" * 32] = {"rate": 250.0}
    found = rated(copying("7"), running(cluster))
    assert (found.request or {})["path"] == PATH.format("250")
    assert (rate_of(found), rate_of(copying())) == (250, -1)


# The command


def test_nothing_to_throttle(cluster: Any) -> None:
    plan = Plan("p", "", "", {"uuid": "fake-uuid", "name": "fake"}, "", digest="a" * 64)
    with pytest.raises(Refused, match="this plan copies nothing"):
        set_rate(cluster, plan, 5)


def test_what_it_says() -> None:
    said = str(text.throttled(Throttled(-1, ("n:1", "n:2"))))
    assert said == "Running at no limit now: task n:1, n:2."
    said = str(text.throttled(Throttled(2500, ())))
    assert said == (
        "No copy of this plan runs now; one that is started gets: 2,500 documents a second."
    )


# Pressure

STATS = {
    "nodes": {
        "x": {
            "name": "n1",
            "roles": ["data", "ingest"],
            "jvm": {"mem": {"heap_used_percent": 41}},
            "fs": {"total": {"total_in_bytes": 1000, "available_in_bytes": 90}},
            "thread_pool": {"write": {"rejected": 3}},
            "breakers": {"parent": {"tripped": 1}, "request": {"tripped": 2}},
        },
        "y": {"name": "n2", "roles": ["master"]},
    }
}
TABLE = {
    "routing_table": {
        "indices": {"t": {"shards": {"0": [{"state": "STARTED", "primary": True, "node": "x"}]}}}
    }
}
MARKS = {"low": "85%", "high": "90%", "flood_stage": "95%"}


class Answers:
    """As a server gives them; `asked` are the paths."""

    def __init__(self, stats: Any = STATS, table: Any = TABLE) -> None:
        self.stats, self.table = stats, table
        self.asked: list[str] = []

    def read(self, path: str, *_: Any, **__: Any) -> Any:
        self.asked.append(path)
        if path == "/_cluster/settings":
            watermark = {"disk": {"watermark": MARKS}}
            return {"defaults": {"cluster": {"routing": {"allocation": watermark}}}}
        return self.stats if path.startswith("/_nodes") else self.table


def test_a_look_asks_the_nodes_once() -> None:
    cluster: Any = Answers()
    seen = pressure.look(cluster, "t")
    assert [path for path in cluster.asked if "_nodes" in path] == [pressure.STATS]
    (free,) = (node.disk for node in seen.nodes.values() if node.disk)
    assert (free.free, round(free.high), round(free.flood)) == (90, 100, 50)
    assert seen.nodes["x"] == Node("n1", 3, 3, 41, free)
    assert seen.nodes["y"] == Node("n2")
    assert (seen.holders, seen.red) == (frozenset("x"), False)
    assert pressure.reason(seen, seen) == "n1 is past its high disk watermark (90 B free)"
    assert not pressure.full(seen)


def test_a_primary_that_is_not_there() -> None:
    def shard(state: str, *, primary: bool) -> Any:
        copies = [{"state": state, "primary": primary, "node": None}]
        return {"routing_table": {"indices": {"t": {"shards": {"0": copies}}}}}

    for state, primary, red in (
        ("UNASSIGNED", True, True),
        ("INITIALIZING", True, True),
        ("UNASSIGNED", False, False),
        ("RELOCATING", True, False),
    ):
        cluster: Any = Answers(table=shard(state, primary=primary))
        assert pressure.look(cluster, "t").red is red


def at(**parts: Any) -> Look:
    free = parts.pop("free", 500)
    one = Node("n1", disk=disk.Node("n1", free, 200, 100, 50), **parts)
    return Look({"x": one, "y": Node("n2", disk=disk.Node("n2", 1, 200, 100, 50))}, frozenset("x"))


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (at(), ""),
        (at(rejected=5), "n1 rejected 5 writes: its queue is full"),
        (at(tripped=1), "a circuit breaker of n1 tripped"),
        (at(heap=95), "95 % of the heap of n1 is in use"),
        (at(heap=80), ""),
        (at(free=100), "n1 is past its high disk watermark (100 B free)"),
        (at(free=150), ""),
        (Look(red=True), "a primary shard of the new index is not there"),
    ],
)
def test_reasons_to_wait(now: Look, why: str) -> None:
    """n2 is full, and holds nothing of the target."""
    assert pressure.reason(at(), now) == why
    assert pressure.reason(now, now) == ("" if "n1 rejected" in why or "tripped" in why else why)


def test_a_full_disk() -> None:
    assert pressure.full(at(free=51)) == ""
    assert pressure.full(at(free=50)) == "n1 is past its flood-stage disk watermark (50 B free)"


# The governor


class Times:
    """A clock, a rate that somebody asks for, what a look sees, and the rates that were set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.asked, self.seen = 100.0, None, at()
        self.rates: list[float] = []
        self.notes: list[str] = []
        monkeypatch.setattr(governor.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(pressure, "look", lambda *_: self._look())
        monkeypatch.setattr(throttle, "load", lambda *_: self.asked)
        monkeypatch.setattr(throttle, "rethrottle", lambda *given: self._set(given[2]))

    def _look(self) -> Look:
        if isinstance(self.seen, Exception):
            raise self.seen
        return self.seen

    def _set(self, rate: float) -> bool:
        self.rates.append(rate)
        return True

    def governor(self, rate: float | None = -1) -> Governor:
        return Governor(copying(), running(None, self.notes), "n:1", rate, looked=self.now)

    def pass_(self, one: Governor, seconds: float, seen: Any = None) -> None:
        self.seen = at() if seen is None else seen
        for _ in range(int(seconds)):
            self.now += 1
            one.look()


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> Times:
    return Times(monkeypatch)


def test_nothing_is_set_where_nothing_is_wrong(times: Times) -> None:
    times.pass_(times.governor(), 60)
    assert (times.rates, times.notes) == ([], [])


def test_an_adopted_copy_gets_its_rate_at_once(times: Times) -> None:
    one = times.governor(None)
    one.look()
    assert times.rates == [-1], "it may have been left at a crawl"


def test_a_rate_that_somebody_asks_for_is_found_in_seconds(times: Times) -> None:
    one = times.governor()
    times.asked = 250.0
    times.pass_(one, 4)
    times.asked = None
    times.pass_(one, 4)
    assert times.rates == [250, -1]


def test_pressure_comes_and_goes(times: Times) -> None:
    one = times.governor()
    times.asked = 250.0
    times.pass_(one, 4)
    times.pass_(one, 20, at(heap=99))
    assert times.rates == [250, governor.CRAWL]
    assert times.notes == ["pausing the copy: 99 % of the heap of n1 is in use"]
    times.pass_(one, 4)
    times.pass_(one, 4, at(heap=99))
    times.pass_(one, 5)
    assert times.rates[-1] == governor.CRAWL, "not calm for long enough"
    times.pass_(one, 10)
    assert times.rates == [250, governor.CRAWL, 250]
    assert times.notes[1:] == ["the pressure is gone: the copy goes on"]


def test_a_look_that_fails_is_no_error_of_the_copy(times: Times) -> None:
    one = times.governor()
    times.pass_(one, 30, EsplanError("no"))
    assert (times.rates, times.notes) == ([], [])
    times.asked = 9.0
    times.pass_(one, 5, EsplanError("no"))
    assert times.rates == [9], "who may not look may still be throttled"


def test_a_full_disk_stops(times: Times) -> None:
    one = times.governor()
    with pytest.raises(Stopped) as stopped:
        times.pass_(one, 5, at(free=10))
    assert "past its flood-stage disk watermark" in stopped.value.what
    assert "apply the plan again: it goes on from here" in stopped.value.remedy
