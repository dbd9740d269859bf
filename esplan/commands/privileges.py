"""`esplan privileges`: desired files, or a plan → the roles that the commands need; offline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import privileges as rules
from esplan.errors import UsageError
from esplan.model import State

if TYPE_CHECKING:
    from esplan.plan import Plan
    from esplan.privileges import Name, Role


def privileges(
    state: State, only: Name | None = None, *, plan: Plan | None = None, oracle: bool = False
) -> tuple[Role, ...]:
    """The roles for plan and apply, or one of them. `oracle`: for plan --oracle cluster, too."""
    roles = rules.roles(state, plan=plan, oracle=oracle)
    return tuple(role for role in roles if only in (None, role.name))


def of_plan(plan: Plan, only: Name | None = None) -> tuple[Role, ...]:
    """The role that carries out this plan, whatever command made it."""
    if only == "plan":
        raise UsageError(
            "the role for plan is made from desired files: a plan knows only what it changes",
            code="ESP-1002",
            remedy="give -d PATH, too, or --role apply",
        )
    return rules.roles(State(), plan=plan)[1:]
