"""Hashing ahead of a proof: how far a target may be read, and which copies are left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from esplan import checksum
from esplan.checksum import PLAIN, Ahead, Known
from esplan.checksum import ahead as sums
from esplan.checksum.side import Span
from esplan.plan import Plan, Step
from esplan.run import Run
from esplan.steps import ahead
from esplan.views.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Sequence

NOBODY: Any = None


class Hashed:
    """Stands for the hash of one side, in one bucket, and keeps what it was asked."""

    buckets = 1

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def sums(self, span: Span) -> list[int]:
        self.asked.append((span.low, span.high))
        return [span.high - span.low, 1, 1]


def known(target: Any, **parts: Any) -> Known:
    whole: dict[str, Any] = {"sums": ([0, 0, 0], [0, 0, 0]), "left": [], **parts}
    source: Any = Hashed()
    return Known((source, target), {}, **whole)


def read(monkeypatch: pytest.MonkeyPatch, reached: list[list[int]]) -> tuple[Known, list[str]]:
    """What is read of a target whose shards come to these numbers, one look after the other."""
    one = Ahead(NOBODY, "a", "b", PLAIN, 100)
    looks, refreshed = [reached[0], *reached], []

    def checkpoints(_cluster: Any, _index: str) -> list[int]:
        now = looks.pop(0)
        if not looks:
            one.stop()
        return now

    def refresh(_cluster: Any, indices: Sequence[str]) -> None:
        refreshed.extend(indices)

    monkeypatch.setattr(sums, "checkpoints", checkpoints)
    monkeypatch.setattr(sums, "refresh", refresh)
    monkeypatch.setattr(sums, "LOOK", 0)
    target = known(Hashed())
    one._sum_target(target, 100)
    return target, refreshed


def test_a_target_is_read_as_far_as_all_its_shards_are(monkeypatch: pytest.MonkeyPatch) -> None:
    found, refreshed = read(monkeypatch, [[400, 10], [400, 48], [400, 99], [400, 99]])
    assert found.of[1].asked == [(0, 50), (50, 100)]
    assert (found.below, found.sums[1]) == (100, [100, 2, 2])
    assert refreshed == ["b"]


def test_what_is_visible_needs_no_refresh_again(monkeypatch: pytest.MonkeyPatch) -> None:
    found, refreshed = read(monkeypatch, [[250], [320], [320]])
    assert found.of[1].asked == [(0, 100), (100, 200), (200, 300)]
    assert refreshed == ["b", "b"]


def test_the_rest_begins_where_the_known_ends() -> None:
    spans = [Span(0, 80, 80), Span(80, 160, 80), Span(160, 240, 80)]
    assert known(Hashed(), below=100).rest(spans) == [Span(100, 160, 80), Span(160, 240, 80)]
    assert known(Hashed(), below=80).rest(spans) == spans[1:]
    assert known(Hashed()).rest(spans) == spans


def test_documents_are_counted_without_what_a_script_left_out() -> None:
    assert known(Hashed(), sums=([7, 1, 1, 5], [2, 1, 1])).documents == 9


def copy(**parts: Any) -> Step:
    path = "/_reindex?slices=auto&requests_per_second=-1"
    whole: dict[str, Any] = {
        "request": {"method": "POST", "path": path, "body": {}},
        "estimate": {"documents": ahead.SMALLEST},
        "arguments": {"source": "a", "target": "guard"},
        **parts,
    }
    return Step("reindex", "switch", "alias.a", "copy", id="1", **whole)


def proof(**parts: Any) -> Step:
    names = {"source": "a", "target": "b", "method": "checksum", **parts}
    return Step("verify", "switch", "alias.a", "prove", arguments=names, id="2")


@pytest.mark.parametrize(
    ("one", "then", "begun"),
    [
        (copy(), proof(), True),
        (copy(estimate={"documents": ahead.SMALLEST - 1}), proof(), False),
        (copy(estimate={}), proof(), False),
        (copy(arguments={"live": True}), proof(), False),
        (copy(request={"path": "/_reindex?requests_per_second=500"}), proof(), False),
        (copy(), proof(method="count"), False),
        (copy(), copy(), False),
    ],
)
def test_which_copies_are_hashed_ahead(
    cluster: Any, monkeypatch: pytest.MonkeyPatch, one: Step, then: Step, *, begun: bool
) -> None:
    started: list[str] = []
    monkeypatch.setattr(checksum.Ahead, "begin", lambda self: started.append(self.target))
    plan = Plan("p", "", "", {}, "", steps=(one, then), digest="d" * 64)
    run = Run(cluster, plan, NOBODY, Silent())
    ahead.begin(one, run)
    assert started == ["b"] * begun
    assert list(run.ahead) == ["alias.a"] * begun
    run.close()
    assert ahead.take(then, run) is None
