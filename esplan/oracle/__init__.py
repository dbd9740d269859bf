"""Asks a server whether the rules are right, on empty throwaway indices.

Each difference raises two questions. Is it real: does the server return two forms for the two
definitions? And its route: does the server take in place what the rules change in place, and
refuse what they do not? The answers change no route: the rules must be right without help.

throwaway.py  makes the indices, and deletes them in every case
definition.py what is asked with: a definition without what a throwaway must not have
real.py       is a difference real, and does the server return what it was given
trial.py      does the server take a difference in place
model.py      the answer
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.errors import OutcomeUnknown, ServerError
from esplan.oracle import definition, real, trial
from esplan.oracle.model import Answer, reason_of, warning
from esplan.oracle.throwaway import Throwaways

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from esplan.cluster import Cluster
    from esplan.diff import Comparison

__all__ = ["Answer", "ask", "ask_all", "warning"]


def ask_all(cluster: Cluster, comparisons: Iterable[Comparison]) -> tuple[Answer, ...]:
    """What the server says to every object that is new or differs, in their order.

    Creates hidden empty indices on the cluster and deletes them again, also after Ctrl-C. Raises
    EsplanError where the credentials do not allow that.
    """
    worth = [one for one in comparisons if one.before is None or definition.asked(one)]
    if not worth:
        return ()
    with Throwaways(cluster) as made:
        made.sweep()
        return tuple(answer for one in worth for answer in ask(made, one))


def ask(made: Throwaways, comparison: Comparison, *, everything: bool = False) -> list[Answer]:
    """The answers about one object; its throwaways are gone afterwards.

    `everything` asks what could disturb others on a cluster that is in use, too.
    """
    try:
        return list(_answers(made, comparison, everything=everything))
    finally:
        made.clear()


def _answers(made: Throwaways, comparison: Comparison, *, everything: bool) -> Iterator[Answer]:
    pair = definition.pair(comparison, everything=everything)
    address = str(comparison.address)
    try:
        after = made.create(pair.after, shards=0)
        before = made.create(pair.before) if pair.before else None
    except (ServerError, OutcomeUnknown) as error:  # some definitions are refused with a 500
        question = "does the server take the definition?"
        yield Answer(address, question, "yes", f"no: {reason_of(error)}", "lacking")
        return
    yield real.echo(address, pair.after, made.index(after))
    if before:
        yield from real.answers(address, pair, made.read(before), made.read(after))
        yield from trial.answers(made, before, comparison, pair.differences)
