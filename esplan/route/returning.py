"""Whether there is a way back behind an alias that loses nothing. Each refuses where there is none.

The way back is the inverse of the copy, or it is refused before anything is changed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from esplan.errors import Refused
from esplan.model import UNNUMBERED
from esplan.plan import GUARD
from esplan.steps import stood
from esplan.steps.unblock_writes import SETTING as BLOCK

if TYPE_CHECKING:
    from esplan.model import JSON, Index
    from esplan.route.rollback import Applied

OLD_DEFINITION = (
    "put the old definition into the desired file, and plan that: the new index is copied again; "
    "what it lacks is in the old one, which stays until you delete it"
)

DECIDES = re.compile(r"""\bctx\s*(?:\.\s*|\[\s*['"])(op|_id|_routing)\b""")
"""How a script says which documents there are, and where: not only what is in them."""


def refuse_unproven(applied: Applied) -> None:
    """What only the old index has was deleted in the new one since, if all was in both once.

    Only then may it be deleted from the old one, too.
    """
    change, proof = applied.change, applied.proof
    if applied.released:
        return
    if proof.get("rejected", {}).get("documents"):
        number = proof["rejected"]["documents"]
        why = f"the copy left out {number:,} documents, which only {change.index} has"
    elif (proof.get("method"), proof.get("source")) != ("checksum", change.index):
        why = f"{change.target} was not proven equal to {change.index} by a checksum"
    else:
        return
    raise Refused(
        f"{change.address}: nobody can tell which documents of {change.index} clients have deleted",
        code="ESP-4503",
        why=why,
        remedy="put the old definition into the desired file and plan that: the new index is "
        "copied again; what it lacks is in the old one, which stays until you delete it",
    )


def refuse_partial(applied: Applied) -> None:
    """Some documents are in one of the indices alone, or under another id: there is no inverse.

    A client may have made one anew that the copy left out: carried back, it would take the place
    of the old one, which nobody has deleted.
    """
    change, copy = applied.change, applied.step("reindex")
    body: JSON = ((copy.request if copy else None) or {}).get("body", {})
    if "query" in body.get("source", {}):
        raise Refused(
            f"{change.address}: {change.target} has a part of the documents of {change.index}",
            code="ESP-4511",
            why="the copy has a migrate.query: a document that it left out may have been made anew "
            f"in {change.target}, and would be lost in {change.index}",
            remedy=f"{OLD_DEFINITION}; or put the alias back by hand",
        )
    decided = DECIDES.search((body.get("script") or {}).get("source", ""))
    if decided or applied.proof.get("left_out"):
        why = f"its script sets ctx.{decided[1]}" if decided else "its script left some out"
        raise Refused(
            f"{change.address}: the copy has decided which documents {change.target} has",
            code="ESP-4512",
            why=f"{why}: nobody can tell which document of {change.index} one of "
            f"{change.target} belongs to",
            remedy=OLD_DEFINITION,
        )


def refuse_replaced(applied: Applied) -> None:
    """What the new index lacks was deleted by clients only if it is the one that was proven."""
    change = applied.change
    if applied.otherwise:
        raise Refused(
            f"{change.address}: nobody can tell which documents of {change.index} clients have "
            "deleted",
            code="ESP-4515",
            why=applied.otherwise,
            remedy=f"see what differs (esplan verify {change.index} {change.target}); if "
            f"{change.index} is right, put the alias back by hand; if {change.target} is, put the "
            "old definition into the desired file, and plan that",
        )


def refuse_fallen(applied: Applied) -> None:
    """Nobody has copied, so the old index must be the one that served, with its documents."""
    if applied.otherwise:
        raise Refused(
            f"{applied.change.address}: {applied.change.index} is not as it was when the alias "
            "left it",
            code="ESP-4516",
            why=applied.otherwise,
            remedy=stood.REMEDY,
        )


def refuse_unusable(address: str, old: Index, *, blocked: bool) -> None:
    """`blocked`: by the plan that is taken back, so the way back lifts that."""
    if not old.is_open:
        raise Refused(
            f"{address}: {old.name} is closed", code="ESP-4108", remedy=f"POST /{old.name}/_open"
        )
    if old.body.settings.get(BLOCK) == "true" and not blocked:
        raise Refused(
            f"{address}: {old.name} is write-blocked, so nothing can be carried back to it",
            code="ESP-4109",
            remedy=f'lift the block: PUT /{old.name}/_settings {{"{BLOCK}": null}}',
        )
    if any(alias.startswith(GUARD) for alias in old.aliases):
        raise Refused(
            f"{address}: a rollback that has not ended fills {old.name}",
            code="ESP-4513",
            why=f"it has that plan's own alias: {', '.join(sorted(old.aliases))}",
            remedy="`esplan status` names its plan: apply that again, or take it back with "
            "`esplan apply PLAN --abandon`; then roll back",
        )
    if old.aliases:
        raise Refused(
            f"{address}: {old.name} serves {', '.join(sorted(old.aliases))} meanwhile",
            code="ESP-4510",
            why="clients of these would see documents come and go",
            remedy="move these aliases first",
        )


def refuse_unnumbered(address: str, *both: Index) -> None:
    """Without sequence numbers nobody can tell what was written since."""
    for one in both:
        if one.body.unnumbered:
            raise Refused(
                f"{address}: nobody can tell what clients have written to {one.name}",
                code="ESP-4503",
                why=f"it has no sequence numbers ({UNNUMBERED})",
                remedy="put the old definition into the desired file, and plan that",
            )
