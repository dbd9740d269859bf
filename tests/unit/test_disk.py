"""disk.py: what is free, where the watermarks are, and what does not fit."""

from __future__ import annotations

from typing import Any

import pytest

from esplan import disk
from esplan.disk import Need, Node, shortage
from esplan.errors import ServerError

GIB = 1024**3
WHOLE = 100 * GIB


def node(name: str, free: int, roles: tuple[str, ...] = ("data",)) -> dict[str, Any]:
    total = {"total_in_bytes": WHOLE, "available_in_bytes": free}
    return {"name": name, "roles": list(roles), "fs": {"total": total}}


class Answers:
    """A Reader with these nodes and settings."""

    def __init__(self, *nodes: dict[str, Any], **settings: Any) -> None:
        self.nodes, self.asked = nodes, list[str]()
        self.settings = {"defaults": settings} if "defaults" not in settings else settings

    def read(self, path: str, _params: Any = None, _body: Any = None) -> Any:
        self.asked.append(path)
        if path == disk.NODES:
            return {"nodes": {str(number): one for number, one in enumerate(self.nodes)}}
        layers = self.settings.items()
        nested = {"cluster": {"routing": {"allocation": {}}}}
        return {
            layer: {**nested, "cluster": {"routing": {"allocation": {"disk": found}}}}
            for layer, found in layers
        }


# Reading


def test_two_requests_whatever_the_number_of_nodes() -> None:
    cluster = Answers(node("b", 5), node("a", 7), watermark={"low": "0b"})
    assert disk.read(cluster) == (Node("a", 7), Node("b", 5))
    assert cluster.asked == ["/_nodes/stats/fs", "/_cluster/settings"]


def test_only_nodes_that_hold_indices_count() -> None:
    roles = [("master",), ("data_frozen",), ("data_hot",), ("data_frozen", "data_content")]
    nodes = [node(str(number), 5, one) for number, one in enumerate(roles)]
    assert [one.name for one in disk.read(Answers(*nodes))] == ["2", "3"]


WATERMARKS = {"low": "85%", "high": "90%", "high.max_headroom": "4gb", "flood_stage": "95%"}


def test_watermarks_in_percent_with_their_headroom() -> None:
    (one,) = disk.read(Answers(node("a", 20 * GIB), threshold_enabled="true", watermark=WATERMARKS))
    assert one.low == pytest.approx(15 * GIB)
    assert one.high == pytest.approx(4 * GIB)
    assert one.room == pytest.approx(16 * GIB)


def test_a_transient_setting_wins_over_a_persistent_one_and_both_over_the_default() -> None:
    layers: dict[str, Any] = {
        "defaults": {"watermark": {"low": "85%", "high": "90%"}},
        "persistent": {"watermark": {"low": "30gb", "high": "20gb"}},
        "transient": {"watermark": {"high": "25gb"}},
    }
    (one,) = disk.read(Answers(node("a", 50 * GIB), **layers))
    assert (one.low, one.high) == (30 * GIB, 25 * GIB)


def test_thresholds_that_are_switched_off_do_not_act() -> None:
    off = Answers(node("a", 9), threshold_enabled="false", watermark=WATERMARKS)
    assert disk.read(off) == (Node("a", 9),)


def test_a_form_that_nobody_knows_is_the_servers_business() -> None:
    assert disk.read(Answers(node("a", 9), watermark={"low": "much"})) == (Node("a", 9),)


def test_a_user_who_may_not_look_is_told_nothing() -> None:
    cluster = Answers()

    def refuse(*_: Any) -> Any:
        raise ServerError("no", status=status)

    cluster.read = refuse  # type: ignore[method-assign]
    status = 403
    assert disk.read(cluster) == ()
    status = 400
    with pytest.raises(ServerError):
        disk.read(cluster)


# Fitting


def test_several_nodes_share_what_is_needed() -> None:
    nodes = (Node("a", 60, high=10), Node("b", 40, high=10), Node("c", 5, high=10))
    assert shortage(Need(80, 30), nodes) == ""
    assert shortage(Need(81, 30), nodes) == (
        "81 B of disk are needed, and the data nodes take 80 B before their high watermark "
        "(105 B are free)"
    )


def test_a_shard_does_not_fit_on_two_halves() -> None:
    nodes = (Node("a", 60, high=10), Node("b", 40, high=10))
    assert shortage(Need(60, 50), nodes) == ""
    assert shortage(Need(60, 51), nodes) == (
        "a shard of 51 B fits on no data node: a has the most room, 50 B before its high watermark"
    )


def test_replicas_and_hard_links_need_a_node_that_is_not_past_the_low_watermark() -> None:
    nodes = (Node("a", 60, low=60, high=10),)
    assert shortage(Need(0, 0, low=False), nodes) == ""
    assert shortage(Need(10, 10, low=False), nodes) == "", "the primaries of a new index are placed"
    assert shortage(Need(10, 10, low=True), nodes) == (
        "every data node is past its low watermark, and takes no replicas and no shards by hard "
        "links (60 B are free)"
    )
    assert shortage(Need(0, 0, low=True), nodes).startswith("every data node is past")
    assert shortage(Need(10, 10, low=True), (*nodes, Node("b", 61, low=60))) == ""


def test_where_nobody_knows_nothing_is_said() -> None:
    assert shortage(Need(10**15, 10**15, low=True), ()) == ""


def test_a_precondition_and_back() -> None:
    need = Need(3, 2, low=True)
    check = need.precondition()
    assert check == {"check": "fits", "bytes": 3, "shard": 2, "low": True}
