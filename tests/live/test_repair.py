"""`esplan verify A B --repair`: what differs is made equal, by consent, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from esplan.checksum import repair as repairing
from esplan.commands import repair as commands
from esplan.commands.verify import verify
from esplan.errors import ServerError

if TYPE_CHECKING:
    from engine import Engine
    from world import World


pytestmark = pytest.mark.live

HUGE = {"n": 2**60 + 1, "deep": {"a": [1, 1.5, "1", None, {}], "u": "ü\u2028"}}


@pytest.fixture
def pair(world: World) -> tuple[str, str]:
    """Two indices with the same 300 documents, the second of them behind an alias."""
    one, other = f"{world.name}-one", f"{world.name}-other"
    for index, shards in ((one, 1), (other, 3)):
        settings = {"number_of_shards": shards, "number_of_replicas": 0}
        deep = {"properties": {"deep": {"type": "object", "enabled": False}}}
        body = {"settings": settings, "mappings": deep}
        world.cluster.change("PUT", f"/{index}", None, body)
        world.load(index, {str(n): {**HUGE, "x": n} for n in range(300)})
    world.cluster.change("PUT", f"/{other}/_alias/{world.name}-alias")
    return one, other


def put(world: World, index: str, id_: str, source: Any, **params: str) -> None:
    path = f"/{index}/_doc/{id_}"
    world.cluster.change("PUT", path, {"refresh": "true", **params}, source)


def spoil(world: World, index: str) -> None:
    """Of each kind some."""
    for id_ in ("7", "8"):
        world.cluster.change("DELETE", f"/{index}/_doc/{id_}", {"refresh": "true"})
    world.load(index, {"new": {"n": 1}, "9": {"n": 9}, "10": {**HUGE, "x": "10"}})


REPAIR = ("--repair", "--auto-approve")


def test_every_kind_of_difference_is_repaired(world: World, pair: tuple[str, str]) -> None:
    one, other = pair
    spoil(world, other)
    before = world.read_documents(one)
    said = world.esplan("verify", one, f"{world.name}-alias", *REPAIR).stdout
    assert "2 only in the first\n  7, 8\n" in said
    assert "Repaired: 2 created, 1 deleted, 2 replaced" in said
    assert said.endswith("Equal: both hold the same documents, ids and routings.\n")
    assert world.read_documents(other) == before
    assert world.read_documents(one) == before
    world.assert_quiet()


def test_nothing_is_done_without_consent(world: World, pair: tuple[str, str]) -> None:
    spoil(world, pair[1])
    before = world.read_documents(pair[1])
    error = world.esplan("verify", *pair, "--repair", code=4).stderr
    alias = f"{world.name}-alias"
    assert f"In {pair[1]}, which serves {alias}: 2 created, 1 deleted, 2 replaced" in error
    assert f"as they are in {pair[0]}" in error
    assert "give --auto-approve" in error
    assert world.read_documents(pair[1]) == before


def test_equal_indices_need_no_consent(world: World, pair: tuple[str, str]) -> None:
    said = world.esplan("verify", *pair, "--repair").stdout
    assert "Equal" in said
    assert "Repaired" not in said


def test_numbers_alone_cannot_be_repaired(world: World, pair: tuple[str, str]) -> None:
    error = world.esplan("verify", *pair, *REPAIR, "--method", "count", code=64).stderr
    assert "--repair needs to know which documents differ" in error


@pytest.mark.parametrize("block", ["write", "read_only"])
def test_a_blocked_index_is_left_alone(world: World, pair: tuple[str, str], block: str) -> None:
    spoil(world, pair[1])
    setting = f"index.blocks.{block}"
    world.cluster.change("PUT", f"/{pair[1]}/_settings", None, {setting: True})
    error = world.esplan("verify", *pair, *REPAIR, code=4).stderr
    assert f"{pair[1]} cannot be repaired: {setting}" in error
    world.cluster.change("PUT", f"/{pair[1]}/_settings", None, {setting: None})


def test_a_pipeline_of_the_index_does_not_change_what_is_written(
    world: World, pair: tuple[str, str]
) -> None:
    """A pipeline that is not there refuses every document that passes it."""
    spoil(world, pair[1])
    path = f"/{pair[1]}/_settings"
    world.cluster.change("PUT", path, None, {"index.final_pipeline": "nowhere"})
    error = world.esplan("verify", *pair, *REPAIR, code=4).stderr
    assert "index.final_pipeline would change what is written" in error
    nowhere = {"index.final_pipeline": None, "index.default_pipeline": "nowhere"}
    world.cluster.change("PUT", path, None, nowhere)
    world.esplan("verify", *pair, *REPAIR)
    assert world.read_documents(pair[1]) == world.read_documents(pair[0])


def test_routing_is_a_part_of_a_document(world: World, pair: tuple[str, str]) -> None:
    one, other = pair
    put(world, one, "made", {"n": 1}, routing="a")
    put(world, other, "gone", {"n": 1}, routing="b")
    put(world, one, "moved", {"n": 1}, routing="a")
    put(world, other, "moved", {"n": 1}, routing="d")
    put(world, one, "bare", {"n": 1})
    put(world, other, "bare", {"n": 1}, routing="d")
    said = world.esplan("verify", *pair, *REPAIR).stdout
    assert "Repaired: 1 created, 1 deleted, 2 replaced" in said
    found = world.cluster.read(f"/{other}/_doc/moved", {"routing": "a"})
    assert found["_routing"] == "a"


def test_documents_with_one_id_are_left_and_said(world: World, pair: tuple[str, str]) -> None:
    one, other = pair
    for routing in ("a", "d"):
        put(world, other, "twin", {"n": ord(routing)}, routing=routing)
    put(world, one, "twin", {"n": ord("a")}, routing="a")
    spoil(world, other)
    assert world.cluster.read(f"/{other}/_count")["count"] == 301
    said = world.esplan("verify", *pair, *REPAIR, code=4).stdout
    assert "Repaired: 2 created, 1 deleted, 2 replaced" in said
    why = "1 documents of this id are in the first and 2 in the second"
    assert f"left as it is: twin: {why}" in said
    assert "1 in both, and different\n  twin\n" in said
    assert said.endswith("Not equal.\n")


def test_what_somebody_writes_meanwhile_wins(world: World, pair: tuple[str, str]) -> None:
    """After the documents were read, and before they are written."""
    one, other = pair
    spoil(world, other)
    report = verify(world.cluster, one, other).report
    written = []

    def meanwhile() -> None:
        if not written:
            for id_ in ("7", "9", "new"):
                put(world, other, id_, {"n": -1})
        written.append(1)

    done = repairing.repair(world.cluster, report, meanwhile)
    late = "it has changed since it was compared"
    assert done.left == {"7": "somebody wrote it meanwhile", "9": late, "new": late}
    found = world.read_documents(other)
    assert [found[id_] for id_ in ("7", "9", "new")] == [{"n": -1}] * 3
    assert found["8"] == {**HUGE, "x": 8}


def test_what_was_written_since_it_was_compared_needs_another_look(
    world: World, pair: tuple[str, str]
) -> None:
    spoil(world, pair[1])
    report = verify(world.cluster, *pair).report
    put(world, pair[1], "late", {"n": 1})
    with pytest.raises(commands.Refused, match="since they were compared"):
        commands.repair(world.cluster, report, lambda _text: None)
    assert "late" in world.read_documents(pair[1])
    assert "new" in world.read_documents(pair[1])


def test_a_document_that_the_mapping_refuses_is_reported(
    world: World, pair: tuple[str, str]
) -> None:
    strict = {"dynamic": "strict"}
    world.cluster.change("PUT", f"/{pair[1]}/_mapping", None, strict)
    world.load(pair[0], {"odd": {"unknown": 1}, "7": {**HUGE, "x": -7}})
    done = world.esplan("--json", "verify", *pair, *REPAIR, code=4)
    event = json.loads(done.stdout.splitlines()[-1])
    assert event["event"] == "repaired"
    assert (event["created"], event["replaced"]) == (0, 1)
    assert "strict" in event["left"]["odd"]
    assert event["report"]["missing"]["sample"] == ["odd"]


def test_more_than_a_hundred_are_repaired_and_too_many_are_not(
    world: World, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = pair
    world.load(one, {f"more-{n:03}": {"n": n} for n in range(700)})
    report = verify(world.cluster, one, other, listed=commands.MOST).report
    monkeypatch.setattr(commands, "MOST", 699)
    with pytest.raises(commands.Refused, match="700 documents differ, and at most 699"):
        commands.intent(world.cluster, report)
    said = world.esplan("verify", one, other, *REPAIR).stdout
    assert "and 600 more" in said
    assert "Repaired: 700 created, 0 deleted, 0 replaced" in said


def test_it_waits_for_nobody_who_applies(world: World, pair: tuple[str, str]) -> None:
    """Another holder of the lock: exit 5, and nothing is written."""
    from esplan.lock import Lock

    spoil(world, pair[1])
    before = world.read_documents(pair[1])
    with Lock(world.cluster, "0" * 64, lambda _text: None):
        assert "lock" in world.esplan("verify", *pair, *REPAIR, code=5).stderr
    assert world.read_documents(pair[1]) == before


def test_vectors_are_refused(world: World, pair: tuple[str, str], engine: Engine) -> None:
    vector = {"properties": {"v": {"type": "dense_vector", "dims": 2}}}
    if not engine.has_vectors:
        with pytest.raises(ServerError, match=r"No handler for type \[dense_vector\]"):
            world.cluster.change("PUT", f"/{pair[0]}/_mapping", None, vector)
        return
    world.cluster.change("PUT", f"/{pair[0]}/_mapping", None, vector)
    spoil(world, pair[1])
    said = world.esplan("verify", *pair, *REPAIR, code=4).stderr
    assert "may hide from this client: dense_vector" in said
