"""A switch that is found as wanted: whether it is believed.

The alias may have been moved by a person, past the write block and the proof. It is believed only
with the proof that belongs to it. Other effects need no more than their probe: see
docs/architecture.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from esplan import live, preconditions
from esplan.errors import Refused
from esplan.steps import guards, verify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.journal import Journal
    from esplan.model import JSON
    from esplan.plan import Step
    from esplan.run import Run

FIRST, THEN = ("index", "ours", "origin"), ("write_blocked", "proven")
"""The preconditions of a switch that another may have made: the indices, then what is in them."""


def require(step: Step, run: Run, journal: Journal) -> None:
    """Raise Refused where the alias was moved, and not by this apply, without its proof.

    Also for a switch of ours, just after it: between the last look and its call somebody may have
    lifted the block, and a client written to the old index.
    """
    if step.kind != "update_aliases" or not _proofs(step):
        return
    left = guards.left(step, run)
    if journal.state(step.id) == "intent" and not left:
        if why := "; ".join(_written(step, run)):
            raise _missed(step, why)
        return
    if why := _unproven(step, run):
        raise _not_believed(step, why)
    guards.take_off(step, run, {one["index"] for one in left})


def _proofs(step: Step) -> list[JSON]:
    found = (one for one in step.preconditions if one["check"] == "proven")
    return [one for one in found if not one.get("then")]


def _unproven(step: Step, run: Run) -> str:
    """Why a switch by another is not what this plan has proven; marks of both sides decide."""
    serving = list(step.arguments["goal"])
    for some in (FIRST, THEN):
        checks = tuple(
            {**one, "serving": serving} if one["check"] == "ours" else one
            for one in step.preconditions
            if one["check"] in some
        )
        broken = preconditions.broken(replace(step, preconditions=checks), run)
        if broken:
            return "; ".join(why for _, why in broken)
    return ""


def _written(step: Step, run: Run) -> Iterator[str]:
    """After the switch clients write to the new index; the old one must be as it was proven.

    One that is gone since, or in another cluster, tells nothing.
    """
    for one in _proofs(step):
        source = one["source"]
        proof = run.proofs.get(one.get("address", step.address))
        if "origin" in one or not _is_there(source, step, run):
            continue
        now = verify.marks_now(one, run)[source]
        if proof is None or now != proof["marks"].get(source):
            yield f"{source} was written to after the proof"


def _is_there(source: str, step: Step, run: Run) -> bool:
    index = live.read_indices(run.cluster, [source]).get(source)
    known = [one["uuid"] for one in step.preconditions if one["check"] == "index"]
    return index is not None and (not known or index.uuid in known)


def _missed(step: Step, why: str) -> Refused:
    return Refused(
        f"{_names(step)}: the alias is switched, and documents may have been missed by it",
        code="ESP-4618",
        where="both indices stay, and the alias is on the new one",
        why=f"{why}: in the moment of the switch, or since",
        remedy=f"compare them ({_compare(step)}), and write what is missing to the new index; "
        "then the other one can be deleted by hand",
    )


def _not_believed(step: Step, why: str) -> Refused:
    return Refused(
        f"{_names(step)}: the alias was moved past this apply, and the new index is not proven",
        code="ESP-4606",
        where="both indices stay, and the alias is where it was found",
        why=why,
        remedy=f"compare them ({_compare(step)}); put the alias back, or write what is missing to "
        "the new index; then make a new plan",
    )


def _names(step: Step) -> str:
    return ", ".join(step.arguments["goal"])


def _compare(step: Step) -> str:
    sides = [(one["source"], one["target"]) for one in _proofs(step)]
    return ", ".join(f"`esplan verify {old} {new}`" for old, new in sides)
