"""A proof stands for one moment: what a client writes around it is seen, whenever it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from world import World, back

from esplan import planfile
from esplan.commands.apply import apply
from esplan.errors import VerificationFailed
from esplan.steps import catch_up, verify
from esplan.views.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Callable

    from esplan.plan import Step

pytestmark = pytest.mark.live

CATCH_UP: dict[str, Any] = {"writes": "catch-up"}
ASYNC = {"translog.durability": "async", "translog.sync_interval": "60s"}


class Client:
    """Lifts the write block, inserts, updates and deletes, and sets the block again, once."""

    def __init__(self, world: World, index: str) -> None:
        self.world, self.index, self.times = world, index, 0

    def writes(self) -> None:
        """What was acknowledged is in `world.documents`; another look finds it later."""
        self.times += 1
        self.block(on=False)
        documents = self.world.documents
        for at in range(3):
            documents[f"late-{self.times}-{at}"] = {"flight": at}
            documents[str(10 + at)] = {"flight": 9000 + at}
            documents.pop(str(20 + at), None)
            self._send("PUT", f"late-{self.times}-{at}", {"flight": at})
            self._send("PUT", str(10 + at), {"flight": 9000 + at})
            if self.times == 1:
                self._send("DELETE", str(20 + at), None)
        self.block(on=True)

    def _send(self, method: str, key: str, source: Any) -> None:
        self.world.cluster.change(method, f"/{self.index}/_doc/{key}", None, source)

    def block(self, *, on: bool) -> None:
        setting = {"index.blocks.write": True if on else None}
        self.world.cluster.change("PUT", f"/{self.index}/_settings", None, setting)

    def is_blocked(self) -> bool:
        found = self.world.cluster.read(f"/{self.index}/_settings")[self.index]["settings"]
        return found["index"].get("blocks", {}).get("write") == "true"


class AtTheEnd(Silent):
    """Calls back when the last round of a catch-up has been recorded."""

    def __init__(self, then: Callable[[], None]) -> None:
        self.then = then

    def step_ended(self, step: Step, outcome: str, _evidence: Any) -> None:
        if step.kind == "catch_up" and step.arguments["blocked"] and outcome == "done":
            self.then()


POINTS = ["touched", "_brought", "recorded", "settled before", "settled", "count"]
"""After which look of the last round a client writes."""


def carry_out(
    world: World, index: str, point: str, monkeypatch: pytest.MonkeyPatch, times: int = 1
) -> Client:
    """Apply the plan, with a client that writes at that point of the last round."""
    client, listener = Client(world, index), Silent()
    if point == "recorded":
        listener = AtTheEnd(client.writes)
    else:
        interrupt(client, point, monkeypatch, times)
    apply(world.cluster, planfile.read(world.plan), world.plan, listener)
    return client


def interrupt(client: Client, point: str, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    name, _, before = point.partition(" ")
    where = catch_up.checksum if name == "count" else catch_up
    real = getattr(where, name)

    def interrupted(*given: Any, **named: Any) -> Any:
        if client.times >= times or not client.is_blocked():
            return real(*given, **named)
        if before:
            client.writes()
        found = real(*given, **named)
        if not before:
            client.writes()
        return found

    monkeypatch.setattr(where, name, interrupted)


@pytest.mark.parametrize("point", POINTS)
def test_a_write_in_the_last_round_is_in_the_new_index(
    world: World, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.seed(300)
    world.make_plan(migrate=CATCH_UP)
    assert carry_out(world, world.green, point, monkeypatch).times == 1
    world.assert_switched()


@pytest.mark.parametrize("point", POINTS)
def test_a_write_in_the_last_round_of_the_way_back_is_in_the_old_index(
    world: World, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.seed(300)
    world.make_plan(finish={}, migrate=CATCH_UP)
    world.apply()
    back(world)
    assert carry_out(world, world.blue, point, monkeypatch).times == 1
    assert list(world.everything()[world.green]["aliases"]) == [world.name]
    assert world.read_documents(world.green) == world.documents


@pytest.mark.parametrize("point", ["touched", "recorded", "settled"])
def test_shards_whose_checkpoint_lags_behind_are_no_other_matter(
    world: World, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `async` the global checkpoint says for a minute that nothing was written."""
    world.seed(400, shards=2, **ASYNC)
    world.make_plan(migrate=CATCH_UP, settings={"number_of_replicas": 0, "number_of_shards": 2})
    world.load(world.green, {str(number): {"flight": -number} for number in range(100, 200)})
    world.documents |= {str(number): {"flight": -number} for number in range(100, 200)}
    assert carry_out(world, world.green, point, monkeypatch).times == 1
    assert world.read_documents(world.blue) == world.documents


