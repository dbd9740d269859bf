"""What a way back compares before it copies, where more differs than can be told at once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from esplan.errors import VerificationFailed
from esplan.plan import Step
from esplan.steps import sparing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.run import Run

BACK: dict[str, Any] = {
    "source": "new",
    "target": "old",
    "since": [3],
    "reading": {"mirrored": True, "script": {}},
}
STEP = Step("catch_up", "prepare", "alias.a", "", arguments=BACK)


def found(wrong: Sequence[str], *, more: bool) -> Any:
    return SimpleNamespace(wrong=frozenset(wrong), has_more=more, close=lambda: None)


def surveyed(monkeypatch: pytest.MonkeyPatch, *looks: Any) -> tuple[list[list[str]], Any]:
    left, copied = iter(looks), list[list[str]]()
    monkeypatch.setattr(sparing.checksum, "checkpoints", lambda *_: [7])
    monkeypatch.setattr(sparing, "_compared", lambda *_: next(left))
    run = cast("Run", SimpleNamespace(cluster=None, caught_up={}, safe_point=lambda: None))

    def copy(ids: Sequence[str]) -> int:
        copied.append([*ids])
        return len(ids)

    standing = sparing.surveyed(STEP, run, copy)
    assert run.caught_up == {"alias.a": [7]}
    return copied, standing


def test_what_differs_is_copied_later_where_all_of_it_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copied, standing = surveyed(monkeypatch, found("ab", more=False))
    assert copied == []
    assert standing.wrong == {"a", "b"}


def test_more_than_can_be_told_is_copied_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = found("ab", more=True), found("cd", more=True), found("e", more=False)
    copied, standing = surveyed(monkeypatch, *looks)
    assert copied == [["a", "b"], ["c", "d"]]
    assert standing.wrong == {"e"}


def test_what_differs_after_its_copy_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(VerificationFailed, match="old is not equal to new") as caught:
        surveyed(monkeypatch, found("ab", more=True), found("ab", more=True))
    assert "2 documents were copied back, and differ all the same: a, b" in caught.value.why


def test_what_the_proof_ignores_is_carried_back_all_the_same() -> None:
    """A client may have written to such a field alone."""
    reading = {**BACK["reading"], "ignore": ["at"]}
    step = Step("catch_up", "prepare", "a", "", arguments={**BACK, "reading": reading})
    assert not sparing.is_asked(step)


@pytest.mark.parametrize("lacking", ["since", "reading"])
def test_only_a_way_back_of_changed_documents_spares(lacking: str) -> None:
    arguments = {name: one for name, one in BACK.items() if name != lacking}
    assert sparing.is_asked(STEP)
    assert not sparing.is_asked(Step("catch_up", "prepare", "alias.a", "", arguments=arguments))
