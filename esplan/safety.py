"""What a plan needs before apply carries it out, beside somebody's approval.

The plan is always shown. `needs` of the plan says what apply will ask for, and apply works it out
again from the changes, so that a plan made by hand or by an older esplan is held to the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.errors import Refused, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esplan.codes import Code
    from esplan.model import JSON
    from esplan.plan import Change, Plan, Step

FEW = 10
"""With fewer objects in a plan a reviewer sees each of them."""

PART = 0.3
"""The part of the objects above which a change or deletion may be a mistake of a whole folder."""

MANY, UNPROTECT, DISCARD = "many", "unprotect", "discard"

HARMLESS = ("no-op", "create")


def many(changes: Sequence[Change], few: int = FEW, part: float = PART) -> tuple[JSON, ...]:
    """The need of `--allow-many`, where more than 30 % of at least 10 objects change or go.

    An environment may be stricter: so many objects (`few`), or another `part` of them.
    """
    touched = sum(change.action not in HARMLESS for change in changes)
    if len(changes) < few or touched <= part * len(changes):
        return ()
    why = (
        f"it changes or deletes {touched} of {len(changes)} objects, which is more than {part:.0%}"
    )
    return ({"consent": MANY, "why": why},)


def needs(plan: Plan) -> tuple[JSON, ...]:
    """What the plan says that it needs, and what its changes say."""
    said = any(need["consent"] == MANY for need in plan.needs)
    return plan.needs if said else (*plan.needs, *many(plan.changes))


def require(plan: Plan, *, allow_many: bool = False) -> None:
    """Raise Refused where the plan needs what was not given."""
    missing = [n for n in needs(plan) if not (n["consent"] == MANY and allow_many)]
    consents = {need["consent"] for need in missing}
    if not missing:
        return
    raise Refused(
        "the plan is not carried out: " + "; ".join(need["why"] for need in missing),
        code=next((code for one, code in CODES.items() if one in consents), "ESP-4012"),
        where=", ".join(sorted({need["address"] for need in missing if "address" in need})),
        remedy="; ".join(REMEDIES.get(one, NEWER.format(one)) for one in sorted(consents)),
    )


REMEDIES = {
    MANY: "review the plan; if it is right, apply it with --allow-many",
    UNPROTECT: "if it may go: set protect: false in the desired file, and make a new plan",
    DISCARD: "if these documents may go: make the plan with --allow-discard for each of these "
    "aliases; or remove data: discard from the desired file, and they are copied",
}

CODES: dict[str, Code] = {UNPROTECT: "ESP-4010", DISCARD: "ESP-4011", MANY: "ESP-4009"}
"""The gravest first: an error has one code."""

NEWER = "the plan needs the consent {!r}: apply it with the esplan that made it"


def refuse_unused(allow_delete: Sequence[str], steps: Sequence[Step]) -> None:
    """A consent that nothing needs is a mistake: most likely a misspelt name."""
    deletes = [step for step in steps if step.kind == "delete_index"]
    used = {step.address for step in deletes}
    used |= {f"index.{step.arguments['index']}" for step in deletes}
    unused = [address for address in allow_delete if address not in used]
    if unused:
        raise UsageError(
            f"--allow-delete {', '.join(unused)}: this plan would delete no such index",
            code="ESP-1005",
            remedy="name an alias that moves to another index (alias.NAME), "
            "or the index that it leaves (index.NAME)",
        )