def test_a_client_that_does_not_stop_is_refused_and_nothing_is_switched(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.seed(300)
    world.make_plan(migrate=CATCH_UP)
    with pytest.raises(Exception, match="is not equal to"):
        carry_out(world, world.green, "settled", monkeypatch, times=1000)
    assert list(world.everything()) == [world.green]
    assert world.read_documents(world.green) == world.documents


def test_a_twin_that_is_routed_anew_in_the_last_round(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same id under two routings: one more round, and not a copy thrown away."""
    world.seed(50, shards=2)
    here, there = (routing_to(world, shard) for shard in (0, 1))
    path, source = f"/{world.green}/_doc/t", {"flight": 1}
    world.cluster.change("PUT", path, {"routing": here}, source)
    world.make_plan(migrate=CATCH_UP, finish={})
    blocked = catch_up._last

    def last(*given: Any) -> Any:
        if not moved:
            moved.append(1)
            client = Client(world, world.green)
            client.block(on=False)
            world.cluster.change("DELETE", path, {"routing": here})
            world.cluster.change("PUT", path, {"routing": there}, source)
            client.block(on=True)
        return blocked(*given)

    moved: list[int] = []
    monkeypatch.setattr(catch_up, "_last", last)
    apply(world.cluster, planfile.read(world.plan), world.plan, Silent())
    assert routings(world, world.blue) == routings(world, world.green) == [there]


def routing_to(world: World, shard: int) -> str:
    """A routing whose documents are on that shard."""
    for routing in "abcdefghijklmnop":
        path = f"/{world.green}/_search_shards"
        found = world.cluster.read(path, {"routing": routing})["shards"]
        if found[0][0]["shard"] == shard:
            return routing
    raise AssertionError(shard)


def routings(world: World, index: str) -> list[str]:
    world.cluster.read(f"/{index}/_refresh")
    found = world.cluster.read(f"/{index}/_search", None, {"query": {"ids": {"values": ["t"]}}})
    return sorted(hit["_routing"] for hit in found["hits"]["hits"])


def test_expectations_are_of_the_documents_that_were_compared(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write to the new index after the comparison, and before its values are looked at."""
    world.seed(50)
    world.make_plan(verify={"expect": [{"query": {"term": {"flight": "7"}}, "count": 1}]})
    require = verify.expectation.require

    def written(cluster: Any, index: str, expected: Any) -> None:
        world.load(index, {"7": {"flight": 8}, "8": {"flight": 7}})
        require(cluster, index, expected)

    monkeypatch.setattr(verify.expectation, "require", written)
    with pytest.raises(VerificationFailed, match="was written to during the proof"):
        apply(world.cluster, planfile.read(world.plan), world.plan, Silent())
    world.assert_on(world.green)


def test_what_a_client_wrote_to_the_old_index_since_is_not_deleted_with_it(world: World) -> None:
    """By its own name, between the switch and the delete: days may lie there."""
    world.seed(50)
    world.make_plan()
    world.apply("--through", "switch")
    Client(world, world.green).block(on=False)
    world.load(world.green, {"late": {"flight": 1}})
    done = world.apply(code=4)
    assert f"{world.green} was written to after the proof" in done.stderr
    assert "late" in world.read_documents(world.green)


def test_two_equal_numbers_do_not_vouch_for_each_other(world: World) -> None:
    """A document that is missing and a strange one are as many as the source has."""
    world.seed(50)
    world.make_plan(verify={"method": "count"}, finish={})
    world.crash("after-request:03-reindex")
    world.cluster.change("DELETE", f"/{world.blue}/_doc/7", {"refresh": "true"})
    world.load(world.blue, {"strange": {"flight": 1}})
    world.apply(code=4)
    assert world.read_documents(world.green) == world.documents
    assert list(world.everything()[world.green]["aliases"]) == [world.name]


def test_a_copy_with_one_document_too_many_is_refused_and_taken_back(world: World) -> None:
    """Its task has ended, so what is wrong is known: exit 4, and not 3 for ever."""
    world.seed(50)
    world.make_plan()
    world.crash("after-done:01-create_index")
    world.load(world.blue, {"strange": {"flight": 1}})
    said = world.apply(code=4).stderr
    assert "the new index has 51 documents, and" in said
    assert "ESP-4607" in said
    world.assert_on(world.green)
