"""Several objects of a plan side by side: the steps of each in their order, phase by phase.

What changes several objects in one call waits for all of them. When one fails and that ends the
apply, the others stop at their next safe point before anything is taken back.
"""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from itertools import groupby
from typing import TYPE_CHECKING

from esplan.errors import EsplanError, Halted, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from threading import Event

    from esplan.plan import Step

    Chain = list[Step]


def stretches(steps: Sequence[Step], unit: Callable[[Step], str]) -> Iterator[list[Chain]]:
    """What may run side by side: one chain of steps for each `unit`, a stretch after the other."""
    for _, some in groupby(steps, key=_stretch):
        chains: dict[str, Chain] = {}
        for step in some:
            chains.setdefault(unit(step), []).append(step)
        yield list(chains.values())


def _stretch(step: Step) -> tuple[str, str]:
    """The phase; a step about several objects is a stretch of its own."""
    return step.phase, step.id if step.arguments.get("members") else ""


def side_by_side(
    chains: Sequence[Chain], width: int, carry_out: Callable[[Chain], None], halted: Event
) -> None:
    """Carry out up to `width` chains at a time; returns or raises when none runs any more.

    Sets `halted` when one raises. What is raised is the first error that `halted` did not cause;
    one whose outcome nobody knows (Stopped) before all others.
    """
    if width == 1 or len(chains) == 1:
        for chain in chains:
            carry_out(chain)
        return
    pool = ThreadPoolExecutor(width)
    try:
        futures = [pool.submit(carry_out, chain) for chain in chains]
        if any(one.exception() for one in wait(futures, return_when=FIRST_EXCEPTION).done):
            halted.set()
    except BaseException:
        halted.set()
        raise
    finally:
        pool.shutdown(cancel_futures=halted.is_set())
    errors = [error for one in futures if not one.cancelled() if (error := one.exception())]
    if errors:
        raise min(errors, key=_rank)


def _rank(error: BaseException) -> int:
    if isinstance(error, Halted):
        return 3
    if isinstance(error, Stopped):
        return 1
    return 2 if isinstance(error, EsplanError) else 0
