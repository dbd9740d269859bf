"""Which outcomes are known: from these an apply takes back, from all others it stops (exit 3).

The table of all of them is in docs/architecture.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan.errors import EsplanError, OutcomeUnknown, ServerError, StepFailed

if TYPE_CHECKING:
    from esplan.plan import Step

FAULTS = frozenset(
    {
        "array_index_out_of_bounds_exception",
        "class_cast_exception",
        "general_script_exception",
        "illegal_argument_exception",
        "illegal_state_exception",
        "index_out_of_bounds_exception",
        "null_pointer_exception",
        "number_format_exception",
        "script_exception",
        "unsupported_operation_exception",
    }
)
"""Types of an HTTP 500 with which the server refuses what it was asked for, and not for a time.

`_aliases` that would give an alias two write indices is one (`illegal_state_exception`).
"""

SERVER = 500
"""HTTP's number; 502 to 504 say that the server is not there now."""


def is_fault(error: EsplanError) -> bool:
    """The server has answered, and would answer the same again."""
    return isinstance(error, ServerError) and error.status == SERVER and error.type in FAULTS


def without_effect(step: Step) -> OutcomeUnknown:
    """An answer is not enough: the effect must be there."""
    return OutcomeUnknown(
        f"step {step.id} ({step.description}) was acknowledged, but its effect is not there",
        code="ESP-5003",
        why="something else changes the same objects at this moment",
    )


def after_all_attempts(trouble: EsplanError, step: Step) -> EsplanError:
    """What it is when the last attempt is over and its effect is not there."""
    refusal = getattr(trouble, "refusal", None)
    if refusal is not None and is_fault(refusal):
        known: ServerError = refusal
        return known
    if trouble.code == "ESP-5003":
        return StepFailed(
            f"step {step.id} ({step.description}) was acknowledged each time, "
            "but its effect was never there",
            code="ESP-5009",
            why="something else keeps changing the same objects",
            remedy="find out what it is (a lifecycle policy, another tool), stop it, "
            "and apply the plan again",
        )
    return trouble
