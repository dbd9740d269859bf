"""The proof that begins while the copy runs: what of it counts in the end, and what does not."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from esplan import checksum, planfile
from esplan.checksum.cluster_hash import NOTHING, ClusterHash
from esplan.commands.apply import apply
from esplan.errors import StepFailed, VerificationFailed
from esplan.steps import ahead
from esplan.views.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine import Engine
    from world import World

    from esplan.checksum.side import Span
    from esplan.plan import Step

pytestmark = pytest.mark.live

DOCUMENTS = 2_000
PIECE = 300


class Watch(Silent):
    """Every hash that was asked for, by index: before the proof began, and in it.

    When the proof is about to begin it waits until `pieces` requests were ahead of it, and then
    does what `meanwhile` says.
    """

    def __init__(self, pieces: int = 0) -> None:
        self.pieces = pieces
        self.meanwhile: Callable[[], None] = lambda: None
        self.early: list[tuple[str, Span]] = []
        self.late: list[tuple[str, Span]] = []
        self.proving = False

    def asked(self, index: str, span: Span) -> None:
        if span is not NOTHING:
            (self.late if self.proving else self.early).append((index, span))

    def step_started(self, step: Step, number: int, total: int) -> None:  # noqa: ARG002
        if step.kind != "verify":
            return
        ends = time.monotonic() + 30
        while len(self.early) < self.pieces and time.monotonic() < ends:
            time.sleep(0.05)
        self.meanwhile()
        self.proving = True


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Small indices are hashed ahead, too, in small pieces."""
    found = Watch()
    inside = ClusterHash.sums

    def sums(self: ClusterHash, span: Span) -> list[int]:
        answer = inside(self, span)
        found.asked(self.index, span)
        return answer

    monkeypatch.setattr(ClusterHash, "sums", sums)
    monkeypatch.setattr(ahead, "SMALLEST", 0)
    whole = checksum.Ahead.__init__

    def small(self: checksum.Ahead, *given: Any) -> None:
        whole(self, *given, PIECE)

    monkeypatch.setattr(checksum.Ahead, "__init__", small)
    return found


def applied(world: World, watch: Watch) -> None:
    apply(world.cluster, planfile.read(world.plan), world.plan, watch)


def of(index: str, asked: list[tuple[str, Span]]) -> list[Span]:
    return [span for name, span in asked if name == index]


@pytest.mark.parametrize("shards", [1, 3])
def test_the_proof_reads_only_what_was_not_hashed_while_the_copy_ran(
    world: World, watch: Watch, shards: int, engine: Engine
) -> None:
    world.seed(DOCUMENTS, shards)
    world.make_plan()
    watch.pieces = 11 if engine.has_scripts else 0
    applied(world, watch)
    world.assert_switched()
    assert not [one for one in threading.enumerate() if "ThreadPoolExecutor" in one.name]
    if not engine.has_scripts:
        assert watch.early == watch.late == []
        return
    assert sum(span.documents for span in of(world.green, watch.early)) == DOCUMENTS
    assert of(world.green, watch.late) == []
    below = max(span.high for span in of(world.blue, watch.early))
    assert below > DOCUMENTS / shards / 2
    assert min(span.low for span in of(world.blue, watch.late)) == below


@pytest.mark.parametrize(
    "parts",
    [
        {"verify": {"ignore": ["text"]}},
        {"migrate": {"query": {"range": {"flight": {"lt": 1500}}}}},
        {"migrate": {"script": {"source": "if (ctx._source.flight % 5 == 0) { ctx.op = 'noop' }"}}},
    ],
)
def test_a_copy_that_is_read_in_another_way(
    world: World, watch: Watch, parts: dict[str, Any], engine: Engine
) -> None:
    world.seed(DOCUMENTS)
    if "script" in parts.get("migrate", {}) and not engine.has_scripts:
        world.esplan("plan", "-d", str(world.desire(**parts)), code=4)
        return
    world.make_plan(**parts)
    watch.pieces = 9 if engine.has_scripts else 0
    applied(world, watch)
    assert list(world.everything()) == [world.blue]
    kept = {"1500": 1500, "ctx": 1600}
    number = next((n for said, n in kept.items() if said in str(parts)), DOCUMENTS)
    assert len(world.read_documents(world.blue)) == number
    assert of(world.green, watch.late) == []


def changed(world: World, index: str) -> None:
    world.load(index, {"17": {"flight": 18}})


def removed(world: World, index: str) -> None:
    world.cluster.change("DELETE", f"/{index}/_doc/21", {"refresh": "true"})


def added(world: World, index: str) -> None:
    world.load(index, {"new": {"flight": 1}})


def swapped(world: World, index: str) -> None:
    both = world.documents
    world.load(index, {"3": both["5"], "5": both["3"]})


def replaced(world: World, index: str) -> None:
    """As many as before."""
    removed(world, index)
    added(world, index)


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (changed, ["1 different: 17"]),
        (removed, ["1 missing: 21"]),
        (added, ["1 extra: new"]),
        (swapped, ["2 different: 3, 5"]),
        (replaced, ["1 missing: 21", "1 extra: new"]),
    ],
)
def test_what_becomes_of_the_target_after_it_was_hashed_is_found(
    world: World, watch: Watch, tamper: Any, said: list[str], engine: Engine
) -> None:
    world.seed(DOCUMENTS)
    world.make_plan()
    watch.pieces = 11 if engine.has_scripts else 0
    watch.meanwhile = lambda: tamper(world, world.blue)
    with pytest.raises(VerificationFailed) as caught:
        applied(world, watch)
    assert all(one in caught.value.why for one in said), caught.value.why
    world.assert_on(world.green)


def test_what_becomes_of_the_source_after_it_was_hashed_is_found(
    world: World, watch: Watch, engine: Engine
) -> None:
    """Somebody lifts the block, writes, and sets it again."""
    world.seed(DOCUMENTS)
    world.make_plan()
    watch.pieces = 11 if engine.has_scripts else 0

    def write() -> None:
        path = f"/{world.green}/_settings"
        world.cluster.change("PUT", path, None, {"index.blocks.write": None})
        changed(world, world.green)
        world.cluster.change("PUT", path, None, {"index.blocks.write": True})

    watch.meanwhile = write
    with pytest.raises(VerificationFailed, match="1 different: 17"):
        applied(world, watch)
    world.documents["17"] = {"flight": 18}
    world.assert_on(world.green)


def test_what_cannot_be_hashed_ahead_is_hashed_by_the_proof(
    world: World, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_self: checksum.Ahead) -> None:
        raise StepFailed("no")

    world.seed(DOCUMENTS)
    world.make_plan()
    monkeypatch.setattr(checksum.Ahead, "_sum", refused)
    applied(world, watch)
    world.assert_switched()
    assert watch.early == []


def test_beside_a_copy_that_is_to_be_slow_nothing_is_hashed(world: World, watch: Watch) -> None:
    world.seed(DOCUMENTS)
    world.make_plan(migrate={"requests_per_second": 5_000})
    applied(world, watch)
    world.assert_switched()
    assert watch.early == []


def test_where_numbers_prove_it_nothing_is_hashed(world: World, watch: Watch) -> None:
    world.seed(DOCUMENTS)
    world.make_plan(verify={"method": "count"})
    applied(world, watch)
    world.assert_switched()
    assert watch.early == watch.late == []
