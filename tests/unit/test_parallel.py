"""Chains side by side: what waits for what, and which error is the one that is raised."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from esplan.errors import EsplanError, Halted, Refused, Stopped
from esplan.parallel import side_by_side, stretches
from esplan.plan import Phase, Step

if TYPE_CHECKING:
    from collections.abc import Callable


def step(id_: str, address: str, phase: Phase = "switch", **arguments: object) -> Step:
    return Step("verify", phase, address, "said", id=id_, arguments=arguments)


def ids(steps: list[Step]) -> list[list[list[str]]]:
    found = stretches(steps, lambda one: one.address)
    return [[[one.id for one in chain] for chain in chains] for chains in found]


def test_objects_are_chains_and_phases_are_stretches() -> None:
    steps = [
        step("1", "a", "prepare"),
        step("2", "b", "prepare"),
        step("3", "a"),
        step("4", "a"),
        step("5", "b"),
        step("6", "a", "finish"),
    ]
    assert ids(steps) == [[["1"], ["2"]], [["3", "4"], ["5"]], [["6"]]]


def test_a_call_for_several_objects_waits_for_all_and_all_wait_for_it() -> None:
    steps = [step("1", "a"), step("2", "b"), step("3", "g", members=["a", "b"]), step("4", "a")]
    assert ids(steps) == [[["1"], ["2"]], [["3"]], [["4"]]]


def chains(count: int) -> list[list[Step]]:
    return [[step(str(number), str(number))] for number in range(count)]


def test_they_run_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=10)
    side_by_side(chains(3), 3, lambda _chain: together.wait() and None, threading.Event())


def test_one_after_the_other_without_threads() -> None:
    seen: list[str] = []

    def note(chain: list[Step]) -> None:
        assert threading.current_thread() is threading.main_thread()
        seen.append(chain[0].id)

    side_by_side(chains(3), 1, note, threading.Event())
    assert seen == ["0", "1", "2"]


def failing(halted: threading.Event, errors: dict[str, Exception]) -> Callable[[list[Step]], None]:
    """The chain of that name fails; the others run until they are told to stop."""

    def carry_out(chain: list[Step]) -> None:
        error = errors.get(chain[0].id)
        if error:
            raise error
        assert halted.wait(10)
        raise Halted("another object has failed")

    return carry_out


@pytest.mark.parametrize("number", ["0", "2"])
def test_the_error_is_raised_and_not_what_it_caused(number: str) -> None:
    halted = threading.Event()
    with pytest.raises(Refused, match="stale"):
        side_by_side(chains(3), 3, failing(halted, {number: Refused("stale")}), halted)


def test_what_nobody_knows_comes_before_what_is_known() -> None:
    """Then nothing may be taken back."""
    halted = threading.Event()
    both: dict[str, Exception] = {"0": Refused("stale"), "1": Stopped("no answer")}
    release = threading.Barrier(2, timeout=10)

    def carry_out(chain: list[Step]) -> None:
        release.wait()
        raise both[chain[0].id]

    with pytest.raises(Stopped, match="no answer"):
        side_by_side(chains(2), 2, carry_out, halted)


def test_none_begins_any_more_when_one_has_failed() -> None:
    halted, begun = threading.Event(), list[str]()

    def carry_out(chain: list[Step]) -> None:
        begun.append(chain[0].id)
        if chain[0].id == "0":
            raise EsplanError("broken")
        assert halted.wait(10)
        raise Halted("another object has failed")

    with pytest.raises(EsplanError, match="broken"):
        side_by_side(chains(9), 2, carry_out, halted)
    assert len(begun) < 9
