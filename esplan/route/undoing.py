"""What the copy of a plan did to the documents, and what undoes it; a way back keeps both.

So the way back of a way back makes the new documents again, with the very script of the copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.errors import Refused

if TYPE_CHECKING:
    from esplan.model import JSON
    from esplan.plan import Step
    from esplan.route.rollback import Applied

CHANGED = "changed"
"""The argument of a way back's first `catch_up`: `of` of the plan that it takes back."""

MIRRORED = "mirrored"


def of(applied: Applied) -> JSON:
    """`script` of the copy, its `inverse`, the `reading` of its proof; {} where it changed nothing.

    `back`: the plan is a way back itself, so that `script` is what takes it back. Raises Refused
    where such a plan does not say.
    """
    copy, again = applied.step("reindex"), applied.step("catch_up")
    if copy is not None:
        return _copied(applied, copy)
    if again is None:
        return {}
    known: JSON = again.arguments.get(CHANGED, {})
    if known.get("pipeline") or (not known and _is_changed(again)):
        raise _refused(applied, known)
    return {**known, "back": not known["back"]} if known else {}


def _copied(applied: Applied, copy: Step) -> JSON:
    body, proof = (copy.request or {})["body"], applied.step("verify")
    reading: JSON = proof.arguments.get("reading", {}) if proof else {}
    changed = "transform" in copy.arguments
    found = {
        "script": body.get("script"),
        "pipeline": body["dest"].get("pipeline"),
        "inverse": copy.arguments.get("inverse"),
        "reading": reading,
    }
    known = {name: part for name, part in found.items() if part is not None}
    return {**known, "back": False} if changed or reading else {}


def _is_changed(step: Step) -> bool:
    return "reading" in step.arguments or "script" in (step.request or {})["body"]


def _refused(applied: Applied, known: JSON) -> Refused:
    change = applied.change
    why = f"the copy ran the pipeline {known['pipeline']}" if known else "an older esplan made it"
    return Refused(
        f"{change.address}: this way back does not say how a document of {change.target} becomes "
        f"one of {change.index} again",
        code="ESP-4517",
        why=f"{why}, so the fields of what clients wrote to {change.target} since would be wrong",
        remedy=f"delete {change.index}, or let `esplan maintain` do that, and plan the desired "
        "file that made it: all of it is copied again",
    )


def script(applied: Applied, *, drop: bool) -> JSON | None:
    """What makes documents of the index that is gone back to; None where they are alike."""
    known, change = of(applied), applied.change
    if known.get("back"):
        forward: JSON | None = known.get("script")
        return forward
    copy = applied.step("reindex")
    if not known or (copy is not None and "transform" not in copy.arguments):
        return None
    inverse: JSON | None = known.get("inverse")
    if inverse is None:
        raise Refused(
            f"{change.address}: nobody has said how a document of {change.target} becomes one of "
            f"{change.index} again",
            code="ESP-4506",
            why="the copy ran a script or a pipeline, and the plan has no migrate.inverse",
            remedy="put the old definition into the desired file, with a migrate.script that makes "
            "the old documents, and plan that",
        )
    if inverse.get("drops") and not drop:
        raise Refused(
            f"{change.address}: documents that clients wrote since lack "
            f"{', '.join(inverse['drops'])}, and would lack them in {change.index}, too",
            code="ESP-4507",
            why="the copy dropped these fields; documents that nobody wrote since keep them",
            remedy=f"allow that: --allow-drop {change.address}",
        )
    undone: JSON | None = inverse.get("script")
    return undone


def reading(known: JSON) -> JSON:
    """How the proof of a way back reads: the side that the copy was made from, as it made it.

    That is the index that is gone back to, unless a way back is taken back.
    """
    read: JSON = known.get("reading", {})
    return {**read, MIRRORED: True} if read and not known["back"] else read
