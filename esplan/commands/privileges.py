"""`esplan privileges`: desired files → the roles that plan and apply need; offline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esplan import privileges as rules

if TYPE_CHECKING:
    from esplan.desired import Desired
    from esplan.plan import Plan
    from esplan.privileges import Name, Role


def privileges(
    desired: Desired, only: Name | None = None, *, plan: Plan | None = None, oracle: bool = False
) -> tuple[Role, ...]:
    """Both roles, or one of them. `oracle`: for plans that are made with --oracle cluster."""
    roles = rules.roles(desired.state, plan=plan, oracle=oracle)
    return tuple(role for role in roles if only in (None, role.name))
